// Cold keys past their time, or with fields past theirs, found through the time-ordered rows of
// the runs.

extension Engine {
    /// Removes what is due in the cold tier; true while there is more. Maintenance thread, without
    /// the lock: the rows are read outside, each removal takes the lock for one key. A key that
    /// has become hot meanwhile is the hot index's business; one that was changed is not due any
    /// more, and its row is stale.
    func expireColdKeys() -> Bool {
        guard let tier, withLock({ $0.expiresActively && !$0.expiryIsPaused }) else { return false }
        let now = clock.wallMs()
        var due: [(namespace: UInt32, key: [UInt8])] = []
        let hasMore: Bool
        do {
            hasMore = try tier.store.dueKeys(before: now, atMost: 256) { record in
                due.append((record.namespace, Array(record.key)))
            }
        } catch {
            withLock { _ in tier.stats.lastError = error.description }
            return false
        }
        for (namespace, bytes) in due {
            withLock { engine in engine.expireCold(namespace, bytes) }
        }
        if !due.isEmpty {
            withLock { engine in
                engine.releaseVisitors()
                engine.flushLog()
            }
        }
        return hasMore
    }

    /// Meeting the key is enough: fetching a record past its time expires it, and what is due in
    /// a hash; unless a pause has just begun, but its row is not read again. A hash of which
    /// something is left, changed, stays hot until it is spilled again.
    private func expireCold(_ namespace: UInt32, _ bytes: [UInt8]) {
        advanceClock()
        for index in 0..<databaseCount where databases[index].namespace == namespace {
            bytes.withUnsafeBytes { bytes in
                let key = key(bytes, database: index)
                _ = lookup(key)
                if expiryIsPaused { _ = expireHidden(key) }
            }
        }
    }
}
