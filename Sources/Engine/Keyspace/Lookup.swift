// From a key to its entry: hot, then cold.
//
// A command asks for a key with `read` or `write` and sees one keyspace. An entry that is not
// hot is looked for in the cold tier: the filters first, which nearly always know that a key is
// not there, then the record. Its value becomes a hot entry again, marked `.visiting`: it leaves
// after the request unless the request changed it or the key was asked for before, a short
// while ago. So a scan over everything does not flush the hot tier, and commands need not know
// about tiers.
//
// `write` must be used by whatever is about to change a key: it is where a running snapshot
// keeps the value that it still needs.

extension Engine {
    /// The key that `bytes` names in the client's database.
    @inline(__always)
    func key(_ bytes: Bytes, _ client: Client) -> Key {
        Key(
            bytes: bytes, hash: foresight.hash(of: bytes) ?? secret.hash(bytes),
            database: client.database)
    }

    @inline(__always)
    func key(_ bytes: Bytes, database: Int) -> Key {
        Key(bytes: bytes, hash: secret.hash(bytes), database: database)
    }

    /// The live entry of `key`, fetched if it is cold; neither counted nor touched. A key past
    /// its time is expired on the way. O(1), plus one read of the cold tier where a filter
    /// says that it may be there.
    @inline(__always)
    func lookup(_ key: Key) -> Entry? {
        if let raw = databases[key.database].table.find(key.hash, key.bytes) {
            let entry = Entry(raw)
            if entry.flags.isDisjoint(with: .timed) {
                return entry.type == .tombstone ? nil : entry
            }
            return liveOrExpire(key, entry)
        }
        return tier == nil ? nil : fetch(key)
    }

    /// The entry without some of the fields that are due; nil when nothing is left, or it is due
    /// itself. A look-up must not take long, so of many due fields most stay, hidden from those who
    /// read (`readable`); `write` removes them. While expiry is paused nothing goes: the key is nil
    /// all the same.
    @inline(never)
    func liveOrExpire(_ key: Key, _ entry: Entry) -> Entry? {
        let expiry = entry.expiry ?? .max
        let isDue = expiry < expiryClockMs
        if expiryIsPaused { return isDue || isEmptyByNow(entry) ? nil : entry }
        if entry.flags.contains(.fieldsExpire),
            !expireFields(
                key, entry, before: Swift.min(expiry, expiryClockMs),
                // What goes with the key is archived: not what had gone before.
                limit: isDue ? .max : LazyFree.elementsMax)
        {
            return nil
        }
        // Redis: a key is expired when now is past its time, not at it.
        guard isDue else { return entry }
        expire(key, entry)
        return nil
    }

    /// The entry for a command that only reads; counts a hit or a miss and marks the access.
    @inline(__always)
    func read(_ key: Key) -> Entry? {
        guard let entry = lookup(key) else {
            stats.keyspaceMisses &+= 1
            keyMissed(key)
            return nil
        }
        stats.keyspaceHits &+= 1
        touch(entry)
        return entry
    }

    /// As `read(_:)`, refusing another type with WRONGTYPE.
    @inline(__always)
    func read(_ key: Key, _ type: ValueType) throws(CommandError) -> Entry? {
        guard let entry = read(key) else { return nil }
        guard entry.type == type else { throw .wrongType }
        return entry
    }

    /// The entry for a command that will change it, or nil: then `insert` makes one. Refuses when
    /// a record that the command needed could not be read, or it would be overwritten unseen.
    @inline(__always)
    func write(_ key: Key) throws(CommandError) -> Entry? {
        var entry = lookup(key)
        if server.pauseEndsMs != 0 || entry?.flags.contains(.fieldsExpire) ?? false {
            entry = expireHidden(key)
        }
        if coldReadFailed {
            guard isReplaying else { throw .damagedRecord }
            // The effect is the best that is known of the key.
            bury(key)
        }
        if snapshotIsRunning { keepForSnapshot(key, entry) }
        if let entry { touch(entry) }
        return entry
    }

    /// As `write(_:)`, refusing another type with WRONGTYPE.
    @inline(__always)
    func write(_ key: Key, _ type: ValueType) throws(CommandError) -> Entry? {
        guard let entry = try write(key) else { return nil }
        guard entry.type == type else { throw .wrongType }
        return entry
    }

    /// As `write(_:)` for a command that reads the value as well: counted as a hit or a miss.
    func writeCounted(_ key: Key) throws(CommandError) -> Entry? {
        guard let entry = try write(key) else {
            stats.keyspaceMisses &+= 1
            keyMissed(key)
            return nil
        }
        stats.keyspaceHits &+= 1
        return entry
    }

    /// The same, refusing another type with WRONGTYPE.
    func writeCounted(_ key: Key, _ type: ValueType) throws(CommandError) -> Entry? {
        guard let entry = try writeCounted(key) else { return nil }
        guard entry.type == type else { throw .wrongType }
        return entry
    }

    /// The entry for a command that asks about a key and does not use it: counted as a hit or a
    /// miss, but no access for the eviction policy. OBJECT does not even announce a miss.
    func glance(_ key: Key, announcesMiss: Bool = true) -> Entry? {
        guard let entry = lookup(key) else {
            stats.keyspaceMisses &+= 1
            if announcesMiss { keyMissed(key) }
            return nil
        }
        stats.keyspaceHits &+= 1
        return entry
    }

    /// Marks an access for the eviction policy, unless the client asked for none
    /// (CLIENT NO-EVICT does not matter here; OBJECT and TYPE use `glance`).
    @inline(__always)
    func touch(_ entry: Entry) {
        if policyIsLFU {
            entry.access = Access.countedLFU(entry.access, self)
        } else {
            entry.access = accessClock | Access.usedAgain
        }
    }
}
