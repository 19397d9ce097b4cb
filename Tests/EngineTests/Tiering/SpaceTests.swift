// The room of the cold tier: quotas, merging without a second copy, and what becomes of clients.

import Glibc
import Testing

@testable import Engine

@Suite(.serialized) struct SpaceTests {
    private func batch(
        _ numbers: some Sequence<Int>, lsn: UInt64, size: Int = 1000, removing: Bool = false
    ) -> ColdBatch {
        let batch = ColdBatch()
        for number in numbers {
            let key = Array("key:\(number)".utf8)
            if removing {
                batch.remove(0, key, lsn: lsn)
            } else {
                let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
                batch.put(0, key, bytes, lsn: lsn, expiry: number % 10 == 0 ? 5000 : -1)
            }
        }
        return batch
    }

    /// Bytes in use, measured now.
    private func measuredBytes(_ store: ColdStore) -> Int {
        store.quotaBytes = 0
        store.measureSpace()
        return store.space.usedBytes
    }

    @Test func theNarrowestBoundDecides() {
        var last = ColdSpace()
        func measure(_ quota: Int?, _ map: Int, _ disk: Int?) -> ColdSpace {
            ColdSpace(
                usedBytes: 16 << 20, freeBytes: 0, quotaRoom: quota, mapRoom: map,
                disk: disk.map { DiskRoom(freeBytes: $0, totalBytes: 100 << 30) }, last: last)
        }
        #expect(measure(nil, 1 << 40, nil).level == .ample)
        let wide = measure(nil, 1 << 40, 100 << 30)
        #expect(wide.level == .ample && wide.bound == .disk && wide.isVast)
        #expect(wide.reserveBytes == ColdSpace.reserveBytesMax)
        let short = measure(1 << 20, 1 << 40, 100 << 30)
        #expect(short.level == .short && short.bound == .quota && short.logLevel == .ample)
        #expect(measure(512 << 10, 1 << 40, 100 << 30).level == .full)
        #expect(measure(-5, 1 << 40, nil).level == .full)
        #expect(measure(nil, 400 << 10, 1 << 30).bound == .map)
        // The data file leaves the log its reserve.
        let tight = measure(nil, 1 << 40, 300 << 20)
        #expect(tight.roomBytes == 44 << 20 && tight.level == .ample && tight.logLevel == .ample)
        #expect(measure(nil, 1 << 40, 200 << 20).logLevel == .short)
        #expect(measure(nil, 1 << 40, 100 << 20).worst == .full)
        // It takes a little more to get out than to get in.
        last = short
        #expect(measure(1_200_000, 1 << 40, nil).level == .short)
        #expect(measure(2 << 20, 1 << 40, nil).level == .ample)
    }

    /// Merging everything needs little room beside the data, and loses nothing on the way.
    @Test(arguments: [1000, 9000])
    func aConsumingMergeNeedsNoSecondCopy(_ size: Int) throws {
        let directory = ColdDirectory()
        var store: ColdStore! = try directory.open { $0.mergeWidth = 100 }
        let count = 2_000_000 / size
        for part in 0..<6 {
            try store.commit(batch(part * count..<(part + 1) * count, lsn: 1, size: size))
        }
        try store.commit(batch(stride(from: 0, to: 6 * count, by: 3), lsn: 2, removing: true))
        let used = measuredBytes(store)
        /// Leaves room for a few steps only.
        func squeeze() {
            store.tombstoneFloor = 2
            store.quotaBytes = measuredBytes(store) + (900 << 10)
            store.measureSpace()
            #expect(store.space.level == .short)
        }
        squeeze()
        var peak = 0
        var steps = 0
        while try store.mergeStep() {
            store.measureSpace()
            peak = max(peak, store.space.usedBytes)
            steps += 1
            if [7, 47, 87].contains(steps) {
                // A crash anywhere leaves a whole store.
                store = nil
                store = try directory.open { $0.mergeWidth = 100 }
                squeeze()
            }
            if steps % 5 != 0 { continue }
            for number in stride(from: steps % 7, to: 6 * count, by: 97) {
                let value = try store.value(0, Array("key:\(number)".utf8))
                #expect((value == nil) == (number % 3 == 0), "\(number) after \(steps) steps")
            }
        }
        #expect(steps > 20)
        #expect(peak < used + (512 << 10), "\(peak - used)")
        #expect(store.space.usedBytes < used * 3 / 4)
        #expect(store.space.level == .ample)
        #expect(try store.stats().tombstones == 0)
        var rows = 0
        _ = try store.rows(namespace: 0, from: 0, atMost: .max) { _ in rows += 1 }
        #expect(rows == 4 * count)
        var due = 0
        while try store.dueKeys(before: 6000, atMost: 100, { _ in due += 1 }) {}
        #expect(due == (0..<6 * count).count { $0 % 10 == 0 && $0 % 3 != 0 })
    }

