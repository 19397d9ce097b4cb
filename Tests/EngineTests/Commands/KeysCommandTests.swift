// Serialized values come back as they were, and the commands that only inform answer at all.

import Glibc
import Testing

@testable import Engine

@Suite struct KeysCommandTests {
    /// Every type and encoding: dumped, restored under another name, copied, moved by name.
    @Test func valuesSurviveDumpCopyAndRename() {
        let test = TestEngine()
        var lines = ["SET integer 12345", "SET short hello", "APPEND grown hello"]
        lines.append("SET long " + String(repeating: "x", count: 3000))
        // Compressed in the payload, embedded all the same.
        lines.append("SET alike " + String(repeating: "x", count: 40))
        for (suffix, count) in [("small", 5), ("large", 2000)] {
            func words(_ name: String) -> String {
                (0..<count).map { "\(name)\($0)" }.joined(separator: " ")
            }
            func pairs(_ name: String) -> String {
                (0..<count).map { "\($0).5 \(name)\($0)" }.joined(separator: " ")
            }
            lines += [
                "RPUSH list\(suffix) " + words("e"), "SADD set\(suffix) " + words("m"),
                "SADD ints\(suffix) " + words(""), "HSET hash\(suffix) " + pairs("v"),
                "ZADD zset\(suffix) " + pairs("z"),
            ]
        }
        for line in lines {
            let reply = test.run(line: line)
            #expect(!reply.hasPrefix("-"), "\(line.prefix(30)): \(reply)")
            let key = String(line.split(separator: " ")[1])
            let payload = test.send([Array("DUMP".utf8), Array(key.utf8)]).bytes!
            let encoding = test.encoding(key)
            let restored = test.send([
                Array("RESTORE".utf8), Array("r".utf8), Array("99999999999999".utf8), payload,
                Array("REPLACE".utf8), Array("ABSTTL".utf8),
            ])
            #expect(restored == .simple("OK"))
            #expect(test.run("PEXPIRETIME", "r") == ":99999999999999")
            #expect(test.run("COPY", "r", "c", "REPLACE") == ":1")
            #expect(test.run("RENAME", "c", "d") == "+OK")
            for copy in ["r", "d"] {
                #expect(test.run("TYPE", copy) == test.run("TYPE", key))
                if key != "grown" { #expect(test.encoding(copy) == encoding, "\(key)") }
                #expect(test.run("PEXPIRETIME", copy) == ":99999999999999")
                let second = test.send([Array("DUMP".utf8), Array(copy.utf8)]).bytes!
                // Tables lend elements whose hashes begin alike in any order.
                let isSame =
                    encoding == "hashtable"
                    ? contents(test, copy) == contents(test, key) : second == payload
                #expect(isSame, "\(key)")
            }
            let usage = Int(test.run("MEMORY", "USAGE", key).dropFirst())!
            #expect(usage > payload.count / 8)
        }
    }

    /// What APPEND made stays raw; SET would embed it.
    @Test func copiesKeepTheEncodingOfStrings() {
        let test = TestEngine()
        test.run(line: "SET s a")
        test.run(line: "APPEND s b")
        test.run(line: "COPY s t")
        test.run(line: "SET n 1")
        test.run(line: "APPEND n 2")
        test.run(line: "COPY n m")
        #expect(test.encoding("t") == "raw")
        #expect(test.encoding("m") == "raw")
        #expect(test.run("GET", "m") == "12")
        #expect(test.run("INCR", "m") == ":13")
    }

    /// The elements of a set or the pairs of a hash, in order.
    private func contents(_ test: TestEngine, _ key: String) -> [String] {
        let isSet = test.run("TYPE", key) == "+set"
        let items = test.send([isSet ? "SMEMBERS" : "HGETALL", key].map { Array($0.utf8) }).items
        if isSet { return items.map(\.description).sorted() }
        return stride(from: 0, to: items.count, by: 2)
            .map { "\(items[$0]) \(items[$0 + 1])" }.sorted()
    }

    @Test func damagedPayloadsAreRefused() {
        let test = TestEngine()
        test.run("RPUSH", "list", "a", "b", "12", "c")
        let payload = test.send([Array("DUMP".utf8), Array("list".utf8)]).bytes!
        for index in payload.indices {
            var damaged = payload
            damaged[index] ^= 0x20
            let reply = test.send([
                Array("RESTORE".utf8), Array("x".utf8), Array("0".utf8), damaged,
            ])
            guard case .error = reply else {
                Issue.record("byte \(index) changed, and nobody noticed")
                continue
            }
        }
        #expect(test.run("EXISTS", "x") == ":0")
    }

    @Test func informingCommandsAnswer() {
        for version in [2, 3] {
            let test = TestEngine(resp: version)
            test.run("SET", "key", "value")
            #expect(test.send(["MEMORY", "STATS"].map { Array($0.utf8) }).items.count == 54)
            #expect(test.run("MEMORY", "DOCTOR").count > 20)
            #expect(test.run("MEMORY", "MALLOC-STATS").count > 200)
            #expect(test.run("MEMORY", "PURGE") == "+OK")
            #expect(test.run("MEMORY", "HELP").contains("USAGE"))
            #expect(test.run("OBJECT", "HELP").contains("ENCODING"))
            #expect(test.run("OBJECT", "FREQ", "key").hasPrefix("-ERR An LFU"))
            // A second may have begun since the key was set.
            #expect([":0", ":1"].contains(test.run("OBJECT", "IDLETIME", "key")))
            test.engine.policyIsLFU = true
            test.run("SET", "key", "value")
            #expect(test.run("OBJECT", "FREQ", "key").hasPrefix(":"))
            #expect(test.run("OBJECT", "IDLETIME", "key").hasPrefix("-ERR An LFU"))
        }
    }

    @Test func aNewKeyIsAnnounced() {
        let test = TestEngine()
        _ = test.events()
        test.engine.notifiedEvents = [.keyevent, .new]
        for line in [
            "SET a 1", "SET a 2", "APPEND b x", "APPEND b y", "RPUSH l 3 1", "RPUSH l 2",
            "SADD s 1 x", "HSET h f v", "ZADD z 1 m", "SETBIT bits 7 1", "PFADD p e",
            "SORT l STORE sorted", "SORT l STORE sorted", "RENAME a c", "COPY c d", "DEL c",
            "SET c 1", "SUNIONSTORE u s", "SUNIONSTORE u s",
        ] {
            test.run(line: line)
        }
        #expect(
            test.events() == [
                "new a", "new b", "new l", "new s", "new h", "new z", "new bits", "new p",
                "new sorted", "new c", "new d", "new c", "new u",
            ])
    }

