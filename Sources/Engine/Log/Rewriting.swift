// Rewriting the log without a fork: a new base takes the place of what has grown long.
//
// At one instant, at LSN X, the log changes to a new segment and a snapshot job begins, so the job
// holds exactly what the segments before X come to. It writes the base beside the running log,
// while clients go on; then the manifest names the base and the segments from X on, and the old
// files go (LogWriter+Base.swift). A crash at any moment leaves the old files or the new ones.
//
// Without a cold tier this is what BGREWRITEAOF and `auto-aof-rewrite-…` do; with one, checkpoints
// keep the log short. Both kinds of server begin and end a log with it, on CONFIG SET appendonly:
//
//     no to yes   The first segment is written before any manifest names it; it counts from the
//                 moment when the base is installed. With a cold tier a checkpoint follows, with
//                 which the store joins the log's stream and the base goes.
//     yes to no   Without a cold tier the log just ends, as in Redis. With one the log first gets a
//                 base, so that it is whole without the store; then the store leaves the stream.
//
// The maintenance thread starts a rewrite, a thread of its own carries it through.

import Glibc

/// Where rewriting stands. Engine lock.
struct LogRewriting {
    /// A rewrite is asked for and begins when nothing else is in its way.
    var isWanted = false
    /// It waits for BGSAVE, or for the end of a transaction: what BGREWRITEAOF told its client.
    var isScheduled = false
    /// From its first step to its last.
    var isRunning = false
    var startedMs: Int64 = 0
    /// Failures in a row; after each, Firn waits longer before it tries again by itself.
    var failures = 0
    var nextTryMs: Int64 = 0
    /// The log was turned off: its writer is to be let go.
    var logEnds = false
    /// The server ends: a rewrite that is given up is not begun again.
    var isOver = false
}

extension Engine {
    var syncPolicy: SyncPolicy {
        switch configuration.appendFsync {
        case .always: .always
        case .everysec: .everysec
        case .no: .no
        }
    }

    /// What INFO calls `aof_rewrite_in_progress`: a base or a checkpoint.
    var rewritesLog: Bool {
        rewriting.isRunning || checkpoint.phase != .idle
            || (rewriting.isWanted && !rewriting.isScheduled && nowMs >= rewriting.nextTryMs)
    }

    /// The log is not yet on or off as it is configured.
    private var isSwitchingLog: Bool {
        let isOn = logWriter.map { !$0.isAwaitingBase && !rewriting.logEnds } ?? false
        return configuration.appendOnly != isOn
    }

    /// Asks for a rewrite. `isLater`: after what is in its way now.
    func requestRewrite(isLater: Bool = false) {
        rewriting.isWanted = true
        rewriting.isScheduled = isLater
        rewriting.nextTryMs = 0
        maintenance?.wake()
    }

    /// Whether a rewrite that is asked for may begin.
    var rewriteMayBegin: Bool {
        rewriting.isWanted && !rewriting.isRunning && !rewriting.logEnds && !rewriting.isOver
            && !backup.isRunning && checkpoint.phase == .idle && snapshots.job == nil
            && !snapshots.threadIsRunning
            && nowMs >= rewriting.nextTryMs
    }

    /// Follows CONFIG SET appendonly; the work is done in the background.
    func logWasSwitched(on: Bool) {
        if on {
            // One that was about to end goes on; else a log begins, with a base.
            if logWriter == nil || rewriting.logEnds { requestRewrite() }
        } else if tier == nil || logWriter?.isAwaitingBase ?? true {
            endLog()
        } else {
            requestRewrite()
        }
    }

    /// Stops logging from the next effect on; maintenance lets the writer go.
    private func endLog() {
        rewriting.isWanted = false
        if let job = snapshots.job, job.isBase {
            job.isVoid = true
            snapshotIsRunning = false
        }
        guard logWriter != nil else { return }
        logIsEnabled = false
        rewriting.logEnds = true
        maintenance?.wake()
    }

    /// Before the server ends: a rewrite is given up, but a log that is being turned on or off gets
    /// there, unless that has failed. Waits, without the lock.
    func endRewriting() {
        // For a rewrite that does not even begin nobody waits for ever.
        let deadlineUs = clock.monotonicUs() + 10_000_000
        while maintenance != nil {
            let isDone = withLock { engine in
                let mayWait =
                    engine.rewriting.isRunning
                    || ((engine.rewriting.isWanted || engine.rewriting.logEnds)
                        && clock.monotonicUs() < deadlineUs)
                if engine.isSwitchingLog, mayWait, engine.rewriting.failures == 0 { return false }
                engine.rewriting.isOver = true
                if let job = engine.snapshots.job, job.isBase { job.isVoid = true }
                return !engine.rewriting.isRunning
            }
            if isDone { return }
            usleep(1000)
        }
    }

