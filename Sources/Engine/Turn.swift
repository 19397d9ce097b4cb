// One turn of an event loop: a batch of requests under one lock.
//
//     engine.withLock {
//         $0.beginTurn()
//         for request in … { $0.execute(client, request) }
//         end = $0.endTurn()
//     }
//
// The end of the turn sends off what was only visiting, spills what is over the budget, and
// hands the effects to the log file with one write, before any reply of the turn is sent.

/// What the event loop must do before it sends the turn's replies.
package struct TurnEnd {
    /// With `appendfsync always`: hold the replies until the log is durable up to here.
    package var durableLSN: UInt64?
    /// The log could not be written yet (its segments change, or the disk refused): hold the replies
    /// until it has been written up to here.
    package var writtenLSN: UInt64?

    package init() {}
}

extension Engine {
    /// What the log's buffer may hold while a sync runs.
    private static let gatheredBytesMax = 1 << 20

    package func beginTurn() {
        advanceClock()
        commandStartedUs = clock.monotonicUs()
        turnStartedUs = commandStartedUs
        if configuration.logIsDated { log.timestamp = nowMs / 1000 }
        if loading == nil { _ = expireDue(limit: 16) }
    }

    package func endTurn() -> TurnEnd {
        // No command can have changed or met a key, and what is spilled is the loader's business.
        if loading != nil { return TurnEnd() }
        let isBehind = !log.isEmpty
        // With `always` the buffer may hold what earlier turns wait for; readers need not.
        let wrote =
            isBehind && (configuration.appendFsync != .always || log.lsn != coveredLSN)
        // If the log has failed before, nothing was written now, and reads must be answered.
        let mayWait = persistence.logError == nil
        var end = TurnEnd()
        if blocking.hasReadyKeys { serveBlockedClients() }
        releaseVisitors()
        keepWithinBudget()
        if !waitsForSync { flushLog() }
        if wrote {
            cover(&end, evenIfRefused: mayWait)
        } else if isBehind {
            logSyncer?.requestSync(log.lsn)
        }
        coveredLSN = log.lsn
        return end
    }

    /// With `always`, what is written while a sync runs waits for the next one all the same. So it
    /// is written when that can begin, at once for all turns of this time: `onLogProgress` makes a
    /// turn.
    private var waitsForSync: Bool {
        configuration.appendFsync == .always && log.count < Engine.gatheredBytesMax
            && logSyncer?.isSyncing ?? false
    }

    /// Makes the turn's replies wait for all that has been logged so far: its own effects, or
    /// those of other turns that answered its clients (publishing, serving the blocked).
    /// `evenIfRefused`: also when the disk has just refused the effects. Then these replies come
    /// when it takes them, and meanwhile further writes are refused.
    package func cover(_ end: inout TurnEnd, evenIfRefused: Bool = false) {
        guard logIsEnabled else { return }
        if configuration.appendFsync == .always {
            end.durableLSN = log.lsn
            logSyncer?.requestSync(log.lsn)
            return
        }
        if !log.isEmpty, evenIfRefused || persistence.logError == nil { end.writtenLSN = log.lsn }
        if configuration.appendFsync == .everysec,
            let reach = logWriter?.syncThatStalls(
                nowUs: turnStartedUs, limitUs: LogSyncer.stallUs)
        {
            // The disk is behind by more than the policy allows to be lost.
            end.durableLSN = reach
            persistence.delayedSyncs += 1
        }
    }
}
