import Glibc
import Testing

@testable import Engine

/// Fields past their time during CLIENT PAUSE: not seen, and not removed.
@Suite(.serialized) struct PausedFieldTests {
    /// An engine whose clock stands still; as a listpack and as a table.
    private func forBothForms(_ body: (TestEngine, ManualTime) -> Void) {
        for entriesMax in [512, 0] {
            let time = ManualTime()
            body(TestEngine(clock: Clock(time)) { $0.hashListpackEntriesMax = entriesMax }, time)
        }
    }

    @Test func areHiddenFromReaders() {
        forBothForms { test, time in
            for line in [
                "HSET h:1 a 1 b 2 c 3", "HPEXPIRE h:1 10 FIELDS 1 a",
                "HPEXPIRE h:1 11 FIELDS 1 b", "HSET g x 1", "HPEXPIRE g 10 FIELDS 1 x",
                "RPUSH list 1", "CLIENT PAUSE 100000 WRITE",
            ] { test.run(line: line) }
            _ = test.effects()
            time.advance(us: 20_000)
            for (request, reply) in [
                ("HGET h:1 a", "nil"), ("HMGET h:1 a b c", "[nil nil 3]"),
                ("HGETALL h:1", "[c 3]"), ("HKEYS h:1", "[c]"), ("HVALS h:1", "[3]"),
                ("HLEN h:1", ":1"), ("HSTRLEN h:1 b", ":0"), ("HSTRLEN h:1 c", ":1"),
                ("HEXISTS h:1 b", ":0"), ("HEXISTS h:1 c", ":1"), ("HSCAN h:1 0", "[0 [c 3]]"),
                ("HRANDFIELD h:1", "c"), ("HRANDFIELD h:1 5", "[c]"),
                ("HRANDFIELD h:1 -3 WITHVALUES", "[c 3 c 3 c 3]"),
                ("HTTL h:1 FIELDS 3 a b c", "[:-2 :-2 :-1]"),
                ("SORT list BY nosort GET h:*->a GET h:*->c", "[nil 3]"),
                ("EXISTS g", ":0"), ("TYPE g", "+none"), ("HLEN g", ":0"), ("HGETALL g", "[]"),
                ("OBJECT ENCODING g", "nil"), ("SCAN 0 TYPE hash", "[0 [h:1]]"),
            ] {
                #expect(test.run(line: request) == reply, "\(request)")
            }
            test.engine.advanceClock()
            #expect(!test.engine.expireDue(limit: 16))
            #expect(test.effects() == [])
            #expect(test.engine.stats.expiredFields == 0)
            #expect(test.run(line: "DBSIZE") == ":3")
            // The transaction that began the pause goes on writing.
            #expect(test.run(line: "HSETNX h:1 a 5") == ":1")
            #expect(test.effects() == ["MULTI", "HDEL h:1 a b", "HSETNX h:1 a 5", "EXEC"])
            #expect(test.run(line: "HLEN h:1") == ":2")
            #expect(test.run(line: "HSET g y 1") == ":1")
            #expect(test.effects() == ["MULTI", "HDEL g x", "HSET g y 1", "EXEC"])
            #expect(test.run(line: "HPEXPIRE h:1 10 FIELDS 1 c") == "[:1]")
            _ = test.effects()
            time.advance(us: 20_000)
            #expect(test.run(line: "HKEYS h:1") == "[a]")
            test.run(line: "CLIENT UNPAUSE")
            #expect(test.run(line: "HKEYS h:1") == "[a]")
            #expect(test.effects() == ["HDEL h:1 c"])
        }
    }

    /// Counts, walks and draws agree on a hash of which most is hidden.
    @Test func ofLargeHashes() {
        let time = ManualTime()
        let test = TestEngine(clock: Clock(time)) { $0.hashListpackEntriesMax = 0 }
        func fields(_ range: Range<Int>) -> String {
            range.map { "f\($0) \($0)" }.joined(separator: " ")
        }
        test.run(line: "HSET h \(fields(0..<100))")
        test.run(line: "HSETEX h EX 100 FIELDS 100 \(fields(100..<200))")
        test.run(line: "HSETEX h PX 10 FIELDS 800 \(fields(200..<1000))")
        test.run(line: "CLIENT PAUSE 100000 WRITE")
        time.advance(us: 20_000)
        let live = Set((0..<200).map { "f\($0)" })
        func asked(_ words: String...) -> Reply { test.send(words.map { Array($0.utf8) }) }
        #expect(test.run(line: "HLEN h") == ":200")
        let keys = asked("HKEYS", "h").items.map(\.description)
        #expect(Set(keys) == live && keys.count == 200)
        for wanted in [1, 10, 66, 150, 199, 200, 500] {
            let drawn = asked("HRANDFIELD", "h", "\(wanted)").items.map(\.description)
            #expect(drawn.count == min(wanted, 200))
            #expect(Set(drawn).count == drawn.count && live.isSuperset(of: drawn))
        }
        let drawn = asked("HRANDFIELD", "h", "-2000").items.map(\.description)
        #expect(drawn.count == 2000 && live.isSuperset(of: drawn))
        #expect(Set(drawn).count > 150)
        var seen: Set<String> = []
        var cursor = "0"
        repeat {
            let reply = asked("HSCAN", "h", cursor, "COUNT", "7", "NOVALUES").items
            cursor = reply[0].description
            seen.formUnion(reply[1].items.map(\.description))
        } while cursor != "0"
        #expect(seen == live)
        #expect(test.engine.stats.expiredFields == 0)
    }

    /// A cold hash that is met during a pause goes back to where it came from.
    @Test func ofColdHashes() throws {
        let durable = try DurableEngine()
        defer { durable.close(checkpointMsMax: 0) }
        durable.stopMaintenance()
        durable.run("HSETEX", "gone", "PX", "30", "FIELDS", "1", "a", "1")
        durable.run("HSETEX", "h", "PX", "30", "FIELDS", "1", "a", "1")
        durable.run("HSET", "h", "b", "2")
        durable.run("TIER", "SPILL", "h", "gone")
        #expect(durable.wait { $0.databases[0].table.count == 0 })
        durable.run("CLIENT", "PAUSE", "100000", "WRITE")
        usleep(50_000)
        for _ in 0..<3 {
            #expect(durable.run("HGETALL", "gone") == "[]")
            #expect(durable.run("HGETALL", "h") == "[b 2]")
        }
        #expect(durable.run("DBSIZE") == ":2")
        #expect(durable.engine.stats.expiredFields == 0)
        durable.run("CLIENT", "UNPAUSE")
        #expect(durable.run("HGETALL", "gone") == "[]")
        #expect(durable.run("HGETALL", "h") == "[b 2]")
        #expect(durable.run("DBSIZE") == ":1")
        #expect(durable.engine.stats.expiredFields == 2)
    }
}
