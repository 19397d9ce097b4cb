import Testing

@testable import Engine

/// Clients that wait for cold keys while reader threads fetch them.
@Suite(.serialized) struct ParkingTests {
    private final class ParkedConnection: ClientConnection, @unchecked Sendable {
        private let monitor = Monitor()
        private var resumed = 0

        func resume() {
            monitor.withLock {
                resumed += 1
                monitor.notifyAll()
            }
        }

        /// Waits for the next `resume`; false after ten seconds.
        func waitForResume(_ count: Int) -> Bool {
            monitor.withLock {
                let deadline = Clock.monotonicUs() + 10_000_000
                while resumed < count, Clock.monotonicUs() < deadline {
                    monitor.wait(microseconds: 100_000)
                }
                return resumed >= count
            }
        }

        func close() {}
        func wake() {}
        var peerAddress: String { "test" }
        var localAddress: String { "test" }
        var inputBytes: Int { 0 }
        var outputBytes: Int { 0 }
    }

    private func spilled(_ count: Int) throws -> DurableEngine {
        let durable = try DurableEngine()
        for n in 0..<count { durable.run("SET", "key:\(n)", "value \(n)") }
        for n in 0..<count { durable.run("TIER", "SPILL", "key:\(n)") }
        #expect(durable.wait { $0.databases[0].table.count == 0 })
        return durable
    }

    /// Executes requests in one turn, as far as it goes: the client may be parked, or the turn's
    /// time be up. Takes what was executed off the front of `input`; returns how many requests.
    private func takeTurn(_ durable: DurableEngine, _ input: inout [UInt8]) -> Int {
        var parser = RequestParser()
        var batch = RequestBatch()
        let count = input.withUnsafeBytes { bytes in
            _ = parser.parse(bytes, into: &batch, limits: .init(), requestsMax: 1000)
            return durable.engine.withLock { engine in
                engine.beginTurn()
                defer { _ = engine.endTurn() }
                return engine.execute(
                    durable.client, &batch, in: bytes, replyBytesMax: 1 << 20
                ).count
            }
        }
        if count > 0 { input.removeFirst(batch.requests[count - 1].endOffset) }
        return count
    }

    @Test func aPipelineWaitsForItsColdKeysAndGoesOn() throws {
        let durable = try spilled(50)
        defer { durable.close() }
        let connection = ParkedConnection()
        durable.client.connection = connection
        durable.engine.withLock { $0.tier!.readsAreSlow = true }
        var input = Array(
            ("PING\r\n" + (0..<50).map { "GET key:\($0)\r\n" }.joined() + "GET none\r\n").utf8)
        // The PING is answered, the rest waits.
        #expect(takeTurn(durable, &input) == 1)
        #expect(durable.client.isParked)
        #expect(connection.waitForResume(1))

        let before = durable.engine.withLock { $0.tier!.inlineUs16 }
        while !input.isEmpty {
            guard takeTurn(durable, &input) > 0 else {
                Issue.record("the client waits although its keys are at hand")
                return
            }
        }
        // Nothing was read in place.
        #expect(durable.engine.withLock { $0.tier!.inlineUs16 } == before)
        var decoder = ReplyDecoder(durable.client.reply.withBytes { Array($0) })
        durable.client.reply.removeAll()
        #expect(decoder.next().description == "+PONG")
        for n in 0..<50 { #expect(decoder.next().description == "value \(n)") }
        #expect(decoder.next() == .null)
        #expect(decoder.isAtEnd)
    }

    @Test func whatWasFetchedBeforeACommitIsNotServed() throws {
        let durable = try spilled(1)
        defer { durable.close() }
        let connection = ParkedConnection()
        durable.client.connection = connection
        durable.engine.withLock { $0.tier!.readsAreSlow = true }
        var input = Array("GET key:0\r\n".utf8)
        #expect(takeTurn(durable, &input) == 0)
        #expect(connection.waitForResume(1))
        // Another client changes the key, and the change goes to the cold tier.
        let other = durable.engine.withLock { Client(id: 9, nowMs: $0.nowMs) }
        durable.engine.withLock { engine in
            engine.beginTurn()
            OwnedArguments(["SET", "key:0", "new"].map { Array($0.utf8) }).withArguments {
                engine.execute(other, $0)
            }
            _ = engine.endTurn()
        }
        durable.engine.withLock { engine in
            OwnedArguments(["TIER", "SPILL", "key:0"].map { Array($0.utf8) }).withArguments {
                engine.execute(other, $0)
            }
        }
        #expect(durable.wait { $0.databases[0].table.count == 0 })
        var resumes = 1
        while takeTurn(durable, &input) == 0 {
            resumes += 1
            #expect(connection.waitForResume(resumes))
        }
        var decoder = ReplyDecoder(durable.client.reply.withBytes { Array($0) })
        #expect(decoder.next().description == "new")
        durable.client.reply.removeAll()
    }
}
