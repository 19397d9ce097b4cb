// TIER COMPACT on the engine's side: one compaction at a time, on a thread of its own.
//
// The store and the copying are in ColdStore/ColdCompaction.swift. Here are the command's conditions,
// what INFO tells, and the end of the server, which gives a compaction up.

/// Where the compaction of an engine's store stands. Engine lock.
struct CompactionState {
    /// The one that runs.
    var running: ColdCompaction?
    var startedUs: Int64 = 0
    /// The last one that ended.
    var lastStatus = "ok"
    var lastError = ""
    var lastDurationMs: Int64 = -1
    var lastPauseUs: Int64 = 0
    var lastFreedBytes = 0
    var count = 0
    var thread: BackgroundThread?
}

extension Engine {
    /// Starts one; why that cannot be, or nil.
    func startCompaction(_ tier: Tier) -> String? {
        if tier.compaction.running != nil { return "Background compaction already in progress" }
        tier.store.measureSpace()
        do throws(CompactionError) { try tier.store.checkRoomForCopy() } catch {
            return "Can't compact: \(error)"
        }
        tier.compaction.thread?.join()
        tier.compaction.thread = nil
        let compaction = ColdCompaction(
            tier.store, tier.writer,
            bandwidth: { [unowned self] in withLock { $0.configuration.checkpointBytesPerSecond } })
        do {
            tier.compaction.thread = try BackgroundThread(patient: true) { [unowned self] in
                var failure: CompactionError?
                do throws(CompactionError) { try compaction.run() } catch { failure = error }
                withLock { $0.compactionEnded(tier, compaction, failure) }
            }
        } catch {
            return "Can't compact in background: \(error)"
        }
        tier.compaction.running = compaction
        tier.compaction.startedUs = clock.monotonicUs()
        logLine("Compaction of the cold tier started")
        return nil
    }

    private func compactionEnded(
        _ tier: Tier, _ compaction: ColdCompaction, _ failure: CompactionError?
    ) {
        tier.compaction.running = nil
        tier.compaction.lastDurationMs = (clock.monotonicUs() - tier.compaction.startedUs) / 1000
        tier.compaction.lastError = ""
        switch failure {
        case nil:
            tier.compaction.lastStatus = "ok"
            tier.compaction.lastPauseUs = compaction.progress.pauseUs
            tier.compaction.lastFreedBytes = compaction.progress.freedBytes
            tier.compaction.count += 1
            logLine(
                "Compaction of the cold tier done: its file is \(compaction.progress.freedBytes) "
                    + "bytes smaller")
        case .aborted:
            tier.compaction.lastStatus = "aborted"
            logLine("Compaction of the cold tier was aborted")
        case .some(let error):
            tier.compaction.lastStatus = "err"
            tier.compaction.lastError = error.description
            logLine("Compaction of the cold tier failed: \(error)")
        }
    }
}
