// The cold tier: immutable sorted runs inside LMDB.
//
// A B-tree updated in place rewrites a page for each spilled key. So nothing is updated in
// place here: a commit writes its batch, sorted, as a new run, every page full; merging in the
// background keeps the runs few; a look-up asks the runs' filters in memory, newest first, and
// reads at most the one or two that say "maybe". LMDB contributes what such a design has to
// build otherwise: an atomic manifest, crash safety, snapshots, zero-copy reads, readers in
// other processes.
//
// Threads. One writer thread commits and merges (`commit`, `mergeStep`, archive trimming);
// everything else may be called from any thread. What they share is small and behind `state`:
// the current list of runs and the pool of readers. A list is immutable and paired with the
// LMDB snapshot it belongs to: the writer announces the list that its commit will make before
// committing, a reader takes its snapshot and the matching list under the lock.
//
// The databases of the environment:
//
//     meta           key bytes -> value bytes; `firn.` keys are the store's own (ColdMetadata.swift)
//     manifest       run id -> RunInfo                                (RunInfo.swift)
//     r0, c0, e0 …   rows, chunks and expiry rows of the run in a slot  (RunWriter.swift)
//     archive        expired keys in time order                       (ColdArchive.swift)
//     archive.keys   the same by key
//
// What must never happen: a handle closed while a transaction lives; a list of runs used with
// the snapshot of another; a record served unchecked.

import Glibc
import LMDB

/// How a store is opened.
package struct ColdOptions: Sendable {
    /// For tools beside a running server: no writes, every read sees the newest state.
    package var readOnly = false
    /// With `readOnly`: every read sees the state at the opening instead. One thread at a time.
    package var pinsSnapshot = false
    /// With `readOnly`: nobody writes meanwhile, as the caller knows; not even the lock file is
    /// touched.
    package var lockless = false
    /// Damaged metadata do not keep it from opening: for who reports or mends them.
    package var toleratesDamage = false
    /// Address space for the data file and so its upper limit.
    package var mapBytes = 1 << 40
    /// Runs of one level that are merged into one of the next.
    package var mergeWidth = 8
    /// A partition's runs are merged into one when the newer ones hold this share of its base.
    package var baseRatio = 1.5
    /// Merging pauses for snapshots until there are this many runs above one another.
    package var runsMax = 48
    /// What the base of a partition should hold at most.
    package var partitionBytes = ColdOptions.partitionBytesDefault
    package static let partitionBytesDefault = 1 << 30
    /// What the file system has, in place of what it says itself. For tests.
    package var diskRoom: (@Sendable () -> DiskRoom?)?
    /// Every merge consumes its sources (ConsumingMerge.swift). For tests.
    package var alwaysConsumes = false
    /// Called between the steps of a compaction; throws to have it fail there. For tests.
    package var compactionStep: (@Sendable (CompactionStep) throws -> Void)?

    package init() {}
}

