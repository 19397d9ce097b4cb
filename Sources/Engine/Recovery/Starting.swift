// The engine's own steps at the start and at the end of its life; Opening.swift decides which.

import Glibc

extension Engine {
    /// Live keys of all databases.
    var liveKeyCount: Int {
        var count = 0
        for index in 0..<databaseCount { count += databases[index].keyCount }
        return count
    }

    /// Takes over what the store knows: the namespaces as they were at `replayFrom`, and how
    /// many live keys each holds.
    func loadStoreMetadata(_ store: ColdStore, replayFrom lsn: UInt64) throws(ColdError) {
        try loadCounts(store)
        if let bytes = try store.metadata(StoreKeys.namespaces) {
            guard let stored = bytes.withUnsafeBytes({ Namespaces($0) }) else {
                throw .damagedStore("its table of namespaces makes no sense")
            }
            namespaces = stored
        } else {
            // Never flushed or swapped: the first mapping, of as many databases as there were.
            let counted = storedCounts.keys.max().map { Int($0) } ?? 0
            namespaces = Namespaces(databaseCount: Swift.max(counted, databaseCount))
        }
        for (index, number) in namespaces.current.enumerated().dropFirst(databaseCount)
        where storedCounts[number] ?? 0 > 0 {
            throw .foreign(
                "database \(index) holds keys, but 'databases' is only \(databaseCount)")
        }
        namespaces.resize(to: databaseCount)
        let numbers = namespaces.version(at: lsn).numbers
        for index in 0..<databaseCount {
            databases[index].namespace = numbers[index]
            databases[index].coldLiveCount = storedCounts[numbers[index]] ?? 0
            databases[index].keyCount = databases[index].coldLiveCount
        }
        let sources = try store.metadata(StoreKeys.libraries) ?? []
        guard let stored = sources.withUnsafeBytes({ FunctionLibraries($0) }) else {
            throw .damagedStore("its function libraries make no sense")
        }
        libraries = stored
        if let text = try store.metadata(StoreKeys.purgedBefore),
            let ms = text.withUnsafeBytes({ Numbers.parseInt64($0) })
        {
            tier?.pendingArchive.purge(before: ms)
        }
        tierCheckpoint(store, lsn)
    }

