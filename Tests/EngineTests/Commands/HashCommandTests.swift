import Testing

@testable import Engine

@Suite(.serialized) struct HashCommandTests {
    /// Requests with the replies of redis-server 7.0.15.
    @Test func repliesAsRedis() {
        let test = TestEngine()
        let script: [(String, String)] = [
            ("HSET h a 1 b 2 a 3", ":2"), ("HGET h a", "3"), ("HGET h x", "nil"),
            ("HGET none x", "nil"),
            ("HSET h a", "-ERR wrong number of arguments for 'hset' command"),
            ("HSET h a 1 b", "-ERR wrong number of arguments for 'hset' command"),
            ("HMSET h a 1 b", "-ERR wrong number of arguments for 'hmset' command"),
            ("HMSET h c 7", "+OK"), ("HMGET h a x c", "[3 nil 7]"), ("HMGET none a b", "[nil nil]"),
            ("HGETALL h", "[a 3 b 2 c 7]"), ("HGETALL none", "[]"), ("HKEYS h", "[a b c]"),
            ("HVALS h", "[3 2 7]"), ("HKEYS none", "[]"), ("HLEN h", ":3"), ("HLEN none", ":0"),
            ("HSTRLEN h a", ":1"), ("HSTRLEN h x", ":0"), ("HSTRLEN none x", ":0"),
            ("HEXISTS h a", ":1"), ("HEXISTS h x", ":0"), ("HSETNX h a 9", ":0"),
            ("HSETNX h d 9", ":1"), ("HSETNX n d 9", ":1"), ("HDEL n d", ":1"), ("HLEN n", ":0"),
            ("HDEL h a x b a", ":2"), ("HDEL none a", ":0"), ("HGETALL h", "[c 7 d 9]"),
            ("HINCRBY h c 5", ":12"), ("HINCRBY h new -5", ":-5"),
            ("HINCRBY h c x", "-ERR value is not an integer or out of range"),
            ("HINCRBY h c 9223372036854775807", "-ERR increment or decrement would overflow"),
            ("HSET h t text", ":1"), ("HINCRBY h t 1", "-ERR hash value is not an integer"),
            ("HINCRBYFLOAT h t 1", "-ERR hash value is not a float"),
            ("HINCRBYFLOAT h f 10.5", "10.5"), ("HINCRBYFLOAT h f 0.1", "10.6"),
            ("HINCRBYFLOAT h f -5.6", "5"), ("HINCRBYFLOAT h f 5.0e3", "5005"),
            ("HINCRBYFLOAT h f x", "-ERR value is not a valid float"),
            ("HINCRBYFLOAT h f inf", "-ERR value is NaN or Infinity"),
            ("HINCRBYFLOAT fresh f inf", "-ERR value is NaN or Infinity"), ("HLEN fresh", ":0"),
            ("HINCRBY fresh f x", "-ERR value is not an integer or out of range"),
            ("HSCAN none 0 nonsense", "[0 []]"), ("HSCAN h 0 nonsense", "-ERR syntax error"),
            ("HSCAN h x", "-ERR invalid cursor"), ("HSCAN h 0 COUNT 0", "-ERR syntax error"),
            ("HSCAN h 0 COUNT x", "-ERR value is not an integer or out of range"),
            ("HSCAN h 0 MATCH c*", "[0 [c 12]]"),
            ("HSCAN h 0 COUNT 1 MATCH ?", "[0 [c 12 d 9 t text f 5005]]"),
            ("HSCAN h 99999999999999999999", "-ERR invalid cursor"),
            ("HRANDFIELD none", "nil"), ("HRANDFIELD none 3", "[]"), ("HRANDFIELD h 0", "[]"),
            ("HRANDFIELD h x", "-ERR value is not an integer or out of range"),
            ("HRANDFIELD h 1 foo", "-ERR syntax error"),
            ("HRANDFIELD h 1 WITHVALUES x", "-ERR syntax error"),
            (
                "HRANDFIELD h -9223372036854775808",
                "-ERR value is out of range, value must between -9223372036854775807 and "
                    + "9223372036854775807"
            ),
            ("HRANDFIELD h 9223372036854775807 WITHVALUES", "-ERR value is out of range"),
            ("HRANDFIELD h 10", "[c d new t f]"),
            ("RPUSH list x", ":1"),
            ("HGET list x", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("HSET list x y", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("HSCAN list 0", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ]
        for (request, reply) in script {
            #expect(test.run(line: request) == reply, "\(request)")
        }
    }

    @Test func resp3Shapes() {
        let test = TestEngine(resp: 3)
        test.run(line: "HSET h a 1")
        #expect(test.run(line: "HGETALL h") == "{a 1}")
        #expect(test.run(line: "HGETALL none") == "{}")
        #expect(test.run(line: "HRANDFIELD h 2 WITHVALUES") == "[[a 1]]")
        #expect(test.run(line: "HRANDFIELD h -2 WITHVALUES") == "[[a 1] [a 1]]")
        #expect(test.run(line: "HRANDFIELD h -2") == "[a a]")
        #expect(test.run(line: "HRANDFIELD none 2 WITHVALUES") == "[]")
        #expect(test.run(line: "HSCAN h 0") == "[0 [a 1]]")
        #expect(test.run(line: "HINCRBYFLOAT h a 0.5") == "1.5")
        let old = TestEngine()
        old.run(line: "HSET h a 1")
        #expect(old.run(line: "HRANDFIELD h -2 WITHVALUES") == "[a 1 a 1]")
    }

    @Test func announcesAndLogs() {
        let test = TestEngine()
        _ = test.events()
        let script: [(String, [String], [String])] = [
            ("HSET h a 1 b 2", ["hset h"], ["HSET h a 1 b 2"]),
            ("HMSET h c 3", ["hset h"], ["HMSET h c 3"]),
            ("HSETNX h c 4", [], []),
            ("HSETNX h d 4", ["hset h"], ["HSETNX h d 4"]),
            ("HINCRBY h d 1", ["hincrby h"], ["HINCRBY h d 1"]),
            ("HINCRBY h d x", [], []),
            ("HINCRBYFLOAT h d 0.5", ["hincrbyfloat h"], ["HSET h d 5.5"]),
            ("HDEL h x", [], []),
            ("HDEL h x a", ["hdel h"], ["HDEL h x a"]),
            ("HGETALL h", [], []),
            ("HDEL h b c d", ["hdel h", "del h"], ["HDEL h b c d"]),
        ]
        for (request, events, effects) in script {
            test.run(line: request)
            #expect(test.events() == events, "\(request)")
            #expect(test.effects() == effects, "\(request)")
        }
    }

    @Test func largeHashesScanToTheEnd() {
        let test = TestEngine { $0.hashListpackEntriesMax = 4 }
        for index in 0..<500 { test.run(line: "HSET h f\(index) \(index)") }
        #expect(test.encoding("h") == "hashtable")
        var seen: Set<String> = []
        var cursor = "0"
        repeat {
            let reply = test.send(["HSCAN", "h", cursor, "COUNT", "7"].map { Array($0.utf8) })
            cursor = reply.items[0].description
            for item in reply.items[1].items { seen.insert(item.description) }
        } while cursor != "0"
        #expect(seen.count == 1000)
        #expect(test.run(line: "HSCAN h 9007199254740992") == "[0 []]")
        let all = test.send(["HGETALL", "h"].map { Array($0.utf8) }).items
        #expect(all.count == 1000)
        for wanted in [1, 100, 300, 499, 500, 600] {
            let fields = test.send(["HRANDFIELD", "h", "\(wanted)"].map { Array($0.utf8) }).items
            #expect(Set(fields.map(\.description)).count == Swift.min(wanted, 500))
            #expect(fields.count == Swift.min(wanted, 500))
        }
    }

    /// NOVALUES, of Redis 7.4, is for hashes alone.
    @Test func scansFieldsWithoutValues() {
        let refused = "-ERR NOVALUES option can only be used in HSCAN"
        for entriesMax in [512, 0] {
            let test = TestEngine { $0.hashListpackEntriesMax = entriesMax }
            for line in ["HSET h a 1", "HSET i f1 x", "SADD s a", "ZADD z 1 a"] {
                test.run(line: line)
            }
            for (request, reply) in [
                ("HSCAN h 0 NOVALUES", "[0 [a]]"), ("HSCAN h 0 novalues COUNT 5", "[0 [a]]"),
                ("HSCAN h 0 MATCH b* NOVALUES", "[0 []]"), ("HSCAN h 0", "[0 [a 1]]"),
                ("HSCAN i 0 MATCH f* NOVALUES COUNT 1", "[0 [f1]]"),
                ("HSCAN h 0 NOVALUES x", "-ERR syntax error"),
                ("HSCAN h 0 COUNT", "-ERR syntax error"), ("HSCAN none 0 NOVALUES", "[0 []]"),
                ("SCAN 0 NOVALUES", refused), ("SCAN 0 COUNT 5 NOVALUES", refused),
                ("SSCAN s 0 NOVALUES", refused), ("ZSCAN z 0 NOVALUES COUNT 5", refused),
                ("ZSCAN none 0 NOVALUES", "[0 []]"),
            ] {
                #expect(test.run(line: request) == reply, "\(request)")
            }
        }
    }

    /// The same random requests on small limits, large limits and a replay of the effects.
    @Test func randomRequestsAgreeAcrossEncodingsAndReplay() {
        let seed = UInt64.random(in: 0...(.max))
        print("HashCommandTests.randomRequests: seed \(seed)")
        var random = TestRandom(seed)
        let packed = TestEngine { $0.hashListpackEntriesMax = 100_000 }
        let table = TestEngine { $0.hashListpackEntriesMax = 2 }
        func sorted(_ test: TestEngine, _ key: String) -> [String] {
            let items = test.send(["HGETALL", key].map { Array($0.utf8) }).items.map(\.description)
            return stride(from: 0, to: items.count, by: 2).map { items[$0] + "=" + items[$0 + 1] }
                .sorted()
        }
        for _ in 0..<3000 {
            let key = "k\(random.below(3))"
            let field = "f\(random.below(12))"
            let request =
                switch random.below(8) {
                case 0: "HSET \(key) \(field) \(random.below(100)) f\(random.below(12)) x"
                case 1: "HSETNX \(key) \(field) \(random.below(100))"
                case 2: "HINCRBY \(key) \(field) \(random.below(100) - 50)"
                case 3: "HINCRBYFLOAT \(key) \(field) \(Double(random.below(1000)) / 8)"
                case 4: "HDEL \(key) \(field) f\(random.below(12)) f\(random.below(12))"
                case 5: "HDEL \(key) " + (0..<9).map { "f\($0)" }.joined(separator: " ")
                case 6: "HMGET \(key) \(field) f\(random.below(12))"
                default: "HSTRLEN \(key) \(field)"
                }
            #expect(packed.run(line: request) == table.run(line: request), "\(request)")
        }
        let replay = TestEngine()
        for effect in packed.effects() { replay.run(line: effect) }
        for key in ["k0", "k1", "k2"] {
            #expect(sorted(packed, key) == sorted(table, key))
            #expect(sorted(packed, key) == sorted(replay, key))
        }
    }
}
