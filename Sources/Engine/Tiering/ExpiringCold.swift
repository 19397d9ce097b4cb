// Cold keys past their time, or with fields past theirs, found through the time-ordered rows of
// the runs.
//
// A row is handed out once. A key that could not be removed then (its record could not be read, the
// clock was set back, a pause began) is tried again, later and later; after a restart its row is
// there anyway.

/// A key whose row was handed out.
struct DueKey {
    let namespace: UInt32
    let bytes: [UInt8]
    /// When it, or the first of its fields, is due.
    let dueMs: Int64
}

/// Due keys that could not be removed. Touched under the engine's lock.
struct LateKeys {
    /// More are not remembered: they expire when they are met.
    static let countMax = 4096
    private static let pauseMsMin: Int64 = 1000
    private static let pauseMsMax: Int64 = 60_000

    private(set) var keys: [DueKey] = []
    private var pauseMs = LateKeys.pauseMsMin
    private var nextTryMs: Int64 = 0

    /// Keeps keys that were tried at a time of the monotonic clock.
    mutating func add(_ failed: [DueKey], atMs now: Int64) {
        if failed.isEmpty {
            if keys.isEmpty { pauseMs = Self.pauseMsMin }
            return
        }
        keys.append(contentsOf: failed.prefix(Swift.max(Self.countMax - keys.count, 0)))
        nextTryMs = now + pauseMs
        pauseMs = Swift.min(pauseMs * 2, Self.pauseMsMax)
    }

    /// Hands out what is to be tried again by now.
    mutating func take(atMs now: Int64) -> [DueKey] {
        if keys.isEmpty || now < nextTryMs { return [] }
        defer { keys.removeAll() }
        return keys
    }
}

extension Engine {
    /// Removes what is due in the cold tier; true while there is more. Maintenance thread, without
    /// the lock: the rows are read outside, each removal takes the lock for one key. A key that
    /// has become hot meanwhile is the hot index's business; one that was changed is not due any
    /// more, and its row is stale.
    ///
    /// - Parameter now: Unix milliseconds; nil: what the clock says.
    func expireColdKeys(at now: Int64? = nil) -> Bool {
        guard let tier, withLock({ $0.expiresActively && !$0.expiryIsPaused }) else { return false }
        let nowMs = clock.monotonicUs() / 1000
        var due = withLock { _ in tier.lateKeys.take(atMs: nowMs) }
        var hasMore = false
        do {
            hasMore = try tier.store.dueKeys(before: now ?? clock.wallMs(), atMost: 256) { record in
                due.append(
                    DueKey(
                        namespace: record.namespace, bytes: Array(record.key),
                        dueMs: record.due))
            }
        } catch {
            withLock { _ in tier.stats.lastError = error.description }
        }
        if due.isEmpty { return false }
        let late = due.filter { key in !withLock { $0.expireCold(key) } }
        withLock { engine in
            tier.lateKeys.add(late, atMs: nowMs)
            engine.releaseVisitors()
            engine.flushLog()
        }
        return hasMore
    }

    /// Meeting the key is enough: fetching a record past its time expires it, and what is due in
    /// a hash, of which the rest, changed, stays hot until it is spilled again. False when that
    /// could not be done now.
    private func expireCold(_ due: DueKey) -> Bool {
        advanceClock()
        for index in 0..<databaseCount where databases[index].namespace == due.namespace {
            if expiryIsPaused || due.dueMs >= expiryClockMs { return false }
            due.bytes.withUnsafeBytes { _ = lookup(key($0, database: index)) }
            if coldReadFailed {
                coldReadFailed = false
                return false
            }
        }
        return true
    }
}
