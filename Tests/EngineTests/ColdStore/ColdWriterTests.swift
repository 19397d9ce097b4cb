// The writer thread, and everything at once: readers, snapshots, commits and merges.

import Glibc
import LMDB
import Testing

@testable import Engine

private final class Box<Value>: @unchecked Sendable {
    private let monitor = Monitor()
    private var stored: Value
    init(_ value: Value) { stored = value }
    var value: Value {
        get { monitor.withLock { stored } }
        set { monitor.withLock { stored = newValue } }
    }
    func change(_ body: (inout Value) -> Void) { monitor.withLock { body(&stored) } }
}

private struct LogFailure: Error {}

@Suite struct ColdWriterTests {
    private func batch(_ numbers: Range<Int>, lsn: UInt64, size: Int = 50) -> ColdBatch {
        let batch = ColdBatch()
        for number in numbers {
            batch.put(
                0, Array("\(number)".utf8), [UInt8](repeating: UInt8(lsn & 255), count: size),
                lsn: lsn)
        }
        return batch
    }

    @Test func theLogIsSyncedFirstAndOrderIsKept() throws {
        let store = try ColdDirectory().open()
        let events = Box<[String]>([])
        let writer = ColdWriter(
            store: store,
            hooks: ColdWriterHooks(
                beforeCommit: { lsn in events.change { $0.append("log \(lsn)") } },
                afterCommit: { batch in
                    events.change { $0.append("done \(batch.newestLSN) \(batch.recordCount)") }
                }))
        for lsn in UInt64(1)...3 { #expect(writer.submit(batch(0..<10, lsn: lsn))) }
        let ran = Box(false)
        writer.perform { _ in ran.value = true }
        #expect(writer.drain(timeoutMs: 10_000))
        #expect(
            events.value == ["log 1", "done 1 10", "log 2", "done 2 10", "log 3", "done 3 10"])
        #expect(ran.value)
        let stats = writer.stats
        #expect(stats.committedBatches == 3 && stats.committedLSN == 3 && stats.queuedBytes == 0)
        #expect(try store.value(0, Array("5".utf8))?.lsn == 3)
        #expect(writer.stop().isEmpty)
        #expect(!writer.submit(batch(0..<1, lsn: 9)))
    }

    @Test func aFailedLogKeepsTheBatch() throws {
        let store = try ColdDirectory().open()
        let broken = Box(true)
        let writer = ColdWriter(
            store: store,
            hooks: ColdWriterHooks(beforeCommit: { _ in if broken.value { throw LogFailure() } }),
            queueBytesMax: 10_000, retryMs: 5)
        #expect(writer.submit(batch(0..<200, lsn: 1)))
        #expect(!writer.hasRoom)
        #expect(!writer.submit(batch(0..<1, lsn: 2)))
        #expect(!writer.drain(timeoutMs: 100))
        #expect(writer.stats.lastError != nil)
        #expect(try store.value(0, Array("5".utf8)) == nil)
        broken.value = false
        #expect(writer.drain(timeoutMs: 10_000))
        #expect(writer.stats.lastError == nil)
        #expect(try store.value(0, Array("5".utf8)) != nil)
        broken.value = true
        #expect(writer.submit(batch(0..<1, lsn: 3)))
        #expect(writer.stop().count == 1)
    }

    @Test func workCanGoBeforeAStuckBatch() throws {
        let store = try ColdDirectory().open()
        let broken = Box(true)
        let writer = ColdWriter(
            store: store,
            hooks: ColdWriterHooks(beforeCommit: { _ in if broken.value { throw LogFailure() } }),
            retryMs: 5)
        #expect(writer.submit(batch(0..<1, lsn: 1)))
        let order = Box<[Int]>([])
        writer.perform { _ in order.change { $0.append(2) } }
        writer.perform(isNext: true) { _ in order.change { $0.append(1) } }
        while order.value.isEmpty { usleep(1000) }
        #expect(order.value == [1])
        broken.value = false
        #expect(writer.drain(timeoutMs: 10_000))
        #expect(order.value == [1, 2])
        #expect(try store.value(0, Array("0".utf8)) != nil)
    }

