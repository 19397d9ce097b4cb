// Opening a data directory: what is there, what it means, and how the keyspace comes back.
//
// With the log on, the cold tier and the log together are the data. The store remembers the id
// of the stream that it belongs to:
//
//     cold tier     log              what it is
//     no stream     none             a new directory; or one that came from Redis (dump.rdb)
//     no stream     Redis's          one that came from Redis (appendonlydir with its base)
//     no stream     Firn's           the cold tier is gone, or was switched on just now
//     a stream      Firn's, same     the usual start: replay the log's tail
//     a stream      none or other    the log was lost or exchanged: refused
//
// A store without a stream holds nothing of value: it is left over from an import that did not
// finish, or from a run without a log. It is emptied first, so an interrupted import starts over.
//
// With `appendonly no` the cold tier only serves to hold more than memory; the data at rest is
// the snapshot, as in Redis, and the store is emptied at every start.

import Glibc

extension Engine {
    /// Opens the directory that the configuration names, recovers what is in it, and starts the
    /// background threads. `note` is told what happens, a line each.
    package static func open(
        _ configuration: Configuration, note: (String) -> Void
    ) throws(StartError) -> (engine: Engine, report: RecoveryReport) {
        var opening = try Opening(configuration)
        return try opening.run(note)
    }
}

/// One opening of a directory.
private struct Opening {
    let configuration: Configuration
    let lock: DirectoryLock
    let disk: any Disk = SystemDisk.shared
    let files: LogFiles
    var report = RecoveryReport()
    let startedUs = Clock.system.monotonicUs()

    init(_ configuration: Configuration) throws(StartError) {
        self.configuration = configuration
        lock = try DirectoryLock(directory: configuration.dir)
        files = LogFiles(
            directory: "\(configuration.dir)/\(configuration.appendDirname)",
            baseName: configuration.appendFilename)
    }

    mutating func run(
        _ note: (String) -> Void
    ) throws(StartError) -> (engine: Engine, report: RecoveryReport) {
        let manifest = try loadManifest()
        let isFirn =
            try manifest.map { (manifest) throws(StartError) in
                try starting { () throws(LogError) in try LogReader.isFirn(disk, files, manifest) }
            } ?? false
        let (store, stream) = try openStore()
        let engine = Engine(
            configuration: configuration, secret: secret(of: store),
            seed: UInt64(bitPattern: startedUs) ^ UInt64(getpid()), disk: disk)
        engine.directoryLock = lock
        if let store { attach(store, to: engine) }
        if !configuration.appendOnly {
            try loadSnapshot(engine, note)
        } else if isFirn, let manifest {
            try recover(engine, manifest, stream, note)
        } else {
            try importOrCreate(engine, manifest, stream, note)
        }
        engine.start()
        report.milliseconds = (Clock.system.monotonicUs() - startedUs) / 1000
        return (engine, report)
    }

    private func loadManifest() throws(StartError) -> LogManifest? {
        try starting { () throws(LogError) in try files.loadManifest(disk) }
    }

    // MARK: The cold tier

    /// The store and the stream that it belongs to; no store with `cold-tier no`. A store
    /// without a stream is emptied.
    private func openStore() throws(StartError) -> (store: ColdStore?, stream: [UInt8]?) {
        guard configuration.coldTier else { return (nil, nil) }
        let directory = "\(configuration.dir)/cold"
        var stream: [UInt8]?
        try starting { () throws(ColdError) in
            let store = try ColdStore.open(directory: directory)
            stream = try store.metadata(StoreKeys.stream)
        }
        if stream != nil, !configuration.appendOnly {
            throw StartError(
                "The cold tier in '\(directory)' belongs to a log, and 'appendonly no' would "
                    + "discard it. Start with 'appendonly yes', or move the directory away")
        }
        if stream == nil {
            for name in ["data.mdb", "lock.mdb"] { try? disk.remove("\(directory)/\(name)") }
        }
        let store = try starting { () throws(ColdError) in
            try ColdStore.open(directory: directory)
        }
        return (store, stream)
    }

