// The engine's side of the log file: handing effects over, and what happens when the disk does
// not take them.

/// What INFO persistence tells, beside the figures of the log's writer.
struct PersistenceState {
    var checkpointLSN: UInt64 = 0
    var checkpoints = 0
    var lastCheckpointMs: Int64 = 0
    var lastCheckpointDurationMs: Int64 = 0
    var checkpointError: String?
    /// Size of the log after the last checkpoint: what `auto-aof-rewrite-percentage` is of.
    var logBytesAtCheckpoint = 0
    /// The last write to the log failed; writes are refused until one succeeds.
    var logError: String?
    /// Effects wait in the buffer, because the log changes its segment or its disk refused them.
    var isBehind = false
    /// Turns whose replies waited for a slow sync (`aof_delayed_fsync`).
    var delayedSyncs = 0
    /// What the log can certainly still take.
    var logRoom = LogRoom.ample
}

extension Engine {
    /// Position after the last effect: the version of what is serialized now. Inside a unit of
    /// the log this frames the unit, whose positions would move otherwise.
    var currentLSN: UInt64 { isReplaying ? replayLSN : log.exactLSN() }

    /// Hands pending effects to the log file: one write. With no log they go nowhere.
    func flushLog() {
        if log.isEmpty && !persistence.isBehind { return }
        guard let logWriter else {
            log.removeAll()
            return
        }
        switch logWriter.flush(&log) {
        case .deferred: persistence.isBehind = true
        case .nothing, .written:
            // Nothing: a change of segments has written what had to wait.
            persistence.logError = nil
            persistence.logRoom = logWriter.makeRoom()
            if persistence.isBehind {
                persistence.isBehind = false
                onLogProgress?()
            }
        case .failed(let error):
            persistence.isBehind = true
            persistence.logError = error.description
        }
    }

    /// Asks again for room that the disk did not have.
    func retryLogRoom() {
        guard persistence.logRoom != .ample else { return }
        persistence.logRoom = logWriter?.makeRoom() ?? .ample
    }

    /// Why commands that write are refused now, in Redis's words, or nil.
    var writesAreRefused: String? {
        if let error = persistence.logError {
            return "MISCONF Errors writing to the AOF file: \(error)"
        }
        if logWriter?.lastSyncHasFailed ?? false, configuration.appendFsync != .no {
            let reason = logWriter?.lastSyncError?.description ?? "fdatasync failed"
            return "MISCONF Errors writing to the AOF file: \(reason)"
        }
        if persistence.logRoom == .none {
            return "MISCONF Errors writing to the AOF file: No space left on device"
        }
        if snapshotErrorRefusesWrites {
            return "MISCONF Redis is configured to save RDB snapshots, but it's currently unable "
                + "to persist to disk. Commands that may modify the data set are disabled, "
                + "because this instance is configured to report errors during writes if RDB "
                + "snapshotting fails (stop-writes-on-bgsave-error option). Please check the "
                + "Redis logs for details about the RDB error."
        }
        return nil
    }
}
