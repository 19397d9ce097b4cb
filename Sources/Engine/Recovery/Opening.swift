// Opening a data directory: what is there, what it means, and how the keyspace comes back.
//
// With the log on and a cold tier, the two together are the data. The store remembers the id of
// the stream that it belongs to:
//
//     cold tier     log              what it is
//     no stream     none             a new directory; or one that came from Redis (dump.rdb)
//     no stream     Redis's          one that came from Redis (appendonlydir with its base)
//     no stream     Firn's           the cold tier is gone, or was switched on just now
//     no stream     Firn's, base     the same; the log is whole without the store: imported
//     a stream      Firn's, same     the usual start: replay the log's tail
//     a stream      Firn's, which    the same; the log of a backup begins a stream of its own with its
//                   was the same     first start (BackupMarker.swift)
//     a stream      none or other    the log was lost or exchanged: refused
//
// A store without a stream holds nothing of value: it is left over from an import that did not
// finish, or from a run without a log. It is emptied first, so an interrupted import starts over.
// So is one that has not come as far as the base of its log, which was being turned on or off.
//
// With `cold-tier no` the log alone is the data: its base and its segments. What comes from Redis
// is written as the base of a new log; until the manifest names that, the next start begins anew.
// A store that belongs to a log is refused, because it would be left out.
//
// With `appendonly no` the cold tier only serves to hold more than memory; the data at rest is
// the snapshot, as in Redis, and the store is emptied at every start.

import Glibc

extension Engine {
    /// Opens the directory that the configuration names, recovers what is in it, and starts the
    /// background threads. `restoring`: the directory is made anew of something else first.
    /// `note` is told what happens, a line each.
    package static func open(
        _ configuration: Configuration, in world: World = World(),
        restoring request: RestoreRequest? = nil, note: @escaping (String) -> Void
    ) throws(StartError) -> (engine: Engine, report: RecoveryReport) {
        try open(configuration, in: world, restoring: request, steps: OpeningSteps(note: note))
    }

    /// The same for who serves clients already while the data is loaded (Loading.swift).
    package static func open(
        _ configuration: Configuration, in world: World = World(),
        restoring request: RestoreRequest? = nil, steps: OpeningSteps
    ) throws(StartError) -> (engine: Engine, report: RecoveryReport) {
        var opening = try Opening(configuration, world)
        if let request {
            opening.restore = Restore(
                request: request, configuration: configuration, disk: opening.disk,
                files: opening.files)
        }
        return try opening.run(steps)
    }
}

/// One opening of a directory.
struct Opening {
    let configuration: Configuration
    let world: World
    let lock: DirectoryLock
    let disk: any Disk
    let files: LogFiles
    var restore: Restore?
    var report = RecoveryReport()
    let startedUs: Int64

    init(_ configuration: Configuration, _ world: World) throws(StartError) {
        self.configuration = configuration
        self.world = world
        disk = world.disk
        startedUs = world.clock.monotonicUs()
        lock = try DirectoryLock(directory: configuration.dir)
        files = LogFiles(
            directory: "\(configuration.dir)/\(configuration.appendDirname)",
            baseName: configuration.appendFilename)
    }

    /// The engine is touched only under its lock once `steps.begun` has been told of it.
    mutating func run(
        _ steps: OpeningSteps
    ) throws(StartError) -> (engine: Engine, report: RecoveryReport) {
        let note = steps.note
        if let restore {
            try restore.prepare()
        } else {
            try Restore.refuseBrokenOff(configuration.dir, disk)
        }
        let manifest = try loadManifest()
        let isFirn =
            try manifest.map { (manifest) throws(StartError) in
                try starting { () throws(LogError) in try LogReader.isFirn(disk, files, manifest) }
            } ?? false
        let log = isFirn ? try LogFacts(disk, files, manifest!) : nil
        let (store, stream) = try openStore(log)
        let engine = Engine(
            configuration: configuration, secret: secret(of: store),
            seed: world.entropy(), world: world)
        engine.directoryLock = lock
        if let store { attach(store, to: engine) }
        engine.beginLoading(note)
        let recovers = log.map { mustRecover($0, store, stream) } ?? false
        if restore == nil, configuration.appendOnly, let manifest {
            engine.loading?.expect(bytes(of: manifest, withBase: store == nil || !recovers))
        }
        steps.begun(engine)
        do throws(StartError) {
            try fill(engine, manifest, recovers: recovers, stream, note)
        } catch {
            engine.abandonStart()
            throw error
        }
        engine.start()
        steps.loaded()
        engine.withLock { $0.endLoading() }
        report.milliseconds = (world.clock.monotonicUs() - startedUs) / 1000
        return (engine, report)
    }

