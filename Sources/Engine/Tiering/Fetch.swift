// From the cold tier into the hot one.

extension Engine {
    /// The entry of a key that is not hot, or nil. Reads the cold tier in place where the
    /// filters say that the key may be there; a record that has expired is expired now.
    @inline(never)
    func fetch(_ key: Key) -> Entry? {
        guard let tier, databases[key.database].coldOnlyCount > 0 else { return nil }
        if let replayAhead {
            if let known = bringIn(key, tier, replayAhead) { return known }
        }
        guard
            tier.store.mayContain(
                namespace: databases[key.database].namespace, hash: key.hash)
        else { return nil }
        let isPromoted = promotes(key, tier)
        guard let entry = bringIn(key, tier) else {
            tier.stats.fruitlessReads += 1
            return nil
        }
        tier.stats.fetchedKeys += 1
        let isHidden =
            !entry.flags.isDisjoint(with: .timed) && liveOrExpire(key, entry) == nil
        // Unless expiry is paused, that was the end of the entry.
        if isHidden, !expiryIsPaused { return nil }
        if !isHidden, isPromoted || isReplaying || entry.flags.contains(.dirty) {
            tier.stats.promotedKeys += 1
        } else {
            entry.flags.insert(.visiting)
            tier.visitors.append(Tier.Visitor(database: key.database, hash: key.hash))
        }
        return isHidden ? nil : entry
    }

    /// Whether a key that is read now is to stay in the hot tier: on its second read, and on the
    /// first while nothing has to leave for it.
    private func promotes(_ key: Key, _ tier: Tier) -> Bool {
        let windowMs = Int64(configuration.promotionWindowMs)
        let isSeenAgain = tier.promotion.noteAndTest(key.hash, nowMs: nowMs, windowMs: windowMs)
        return isSeenAgain || windowMs == 0 || hasRoomForMore
    }

    /// Makes a clean hot entry of a key's record, read beforehand or now.
    private func bringIn(_ key: Key, _ tier: Tier) -> Entry? {
        let namespace = databases[key.database].namespace
        if let fetched = fetched(key, namespace, tier) {
            guard let fetched else { return nil }
            return fetched.payload.withUnsafeBytes { payload in
                adopt(
                    key, type: fetched.type, access: fetched.access, expiry: fetched.expiry,
                    payload, tier)
            }
        }
        let start = clock.monotonicUs()
        defer { noteReadTime(tier, microseconds: clock.monotonicUs() - start) }
        do {
            return try tier.store.read(namespace: namespace, hash: key.hash, key: key.bytes) {
                record -> Entry? in
                adopt(
                    key, type: record.type, access: record.access, expiry: record.expiry,
                    record.payload, tier)
            } ?? nil
        } catch {
            coldReadFailed = true
            tier.stats.damagedRecords += 1
            tier.stats.lastError = error.description
            return nil
        }
    }

    /// The same of what was read ahead of the replay; nil if that does not tell.
    private func bringIn(_ key: Key, _ tier: Tier, _ ahead: ReplayAhead) -> Entry?? {
        guard let found = ahead.find(key, databases[key.database].namespace)?.pointee else {
            return nil
        }
        guard found.state == .live else { return .some(nil) }
        let entry = adopt(
            key, type: found.type, access: found.access, expiry: found.expiry,
            found.payload, tier)
        if entry != nil {
            tier.stats.fetchedKeys += 1
            tier.stats.promotedKeys += 1
        }
        return .some(entry)
    }

    private func adopt(
        _ key: Key, type: UInt8, access: UInt32, expiry: Int64, _ payload: Bytes, _ tier: Tier
    ) -> Entry? {
        if let count = replacedBodyCount {
            // Its value makes room for another at once.
            let entry = Entry.allocate(
                key: key.bytes, type: .string, encoding: .embedded, bodyCount: count, expiry: nil)
            place(entry, of: key, access: access)
            return entry
        }
        guard
            let value = ValueCodec.decode(
                type: type, payload: payload, configuration, secret, isOwn: true)
        else {
            coldReadFailed = true
            tier.stats.damagedRecords += 1
            tier.stats.lastError = "the record of '\(key.bytes.prefixText(64))' holds no value"
            return nil
        }
        let expiry = expiry == ColdRecord.noExpiry ? nil : expiry
        let entry = Entry.allocate(
            key: key.bytes, type: value.type, encoding: value.encoding,
            bodyCount: value.bodyCount, expiry: expiry)
        value.store(in: entry.body)
        place(entry, of: key, access: access)
        if let expiry { databases[key.database].expiries.insert(expiry, key.hash) }
        fieldsChanged(key, entry, since: nil)
        return entry
    }

    private func place(_ entry: Entry, of key: Key, access: UInt32) {
        entry.access = access
        entry.flags.formUnion([.hasCold, .coldIsLive])
        databases[key.database].table.insert(key.hash, entry.raw)
    }

    /// Sends off the entries that were fetched for this turn's requests and not changed.
    @inline(__always)
    func releaseVisitors() {
        if let tier, !tier.visitors.isEmpty { releaseVisitors(tier) }
    }

    @inline(never)
    private func releaseVisitors(_ tier: Tier) {
        for visitor in tier.visitors {
            let end: UInt64? = visitor.hash == .max ? nil : visitor.hash + 1
            var leaving: Entry?
            databases[visitor.database].table.visit(from: visitor.hash, below: end) { raw in
                if Entry(raw).flags.contains(.visiting) { leaving = Entry(raw) }
            }
            if let leaving { dropClean(visitor.database, visitor.hash, leaving) }
        }
        tier.visitors.removeAll(keepingCapacity: true)
    }

    /// Takes a clean entry out of the hot tier; its record stays. Costs no I/O.
    func dropClean(_ database: Int, _ hash: UInt64, _ entry: Entry) {
        assert(!entry.flags.contains(.dirty) && entry.flags.contains(.hasCold))
        if entry.type == .tombstone {
            databases[database].tombstoneCount -= 1
        } else {
            if let expiry = entry.expiry { databases[database].expiries.remove(expiry, hash) }
            forgetFields(database, hash, entry)
            discardValue(entry)
        }
        databases[database].table.remove(hash, entry: entry.raw)
        entry.deallocate()
        replayAhead?.noteLeave(hash)
    }
}
