// Moving a store into a new file: what is there afterwards, what a crash or a failure leaves, and
// who may read meanwhile.

import Glibc
import LMDB
import Testing

@testable import Engine

private struct Broken: Error {}

@Suite struct ColdCompactionTests {
    @Test func everyRowIsTheSame() throws {
        let test = try CompactingStore()
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
        while try test.isMerging() { usleep(1000) }
        let before = try rows(of: test.store)
        #expect(before["archive"]!.count > 10 && before["meta"]!.count > 4)
        let old = test.directory.inode("data.mdb")
        try test.compact(lastBytesMax: 0)
        #expect(try rows(of: test.store) == before)
        #expect(test.directory.inode("data.mdb") != old)
        #expect(test.files == CompactingStore.whole)
        try test.check()
    }

    @Test func massDeletionGivesSpaceBack() throws {
        let directory = ColdDirectory()
        let store = try directory.open()
        let writer = ColdWriter(store: store, hooks: ColdWriterHooks())
        defer { writer.stop() }
        for part in 0..<10 {
            let batch = ColdBatch()
            for number in 0..<1000 {
                batch.put(
                    0, Array("\(part):\(number)".utf8), [UInt8](repeating: 1, count: 1000),
                    lsn: UInt64(part + 1))
            }
            #expect(writer.submit(batch))
        }
        for part in 0..<9 {
            let batch = ColdBatch()
            for number in 0..<1000 { batch.remove(0, Array("\(part):\(number)".utf8), lsn: 100) }
            #expect(writer.submit(batch))
        }
        store.tombstoneFloor = 100
        #expect(writer.drain())
        let before = directory.size("data.mdb")
        #expect(before > 10 << 20)
        let compaction = ColdCompaction(store, writer)
        try compaction.run()
        #expect(directory.size("data.mdb") < 3 << 20)
        #expect(
            abs(compaction.progress.freedBytes - (before - directory.size("data.mdb"))) < 1 << 20)
        #expect(try store.stats().records == 1000)
        #expect(try store.value(0, Array("9:7".utf8))?.payload.count == 1000)
        #expect(try store.value(0, Array("8:7".utf8)) == nil)
        #expect(store.space.usedBytes < 3 << 20)
    }

    /// Commits, trimming, merges and readers between the steps.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func randomHistories(_ seed: UInt64) throws {
        let test = try CompactingStore(seed: seed) { options in
            options.mergeWidth = 3
            options.alwaysConsumes = seed % 3 == 0
        }
        test.model.dead = [50]
        for _ in 0..<20 { test.commit() }
        #expect(test.writer.drain())
        for _ in 0..<2 {
            test.store.deadNamespaces = []
            let flushed = ColdBatch()
            for key in UInt8(0)..<200 {
                flushed.put(50, [key], [UInt8](repeating: key, count: 300), lsn: test.model.lsn)
            }
            #expect(test.writer.submit(flushed))
            #expect(test.writer.drain())
            var kept: [(snapshot: ColdSnapshot, model: ColdModel)] = []
            var steps = 0
            test.hook.body = { step in
                guard case .copied = step, steps < 25 else { return }
                steps += 1
                switch Int.random(in: 0..<9, using: &test.model.random) {
                case 0..<4: test.commit()
                case 8: test.store.deadNamespaces = [50]
                case 4:
                    test.trim(before: Int64.random(in: 1000...1600, using: &test.model.random))
                case 5:
                    #expect(test.writer.drain())
                    let copy = ColdModel(seed: seed &+ 99)
                    copy.values = test.model.values
                    copy.dead = [50]
                    kept.append((try test.store.snapshot(), copy))
                case 6: try test.check()
                default: test.store.tombstoneFloor = test.model.lsn
                }
            }
            let compaction = ColdCompaction(test.store, test.writer, lastBytesMax: 64 << 10)
            let ended = CompactionThread(compaction)
            while compaction.progress.phase != .closing, !ended.isSet { usleep(1000) }
            for kept in kept { try kept.model.checkSnapshot(kept.snapshot) }
            kept = []
            #expect(try ended.wait() == nil)
            #expect(steps > 5)
            try test.check()
            for _ in 0..<4 { test.commit() }
            test.trim(before: 1700)
            test.store.requestFullMerge()
            try test.check()
            #expect(test.files == CompactingStore.whole)
        }
        try test.reopen()
        try test.check()
        test.commit()
        try test.check()
    }

    /// A flushed run goes while it is being copied, and another one takes its slot.
    @Test func aRunThatGoesLeavesTheCopy() throws {
        let test = try CompactingStore()
        test.model.dead = [50]
        let flushed = ColdBatch()
        for key in UInt8(0)..<200 {
            flushed.put(50, [key], [UInt8](repeating: key, count: 300), lsn: 1)
        }
        #expect(test.writer.submit(flushed))
        for _ in 0..<4 { test.commit() }
        #expect(test.writer.drain())
        let slot = test.store.current.runs.last!.info.slot
        var steps = 0
        test.hook.body = { step in
            guard case .copied = step else { return }
            steps += 1
            if steps != 14 { return }
            test.store.deadNamespaces = [50]
            test.writer.perform { while try $0.mergeStep() {} }
            test.commit()
            #expect(test.writer.drain())
            #expect(test.store.current.runs.first?.info.slot == slot)
        }
        try test.compact(lastBytesMax: 0)
        #expect(steps > 14)
        try test.check()
        #expect(try !test.store.holdsRows(namespace: 50))
    }

    /// The walk over the archive stands in the middle of a value that goes and comes again.
    @Test func aValueIsArchivedAgainMeanwhile() throws {
        let test = try CompactingStore()
        let id = ArchiveID(expiredAt: 1000, database: 1, hash: coldHash([9]))
        func archive(_ byte: UInt8) {
            let batch = ColdBatch()
            test.archived[id] = [UInt8](repeating: byte, count: 200_000)
            _ = [UInt8]([9]).withUnsafeBytes { key in
                batch.appendArchive(
                    database: 1, hash: coldHash([9]), key: key, type: 4, access: 5, lsn: 1,
                    expiry: 999, expiredAt: 1000
                ) { batch in test.archived[id]!.withUnsafeBytes { batch.write($0) } }
            }
            #expect(test.writer.submit(batch))
        }
        test.commit()
        archive(1)
        #expect(test.writer.drain())
        var steps = 0
        test.hook.body = { step in
            guard case .copied = step else { return }
            steps += 1
            if steps != 5 { return }
            let deletion = ColdBatch()
            deletion.deleteArchive(id)
            #expect(test.writer.submit(deletion))
            archive(2)
            #expect(test.writer.drain())
        }
        try test.compact(lastBytesMax: 0)
        #expect(steps > 10)
        try test.check()
    }

    /// A merge that consumes its sources changes runs, which must not be while they are copied.
    @Test func nothingIsConsumedMeanwhile() throws {
        let test = try CompactingStore { options in
            options.mergeWidth = 2
            options.alwaysConsumes = true
        }
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
        // Before the first errand of the compaction.
        test.writer.perform(isNext: true) { store in
            store.requestFullMerge()
            #expect((try? store.mergeStep(budgetBytes: 100)) == true)
            #expect(store.merge?.consumes == true)
        }
        var steps = 0
        test.hook.body = { step in
            guard case .copied = step else { return }
            steps += 1
            test.writer.perform { #expect($0.merge == nil) }
            if steps > 6 { return }
            for _ in 0..<2 { test.commit() }
            test.writer.perform { #expect((try? $0.mergeStep()) == false) }
            #expect(test.writer.drain())
        }
        try test.compact(lastBytesMax: 0)
        #expect(steps > 6)
        try test.check()
    }

    // MARK: crashes and failures

    /// Whatever moment a directory is copied at: a store opens there that has everything.
    @Test func aCrashLeavesOneOfBoth() throws {
        let test = try CompactingStore()
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
        var copies: [(step: CompactionStep, directory: ColdDirectory)] = []
        test.hook.body = { step in
            let copy = ColdDirectory()
            // Another process: closing the lock file here would end LMDB's lock.
            #expect(system("cp --sparse=always \(test.directory.path)/* \(copy.path)/") == 0)
            copies.append((step, copy))
        }
        try test.compact(lastBytesMax: 0)
        #expect(copies.count > 10)
        for (step, directory) in copies {
            let left = try SystemDisk.shared.list(directory.path).sorted()
            switch step {
            case .copied, .completed:
                #expect(
                    left == ["compact.mdb", "compact.mdb-lock", "data.mdb", "lock.mdb"])
            case .lockRenamed:
                #expect(left == ["compact.mdb", "compact.mdb-old-lock", "data.mdb", "lock.mdb"])
            case .dataRenamed, .switched: #expect(left == CompactingStore.whole)
            }
            do {
                let store = try directory.open()
                try test.check(store)
                #expect(
                    try SystemDisk.shared.list(directory.path).sorted() == CompactingStore.whole)
                let batch = ColdBatch()
                batch.put(0, [1, 2], [3], lsn: 1 << 40)
                try store.commit(batch)
            }
            #expect(try directory.open().value(0, [1, 2])?.payload == [3])
        }
    }

    /// The lock file of the copy beside the old data must not be used: the readers and the newest
    /// transaction that stand in it are of another file.
    @Test func aLockFileOfAnotherFileGoes() throws {
        let directory = ColdDirectory()
        do { _ = try directory.open() }
        let (lock, copy) = (directory.path + "/lock.mdb", directory.path + "/compact.mdb")
        #expect(system("touch \(copy) \(copy)-lock") == 0)
        let old = directory.inode("lock.mdb")
        // So that the number is not given again.
        #expect(system("ln \(lock) \(directory.path)/other") == 0)
        do { _ = try directory.open() }
        #expect(directory.inode("lock.mdb") == old)
        #expect(system("touch \(copy)") == 0)
        do { _ = try directory.open() }
        #expect(directory.inode("lock.mdb") != old)
        #expect(system("rm \(directory.path)/other") == 0)
        #expect(try SystemDisk.shared.list(directory.path).sorted() == CompactingStore.whole)
    }

    @Test(arguments: [0, 1, 2])
    func aFailureChangesNothing(_ place: Int) throws {
        let test = try CompactingStore()
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
        let files = CompactingStore.whole.map(test.directory.inode)
        test.hook.body = { step in
            let fails =
                switch (step, place) {
                case (.copied, 0), (.completed, 1), (.lockRenamed, 2): true
                default: false
                }
            if fails { throw Broken() }
        }
        #expect(throws: CompactionError.self) { try test.compact(lastBytesMax: 0) }
        #expect(CompactingStore.whole.map(test.directory.inode) == files)
        #expect(test.files == CompactingStore.whole)
        test.commit()
        try test.check()
        // Nothing is held: everything merges into one.
        test.store.requestFullMerge()
        while try test.isMerging() { usleep(1000) }
        #expect(try test.store.stats().runs == 1)
        test.hook.body = { _ in }
        try test.compact()
        try test.check()
        try test.reopen()
        try test.check()
    }

    /// Until it is durable which file is in use, nothing that is committed is.
    @Test func theNameIsSyncedBeforeAnything() throws {
        let test = try CompactingStore()
        test.commit()
        #expect(test.writer.drain())
        test.hook.body = { step in
            if case .dataRenamed = step { throw Broken() }
        }
        try test.compact()
        #expect(test.store.state.withLock { test.store.compaction.nameIsUnsynced })
        // A directory that is not there cannot be synced.
        let path = test.directory.path
        #expect(rename(path, path + "-away") == 0)
        let commits = try test.store.stats().counters.commits
        let transaction = test.store.environment.info.lastTransaction
        test.commit()
        while !test.writer.isStuck { usleep(1000) }
        #expect(test.store.environment.info.lastTransaction == transaction)
        #expect(try test.store.stats().counters.commits == commits)
        #expect(rename(path + "-away", path) == 0)
        try test.check()
        #expect(!test.store.state.withLock { test.store.compaction.nameIsUnsynced })
        #expect(test.files == CompactingStore.whole)
    }

    @Test func withoutRoomItDoesNotBegin() throws {
        let disk = FakeDiskRoom(free: 1 << 30)
        let test = try CompactingStore { $0.diskRoom = { disk.room } }
        for _ in 0..<12 { test.commit() }
        // Merging goes on while the writer has nothing else to do, and changes what is in use.
        test.settle()
        let used = test.store.space.usedBytes
        disk.free = used / 2 + test.store.space.logReserveBytes + test.store.space.reserveBytes
        let error = #expect(throws: CompactionError.self) { try test.compact() }
        guard case .noRoom(used, used / 2) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        disk.free = 1 << 30
        test.store.quotaBytes = used * 3 / 2
        let quota = #expect(throws: CompactionError.self) { try test.compact() }
        guard case .noQuota = quota else {
            Issue.record("\(String(describing: quota))")
            return
        }
        test.store.quotaBytes = used * 4
        try test.compact()
        try test.check()
    }

    @Test func aDiskThatGetsShortEndsIt() throws {
        let disk = FakeDiskRoom(free: 1 << 30)
        let test = try CompactingStore { $0.diskRoom = { disk.room } }
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
        var steps = 0
        test.hook.body = { step in
            steps += 1
            if steps == 4 { disk.free = test.store.space.logReserveBytes }
        }
        let error = #expect(throws: CompactionError.self) { try test.compact(lastBytesMax: 0) }
        guard case .shortOfRoom = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(steps == 4)
        #expect(test.files == CompactingStore.whole)
        disk.free = 1 << 30
        test.store.measureSpace()
        try test.check()
    }

    // MARK: readers and ends

    /// A reader that began before and ends behind the change is not used again.
    @Test func aReaderOfTheOldFileIsNotPooled() throws {
        let test = try CompactingStore()
        test.commit()
        #expect(test.writer.drain())
        // Some that are idle, too.
        try test.store.withReader { _ in
            try test.store.withReader { _ in try test.store.withReader { _ in } }
        }
        let compaction = ColdCompaction(test.store, test.writer)
        var ended: CompactionThread?
        try test.store.withReader { reader in
            let former = reader.transaction.environment
            ended = CompactionThread(compaction)
            while compaction.progress.phase != .closing { usleep(1000) }
            #expect(test.store.environment !== former)
            try test.store.withReader {
                #expect($0.transaction.environment === test.store.environment)
            }
        }
        try test.store.withReader {
            #expect($0.transaction.environment === test.store.environment)
        }
        #expect(try ended?.wait() == nil)
        for _ in 0..<3 {
            test.commit()
            try test.check()
        }
    }

    @Test func itIsAborted() throws {
        let test = try CompactingStore()
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
        let compaction = ColdCompaction(test.store, test.writer, lastBytesMax: 0)
        test.hook.body = { step in
            if case .completed = step { #expect(compaction.abort()) }
        }
        let error = #expect(throws: CompactionError.self) { try compaction.run() }
        guard case .aborted = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(test.files == CompactingStore.whole)
        let late = ColdCompaction(test.store, test.writer)
        test.hook.body = { step in
            if case .dataRenamed = step { #expect(!late.abort()) }
        }
        try late.run()
        #expect(!late.abort())
        try test.check()
    }

    /// What is read from the old file stays as it is; the file stays open as long.
    @Test func aSnapshotKeepsTheOldFile() throws {
        let test = try CompactingStore()
        for _ in 0..<6 { test.commit() }
        #expect(test.writer.drain())
        let copy = ColdModel(seed: 77)
        copy.values = test.model.values
        var snapshot: ColdSnapshot? = try test.store.snapshot()
        let compaction = ColdCompaction(test.store, test.writer)
        let ended = CompactionThread(compaction)
        while compaction.progress.phase != .closing { usleep(1000) }
        for _ in 0..<6 { test.commit() }
        try test.check()
        #expect(!ended.isSet)
        try copy.checkSnapshot(snapshot!)
        snapshot = nil
        #expect(try ended.wait() == nil)
        // The server's end does not wait for it.
        snapshot = try test.store.snapshot()
        let second = ColdCompaction(test.store, test.writer)
        let secondEnded = CompactionThread(second)
        while second.progress.phase != .closing { usleep(1000) }
        second.end()
        #expect(try secondEnded.wait() == nil)
        try test.check()
        withExtendedLifetime(snapshot) {}
    }
}
