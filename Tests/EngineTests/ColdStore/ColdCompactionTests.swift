// Moving a store into a new file: what is there afterwards, what a crash or a failure leaves, and
// who may read meanwhile.

import Glibc
import LMDB
import Testing

@testable import Engine

/// What a compaction calls between its steps.
private final class StepHook: @unchecked Sendable {
    var body: (CompactionStep) throws -> Void = { _ in }
}

/// A store with a writer, and what is in it.
private final class Compacting: @unchecked Sendable {
    let directory = ColdDirectory()
    let model: ColdModel
    let hook = StepHook()
    private(set) var store: ColdStore!
    private(set) var writer: ColdWriter!
    /// Rows of the archive that are there: payloads.
    var archived: [ArchiveID: [UInt8]] = [:]
    private let change: (inout ColdOptions) -> Void

    init(seed: UInt64 = 1, _ change: @escaping (inout ColdOptions) -> Void = { _ in }) throws {
        self.change = change
        model = ColdModel(seed: seed)
        try open()
    }

    deinit { writer.stop() }

    private func open() throws {
        store = try directory.open { [hook] options in
            options.compactionStep = { try hook.body($0) }
            change(&options)
        }
        writer = ColdWriter(store: store, hooks: ColdWriterHooks(), mergeStepBytes: 8 << 10)
    }

    /// LMDB must not be open twice in a process: the old store goes first.
    func reopen() throws {
        writer.stop()
        writer = nil
        store = nil
        try open()
    }

    func commit() {
        let batch = model.batch()
        let count = Int.random(in: 0..<6, using: &model.random)
        for _ in 0..<count { archive(batch) }
        if Bool.random(using: &model.random), let id = archived.keys.sorted().first {
            batch.deleteArchive(id)
            archived[id] = nil
        }
        if Bool.random(using: &model.random),
            let id = archived.keys.sorted().randomElement(using: &model.random)
        {
            batch.deleteArchive(id)
            archived[id] = nil
        }
        batch.setMetadata([7], withUnsafeBytes(of: model.lsn) { Array($0) })
        #expect(writer.submit(batch))
    }

    /// Some large enough for several rows.
    private func archive(_ batch: ColdBatch) {
        let key = Array("a\(Int.random(in: 0..<40, using: &model.random))".utf8)
        let at = Int64.random(in: 1000...3000, using: &model.random)
        let large = Int.random(in: 0..<4, using: &model.random) == 0
        let payload = [UInt8](
            repeating: UInt8.random(in: 0...255, using: &model.random), count: large ? 30_000 : 20)
        let id = ArchiveID(expiredAt: at, database: 1, hash: coldHash(key))
        if archived[id] == nil { archived[id] = payload }
        _ = key.withUnsafeBytes { keyBytes in
            batch.appendArchive(
                database: 1, hash: coldHash(key), key: keyBytes, type: 4, access: 5,
                lsn: model.lsn, expiry: at - 1, expiredAt: at
            ) { batch in payload.withUnsafeBytes { batch.write($0) } }
        }
    }

    /// Trims what expired before `ms`.
    func trim(before ms: Int64) {
        archived = archived.filter { $0.key.expiredAt >= ms }
        writer.perform { store in
            while try store.trimArchive(before: ms, bytesMax: .max, atMost: 2) {}
        }
    }

    func compact(lastBytesMax: Int = 16 << 20) throws {
        try ColdCompaction(store, writer, lastBytesMax: lastBytesMax).run()
    }

    func check() throws {
        #expect(writer.drain(timeoutMs: 10_000))
        #expect(writer.stats.lastError == nil)
        try check(store)
    }

    func check(_ store: ColdStore) throws {
        try model.check(store)
        try checkArchive(store)
        #expect(try store.metadata([7]) == withUnsafeBytes(of: model.lsn) { Array($0) })
    }

    private func checkArchive(_ store: ColdStore) throws {
        var seen: [ArchiveID: [UInt8]] = [:]
        var after: ArchiveID?
        repeat {
            after = try store.listArchive(after: after, atMost: 7) {
                seen[$0.id] = Array($0.record.payload)
            }
        } while after != nil
        #expect(seen == archived)
        #expect(store.archiveUsage.count == archived.count)
        for number in 0..<40 {
            let key = Array("a\(number)".utf8)
            let hash = coldHash(key)
            let ids = try store.archiveIDs(database: 1, hash: hash)
            let expected = archived.keys.filter {
                $0 == ArchiveID(expiredAt: $0.expiredAt, database: 1, hash: hash)
            }
            #expect(ids == expected.sorted())
        }
    }

