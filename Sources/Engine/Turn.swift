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
    /// The log could not be written yet (its segments change, or a sync runs): hold the replies
    /// until it has been written up to here.
    package var writtenLSN: UInt64?

    package init() {}
}

extension Engine {
    package func beginTurn() {
        advanceClock()
        commandStartedUs = clock.monotonicUs()
        turnStartedUs = commandStartedUs
        if configuration.aofTimestampEnabled { log.timestamp = nowMs / 1000 }
        _ = expireDue(limit: 16)
    }

    package func endTurn() -> TurnEnd {
        let wrote = !log.isEmpty
        var end = TurnEnd()
        if blocking.hasReadyKeys { serveBlockedClients() }
        releaseVisitors()
        keepWithinBudget()
        flushLog()
        if wrote { cover(&end) }
        return end
    }

    /// Makes the turn's replies wait for all that has been logged so far: its own effects, or
    /// those of other turns that answered its clients (publishing, serving the blocked).
    package func cover(_ end: inout TurnEnd) {
        guard logIsEnabled else { return }
        if configuration.appendFsync == .always {
            end.durableLSN = log.lsn
            logSyncer?.requestSync(log.lsn)
        } else if !log.isEmpty, persistence.logError == nil {
            // When the disk refuses the write, further writes are refused, as in Redis, and
            // those of this turn are answered.
            end.writtenLSN = log.lsn
        }
    }
}
