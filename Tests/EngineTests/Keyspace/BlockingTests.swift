import Testing

@testable import Engine

@Suite(.serialized) struct BlockingTests {
    private let anything = BlockedRequest(type: .list) { _, _, _ in true }

    /// Queues beside arrays of clients, with arrivals and departures at random.
    @Test(arguments: [1, 2, 3]) func queuesAreArrays(seed: UInt64) {
        var random = Random(seed: seed)
        var queue = BlockedQueue()
        var model: [(sequence: UInt64, client: Client)] = []
        var sequence: UInt64 = 0
        for step in 0..<4000 {
            let grows = step / 500 % 2 == 0 ? 7 : 3
            if model.isEmpty || Int.random(in: 0..<10, using: &random) < grows {
                sequence += 1
                let client = Client(id: Int64(sequence), nowMs: 0)
                let isNew = queue.append(client, sequence, anything)
                let isNewAgain = queue.append(client, sequence, anything)
                #expect(isNew && !isNewAgain)
                model.append((sequence, client))
            } else {
                // Mostly the first, as when keys are served.
                let place =
                    Bool.random(using: &random)
                    ? 0 : Int.random(in: 0..<model.count, using: &random)
                queue.remove(model[place].sequence, anything)
                queue.remove(model[place].sequence, anything)
                model.remove(at: place)
            }
            #expect(queue.isEmpty == model.isEmpty)
            let from = UInt64.random(in: 0...sequence, using: &random)
            let expected = model.first { $0.sequence > from }
            let found = queue.next(after: from)
            #expect(found?.sequence == expected?.sequence, "seed \(seed), step \(step)")
            #expect(found?.client === expected?.client)
        }
    }

    @Test func oneIsServedAndTheRestWait() {
        let test = TestEngine()
        let clients = (0..<3).map { _ in test.makeClient() }
        for client in clients { test.block("BLPOP a b 0", client) }
        #expect(test.engine.blocking.count == 3)
        _ = test.effects()
        #expect(test.run("RPUSH", "b", "x") == ":1")
        #expect(test.reply(of: clients[0]) == "[b x]")
        #expect(test.reply(of: clients[1]) == "")
        #expect(test.effects() == ["RPUSH b x", "LPOP b"])
        #expect(test.engine.blocking.count == 2)
        #expect(test.run("RPUSH", "a", "1", "2", "3") == ":3")
        #expect(test.reply(of: clients[1]) == "[a 1]")
        #expect(test.reply(of: clients[2]) == "[a 2]")
        #expect(test.engine.blocking.count == 0)
        #expect(test.engine.observedKeyCount == 0)
        #expect(test.run("LRANGE", "a", "0", "-1") == "[3]")
    }

    @Test func timeEndsTheWait() {
        let test = TestEngine()
        let soon = test.makeClient()
        let later = test.makeClient()
        for client in [later, soon] { test.engine.clients.add(client) }
        test.block("BLPOP k 1000", later)
        test.block("BRPOP k 500.0001", soon)
        #expect(test.engine.blocking.deadlineCount == 2)
        test.engine.nowMs += 500_000
        test.engine.timeOutBlockedClients()
        #expect(test.reply(of: soon) == "")
        test.engine.nowMs += 1
        test.engine.timeOutBlockedClients()
        #expect(test.reply(of: soon) == "nil[]")
        #expect(test.reply(of: later) == "")
        test.engine.nowMs += 500_000
        test.engine.timeOutBlockedClients()
        #expect(test.reply(of: later) == "nil[]")
        #expect(test.engine.blocking.count == 0)
        #expect(test.engine.blocking.deadlineCount == 0)
        #expect(test.engine.observedKeyCount == 0)
    }

    /// A deadline past the end of time is one.
    @Test func hugeTimeouts() {
        let test = TestEngine()
        let client = test.makeClient()
        test.block("BLPOP k 9223372036854774", client)
        test.engine.stopBlocking(client)
        #expect(test.run("BLPOP", "k", "9223372036854776") == "-ERR timeout is negative")
        test.block("WAIT 1 9223372036854775807", client)
        test.engine.stopBlocking(client)
        #expect(test.engine.blocking.deadlineCount == 0)
    }

    /// A move that cannot be done answers with its error, and nothing has moved.
    @Test func anErrorEndsTheWait() {
        let test = TestEngine()
        let client = test.makeClient()
        test.run(line: "SET target 1")
        test.block("BLMOVE k target LEFT LEFT 0", client)
        _ = test.effects()
        test.run(line: "RPUSH k x")
        #expect(test.reply(of: client).hasPrefix("-WRONGTYPE"))
        #expect(test.run(line: "LRANGE k 0 -1") == "[x]")
        #expect(test.effects() == ["RPUSH k x"])
    }

    /// A blocked command is slow, or not, when it is served.
    @Test func theSlowLogHasItWhenItIsServed() {
        let test = TestEngine()
        let client = test.makeClient()
        test.run(line: "CONFIG SET slowlog-log-slower-than 0")
        test.block("BLPOP k 0", client)
        #expect(!test.run(line: "SLOWLOG GET 5").contains("BLPOP"))
        test.run(line: "RPUSH k x")
        #expect(test.run(line: "SLOWLOG GET 1").contains("[BLPOP k 0]"))
    }

    @Test func aPauseHoldsUpNothingThatIsRefusedAnyway() {
        let test = TestEngine()
        func mustWait(_ line: String) -> Bool {
            let words = line.split(separator: " ").map { Array($0.utf8) }
            return OwnedArguments(words).withArguments { test.engine.mustWait(test.client, $0) }
        }
        test.run(line: "CLIENT PAUSE 100000 ALL")
        #expect(mustWait("SET a 1") && mustWait("GET a"))
        #expect(!mustWait("GET") && !mustWait("NOSUCHCOMMAND a"))
    }

    @Test func events() {
        let test = TestEngine()
        let client = test.makeClient()
        test.block("BLMOVE k target LEFT RIGHT 0", client)
        _ = test.events()
        test.run(line: "RPUSH k x")
        #expect(test.events() == ["rpush k", "rpush target", "lpop k", "del k"])
    }
}

extension TestEngine {
    /// Executes a request of another client, which must block.
    func block(_ line: String, _ client: Client) {
        let words = line.split(separator: " ").map { Array($0.utf8) }
        let bytes = sendRaw(words, client)
        #expect(bytes.isEmpty && client.isBlocked, "\(line)")
    }

    /// What was written to a client meanwhile; empty when nothing was.
    func reply(of client: Client) -> String {
        let bytes = client.reply.withBytes { Array($0) }
        client.reply.removeAll()
        if bytes.isEmpty { return "" }
        var decoder = ReplyDecoder(bytes)
        return decoder.next().description
    }
}
