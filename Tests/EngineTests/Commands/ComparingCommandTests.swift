// Compare and set, compare and delete, DIGEST and MSETEX, as Redis 8.4 and Valkey 9 document them:
// replies, errors, what is logged, what is announced.

import Testing

@testable import Engine

@Suite struct ComparingCommandTests {
    /// Lines and their replies, in one conversation.
    private func talk(_ lines: [(String, String)], on test: TestEngine = TestEngine()) {
        for (line, wanted) in lines {
            #expect(test.send(DialogTests.split(line)).description == wanted, "\(line)")
        }
    }

    /// XXH3's 64-bit results without a seed: the empty input, one documented by Redis, and one for
    /// each way that the algorithm takes by length.
    @Test func digests() {
        func digest(_ text: String) -> String {
            Array(text.utf8).withUnsafeBytes { bytes in
                ValueMatch.withDigest(of: bytes) { String(decoding: $0, as: UTF8.self) }
            }
        }
        #expect(digest("") == "2d06800538d394c2")
        #expect(digest("Hello world") == "b6acb9d84a38ff74")
        #expect(digest("test") == "9ec9f7918d7dfc40")
        #expect(digest("hello") == "9555e8555c62dcfd")
        #expect(digest("Hello, Dragonfly!") == "063b4909128e92b7")
        let long = (1...4).map { digest(String(repeating: "firn ", count: 30 * $0 * $0)) }
        #expect(
            long == [
                "35d5e4495bff9c30", "5a3c92443507bccc", "526710335b6d9b9c", "4fcc721eb7c1bee6",
            ])
    }

    @Test func digestCommand() {
        talk([
            ("DIGEST k", "nil"), ("SET k \"Hello world\"", "+OK"), ("DIGEST k", "b6acb9d84a38ff74"),
            ("SET k 12345", "+OK"), ("OBJECT ENCODING k", "int"), ("DIGEST k", "f34099ede96b5581"),
            ("RPUSH l a", ":1"),
            ("DIGEST l", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("DIGEST", "-ERR wrong number of arguments for 'digest' command"),
        ])
    }

    @Test func compareAndSet() {
        let wrongDigest = "-ERR must be exactly 16 hexadecimal characters"
        talk([
            ("SET k v IFEQ x", "nil"), ("SET k v IFDEQ 0123456789abcdef", "nil"),
            ("EXISTS k", ":0"), ("SET k v IFNE x", "+OK"), ("SET k w IFNE v", "nil"),
            ("GET k", "v"), ("SET k w IFEQ v", "+OK"), ("GET k", "w"),
            ("SET k x IFEQ nope GET", "w"), ("GET k", "w"), ("SET k x ifeq w get", "w"),
            ("GET k", "x"), ("SET n v IFNE x GET", "nil"), ("GET n", "v"),
            ("SET n v2 IFEQ v EX 100", "+OK"), ("TTL n", ":100"),
            ("SET n v3 IFEQ v2 KEEPTTL", "+OK"), ("TTL n", ":100"), ("SET n v IFEQ v3", "+OK"),
            ("TTL n", ":-1"), ("SET k \"Hello world\"", "+OK"),
            ("SET k a IFDNE b6acb9d84a38ff74", "nil"), ("SET k a IFDEQ B6ACB9D84A38FF74", "+OK"),
            ("GET k", "a"), ("SET k b IFDEQ b6acb9d84a38ff74", "nil"),
            ("SET k b IFDNE b6acb9d84a38ff74", "+OK"), ("SET d v IFDNE b6acb9d84a38ff74", "+OK"),
            ("SET k c IFDEQ b6acb9d84a38ff7", wrongDigest), ("SET k c IFDEQ xyz", wrongDigest),
            ("SET k c IFDNE b6acb9d84a38ff7g", wrongDigest), ("GET k", "b"),
            ("SET k 12", "+OK"), ("SET k 13 IFEQ 12", "+OK"), ("SET k 14 IFEQ 013", "nil"),
            ("SET e \"\" IFNE x", "+OK"), ("SET e y IFEQ \"\"", "+OK"), ("RPUSH l a", ":1"),
            (
                "SET l v IFEQ a",
                "-WRONGTYPE Operation against a key holding the wrong kind of value"
            ),
            (
                "SET l v IFNE a GET",
                "-WRONGTYPE Operation against a key holding the wrong kind of value"
            ),
        ])
        for line in [
            "SET k v IFEQ", "SET k v NX IFEQ a", "SET k v IFEQ a NX", "SET k v XX IFNE a",
            "SET k v IFEQ a XX", "SET k v IFEQ a IFNE b", "SET k v IFDEQ 0123456789abcdef IFEQ b",
            "SET k v IFEQ a PERSIST", "GETEX k IFEQ a",
        ] {
            talk([(line, "-ERR syntax error")])
        }
    }

    @Test func compareAndDelete() {
        talk([
            ("DELEX k", ":0"), ("DELEX k IFEQ a", ":0"), ("DELEX k IFNE a", ":0"),
            ("SET k a", "+OK"), ("DELEX k", ":1"), ("EXISTS k", ":0"), ("RPUSH l a", ":1"),
            ("DELEX l IFEQ a", "-ERR Key should be of string type if conditions are specified"),
            ("DELEX l", ":1"), ("SET k a", "+OK"), ("DELEX k IFEQ b", ":0"),
            ("DELEX k IFNE a", ":0"), ("DELEX k IFEQ a", ":1"), ("SET k a", "+OK"),
            ("DELEX k ifne b", ":1"), ("SET k \"Hello world\"", "+OK"),
            ("DELEX k IFDNE b6acb9d84a38ff74", ":0"), ("DELEX k IFDEQ 06acb9d84a38ff74", ":0"),
            ("DELEX k IFDEQ b6acb9d84a38ff7", "-ERR must be exactly 16 hexadecimal characters"),
            ("DELEX k IFDEQ b6acb9d84a38ff74", ":1"), ("SET k a", "+OK"),
            ("DELEX k IFX a", "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE"),
            ("DELEX k IFEQ", "-ERR wrong number of arguments for 'delex' command"),
            ("DELEX k IFEQ a b", "-ERR wrong number of arguments for 'delex' command"),
            ("DELIFEQ k b", ":0"), ("DELIFEQ none b", ":0"), ("DELIFEQ k a", ":1"),
            ("EXISTS k", ":0"), ("RPUSH l a", ":1"),
            (
                "DELIFEQ l a",
                "-WRONGTYPE Operation against a key holding the wrong kind of value"
            ),
            ("DELIFEQ l", "-ERR wrong number of arguments for 'delifeq' command"),
        ])
    }

    @Test func setSeveralWithExpiry() {
        talk([
            ("MSETEX 2 a 1 b 2", ":1"), ("MGET a b", "[1 2]"), ("TTL a", ":-1"),
            ("MSETEX 2 a 3 b 4 EX 100", ":1"), ("TTL b", ":100"), ("MSETEX 1 a 5 KEEPTTL", ":1"),
            ("TTL a", ":100"), ("MSETEX 1 a 6", ":1"), ("TTL a", ":-1"),
            ("MSETEX 2 a 7 c 8 NX", ":0"), ("GET a", "6"), ("EXISTS c", ":0"),
            ("MSETEX 2 a 7 c 8 XX", ":0"), ("GET a", "6"), ("MSETEX 2 c 7 d 8 NX EX 100", ":1"),
            ("MSETEX 2 c 9 d 9 px 100000 xx", ":1"), ("TTL d", ":100"),
            ("MSETEX 2 c 1 c 2 EXAT 9999999999", ":1"), ("GET c", "2"),
            ("EXPIRETIME c", ":9999999999"), ("MSETEX 1 d 1 PXAT 9999999999000", ":1"),
            ("MSETEX 2 c 1 d 2 EXAT 1", ":1"), ("EXISTS c d", ":0"), ("RPUSH l a", ":1"),
            ("MSETEX 1 l v", ":1"), ("GET l", "v"),
            ("MSETEX 0 a 1", "-ERR invalid numkeys value"),
            ("MSETEX -1 a 1", "-ERR invalid numkeys value"),
            ("MSETEX x a 1", "-ERR invalid numkeys value"),
            ("MSETEX 2 a 1 b", "-ERR wrong number of key-value pairs"),
            ("MSETEX 9223372036854775807 a 1", "-ERR wrong number of key-value pairs"),
            ("MSETEX 1 a 1 b 2", "-ERR syntax error"), ("MSETEX 1 a 1 NX XX", "-ERR syntax error"),
            ("MSETEX 1 a 1 GET", "-ERR syntax error"), ("MSETEX 1 a 1 EX", "-ERR syntax error"),
            ("MSETEX 1 a 1 IFEQ b", "-ERR syntax error"),
            ("MSETEX 1 a 1 PERSIST", "-ERR syntax error"),
            ("MSETEX 1 a 1 EX 5 KEEPTTL", "-ERR syntax error"),
            ("MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' command"),
            ("MSETEX 1 a 1 EX x", "-ERR value is not an integer or out of range"),
            ("MSETEX 1 a", "-ERR wrong number of arguments for 'msetex' command"),
            ("COMMAND GETKEYS MSETEX 2 a 1 b 2 NX", "[a b]"),
            ("COMMAND GETKEYSANDFLAGS MSETEX 1 a 1", "[[a [+OW +update]]]"),
        ])
    }

    @Test func effects() {
        func effects(_ line: String, after setup: String...) -> [String] {
            let test = TestEngine()
            for line in setup { test.run(line: line) }
            _ = test.effects()
            test.run(line: line)
            return test.effects()
        }
        #expect(effects("SET a 2 IFEQ 1", after: "SET a 1") == ["SET a 2"])
        #expect(effects("SET a 2 IFEQ 3", after: "SET a 1") == [])
        #expect(
            effects("SET a 2 IFNE 3 EXAT 99999999999 GET", after: "SET a 1")
                == ["SET a 2 PXAT 99999999999000"])
        #expect(effects("DELEX a IFEQ 1", after: "SET a 1") == ["DEL a"])
        #expect(effects("DELEX a IFEQ 2", after: "SET a 1") == [])
        #expect(effects("DELIFEQ a 1", after: "SET a 1") == ["DEL a"])
        #expect(
            effects("MSETEX 2 a 1 b 2 PXAT 99999999999999")
                == [
                    "MULTI", "SET a 1 PXAT 99999999999999", "SET b 2 PXAT 99999999999999", "EXEC",
                ])
        #expect(effects("MSETEX 1 a 1 KEEPTTL") == ["SET a 1 KEEPTTL"])
        #expect(effects("MSETEX 1 a 1 NX", after: "SET a 1") == [])
    }

    @Test func events() {
        let test = TestEngine()
        _ = test.events()
        func events(_ line: String) -> [String] {
            test.run(line: line)
            return test.events().filter { !$0.hasPrefix("new ") && !$0.hasPrefix("keymiss ") }
        }
        #expect(events("SET a 1 IFNE 2") == ["set a"])
        #expect(events("SET a 2 IFEQ 3") == [])
        #expect(events("SET a 2 IFEQ 1 EX 100") == ["set a", "expire a"])
        #expect(events("DELEX a IFEQ 1") == [])
        #expect(events("DELEX a IFEQ 2") == ["del a"])
        #expect(events("MSETEX 2 a 1 b 2 EX 100") == ["set a", "expire a", "set b", "expire b"])
        #expect(events("DELIFEQ a 1") == ["del a"])
        #expect(events("DELEX b") == ["del b"])
    }
}
