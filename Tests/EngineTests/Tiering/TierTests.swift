import Glibc
import Testing

@testable import Engine

/// The two tiers as one keyspace, over the real cold store.
@Suite(.serialized) struct TierTests {
    /// The requests that make key number `n`, of any type, and what reads it back.
    private func write(_ n: Int) -> [String] {
        switch n % 5 {
        case 0: ["SET", "key:\(n)", String(repeating: "v\(n)", count: 1 + n % 40)]
        case 1: ["HSET", "key:\(n)", "f", "\(n)", "g", "value \(n)"]
        case 2: ["RPUSH", "key:\(n)", "a\(n)", "b", "\(n)"]
        case 3: ["SADD", "key:\(n)", "\(n)", "7"]
        default: ["ZADD", "key:\(n)", "\(n).5", "m", "2", "n"]
        }
    }

    private func read(_ n: Int) -> [String] {
        switch n % 5 {
        case 0: ["GET", "key:\(n)"]
        case 1: ["HGETALL", "key:\(n)"]
        case 2: ["LRANGE", "key:\(n)", "0", "-1"]
        case 3: ["SORT", "key:\(n)"]
        default: ["ZRANGE", "key:\(n)", "0", "-1", "WITHSCORES"]
        }
    }

    private func fill(_ durable: DurableEngine, _ range: Range<Int>) {
        for start in stride(from: range.lowerBound, to: range.upperBound, by: 50) {
            durable.turn((start..<min(start + 50, range.upperBound)).map { write($0) })
        }
    }

    private func values(_ durable: DurableEngine, _ count: Int) -> [String] {
        (0..<count).map { durable.turn([read($0)])[0] }
    }

