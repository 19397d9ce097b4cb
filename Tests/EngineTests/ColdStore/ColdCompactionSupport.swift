// A store to compact, with what is in it, and what the suites of compaction share.

import Glibc
import LMDB
import Testing

@testable import Engine

/// What a compaction calls between its steps.
final class StepHook: @unchecked Sendable {
    var body: (CompactionStep) throws -> Void = { _ in }
}

/// A store with a writer, and what is in it.
final class CompactingStore: @unchecked Sendable {
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

    /// Waits until everything is committed and no merge is due any more.
    func settle() {
        nonisolated(unsafe) var isDue = true
        while isDue {
            #expect(writer.drain())
            writer.perform { store in
                isDue = store.isMergeDue
                store.measureSpace()
            }
            #expect(writer.drain())
        }
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
func rows(of store: ColdStore) throws -> [String: [[UInt8]]] {
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

/// Runs a compaction on a thread.
final class CompactionThread: @unchecked Sendable {
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

final class FakeDiskRoom: @unchecked Sendable {
    private let monitor = Monitor()
    private var freeNow: Int

    init(free: Int) { freeNow = free }

    var free: Int {
        get { monitor.withLock { freeNow } }
        set { monitor.withLock { freeNow = newValue } }
    }
    var room: DiskRoom { DiskRoom(freeBytes: free, totalBytes: 1 << 31) }
}

extension ColdDirectory {
    func size(_ name: String) -> Int { Int(facts(name).st_size) }
    func inode(_ name: String) -> UInt { UInt(facts(name).st_ino) }

    private func facts(_ name: String) -> stat {
        var facts = stat()
        #expect(stat("\(path)/\(name)", &facts) == 0)
        return facts
    }
}