    /// Lets the writer of a log that was turned off go. Maintenance thread, without the lock.
    func releaseLog() {
        let parts = withLock { engine -> (LogWriter, LogSyncer?)? in
            guard let writer = engine.logWriter else { return nil }
            engine.flushLog()
            let syncer = engine.logSyncer
            // What the disk would not take is lost with the log; positions go on behind it.
            engine.log = LogBuffer(lsn: engine.log.lsn)
            engine.logWriter = nil
            engine.logSyncer = nil
            engine.persistence.logError = nil
            engine.persistence.logRoom = .ample
            if engine.persistence.isBehind { engine.onLogProgress?() }
            engine.persistence.isBehind = false
            return (writer, syncer)
        }
        parts?.1?.stop()
        parts?.0.abandon()
        withLock { $0.rewriting.logEnds = false }
        onLogProgress?()
    }

    /// Begins a rewrite: a segment and a job that start at the same position. Maintenance thread,
    /// without the lock.
    func beginRewrite() {
        let mayBegin = withLock { engine in
            guard engine.rewriteMayBegin else { return false }
            engine.rewriting.isWanted = false
            engine.rewriting.isScheduled = false
            engine.rewriting.isRunning = true
            engine.rewriting.startedMs = engine.nowMs
            return true
        }
        guard mayBegin else { return }
        let started: (writer: LogWriter, job: SnapshotJob)
        do {
            if let writer = withLock({ $0.logWriter }) {
                started = (writer, try beginAtNewSegment(writer))
            } else {
                started = try beginLog()
            }
        } catch {
            return withLock { $0.rewriteEnded(error) }
        }
        withLock { engine in
            do {
                try engine.startSnapshotThread(patient: false) { [self] in
                    let failure = writeBase(started.job, started.writer)
                    if failure == nil { settleSwitch() }
                    withLock { engine in
                        engine.snapshots.threadIsRunning = false
                        engine.rewriteEnded(failure)
                    }
                }
            } catch {
                engine.endBase()
                engine.rewriteEnded(error)
            }
        }
    }

    /// The running log changes to a new segment.
    private func beginAtNewSegment(_ writer: LogWriter) throws -> SnapshotJob {
        var failure: (any Error)?
        let job = withLock { engine -> SnapshotJob? in
            do {
                try writer.beginRotation(&engine.log)
                guard engine.log.isEmpty else {
                    throw IOError(errno: EBUSY, operation: "rotate", path: writer.files.directory)
                }
                return try engine.beginBase()
            } catch {
                failure = error
                return nil
            }
        }
        // Writes wait until it is through, whatever became of the rest.
        do { try writer.completeRotation() } catch { failure = failure ?? error }
        withLock { engine in
            engine.flushLog()
            if failure != nil { engine.endBase() }
        }
        if let failure { throw failure }
        return job!
    }

    /// A log begins. While it is off its position stands still, so the segment can be made
    /// without the lock.
    private func beginLog() throws -> (LogWriter, SnapshotJob) {
        let (files, lsn, policy, stream) = withLock { engine in
            (engine.logFiles, engine.log.lsn, engine.syncPolicy, engine.makeStream())
        }
        let writer = try LogWriter.create(
            disk, files, stream: stream, lsn: lsn, policy: policy, clock: clock, awaitsBase: true)
        do {
            return try withLock { engine in
                let job = try engine.beginBase()
                do { try engine.startLog(writer, at: lsn) } catch {
                    engine.endBase()
                    throw error
                }
                return (writer, job)
            }
        } catch {
            writer.abandon()
            throw error
        }
    }

    func beginBase() throws(ColdError) -> SnapshotJob {
        let job = try SnapshotJob(self, isBase: true)
        snapshots.job = job
        snapshotIsRunning = true
        return job
    }

    private func endBase() {
        guard let job = snapshots.job, job.isBase else { return }
        snapshots.job = nil
        snapshotIsRunning = false
    }

