// Hash fields past their time.
//
// A hash of which fields expire stands in an index under the time of its first: hot hashes in the
// database's `fieldExpiries`, cold ones in the time-ordered rows of the runs, which name the time
// at which anything in a key is due. Fields leave at their time, in slices, like keys. Whoever
// is about to write a key before that expires what is due in it first, so that no command that
// writes ever sees a field past its time, and none has to ask. Whoever reads it expires a few, and
// has the others hidden (`readable`); during CLIENT PAUSE all are, for nothing may be removed.
//
// A removal is logged as HDEL, which needs no clock: a log that is replayed removes exactly what
// was removed, when it was. Nothing is archived; the archive keeps keys.

extension Engine {
    // MARK: The index

    /// What the index knows of a hash: to be taken before a change and given to `fieldsChanged`
    /// after it. Free for a hash without times.
    @inline(__always)
    func fieldExpiry(_ entry: Entry) -> Int64? {
        entry.flags.contains(.fieldsExpire) ? HashValue(entry).earliestExpiry : nil
    }

    /// Keeps the index true after fields, or their times, were changed. O(log n), if anything
    /// expires.
    @inline(__always)
    func fieldsChanged(_ key: Key, _ entry: Entry, since before: Int64?) {
        if before != nil || entry.encoding.expiresFields { reindexFields(key, entry, before) }
    }

    @inline(never)
    private func reindexFields(_ key: Key, _ entry: Entry, _ before: Int64?) {
        let hash = HashValue(entry)
        let after = hash.earliestExpiry
        if after == nil, entry.encoding.expiresFields { hash.leaveExpiring() }
        if before == after { return }
        let database = databases + key.database
        if let before { database.pointee.fieldExpiries.remove(before, key.hash) }
        if let after {
            database.pointee.fieldExpiries.insert(after, key.hash)
            entry.flags.insert(.fieldsExpire)
        } else {
            entry.flags.remove(.fieldsExpire)
        }
    }

    /// Takes a hash out of the index: its value is about to go, or to have another owner. O(log n).
    @inline(__always)
    func forgetFields(_ database: Int, _ hash: UInt64, _ entry: Entry) {
        if entry.flags.contains(.fieldsExpire) { unindexFields(database, hash, entry) }
    }

    @inline(never)
    private func unindexFields(_ database: Int, _ hash: UInt64, _ entry: Entry) {
        if let time = HashValue(entry).earliestExpiry {
            databases[database].fieldExpiries.remove(time, hash)
        }
        entry.flags.remove(.fieldsExpire)
    }

    // MARK: What is due

    /// The hash as it is read: without fields that are due and still there. O(1); O(log n) if
    /// anything expires.
    @inline(__always)
    func readable(_ entry: Entry) -> HashValue {
        entry.flags.contains(.fieldsExpire) ? hidingDue(entry) : HashValue(entry)
    }

    @inline(never)
    private func hidingDue(_ entry: Entry) -> HashValue {
        let hash = HashValue(entry)
        guard let earliest = hash.earliestExpiry, earliest < expiryClockMs else { return hash }
        return HashValue(entry, hidingBefore: expiryClockMs)
    }

    /// Whether all fields of a hash are due, for walks that change nothing. O(log n); O(fields)
    /// while packed.
    @inline(__always)
    func isEmptyByNow(_ entry: Entry) -> Bool {
        guard entry.encoding.expiresFields else { return false }
        let hash = HashValue(entry)
        return hash.dueCount(before: expiryClockMs) == hash.count
    }

    /// Removes the fields of a hash with a time before `ms`, at most `limit` of them, the earliest
    /// first. False when none is left, and so no key. O(fields removed), but for the last of a
    /// large hash, which go with it.
    @inline(never)
    func expireFields(_ key: Key, _ entry: Entry, before ms: Int64, limit: Int = .max) -> Bool {
        let hash = HashValue(entry)
        guard let earliest = hash.earliestExpiry, earliest < ms else { return true }
        if snapshotIsRunning { keepForSnapshot(key, entry) }
        let total = hash.count
        let due = hash.dueCount(before: ms)
        if due == total, total > LazyFree.elementsMax {
            stats.expiredFields &+= total
            effect(key, "DEL")
            removeExpired(key, entry)
            return false
        }
        let count = Swift.min(due, limit)
        stats.expiredFields &+= count
        var effects = ElementEffects(self, key, "HDEL", count: count)
        hash.removeDue(before: ms, max: count) { effects.element($0) }
        if count == total {
            // Still registered under the time that it had.
            databases[key.database].fieldExpiries.remove(earliest, key.hash)
            entry.flags.remove(.fieldsExpire)
            removeExpired(key, entry)
            return false
        }
        fieldsChanged(key, entry, since: earliest)
        changed(key, entry, "hexpired", .hash)
        return true
    }

    /// Deletes a hash of which every field has expired.
    private func removeExpired(_ key: Key, _ entry: Entry) {
        // `key.bytes` may be a view of the entry itself, which is about to go.
        let bytes = Array(key.bytes)
        bytes.withUnsafeBytes { raw in
            let own = Key(bytes: raw, hash: key.hash, database: key.database)
            announce(own, "hexpired", .hash)
            remove(own, entry)
        }
    }

    /// Removes due fields of hot hashes, at most `limit`; true if some may be left.
    func expireDueFields(limit: Int) -> Bool {
        var left = limit
        for index in 0..<databaseCount {
            while left > 0, let due = databases[index].fieldExpiries.first,
                due.timeMs < expiryClockMs
            {
                left -= expireFieldsOfOne(database: index, due.timeMs, due.hash, limit: left)
            }
        }
        return left <= 0
    }

    /// The index has only the hash of the key: every entry with that hash and that time is meant.
    /// Returns what it cost.
    private func expireFieldsOfOne(
        database index: Int, _ time: Int64, _ hash: UInt64, limit: Int
    ) -> Int {
        var found: Entry?
        databases[index].table.visit(from: hash, below: hash == .max ? nil : hash + 1) { raw in
            if fieldExpiry(Entry(raw)) == time { found = Entry(raw) }
        }
        guard let entry = found else {
            // The pair of a hash that is gone would be a defect; it must not stop the rest.
            assertionFailure("a field's expiry without its key")
            databases[index].fieldExpiries.remove(time, hash)
            return 1
        }
        let before = stats.expiredFields
        // Not what is due after the key itself: it went with the key.
        let end = Swift.min(expiryClockMs, entry.expiry ?? .max)
        let key = Key(bytes: entry.key, hash: hash, database: index)
        if time < end {
            _ = expireFields(key, entry, before: end, limit: limit)
        } else {
            expire(key, entry)
        }
        return Swift.max(stats.expiredFields &- before, 1)
    }
}