    @Test func whatIsFreedLaterIsCountedByKey() {
        let test = TestEngine()
        func freed() -> Int {
            while test.engine.lazyFree.step(maxElements: 7) {}
            return test.engine.lazyFree.freedCount
        }
        test.run(line: "SADD large " + (0..<500).map { "member:\($0)" }.joined(separator: " "))
        test.run(line: "SADD small a b")
        test.run(line: "UNLINK small")
        #expect(freed() == 0)
        test.run(line: "UNLINK large")
        #expect(freed() == 1)
        test.run(line: "CONFIG RESETSTAT")
        #expect(freed() == 0)
        test.run(line: "SADD large " + (0..<500).map { "member:\($0)" }.joined(separator: " "))
        test.run(line: "SET key value")
        test.run(line: "FLUSHALL ASYNC")
        #expect(freed() == 2)
    }

    @Test func nothingExpiresWhileWritesArePaused() {
        let test = TestEngine()
        for line in ["SET a 1 PX 1", "SET b 1 PX 1", "CLIENT PAUSE 100000 WRITE"] {
            test.run(line: line)
        }
        _ = test.effects()
        usleep(5000)
        #expect(test.run(line: "GET a") == "nil")
        #expect(!test.engine.expireDue(limit: 10))
        #expect(test.run(line: "DBSIZE") == ":2")
        #expect(test.effects() == [])
        // The transaction that began the pause goes on writing.
        #expect(test.run(line: "APPEND a x") == ":1")
        #expect(test.effects().contains("DEL a"))
        #expect(test.run(line: "GET a") == "x")
        test.run(line: "CLIENT UNPAUSE")
        #expect(test.run(line: "GET b") == "nil")
        #expect(test.run(line: "DBSIZE") == ":1")
        #expect(test.effects() == ["DEL b"])
    }
}