    /// Brings the keyspace back, and begins or resumes the log.
    private mutating func fill(
        _ engine: Engine, _ manifest: LogManifest?, recovers: Bool, _ stream: [UInt8]?,
        _ note: @escaping (String) -> Void
    ) throws(StartError) {
        if let restore {
            try self.restore(engine, restore, note)
        } else if !configuration.appendOnly {
            try loadSnapshot(engine, note)
        } else if let manifest, recovers {
            try recover(engine, manifest, stream, note)
        } else {
            try importOrCreate(engine, manifest, stream, note)
        }
        if configuration.appendOnly {
            try starting { () throws(IOError) in
                try BackupMarker.remove(in: configuration.dir, disk)
            }
        }
    }

    private func loadManifest() throws(StartError) -> LogManifest? {
        try starting { () throws(LogError) in try files.loadManifest(disk) }
    }

    private func bytes(of manifest: LogManifest, withBase: Bool) -> Int {
        var names = manifest.segments.map(\.name)
        if withBase, let base = manifest.base { names.append(base.name) }
        return names.reduce(0) { sum, name in
            sum + ((try? disk.open(files.path(name), .read).size()) ?? 0)
        }
    }

    /// Whether a log of Firn's is read as it is, and goes on: always, except that one with a base
    /// is imported into a store that has not seen it.
    private func mustRecover(_ log: LogFacts, _ store: ColdStore?, _ stream: [UInt8]?) -> Bool {
        store == nil || !log.hasBase || log.limit(of: stream) != nil
    }

    // MARK: The cold tier

    /// The store and the stream that it belongs to; no store with `cold-tier no`. A store
    /// without a stream is emptied.
    private func openStore(
        _ log: LogFacts?
    ) throws(StartError) -> (store: ColdStore?, stream: [UInt8]?) {
        let directory = "\(configuration.dir)/cold"
        if !configuration.coldTier, !disk.exists("\(directory)/data.mdb") { return (nil, nil) }
        var stream: [UInt8]?
        var reached: LSN?
        let isNew = !disk.exists("\(directory)/data.mdb")
        try starting { () throws(ColdError) in
            let store = try ColdStore.open(directory: directory)
            stream = try store.metadata(StoreKeys.stream)
            reached = try store.checkpointLSN()
        }
        if stream != nil, !configuration.coldTier {
            throw StartError(
                "The cold tier in '\(directory)' holds a part of the data, and 'cold-tier no' would "
                    + "leave it out. Start with 'cold-tier yes'; to go on without it, SAVE there "
                    + "and start in a directory that holds only '\(configuration.dbFilename)'")
        }
        if !configuration.coldTier { return (nil, nil) }
        if stream != nil, !configuration.appendOnly {
            throw StartError(
                "The cold tier in '\(directory)' belongs to a log, and 'appendonly no' would "
                    + "discard it. Start with 'appendonly yes', or move the directory away")
        }
        if let log, log.hasBase, log.limit(of: stream) != nil,
            reached.map({ $0 < log.start }) ?? true
        {
            stream = nil
        }
        if stream == nil, !isNew {
            for name in ["data.mdb", "lock.mdb"] { try? disk.remove("\(directory)/\(name)") }
        }
        let store = try starting { () throws(ColdError) in
            try ColdStore.open(directory: directory)
        }
        return (store, stream)
    }

