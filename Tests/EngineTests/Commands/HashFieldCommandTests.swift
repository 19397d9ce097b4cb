// The commands on fields' expiry. Debian's redis-server is 7.0 and does not have them; replies,
// errors, events and effects are those of Redis 7.4 and 8.0, by their documentation, their own
// tests and what their sources do.

import Testing

@testable import Engine

@Suite(.serialized) struct HashFieldCommandTests {
    private static let wrongType =
        "-WRONGTYPE Operation against a key holding the wrong kind of value"

    private func expect(
        _ test: TestEngine, _ script: [(String, String)], _ remark: String = ""
    ) {
        for (request, reply) in script {
            #expect(test.run(line: request) == reply, "\(request) \(remark)")
        }
    }

    /// An engine at 1 700 000 000 s, whose clock stands still; as a listpack and as a table.
    private func forBothForms(_ body: (TestEngine, ManualTime) -> Void) {
        for entriesMax in [512, 0] {
            let time = ManualTime()
            body(TestEngine(clock: Clock(time)) { $0.hashListpackEntriesMax = entriesMax }, time)
        }
    }

    @Test func setsAndShowsTimes() {
        forBothForms { test, _ in
            expect(
                test,
                [
                    ("HSET h a 1 b 2 c 3", ":3"),
                    ("HTTL h FIELDS 2 a x", "[:-1 :-2]"),
                    ("HEXPIRE h 10 FIELDS 2 a x", "[:1 :-2]"),
                    ("HPEXPIRE h 1001 FIELDS 1 b", "[:1]"),
                    ("HTTL h FIELDS 4 a b c x", "[:10 :2 :-1 :-2]"),
                    ("HPTTL h FIELDS 3 a b c", "[:10000 :1001 :-1]"),
                    ("HEXPIRETIME h FIELDS 2 a b", "[:1700000010 :1700000002]"),
                    ("HPEXPIRETIME h FIELDS 2 a b", "[:1700000010000 :1700000001001]"),
                    ("HEXPIREAT h 1700000100 FIELDS 1 c", "[:1]"),
                    ("HPEXPIREAT h 1700000200000 FIELDS 1 c", "[:1]"),
                    ("HPTTL h FIELDS 1 c", "[:200000]"),
                    ("HLEN h", ":3"), ("TTL h", ":-1"),
                    ("HPERSIST h FIELDS 3 a a x", "[:1 :-1 :-2]"),
                    ("HTTL h FIELDS 2 a b", "[:-1 :2]"),
                    // Already past: the field goes at once.
                    ("HEXPIRE h 0 FIELDS 2 a a", "[:2 :-2]"),
                    ("HPEXPIREAT h 1700000000000 FIELDS 1 b", "[:2]"),
                    ("HPEXPIREAT h 1 FIELDS 1 c", "[:2]"), ("EXISTS h", ":0"),
                    ("HTTL none FIELDS 2 a b", "[:-2 :-2]"),
                    ("HEXPIRE none 10 FIELDS 2 a b", "[:-2 :-2]"),
                    ("HPERSIST none FIELDS 1 a", "[:-2]"),
                ])
        }
    }

    @Test func conditions() {
        forBothForms { test, _ in
            expect(
                test,
                [
                    ("HSET h a 1 b 2", ":2"),
                    ("HEXPIRE h 100 XX FIELDS 1 a", "[:0]"),
                    ("HEXPIRE h 100 GT FIELDS 1 a", "[:0]"),
                    ("HEXPIRE h 100 NX FIELDS 2 a x", "[:1 :-2]"),
                    ("HEXPIRE h 200 NX FIELDS 2 a b", "[:0 :1]"),
                    ("HEXPIRE h 100 gt FIELDS 1 a", "[:0]"),
                    ("HEXPIRE h 101 GT FIELDS 1 a", "[:1]"),
                    ("HEXPIRE h 101 LT FIELDS 1 a", "[:0]"),
                    ("HEXPIRE h 50 LT FIELDS 1 a", "[:1]"),
                    ("HEXPIRE h 60 XX FIELDS 1 a", "[:1]"),
                    ("HTTL h FIELDS 2 a b", "[:60 :200]"),
                    // Without an expiry, as with an infinite one.
                    ("HPERSIST h FIELDS 1 a", "[:1]"), ("HEXPIRE h 70 LT FIELDS 1 a", "[:1]"),
                    ("HEXPIRE h 0 GT FIELDS 1 a", "[:0]"), ("HEXPIRE h 0 LT FIELDS 1 a", "[:2]"),
                ])
        }
    }