    private func loadCounts(_ store: ColdStore) throws(ColdError) {
        guard let bytes = try store.metadata(StoreKeys.counts) else { return }
        guard bytes.count % 12 == 0 else {
            throw .damagedStore("its table of counts makes no sense")
        }
        bytes.withUnsafeBytes { raw in
            for at in stride(from: 0, to: raw.count, by: 12) {
                let namespace = UInt32(
                    littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt32.self))
                let count = UInt64(
                    littleEndian: raw.loadUnaligned(fromByteOffset: at + 4, as: UInt64.self))
                storedCounts[namespace] = Int(clamping: count)
            }
        }
    }

    private func tierCheckpoint(_ store: ColdStore, _ lsn: UInt64) {
        persistence.checkpointLSN = lsn
        store.tombstoneFloor = lsn
        store.liveNamespaces = namespaces.live
    }

    /// Begins to log at `lsn`. Engine lock.
    func startLog(_ writer: LogWriter, at lsn: UInt64) throws(LogError) {
        logSyncer = try LogSyncer(writer, isStepped: world.isStepped) { [unowned self] _, _ in
            onLogProgress?()
        }
        log = LogBuffer(lsn: lsn)
        logWriter = writer
        writer.policy = syncPolicy
        writer.keepSegments(in: logArchiveDirectory)
        logIsEnabled = true
        // As in Redis: what the last rewrite left is not known, the base is a lower bound.
        persistence.logBytesAtCheckpoint = writer.baseBytes
    }

    /// Lets the store belong to a log's stream, with the next batch.
    func storeStream(_ stream: [UInt8]) {
        withLock { engine in
            guard let tier = engine.tier else { return }
            tier.batch.setMetadata(StoreKeys.stream, stream)
            engine.submitBatch(tier)
        }
    }

    /// Moves everything that was imported into the cold tier, and lets the store belong to
    /// `stream`: from then on the import need not be repeated. Waits for the disk.
    func settleImport(stream: [UInt8]) throws(StartError) {
        withLock { engine in
            engine.checkpoint = CheckpointState()
            engine.checkpoint.phase = .walking
            engine.checkpoint.isImport = true
        }
        while true {
            let phase = withLock { engine in
                _ = engine.stepCheckpoint(limit: 4096)
                return engine.checkpoint.phase
            }
            if phase != .walking { break }
            loadingGoesOn()
            if tier!.writer.hasRoom == false || tier!.queuedBatches >= 2 { usleep(500) }
        }
        try waitForWriter()
        withLock { engine in
            engine.checkpoint = CheckpointState()
            engine.tier!.batch.setMetadata(StoreKeys.stream, stream)
            engine.tier!.batch.setMetadata(StoreKeys.awaitsLog, stream)
            engine.submitBatch(engine.tier!)
        }
        try waitForWriter()
    }

    /// The log that an import was waiting for is there.
    func noteLogIsMade() {
        withLock { engine in
            guard let tier = engine.tier else { return }
            tier.batch.setMetadata(StoreKeys.awaitsLog, nil)
            engine.submitBatch(tier)
        }
    }

    /// Writes what was imported without a cold tier as the base of the log, which begins to count
    /// with it. Waits for the disk.
    func settleImport(_ writer: LogWriter) throws(StartError) {
        var failure: (any Error)?
        do {
            failure = writeBase(try withLock { try $0.beginBase() }, writer)
        } catch {
            failure = error
        }
        if let failure {
            logSyncer?.stop()
            withLock { $0.logSyncer = nil }
            throw StartError("Can't write the base of the log: \(failure)")
        }
        withLock { $0.persistence.logBytesAtCheckpoint = writer.fileBytes }
    }

    private func waitForWriter() throws(StartError) {
        if !tier!.writer.drain(timeoutMs: 10_000), let error = tier!.writer.stats.lastError {
            throw StartError("Can't write the cold tier: \(error)")
        }
        _ = tier!.writer.drain()
    }

    /// Starts what runs beside the commands.
    func start() {
        withLock { engine in
            engine.advanceClock()
            engine.snapshots.lastSaveMs = engine.nowMs
            engine.stats.changesSinceSave = 0
            guard let tier = engine.tier else { return }
            engine.followSpace(tier)
            tier.readers = ColdReaders(
                tier.store, threads: engine.configuration.coldReaderThreads,
                deliver: { [unowned self] in deliver($0, $1) })
        }
        let maintenance = Maintenance(self)
        withLock { $0.maintenance = maintenance }
        if !world.isStepped { maintenance.start() }
    }

    /// Ends what a start that fails has begun.
    func abandonStart() {
        logSyncer?.noteEnd()
        tier?.writer.stop()
        logSyncer?.stop()
        withLock { $0.logSyncer = nil }
    }

    /// How long a clean end may take for its checkpoint. Who loses patience and kills the server
    /// loses nothing but the time that the next start needs to replay.
    package static let lastCheckpointMsMax: Int64 = 60_000

    /// Ends everything in order: the log is synced; a checkpoint is made if it takes less than
    /// `checkpointMsMax`, so that the next start has little to replay. The engine is not used
    /// afterwards.
    package func close(checkpointMsMax: Int64 = Engine.lastCheckpointMsMax) {
        withLock { engine in
            _ = engine.cancelBackup()
            engine.tier?.compaction.running?.end()
        }
        endRewriting()
        if tier != nil, logIsEnabled {
            withLock { engine in
                engine.advanceClock()
                engine.startCheckpoint()
                engine.checkpoint.isUrgent = true
            }
            let deadline = clock.monotonicUs() + checkpointMsMax * 1000
            while withLock({ $0.checkpoint.phase != .idle }), clock.monotonicUs() < deadline {
                usleep(1000)
            }
        }
        backup.thread?.join()
        tier?.compaction.thread?.join()
        maintenance?.stop()
        withLock { $0.abandonSnapshot() }
        snapshotThread?.join()
        withLock { $0.flushLog() }
        // The cold writer may wait for a position that could not be written, and never will be.
        logSyncer?.noteEnd()
        tier?.writer.stop()
        tier?.readers?.stop()
        logSyncer?.stop()
        withLock { engine in
            engine.logWriter?.noteDurable(&engine.log, idleUs: 0)
            // It is durable but for this note.
            try? engine.logWriter?.sync()
        }
        directoryLock = nil
    }
}
