import Testing

@testable import Engine

@Suite(.serialized) struct ListCommandTests {
    /// Requests with the replies of redis-server 7.0.15.
    @Test func repliesAsRedis() {
        let test = TestEngine()
        let wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
        let positive = "-ERR value is out of range, must be positive"
        let integer = "-ERR value is not an integer or out of range"
        let script: [(String, String)] = [
            ("RPUSH l a b c", ":3"), ("LPUSH l 0 -1", ":5"), ("LRANGE l 0 -1", "[-1 0 a b c]"),
            ("LPUSHX none x", ":0"), ("RPUSHX none x", ":0"), ("RPUSHX l d e", ":7"),
            ("LLEN l", ":7"), ("LLEN none", ":0"), ("LINDEX l 0", "-1"), ("LINDEX l -1", "e"),
            ("LINDEX l 7", "nil"), ("LINDEX l -8", "nil"), ("LINDEX none x", "nil"),
            ("LINDEX l x", integer), ("LRANGE l x 0", integer), ("LRANGE none 0 -1", "[]"),
            ("LRANGE l 5 1", "[]"), ("LRANGE l -100 1", "[-1 0]"), ("LRANGE l 5 100", "[d e]"),
            ("LRANGE l -9223372036854775808 9223372036854775807", "[-1 0 a b c d e]"),
            ("LRANGE l 9223372036854775807 -9223372036854775808", "[]"),
            ("LSET l 0 first", "+OK"), ("LSET l -1 last", "+OK"),
            ("LSET l 7 x", "-ERR index out of range"), ("LSET l x x", integer),
            ("LSET none x x", "-ERR no such key"), ("LRANGE l 0 -1", "[first 0 a b c d last]"),
            ("LINSERT l BEFORE a x", ":8"), ("LINSERT l after a x", ":9"),
            ("LINSERT l AFTER none x", ":-1"), ("LINSERT none AFTER a x", ":0"),
            ("LINSERT l beside a x", "-ERR syntax error"),
            ("LRANGE l 0 -1", "[first 0 x a x b c d last]"), ("LREM l 1 x", ":1"),
            ("LREM l -5 x", ":1"), ("LREM l 0 x", ":0"), ("LREM none 0 x", ":0"),
            ("LREM l y x", integer),
            ("LREM l -9223372036854775808 x", ":0"),
            ("LTRIM l 1 -2", "+OK"), ("LRANGE l 0 -1", "[0 a b c d]"), ("LTRIM none 0 1", "+OK"),
            ("LTRIM l x 1", integer), ("LPOP l", "0"), ("RPOP l", "d"), ("LPOP none", "nil"),
            ("LPOP none 1", "nil[]"), ("LPOP none 0", "nil[]"), ("LPOP l 0", "[]"),
            ("LPOP l -1", positive), ("LPOP l x", positive),
            ("LPOP l 1 2", "-ERR wrong number of arguments for 'lpop' command"),
            ("RPOP l 1 2", "-ERR wrong number of arguments for 'rpop' command"),
            ("RPOP l 2", "[c b]"), ("LPOP l 9223372036854775807", "[a]"), ("LLEN l", ":0"),
            ("RPUSH l a b c", ":3"), ("RPUSH m 1", ":1"), ("RPOPLPUSH l m", "c"),
            ("RPOPLPUSH none m", "nil"), ("LMOVE l m LEFT RIGHT", "a"),
            ("LRANGE m 0 -1", "[c 1 a]"),
            ("LMOVE m m LEFT RIGHT", "c"), ("LMOVE m m right right", "c"),
            ("RPOPLPUSH m m", "c"), ("LRANGE m 0 -1", "[c 1 a]"), ("LMOVE l fresh LEFT LEFT", "b"),
            ("LLEN l", ":0"), ("LRANGE fresh 0 -1", "[b]"), ("LMOVE fresh fresh LEFT RIGHT", "b"),
            ("LRANGE fresh 0 -1", "[b]"), ("LMOVE m m up RIGHT", "-ERR syntax error"),
            ("LMPOP 2 none m LEFT", "[m [c]]"), ("LMPOP 1 m RIGHT COUNT 10", "[m [a 1]]"),
            ("LMPOP 2 none m LEFT", "nil[]"), ("LLEN m", ":0"),
            ("LMPOP 0 a LEFT", "-ERR numkeys should be greater than 0"),
            ("LMPOP x a LEFT", "-ERR numkeys should be greater than 0"),
            ("LMPOP 9223372036854775807 a LEFT", "-ERR syntax error"),
            ("LMPOP 2 a LEFT", "-ERR syntax error"), ("LMPOP 1 a UP", "-ERR syntax error"),
            ("LMPOP 1 a LEFT COUNT 0", "-ERR count should be greater than 0"),
            ("LMPOP 1 a LEFT COUNT", "-ERR syntax error"),
            ("LMPOP 1 a LEFT COUNT 1 COUNT 1", "-ERR syntax error"),
            ("RPUSH p a b c 1 2 3 c c", ":8"), ("LPOS p c", ":2"), ("LPOS p x", "nil"),
            ("LPOS p c RANK 2", ":6"), ("LPOS p c RANK -1", ":7"),
            ("LPOS p c COUNT 0", "[:2 :6 :7]"),
            ("LPOS p c COUNT 2 RANK -1", "[:7 :6]"), ("LPOS p c RANK 4", "nil"),
            ("LPOS p c COUNT 0 RANK 2", "[:6 :7]"), ("LPOS p c COUNT 0 MAXLEN 3", "[:2]"),
            ("LPOS p c MAXLEN 2", "nil"), ("LPOS p c COUNT 1 MAXLEN 2", "[]"),
            ("LPOS p c COUNT 0 MAXLEN 3 RANK -1", "[:7 :6]"),
            ("LPOS none c", "nil"), ("LPOS none c COUNT 1", "[]"),
            ("LPOS p c COUNT -1", "-ERR COUNT can't be negative"),
            ("LPOS p c MAXLEN -1", "-ERR MAXLEN can't be negative"),
            (
                "LPOS p c RANK 0",
                "-ERR RANK can't be zero: use 1 to start from the first match, 2 from the second "
                    + "... or use negative to start from the end of the list"
            ),
            ("LPOS p c RANK", "-ERR syntax error"), ("LPOS p c FOO 1", "-ERR syntax error"),
            ("HSET h a 1", ":1"), ("RPUSH h x", wrongType), ("LPOP h", wrongType),
            ("LPOP h 1", wrongType), ("LPOS h x", wrongType), ("LMOVE p h LEFT LEFT", wrongType),
            ("LMOVE h p LEFT LEFT", wrongType), ("LMOVE none h LEFT LEFT", "nil"),
            ("LMPOP 2 none h LEFT", wrongType), ("LPUSHX h x", wrongType), ("LLEN p", ":8"),
        ]
        for (request, reply) in script {
            #expect(test.run(line: request) == reply, "\(request)")
        }
        let three = TestEngine(resp: 3)
        #expect(three.run(line: "LPOP none 1") == "nil")
        #expect(three.run(line: "LMPOP 1 none LEFT") == "nil")
    }