    private static let missing =
        "-ERR Mandatory argument FIELDS is missing or not at the right position"
    private static let mismatch =
        "-ERR The `numfields` parameter must match the number of arguments"
    private static let badNumber = "-ERR Number of fields must be a positive integer"
    private static let notAnInteger = "-ERR value is not an integer or out of range"

    @Test func errorsOfTimesAndFields() {
        let test = TestEngine(clock: Clock(ManualTime()))
        let badCount = "-ERR Parameter `numFields` should be greater than 0"
        let negative = "-ERR invalid expire time, must be >= 0"
        func invalid(_ name: String) -> String { "-ERR invalid expire time in '\(name)' command" }
        test.run(line: "SET s x")
        expect(
            test,
            [
                ("HEXPIRE h 1 FIELDS 1", "-ERR wrong number of arguments for 'hexpire' command"),
                ("HEXPIRE h x FIELDS 1 a", Self.notAnInteger),
                ("HEXPIRE h -1 FIELDS 1 a", negative),
                ("HEXPIRE h 70368744178 FIELDS 1 a", invalid("hexpire")),
                ("HEXPIRE h 9223372036854775807 FIELDS 1 a", invalid("hexpire")),
                ("HPEXPIRE h 70368744177663 FIELDS 1 a", invalid("hpexpire")),
                ("HPEXPIREAT h 70368744177664 FIELDS 1 a", invalid("hpexpireat")),
                ("HPEXPIREAT h 70368744177663 FIELDS 1 a", "[:-2]"),
                ("HEXPIREAT h 70368744178 FIELDS 1 a", invalid("hexpireat")),
                ("HEXPIRE h 10 FIELD 1 a", Self.missing),
                ("HEXPIRE h 10 NX XX FIELDS 1 a", Self.missing),
                ("HEXPIRE h 10 FIELDS 0 a", badCount), ("HEXPIRE h 10 FIELDS -1 a", badCount),
                ("HEXPIRE h 10 FIELDS x a", badCount),
                ("HEXPIRE h 10 FIELDS 9223372036854775808 a", badCount),
                ("HEXPIRE h 10 FIELDS 2 a", Self.mismatch),
                ("HEXPIRE h 10 FIELDS 1 a b", Self.mismatch),
                ("HEXPIRE h 10 NX FIELDS 1", Self.mismatch),
                ("HEXPIRE s x FIELDS 1 a", Self.wrongType),
                ("HTTL h FIELDS 1", "-ERR wrong number of arguments for 'httl' command"),
                ("HTTL h FIELD 1 a", Self.missing), ("HTTL h FIELDS 0 a", Self.badNumber),
                ("HTTL h FIELDS 2 a", Self.mismatch), ("HTTL s FIELDS 2 a", Self.wrongType),
                ("HPTTL h FIELDS x a", Self.badNumber), ("HEXPIRETIME h 1 FIELDS a", Self.missing),
                ("HPERSIST h FIELDS 9 a", Self.mismatch), ("HPERSIST s FIELDS 1 a", Self.wrongType),
                ("HGETDEL h FIELD 1 a", Self.missing), ("HGETDEL h FIELDS 0 a", Self.badNumber),
                ("HGETDEL h FIELDS 2 a", Self.mismatch), ("HGETDEL s FIELDS 1 a", Self.wrongType),
                ("HGETEX h FIELDS 1", "-ERR wrong number of arguments for 'hgetex' command"),
                ("HGETEX h XFIELDX 1 a", Self.missing), ("HGETEX h PXAT 1 1", Self.missing),
                ("HGETEX h PERSIST 1 FIELDS 1 a", Self.missing),
                ("HGETEX h EX 10 FIELDS", Self.badNumber),
                ("HGETEX h FIELDS 2 a", Self.mismatch), ("HGETEX h FIELDS -1 a", Self.badNumber),
                ("HGETEX h EX bla FIELDS 1 a", Self.notAnInteger),
                ("HGETEX h PX -1 FIELDS 1 a", negative),
                ("HGETEX h EX 281474976710656 FIELDS 1 a", invalid("hgetex")),
                ("HGETEX s EX x FIELDS 1 a", Self.wrongType),
            ])
    }

