import Testing

@testable import Engine

/// A connection that only has addresses, and notes that it was closed.
final class FakeConnection: ClientConnection, @unchecked Sendable {
    var isClosed = false
    let peerAddress: String
    var localAddress: String { "127.0.0.1:6379" }
    var inputBytes: Int { 0 }
    var outputBytes: Int { 0 }

    init(_ peerAddress: String) { self.peerAddress = peerAddress }

    func close() { isClosed = true }
    func wake() {}
    func resume() {}
}

@Suite struct ConnectionCommandTests {
    @Test func pingAndEcho() {
        let test = TestEngine()
        #expect(test.run("PING") == "+PONG")
        #expect(test.run("PING", "a") == "a")
        #expect(test.run("PING", "a", "b") == "-ERR wrong number of arguments for 'ping' command")
        #expect(test.run("ECHO", "hello") == "hello")
    }

    @Test func select() {
        let test = TestEngine()
        #expect(test.run("SELECT", "15") == "+OK")
        #expect(test.client.database == 15)
        #expect(test.run("SELECT", "16") == "-ERR DB index is out of range")
        #expect(test.run("SELECT", "-1") == "-ERR DB index is out of range")
        #expect(
            test.run("SELECT", "2147483648").hasPrefix("-ERR value is out of range, value must"))
        #expect(test.run("SELECT", "x") == "-ERR value is not an integer or out of range")
    }

    @Test func authentication() {
        let test = TestEngine { $0.requirePass = "secret" }
        let wrong = "-WRONGPASS invalid username-password pair or user is disabled."
        #expect(test.run("PING") == "-NOAUTH Authentication required.")
        #expect(test.run("AUTH", "x") == wrong)
        #expect(test.run("AUTH", "default", "x") == wrong)
        #expect(test.run("AUTH", "other", "secret") == wrong)
        #expect(test.run("AUTH", "secre") == wrong)
        #expect(test.run("AUTH", "secrets") == wrong)
        #expect(test.run("AUTH", "a", "b", "c") == "-ERR syntax error")
        #expect(test.run("HELLO", "3").hasPrefix("-NOAUTH HELLO must be called"))
        #expect(test.run("AUTH", "secret") == "+OK")
        #expect(test.run("PING") == "+PONG")
        #expect(test.run("ACL", "LOG").contains("username default"))
        #expect(test.run("RESET") == "+RESET")
        #expect(test.run("PING") == "-NOAUTH Authentication required.")
        #expect(test.run("HELLO", "2", "AUTH", "default", "x") == wrong)
        #expect(test.run("HELLO", "2", "AUTH", "default", "secret").hasPrefix("[server redis"))
        let open = TestEngine()
        #expect(open.run("AUTH", "x").hasPrefix("-ERR AUTH <password> called without any"))
        #expect(open.run("AUTH", "default", "x") == "+OK")
    }

    @Test func hello() {
        let test = TestEngine()
        #expect(
            test.run("HELLO") == "[server redis version 7.0.15 proto :2 id :1 mode standalone "
                + "role master modules []]")
        #expect(test.run("HELLO", "4") == "-NOPROTO unsupported protocol version")
        #expect(
            test.run("HELLO", "x") == "-ERR Protocol version is not an integer or out of range")
        #expect(test.run("HELLO", "2", "foo") == "-ERR Syntax error in HELLO option 'foo'")
        #expect(test.run("HELLO", "2", "AUTH", "u") == "-ERR Syntax error in HELLO option 'AUTH'")
        #expect(test.run("HELLO", "3", "SETNAME", "a b").hasPrefix("-ERR Client names cannot"))
        #expect(test.client.reply.version == 2)
        #expect(test.run("HELLO", "3", "SETNAME", "me").hasPrefix("{server redis"))
        #expect(test.run("CLIENT", "GETNAME") == "me")
        #expect(test.run("RESET") == "+RESET")
        #expect(test.client.reply.version == 2)
        #expect(test.run("CLIENT", "GETNAME") == "nil")
    }

    @Test func quit() {
        let test = TestEngine()
        #expect(test.run("QUIT") == "+OK")
        #expect(test.client.closesAfterReply)
    }

    @Test func replyModes() {
        let test = TestEngine()
        func raw(_ line: String) -> String {
            String(
                decoding: test.sendRaw(line.split(separator: " ").map { Array($0.utf8) }),
                as: UTF8.self)
        }
        #expect(raw("CLIENT REPLY OFF") == "")
        #expect(raw("PING") == "")
        #expect(raw("NOSUCH") == "")
        #expect(raw("CLIENT REPLY SKIP") == "")
        #expect(raw("CLIENT REPLY ON") == "+OK\r\n")
        #expect(raw("CLIENT REPLY SKIP") == "")
        #expect(raw("PING") == "")
        #expect(raw("PING") == "+PONG\r\n")
        #expect(raw("CLIENT REPLY SKIP") == "")
        #expect(raw("CLIENT REPLY SKIP") == "")
        #expect(raw("NOSUCH") == "")
        #expect(raw("PING") == "+PONG\r\n")
        #expect(raw("CLIENT REPLY X") == "-ERR syntax error\r\n")
    }

    @Test func clientListAndKill() throws {
        let test = TestEngine()
        let engine = test.engine
        let links = (1...4).map { FakeConnection("10.0.0.\($0):5000") }
        let clients = try links.map { try #require(engine.connect($0)) }
        func run(_ line: String) -> String { test.run(line: line, clients[0]) }
        #expect(run("CLIENT ID") == ":\(clients[0].id)")
        #expect(run("CLIENT SETNAME one") == "+OK")
        #expect(run("CLIENT SETINFO LIB-NAME redis-py") == "+OK")
        #expect(run("CLIENT SETINFO FOO x") == "-ERR Unrecognized option 'FOO'")
        let info = run("CLIENT INFO")
        for part in [
            "id=\(clients[0].id) ", "addr=10.0.0.1:5000 ", "name=one ", "flags=N ", "db=0 ",
            "cmd=client|info ", "user=default ", "resp=2", "lib-name=redis-py", "multi=-1 ",
        ] { #expect(info.contains(part), "\(part)") }
        #expect(run("CLIENT LIST").split(separator: "\n").count == 4)
        #expect(run("CLIENT LIST ID \(clients[1].id) 999").split(separator: "\n").count == 1)
        #expect(run("CLIENT LIST ID x") == "-ERR Invalid client ID")
        #expect(run("CLIENT LIST TYPE foo") == "-ERR Unknown client type 'foo'")
        #expect(run("CLIENT LIST ID") == "-ERR syntax error")
        test.run(line: "SUBSCRIBE c", clients[1])
        #expect(run("CLIENT LIST TYPE pubsub").contains("flags=P "))
        #expect(run("CLIENT LIST TYPE replica") == "")
        #expect(run("CLIENT KILL TYPE pubsub") == ":1")
        #expect(links[1].isClosed && clients[1].closesAfterReply)
        #expect(run("CLIENT KILL 10.0.0.9:1") == "-ERR No such client")
        #expect(run("CLIENT KILL 10.0.0.3:5000") == "+OK")
        #expect(links[2].isClosed)
        #expect(run("CLIENT KILL ID 0") == "-ERR client-id should be greater than 0")
        #expect(run("CLIENT KILL USER x") == "-ERR No such user 'x'")
        #expect(run("CLIENT KILL SKIPME x") == "-ERR syntax error")
        #expect(run("CLIENT KILL SKIPME x y") == "-ERR syntax error")
        #expect(run("CLIENT KILL ADDR 10.0.0.1:5000") == ":0")
        #expect(run("CLIENT KILL ADDR 10.0.0.1:5000 SKIPME no") == ":1")
        #expect(clients[0].closesAfterReply && !links[0].isClosed)
        for client in clients { engine.disconnect(client) }
        #expect(engine.clients.count == 0)
    }

    @Test func unblockAndTracking() throws {
        let test = TestEngine()
        let link = FakeConnection("10.0.0.1:1")
        let other = try #require(test.engine.connect(link))
        #expect(test.run("CLIENT", "UNBLOCK", "\(other.id)") == ":0")
        test.block("BLPOP k 0", other)
        #expect(test.run("CLIENT", "UNBLOCK", "\(other.id)") == ":1")
        #expect(test.reply(of: other) == "nil[]")
        test.block("BLPOP k 0", other)
        #expect(test.run("CLIENT", "UNBLOCK", "\(other.id)", "ERROR") == ":1")
        #expect(test.reply(of: other) == "-UNBLOCKED client unblocked via CLIENT UNBLOCK")
        #expect(
            test.run("CLIENT", "UNBLOCK", "1", "X")
                == "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
        #expect(test.run("CLIENT", "TRACKINGINFO") == "[flags [off] redirect :-1 prefixes []]")
        #expect(test.run("CLIENT", "TRACKING", "OFF") == "+OK")
        #expect(test.run("CLIENT", "TRACKING", "ON").hasPrefix("-ERR Client side caching"))
        #expect(test.run("CLIENT", "GETREDIR") == ":-1")
        #expect(test.run("CLIENT", "NO-EVICT", "ON") == "+OK")
        #expect(
            test.run("CLIENT", "NOSUCH") == "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.")
    }

    @Test func pause() {
        let test = TestEngine()
        func waits(_ line: String) -> Bool {
            OwnedArguments(line.split(separator: " ").map { Array($0.utf8) }).withArguments {
                test.engine.mustWait(test.client, $0)
            }
        }
        #expect(
            test.run("CLIENT", "PAUSE", "x") == "-ERR timeout is not an integer or out of range")
        #expect(test.run("CLIENT", "PAUSE", "-1") == "-ERR timeout is negative")
        #expect(
            test.run("CLIENT", "PAUSE", "1", "x") == "-ERR CLIENT PAUSE mode must be WRITE or ALL")
        #expect(!waits("SET a b"))
        #expect(test.run("CLIENT", "PAUSE", "100000", "WRITE") == "+OK")
        #expect(waits("SET a b") && !waits("GET a"))
        #expect(test.run("MULTI") == "+OK")
        #expect(!waits("SET a b"))
        test.run("GET", "a")
        #expect(!waits("EXEC"))
        test.run("SET", "a", "b")
        #expect(waits("EXEC"))
        #expect(test.run("DISCARD") == "+OK")
        #expect(test.run("CLIENT", "PAUSE", "1") == "+OK")
        #expect(waits("GET a"))
        #expect(test.run("CLIENT", "UNPAUSE") == "+OK")
        #expect(!waits("SET a b"))
    }

    @Test func whatIsPushedIsNotSilenced() {
        let test = TestEngine(resp: 3)
        let words = { (line: String) in line.split(separator: " ").map { Array($0.utf8) } }
        #expect(test.sendRaw(words("CLIENT REPLY OFF")).isEmpty)
        #expect(test.run(line: "SUBSCRIBE c") == ">[subscribe c :1]")
        #expect(test.run(line: "PUBLISH c hello") == ">[message c hello]")
        #expect(test.run(line: "PSUBSCRIBE c*") == ">[psubscribe c* :2]")
        let replies = test.sendRaw(words("PUBLISH c again"))
        var decoder = ReplyDecoder(replies)
        #expect(decoder.next().description == ">[message c again]")
        #expect(decoder.next().description == ">[pmessage c* c again]")
        #expect(decoder.isAtEnd)
        // An error is a reply like others.
        #expect(test.sendRaw(words("GET")).isEmpty)
        #expect(test.sendRaw(words("INCRBY a x")).isEmpty)
        #expect(test.run(line: "CLIENT REPLY ON") == "+OK")
        #expect(test.sendRaw(words("CLIENT REPLY SKIP")).isEmpty)
        #expect(test.run(line: "UNSUBSCRIBE c") == ">[unsubscribe c :1]")
        #expect(test.run(line: "PING") == "+PONG")
    }

    @Test func aTransactionNeedsTheMemoryThatItsCommandsNeed() {
        let test = TestEngine()
        let other = test.makeClient()
        let oom = "-OOM command not allowed when used memory > 'maxmemory'."
        test.run(line: "MULTI")
        test.run(line: "GET a")
        test.run(line: "MULTI", other)
        test.run(line: "SET a 1", other)
        #expect(test.run(line: "CONFIG SET maxmemory 1", test.makeClient()) == "+OK")
        test.engine.keepWithinBudget()
        #expect(test.run(line: "EXEC") == "[nil]")
        #expect(
            test.run(line: "EXEC", other)
                == "-EXECABORT Transaction discarded because of: " + String(oom.dropFirst()))
        // To queue a command takes memory, whatever the command.
        test.run(line: "MULTI")
        #expect(test.run(line: "GET a") == oom)
        #expect(test.run(line: "DISCARD") == "+OK")
        #expect(test.run(line: "GET a") == "nil")
    }
}