/// The cold tier. See the essay above for which thread may call what.
package final class ColdStore: @unchecked Sendable {
    static let formatVersion: UInt8 = 2
    /// Three for each of 2048 slots, and the store's own.
    static let databasesMax = 3 * 2048 + 8

    package let options: ColdOptions
    let directory: String
    let limits: PageLimits
    let meta: MetaTable
    let manifest: Database
    let archive: Database
    let archiveKeys: Database

    /// Names this store; 16 bytes.
    package let storeID: [UInt8]
    /// Keys the hash of the keyspace; 16 bytes, secret.
    package let hashSecret: [UInt8]

    /// Guards everything down to the next mark, and each run's expiry position.
    let state = Monitor()
    /// The data file, see `environment`.
    var environmentNow: Environment
    var current: RunList
    /// The list that the commit under way will make.
    var announced: RunList?
    var latestTransaction = 0
    /// When the latest commits were, for the age of readers; see ColdStats.swift.
    var commitTimes = CommitTimes()
    var pool: [ColdReader] = []
    var liveSnapshots = 0
    var slots: [RunSlot] = []
    var liveNamespacesNow = LiveNamespaces.all
    var tombstoneFloorNow: UInt64 = 0
    var fullMergeWanted = false
    var archiveTotals = ArchiveTotals()
    var counters = ColdCounters()
    var spaceNow = ColdSpace()
    var quotaBytesNow = 0
    var partitionBytesNow: Int
    /// When `spaceNow` was measured; 0: it must be again.
    var measuredUs: Int64 = 0
    var compaction = CompactionMarks()

    // The writer thread's own.
    var nextRunID: UInt64 = 1
    /// Merges under way: the last is being worked at, the one before it waits.
    var merges: [MergeJob] = []
    /// Runs with smaller ids are to be merged, because a merge of everything was asked for.
    var renewBelow: UInt64 = 0
    /// Rows of the archive touched since the last commit; nil while nobody asks for them.
    var archiveChanges: [ArchiveTouch]?
    /// The one snapshot of a store that pins it.
    var pinned: ColdReader?

    /// Opens the store in `directory`, which is created when missing. Only one process may
    /// open it for writing: the caller holds a lock on the directory. O(runs' filters).
    package static func open(
        directory: String, options: ColdOptions = ColdOptions()
    ) throws(ColdError) -> ColdStore {
        try typed { try ColdStore(directory, options) }
    }

    private init(_ directory: String, _ options: ColdOptions) throws {
        self.options = options
        self.directory = directory
        partitionBytesNow = options.partitionBytes
        if !options.readOnly {
            try ColdStore.removeCopies(directory)
            try ColdStore.createIfMissing(directory, mapBytes: options.mapBytes)
        }
        let environment = try Environment(
            directory: directory, readOnly: options.readOnly, mapBytes: options.mapBytes,
            maxDatabases: ColdStore.databasesMax, lockless: options.lockless)
        environmentNow = environment
        // A server that was killed may have left slots that pin pages.
        if !options.readOnly { try environment.removeDeadReaders() }
        limits = PageLimits(pageBytes: environment.info.pageBytes)
        let opened =
            options.readOnly
            ? try ColdStore.openReadOnly(environment, options.toleratesDamage)
            : try ColdStore.openOrCreate(environment, options.toleratesDamage)
        meta = options.readOnly ? opened.meta : try opened.meta.sealedIfRoom(environment)
        manifest = opened.manifest
        archive = opened.archive
        archiveKeys = opened.archiveKeys
        slots = opened.slots
        storeID = opened.storeID
        hashSecret = opened.hashSecret
        archiveTotals = opened.archiveTotals
        current = RunList([], transaction: 0)
        if !options.readOnly {
            try recover()
            measureSpace()
        } else if options.pinsSnapshot {
            try pin()
        }
    }

    /// The data file that is in use. Only the writer thread replaces it; readers under way stay with
    /// the one that they began with. Handles of databases are numbers that hold for each.
    var environment: Environment { state.withLock { environmentNow } }

    /// What opening finds.
    struct Opened {
        let meta: MetaTable
        let manifest: Database
        let archive: Database
        let archiveKeys: Database
        var slots: [RunSlot]
        let storeID: [UInt8]
        let hashSecret: [UInt8]
        let archiveTotals: ArchiveTotals
    }

    static func openOrCreate(
        _ environment: Environment, _ toleratesDamage: Bool = false
    ) throws -> Opened {
        let transaction = try WriteTransaction(environment)
        let view = transaction.view
        let isNew = try view.stat(.names).entries == 0
        let meta = try view.open("meta", isNew ? .create : [])
        let manifest = try view.open("manifest", isNew ? .create : [])
        let archive = try view.open("archive", isNew ? .create : [])
        let archiveKeys = try view.open("archive.keys", isNew ? .create : [])
        guard let meta, let manifest, let archive, let archiveKeys else {
            throw ColdError.foreign("the LMDB file lacks the tables of a cold tier")
        }
        if isNew {
            var random = SystemRandomNumberGenerator()
            func bytes() -> [UInt8] {
                (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            let table = MetaTable(database: meta, isSealed: true)
            try table.put(transaction, MetaKey.format, [formatVersion])
            try table.put(transaction, MetaKey.storeID, bytes())
            try table.put(transaction, MetaKey.hashSecret, bytes())
        }
        let opened = try read(view, meta, manifest, archive, archiveKeys, toleratesDamage)
        try transaction.commit()
        if isNew { try environment.sync() }
        return opened
    }

    private static func openReadOnly(
        _ environment: Environment, _ toleratesDamage: Bool
    ) throws -> Opened {
        let transaction = try ReadTransaction(environment)
        let view = transaction.view
        guard let meta = try view.open("meta"), let manifest = try view.open("manifest"),
            let archive = try view.open("archive"), let keys = try view.open("archive.keys")
        else { throw ColdError.foreign("the LMDB file lacks the tables of a cold tier") }
        let opened = try read(view, meta, manifest, archive, keys, toleratesDamage)
        try transaction.endKeepingHandles()
        return opened
    }

    private static func read(
        _ view: TransactionView, _ meta: Database, _ manifest: Database, _ archive: Database,
        _ archiveKeys: Database, _ toleratesDamage: Bool
    ) throws -> Opened {
        let meta = try MetaTable.open(view, meta)
        if !toleratesDamage, let key = try meta.damagedRows(view).first {
            throw MetaTable.damage(key)
        }
        guard let storeID = try meta.getUnchecked(view, MetaKey.storeID), storeID.count == 16,
            let secret = try meta.getUnchecked(view, MetaKey.hashSecret), secret.count == 16
        else { throw ColdError.damagedStore("the store's id or hash secret is missing") }
        let totals = try ArchiveTotals.decode(meta.getUnchecked(view, MetaKey.archive))
        return Opened(
            meta: meta, manifest: manifest, archive: archive, archiveKeys: archiveKeys,
            slots: try openSlots(view, from: 0), storeID: storeID, hashSecret: secret,
            archiveTotals: totals)
    }

    /// Opens the slots that exist, from number `first`. Not in two transactions at once.
    static func openSlots(
        _ view: TransactionView, from first: Int, create: Int = 0
    ) throws -> [RunSlot] {
        var slots: [RunSlot] = []
        while true {
            let number = first + slots.count
            let flags: Database.Flags = slots.count < create ? .create : []
            guard let rows = try view.open("r\(number)", flags),
                let chunks = try view.open("c\(number)", flags.union(.integerKeys)),
                let expiries = try view.open("e\(number)", flags)
            else { return slots }
            slots.append(RunSlot(rows: rows, chunks: chunks, expiries: expiries))
        }
    }

    /// Reads the manifest, removes what an interrupted merge left, loads the filters.
    private func recover() throws {
        let infos = try emptyUnusedSlots()
        let reader = try ReadTransaction(environment)
        let id = reader.id
        latestTransaction = id
        let runs = infos.map { info in
            let slot = slots[info.slot]
            let pieces = FilterTable.load(info) { first, count in
                readChunks(reader.view, slot, first, count, of: info.chunks)
            }
            if pieces == nil { counters.damagedFilters += 1 }
            return Run(info, slot, pieces ?? [])
        }
        current = RunList(runs, transaction: id)
        nextRunID = (infos.map { max($0.id, $0.recency) }.max() ?? 0) + 1
    }

    /// Removes what an interrupted merge left, and returns what the manifest names. On a full
    /// disk it stays: whoever uses a slot empties it first.
    private func emptyUnusedSlots() throws -> [RunInfo] {
        let transaction = try WriteTransaction(environment)
        let infos = try readManifest(transaction.view)
        guard infos.allSatisfy({ $0.slot < slots.count }) else {
            throw ColdError.damagedStore("a run lies in a slot that is not there")
        }
        let used = Set(infos.map(\.slot))
        do {
            for (number, slot) in slots.enumerated() where !used.contains(number) {
                try empty(transaction, slot)
            }
            try transaction.commit()
        } catch let error as LMDBError {
            if !error.isFull { throw error }
        }
        return infos
    }

    /// Takes the snapshot that all reads will see. Filters are not loaded: whoever pins a
    /// snapshot walks, or looks up few keys, and should not need a byte per cold key.
    private func pin() throws {
        let reader = try freshReadOnlyReader()
        archiveTotals = try ArchiveTotals.decode(
            meta.getUnchecked(reader.transaction.view, MetaKey.archive))
        current = reader.list
        pinned = reader
    }

    /// The manifest's runs, in no order, checked against the slots that exist.
    func readManifest(_ view: TransactionView) throws -> [RunInfo] {
        var infos: [RunInfo] = []
        var cursor = try Cursor(view, manifest)
        while try cursor.move(.next) {
            guard let info = RunInfo.decode(id: cursor.key, cursor.value) else {
                throw ColdError.damagedStore("a row of the manifest fails its check")
            }
            infos.append(info)
        }
        guard Set(infos.map(\.slot)).count == infos.count else {
            throw ColdError.damagedStore("two runs claim one slot")
        }
        return infos
    }

    func empty(_ transaction: borrowing WriteTransaction, _ slot: RunSlot) throws {
        for database in [slot.rows, slot.chunks, slot.expiries]
        where try transaction.view.stat(database).entries > 0 {
            try transaction.empty(database)
        }
    }

    /// `count` bytes stored in chunk rows from `first` on; nil when they are not all there.
    func readChunks(
        _ view: TransactionView, _ slot: RunSlot, _ first: UInt64, _ count: Int, of chunks: UInt64
    ) -> [UInt8]? {
        let rows = UInt64((count + limits.chunkBytes - 1) / limits.chunkBytes)
        guard first <= chunks, rows <= chunks - first else { return nil }
        guard var cursor = try? Cursor(view, slot.chunks) else { return nil }
        return copyChunks(&cursor, first, count)
    }

    /// The same with a cursor of the chunks at hand, when `count` is known to be plausible.
    func copyChunks(_ cursor: inout Cursor, _ first: UInt64, _ count: Int) -> [UInt8]? {
        var whole = false
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            while filled < count {
                let found =
                    filled == 0
                    ? try? cursor.seek(exactly: first) : try? cursor.move(.next)
                guard found == true else { return }
                let chunk = cursor.value
                let wanted = min(limits.chunkBytes, count - filled)
                guard chunk.count == wanted else { return }
                memcpy(buffer.baseAddress! + filled, chunk.baseAddress!, wanted)
                filled += wanted
            }
            whole = true
        }
        return whole ? bytes : nil
    }

    // MARK: metadata

    enum MetaKey {
        static let format = Array("firn.format".utf8)
        static let storeID = Array("firn.id".utf8)
        static let hashSecret = Array("firn.secret".utf8)
        static let archive = Array("firn.archive".utf8)
    }

    /// A piece of metadata as last committed, nil when there is none. O(log n).
    package func metadata(_ key: [UInt8]) throws(ColdError) -> [UInt8]? {
        try typed {
            try withReader { try meta.get($0.transaction.view, key) }
        }
    }

    static func get(_ view: TransactionView, _ database: Database, _ key: [UInt8]) throws
        -> [UInt8]?
    {
        try key.withUnsafeBytes { try view.get(database, $0).map { Array($0) } }
    }

    static func put(
        _ transaction: borrowing WriteTransaction, _ database: Database, _ key: [UInt8],
        _ value: [UInt8]
    ) throws {
        let keyBytes = key
        let valueBytes = value
        try keyBytes.withUnsafeBytes { key in
            try valueBytes.withUnsafeBytes { try transaction.put(database, key, $0) }
        }
    }

    /// Namespaces whose rows merging keeps. What made the others dead must be durable. Any
    /// thread.
    package var liveNamespaces: LiveNamespaces {
        get { state.withLock { liveNamespacesNow } }
        set { state.withLock { liveNamespacesNow = newValue } }
    }

    /// What the base of a partition should hold at most (`cold-partition-bytes`). Any thread.
    package var partitionBytesMax: Int {
        get { state.withLock { partitionBytesNow } }
        set { state.withLock { partitionBytesNow = newValue } }
    }

    /// Tombstones up to this log position may go once nothing older lies below them: the start
    /// of the durable log, which replays nothing older. Any thread.
    package var tombstoneFloor: UInt64 {
        get { state.withLock { tombstoneFloorNow } }
        set { state.withLock { tombstoneFloorNow = newValue } }
    }
}
