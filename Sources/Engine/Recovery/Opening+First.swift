// The first start of a directory: a new one, one that came from Redis, one that is restored. What is
// there is imported, and a log begins behind it.

extension Opening {
    /// A new directory, or one that came from Redis.
    mutating func importOrCreate(
        _ engine: Engine, _ manifest: LogManifest?, _ stream: [UInt8]?,
        _ note: (String) -> Void
    ) throws(StartError) {
        if let stream {
            // An import had finished, but not the log's creation; otherwise the log is lost.
            guard
                try starting({ () throws(ColdError) in
                    try engine.tier?.store.metadata(StoreKeys.awaitsLog)
                }) == stream
            else {
                throw StartError(
                    "The cold tier belongs to a log, but '\(files.directory)' holds none")
            }
            try loadMetadata(engine, engine.tier!.store, 0)
            return try createLog(engine, stream)
        }
        let hasBase = engine.tier == nil && (manifest != nil || disk.exists(snapshotPath))
        if let manifest {
            try importLog(engine, manifest, note)
        } else {
            try loadSnapshot(engine, note)
        }
        try beginLog(engine, hasBase: hasBase)
    }

    /// Lets a log begin behind what has been imported.
    private func beginLog(_ engine: Engine, hasBase: Bool) throws(StartError) {
        let fresh = engine.withLock { $0.makeStream() }
        if engine.tier != nil { try engine.settleImport(stream: fresh) }
        try createLog(engine, fresh, hasBase: hasBase)
    }

    /// Makes the directory anew; it is empty, and marked.
    mutating func restore(
        _ engine: Engine, _ restore: Restore, _ note: (String) -> Void
    ) throws(StartError) {
        try restore.load(engine, &report)
        if report.droppedBytes > 0 {
            note(
                "The log ended in \(report.droppedBytes) bytes that a crash left unfinished "
                    + "(\(report.droppedReason)); they were left out")
        }
        for turn in report.turns {
            note(
                "From position \(turn) on the log is that of a server that was started from a "
                    + "backup")
        }
        if configuration.appendOnly {
            try beginLog(engine, hasBase: engine.tier == nil)
        } else {
            // The snapshot is what the next start finds.
            try starting { () throws(SnapshotError) in
                try engine.withLock { (engine) throws(SnapshotError) in try engine.saveNow() }
            }
        }
        try restore.finish()
        note("Restored \(engine.withLock { $0.liveKeyCount }) keys from '\(report.source)'")
    }

    private func createLog(
        _ engine: Engine, _ stream: [UInt8], hasBase: Bool = false
    ) throws(StartError) {
        let writer = try starting { () throws(LogError) in
            try LogWriter.create(
                disk, files, stream: stream, policy: syncPolicy(engine), clock: world.clock,
                awaitsBase: hasBase)
        }
        try starting { () throws(LogError) in
            try engine.withLock { engine throws(LogError) in try engine.startLog(writer, at: 0) }
        }
        if hasBase { try engine.settleImport(writer) }
        engine.noteLogIsMade()
    }

    private var snapshotPath: String { "\(configuration.dir)/\(configuration.dbFilename)" }

    /// `dump.rdb`, if there is one.
    mutating func loadSnapshot(
        _ engine: Engine, _ note: (String) -> Void
    ) throws(StartError) {
        let path = snapshotPath
        guard disk.exists(path) else { return }
        report.source = configuration.dbFilename
        report.importedKeys = try engine.importSnapshot(path)
        note("Loaded \(report.importedKeys) keys from \(path)")
    }

    /// An `appendonlydir/` of Redis, or of Firn without a cold tier: base and segments.
    private mutating func importLog(
        _ engine: Engine, _ manifest: LogManifest, _ note: (String) -> Void
    ) throws(StartError) {
        report.source = configuration.appendDirname
        let isFirn = try starting { () throws(LogError) in
            try LogReader.isFirn(disk, files, manifest)
        }
        var reader = try starting { () throws(LogError) in
            try LogReader(
                disk, files, manifest, format: isFirn ? .firn : .redis,
                loadTruncated: configuration.aofLoadTruncated,
                bulkBytesMax: isFirn ? Int.max >> 1 : 512 << 20)
        }
        engine.withLock { $0.isImporting = true }
        defer { engine.withLock { $0.isImporting = false } }
        if let base = isFirn ? manifest.base?.name : reader.rdbBase {
            report.importedKeys = try engine.importSnapshot(
                files.path(base), isBase: true, position: isFirn ? reader.startLSN : nil)
        }
        do throws(LogError) {
            if let end = try engine.replay(&reader, report: &report) { noteDropped(end, note) }
        } catch {
            throw StartError(error.description)
        }
        note(
            "Imported \(engine.withLock { $0.liveKeyCount }) keys from the log in "
                + "\(configuration.appendDirname)")
    }
}