    /// Whether a merge is under way or due.
    func isMerging() throws -> Bool {
        nonisolated(unsafe) var isDue = false
        writer.perform { isDue = $0.isMergeDue }
        #expect(writer.drain())
        return isDue
    }

    var files: [String] { (try? SystemDisk.shared.list(directory.path).sorted()) ?? [] }
    static let whole = ["data.mdb", "lock.mdb"]
}

/// Every row of every database, as it is.
private func rows(of store: ColdStore) throws -> [String: [[UInt8]]] {
    var databases = [
        "meta": store.meta.database, "manifest": store.manifest, "archive": store.archive,
        "archive.keys": store.archiveKeys,
    ]
    for run in store.current.runs {
        let slot = run.view.slot
        databases["r\(run.info.slot)"] = slot.rows
        databases["c\(run.info.slot)"] = slot.chunks
        databases["e\(run.info.slot)"] = slot.expiries
    }
    let reader = try ReadTransaction(store.environment)
    var all: [String: [[UInt8]]] = [:]
    for (name, database) in databases {
        var cursor = try Cursor(reader.view, database)
        var rows: [[UInt8]] = []
        while try cursor.move(.next) { rows += [Array(cursor.key), Array(cursor.value)] }
        all[name] = rows
    }
    return all
}

private func size(_ path: String) -> Int {
    var facts = stat()
    return stat(path, &facts) == 0 ? Int(facts.st_size) : -1
}

private func inode(_ path: String) -> UInt {
    var facts = stat()
    return stat(path, &facts) == 0 ? UInt(facts.st_ino) : 0
}

private struct Broken: Error {}

@Suite struct ColdCompactionTests {
    @Test func everyRowIsTheSame() throws {
        let test = try Compacting()
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
        while try test.isMerging() { usleep(1000) }
        let before = try rows(of: test.store)
        #expect(before["archive"]!.count > 10 && before["meta"]!.count > 4)
        let path = test.directory.path + "/data.mdb"
        let old = inode(path)
        try test.compact(lastBytesMax: 0)
        #expect(try rows(of: test.store) == before)
        #expect(inode(path) != old)
        #expect(test.files == Compacting.whole)
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
        let path = directory.path + "/data.mdb"
        let before = size(path)
        #expect(before > 10 << 20)
        let compaction = ColdCompaction(store, writer)
        try compaction.run()
        #expect(size(path) < 3 << 20)
        #expect(abs(compaction.progress.freedBytes - (before - size(path))) < 1 << 20)
        #expect(try store.stats().records == 1000)
        #expect(try store.value(0, Array("9:7".utf8))?.payload.count == 1000)
        #expect(try store.value(0, Array("8:7".utf8)) == nil)
        #expect(store.space.usedBytes < 3 << 20)
    }

    /// Commits, trimming, merges and readers between the steps.
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func randomHistories(_ seed: UInt64) throws {
        let test = try Compacting(seed: seed) { $0.mergeWidth = 3 }
        for _ in 0..<20 { test.commit() }
        #expect(test.writer.drain())
        for _ in 0..<2 {
            var kept: [(snapshot: ColdSnapshot, model: ColdModel)] = []
            var steps = 0
            test.hook.body = { step in
                guard case .copied = step, steps < 25 else { return }
                steps += 1
                switch Int.random(in: 0..<8, using: &test.model.random) {
                case 0..<4: test.commit()
                case 4:
                    test.trim(before: Int64.random(in: 1000...1600, using: &test.model.random))
                case 5:
                    #expect(test.writer.drain())
                    let copy = ColdModel(seed: seed &+ 99)
                    copy.values = test.model.values
                    kept.append((try test.store.snapshot(), copy))
                case 6: try test.check()
                default: test.store.tombstoneFloor = test.model.lsn
                }
            }
            let compaction = ColdCompaction(test.store, test.writer, lastBytesMax: 64 << 10)
            let ended = Ended(compaction)
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
            #expect(test.files == Compacting.whole)
        }
        try test.reopen()
        try test.check()
        test.commit()
        try test.check()
    }

    // MARK: crashes and failures

