// The set commands through the engine: replies of both protocol versions, events, effects.

import Testing

@testable import Engine

@Suite struct SetCommandTests {
    @Test func membersComeAndGo() {
        let test = TestEngine()
        #expect(test.run(line: "SADD s 1 2 3 2") == ":3")
        #expect(test.encoding("s") == "intset")
        #expect(test.run(line: "SADD s a") == ":1")
        #expect(test.encoding("s") == "hashtable")
        #expect(test.run(line: "SADD s a 1") == ":0")
        #expect(test.run(line: "SCARD s") == ":4")
        #expect(test.run(line: "SISMEMBER s 2") == ":1")
        #expect(test.run(line: "SISMEMBER s 02") == ":0")
        #expect(test.run(line: "SMISMEMBER s 1 x a") == "[:1 :0 :1]")
        #expect(test.run(line: "SMISMEMBER none 1 x") == "[:0 :0]")
        #expect(test.run(line: "SREM s 1 x a") == ":2")
        #expect(test.effects() == ["SADD s 1 2 3 2", "SADD s a", "SREM s 1 x a"])
        _ = test.events()
        #expect(test.run(line: "SREM s 2 3") == ":2")
        #expect(test.events() == ["srem s", "del s"])
        #expect(test.run(line: "EXISTS s") == ":0")
        test.run(line: "SET str x")
        #expect(test.run(line: "SADD str a").hasPrefix("-WRONGTYPE"))
        #expect(test.run(line: "SMEMBERS str").hasPrefix("-WRONGTYPE"))
    }

    @Test func moving() {
        let test = TestEngine()
        test.run(line: "SADD a 1 2")
        test.run(line: "SADD b 2")
        test.run(line: "SET str x")
        _ = test.events()
        _ = test.effects()
        #expect(test.run(line: "SMOVE a b 9") == ":0")
        #expect(test.run(line: "SMOVE a a 1") == ":1")
        #expect(test.run(line: "SMOVE none str 1") == ":0")
        #expect(test.run(line: "SMOVE a str 1").hasPrefix("-WRONGTYPE"))
        #expect(test.effects() == [])
        #expect(test.run(line: "SMOVE a b 2") == ":1")
        #expect(test.effects() == ["SREM a 2"])
        #expect(test.events() == ["srem a"])
        #expect(test.run(line: "SMOVE a c 1") == ":1")
        #expect(test.effects() == ["MULTI", "SREM a 1", "SADD c 1", "EXEC"])
        #expect(test.events() == ["srem a", "del a", "sadd c"])
    }

    @Test func algebra() {
        let test = TestEngine(resp: 3)
        test.run(line: "SADD a 1 2 3")
        test.run(line: "SADD b 2 3 4")
        _ = test.events()
        _ = test.effects()
        #expect(test.run(line: "SINTER a b") == "~[2 3]")
        #expect(test.run(line: "SINTER a none") == "~[]")
        #expect(test.run(line: "SDIFF a b none") == "~[1]")
        #expect(test.run(line: "SDIFF a a") == "~[]")
        #expect(test.run(line: "SUNION a b a") == "~[1 2 3 4]")
        #expect(test.run(line: "SINTERCARD 2 a b") == ":2")
        #expect(test.run(line: "SINTERCARD 2 a b LIMIT 1") == ":1")
        #expect(test.run(line: "SINTERCARD 2 a b LIMIT 0") == ":2")
        #expect(test.run(line: "SINTERCARD 0 a") == "-ERR numkeys should be greater than 0")
        #expect(
            test.run(line: "SINTERCARD 3 a b")
                == "-ERR Number of keys can't be greater than number of args")
        #expect(test.run(line: "SINTERCARD 1 a LIMIT -1") == "-ERR LIMIT can't be negative")
        #expect(test.effects() == [])

