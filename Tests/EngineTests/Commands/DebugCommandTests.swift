import Glibc
import Testing

@testable import Engine

@Suite struct DebugCommandTests {
    private func make(resp: Int = 2) -> TestEngine {
        TestEngine(resp: resp) { $0.enableDebugCommand = .yes }
    }

    @Test func isGuarded() {
        #expect(TestEngine().run("DEBUG", "DIGEST").hasPrefix("-ERR DEBUG command not allowed"))
        #expect(make().run("DEBUG", "FOO").hasPrefix("-ERR unknown subcommand or wrong number"))
        #expect(make().run("DEBUG", "SLEEP").hasPrefix("-ERR unknown subcommand or wrong number"))
    }

    @Test func hashes() {
        func sha1(_ text: String) -> String {
            Array(text.utf8).withUnsafeBytes { Hex.text(SHA1.hash($0)) }
        }
        func sha256(_ text: String) -> String {
            Array(text.utf8).withUnsafeBytes { Hex.text(SHA256.hash($0)) }
        }
        #expect(sha1("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(sha1("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(
            sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
        #expect(
            sha1(String(repeating: "a", count: 1000))
                == "291e9a6c66994949b57ba5e650361e98fc36b1ba")
        #expect(
            sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    }

    private let content = [
        "SET n 12345", "SET e x", "RPUSH l a b 1 a", "SADD st a b 3", "SADD si 1 2 3",
        "HSET h f v g 2", "ZADD z 1.5 a -inf b 3 c 0.1 d",
    ]

    /// The figures were taken from redis-server 7.0.15 with the same content.
    @Test func digestIsThatOfRedis() {
        let test = make()
        #expect(test.run("DEBUG", "DIGEST") == "+" + String(repeating: "0", count: 40))
        for line in content { test.run(line: line) }
        test.run("PEXPIRE", "e", "10000000")
        test.run("SELECT", "3")
        test.run("SET", "k", "v")
        test.run("SELECT", "0")
        let values = [
            ("n", "e1cf90774e995ae03de66e8109dc5cb9d9c2dc83"),
            ("e", "0745672cb1bf060476eedeb8a28f5ffe1ff5a2be"),
            ("l", "edb75ec996d7c1ff4813ec95d8d119af956d57f1"),
            ("st", "aa475a4a8f122ca5936aa41d911aacf8c93b827d"),
            ("si", "2a462a3f51a1db89738ebbeef0c47ce1bbc85246"),
            ("h", "9dc7e1ed596e8ccab4b91d04b8317fc85b68294a"),
            ("z", "ca16342bcbf7e40f1e174e449987656f825a0203"),
        ]
        for (key, digest) in values {
            #expect(test.run("DEBUG", "DIGEST-VALUE", key) == "[+\(digest)]", "\(key)")
        }
        #expect(
            test.run("DEBUG", "DIGEST", "REDIS") == "+cb6fc325acd4de5ee817623b957ae1d74923b246")
        // Firn's own knows the time of the expiry.
        let before = test.run("DEBUG", "DIGEST")
        test.run("PEXPIRE", "e", "20000000")
        #expect(test.run("DEBUG", "DIGEST") != before)
        #expect(
            test.run("DEBUG", "DIGEST", "REDIS") == "+cb6fc325acd4de5ee817623b957ae1d74923b246")
    }

    /// Order of insertion and encoding do not matter, any change of content does.
    @Test func digestKnowsContentOnly() {
        let small = make()
        let large = TestEngine(seed: 2) {
            $0.enableDebugCommand = .yes
            $0.hashListpackEntriesMax = 0
            $0.setIntsetEntriesMax = 0
            $0.zsetListpackEntriesMax = 0
        }
        for line in content { small.run(line: line) }
        for line in content.reversed() { large.run(line: line) }
        let digest = small.run("DEBUG", "DIGEST")
        #expect(large.run("DEBUG", "DIGEST") == digest)
        for line in ["SREM st a", "HSET h f w", "ZADD z 1.6 a", "LSET l 0 z", "INCR n", "SET o o"] {
            let before = small.run("DEBUG", "DIGEST")
            small.run(line: line)
            #expect(small.run("DEBUG", "DIGEST") != before, "\(line)")
        }
        small.run("FLUSHALL")
        #expect(small.run("DEBUG", "DIGEST") == "+" + String(repeating: "0", count: 40))
    }

    /// The same content, all of it in the cold tier; looking at it leaves it there.
    @Test func digestAcrossTiers() throws {
        var template = Array("/tmp/firn-digest-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        defer { _ = directory.withCString { _ in system("rm -rf '\(directory)'") } }
        var configuration = Configuration()
        configuration.dir = directory
        configuration.enableDebugCommand = .yes
        configuration.debugSpillEveryCommand = true
        let engine = try Engine.open(configuration) { _ in }.engine
        defer { engine.close() }
        let client = Client(id: 99, nowMs: engine.nowMs)
        func run(_ line: String) -> String {
            engine.withLock { engine in
                engine.beginTurn()
                OwnedArguments(line.split(separator: " ").map { Array($0.utf8) }).withArguments {
                    engine.execute(client, $0)
                }
                _ = engine.endTurn()
                defer { client.reply.removeAll() }
                var decoder = ReplyDecoder(client.reply.withBytes { Array($0) })
                return decoder.next().description
            }
        }
        let hot = make()
        for line in content {
            #expect(run(line).first != "-")
            hot.run(line: line)
        }
        #expect(run("CONFIG SET debug-spill-every-command no") == "+OK")
        #expect(engine.databases[0].coldOnlyCount == content.count)
        #expect(run("DEBUG DIGEST") == hot.run("DEBUG", "DIGEST"))
        #expect(run("DEBUG DIGEST") == hot.run("DEBUG", "DIGEST"))
        #expect(engine.databases[0].coldOnlyCount == content.count)
        #expect(
            run("DEBUG DIGEST-VALUE z nosuch")
                == "[+ca16342bcbf7e40f1e174e449987656f825a0203 +\(String(repeating: "0", count: 40))]"
        )
        let info = run("INFO tiering")
        #expect(info.contains("keys_cold:\(content.count)\r\n"))
        #expect(info.contains("\r\ncold_pages:") && info.contains("\r\nruns:"))
        #expect(run("BGSAVE") == "+Background saving started" || run("PING") == "+PONG")
        #expect(run("BGREWRITEAOF").hasPrefix("+Background append only file rewriting"))
    }

    @Test func protocolTypes() {
        let two = make()
        let three = make(resp: 3)
        func both(_ type: String) -> String {
            "\(two.run("DEBUG", "PROTOCOL", type)) \(three.run("DEBUG", "PROTOCOL", type))"
        }
        #expect(both("string") == "Hello World Hello World")
        #expect(both("integer") == ":12345 :12345")
        #expect(both("double") == "3.141 ,3.141")
        #expect(both("null") == "nil nil")
        #expect(both("array") == "[:0 :1 :2] [:0 :1 :2]")
        #expect(both("set") == "[:0 :1 :2] ~[:0 :1 :2]")
        #expect(both("map") == "[:0 :0 :1 :1 :2 :0] {:0 #f :1 #t :2 #f}")
        #expect(both("true") == ":1 #t")
        #expect(both("bignum").hasSuffix(" (1234567999999999999999999999999999999"))
        #expect(both("push").hasPrefix("-ERR RESP2 is not supported by this command >["))
        #expect(two.run("DEBUG", "PROTOCOL", "x").hasPrefix("-ERR Wrong protocol type name."))
        #expect(
            three.sendRaw(["DEBUG", "PROTOCOL", "attrib"].map { Array($0.utf8) }).first
                == UInt8(ascii: "|"))
    }

    @Test func smallOnes() {
        let test = make()
        #expect(test.run("DEBUG", "ERROR", "ABC hello") == "-ABC hello")
        #expect(test.run("DEBUG", "SLEEP", "0") == "+OK")
        #expect(test.run("DEBUG", "STRINGMATCH-LEN", "abc", "a*") == ":1")
        #expect(test.run("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "1kb") == "+OK")
        #expect(test.run("DEBUG", "QUICKLIST-PACKED-THRESHOLD", "5gb").hasPrefix("-ERR argument"))
        #expect(test.run("DEBUG", "OBJECT", "nosuch") == "-ERR no such key")
        #expect(test.run("DEBUG", "POPULATE", "3", "p", "12") == "+OK")
        #expect(test.run("DBSIZE") == ":3")
        #expect(test.run("STRLEN", "p:2") == ":12")
        #expect(test.run("DEBUG", "POPULATE", "x").hasPrefix("-ERR value is out of range"))
        #expect(test.run("DEBUG", "OBJECT", "p:1").contains("encoding:embstr"))
        #expect(test.run("DEBUG", "HTSTATS", "99") == "-ERR Out of range database")
        #expect(test.run("DEBUG", "HTSTATS", "0").contains("number of elements: 3"))
        #expect(test.run("DEBUG", "SET-ACTIVE-EXPIRE", "0") == "+OK")
        test.run("PSETEX", "t", "1", "v")
        usleep(3000)
        test.engine.beginTurn()
        #expect(test.engine.databases[0].keyCount == 4)
        #expect(test.run("DEBUG", "SET-ACTIVE-EXPIRE", "1") == "+OK")
        test.engine.beginTurn()
        #expect(test.engine.databases[0].keyCount == 3)
    }
}
