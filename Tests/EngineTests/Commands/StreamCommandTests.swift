import Testing

@testable import Engine

/// What stream commands log and announce, and that the log leads to the same stream.
@Suite(.serialized) struct StreamCommandTests {
    private func number(_ text: String) -> String {
        text.split(separator: " ").map { $0.count == 13 ? "MS" : String($0) }
            .joined(separator: " ")
    }

    private func effects(_ test: TestEngine) -> [String] { test.effects().map(number) }

    @Test func logsWhatItCameTo() {
        let test = TestEngine { $0.streamNodeEntriesMax = 2 }
        let id = test.run("XADD", "s", "*", "a", "1")
        #expect(test.effects() == ["XADD s \(id) a 1"])
        test.run(line: "DEL s")
        for line in ["XADD s 1-* a 1", "XADD s NOMKSTREAM 1-* a 2", "XADD s MAXLEN 5 2 a 3"] {
            test.run(line: line)
        }
        #expect(test.effects() == ["DEL s", "XADD s 1-0 a 1", "XADD s 1-1 a 2", "XADD s 2-0 a 3"])
        test.run(line: "XADD s MAXLEN ~ 1 LIMIT 2 3-0 a 4")
        test.run(line: "XADD s MINID = 3 4-0 a 5")
        #expect(
            test.effects()
                == ["XADD s MAXLEN = 2 3-0 a 4", "XADD s MINID = 3-0 4-0 a 5"])
        for id in 5...9 { test.run(line: "XADD s \(id) a b") }
        _ = test.effects()
        test.run(line: "XTRIM s MAXLEN ~ 3")
        test.run(line: "XTRIM s MINID ~ 8")
        test.run(line: "XTRIM s MINID ~ 8")
        test.run(line: "XTRIM s MAXLEN 1")
        #expect(
            test.effects()
                == ["XTRIM s MAXLEN = 4", "XTRIM s MINID = 8-0", "XTRIM s MAXLEN = 1"])
        test.run(line: "XDEL s 1-1 9")
        test.run(line: "XDEL s 9")
        test.run(line: "XSETID s 10-0")
        test.run(line: "XLEN s")
        #expect(test.effects() == ["XDEL s 1-1 9", "XSETID s 10-0"])
    }

    @Test func logsGroups() {
        let test = TestEngine()
        for line in [
            "XADD s 1 a 1", "XADD s 2 a 2", "XGROUP CREATE s g $ MKSTREAM",
            "XGROUP SETID s g 0", "XGROUP CREATECONSUMER s g c", "XGROUP CREATECONSUMER s g c",
        ] {
            test.run(line: line)
        }
        #expect(
            test.effects().suffix(3)
                == [
                    "XGROUP CREATE s g $ MKSTREAM", "XGROUP SETID s g 0",
                    "XGROUP CREATECONSUMER s g c",
                ])
        test.run(line: "XREADGROUP GROUP g d STREAMS s >")
        #expect(
            effects(test)
                == [
                    "MULTI",
                    "XCLAIM s g d 0 1-0 TIME MS RETRYCOUNT 1 FORCE JUSTID LASTID 1-0",
                    "XCLAIM s g d 0 2-0 TIME MS RETRYCOUNT 1 FORCE JUSTID LASTID 2-0",
                    "XGROUP SETID s g 2-0 ENTRIESREAD 2", "EXEC",
                ])
        test.run(line: "XREADGROUP GROUP g d STREAMS s >")
        #expect(test.effects() == [])
        test.run(line: "XREADGROUP GROUP g d STREAMS s 1")
        #expect(
            effects(test)
                == ["XCLAIM s g d 0 2-0 TIME MS RETRYCOUNT 2 FORCE JUSTID LASTID 2-0"])
        test.run(line: "XADD s 3 a 3")
        test.run(line: "XREADGROUP GROUP g e NOACK STREAMS s >")
        #expect(
            test.effects()
                == [
                    "XADD s 3-0 a 3", "MULTI", "XGROUP CREATECONSUMER s g e",
                    "XGROUP SETID s g 3-0 ENTRIESREAD 3", "EXEC",
                ])
        test.run(line: "XREADGROUP GROUP g f STREAMS s 0")
        test.run(line: "XDEL s 1")
        test.run(line: "XCLAIM s g e 0 1 2 RETRYCOUNT 9 TIME 5")
        #expect(
            test.effects()
                == [
                    "XGROUP CREATECONSUMER s g f", "XDEL s 1", "MULTI", "XACK s g 1-0",
                    "XCLAIM s g e 0 2-0 TIME 5 RETRYCOUNT 9 FORCE JUSTID LASTID 3-0", "EXEC",
                ])
        test.run(line: "XCLAIM s g e 0 7 LASTID 4")
        test.run(line: "XACK s g 2")
        test.run(line: "XACK s g 2")
        test.run(line: "XGROUP DELCONSUMER s g f")
        test.run(line: "XGROUP DELCONSUMER s g f")
        test.run(line: "XGROUP DESTROY s g")
        #expect(
            test.effects()
                == [
                    "XGROUP SETID s g 4-0 ENTRIESREAD 3", "XACK s g 2",
                    "XGROUP DELCONSUMER s g f", "XGROUP DESTROY s g",
                ])
    }

    @Test func announcesWhatRedisAnnounces() {
        let test = TestEngine()
        _ = test.events()
        let script: [(String, [String])] = [
            ("XADD s 1 a 1", ["xadd s"]), ("XADD s MAXLEN 1 2 a 1", ["xadd s", "xtrim s"]),
            ("XADD s MAXLEN 9 3 a 1", ["xadd s"]), ("XADD s 3 a 1", []),
            ("XTRIM s MAXLEN 9", []), ("XTRIM s MAXLEN 1", ["xtrim s"]), ("XDEL s 9", []),
            ("XDEL s 3", ["xdel s"]), ("XSETID s 9", ["xsetid s"]),
            ("XGROUP CREATE s g 0", ["xgroup-create s"]), ("XGROUP CREATE s g 0", []),
            ("XGROUP SETID s g 0", ["xgroup-setid s"]), ("XADD s 10 a 1", ["xadd s"]),
            ("XREADGROUP GROUP g c STREAMS s >", ["xgroup-createconsumer s"]),
            ("XREADGROUP GROUP g c STREAMS s 0", []),
            ("XCLAIM s g d 0 10", ["xgroup-createconsumer s"]), ("XACK s g 10", []),
            ("XGROUP CREATECONSUMER s g d", []),
            ("XGROUP CREATECONSUMER s g e", ["xgroup-createconsumer s"]),
            ("XGROUP DELCONSUMER s g e", ["xgroup-delconsumer s"]),
            ("XGROUP DESTROY s g", ["xgroup-destroy s"]), ("XGROUP DESTROY s g", []),
        ]
        for (line, events) in script {
            test.run(line: line)
            #expect(test.events() == events, "\(line)")
        }
    }

    /// In RESP3, streams are keys of a map, and so are facts.
    @Test func repliesMaps() {
        let test = TestEngine(resp: 3)
        test.run(line: "XADD s 1 a 1")
        test.run(line: "XADD t 2 b 1")
        test.run(line: "XGROUP CREATE s g 0")
        let script: [(String, String)] = [
            ("XREAD STREAMS s t 0 0", "{s [[1-0 [a 1]]] t [[2-0 [b 1]]]}"),
            ("XREAD STREAMS s 5", "nil"),
            ("XREADGROUP GROUP g c STREAMS s >", "{s [[1-0 [a 1]]]}"),
            ("XRANGE s - + COUNT 0", "nil"), ("XDEL s 1", ":1"),
            ("XREADGROUP GROUP g c STREAMS s 0", "{s [[1-0 nil]]}"),
            ("XPENDING s g", "[:1 1-0 1-0 [[c 1]]]"), ("XACK s g 1", ":1"),
            ("XPENDING s g", "[:0 nil nil nil]"), ("XADD none NOMKSTREAM * a b", "nil"),
            (
                "XINFO GROUPS s",
                "[{name g consumers :1 pending :0 last-delivered-id 1-0 entries-read :1 lag :0}]"
            ),
        ]
        for (line, wanted) in script { #expect(test.run(line: line) == wanted, "\(line)") }
        #expect(test.run(line: "XINFO STREAM s").hasPrefix("{length :0 radix-tree-keys :0 "))
        #expect(test.run(line: "XINFO STREAM s FULL").contains(" groups [{name g last-"))
        #expect(test.run(line: "XINFO CONSUMERS s g").hasPrefix("[{name c pending :0 idle :"))
    }

    /// Watchers see entries come and go, as in Redis, and nothing of groups.
    @Test func watchersSeeEntriesOnly() {
        let test = TestEngine()
        let other = test.makeClient()
        test.run(line: "XADD s 1 a 1")
        let script: [(String, Bool)] = [
            ("XGROUP CREATE s g 0", false), ("XREADGROUP GROUP g c STREAMS s >", false),
            ("XACK s g 1", false), ("XSETID s 5", false), ("XADD s 6 a b", true),
            ("XDEL s 7", false), ("XDEL s 6", true), ("XTRIM s MAXLEN 0", true),
            ("XGROUP CREATE t g 0 MKSTREAM", true), ("XGROUP CREATE t h 0 MKSTREAM", false),
        ]
        for (line, isSeen) in script {
            test.run(line: "WATCH s t")
            test.run(line: line, other)
            test.run(line: "MULTI")
            test.run(line: "PING")
            #expect((test.run(line: "EXEC") == "nil[]") == isSeen, "\(line)")
        }
    }

    /// Random commands; a second engine that is told the effects has the same streams in the end.
    @Test(arguments: [1, 3, 100]) func effectsLeadToTheSameStreams(entriesMax: Int) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = TestRandom(seed)
        let test = TestEngine { $0.streamNodeEntriesMax = entriesMax }
        let twin = TestEngine { $0.streamNodeEntriesMax = entriesMax }
        let replayer = Client(id: 0, nowMs: twin.engine.nowMs, isReplay: true)
        func id() -> String { "\(random.below(60))-\(random.below(3))" }
        func word(_ words: String...) -> String { words[random.below(words.count)] }
        for step in 0..<4000 {
            let key = word("s", "t")
            let (group, consumer) = (word("g", "h"), word("a", "b", "c"))
            let lines = [
                "XADD \(key) \(step / 60 + 1)-* f \(step)",
                "XADD \(key) \(step / 60 + 1)-* f \(step) x y",
                "XADD \(key) \(word("MAXLEN", "MINID")) \(word("~", "=")) \(random.below(40)) "
                    + "\(step / 60 + 1)-* f 1",
                "XTRIM \(key) \(word("MAXLEN", "MINID")) \(word("~", "=")) \(random.below(60))",
                "XDEL \(key) \(id()) \(id()) \(id())",
                "XGROUP CREATE \(key) \(group) \(word("0", "$", id())) MKSTREAM",
                "XGROUP SETID \(key) \(group) \(word("0", "$", id()))",
                "XREADGROUP GROUP \(group) \(consumer) COUNT \(1 + random.below(5)) "
                    + word("", "", "NOACK ") + "STREAMS \(key) \(word(">", ">", ">", "0", id()))",
                "XREADGROUP GROUP \(group) \(consumer) COUNT 3 STREAMS s t > >",
                "XACK \(key) \(group) \(id()) \(id())",
                "XCLAIM \(key) \(group) \(consumer) 0 \(id()) \(id()) "
                    + word("FORCE", "JUSTID", "IDLE 7", "LASTID \(id())", "RETRYCOUNT 3 FORCE"),
                "XAUTOCLAIM \(key) \(group) \(consumer) \(random.below(2)) \(id()) COUNT 3",
                "XGROUP \(word("DELCONSUMER", "CREATECONSUMER")) \(key) \(group) \(consumer)",
                "XSETID \(key) \(step / 60 + 1)-\(random.below(200))",
            ]
            let rare = random.below(60)
            let line =
                rare == 0
                ? "XGROUP DESTROY \(key) \(group)"
                : rare == 1
                    ? word("DEL \(key)", "COPY s t REPLACE") : lines[random.below(lines.count)]
            test.run(line: line)
            var bytes: [UInt8] = []
            test.engine.log.forEachStreamPart { bytes.append(contentsOf: $0) }
            test.engine.log.removeAll()
            var decoder = ReplyDecoder(bytes)
            while !decoder.isAtEnd {
                let reply = twin.send(decoder.next().items.map { $0.bytes! }, replayer)
                if case .error(let text) = reply { Issue.record("\(line): \(text), seed \(seed)") }
            }
            if step % 20 == 0 || step == 3999 {
                let note: Comment = "seed \(seed), step \(step): \(line)"
                #expect(
                    test.engine.keyspaceDigest(exactly: true)
                        == twin.engine.keyspaceDigest(exactly: true), note)
                #expect(test.run(line: "XINFO GROUPS s") == twin.run(line: "XINFO GROUPS s"), note)
            }
        }
    }

    /// What a consumer or a group had is gone at once for everybody; its memory goes in slices.
    @Test(arguments: [1, 2, 40]) func manyPendingEntriesAreFreedInSlices(_ consumers: Int) {
        let test = TestEngine()
        let engine = test.engine
        test.run(line: "XGROUP CREATE s g 0 MKSTREAM")
        func fill() {
            for n in 1...4000 {
                test.run(line: "XADD s * f v")
                test.run(line: "XREADGROUP GROUP g c\(n % consumers) COUNT 1 STREAMS s >")
            }
            _ = test.effects()
        }
        func waiting() -> Int { engine.lazyFree.pendingCount }
        func free() {
            var rounds = 0
            while engine.lazyFree.step(maxElements: 64) { rounds += 1 }
            #expect(rounds > 0)
        }
        fill()
        let others = consumers - 1
        let share = 4000 / consumers
        #expect(test.run(line: "XGROUP DELCONSUMER s g c0") == ":\(share)")
        #expect(waiting() == 1)
        #expect(test.effects() == ["XGROUP DELCONSUMER s g c0"])
        let summary = test.send(["XPENDING", "s", "g"].map { Array($0.utf8) }).items
        #expect(summary[0].description == ":\(share * others)")
        #expect(summary[3].items.count == others)
        #expect(test.run(line: "XPENDING s g - + 1 c0") == "[]")
        let rows = test.send(["XPENDING", "s", "g", "-", "+", "9999"].map { Array($0.utf8) }).items
        #expect(rows.count == share * others)
        #expect(rows.allSatisfy { $0.items[1].description != "c0" })
        #expect(
            rows.map { $0.items[0].description }
                == rows.map { $0.items[0].description }
                .sorted { StreamID(text: $0) < StreamID(text: $1) })
        free()
        if others > 0 {
            let id = rows[0].items[0].description
            #expect(test.run(line: "XACK s g \(id) \(id)") == ":1")
        }
        fill()
        #expect(test.run(line: "XGROUP DESTROY s g") == ":1")
        #expect(waiting() == 1)
        free()
        test.run(line: "DEL s")
        while engine.lazyFree.step(maxElements: 10_000) {}
        #expect(test.run(line: "XGROUP CREATE s g 0 MKSTREAM") == "+OK")
    }
}

extension StreamID {
    fileprivate init(text: String) {
        let parts = text.split(separator: "-").map { UInt64($0)! }
        self.init(ms: parts[0], seq: parts[1])
    }
}
