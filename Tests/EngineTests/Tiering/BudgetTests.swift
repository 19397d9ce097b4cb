import Testing

@testable import Engine

/// The hot tier stays within `maxmemory`, and what becomes of clients meanwhile.
@Suite(.serialized) struct BudgetTests {
    private let value = String(repeating: "v", count: 200)

    @Test(arguments: [1 << 20, 8 << 20, 50 << 20])
    func aFloodOfNewKeysStaysNearTheBudget(_ budget: Int) throws {
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: budget) }
        defer { durable.close() }
        let base = durable.engine.withLock { $0.usedMemory }
        let count = Swift.min(budget / 20_000 * 300, 150_000)
        for start in stride(from: 0, to: count, by: 100) {
            durable.turn((start..<start + 100).map { ["SET", "key:\($0)", value] })
        }
        let peak = durable.engine.withLock { $0.stats.peakMemoryBytes }
        #expect(peak <= budget + max(budget / 10, 4 << 20) + base, "\(peak)")
        #expect(durable.engine.databases[0].keyCount == count)
        for n in stride(from: 0, to: count, by: 997) {
            #expect(durable.run("GET", "key:\(n)") == value)
        }
    }

    /// New keys that nobody asks for go before those that are in use, however recent they are.
    @Test func aFloodDoesNotPushOutWhatIsInUse() throws {
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 6 << 20) }
        defer { durable.close() }
        let used = (0..<2000).map { "used:\($0)" }
        durable.turn(used.map { ["SET", $0, value] })
        for start in stride(from: 0, to: 60_000, by: 100) {
            durable.turn((start..<start + 100).map { ["SET", "key:\($0)", value] })
            let first = start / 100 % 20 * 100
            durable.turn(used[first..<first + 100].map { ["GET", $0] })
        }
        let hot = used.count { durable.run("TIER", "LOCATE", $0).contains("hot") }
        #expect(hot > used.count * 9 / 10, "\(hot) of \(used.count)")
    }

    /// The disk does nothing: writers wait, others are served; then everything goes on.
    @Test func onlyCommandsThatNeedMemoryWaitForTheDisk() throws {
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 2 << 20) }
        defer { durable.close() }
        let monitor = Monitor()
        nonisolated(unsafe) var mayGoOn = false
        nonisolated(unsafe) var rooms = 0
        durable.engine.withLock { engine in
            engine.onRoom = { rooms += 1 }
            engine.tier!.writer.perform { _ in
                monitor.withLock { while !mayGoOn { monitor.wait() } }
            }
        }
        let client = durable.client
        func answers(_ line: String) -> String? {
            let input = Array((line + "\r\n").utf8)
            var parser = RequestParser()
            var batch = RequestBatch()
            let (count, mustWait) = input.withUnsafeBytes { bytes in
                _ = parser.parse(bytes, into: &batch, limits: .init(), requestsMax: 10)
                return durable.engine.withLock { engine in
                    engine.beginTurn()
                    defer { _ = engine.endTurn() }
                    return engine.execute(client, &batch, in: bytes, replyBytesMax: 1 << 20)
                }
            }
            #expect(mustWait == (count == 0))
            if count == 0 { return nil }
            var decoder = ReplyDecoder(client.reply.withBytes { Array($0) })
            client.reply.removeAll()
            return decoder.next().description
        }
        var written = 0
        while written < 100_000, answers("SET key:\(written) \(value)") == "+OK" { written += 1 }
        #expect(written < 30_000)
        let held = durable.engine.withLock { $0.usedMemory }
        #expect(held < 7 << 20)
        #expect(answers("SET other 1") == nil)
        #expect(answers("GET key:\(written - 1)") == value)
        #expect(answers("MULTI") == "+OK")
        #expect(answers("SET other 1") == "+QUEUED")
        #expect(answers("EXEC") == nil)
        #expect(answers("DISCARD") == "+OK")
        #expect(answers("DEL key:\(written - 1) key:\(written - 2)") == ":2")
        written -= 2
        while answers("SET more:\(written) \(value)") == "+OK" { written += 1 }
        monitor.withLock {
            mayGoOn = true
            monitor.notifyAll()
        }
        #expect(durable.wait { _ in rooms > 0 })
        #expect(answers("SET other 1") == "+OK")
        #expect(durable.engine.databases[0].keyCount == written + 1)
        for n in stride(from: 0, to: written - 100, by: 97) {
            #expect(durable.run("GET", "key:\(n)") == value)
        }
    }

    @Test func aBudgetThatIsLoweredDoesNotStopWriters() throws {
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 64 << 20) }
        defer { durable.close() }
        for start in stride(from: 0, to: 60_000, by: 100) {
            durable.turn((start..<start + 100).map { ["SET", "key:\($0)", value] })
        }
        durable.engine.withLock { engine in
            engine.configuration.memoryBudget = MemoryBudget(bytes: 2 << 20)
            engine.beginTurn()
            _ = engine.endTurn()
            #expect(!engine.holdsWriters && !engine.isOutOfMemory)
        }
        #expect(durable.wait { $0.usedMemory < 4 << 20 })
        #expect(durable.run("GET", "key:77") == value)
    }

    /// Until the log has begun there is no position to stamp a record with: a commit of that time
    /// must not spill.
    @Test func aCommitSpillsNothingBeforeTheEngineHasStarted() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        for n in 0..<5000 { durable.run("SET", "key:\(n)", value) }
        let maintenance = durable.engine.withLock { $0.maintenance! }
        maintenance.stop()
        let queued = durable.engine.withLock { engine in
            engine.maintenance = nil
            engine.configuration.memoryBudget = MemoryBudget(bytes: 1 << 20)
            OwnedArguments(["TIER", "SPILL", "key:0"].map { Array($0.utf8) }).withArguments {
                engine.execute(durable.client, $0)
            }
            return engine.tier!.queuedBatches
        }
        #expect(queued == 1)
        #expect(durable.wait { $0.databases[0].dirtyCount < 5000 && $0.tier!.queuedBatches == 0 })
        durable.engine.withLock { engine in
            #expect(engine.databases[0].dirtyCount == 4999)
            #expect(engine.tier!.batch.isEmpty)
            engine.maintenance = Maintenance(engine)
            engine.maintenance!.start()
        }
    }

    @Test(arguments: [MaxmemoryPolicy.volatileLRU, .volatileTTL])
    func aVolatilePolicySpillsOnlyKeysWithAnExpiry(policy: MaxmemoryPolicy) throws {
        let durable = try DurableEngine { configuration in
            configuration.memoryBudget = MemoryBudget(bytes: 2 << 20)
            configuration.maxmemoryPolicy = policy
        }
        defer { durable.close() }
        let value = String(repeating: "v", count: 500)
        // With an expiry everything fits, for it spills.
        for n in 0..<10_000 {
            #expect(durable.run("SET", "volatile:\(n)", value, "EX", "1000") == "+OK")
        }
        #expect(durable.wait { $0.databases[0].coldOnlyCount > 5000 })
        // Without, the budget is the end.
        var refused = false
        for n in 0..<10_000 where !refused {
            refused = durable.run("SET", "lasting:\(n)", value).hasPrefix("-OOM")
        }
        #expect(refused)
        #expect(durable.run("GET", "lasting:0") == value)
        // What may leave makes room again.
        for n in 0..<1000 { durable.run("EXPIRE", "lasting:\(n)", "1000") }
        #expect(durable.wait { !$0.isOutOfMemory })
        #expect(durable.run("SET", "again", value) == "+OK")
    }
}