    /// Whatever moment a directory is copied at: a store opens there that has everything.
    @Test func aCrashLeavesOneOfBoth() throws {
        let test = try Compacting()
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
        var copies: [(step: CompactionStep, directory: ColdDirectory)] = []
        test.hook.body = { step in
            let copy = ColdDirectory()
            // Another process: closing the lock file here would end LMDB's lock.
            #expect(shell("cp --sparse=always \(test.directory.path)/* \(copy.path)/"))
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
                #expect(left == ["compact.mdb", "compact.mdb-held", "data.mdb", "lock.mdb"])
            case .dataRenamed, .switched: #expect(left == Compacting.whole)
            }
            do {
                let store = try directory.open()
                try test.check(store)
                #expect(
                    try SystemDisk.shared.list(directory.path).sorted() == Compacting.whole)
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
        #expect(shell("touch \(copy) \(copy)-lock"))
        let old = inode(lock)
        // So that the number is not given again.
        #expect(shell("ln \(lock) \(directory.path)/other"))
        do { _ = try directory.open() }
        #expect(inode(lock) == old)
        #expect(shell("touch \(copy)"))
        do { _ = try directory.open() }
        #expect(inode(lock) != old)
        #expect(shell("rm \(directory.path)/other"))
        #expect(try SystemDisk.shared.list(directory.path).sorted() == Compacting.whole)
    }

    @Test(arguments: [0, 1, 2])
    func aFailureChangesNothing(_ place: Int) throws {
        let test = try Compacting()
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
        let path = test.directory.path
        let files = [inode(path + "/data.mdb"), inode(path + "/lock.mdb")]
        test.hook.body = { step in
            let fails =
                switch (step, place) {
                case (.copied, 0), (.completed, 1), (.lockRenamed, 2): true
                default: false
                }
            if fails { throw Broken() }
        }
        #expect(throws: CompactionError.self) { try test.compact(lastBytesMax: 0) }
        #expect([inode(path + "/data.mdb"), inode(path + "/lock.mdb")] == files)
        #expect(test.files == Compacting.whole)
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
        let test = try Compacting()
        test.commit()
        #expect(test.writer.drain())
        test.hook.body = { step in
            if case .dataRenamed = step { throw Broken() }
        }
        try test.compact()
        #expect(test.store.state.withLock { test.store.compaction.nameIsUnsynced })
        test.commit()
        try test.check()
        #expect(!test.store.state.withLock { test.store.compaction.nameIsUnsynced })
        #expect(test.files == Compacting.whole)
    }

    @Test func withoutRoomItDoesNotBegin() throws {
        let disk = FakeDisk(free: 1 << 30)
        let test = try Compacting { $0.diskRoom = { disk.room } }
        for _ in 0..<12 { test.commit() }
        #expect(test.writer.drain())
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
        let disk = FakeDisk(free: 1 << 30)
        let test = try Compacting { $0.diskRoom = { disk.room } }
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
        #expect(test.files == Compacting.whole)
        disk.free = 1 << 30
        test.store.measureSpace()
        try test.check()
    }

    // MARK: ends

    @Test func itIsAborted() throws {
        let test = try Compacting()
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
        #expect(test.files == Compacting.whole)
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
        let test = try Compacting()
        for _ in 0..<6 { test.commit() }
        #expect(test.writer.drain())
        let copy = ColdModel(seed: 77)
        copy.values = test.model.values
        var snapshot: ColdSnapshot? = try test.store.snapshot()
        let compaction = ColdCompaction(test.store, test.writer)
        let ended = Ended(compaction)
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
        let secondEnded = Ended(second)
        while second.progress.phase != .closing { usleep(1000) }
        second.end()
        #expect(try secondEnded.wait() == nil)
        try test.check()
        withExtendedLifetime(snapshot) {}
    }
}

/// Runs a compaction on a thread.
private final class Ended: @unchecked Sendable {
    private let monitor = Monitor()
    private var isOver = false
    private var error: CompactionError?
    private var thread: BackgroundThread?

    init(_ compaction: ColdCompaction) {
        thread = BackgroundThread { [self] in
            var error: CompactionError?
            do throws(CompactionError) { try compaction.run() } catch let failure {
                error = failure
            }
            monitor.withLock {
                isOver = true
                self.error = error
            }
        }
    }

    var isSet: Bool { monitor.withLock { isOver } }

    func wait() throws -> String? {
        thread?.join()
        return error?.description
    }
}

private final class FakeDisk: @unchecked Sendable {
    private let monitor = Monitor()
    private var freeNow: Int

    init(free: Int) { freeNow = free }

    var free: Int {
        get { monitor.withLock { freeNow } }
        set { monitor.withLock { freeNow = newValue } }
    }
    var room: DiskRoom { DiskRoom(freeBytes: free, totalBytes: 1 << 31) }
}

private func shell(_ command: String) -> Bool { system(command) == 0 }
