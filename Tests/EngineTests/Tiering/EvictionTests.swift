import Testing

@testable import Engine

/// Which keys leave when memory is short. Mostly without a cold tier: then every victim is gone at
/// once, and time stands still but for what a test lets go by.
@Suite(.serialized) struct EvictionTests {
    private let time = ManualTime()
    private let value = String(repeating: "v", count: 200)
    private static let policies: [MaxmemoryPolicy] = [
        .allkeysLRU, .allkeysLFU, .allkeysRandom, .volatileLRU, .volatileLFU, .volatileRandom,
        .volatileTTL,
    ]

    private func engine(_ policy: MaxmemoryPolicy = .allkeysLRU) -> TestEngine {
        let test = TestEngine(clock: Clock(time)) {
            $0.maxmemoryPolicy = policy
            $0.memoryBudget = MemoryBudget(bytes: 0)
        }
        // Effects that nobody takes would count.
        test.engine.logIsEnabled = false
        return test
    }

    private func pass(seconds: Int64) { time.advance(us: seconds * 1_000_000) }

    /// Writes keys with a TTL, so that a volatile policy takes them too.
    private func write(_ test: TestEngine, _ keys: [String], bytes: Int = 200) {
        let value = String(repeating: "v", count: bytes)
        for key in keys { test.run("SET", key, value, "EX", "100000") }
    }

    private func read(_ test: TestEngine, _ keys: [String]) {
        for key in keys { test.run("GET", key) }
    }

    private func left(_ test: TestEngine, _ keys: [String]) -> Int {
        keys.count { key in
            Array(key.utf8).withUnsafeBytes { bytes in
                test.engine.databases[0].table.find(test.engine.secret.hash(bytes), bytes) != nil
            }
        }
    }

    /// From now on memory is short by `excess` bytes.
    private func limit(_ test: TestEngine, excess: Int = 0) {
        test.engine.configuration.memoryBudget = MemoryBudget(
            bytes: test.engine.usedMemory - excess)
    }

    /// The ends of a few turns: memory is within the budget then.
    private func reduce(_ test: TestEngine) {
        let budget = test.engine.configuration.maxmemory
        for _ in 0..<20 where test.engine.usedMemory > budget { test.engine.keepWithinBudget() }
        #expect(test.engine.usedMemory <= budget)
    }

    private func names(_ name: String, _ range: Range<Int>) -> [String] {
        range.map { "\(name):\($0)" }
    }

    /// The worst of its neighbours may still be in use: there the sweep goes on.
    @Test(arguments: [MaxmemoryPolicy.allkeysLRU, .volatileLRU, .allkeysLFU])
    func whereverOldKeysAreThoseInUseStay(_ policy: MaxmemoryPolicy) {
        let test = engine(policy)
        let used = names("used", 0..<4000)
        // Of the others all are in the upper half of the table.
        let others = names("other", 0..<40_000).filter { key in
            Array(key.utf8).withUnsafeBytes { test.engine.secret.hash($0) } >> 63 == 1
        }
        write(test, used + others)
        for _ in 0..<10 { read(test, used) }
        pass(seconds: 10)
        read(test, used)
        limit(test)
        for turn in 0..<20 {
            let new = names("new", turn * 200..<turn * 200 + 200)
            write(test, new)
            reduce(test)
            read(test, used)
            pass(seconds: 1)
        }
        #expect(left(test, used) == used.count)
        #expect(test.engine.stats.evictedKeys > 3000)
    }

    @Test func keysThatAreIdleLeave() {
        let test = engine()
        let (used, idle) = (names("used", 0..<5000), names("idle", 0..<5000))
        write(test, used + idle)
        read(test, used + idle)
        pass(seconds: 3600)
        read(test, used)
        pass(seconds: 60)
        limit(test, excess: 600_000)
        reduce(test)
        #expect(left(test, used) == used.count)
        #expect((1000..<4000).contains(left(test, idle)), "\(left(test, idle))")
    }

    @Test func keysThatAreUsedRarelyLeaveByLFU() {
        let test = engine(.allkeysLFU)
        let (often, rarely) = (names("often", 0..<3000), names("rarely", 0..<3000))
        write(test, often + rarely)
        for _ in 0..<20 { read(test, often) }
        limit(test, excess: 300_000)
        reduce(test)
        #expect(left(test, often) == often.count)
        #expect(left(test, rarely) < 2500)
    }