    private func secret(of store: ColdStore?) -> HashSecret {
        guard let store else {
            return HashSecret(k0: world.entropy(), k1: world.entropy())
        }
        return store.hashSecret.withUnsafeBytes { raw in
            HashSecret(
                k0: UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self)),
                k1: UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }

    private func attach(_ store: ColdStore, to engine: Engine) {
        let hooks = ColdWriterHooks(
            beforeCommit: { [unowned engine] lsn in
                // Log before data. During recovery the log is being read and is durable.
                if let syncer = engine.withLock({ $0.logSyncer }) { try syncer.waitDurable(lsn) }
            },
            afterCommit: { [unowned engine] in engine.batchCommitted($0) })
        engine.tier = Tier(store: store, writer: ColdWriter(store: store, hooks: hooks))
        engine.tier?.filterBytes = store.filterBytes
        store.quotaBytes = configuration.coldBytesMax
        store.partitionBytesMax = configuration.coldPartitionBytes
        store.measureSpace()
        engine.tier?.space = store.space
    }

    // MARK: The usual start

    /// Cold tier, or the log's base, plus the log's tail.
    private mutating func recover(
        _ engine: Engine, _ manifest: LogManifest, _ stream: [UInt8]?,
        _ note: (String) -> Void
    ) throws(StartError) {
        try syncFiles(manifest)
        var reader = try starting { () throws(LogError) in
            try LogReader(
                disk, files, manifest, loadTruncated: configuration.aofLoadTruncated,
                bulkBytesMax: Int.max >> 1)
        }
        var from = reader.startLSN
        report.source = "log"
        if stream != nil, let store = engine.tier?.store {
            // After a crash between a checkpoint and the removal of its segments the log reaches
            // back further than it needs to.
            let reached = try starting { () throws(ColdError) in try store.checkpointLSN() } ?? 0
            try checkReach(reached, from)
            from = Swift.max(from, reached)
            try loadMetadata(engine, store, from)
        } else if let base = manifest.base, engine.tier == nil {
            report.importedKeys = try engine.importSnapshot(
                files.path(base.name), isBase: true, position: from)
        } else if from > 0 {
            throw StartError(
                "The log in '\(files.directory)' starts at position \(reader.startLSN), but the "
                    + "cold tier that holds what came before is missing")
        }
        report.coldKeys = engine.tier == nil ? 0 : engine.withLock { $0.liveKeyCount }
        // What is spilled meanwhile is of the log. The debugging mode commits ahead of it.
        let isComparable = stream != nil && !configuration.debugSpillEveryCommand
        let stored = isComparable ? engine.tier?.store.newestLSN ?? 0 : 0
        if let stream { try join(engine, stream, manifest, stored) }
        engine.withLock { $0.guardedLSN = $0.tier?.store.newestLSN ?? .max }
        defer { engine.withLock { $0.guardedLSN = .max } }
        let end: LogEnd?
        do throws(LogError) {
            end = try engine.replay(&reader, from: from, readsAhead: true, report: &report)
        } catch {
            throw StartError(error.description)
        }
        guard var end else { throw StartError("the log has no end") }
        if stored > end.lsn {
            // Log before data: it was whole once. New effects would get positions that records have
            // already, and the next recovery would pass them over.
            throw StartError(
                "The log in '\(files.directory)' ends at position \(end.lsn), but the cold tier "
                    + "holds effects up to \(stored): the log's end is missing. See firn-check")
        }
        noteDropped(end, note)
        let writer = try starting { () throws(LogError) in
            if try BackupMarker.isUnused(in: configuration.dir, end.stream, disk) {
                let stream = engine.withLock { $0.makeStream() }
                end = try LogWriter.branch(disk, files, end, to: stream)
            }
            return try LogWriter.resume(
                disk, files, end, policy: syncPolicy(engine), clock: world.clock)
        }
        try starting { () throws(LogError) in
            try engine.withLock { engine throws(LogError) in
                engine.namespaces.forget(after: end.lsn)
                try engine.startLog(writer, at: end.lsn)
            }
        }
        if stream != end.stream { engine.storeStream(end.stream) }
    }