    /// What was deleted gives its room back, also when nobody is short of it and runs are few.
    @Test func muchDeletedIsMergedAway() throws {
        let store = try ColdDirectory().open { $0.mergeWidth = 8 }
        try store.commit(batch(0..<4000, lsn: 1))
        try store.commit(batch(0..<900, lsn: 2, removing: true))
        let used = measuredBytes(store)
        while try store.mergeStep() {}
        #expect(store.current.runs.count == 2)
        // Every fourth row is a tombstone.
        try store.commit(batch(900..<1500, lsn: 3, removing: true))
        while try store.mergeStep() {}
        #expect(store.current.runs.count == 1)
        #expect(measuredBytes(store) < used * 3 / 4)
        // Tombstones that must stay for now do not lead to merging over and over.
        try store.commit(batch(1500..<1510, lsn: 4, removing: true))
        while try store.mergeStep() {}
        #expect(store.current.runs.count == 2)
        for number in stride(from: 0, to: 4000, by: 37) {
            let value = try store.value(0, Array("key:\(number)".utf8))
            #expect((value == nil) == (number < 1510))
        }
    }

    @Test func aMergeThatNeedsACopyGivesWay() throws {
        let store = try ColdDirectory().open { $0.mergeWidth = 4 }
        for part in 0..<4 { try store.commit(batch(part * 1000..<part * 1000 + 1000, lsn: 1)) }
        #expect(try store.mergeStep(budgetBytes: 100_000))
        #expect(store.merge?.consumes == false)
        store.quotaBytes = measuredBytes(store) + (700 << 10)
        store.measureSpace()
        #expect(store.space.level != .ample)
        #expect(try store.mergeStep(budgetBytes: 100_000))
        #expect(store.merge?.consumes == true)
        while try store.mergeStep(budgetBytes: 100_000) {}
        for number in 0..<4000 {
            #expect(try store.value(0, Array("key:\(number)".utf8)) != nil)
        }
    }

    /// Layers that gather while a large merge is under way are merged between its steps.
    @Test func smallLayersDoNotWaitForALargeMerge() throws {
        let store = try ColdDirectory().open { $0.mergeWidth = 4 }
        for part in 0..<4 { try store.commit(batch(part * 1000..<part * 1000 + 1000, lsn: 1)) }
        #expect(try store.mergeStep(budgetBytes: 100_000))
        for part in 0..<4 { try store.commit(batch(part * 20..<part * 20 + 20, lsn: 2)) }
        #expect(store.current.layerCount == 8 && store.merges.count == 1)
        // Each step takes more than the small merge needs.
        while store.current.layerCount > 5 {
            #expect(try store.mergeStep(budgetBytes: 100_000))
            #expect(store.merges.count <= 2)
            #expect(store.merges.first?.inputs.count == 4, "the large one is still under way")
            if store.merges.isEmpty { break }
        }
        #expect(store.current.layerCount == 5)
        while try store.mergeStep(budgetBytes: 100_000) {}
        for number in 0..<4000 {
            let value = try store.value(0, Array("key:\(number)".utf8))
            #expect(value?.lsn == (number < 80 ? 2 : 1))
        }
    }

    // MARK: The engine

    private let value = String(repeating: "v", count: 500)