    @Test func errorsOfHSETEX() {
        let test = TestEngine(clock: Clock(ManualTime()))
        let arity = "-ERR wrong number of arguments for 'hsetex' command"
        let oneTime =
            "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified"
        let oneCondition = "-ERR Only one of FXX or FNX arguments can be specified"
        let number = "-ERR invalid number of fields"
        test.run(line: "SET s x")
        expect(
            test,
            [
                ("HSETEX h FIELDS 1", arity), ("HSETEX h FIELDS 2 a b", arity),
                ("HSETEX h FIELDS 2 a b c", arity), ("HSETEX h FIELDS 1 a b unknown", arity),
                ("HSETEX h FIELDS 1 a b c d", arity),
                ("HSETEX h EX 10 FNX KEEP", "-ERR unknown argument: KEEP"),
                ("HSETEX h NX FIELDS 1 a b", "-ERR unknown argument: NX"),
                ("HSETEX h 1 FIELDS 1 a b", "-ERR unknown argument: 1"),
                ("HSETEX h FXX FNX FIELDS 1 a b", oneCondition),
                ("HSETEX h FNX FNX FIELDS 1 a b", oneCondition),
                ("HSETEX h EX 100 PX 1000 FIELDS 1 a b", oneTime),
                ("HSETEX h KEEPTTL EX 100 FIELDS 1 a b", oneTime),
                ("HSETEX h KEEPTTL KEEPTTL FIELDS 1 a b", oneTime),
                ("HSETEX h PXAT 100 PXAT 100 FIELDS 1 a b", oneTime),
                ("HSETEX h EX FIELDS 1 a b", Self.notAnInteger),
                ("HSETEX h FXX FNX a b EX", oneCondition),
                ("HSETEX h KEEPTTL FXX a EX", "-ERR unknown argument: a"),
                ("HSETEX h FXX KEEPTTL FXX EX", oneCondition),
                ("HSETEX h PX 10 FXX EX", oneTime),
                ("HSETEX h EXAT -1 1 a b", "-ERR invalid expire time, must be >= 0"),
                (
                    "HSETEX h EXAT 281474976710656 1 a b",
                    "-ERR invalid expire time in 'hsetex' command"
                ),
                ("HSETEX h FIELDS x a b", number), ("HSETEX h FIELDS 0 a b", number),
                ("HSETEX h FIELDS 2147483648 a b", number),
                ("HSETEX s FIELDS 1 a b", Self.wrongType), ("EXISTS h", ":0"),
            ])
    }

    @Test func getsAndSetsWithTimes() {
        forBothForms { test, _ in
            expect(
                test,
                [
                    ("HSETEX h FXX FIELDS 2 a 1 b 2", ":0"), ("EXISTS h", ":0"),
                    ("HSETEX h FNX FIELDS 1 a 1", ":1"), ("HSETEX h FNX FIELDS 2 a 2 b 2", ":0"),
                    ("HGETALL h", "[a 1]"), ("HSETEX h FXX FIELDS 2 a 2 b 2", ":0"),
                    ("HSETEX h EX 100 FNX FIELDS 1 b 2", ":1"),
                    ("HTTL h FIELDS 2 a b", "[:-1 :100]"),
                    ("HSETEX h KEEPTTL FIELDS 3 a 5 b 6 c 7", ":1"),
                    ("HTTL h FIELDS 3 a b c", "[:-1 :100 :-1]"),
                    ("HMGET h a b c", "[5 6 7]"),
                    ("HSETEX h FXX PXAT 1700000009000 FIELDS 1 a 8", ":1"),
                    ("HPTTL h FIELDS 1 a", "[:9000]"),
                    ("HSETEX h FIELDS 1 b 9", ":1"), ("HTTL h FIELDS 1 b", "[:-1]"),
                    ("HGETEX h FIELDS 2 b x", "[9 nil]"), ("HGETEX none FIELDS 1 a", "[nil]"),
                    ("HGETEX h EX 50 FIELDS 2 b x", "[9 nil]"), ("HTTL h FIELDS 1 b", "[:50]"),
                    ("HGETEX h PERSIST FIELDS 2 b c", "[9 7]"), ("HTTL h FIELDS 1 b", "[:-1]"),
                    ("HGETEX h PX 0 FIELDS 2 c c", "[7 nil]"), ("HEXISTS h c", ":0"),
                    ("HGETDEL h FIELDS 3 a x a", "[8 nil nil]"), ("HGETALL h", "[b 9]"),
                    ("HGETDEL h FIELDS 2 b b", "[9 nil]"), ("EXISTS h", ":0"),
                    ("HGETDEL h FIELDS 1 b", "[nil]"),
                    // Set and gone at once.
                    ("HSETEX h PX 0 FIELDS 1 a 1", ":1"), ("EXISTS h", ":0"),
                    ("HSET h a 1 b 2", ":2"), ("HSETEX h EXAT 5 FIELDS 2 a 3 c 4", ":1"),
                    ("HGETALL h", "[b 2]"), ("HSETEX h EXAT 5 FIELDS 1 b 4", ":1"),
                    ("EXISTS h", ":0"),
                ])
        }
    }