    /// The sample tells of keys that nobody uses, and a moment later all are in use.
    @Test func itGoesOnWhenTheWorstHaveBecomeTheBest() {
        let test = engine()
        let keys = names("key", 0..<20_000)
        write(test, keys)
        pass(seconds: 3600)
        limit(test, excess: 10_000)
        reduce(test)
        #expect(!test.engine.victimScores.admits(0))
        read(test, keys)
        limit(test, excess: 400_000)
        reduce(test)
        #expect(!test.engine.isOutOfMemory)
    }

    /// Many keys and a few large ones; one database and several.
    @Test(arguments: policies, [1, 3])
    func everyPolicyHoldsTheBudget(_ policy: MaxmemoryPolicy, _ databases: Int) {
        for (bytes, count) in [(50, 9000), (200, 5000), (40_000, 40), (400_000, 6)] {
            let test = engine(policy)
            limit(test, excess: -700_000)
            for n in 0..<count {
                if databases > 1 { test.run("SELECT", "\(n % databases)") }
                write(test, ["key:\(n)"], bytes: bytes)
                if n % 3 == 0 { read(test, ["key:\(n / 2)"]) }
                if n % 10 == 0 || bytes > 1000 {
                    reduce(test)
                }
                if n % 1000 == 0 { pass(seconds: 1) }
            }
            #expect(test.engine.stats.evictedKeys > 0)
            #expect(!test.engine.isOutOfMemory)
        }
    }

    /// Of keys that may leave there are few, far between.
    @Test(arguments: [MaxmemoryPolicy.volatileLRU, .volatileLFU, .volatileRandom])
    func aFewVolatileKeysAreFound(_ policy: MaxmemoryPolicy) {
        let test = engine(policy)
        for n in 0..<30_000 { test.run("SET", "lasting:\(n)", value) }
        let few = names("volatile", 0..<50)
        write(test, few)
        limit(test, excess: 3000)
        reduce(test)
        #expect((20..<50).contains(left(test, few)), "\(left(test, few))")
        limit(test, excess: 30_000)
        for _ in 0..<5 { test.engine.keepWithinBudget() }
        #expect(left(test, few) == 0)
        #expect(test.engine.isOutOfMemory)
    }

    /// The same with a cold tier: nothing is lost, and what can leave does.
    @Test(arguments: policies) func everyPolicySpills(_ policy: MaxmemoryPolicy) throws {
        let durable = try DurableEngine {
            $0.maxmemoryPolicy = policy
            $0.memoryBudget = MemoryBudget(bytes: 8 << 20)
        }
        defer { durable.close() }
        let count = 40_000
        for start in stride(from: 0, to: count, by: 100) {
            durable.turn((start..<start + 100).map { ["SET", "key:\($0)", value, "EX", "10000"] })
        }
        #expect(durable.wait { $0.usedMemory <= 9 << 20 && !$0.isOutOfMemory })
        #expect(durable.run("DBSIZE") == ":\(count)")
        for n in stride(from: 0, to: count, by: 991) {
            #expect(durable.run("GET", "key:\(n)") == value)
        }
    }

    /// What is old waits for its commit or has left: there those in use would be the worst.
    @Test(arguments: [MaxmemoryPolicy.allkeysLRU, .allkeysLFU])
    func keysInUseOutliveAFloodThatSpills(_ policy: MaxmemoryPolicy) throws {
        let durable = try DurableEngine {
            $0.maxmemoryPolicy = policy
            $0.memoryBudget = MemoryBudget(bytes: 8 << 20)
        }
        defer { durable.close() }
        let used = names("used", 0..<4000)
        durable.turn(used.map { ["SET", $0, value] })
        for _ in 0..<5 { durable.turn(used.map { ["GET", $0] }) }
        for start in stride(from: 0, to: 100_000, by: 500) {
            durable.turn((start..<start + 500).map { ["SET", "key:\($0)", value] })
            let first = start / 500 % 4 * 1000
            durable.turn(used[first..<first + 1000].map { ["GET", $0] })
        }
        let cold = used.count { !durable.run("TIER", "LOCATE", $0).contains("hot") }
        #expect(cold < used.count / 100, "\(cold)")
    }
}