    /// Writes new keys until they are refused; how many were taken.
    private func fill(_ durable: DurableEngine, from first: Int, most: Int = 200_000) -> Int {
        var n = first
        while n < most {
            let replies = durable.turn((n..<n + 20).map { ["SET", "key:\($0)", value] })
            let taken = replies.firstIndex { $0 != "+OK" } ?? replies.count
            n += taken
            if taken == replies.count { continue }
            #expect(
                replies[taken]
                    == "-OOM command not allowed when used memory > 'maxmemory'.")
            return n
        }
        Issue.record("the quota is not enforced")
        return n
    }

    /// Whether values do not spill although every row of the cold tier is that of a key, or a
    /// tombstone.
    private func isUsedUp(_ engine: Engine) -> Bool {
        let store = engine.tier!.store
        guard engine.tier!.queuedBatches == 0, let stats = try? store.stats() else { return false }
        store.measureSpace()
        let database = engine.databases
        let hotCount = database.pointee.table.count - database.pointee.tombstoneCount
        return store.space.level != .ample
            && stats.records - stats.tombstones == database.pointee.keyCount - hotCount
    }

    @Test func aQuotaRefusesAndDeletionsMakeRoom() throws {
        let quota = 12 << 20
        let durable = try DurableEngine { configuration in
            configuration.memoryBudget = MemoryBudget(bytes: 2 << 20)
            configuration.coldBytesMax = quota
            configuration.autoAofRewritePercentage = 0
        }
        defer { durable.close() }
        let taken = fill(durable, from: 0)
        #expect(taken > 10_000)
        #expect(durable.wait { $0.tier!.queuedBatches == 0 })
        let store = durable.engine.tier!.store
        store.measureSpace()
        #expect(store.space.usedBytes <= quota)
        #expect(store.space.level != .ample)
        #expect(durable.run("GET", "key:3") == value)
        #expect(durable.run("INFO", "tiering").contains("cold_state_reason:cold-max-bytes"))

        // Nothing is lost by a crash in this state.
        let monitor = Monitor()
        nonisolated(unsafe) var state = 0
        durable.engine.tier!.writer.perform { _ in
            monitor.withLock {
                state = 1
                monitor.notifyAll()
                while state == 1 { monitor.wait() }
            }
        }
        monitor.withLock { while state == 0 { monitor.wait() } }
        let crashed = try durable.crashed()
        monitor.withLock {
            state = 2
            monitor.notifyAll()
        }
        #expect(crashed.engine.databases[0].keyCount == taken)
        for n in stride(from: 0, to: taken, by: 501) {
            #expect(crashed.run("GET", "key:\(n)") == value)
        }
        crashed.close()

        for start in stride(from: 0, to: taken / 2, by: 50) {
            let names = (start..<Swift.min(start + 50, taken / 2)).map { "key:\($0)" }
            #expect(durable.turn([["DEL"] + names])[0] == ":\(names.count)")
        }
        // How much of what was deleted has been merged away by then depends on timing.
        #expect(durable.wait(seconds: 90) { $0.tier!.space.level == .ample })
        // Writers may be faster than merging, which frees what was deleted: they are refused, and
        // go on later. In the end the room of what was deleted is used again, up to the reserve:
        // how far the first keys went into that depends on timing, and how much room tombstones
        // hold until a checkpoint.
        var more = fill(durable, from: taken)
        while more <= taken + taken / 4,
            durable.wait(
                seconds: 90,
                {
                    ($0.tier!.space.level == .ample && !$0.isOutOfMemory) || isUsedUp($0)
                }), !durable.engine.withLock(isUsedUp)
        {
            let before = more
            more = fill(durable, from: more)
            if more == before { break }
        }
        #expect(more > taken + taken / 4 || durable.engine.withLock(isUsedUp))
        #expect(more > taken + taken / 5)
        #expect(durable.run("GET", "key:\(taken - 1)") == value)
        #expect(durable.run("EXISTS", "key:3") == ":0")
        #expect(durable.engine.databases[0].keyCount == more - taken / 2)

        // A larger quota is enough as well.
        durable.run("CONFIG", "SET", "cold-max-bytes", "0")
        #expect(durable.wait { !$0.isOutOfMemory })
        #expect(durable.run("SET", "again", value) == "+OK")
    }
}
