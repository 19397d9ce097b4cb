// How keys come, change and go; the states of a key (new, changed, clean, cold, deleted).
//
// Every change ends in `changed`, `insert` or `remove`: they keep the counts exact, mark the
// entry dirty, so that the next checkpoint or eviction writes it, and tell watchers and
// subscribers. A key of which the cold tier has a record leaves a tombstone when it is deleted;
// the tombstone is written like any dirty entry and leaves the hot tier when it is committed.

extension Engine {
    /// Puts a new key into the hot tier; `write(key)` has just returned nil. The body's bytes
    /// are the caller's to fill, then it calls `changed`. `isNew`: not in place of a value that
    /// was there, so that the event `new` is due.
    func insert(
        _ key: Key, _ type: ValueType, _ encoding: Encoding, bodyCount: Int = 8,
        expiry: Int64? = nil, isNew: Bool = true
    ) -> Entry {
        let entry = Entry.allocate(
            key: key.bytes, type: type, encoding: encoding, bodyCount: bodyCount, expiry: expiry)
        entry.access = policyIsLFU ? Access.freshLFU(self) : accessClock
        place(key, entry)
        if isNew, notifiedEvents.contains(.new) { notify(.new, "new", key) }
        return entry
    }

    /// Puts a value that no entry owns yet under a new key.
    func insert(
        _ key: Key, _ value: DetachedValue, expiry: Int64? = nil, isNew: Bool = true
    ) -> Entry {
        let entry = insert(
            key, value.type, value.encoding, bodyCount: value.bodyCount, expiry: expiry,
            isNew: isNew)
        value.store(in: entry.body)
        fieldsChanged(key, entry, since: nil)
        return entry
    }

    private func place(_ key: Key, _ entry: Entry) {
        let database = databases + key.database
        if database.pointee.tombstoneCount > 0,
            let raw = database.pointee.table.find(key.hash, key.bytes)
        {
            let tombstone = Entry(raw)
            precondition(tombstone.type == .tombstone, "insert of a key that exists")
            entry.flags.formUnion(tombstone.flags.intersection([.hasCold, .coldIsLive]))
            database.pointee.table.replace(key.hash, raw, with: entry.raw)
            database.pointee.tombstoneCount -= 1
            if tombstone.flags.contains(.dirty) { database.pointee.dirtyCount -= 1 }
            tombstone.deallocate()
        } else {
            database.pointee.table.insert(key.hash, entry.raw)
        }
        database.pointee.keyCount += 1
        if let expiry = entry.expiry { database.pointee.expiries.insert(expiry, key.hash) }
    }

    /// To be called after every change of an entry's value or expiry.
    @inline(__always)
    func changed(
        _ key: Key, _ entry: Entry, _ event: StaticString, _ eventClass: KeyspaceEvents
    ) {
        changedQuietly(key, entry)
        if notifiedEvents.contains(eventClass) { notify(eventClass, event, key) }
    }

    /// The same for a change that Redis does not announce as an event.
    @inline(__always)
    func changedQuietly(_ key: Key, _ entry: Entry) {
        markDirty(entry, database: key.database)
        stats.changesSinceSave &+= 1
        if observedKeyCount != 0 { touchObservers(key) }
    }

    @inline(__always)
    func markDirty(_ entry: Entry, database: Int) {
        let flags = entry.flags
        if !flags.contains(.dirty) { databases[database].dirtyCount &+= 1 }
        entry.flags = flags.subtracting([.visiting, .leaving]).union(.dirty)
        entry.batch = 0
    }

    /// Replaces an entry by the one that `Entry.resized` made of it.
    @inline(__always)
    func moved(_ key: Key, from old: UnsafeMutableRawPointer, to entry: Entry) {
        if old != entry.raw {
            databases[key.database].table.replace(key.hash, old, with: entry.raw)
        }
    }

    /// Sets (nil: takes away) the expiry; returns the entry, which may have moved. The caller
    /// calls `changed`.
    func setExpiry(_ key: Key, _ entry: Entry, _ expiry: Int64?) -> Entry {
        let database = databases + key.database
        if let old = entry.expiry {
            database.pointee.expiries.remove(old, key.hash)
        } else if expiry == nil {
            return entry
        }
        if let expiry { database.pointee.expiries.insert(expiry, key.hash) }
        if entry.expiry != nil, let expiry {
            entry.overwriteExpiry(expiry)
            return entry
        }
        let old = entry.raw
        let copy = entry.resized(
            type: entry.type, encoding: entry.encoding, bodyCount: entry.bodyCount,
            expiry: expiry)
        moved(key, from: old, to: copy)
        return copy
    }

    /// Deletes a key that `write` returned, its value with it (large ones in slices, in the
    /// background), and announces the event.
    func remove(
        _ key: Key, _ entry: Entry, _ event: StaticString = "del",
        _ eventClass: KeyspaceEvents = .generic
    ) {
        forgetFields(key.database, key.hash, entry)
        discardValue(entry)
        removeEntry(key, entry)
        stats.changesSinceSave &+= 1
        if observedKeyCount != 0 { touchObservers(key) }
        if notifiedEvents.contains(eventClass) { notify(eventClass, event, key) }
    }

    /// Takes a value out of its key; the key is deleted without an event (RENAME).
    func detach(_ key: Key, _ entry: Entry) -> DetachedValue {
        forgetFields(key.database, key.hash, entry)
        let value = DetachedValue(takenFrom: entry)
        removeEntry(key, entry)
        stats.changesSinceSave &+= 1
        if observedKeyCount != 0 { touchObservers(key) }
        return value
    }

    /// Deletes a key whose record cannot be read, so that nothing is known of it but that it
    /// exists.
    func bury(_ key: Key) {
        coldReadFailed = false
        if snapshotIsRunning { keepForSnapshot(key, nil) }
        let database = databases + key.database
        let tombstone = Entry.allocate(
            key: key.bytes, type: .tombstone, encoding: .embedded, bodyCount: 0, expiry: nil)
        tombstone.flags = [.hasCold, .coldIsLive, .dirty]
        database.pointee.table.insert(key.hash, tombstone.raw)
        database.pointee.keyCount -= 1
        database.pointee.dirtyCount += 1
        database.pointee.tombstoneCount += 1
        stats.changesSinceSave &+= 1
        if observedKeyCount != 0 { touchObservers(key) }
    }

    /// Takes the entry out of the table and frees it; its value has been dealt with. Leaves a
    /// tombstone where the cold tier has a record.
    func removeEntry(_ key: Key, _ entry: Entry) {
        assert(!entry.flags.contains(.fieldsExpire), "still in the index of fields")
        let database = databases + key.database
        if let expiry = entry.expiry { database.pointee.expiries.remove(expiry, key.hash) }
        database.pointee.keyCount -= 1
        let flags = entry.flags
        if flags.contains(.dirty) { database.pointee.dirtyCount -= 1 }
        if flags.contains(.hasCold) {
            let tombstone = Entry.allocate(
                key: entry.key, type: .tombstone, encoding: .embedded, bodyCount: 0, expiry: nil)
            tombstone.flags = flags.intersection([.hasCold, .coldIsLive]).union(.dirty)
            database.pointee.dirtyCount += 1
            database.pointee.tombstoneCount += 1
            database.pointee.table.replace(key.hash, entry.raw, with: tombstone.raw)
        } else {
            database.pointee.table.remove(key.hash, entry: entry.raw)
        }
        entry.deallocate()
    }
}
