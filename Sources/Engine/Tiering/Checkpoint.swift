// Checkpoint: the log's effects move into the cold tier, then its old segments go.
//
// Fuzzy, in slices: at its start the log begins a new segment, at LSN X. Then a walk over the
// hot tables, in hash order, hands every dirty entry over; commands go on meanwhile. When the
// walk is through and its last batch is committed, every effect before X is in the cold tier,
// and the segments before X are removed. No fork, nothing is rewritten that did not change,
// and a crash at any moment finds either the old segments or all their effects.
//
// The maintenance thread drives it: what waits for the disk happens there without the lock.

/// Where a running checkpoint stands.
struct CheckpointState {
    enum Phase {
        case idle
        /// The log is changing to a new segment.
        case rotating
        case walking
        /// The last batch is with the writer.
        case committing
        /// Everything is in the cold tier; old segments are to be removed.
        case trimming
    }

    var phase = Phase.idle
    /// Position of the log at its start.
    var lsn: UInt64 = 0
    var database = 0
    var position: UInt64 = 0
    /// Number of the batch with which it is complete.
    var lastBatch: UInt8 = 0
    var startedMs: Int64 = 0
    var startedUs: Int64 = 0
    /// Entries and bytes that went to the cold writer.
    var handedOver = 0
    var handedOverBytes = 0
    /// The server ends: no bandwidth is kept.
    var isUrgent = false
    /// Asked for while one was running: begin another when it is done.
    var isWanted = false
    /// It ends an import: there is no log whose segments could go.
    var isImport = false
}

extension Engine {
    /// Starts a checkpoint, or notes that another is wanted after the one that runs. False
    /// without a cold tier, or when the log cannot be written.
    @discardableResult
    func startCheckpoint() -> Bool {
        guard tier != nil else { return false }
        guard checkpoint.phase == .idle, !rewriting.isRunning else {
            checkpoint.isWanted = true
            return true
        }
        if log.isInUnit {
            // A segment ends between units: maintenance starts it after this command.
            checkpoint.isWanted = true
            maintenance?.wake()
            return true
        }
        if let logWriter {
            do {
                try logWriter.beginRotation(&log)
            } catch {
                persistence.checkpointError = error.description
                return false
            }
        }
        checkpoint = CheckpointState()
        checkpoint.phase = logWriter == nil ? .walking : .rotating
        checkpoint.lsn = log.lsn
        checkpoint.startedMs = nowMs
        checkpoint.startedUs = clock.monotonicUs()
        maintenance?.wake()
        return true
    }

    /// Whether the checkpoint has moved as much as `checkpoint-bandwidth` lets it by now. A tenth
    /// of a second's share is always free.
    var checkpointMustPause: Bool {
        let rate = configuration.checkpointBytesPerSecond
        if rate == 0 || checkpoint.isImport || checkpoint.isUrgent { return false }
        let elapsedUs = clock.monotonicUs() - checkpoint.startedUs + 100_000
        return Double(checkpoint.handedOverBytes) > Double(rate) * Double(elapsedUs) / 1e6
    }

    /// Entries that the cold tier does not hold as they are, tombstones included. O(databases).
    var dirtyKeyCount: Int {
        (0..<databaseCount).reduce(0) { $0 + databases[$1].dirtyCount }
    }

    /// Whether the last checkpoint is older than `checkpoint-interval` and the log has grown since.
    var checkpointIsDue: Bool {
        guard tier != nil, logIsEnabled, let logWriter else { return false }
        let interval = Int64(configuration.checkpointIntervalSeconds) * 1000
        let last = Swift.max(persistence.lastCheckpointMs, startedMs)
        return interval > 0 && nowMs - last >= interval
            && logWriter.writtenLSN > persistence.checkpointLSN
    }

    /// One slice of the walk: about `limit` entries are looked at. True while there is more to
    /// do right away.
    func stepCheckpoint(limit: Int) -> Bool {
        guard checkpoint.phase == .walking, let tier else { return false }
        // It goes on when there is room again.
        if tier.space.level == .full || checkpointMustPause { return false }
        let spilledBytes = tier.stats.spilledBytes
        defer { checkpoint.handedOverBytes += tier.stats.spilledBytes - spilledBytes }
        var left = limit
        while left > 0, checkpoint.database < databaseCount {
            if tier.batch.byteCount >= checkpointBatchBytes {
                if tier.queuedBatches >= 2 { return false }
                submitBatch(tier)
            }
            let database = checkpoint.database
            if databases[database].dirtyCount == 0 {
                checkpoint.database += 1
                checkpoint.position = 0
                continue
            }
            let next = databases[database].table.visit(from: checkpoint.position, atLeast: 32) {
                raw in
                left -= 1
                let entry = Entry(raw)
                if entry.flags.contains(.dirty), entry.batch == 0 {
                    handOver(database, secret.hash(entry.key), entry, leaves: false, tier)
                    checkpoint.handedOver += 1
                }
            }
            checkpoint.position = next ?? 0
            if next == nil { checkpoint.database += 1 }
        }
        guard checkpoint.database == databaseCount else { return true }
        if tier.writer.hasRoom { finishWalk(tier) }
        return false
    }

    private func finishWalk(_ tier: Tier) {
        checkpoint.phase = .committing
        if !checkpoint.isImport {
            withUnsafeBytes(of: checkpoint.lsn.littleEndian) { raw in
                tier.batch.setMetadata(StoreKeys.checkpoint, Array(raw))
            }
            // A log that was turned on while the server runs: from here on the store is its.
            if let logWriter { tier.batch.setMetadata(StoreKeys.stream, logWriter.stream) }
        }
        checkpoint.lastBatch = tier.batchNumber
        submitBatch(tier)
    }

    /// The writer has committed a batch; the checkpoint's last one completes it.
    func checkpointBatchCommitted(_ number: UInt8) {
        guard checkpoint.phase == .committing, checkpoint.lastBatch == number else { return }
        checkpoint.phase = .trimming
        maintenance?.wake()
    }

    /// The old segments are gone (or could not be removed: the next checkpoint will).
    func checkpointFinished(_ error: String?) {
        persistence.checkpointLSN = checkpoint.lsn
        persistence.checkpoints += 1
        persistence.lastCheckpointMs = nowMs
        persistence.lastCheckpointDurationMs = nowMs - checkpoint.startedMs
        persistence.checkpointError = error
        persistence.logBytesAtCheckpoint = logWriter?.fileBytes ?? 0
        if error == nil { logBegins(at: checkpoint.lsn) }
        let (isWanted, isUrgent) = (checkpoint.isWanted, checkpoint.isUrgent)
        checkpoint = CheckpointState()
        if isWanted { startCheckpoint() }
        checkpoint.isUrgent = isUrgent
    }

    /// No segment is left from before `lsn`: what only a replay from there could need may go. Not
    /// earlier, for a crash in between replays the old segments once more.
    private func logBegins(at lsn: LSN) {
        namespaces.forget(before: lsn)
        namespacesChanged = true
        tier?.store.tombstoneFloor = lsn
        tier?.store.liveNamespaces = namespaces.live
    }

    private var checkpointBatchBytes: Int {
        let budget = configuration.maxmemory
        let bytes = budget > 0 ? MemoryMarks(budget: budget).batchBytes : 8 << 20
        return Swift.min(bytes, tier?.space.portionBytesMax ?? .max)
    }
}