        // The destination is one of the sources.
        #expect(test.run(line: "SUNIONSTORE a a b") == ":4")
        #expect(test.effects() == ["MULTI", "DEL a", "SADD a 1 2 3 4", "EXEC"])
        #expect(test.events() == ["sunionstore a"])
        #expect(test.run(line: "SINTERSTORE d a b") == ":3")
        #expect(test.effects() == ["SADD d 2 3 4"])
        #expect(test.run(line: "SDIFFSTORE d b a") == ":0")
        #expect(test.effects() == ["DEL d"])
        #expect(test.events() == ["sinterstore d", "del d"])
        #expect(test.run(line: "SDIFFSTORE d b a") == ":0")
        #expect(test.effects() == [])
        // Whatever was there goes, its expiry with it.
        test.run(line: "SET str x EX 100")
        #expect(test.run(line: "SUNIONSTORE str b") == ":3")
        #expect(test.run(line: "TTL str") == ":-1")
    }

    @Test func popping() {
        let test = TestEngine(resp: 3)
        test.run(line: "SADD s a b c d e f g h i j")
        _ = test.events()
        _ = test.effects()
        #expect(test.run(line: "SPOP s 0") == "~[]")
        #expect(
            test.run(line: "SPOP s -1") == "-ERR value is out of range, must be positive")
        let popped = test.run(line: "SPOP s 3")
        let names = popped.dropFirst(2).dropLast()
        #expect(test.effects() == ["SREM s \(names)"])
        #expect(test.run(line: "SCARD s") == ":7")
        let single = test.run(line: "SPOP s")
        #expect(test.effects() == ["SREM s \(single)"])
        #expect(test.events() == ["spop s", "spop s"])
        test.run(line: "SPOP s 6")
        #expect(test.effects() == ["DEL s"])
        #expect(test.events() == ["spop s", "del s"])
        #expect(test.run(line: "SPOP s") == "nil")
        #expect(test.run(line: "SPOP s 2") == "~[]")
        #expect(test.run(line: "SPOP s 1 2") == "-ERR syntax error")
    }

    @Test func randomMembers() {
        let test = TestEngine()
        #expect(test.run(line: "SRANDMEMBER s") == "nil")
        #expect(test.run(line: "SRANDMEMBER s 3") == "[]")
        test.run(line: "SADD s 5")
        #expect(test.run(line: "SRANDMEMBER s") == "5")
        #expect(test.run(line: "SRANDMEMBER s 3") == "[5]")
        #expect(test.run(line: "SRANDMEMBER s -3") == "[5 5 5]")
        #expect(
            test.run(line: "SRANDMEMBER s -9223372036854775808").hasPrefix(
                "-ERR value is out of range, value must between"))
        // More than any reply may hold, but not more than the server can bear.
        #expect(test.run(line: "SRANDMEMBER s x") == "-ERR value is not an integer or out of range")
    }

    @Test func largeResultsAreLoggedInPieces() {
        let test = TestEngine()
        for start in stride(from: 0, to: 2500, by: 500) {
            test.run(
                line: "SADD s " + (start..<start + 500).map { "m\($0)" }.joined(separator: " "))
        }
        _ = test.effects()
        #expect(test.run(line: "SUNIONSTORE d s") == ":2500")
        let effects = test.effects()
        #expect(effects.map { $0.split(separator: " ").count } == [1, 1026, 1026, 454, 1])
        let logged = effects.dropFirst().dropLast().flatMap {
            $0.split(separator: " ").dropFirst(2)
        }
        #expect(Set(logged).count == 2500)
    }

    @Test func scanning() {
        let test = TestEngine()
        #expect(test.run(line: "SSCAN none 0") == "[0 []]")
        #expect(test.run(line: "SSCAN none x") == "-ERR invalid cursor")
        test.run(line: "SADD s 1 12 3")
        #expect(test.run(line: "SSCAN s 0 MATCH 1*") == "[0 [1 12]]")
        #expect(test.run(line: "SSCAN s 0 COUNT 0") == "-ERR syntax error")
    }
}
