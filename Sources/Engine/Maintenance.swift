// The maintenance thread: what must happen although nobody asks.
//
// Expiry of keys that no command meets, checkpoints, lazy freeing, batches that have waited
// long enough, save points. It takes the engine's lock for slices of less than a millisecond
// and does what waits for the disk between them.

final class Maintenance: @unchecked Sendable {
    private let monitor = Monitor()
    private var isStopping = false
    private var isAwake = false
    private var thread: BackgroundThread?
    private unowned let engine: Engine

    init(_ engine: Engine) {
        self.engine = engine
    }

    func start() {
        thread = BackgroundThread { [self] in run() }
    }

    /// Ends the thread after the slice at hand.
    func stop() {
        monitor.withLock {
            isStopping = true
            monitor.notifyAll()
        }
        thread?.join()
        thread = nil
    }

    /// Cuts the pause short: there is something to do.
    func wake() {
        monitor.withLock {
            isAwake = true
            monitor.notifyAll()
        }
    }

    private func run() {
        while true {
            let pauseUs = step()
            let goesOn = monitor.withLock {
                if !isStopping && !isAwake && pauseUs > 0 { monitor.wait(microseconds: pauseUs) }
                isAwake = false
                return !isStopping
            }
            if !goesOn { return }
        }
    }

    /// One round; returns for how long there is nothing to do, in microseconds. Tests call it
    /// themselves instead of starting the thread.
    func step() -> Int64 {
        engine.tier?.store.measureSpace()
        let slice = engine.withLock { $0.maintainSlice() }
        if slice.mustRotate { completeRotation() }
        if slice.mustTrim { trimLog() }
        if slice.mustReleaseLog { engine.releaseLog() }
        if slice.mustRewrite { engine.beginRewrite() }
        let mustExpireMore = engine.expireColdKeys()
        engine.trimArchive()
        return slice.isBusy || mustExpireMore ? 200 : slice.pauseUs
    }

    private func completeRotation() {
        var failure: String?
        do {
            try engine.withLock({ $0.logWriter })?.completeRotation()
        } catch {
            failure = error.description
        }
        engine.withLock { engine in
            if let failure {
                engine.persistence.checkpointError = failure
                engine.checkpoint = CheckpointState()
            } else {
                engine.checkpoint.phase = .walking
            }
            engine.flushLog()
        }
    }

    private func trimLog() {
        let (lsn, logWriter) = engine.withLock { ($0.checkpoint.lsn, $0.logWriter) }
        var failure: String?
        do {
            try logWriter?.removeSegments(endingAtOrBefore: lsn)
        } catch {
            failure = error.description
        }
        engine.withLock { $0.checkpointFinished(failure) }
    }
}

/// What a slice found.
struct MaintenanceSlice {
    var isBusy = false
    var mustRotate = false
    var mustTrim = false
    var mustReleaseLog = false
    var mustRewrite = false
    var pauseUs: Int64 = 100_000
}

extension Engine {
    /// The part of a round that needs the lock.
    func maintainSlice() -> MaintenanceSlice {
        advanceClock()
        var slice = MaintenanceSlice()
        let start = clock.monotonicUs()
        if let tier { followSpace(tier) }
        var sliceUs: Int64 = 0
        repeat {
            slice.isBusy = expireDue(limit: 64)
            if lazyFree.step(maxElements: 512) { slice.isBusy = true }
            if stepCheckpoint(limit: 128) { slice.isBusy = true }
            if stepDeletions(limit: 256) { slice.isBusy = true }
            // Little while an event loop waits.
            sliceUs = turnIsWaiting ? 250 : 700
        } while slice.isBusy && clock.monotonicUs() - start < sliceUs
        timeOutBlockedClients()
        if blocking.hasReadyKeys { serveBlockedClients() }
        server.sampleRates(clock.monotonicUs(), stats)
        followMemory()
        keepWithinBudget()
        submitWaitingBatch()
        startDueWork()
        flushLog()
        logWriter?.noteDurable(&log)
        retryLogRoom()
        log.shrink(nowMs: nowMs)
        slice.mustRotate = checkpoint.phase == .rotating
        slice.mustTrim = checkpoint.phase == .trimming
        slice.mustReleaseLog = rewriting.logEnds && !rewriting.isRunning
        slice.mustRewrite = rewriteMayBegin
        slice.pauseUs = 1_000_000 / Int64(Swift.max(configuration.hz, 1))
        if checkpoint.phase == .walking, checkpointMustPause {
            slice.pauseUs = Swift.min(slice.pauseUs, 10_000)
        }
        if reductionGoesOn { slice.pauseUs = Swift.min(slice.pauseUs, 1000) }
        if let due = nextDueMs {
            // The far future is clamped before it is turned into microseconds.
            let waitMs = Swift.min(Swift.max(due &- nowMs, 0), 1000)
            slice.pauseUs = Swift.min(slice.pauseUs, Swift.max(waitMs * 1000, 500))
        }
        return slice
    }

    /// When the next key expires, or the next blocked client's time is up.
    private var nextDueMs: Int64? {
        var next = blocking.nextDeadlineMs
        for index in 0..<databaseCount {
            for first in [databases[index].expiries.first, databases[index].fieldExpiries.first] {
                if let first { next = Swift.min(next ?? .max, first.timeMs) }
            }
        }
        return next
    }

    /// A batch that nothing fills any more (archived values, a few evictions) is committed
    /// after a second.
    private func submitWaitingBatch() {
        guard let tier, !tier.batch.isEmpty, nowMs - tier.batchStartedMs >= 1000,
            tier.queuedBatches < 2, checkpoint.phase != .walking
        else { return }
        submitBatch(tier)
    }

    /// Starts a checkpoint or a rewrite when the log has grown as configured, and a snapshot when
    /// a save point is reached.
    private func startDueWork() {
        if checkpoint.phase == .idle, !rewriting.isRunning {
            if checkpoint.isWanted {
                checkpoint.isWanted = false
                startCheckpoint()
            } else if checkpointIsDue {
                startCheckpoint()
            } else if logHasGrown {
                if tier != nil {
                    startCheckpoint()
                } else if nowMs >= rewriting.nextTryMs {
                    rewriting.isWanted = true
                }
            }
        }
        if tier != nil, checkpoint.phase == .idle, logFillsTheDisk { startCheckpoint() }
        if rewriting.isScheduled, snapshots.job == nil { rewriting.isScheduled = false }
        if !rewriteMayBegin { startDueSnapshot() }
    }
}
