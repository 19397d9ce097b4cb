import Testing

@testable import Engine

/// FLUSHDB, FLUSHALL and SWAPDB against checkpoints and crashes at bad moments.
@Suite(.serialized) struct NamespaceRecoveryTests {
    @Test func flushesBeforeACheckpointThatWasNotTrimmed() throws {
        let durable = try DurableEngine()
        defer { durable.close(checkpointMsMax: 0) }
        durable.stopMaintenance()
        durable.run("SET", "first", "1")
        durable.run("FLUSHDB")
        durable.run("SET", "second", "2")
        durable.run("FLUSHALL")
        durable.run("SET", "third", "3")
        #expect(durable.checkpointWithoutTrimming())
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("GET", "third") == "3")
        // Checkpoints and merges of the recovered store keep it.
        for round in 0..<3 {
            crashed.run("SET", "round", "\(round)")
            try crashed.reopen()
        }
        crashed.engine.tier!.store.requestFullMerge()
        try crashed.reopen()
        #expect(crashed.run("GET", "third") == "3")
        #expect(crashed.run("DBSIZE") == ":2")
    }

    @Test func swapDuringACheckpointsWalk() throws {
        let durable = try DurableEngine()
        defer { durable.close(checkpointMsMax: 0) }
        durable.stopMaintenance()
        durable.run("SET", "a", "1")
        durable.run("SELECT", "1")
        durable.run("SET", "b", "2")
        durable.engine.withLock { _ = $0.startCheckpoint() }
        while durable.engine.withLock({ $0.checkpoint.phase }) == .rotating {
            // Only the rotation: `step` would walk to the end.
            try durable.engine.logWriter!.completeRotation()
            durable.engine.withLock { $0.checkpoint.phase = .walking }
        }
        durable.engine.withLock { _ = $0.stepCheckpoint(limit: 1) }
        #expect(durable.engine.withLock { $0.checkpoint.database } == 1)
        durable.run("SWAPDB", "0", "1")
        for _ in 0..<10_000 where durable.engine.withLock({ $0.checkpoint.phase != .idle }) {
            _ = durable.engine.maintenance!.step()
        }
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("GET", "b") == "2")
        crashed.run("SELECT", "1")
        #expect(crashed.run("GET", "a") == "1")
    }

    @Test func aCommitWaitsForTheFlushThatItKnowsOf() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        durable.run("SET", "a", "1")
        durable.engine.withLock { engine in
            let tier = engine.tier!
            engine.flush(database: 0, lazily: false)
            #expect(tier.batch.newestLSN < engine.currentLSN)
            tier.batch.setMetadata(Array("test".utf8), [1])
            engine.submitBatch(tier)
            engine.flushLog()
        }
        #expect(
            durable.wait { engine in
                engine.tier!.writer.stats.committedLSN == engine.currentLSN
            })
    }

    @Test func fewerDatabasesThanHoldKeysAreRefused() throws {
        var count = 16
        let durable = try DurableEngine { $0.databases = count }
        defer { durable.close() }
        durable.run("SELECT", "9")
        durable.run("SET", "a", "1")
        // Known from the log's tail only.
        count = 4
        #expect(throws: StartError.self) { try durable.crashed() }
        // Known from the cold tier only.
        count = 16
        try durable.reopen()
        count = 4
        #expect(throws: StartError.self) { try durable.crashed() }
        count = 10
        try durable.reopen()
        durable.run("SELECT", "9")
        #expect(durable.run("GET", "a") == "1")
    }

    @Test func aSpillInsideATransactionIsNotOlderThanIt() throws {
        let durable = try DurableEngine()
        defer { durable.close(checkpointMsMax: 0) }
        durable.stopMaintenance()
        durable.turn([
            ["MULTI"], ["INCR", "c"], ["TIER", "SPILL", "c"], ["SET", "x", "1"], ["EXEC"],
        ])
        #expect(durable.wait { $0.tier!.queuedBatches == 0 })
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("GET", "c") == "1")
    }

    @Test func aLostLogIsNoticedWithoutACheckpoint() throws {
        let durable = try DurableEngine()
        defer { durable.close(checkpointMsMax: 0) }
        durable.stopMaintenance()
        durable.run("SET", "k", "old")
        durable.run("TIER", "SPILL", "k")
        #expect(durable.wait { $0.tier!.queuedBatches == 0 })
        #expect(throws: StartError.self) {
            try durable.crashed { "rm -rf \($0)/appendonlydir" }
        }
    }
}