    /// Writes the base and lets the log begin with it; why that failed, or nil. Waits for the
    /// disk, without the lock.
    func writeBase(_ job: SnapshotJob, _ writer: LogWriter) -> (any Error)? {
        let entry = writer.reserveBase()
        let options = withLock { SnapshotOptions($0, base: (writer.files, entry.name)) }
        do {
            _ = try job.run(options) { body in withLock { body($0) } }
            withLock { $0.endBase() }
            try writer.installBase(entry, at: job.lsn)
            return nil
        } catch {
            withLock { $0.endBase() }
            return error
        }
    }

    /// The base that was installed may be a step of turning the log on or off.
    private func settleSwitch() {
        let isTurningOff = withLock { !$0.configuration.appendOnly }
        if tier == nil {
            if isTurningOff { withLock { $0.endLog() } }
            return
        }
        if isTurningOff { leaveStream() }
        withLock { engine in
            if engine.configuration.appendOnly {
                engine.checkpoint.isWanted = true
            } else {
                engine.endLog()
            }
        }
    }

    /// Lets the store belong to no log, durably. Waits for the disk, without the lock.
    private func leaveStream() {
        var isSubmitted = false
        while !isSubmitted {
            isSubmitted = withLock { engine in
                guard let tier = engine.tier, tier.writer.hasRoom else { return false }
                tier.batch.setMetadata(StoreKeys.stream, nil)
                tier.batch.setMetadata(StoreKeys.checkpoint, nil)
                return engine.submitBatch(tier)
            }
            if !isSubmitted { usleep(1000) }
        }
        tier?.writer.drain()
    }

    private func rewriteEnded(_ failure: (any Error)?) {
        advanceClock()
        rewriting.isRunning = false
        if let failure {
            if case .void? = failure as? SnapshotError {
                // By a flush, or by the end of the log.
                if configuration.appendOnly || !rewriting.logEnds { rewriting.isWanted = true }
            } else {
                rewriteFailed("\(failure)")
            }
            // A log without its base is none: it begins anew, at a later position.
            if logWriter?.isAwaitingBase ?? false {
                logIsEnabled = false
                rewriting.logEnds = true
            }
        } else {
            rewriting.failures = 0
            persistence.checkpointError = nil
            persistence.checkpoints += 1
            persistence.lastCheckpointMs = nowMs
            persistence.lastCheckpointDurationMs = nowMs - rewriting.startedMs
            persistence.logBytesAtCheckpoint = logWriter?.fileBytes ?? 0
            if tier == nil, let logWriter, let first = logWriter.currentSegments.first {
                namespaces.forget(before: first.startLSN)
            }
        }
        maintenance?.wake()
    }

    private func rewriteFailed(_ failure: String) {
        rewriting.failures += 1
        let seconds = Swift.min(Int64(1) << Int64(Swift.min(rewriting.failures, 12)), 3600)
        rewriting.nextTryMs = nowMs + seconds * 1000
        persistence.checkpointError = failure
        if isSwitchingLog { rewriting.isWanted = true }
        logLine("Background AOF rewrite failed: \(failure)")
    }

    private static let tailBytesMax = 256 << 20

    /// Whether the log has grown as configured since its last rewrite or checkpoint.
    var logHasGrown: Bool {
        guard logIsEnabled, let logWriter, configuration.autoAofRewritePercentage > 0 else {
            return false
        }
        let bytes = logWriter.fileBytes
        guard bytes >= configuration.autoAofRewriteMinBytes else { return false }
        var base = Swift.max(persistence.logBytesAtCheckpoint, 1)
        if tier != nil {
            // What is written while a checkpoint runs is the next one's base. When clients write
            // faster than it does, every log would be longer than the one before, and so would
            // its replay.
            base = Swift.min(
                base, Swift.max(configuration.autoAofRewriteMinBytes, Engine.tailBytesMax))
        }
        return (bytes - base).multipliedReportingOverflow(by: 100).partialValue / base
            >= configuration.autoAofRewritePercentage
    }

    var logFiles: LogFiles {
        LogFiles(
            directory: "\(configuration.dir)/\(configuration.appendDirname)",
            baseName: configuration.appendFilename)
    }

    /// Where segments go that are no longer needed; empty: nowhere.
    var logArchiveDirectory: String {
        let name = configuration.logArchiveDirectory
        return name.isEmpty || name.hasPrefix("/") ? name : "\(configuration.dir)/\(name)"
    }

    /// The id of a new stream.
    func makeStream() -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return (0..<LogAnnotation.streamIDCount).map { _ in digits[Int(world.entropy() & 15)] }
    }
}