    @Test func announcesAndLogs() {
        let test = TestEngine()
        _ = test.events()
        let script: [(String, [String], [String])] = [
            ("LPUSH l a", ["lpush l"], ["LPUSH l a"]),
            ("RPUSHX l b c", ["rpush l"], ["RPUSHX l b c"]),
            ("LPUSHX none b", [], []),
            ("LINSERT l BEFORE a x", ["linsert l"], ["LINSERT l BEFORE a x"]),
            ("LINSERT l BEFORE z x", [], []),
            ("LSET l 0 y", ["lset l"], ["LSET l 0 y"]),
            ("LREM l 0 none", [], []),
            ("LREM l 0 y", ["lrem l"], ["LREM l 0 y"]),
            ("LTRIM l 0 -1", ["ltrim l"], []),
            ("LTRIM l 1 -1", ["ltrim l"], ["LTRIM l 1 -1"]),
            (
                "LMOVE l m LEFT RIGHT", ["rpush m", "lpop l"],
                ["MULTI", "RPUSH m b", "LPOP l", "EXEC"]
            ),
            (
                "RPOPLPUSH l m", ["lpush m", "rpop l", "del l"],
                ["MULTI", "LPUSH m c", "RPOP l", "EXEC"]
            ),
            ("RPOPLPUSH m m", ["lpush m", "rpop m"], ["MULTI", "LPUSH m b", "RPOP m", "EXEC"]),
            ("LMPOP 2 l m LEFT COUNT 1", ["lpop m"], ["LPOP m 1"]),
            ("LPOP m 5", ["lpop m", "del m"], ["LPOP m 5"]),
            ("RPUSH l a", ["rpush l"], ["RPUSH l a"]),
            ("RPOP l", ["rpop l", "del l"], ["RPOP l"]),
            ("RPUSH l a", ["rpush l"], ["RPUSH l a"]),
            ("LTRIM l 1 0", ["ltrim l", "del l"], ["LTRIM l 1 0"]),
            ("LPOP l", [], []),
        ]
        for (request, events, effects) in script {
            test.run(line: request)
            #expect(test.events() == events, "\(request)")
            #expect(test.effects() == effects, "\(request)")
        }
    }

