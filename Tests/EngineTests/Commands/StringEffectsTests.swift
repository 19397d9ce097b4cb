// What the string and key commands write to the log, what they announce, and that replaying the
// log gives the same keyspace.

import Testing

@testable import Engine

@Suite struct StringEffectsTests {
    private func effects(_ lines: String..., after setup: [String] = []) -> [String] {
        let test = TestEngine()
        for line in setup { test.run(line: line) }
        _ = test.effects()
        for line in lines { test.run(line: line) }
        return test.effects()
    }

    @Test func logsWhatCommandsCameTo() {
        #expect(effects("SET a 1") == ["SET a 1"])
        #expect(effects("SET a 1 PXAT 99999999999999") == ["SET a 1 PXAT 99999999999999"])
        #expect(effects("SET a 1 EXAT 99999999999") == ["SET a 1 PXAT 99999999999000"])
        #expect(effects("SET a 2 KEEPTTL", after: ["SET a 1"]) == ["SET a 2 KEEPTTL"])
        #expect(effects("SET a 2 GET", after: ["SET a 1"]) == ["SET a 2"])
        #expect(effects("SET a 2 NX", after: ["SET a 1"]) == [])
        #expect(effects("SET a 2 XX") == [])
        #expect(effects("SET a 2 EXAT 1", after: ["SET a 1"]) == ["DEL a"])
        #expect(effects("SET a 2 EXAT 1") == [])
        #expect(effects("SETNX a 1") == ["SET a 1"])
        #expect(effects("SETNX a 1", after: ["SET a 1"]) == [])
        #expect(effects("GETSET a 1") == ["SET a 1"])
        #expect(effects("GETDEL a") == [])
        #expect(effects("GETDEL a", after: ["SET a 1"]) == ["DEL a"])
        #expect(effects("GETEX a", after: ["SET a 1"]) == [])
        #expect(effects("GETEX a PERSIST", after: ["SET a 1"]) == [])
        #expect(
            effects("GETEX a PERSIST", after: ["SET a 1 PXAT 99999999999999"]) == ["PERSIST a"])
        #expect(
            effects("GETEX a PXAT 99999999999999", after: ["SET a 1"])
                == ["PEXPIREAT a 99999999999999"])
        #expect(effects("GETEX a PXAT 1", after: ["SET a 1"]) == ["DEL a"])
        #expect(effects("APPEND a 1") == ["APPEND a 1"])
        #expect(effects("SETRANGE a 1 x") == ["SETRANGE a 1 x"])
        #expect(effects("INCRBY a 5") == ["INCRBY a 5"])
        #expect(effects("INCRBYFLOAT a 2.5") == ["SET a 2.5 KEEPTTL"])
        #expect(effects("MSET a 1 b 2") == ["MULTI", "SET a 1", "SET b 2", "EXEC"])
        #expect(effects("MSETNX a 1 b 2", after: ["SET b 1"]) == [])
        #expect(
            effects("DEL a b c", after: ["MSET a 1 c 2"]) == ["MULTI", "DEL a", "DEL c", "EXEC"])
        #expect(effects("EXPIRE a 1") == [])
        #expect(effects("EXPIRE a -1", after: ["SET a 1"]) == ["DEL a"])
        #expect(
            effects("PEXPIREAT a 99999999999999", after: ["SET a 1"])
                == ["PEXPIREAT a 99999999999999"])
        #expect(effects("PERSIST a", after: ["SET a 1"]) == [])
    }

    @Test func movesAreDeletionsAndRestores() {
        for (line, names) in [
            ("RENAME a b", ["MULTI", "DEL", "RESTORE", "EXEC"]),
            ("RENAME a a", []), ("COPY a b", ["RESTORE"]),
        ] {
            let logged = effects(line, after: ["SET a 1"])
            #expect(logged.map { String($0.prefix { $0 != " " }) } == names, "\(line)")
        }
    }

    @Test func eventsAreThoseOfRedis() {
        let test = TestEngine()
        test.engine.notifiedEvents = KeyspaceEvents(rawValue: .max)
        let listener = test.makeClient()
        _ = test.send(["PSUBSCRIBE", "__keyevent@*"].map { Array($0.utf8) }, listener)
        func events(_ line: String) -> [String] {
            test.run(line: line)
            var decoder = ReplyDecoder(listener.reply.withBytes { Array($0) })
            listener.reply.removeAll()
            var seen: [String] = []
            while !decoder.isAtEnd {
                let items = decoder.next().items.map(\.description)
                let event = items[2].split(separator: ":").last!
                if event != "new", event != "keymiss" { seen.append("\(event) \(items[3])") }
            }
            return seen
        }
        #expect(events("SET a 1") == ["set a"])
        #expect(events("SET a 1 EX 100") == ["set a", "expire a"])
        #expect(events("GETEX a PERSIST") == ["persist a"])
        #expect(events("GETEX a EX 100") == ["expire a"])
        #expect(events("INCR a") == ["incrby a"])
        #expect(events("INCRBYFLOAT a 1") == ["incrbyfloat a"])
        #expect(events("APPEND a x") == ["append a"])
        #expect(events("SETRANGE a 0 y") == ["setrange a"])
        #expect(events("MSET a 1 b 2") == ["set a", "set b"])
        #expect(events("RENAME a c") == ["rename_from a", "rename_to c"])
        #expect(events("COPY c d") == ["copy_to d"])
        #expect(events("MOVE d 1") == ["move_from d", "move_to d"])
        #expect(events("EXPIRE c 100") == ["expire c"])
        #expect(events("PERSIST c") == ["persist c"])
        #expect(events("EXPIRE c -1") == ["del c"])
        #expect(events("GETDEL b") == ["del b"])
        #expect(events("DEL b") == [])
    }

    /// Random commands on few keys; what was logged, replayed elsewhere, must give the same.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func replayGivesTheSameKeyspace(seed: UInt64) {
        print("seed \(seed)")
        var random = Random(seed: seed)
        let original = TestEngine(seed: seed)
        let replayed = TestEngine(seed: seed + 100)
        func key() -> String { "k\(random.next() % 6)" }
        func text() -> String {
            let count = [0, 1, 5, 30, 44, 45, 200, 1024, 1025, 5000].randomElement(using: &random)!
            return count == 5
                ? String(random.next() % 100_000) : String(repeating: "x", count: count)
        }
        let far = 99_999_999_999_999
        for round in 0..<3000 {
            let number = Int64(truncatingIfNeeded: random.next() % 1000)
            let words: [String] = [
                ["SET", key(), text()], ["SET", key(), text(), "PXAT", "\(far - Int(number))"],
                ["SET", key(), text(), "KEEPTTL"], ["SET", key(), text(), "EXAT", "1"],
                ["APPEND", key(), text()], ["SETRANGE", key(), "\(number)", text()],
                ["INCR", key()], ["DECRBY", key(), "\(number)"],
                ["INCRBYFLOAT", key(), "\(number).5"], ["MSET", key(), text(), key(), text()],
                ["MSETNX", key(), text(), key(), text()], ["GETSET", key(), text()],
                ["GETDEL", key()], ["DEL", key(), key()], ["RENAME", key(), key()],
                ["RENAMENX", key(), key()], ["COPY", key(), key(), "REPLACE"],
                ["COPY", key(), key(), "DB", "1", "REPLACE"], ["MOVE", key(), "1"],
                ["PEXPIREAT", key(), "\(far - Int(number))"], ["PERSIST", key()],
                ["GETEX", key(), "PXAT", "\(far - Int(number))"], ["EXPIREAT", key(), "1"],
                ["GETEX", key(), "PERSIST"],
            ].randomElement(using: &random)!
            if round % 50 == 49 { original.client.database ^= 1 }
            original.send(words.map { Array($0.utf8) })
            replayed.replay(original.rawEffects())
        }
        for database in 0..<2 {
            original.client.database = database
            replayed.client.database = database
            for index in 0..<6 {
                for command in ["GET", "PEXPIRETIME"] {
                    #expect(
                        original.run(command, "k\(index)") == replayed.run(command, "k\(index)"))
                }
            }
            #expect(
                original.engine.databases[database].keyCount
                    == replayed.engine.databases[database].keyCount)
        }
    }
}

extension TestEngine {
    /// The effects logged since the last call, as requests.
    func rawEffects() -> [[[UInt8]]] {
        var bytes: [UInt8] = []
        engine.log.forEachStreamPart { bytes.append(contentsOf: $0) }
        engine.log.removeAll()
        var decoder = ReplyDecoder(bytes)
        var commands: [[[UInt8]]] = []
        while !decoder.isAtEnd { commands.append(decoder.next().items.map { $0.bytes! }) }
        return commands
    }

    /// Runs effects; SELECT and the frames of units are dealt with here.
    func replay(_ commands: [[[UInt8]]]) {
        for words in commands {
            switch String(decoding: words[0], as: UTF8.self) {
            case "MULTI", "EXEC": continue
            case "SELECT": client.database = Int(String(decoding: words[1], as: UTF8.self))!
            default:
                let reply = send(words)
                if case .error(let text) = reply { fatalError("replay: \(text)") }
            }
        }
    }
}