    @Test func moreThanMemorySurvivesSpillingAndRestart() throws {
        let count = 6000
        // Engines of one process share the accounted heap: the first must be gone.
        let expected = try {
            let plain = try DurableEngine()
            defer { plain.close() }
            fill(plain, 0..<count)
            return values(plain, count)
        }()
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 400 << 10) }
        defer { durable.close() }
        fill(durable, 0..<count)
        #expect(durable.engine.databases[0].keyCount == count)
        #expect(durable.wait { $0.databases[0].coldOnlyCount > count / 4 })
        #expect(values(durable, count) == expected)
        #expect(durable.engine.withLock { $0.usedMemory } < 3 << 20)

        try durable.reopen()
        #expect(durable.report.replayedEffects == 0)
        #expect(durable.engine.databases[0].keyCount == count)
        #expect(values(durable, count) == expected)
    }

    @Test func aCrashLosesNothingThatWasWritten() throws {
        let count = 5000
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 1 << 20) }
        defer { durable.close() }
        fill(durable, 0..<count)
        // Changes and deletions of keys of every age, in both tiers.
        for n in stride(from: 0, to: count, by: 3) { durable.run("DEL", "key:\(n)") }
        for n in stride(from: 0, to: count, by: 35) { durable.run("SET", "key:\(n)", "again") }
        let expected = values(durable, count)
        let size = durable.engine.withLock { $0.databases[0].keyCount }

        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.report.replayedEffects > 0)
        #expect(crashed.engine.databases[0].keyCount == size)
        #expect(values(crashed, count) == expected)
        // Recovering from a crash in the recovered state ends in the same.
        let twice = try crashed.crashed()
        defer { twice.close() }
        #expect(twice.engine.databases[0].keyCount == size)
        #expect(values(twice, count) == expected)
    }

    @Test func flushAndSwapAreReplayedByTheirPositions() throws {
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 1 << 20) }
        defer { durable.close() }
        fill(durable, 0..<3000)
        durable.engine.withLock { $0.flush(database: 0, lazily: false) }
        #expect(durable.run("EXISTS", "key:1") == ":0")
        fill(durable, 0..<100)
        durable.engine.withLock { $0.swap(0, 1) }
        durable.turn([["SET", "other", "1"]])
        #expect(durable.engine.databases[1].keyCount == 100)

        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.engine.databases[0].keyCount == 1)
        #expect(crashed.engine.databases[1].keyCount == 100)
        #expect(crashed.run("GET", "other") == "1")

        try durable.reopen()
        #expect(durable.engine.databases[0].keyCount == 1)
        #expect(durable.engine.databases[1].keyCount == 100)
    }

    @Test func tortureModeKeepsEveryKeyCold() throws {
        let durable = try DurableEngine { $0.debugSpillEveryCommand = true }
        defer { durable.close() }
        fill(durable, 0..<200)
        #expect(durable.engine.databases[0].table.count == 0)
        #expect(durable.engine.databases[0].keyCount == 200)
        let plain = try DurableEngine()
        defer { plain.close() }
        fill(plain, 0..<200)
        #expect(values(durable, 200) == values(plain, 200))
        // Merged with the commits: the writer may never have a moment to itself.
        #expect(durable.engine.tier!.store.current.count <= 16)
        for n in 0..<200 { durable.run("DEL", "key:\(n)") }
        #expect(durable.engine.databases[0].keyCount == 0)
        #expect(durable.run("EXISTS", "key:7") == ":0")
    }

    @Test func locateSpillFetch() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        durable.run("SET", "a", "1")
        #expect(durable.run("TIER", "LOCATE", "a", "b") == "[hot-dirty nil]")
        #expect(durable.run("TIER", "SPILL", "a", "b") == ":1")
        #expect(durable.wait { $0.databases[0].table.count == 0 })
        #expect(durable.run("TIER", "LOCATE", "a") == "[cold]")
        #expect(durable.run("TIER", "FETCH", "a") == ":1")
        #expect(durable.run("TIER", "LOCATE", "a") == "[hot]")
        #expect(durable.run("DEL", "a") == ":1")
        #expect(durable.run("TIER", "LOCATE", "a") == "[nil]")
    }

    @Test func checkpointShortensTheLog() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        fill(durable, 0..<2000)
        durable.engine.withLock { _ = $0.startCheckpoint() }
        #expect(durable.wait { $0.checkpoint.phase == .idle && $0.persistence.checkpoints == 1 })
        #expect(durable.engine.withLock { $0.databases[0].dirtyCount } == 0)
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.report.replayedEffects == 0)
        #expect(crashed.engine.databases[0].keyCount == 2000)
    }

    @Test func snapshotIsOnePointInTime() throws {
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 1 << 20) }
        defer { durable.close() }
        let accounts = 4000
        let padding = String(repeating: "x", count: 200)
        for n in 0..<accounts {
            durable.turn([["HSET", "account:\(n)", "balance", "100", "p", padding]])
        }
        durable.engine.withLock { #expect($0.startSnapshot()) }
        var random = Random(seed: 7)
        var transfers = 0
        while durable.engine.withLock({ $0.snapshots.job != nil }) {
            let from = Int(random.next() % UInt64(accounts))
            let to = Int(random.next() % UInt64(accounts))
            durable.turn([
                ["MULTI"], ["HINCRBY", "account:\(from)", "balance", "-1"],
                ["HINCRBY", "account:\(to)", "balance", "1"],
                ["SET", "new:\(transfers)", "x"], ["DEL", "new:\(transfers - 1)"], ["EXEC"],
            ])
            transfers += 1
        }
        #expect(durable.engine.withLock { $0.snapshots.lastError } == nil)
        var sum = 0
        var keys = 0
        let context = DecodingContext(durable.engine.configuration, durable.engine.secret)
        try RDBFile.read("\(durable.directory)/dump.rdb", context, checksum: true) {
            (item, value) throws(RDBError) in
            keys += 1
            if item.key.slice(0, 4).equals("acco") {
                let entry = Entry.allocate(
                    key: item.key, type: value.type, encoding: value.encoding,
                    bodyCount: value.bodyCount, expiry: nil)
                value.store(in: entry.body)
                "balance".utf8.withContiguousStorageIfAvailable { name in
                    if let found = HashValue(entry).value(of: Bytes(name)) {
                        sum += Int(found.spelledInteger ?? 0)
                    }
                }
                entry.deallocate()
            }
            value.destroy()
        }
        #expect(sum == accounts * 100)
        #expect(keys == accounts || keys == accounts + 1)
    }

    @Test func manyColdKeysExpireWithoutPauses() throws {
        let durable = try DurableEngine()
        defer { durable.close(checkpointMsMax: 0) }
        durable.stopMaintenance()
        for n in 0..<600 { durable.run("SET", "key:\(n)", "v", "PX", "1") }
        for n in 0..<600 { durable.run("TIER", "SPILL", "key:\(n)") }
        let engine = durable.engine
        #expect(durable.wait { $0.tier!.queuedBatches == 0 })
        engine.withLock { engine in
            if !engine.tier!.batch.isEmpty { engine.submitBatch(engine.tier!) }
        }
        #expect(durable.wait { $0.tier!.queuedBatches == 0 })
        var rounds = 0
        while engine.expireColdKeys() { rounds += 1 }
        #expect(durable.run("DBSIZE") == ":0")
        // What a command met already is not left for the rounds.
        #expect(rounds > 0 || engine.withLock { $0.stats.expiredKeys } == 600)
    }

    /// The row of a key is handed out by a clock that is set back before the key is removed.
    @Test func whatCouldNotExpireIsTriedAgain() throws {
        let durable = try DurableEngine()
        defer { durable.close(checkpointMsMax: 0) }
        durable.stopMaintenance()
        durable.run("SET", "k", "v", "PX", "300")
        durable.run("HSETEX", "h", "PX", "300", "FIELDS", "1", "a", "1")
        durable.run("HSET", "h", "b", "2")
        durable.run("TIER", "SPILL", "k", "h")
        #expect(durable.wait { $0.databases[0].table.count == 0 })
        let engine = durable.engine
        #expect(!engine.expireColdKeys(at: Clock.wallMs() + 10_000))
        #expect(engine.withLock { $0.databases[0].keyCount } == 2)
        let deadline = Clock.monotonicUs() + 10_000_000
        while engine.withLock({ $0.stats.expiredKeys + $0.stats.expiredFields }) != 2 {
            _ = engine.expireColdKeys()
            usleep(10_000)
            if Clock.monotonicUs() > deadline { break }
        }
        #expect(engine.withLock { $0.stats.expiredKeys } == 1)
        #expect(engine.withLock { $0.stats.expiredFields } == 1)
        #expect(engine.tier!.lateKeys.keys.isEmpty)
    }

    @Test func lateKeysAreTriedLaterAndLater() {
        let key = DueKey(namespace: 1, bytes: [1], dueMs: 5)
        var late = LateKeys()
        var now: Int64 = 0
        var tries: [Int64] = []
        late.add([key], atMs: now)
        while now < 200_000 {
            now += 500
            let taken = late.take(atMs: now)
            if !taken.isEmpty { tries.append(now) }
            late.add(taken, atMs: now)
        }
        #expect(tries == [1000, 3000, 7000, 15_000, 31_000, 63_000, 123_000, 183_000])
        #expect(late.take(atMs: 1_000_000).count == 1)
        late.add([], atMs: 1_000_000)
        late.add([key], atMs: 1_000_000)
        #expect(late.take(atMs: 1_001_000).count == 1)
        late.add(Array(repeating: key, count: 10_000), atMs: 0)
        #expect(late.keys.count == LateKeys.countMax)
    }

    @Test func theLogTellsTheTimeWhenAsked() throws {
        let durable = try DurableEngine { $0.aofTimestampEnabled = true }
        defer { durable.close() }
        durable.run("SET", "a", "1")
        let files = LogFiles(directory: durable.directory + "/appendonlydir")
        let manifest = try #require(try files.loadManifest(SystemDisk.shared))
        var reader = try LogReader(SystemDisk.shared, files, manifest)
        let command = try #require(try reader.next())
        #expect(abs(command.timestamp - Clock.wallMs() / 1000) < 100)
    }

    @Test func scanPassesOverADamagedRecord() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        for n in 0..<300 { durable.run("SET", "key:\(n)", n == 77 ? "needle-in-the-hay" : "\(n)") }
        durable.turn([["TIER", "SPILL"] + (0..<300).map { "key:\($0)" }])
        #expect(durable.wait { $0.databases[0].table.count == 0 })
        try ColdDirectory.overwrite(
            durable.directory + "/cold/data.mdb", "needle-in-the-hay", "needle-in-the-hex")
        var cursor = "0"
        var keys: [String] = []
        repeat {
            let reply = durable.run("SCAN", cursor, "COUNT", "40")
            let parts = reply.dropFirst().dropLast(2).split(separator: "[")
            cursor = parts[0].trimmingSpaces
            keys += parts.count > 1 ? parts[1].split(separator: " ").map(String.init) : []
        } while cursor != "0"
        #expect(Set(keys) == Set((0..<300).filter { $0 != 77 }.map { "key:\($0)" }))
        #expect(keys.count == 299)
        durable.engine.withLock { engine in
            #expect(engine.tier!.stats.damagedRecords == 1)
            #expect(engine.tier!.stats.lastError.contains("key:77"))
        }
        #expect(durable.run("GET", "key:78") == "78")
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String { String(filter { $0 != " " }) }
}