    @Test func aFullMapLosesNothingAndReadsGoOn() throws {
        let store = try ColdDirectory().open { $0.mapBytes = 3 << 20 }
        let writer = ColdWriter(store: store, hooks: ColdWriterHooks(), retryMs: 5)
        #expect(writer.submit(batch(0..<1000, lsn: 1, size: 1000)))
        #expect(writer.drain(timeoutMs: 10_000))
        #expect(writer.submit(batch(1000..<5000, lsn: 2, size: 1000)))
        #expect(!writer.drain(timeoutMs: 200))
        #expect(writer.stats.lastError?.isFull == true)
        for number in [0, 500, 999] {
            #expect(try store.value(0, Array("\(number)".utf8))?.lsn == 1)
        }
        #expect(try store.value(0, Array("1500".utf8)) == nil)
        let left = writer.stop()
        #expect(left.count == 1 && left[0].recordCount == 4000)
        // with room made, work goes on
        store.deadNamespaces = [0]
        while try store.mergeStep() {}
        store.deadNamespaces = []
        try store.commit(batch(0..<1000, lsn: 3, size: 1000))
        #expect(try store.value(0, Array("7".utf8))?.lsn == 3)
    }

    /// Every batch moves one unit between accounts, so that their sum is the same in each
    /// snapshot; readers check it while batches and merges go on, and compactions with `compacts`.
    @Test(arguments: [false, true])
    func everythingAtOnce(_ compacts: Bool) throws {
        let directory = ColdDirectory()
        defer { withExtendedLifetime(directory) {} }
        let store = try directory.open { $0.mergeWidth = 3 }
        let accounts = 300
        var random = ColdRandom(state: 11)
        var balance = [Int](repeating: 100, count: accounts)
        func key(_ account: Int) -> [UInt8] { Array("account:\(account)".utf8) }
        func value(_ account: Int) -> [UInt8] {
            // some are large enough for chunk rows
            let pad = account % 10 == 0 ? 3000 : account % 7
            return withUnsafeBytes(of: Int64(balance[account])) { Array($0) }
                + [UInt8](repeating: UInt8(account & 255), count: pad)
        }
        let first = ColdBatch()
        for account in 0..<accounts { first.put(0, key(account), value(account), lsn: 1) }
        try store.commit(first)

        let stopping = Box(false)
        let problems = Box<[String]>([])
        let walks = Box(0)
        let readers = (0..<3).map { number in
            BackgroundThread {
                var random = ColdRandom(state: UInt64(number))
                while !stopping.value {
                    do {
                        if number == 0 {
                            let name = Array("account:\(random.next() % 300)".utf8)
                            let found = try store.value(0, name)
                            if found == nil { problems.change { $0.append("\(name) is missing") } }
                        } else {
                            let snapshot = try store.snapshot()
                            var sum = 0
                            var count = 0
                            while try snapshot.next(
                                atMost: 37,
                                { record in
                                    sum += Int(record.payload.loadUnaligned(as: Int64.self))
                                    count += 1
                                })
                            { if number == 2 { sched_yield() } }
                            if sum != 30_000 || count != 300 {
                                problems.change { $0.append("sum \(sum) of \(count)") }
                            }
                        }
                        walks.change { $0 += 1 }
                    } catch { problems.change { $0.append("\(error)") } }
                }
            }
        }
        let writer = ColdWriter(
            store: store, hooks: ColdWriterHooks(), queueBytesMax: 1 << 20, mergeStepBytes: 20_000)
        let endsCompacting = Box(!compacts)
        let compactions = Box(0)
        let compacting = BackgroundThread {
            while !endsCompacting.value {
                do throws(CompactionError) {
                    try ColdCompaction(store, writer, lastBytesMax: 60_000).run()
                    compactions.change { $0 += 1 }
                } catch { problems.change { $0.append("\(error)") } }
            }
        }
        for lsn in UInt64(2)...160 {
            let batch = ColdBatch()
            for _ in 0..<20 {
                let a = Int.random(in: 0..<accounts, using: &random)
                let b = Int.random(in: 0..<accounts, using: &random)
                balance[a] -= 1
                balance[b] += 1
                batch.put(0, key(a), value(a), lsn: lsn)
                batch.put(0, key(b), value(b), lsn: lsn)
            }
            while !writer.submit(batch) { usleep(1000) }
            if lsn % 40 == 0 { store.requestFullMerge() }
        }
        #expect(writer.drain(timeoutMs: 20_000))
        endsCompacting.value = true
        compacting.join()
        #expect(!compacts || compactions.value > 1)
        #expect(writer.stop().isEmpty)
        #expect(writer.stats.failures == 0, "\(String(describing: writer.stats.lastError))")
        stopping.value = true
        for reader in readers { reader.join() }
        #expect(problems.value == [])
        #expect(walks.value > 20)
        #expect(try store.stats().counters.merges > (compacts ? 1 : 5))
        #expect(try store.stats().snapshots == 0)
        for account in 0..<accounts {
            #expect(try store.value(0, key(account))?.payload == value(account))
        }
    }
}
