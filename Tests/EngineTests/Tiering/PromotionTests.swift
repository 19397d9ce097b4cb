import Testing

@testable import Engine

/// Which fetched keys stay in the hot tier.
@Suite(.serialized) struct PromotionTests {
    private let day: Int64 = 1_790_000_000_000

    @Test func theSecondReadWithinTheWindowCounts() {
        var window = PromotionWindow()
        let hash: UInt64 = 0xFEDC_BA98_7654_3210
        let other = hash ^ 1 << 60
        let reads: [(hash: UInt64, seconds: Int64, isSeenAgain: Bool)] = [
            (hash, 0, false), (hash, 59, true), (hash, 59 + 61, false), (other, 121, false),
        ]
        for read in reads {
            let isSeenAgain = window.noteAndTest(
                read.hash, nowMs: day + read.seconds * 1000, windowMs: 60_000)
            #expect(isSeenAgain == read.isSeenAgain, "\(read)")
        }
    }

    /// A key that comes back after as many others as the hot tier has entries is still known.
    @Test func itRemembersAsManyKeysAsTheHotTierHolds() {
        let memory = 64 << 20
        var window = PromotionWindow()
        window.adapt(toMemory: memory)
        #expect(window.byteCount <= memory / 64)
        var random = TestRandom(5)
        let keys = (0..<memory / 1024).map { _ in random.next() }
        for key in keys { _ = window.noteAndTest(key, nowMs: day, windowMs: 60_000) }
        var known = 0
        for key in keys where window.noteAndTest(key, nowMs: day + 1000, windowMs: 60_000) {
            known += 1
        }
        #expect(known > keys.count / 2, "\(known) of \(keys.count)")
    }

    @Test func aHotTierThatMovesALittleForgetsNothing() {
        var window = PromotionWindow()
        window.adapt(toMemory: 100 << 20)
        _ = window.noteAndTest(7 << 52 | 1, nowMs: day, windowMs: 60_000)
        window.adapt(toMemory: 99 << 20)
        window.adapt(toMemory: 60 << 20)
        let isKnown = window.noteAndTest(7 << 52 | 1, nowMs: day, windowMs: 60_000)
        #expect(isKnown)
        window.adapt(toMemory: 8 << 20)
        #expect(window.byteCount == 4 * PromotionWindow.slotCount(forMemory: 8 << 20))
    }

    /// A large budget costs nothing before it is used.
    @Test func anEmptyServerRemembersLittle() throws {
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 16 << 30) }
        defer { durable.close() }
        let bytes = durable.engine.withLock { engine in
            engine.nowMs += 1000
            engine.followMemory()
            return engine.tier!.promotion.byteCount
        }
        #expect(bytes <= 1 << 20, "\(bytes)")
    }

    /// While memory is free the first read keeps a key; when it is not, the second.
    @Test func freeMemoryIsUsed() throws {
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 4 << 20) }
        defer { durable.close() }
        let value = String(repeating: "v", count: 200)
        for n in 0..<40_000 { durable.run("SET", "key:\(n)", value) }
        durable.run("TIER", "SPILL", "key:0", "key:1")
        func isHotAfterReading(_ key: String, times: Int) -> Bool {
            for _ in 0..<times { #expect(durable.run("GET", key) == value) }
            return durable.run("TIER", "LOCATE", key).contains("hot")
        }
        #expect(!isHotAfterReading("key:0", times: 1))
        durable.engine.withLock { $0.configuration.memoryBudget = MemoryBudget(bytes: 64 << 20) }
        #expect(isHotAfterReading("key:1", times: 1))
    }
}
