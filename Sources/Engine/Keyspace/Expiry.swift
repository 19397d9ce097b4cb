// Keys past their time.
//
// Hot keys with an expiry stand in a time-ordered index, cold ones in time-ordered rows, so
// that keys leave at their time without being looked for: a turn of the server removes what is
// due, bounded per turn. A key that a command meets before that is removed on the spot. Either
// way the removal is logged as DEL with the annotation of an expiry, the event fires, and the
// value goes to the archive.
//
// During CLIENT PAUSE nothing is removed, for that would be a write: a key past its time, or a field
// of a hash, is only not seen.

extension Engine {
    /// Removes a hot key whose time has come.
    @inline(never)
    func expire(_ key: Key, _ entry: Entry) {
        if snapshotIsRunning { keepForSnapshot(key, entry) }
        // `key.bytes` may be a view of the entry itself, which is about to go.
        archive(key, entry)
        logExpiry(key)
        stats.expiredKeys &+= 1
        let bytes = Array(key.bytes)
        bytes.withUnsafeBytes { raw in
            let own = Key(bytes: raw, hash: key.hash, database: key.database)
            remove(own, entry, "expired", .expired)
        }
    }

    /// Whether CLIENT PAUSE keeps what is past its time. In a replay nothing is, and effects must
    /// find what they were made upon.
    var expiryIsPaused: Bool {
        server.pauseEndsMs != 0 && nowMs < server.pauseEndsMs && !isReplaying
    }

    /// Removes of a key what is due and only hidden: because expiry is paused (it is written after
    /// all, by the transaction that began the pause), or a look-up left it. Returns what is left.
    @inline(never)
    func expireHidden(_ key: Key) -> Entry? {
        guard let raw = databases[key.database].table.find(key.hash, key.bytes) else { return nil }
        let entry = Entry(raw)
        if entry.type == .tombstone { return nil }
        let expiry = entry.expiry ?? .max
        if entry.flags.contains(.fieldsExpire),
            !expireFields(key, entry, before: Swift.min(expiry, expiryClockMs))
        {
            return nil
        }
        guard expiry < expiryClockMs else { return entry }
        expire(key, entry)
        return nil
    }

    /// Removes hot keys, and fields of hot hashes, that are due, at most `limit` of them; true if
    /// some may be left.
    func expireDue(limit: Int) -> Bool {
        guard expiresActively, !expiryIsPaused else { return false }
        var left = limit
        for index in 0..<databaseCount {
            while left > 0, let due = databases[index].expiries.first,
                due.timeMs < expiryClockMs
            {
                left -= 1
                expireOne(database: index, expiry: due.timeMs, hash: due.hash)
            }
        }
        return expireDueFields(limit: left) || left == 0
    }

    /// The index has only the hash: every entry with that hash and that expiry is meant, for
    /// equal hashes share the index pair.
    private func expireOne(database index: Int, expiry: Int64, hash: UInt64) {
        var found: Entry?
        let end: UInt64? = hash == .max ? nil : hash + 1
        databases[index].table.visit(from: hash, below: end) { raw in
            if Entry(raw).expiry == expiry { found = Entry(raw) }
        }
        guard let entry = found else {
            // The pair of a key that is gone would be a defect; it must not stop the rest.
            assertionFailure("expiry without its key")
            databases[index].expiries.remove(expiry, hash)
            return
        }
        _ = liveOrExpire(Key(bytes: entry.key, hash: hash, database: index), entry)
    }
}
