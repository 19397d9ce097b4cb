import Testing

@testable import Engine

/// What is pushed to a client while its own command runs comes after the command's reply.
@Suite(.serialized) struct PushOrderTests {
    /// An engine that tells its first client, of RESP3, of every event.
    private func make() -> TestEngine {
        let test = TestEngine(resp: 3)
        test.engine.notifiedEvents = KeyspaceEvents.all.union([.keyevent, .new, .keyMiss])
        test.run(line: "PSUBSCRIBE __key*")
        return test
    }

    /// All that a request brings.
    private func replies(_ test: TestEngine, _ line: String) -> [String] {
        var decoder = ReplyDecoder(
            test.sendRaw(line.split(separator: " ").map { Array($0.utf8) }))
        var found: [String] = []
        while !decoder.isAtEnd { found.append(decoder.next().description) }
        return found
    }

    private func event(_ name: String, _ key: String) -> String {
        ">[pmessage __key* __keyevent@0__:\(name) \(key)]"
    }

    @Test func ofOneCommand() {
        let test = make()
        #expect(replies(test, "SET a 1") == ["+OK", event("new", "a"), event("set", "a")])
        #expect(replies(test, "GET b") == ["nil", event("keymiss", "b")])
        test.run(line: "SUBSCRIBE c")
        #expect(replies(test, "PUBLISH c x") == [":1", ">[message c x]"])
        // An error is a reply.
        #expect(replies(test, "INCRBY b x").count == 1)
        #expect(replies(test, "LPUSH a 1")[0].hasPrefix("-WRONGTYPE"))
    }

    @Test func ofConsumersThatAreMade() {
        let test = make()
        for line in ["XADD s 1-1 f v", "XGROUP CREATE s g 0"] {
            #expect(replies(test, line).count > 1)
        }
        let made = event("xgroup-createconsumer", "s")
        #expect(
            replies(test, "XREADGROUP GROUP g c STREAMS s >") == ["{s [[1-1 [f v]]]}", made])
        #expect(
            replies(test, "XAUTOCLAIM s g d 0 0") == ["[0-0 [[1-1 [f v]]] []]", made])
        #expect(replies(test, "XCLAIM s g e 0 1-1 JUSTID") == ["[1-1]", made])
    }

    @Test func ofTransactions() {
        let test = make()
        for line in ["MULTI", "SET a 1", "SUBSCRIBE c", "PUBLISH c x", "INCR a"] {
            test.run(line: line)
        }
        #expect(
            replies(test, "EXEC") == [
                "[+OK >[subscribe c :2] :1 :2]", event("new", "a"), event("set", "a"),
                ">[message c x]", event("incrby", "a"),
            ])
    }

    /// Confirmations are what SUBSCRIBE and its kin reply.
    @Test func confirmationsAreReplies() {
        let test = make()
        #expect(
            replies(test, "SUBSCRIBE a b") == [">[subscribe a :2]", ">[subscribe b :3]"])
        #expect(replies(test, "UNSUBSCRIBE a") == [">[unsubscribe a :2]"])
        #expect(replies(test, "CLIENT REPLY OFF") == [])
        #expect(replies(test, "SUBSCRIBE a") == [">[subscribe a :3]"])
        #expect(replies(test, "SET k v") == [event("new", "k"), event("set", "k")])
        #expect(replies(test, "CLIENT REPLY ON") == ["+OK"])
    }

    @Test func ofBlockedClients() {
        let test = make()
        #expect(replies(test, "BLPOP list 0") == [])
        let other = test.makeClient()
        #expect(test.run(line: "RPUSH list x", other) == ":1")
        var decoder = ReplyDecoder(test.client.reply.withBytes { Array($0) })
        var found: [String] = []
        while !decoder.isAtEnd { found.append(decoder.next().description) }
        #expect(
            found == [
                event("new", "list"), event("rpush", "list"), "[list x]", event("lpop", "list"),
                event("del", "list"),
            ])
        #expect(!test.client.isBlocked)
    }
}
