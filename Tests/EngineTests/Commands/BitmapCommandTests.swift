// Bitmaps, HyperLogLogs and places: what they announce and log, and that the log, replayed,
// gives the same keyspace.

import Testing

@testable import Engine

@Suite struct BitmapCommandTests {
    private func effects(_ line: String, after setup: [String] = []) -> [String] {
        let test = TestEngine()
        for line in setup { test.run(line: line) }
        _ = test.effects()
        test.run(line: line)
        return test.effects()
    }

    @Test func bitsAreLoggedWhenTheyChange() {
        #expect(effects("SETBIT a 7 1") == ["SETBIT a 7 1"])
        #expect(effects("SETBIT a 7 0") == ["SETBIT a 7 0"])
        #expect(effects("SETBIT a 7 0", after: ["SETBIT a 6 1"]) == [])
        #expect(effects("BITFIELD a GET u8 0") == [])
        #expect(effects("BITFIELD a SET u8 0 5") == ["BITFIELD a SET u8 0 5"])
        #expect(effects("BITFIELD a SET u8 0 5", after: ["BITFIELD a SET u8 0 5"]) == [])
        // The key is new, though no operation succeeded.
        #expect(
            effects("BITFIELD a OVERFLOW FAIL INCRBY u2 0 9")
                == ["BITFIELD a OVERFLOW FAIL INCRBY u2 0 9"])
        #expect(effects("BITOP OR d a b", after: ["SET a A", "SET b b"]) == ["SET d c"])
        #expect(effects("BITOP OR d a", after: ["SET d x"]) == ["DEL d"])
        #expect(effects("BITOP OR d a") == [])
    }

    @Test func hyperLogLogsAreLoggedAsTheyBecome() {
        #expect(effects("PFADD h a b") == ["PFADD h a b"])
        #expect(effects("PFADD h a", after: ["PFADD h a"]) == [])
        #expect(effects("PFCOUNT h", after: ["PFADD h a"])[0].hasPrefix("SETRANGE h 8 "))
        #expect(effects("PFCOUNT h", after: ["PFADD h a", "PFCOUNT h"]) == [])
        #expect(effects("PFCOUNT h h", after: ["PFADD h a"]) == [])
        #expect(effects("PFMERGE m h", after: ["PFADD h a"])[0].hasPrefix("SET m HYLL"))
        #expect(effects("PFDEBUG TODENSE h", after: ["PFADD h a"])[0].hasPrefix("SET h HYLL"))
        #expect(effects("PFDEBUG ENCODING h", after: ["PFADD h a"]) == [])
        // Turning dense is not left to the replay, whose limit may be another.
        let words = (0..<2000).map(String.init).joined(separator: " ")
        #expect(effects("PFADD h " + words)[0].hasPrefix("SET h HYLL"))
    }

    @Test func placesAreLoggedAsScores() {
        let setup = ["GEOADD g 13.361389 38.115556 a 15.087269 37.502669 b"]
        #expect(effects("GEOADD g 13.361389 38.115556 a") == ["ZADD g 3479099956230698 a"])
        #expect(
            effects("GEOADD g XX CH 13.361389 38.2 a", after: setup)
                == ["ZADD g XX CH 3479101030759983 a"])
        #expect(effects("GEOADD g 13.361389 38.115556 a", after: setup) == [])
        let search = "GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1 km"
        #expect(effects(search, after: setup) == ["ZADD d 3479099956230698 a"])
        #expect(
            effects(search, after: setup + ["SET d x"])
                == ["MULTI", "DEL d", "ZADD d 3479099956230698 a", "EXEC"])
        #expect(effects("GEORADIUS g 1 1 1 m STORE g", after: setup) == ["DEL g"])
    }

    @Test func eventsAreThoseOfRedis() {
        let test = TestEngine()
        _ = test.events()
        func events(_ line: String) -> [String] {
            test.run(line: line)
            return test.events().filter { !$0.hasPrefix("new") && !$0.hasPrefix("keymiss") }
        }
        #expect(events("SETBIT a 3 1") == ["setbit a"])
        #expect(events("SETBIT a 3 1") == [])
        #expect(events("SETBIT a 40 0") == ["setbit a"])
        #expect(events("BITFIELD b OVERFLOW FAIL INCRBY u2 0 10") == [])
        #expect(events("BITFIELD b SET u8 0 5") == ["setbit b"])
        #expect(events("BITFIELD b SET u8 0 5 GET u8 0") == [])
        #expect(events("BITOP OR x a b") == ["set x"])
        #expect(events("BITOP OR x none") == ["del x"])
        #expect(events("PFADD h") == ["pfadd h"])
        #expect(events("PFADD h a") == ["pfadd h"])
        #expect(events("PFADD h a") == [])
        #expect(events("PFCOUNT h") == [])
        #expect(events("PFMERGE h2 h") == ["pfadd h2"])
        #expect(events("PFDEBUG TODENSE h") == [])
        #expect(events("GEOADD g 1 1 a") == ["zadd g"])
        #expect(events("GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1 m") == ["geosearchstore d"])
        #expect(events("GEORADIUS g 1 1 1 km STORE d") == ["georadiusstore d"])
        #expect(events("GEORADIUS g 9 1 1 km STORE d") == ["del d"])
    }

    /// The count that PFCOUNT keeps is a change that watchers see.
    @Test func countingTouchesWatchers() {
        let test = TestEngine()
        test.run(line: "PFADD h a")
        let other = test.makeClient()
        for (line, outcome) in [("PFCOUNT h", "nil[]"), ("PFCOUNT h", "[+PONG]")] {
            test.run(line: "WATCH h")
            test.run(line: line, other)
            test.run(line: "MULTI")
            test.run(line: "PING")
            #expect(test.run(line: "EXEC") == outcome)
        }
    }

    /// A damaged HyperLogLog keeps what came before the damage was met; so does the log.
    @Test func damageMidway() {
        let test = TestEngine { $0.enableDebugCommand = .yes }
        let replayed = TestEngine(seed: 2) { $0.enableDebugCommand = .yes }
        test.run(line: "PFADD h a b c")
        // Without its last run, which is one of zeros in two bytes.
        let bytes = test.send(["GET", "h"].map { Array($0.utf8) }).bytes!
        test.send([Array("SET".utf8), Array("h".utf8), bytes.dropLast(2)])
        let reply = test.run(line: "PFADD h " + (0..<200).map(String.init).joined(separator: " "))
        #expect(reply == "-INVALIDOBJ Corrupted HLL object detected")
        let after = test.send(["GET", "h"].map { Array($0.utf8) }).bytes!
        #expect(after.count > bytes.count)
        replayed.replay(test.rawEffects())
        let digest = test.run("DEBUG", "DIGEST")
        #expect(digest.utf8.count == 41)
        #expect(replayed.run("DEBUG", "DIGEST") == digest)
    }

    /// Random commands, then the digest of what their effects give elsewhere.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func replayGivesTheSameDigest(seed: UInt64) {
        print("seed \(seed)")
        var random = TestRandom(seed)
        let original = TestEngine(seed: seed) { $0.enableDebugCommand = .yes }
        let replayed = TestEngine(seed: seed + 100) {
            $0.enableDebugCommand = .yes
            // Of no account while replaying.
            $0.hllSparseBytesMax = 40
        }
        replayed.engine.isReplaying = true
        func key(_ kind: String) -> String { "\(kind)\(random.below(3))" }
        func number(_ bound: Int) -> String { "\(random.below(bound))" }
        func place() -> [String] {
            ["\(random.below(360) - 180).\(random.below(1000))", "\(random.below(170) - 85)"]
        }
        for round in 0..<2000 {
            let words: [String] = [
                ["SETBIT", key("s"), number(400), number(2)],
                ["BITOP", ["AND", "OR", "XOR"][random.below(3)], key("s"), key("s"), key("s")],
                ["BITOP", "NOT", key("s"), key("s")],
                [
                    "BITFIELD", key("s"), "OVERFLOW", ["SAT", "FAIL", "WRAP"][random.below(3)],
                    "INCRBY", "u\(1 + random.below(63))", number(300), number(1000), "SET", "i7",
                    "#\(random.below(30))", number(100),
                ],
                ["SET", key("s"), number(100_000)], ["EXPIRE", key("s"), "100000"],
                ["PFADD", key("p")]
                    + (0..<random.below(random.below(9) == 0 ? 400 : 8)).map { _ in number(100_000)
                    },
                ["PFMERGE", key("p"), key("p"), key("p")], ["PFCOUNT", key("p")],
                ["PFDEBUG", "GETREG", key("p")], ["DEL", key("p")],
                ["GEOADD", key("g")] + place() + [number(50)],
                ["GEORADIUS", key("g")] + place() + ["2000", "km", "STOREDIST", key("d")],
                [
                    "GEOSEARCHSTORE", key("g"), key("g"), "FROMMEMBER", number(50), "BYBOX",
                    "8000", "9000", "km", "COUNT", "40",
                ],
            ][random.below(14)]
            original.send(words.map { Array($0.utf8) })
            replayed.replay(original.rawEffects())
            guard round % 20 == 19 else { continue }
            let digest = original.run("DEBUG", "DIGEST")
            #expect(digest.utf8.count == 41)
            #expect(replayed.run("DEBUG", "DIGEST") == digest)
        }
    }
}