    @Test func otherCommandsAndTimes() {
        forBothForms { test, _ in
            expect(
                test,
                [
                    ("HSETEX h EX 100 FIELDS 4 a 1 b 2 c 3 d 4", ":1"),
                    ("HSET h a 5", ":0"), ("HINCRBY h b 2", ":4"), ("HINCRBYFLOAT h c 0.5", "3.5"),
                    ("HSETNX h d 9", ":0"), ("HSETNX h e 9", ":1"), ("HMSET h e 8", "+OK"),
                    ("HTTL h FIELDS 5 a b c d e", "[:-1 :100 :100 :100 :-1]"),
                    ("HDEL h d", ":1"), ("HSET h d 4", ":1"), ("HTTL h FIELDS 1 d", "[:-1]"),
                    ("RENAME h i", "+OK"), ("HTTL i FIELDS 2 b e", "[:100 :-1]"),
                    ("COPY i j", ":1"), ("HPERSIST i FIELDS 1 b", "[:1]"),
                    ("HTTL j FIELDS 2 b c", "[:100 :100]"), ("MOVE j 3", ":1"),
                    ("SELECT 3", "+OK"), ("HTTL j FIELDS 1 b", "[:100]"),
                    ("HEXPIRE j 0 FIELDS 5 a b c d e", "[:2 :2 :2 :2 :2]"), ("DBSIZE", ":0"),
                ])
        }
    }

    @Test func encodings() {
        let test = TestEngine(clock: Clock(ManualTime())) { $0.hashListpackEntriesMax = 3 }
        test.run(line: "HSET h a 1 b 2")
        #expect(test.encoding("h") == "listpack")
        test.run(line: "HEXPIRE h 10 FIELDS 1 x")
        #expect(test.encoding("h") == "listpack")
        test.run(line: "HEXPIRE h 10 FIELDS 1 b")
        #expect(test.encoding("h") == "listpackex")
        #expect(test.run("HGETALL", "h") == "[b 2 a 1]")
        test.run(line: "HPERSIST h FIELDS 1 b")
        #expect(test.encoding("h") == "listpack")
        test.run(line: "HGETEX h EX 10 FIELDS 1 b")
        test.run(line: "HSET h c 1 d 2")
        #expect(test.encoding("h") == "hashtable")
        #expect(test.run("HTTL", "h", "FIELDS", "2", "a", "b") == "[:-1 :10]")
        test.run(line: "HSETEX g EX 10 FIELDS 1 a \(String(repeating: "x", count: 65))")
        #expect(test.encoding("g") == "hashtable")
        #expect(Int(test.run("MEMORY", "USAGE", "g").dropFirst())! > 100)
    }

    // MARK: Time

    /// No command sees a field past its time, whichever it is, and whether or not it was removed.
    @Test func expiredFieldsAreInvisible() {
        let asked = [
            ("HGET h a", "nil"), ("HMGET h a b", "[nil 2]"), ("HGETALL h", "[b 2]"),
            ("HKEYS h", "[b]"), ("HVALS h", "[2]"), ("HLEN h", ":1"), ("HEXISTS h a", ":0"),
            ("HSTRLEN h a", ":0"), ("HSCAN h 0", "[0 [b 2]]"), ("HRANDFIELD h 5", "[b]"),
            ("HTTL h FIELDS 1 a", "[:-2]"), ("HDEL h a", ":0"), ("HSETNX h a 9", ":1"),
            ("HINCRBY h a 1", ":1"), ("HINCRBYFLOAT h a 1.5", "1.5"), ("HSET h a 1", ":1"),
            ("HPERSIST h FIELDS 1 a", "[:-2]"), ("HEXPIRE h 9 FIELDS 1 a", "[:-2]"),
            ("HGETEX h FIELDS 1 a", "[nil]"), ("HGETDEL h FIELDS 1 a", "[nil]"),
            ("HSETEX h FXX FIELDS 1 a 1", ":0"), ("HSETEX h FNX FIELDS 1 a 1", ":1"),
            ("SORT l BY nosort GET *->a GET *->b", "[nil 2]"),
            ("HSETEX h KEEPTTL FIELDS 1 a 1", ":1"),
        ]
        for entriesMax in [512, 0] {
            for (request, reply) in asked {
                let time = ManualTime()
                let test = TestEngine(clock: Clock(time)) { $0.hashListpackEntriesMax = entriesMax }
                test.run(line: "RPUSH l g")
                for key in ["h", "g"] {
                    test.run(line: "HSET \(key) b 2")
                    test.run(line: "HSETEX \(key) PX 100 FIELDS 1 a 1")
                }
                time.advance(us: 100_000)
                #expect(test.run("HGET", "h", "a") == "1", "not past its time yet")
                time.advance(us: 1000)
                #expect(test.run(line: request) == reply, "\(request)")
            }
        }
    }