    private func secret(of store: ColdStore?) -> HashSecret {
        guard let store else {
            var random = SystemRandomNumberGenerator()
            return HashSecret(k0: random.next(), k1: random.next())
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
                if let syncer = engine.logSyncer { try syncer.waitDurable(lsn) }
            },
            afterCommit: { [unowned engine] in engine.batchCommitted($0) })
        engine.tier = Tier(store: store, writer: ColdWriter(store: store, hooks: hooks))
        engine.tier?.filterBytes = store.filterBytes
    }

    // MARK: The usual start

    /// Cold tier plus log tail.
    private mutating func recover(
        _ engine: Engine, _ manifest: LogManifest, _ stream: [UInt8]?,
        _ note: (String) -> Void
    ) throws(StartError) {
        try syncSegments(manifest)
        var reader = try starting { () throws(LogError) in
            try LogReader(
                disk, files, manifest, loadTruncated: configuration.aofLoadTruncated,
                bulkBytesMax: Int.max >> 1)
        }
        if stream != nil, let store = engine.tier?.store {
            try starting { () throws(ColdError) in
                try engine.loadStoreMetadata(store, replayFrom: reader.startLSN)
            }
            try checkReach(store, reader.startLSN)
        } else if reader.startLSN > 0 {
            throw StartError(
                "The log in '\(files.directory)' starts at position \(reader.startLSN), but the "
                    + "cold tier that holds what came before is missing")
        }
        report.source = "log"
        report.coldKeys = engine.liveKeyCount
        let end: LogEnd?
        do throws(LogError) {
            end = try engine.replay(&reader, report: &report)
        } catch {
            engine.tier?.writer.stop()
            throw StartError(error.description)
        }
        guard let end else { throw StartError("the log has no end") }
        if let stream, stream != end.stream {
            throw StartError(
                "The log in '\(files.directory)' does not belong to the cold tier beside it")
        }
        report.droppedBytes = end.droppedBytes
        report.droppedReason = end.droppedReason
        if end.droppedBytes > 0 {
            note(
                "The log ended in \(end.droppedBytes) bytes that a crash left unfinished "
                    + "(\(end.droppedReason)); they were cut off")
        }
        engine.namespaces.forget(after: end.lsn)
        let writer = try starting { () throws(LogError) in
            try LogWriter.resume(disk, files, end, policy: policy)
        }
        engine.startLog(writer, at: end.lsn)
        if stream == nil { engine.storeStream(end.stream) }
    }

    /// The store must not be older than where the log begins.
    private func checkReach(_ store: ColdStore, _ start: LSN) throws(StartError) {
        let checkpoint = try starting { () throws(ColdError) in
            try store.metadata(StoreKeys.checkpoint)
        }
        let reached =
            checkpoint.flatMap { bytes in
                bytes.count == 8
                    ? bytes.withUnsafeBytes {
                        UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))
                    }
                    : nil
            } ?? 0
        if start > reached {
            throw StartError(
                "The log starts at position \(start), the cold tier ends at \(reached): a "
                    + "segment between them is missing")
        }
    }

    /// What a killed process had written may be in the system's memory only; records must not
    /// become durable before it.
    private func syncSegments(_ manifest: LogManifest) throws(StartError) {
        for segment in manifest.segments where disk.exists(files.path(segment.name)) {
            try starting { () throws(IOError) in
                try disk.open(files.path(segment.name), .update).syncData()
            }
        }
    }

    private var policy: SyncPolicy {
        switch configuration.appendFsync {
        case .always: .always
        case .everysec: .everysec
        case .no: .no
        }
    }

    // MARK: A first start

    /// A new directory, or one that came from Redis.
    private mutating func importOrCreate(
        _ engine: Engine, _ manifest: LogManifest?, _ stream: [UInt8]?,
        _ note: (String) -> Void
    ) throws(StartError) {
        if let stream {
            // An import had finished, but not the log's creation; otherwise the log is lost.
            guard manifest == nil || manifest?.base != nil,
                try starting({ () throws(ColdError) in
                    try engine.tier?.store.metadata(StoreKeys.checkpoint)
                }) == nil, engine.tier?.store.newestLSN == 0
            else {
                throw StartError(
                    "The cold tier belongs to a log, but '\(files.directory)' holds none")
            }
            try starting { () throws(ColdError) in
                try engine.loadStoreMetadata(engine.tier!.store, replayFrom: 0)
            }
            return try createLog(engine, stream)
        }
        let snapshot = "\(configuration.dir)/\(configuration.dbFilename)"
        if engine.tier == nil, manifest != nil || disk.exists(snapshot) {
            // What is imported would be in no log, and the next start would not find it.
            throw StartError(
                "With 'cold-tier no' and 'appendonly yes' the data of Redis in "
                    + "'\(configuration.dir)' cannot be imported: start with 'cold-tier yes', or "
                    + "with 'appendonly no' to load and save '\(configuration.dbFilename)' only")
        }
        if let manifest {
            try importLog(engine, manifest, note)
        } else {
            try loadSnapshot(engine, note)
        }
        let fresh = freshStream()
        if engine.tier != nil {
            try engine.settleImport(stream: fresh)
        }
        try createLog(engine, fresh)
    }

    private func createLog(_ engine: Engine, _ stream: [UInt8]) throws(StartError) {
        let writer = try starting { () throws(LogError) in
            try LogWriter.create(disk, files, stream: stream, policy: policy)
        }
        engine.startLog(writer, at: 0)
    }

    private func freshStream() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef".utf8)
        return (0..<40).map { _ in digits[Int(random.next() & 15)] }
    }

    /// `dump.rdb`, if there is one.
    private mutating func loadSnapshot(
        _ engine: Engine, _ note: (String) -> Void
    ) throws(StartError) {
        let path = "\(configuration.dir)/\(configuration.dbFilename)"
        guard disk.exists(path) else { return }
        report.source = configuration.dbFilename
        report.importedKeys = try engine.importSnapshot(path)
        note("Loaded \(report.importedKeys) keys from \(path)")
    }

    /// A Redis `appendonlydir/`: base and segments.
    private mutating func importLog(
        _ engine: Engine, _ manifest: LogManifest, _ note: (String) -> Void
    ) throws(StartError) {
        report.source = configuration.appendDirname
        var reader = try starting { () throws(LogError) in
            try LogReader(
                disk, files, manifest, format: .redis,
                loadTruncated: configuration.aofLoadTruncated)
        }
        if let base = reader.rdbBase {
            report.importedKeys = try engine.importSnapshot(files.path(base))
        }
        engine.isImporting = true
        defer { engine.isImporting = false }
        do throws(LogError) {
            _ = try engine.replay(&reader, report: &report)
        } catch {
            throw StartError(error.description)
        }
        note(
            "Imported \(engine.liveKeyCount) keys from the Redis log in "
                + "\(configuration.appendDirname)")
    }
}

/// Turns the error of a part into the reason why the server does not start.
private func starting<R: ~Copyable, E: Error & CustomStringConvertible>(
    _ body: () throws(E) -> R
) throws(StartError) -> R {
    do throws(E) { return try body() } catch { throw StartError(error.description) }
}