    /// Lets a store of `stream` whose newest record is of position `stored` follow the log, which
    /// must be of that stream or have been as far as the store goes.
    private func join(
        _ engine: Engine, _ stream: [UInt8], _ manifest: LogManifest, _ stored: LSN
    ) throws(StartError) {
        let lineage = try starting { () throws(LogError) in
            try LogLineage(disk, files, manifest)
        }
        guard let limit = lineage.limit(of: stream), stored <= limit else {
            throw StartError(
                "The log in '\(files.directory)' does not belong to the cold tier beside it")
        }
        // With the first batch: what is replayed is of the new stream.
        if stream != lineage.stream {
            engine.withLock {
                $0.tier?.batch.setMetadata(StoreKeys.stream, lineage.stream)
            }
        }
    }

    /// Tells what the end of the log has lost.
    mutating func noteDropped(_ end: LogEnd, _ note: (String) -> Void) {
        report.droppedBytes = end.droppedBytes
        report.droppedReason = end.droppedReason
        if end.droppedBytes > 0 {
            note(
                "The log ended in \(end.droppedBytes) bytes that a crash left unfinished "
                    + "(\(end.droppedReason)); they were cut off")
        }
    }

    /// The store must not be older than where the log begins.
    private func checkReach(_ reached: LSN, _ start: LSN) throws(StartError) {
        if start > reached {
            throw StartError(
                "The log starts at position \(start), the cold tier ends at \(reached): a "
                    + "segment between them is missing")
        }
    }

    /// What a killed process had written or renamed may be in the system's memory only. Records
    /// must not become durable before it, and what is logged from now on must not stand in a file
    /// that the manifest on the disk does not name.
    private func syncFiles(_ manifest: LogManifest) throws(StartError) {
        try starting { () throws(IOError) in
            for segment in manifest.segments where disk.exists(files.path(segment.name)) {
                try disk.open(files.path(segment.name), .update).syncData()
            }
            try disk.syncDirectory(files.directory)
        }
    }

    func syncPolicy(_ engine: Engine) -> SyncPolicy { engine.withLock { $0.syncPolicy } }

    func loadMetadata(
        _ engine: Engine, _ store: ColdStore, _ from: LSN
    ) throws(StartError) {
        try starting { () throws(ColdError) in
            try engine.withLock { (engine) throws(ColdError) in
                try engine.loadStoreMetadata(store, replayFrom: from)
            }
        }
    }
}

/// What the segments of a log of Firn's say.
private struct LogFacts {
    private let lineage: LogLineage
    let start: LSN
    let hasBase: Bool

    init(_ disk: any Disk, _ files: LogFiles, _ manifest: LogManifest) throws(StartError) {
        let reader = try starting { () throws(LogError) in try LogReader(disk, files, manifest) }
        lineage = try starting { () throws(LogError) in try LogLineage(disk, files, manifest) }
        start = reader.startLSN
        hasBase = manifest.base != nil
    }

    /// Up to where the log is what `stream` is; nil if it never was.
    func limit(of stream: [UInt8]?) -> LSN? { stream.flatMap(lineage.limit) }
}

extension ColdStore {
    /// Everything in the log before this is here; nil before the first checkpoint.
    func checkpointLSN() throws(ColdError) -> LSN? {
        guard let bytes = try metadata(StoreKeys.checkpoint), bytes.count == 8 else { return nil }
        return bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    }
}

/// Turns the error of a part into the reason why the server does not start.
func starting<R: ~Copyable, E: Error & CustomStringConvertible>(
    _ body: () throws(E) -> R
) throws(StartError) -> R {
    do throws(E) { return try body() } catch { throw StartError(error.description) }
}