    /// Random requests beside arrays, for several node sizes; then the effects are replayed.
    @Test(arguments: [-2, -1, 1, 3, 64]) func behavesAsAnArray(_ fill: Int) {
        let seed = UInt64.random(in: 0...(.max))
        print("ListCommandTests.behavesAsAnArray \(fill): seed \(seed)")
        var random = TestRandom(seed)
        let test = TestEngine { $0.listListpackSizeMax = fill }
        var model: [String: [String]] = [:]
        for _ in 0..<3000 {
            let (request, expected) = step(&random, &model)
            #expect(test.run(line: request) == expected, "\(request)")
        }
        let replay = TestEngine()
        for effect in test.effects() { replay.run(line: effect) }
        for key in ["k0", "k1", "k2"] {
            let all = "[" + (model[key] ?? []).joined(separator: " ") + "]"
            #expect(test.run(line: "LRANGE \(key) 0 -1") == all)
            #expect(replay.run(line: "LRANGE \(key) 0 -1") == all)
        }
    }

    /// One request and the reply that an array of strings would give.
    private func step(
        _ random: inout TestRandom, _ model: inout [String: [String]]
    ) -> (String, String) {
        let key = "k\(random.below(3))"
        var list = model[key] ?? []
        let element =
            random.below(200) == 0
            ? String(repeating: "L", count: 9000)
            : (random.below(2) == 0 ? "\(random.below(30))" : "e\(random.below(30))")
        let request: String
        let reply: String
        switch random.below(13) {
        case 0, 1:
            request = "LPUSH \(key) \(element) \(element)x"
            list.insert(element, at: 0)
            list.insert(element + "x", at: 0)
            reply = ":\(list.count)"
        case 2, 3, 4:
            request = "RPUSH \(key) \(element) \(element)y z"
            list.append(contentsOf: [element, element + "y", "z"])
            reply = ":\(list.count)"
        case 5:
            request = "LPOP \(key)"
            reply = list.isEmpty ? "nil" : list.removeFirst()
        case 6:
            let count = random.below(4)
            request = "RPOP \(key) \(count)"
            let popped = list.suffix(count).reversed().map { $0 }
            reply = list.isEmpty ? "nil[]" : "[" + popped.joined(separator: " ") + "]"
            list.removeLast(popped.count)
        case 7:
            let index = random.below(40) - 20
            request = "LSET \(key) \(index) \(element)"
            let at = index < 0 ? index + list.count : index
            if list.isEmpty {
                reply = "-ERR no such key"
            } else if list.indices.contains(at) {
                list[at] = element
                reply = "+OK"
            } else {
                reply = "-ERR index out of range"
            }
        case 8:
            let isAfter = random.below(2) == 0
            request = "LINSERT \(key) \(isAfter ? "AFTER" : "BEFORE") z \(element)"
            if let at = list.firstIndex(of: "z") {
                list.insert(element, at: isAfter ? at + 1 : at)
                reply = ":\(list.count)"
            } else {
                reply = list.isEmpty ? ":0" : ":-1"
            }
        case 9:
            let count = random.below(7) - 3
            request = "LREM \(key) \(count) \(element)"
            var left = count == 0 ? Int.max : abs(count)
            var removed = 0
            let order = count < 0 ? Array(list.indices.reversed()) : Array(list.indices)
            let gone = Set(
                order.filter { at in
                    guard left > 0, list[at] == element else { return false }
                    left -= 1
                    removed += 1
                    return true
                })
            list = list.indices.filter { !gone.contains($0) }.map { list[$0] }
            reply = ":\(removed)"
        case 10 where random.below(6) == 0:
            let (start, stop) = (random.below(20), -random.below(20))
            request = "LTRIM \(key) \(start) \(stop)"
            let last = stop == 0 ? 0 : list.count + stop
            list = list.indices.filter { $0 >= start && $0 <= last }.map { list[$0] }
            reply = "+OK"
        case 11:
            let (start, stop) = (random.below(80) - 40, random.below(80) - 40)
            request = "LRANGE \(key) \(start) \(stop)"
            let first = start < 0 ? start + list.count : start
            let last = stop < 0 ? stop + list.count : stop
            let part = list.indices.filter { $0 >= first && $0 <= last }.map { list[$0] }
            reply = "[" + part.joined(separator: " ") + "]"
        default:
            let other = "k\(random.below(3))"
            let (from, to) = (random.below(2) == 0, random.below(2) == 0)
            request = "LMOVE \(key) \(other) \(from ? "LEFT" : "RIGHT") \(to ? "LEFT" : "RIGHT")"
            if list.isEmpty { return (request, "nil") }
            let moved = from ? list.removeFirst() : list.removeLast()
            model[key] = list
            model[other, default: []].insert(moved, at: to ? 0 : model[other]?.count ?? 0)
            return (request, moved)
        }
        model[key] = list
        return (request, reply)
    }
}