    /// The hash is gone with its last field, for every command.
    @Test func theLastFieldTakesTheKey() {
        forBothForms { test, time in
            for (request, reply) in [
                ("EXISTS h", ":0"), ("TYPE h", "+none"), ("HLEN h", ":0"), ("DEL h", ":0"),
                ("HSET h b 2", ":1"), ("SET h x", "+OK"), ("DUMP h", "nil"), ("TTL h", ":-2"),
                ("RENAME h i", "-ERR no such key"), ("COPY h i", ":0"),
                ("OBJECT ENCODING h", "nil"), ("KEYS *", "[]"), ("SCAN 0", "[0 []]"),
                ("RANDOMKEY", "nil"),
            ] {
                test.run(line: "FLUSHALL")
                test.run(line: "HSETEX h PX 100 FIELDS 2 a 1 b 2")
                time.advance(us: 101_000)
                #expect(test.run(line: request) == reply, "\(request)")
                // Walks change nothing.
                test.run(line: "EXISTS h")
                #expect(test.engine.databases[0].fieldExpiries.count == 0)
            }
        }
    }

    @Test func keysAndFieldsBothExpire() {
        forBothForms { test, time in
            // The key first.
            test.run(line: "HSETEX h EX 10 FIELDS 1 a 1")
            test.run(line: "PEXPIRE h 500")
            time.advance(us: 501_000)
            #expect(test.run("EXISTS", "h") == ":0")
            #expect(test.engine.stats.expiredKeys == 1)
            // The field first.
            test.run(line: "HSET h b 2")
            test.run(line: "HSETEX h PX 500 FIELDS 1 a 1")
            test.run(line: "EXPIRE h 10")
            time.advance(us: 501_000)
            #expect(test.run("HGETALL", "h") == "[b 2]")
            #expect(test.run("TTL", "h") == ":9")
            time.advance(us: 10_000_000)
            #expect(test.run("EXISTS", "h") == ":0")
            #expect(test.engine.databases[0].fieldExpiries.count == 0)
            #expect(test.engine.databases[0].expiries.count == 0)
        }
    }

    /// What is due goes although nobody asks, in slices.
    @Test func activeExpiry() {
        forBothForms { test, time in
            for index in 0..<40 {
                test.run(line: "HSETEX h PX \(10 + index % 3) FIELDS 1 f\(index) v")
                test.run(line: "HSETEX h\(index) PX 10 FIELDS 2 a 1 b 2")
            }
            test.run(line: "HSET h stays 1")
            let engine = test.engine
            time.advance(us: 5000)
            engine.advanceClock()
            #expect(!engine.expireDue(limit: 16))
            #expect(engine.stats.expiredFields == 0)
            time.advance(us: 1_000_000)
            engine.advanceClock()
            #expect(engine.expireDue(limit: 16))
            #expect(16...17 ~= engine.stats.expiredFields)
            while engine.expireDue(limit: 16) {}
            #expect(engine.stats.expiredFields == 120)
            #expect(engine.databases[0].fieldExpiries.count == 0)
            #expect(engine.databases[0].keyCount == 1)
            #expect(test.run("HGETALL", "h") == "[stays 1]")
            #expect(
                test.encoding("h")
                    == (engine.configuration.hashListpackEntriesMax == 0
                        ? "hashtable" : "listpack"))
            engine.expiresActively = false
            test.run(line: "HSETEX h PX 1 FIELDS 1 a 1")
            time.advance(us: 5000)
            engine.advanceClock()
            #expect(!engine.expireDue(limit: 16))
            #expect(engine.databases[0].fieldExpiries.count == 1)
        }
    }

    /// A large hash of which all is due goes in one piece.
    @Test func aLargeHashGoesAtOnce() {
        let time = ManualTime()
        let test = TestEngine(clock: Clock(time))
        for index in 0..<1000 { test.run(line: "HSETEX h PX 10 FIELDS 1 f\(index) v") }
        _ = test.effects()
        time.advance(us: 20_000)
        #expect(test.run("HLEN", "h") == ":0")
        #expect(test.effects() == ["DEL h"])
        #expect(test.engine.stats.expiredFields == 1000)
        #expect(test.engine.lazyFree.pendingCount == 1)
    }
}
