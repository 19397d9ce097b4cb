// Keeping the hot tier within `maxmemory`.
//
// A sweep goes over the tables in hash order, a few dozen neighbours at a time, and of each
// group the keys that the policy likes least leave: of 64 keys the 16 least recently (or least
// frequently) used. That is a far larger sample than Redis takes, it reads memory in the order
// of the table, and it makes runs that cover a narrow range of hashes, which merge cheaply.
// Clean keys leave at once and cost no I/O; dirty ones leave when their batch is committed.
//
// With `cold-tier no` the victims are deleted, as in Redis. With `noeviction`, or a volatile
// policy and no key with an expiry left, nothing leaves, and commands that need memory are
// refused.

extension Engine {
    private static let groupSize = 64
    private static let groupLeaving = 16
    /// What one call frees at most: more than a turn can add.
    private static let reductionBytesMax = 8 << 20

    /// Memory that counts against the budget.
    var usedMemory: Int { Heap.usedBytes + (tier?.memoryBytes ?? 0) + clientBufferBytes }

    /// Spills or drops what is over the budget; returns for how long the event loop should
    /// read nothing because writes outrun the disk.
    func keepWithinBudget() -> Int {
        let used = usedMemory
        if used > stats.peakMemoryBytes { stats.peakMemoryBytes = used }
        let budget = configuration.maxmemory
        guard budget > 0, used > budget else {
            isOutOfMemory = false
            return 0
        }
        return reduce(by: used - budget, budget)
    }

    @inline(never)
    private func reduce(by excess: Int, _ budget: Int) -> Int {
        let policy = configuration.maxmemoryPolicy
        guard policy != .noEviction else {
            isOutOfMemory = true
            return 0
        }
        let isFarOver = excess > budget / 8
        // A budget that was lowered by much is reached in slices.
        let excess = Swift.min(excess, Engine.reductionBytesMax)
        var needed = excess - (tier.map { $0.leavingBytes + $0.inFlightLeavingBytes } ?? 0)
        let batchBytes = spillBatchBytes(budget)
        var barren = 0
        while needed > 0 {
            if let tier, tier.queuedBatches >= 2, tier.batch.byteCount >= batchBytes { break }
            let freed = evictGroup(policy)
            needed -= freed
            barren = freed > 0 ? 0 : barren + 1
            if barren > sweepPatience { break }
            if let tier, tier.batch.byteCount >= batchBytes, tier.queuedBatches < 2 {
                submitBatch(tier)
            }
        }
        if barren > sweepPatience, let tier, tier.queuedBatches == 0, !tier.batch.isEmpty {
            submitBatch(tier)
        }
        // Entries that wait for their commit are no victims any more, but they do leave.
        let isSpilling = (tier?.queuedBatches ?? 0) > 0
        let isStuck = needed > 0 && barren > sweepPatience && !isSpilling
        // Where every key may spill, what is left over are buffers and copies on their way to the
        // disk: no reason to refuse commands, unless the disk takes nothing any more.
        let spillsAll = tier != nil && !policy.isVolatile
        isOutOfMemory = isStuck && (!spillsAll || tier?.writer.stats.lastError != nil)
        // Not stuck but still over: the writer is behind. Up to an eighth over is the slack that
        // lets a burst through; beyond it reading pauses.
        return needed > 0 && !isStuck && isFarOver ? 1 : 0
    }

    /// Groups in a row that may yield nothing before the policy counts as having no victim:
    /// enough to go round all tables once.
    private var sweepPatience: Int {
        var entries = 0
        for index in 0..<databaseCount { entries += databases[index].table.count }
        return entries / Engine.groupSize + databaseCount + 2
    }

    /// Bytes of a batch that eviction fills.
    func spillBatchBytes(_ budget: Int) -> Int {
        Swift.min(Swift.max(budget / 16, 256 << 10), 8 << 20)
    }

    /// Takes the next group of neighbours and lets its worst leave. Returns the bytes that
    /// this frees, now or at the commit.
    private func evictGroup(_ policy: MaxmemoryPolicy) -> Int {
        if policy == .volatileTTL { return evictNextToExpire() }
        let database = sweepDatabase()
        guard let database else { return 0 }
        var group: [(score: UInt64, entry: Entry)] = []
        group.reserveCapacity(Engine.groupSize + 16)
        let next = databases[database].table.visit(
            from: sweepPosition, atLeast: Engine.groupSize
        ) { raw in
            let entry = Entry(raw)
            let flags = entry.flags
            if flags.contains(.leaving) || flags.contains(.visiting) { return }
            if entry.type == .tombstone { return group.append((UInt64.max, entry)) }
            if policy.isVolatile, !flags.contains(.expires) { return }
            group.append((evictionScore(entry, policy), entry))
        }
        sweepPosition = next ?? 0
        if next == nil { sweptDatabase = (database + 1) % databaseCount }
        group.sort { $0.score > $1.score }
        var freed = 0
        for (_, entry) in group.prefix(Swift.max(group.count / 4, 1)) {
            freed += leave(database, entry)
        }
        return freed
    }

    /// The database that the sweep is in, or the next that has entries.
    private func sweepDatabase() -> Int? {
        for step in 0..<databaseCount {
            let index = (sweptDatabase + step) % databaseCount
            if databases[index].table.count > 0 {
                if step > 0 {
                    sweptDatabase = index
                    sweepPosition = 0
                }
                return index
            }
        }
        return nil
    }

    /// How gladly the policy lets an entry go. Of equals a clean one goes first.
    private func evictionScore(_ entry: Entry, _ policy: MaxmemoryPolicy) -> UInt64 {
        let clean: UInt64 = entry.flags.contains(.dirty) ? 0 : 1
        switch policy {
        case .allkeysLRU, .volatileLRU:
            return UInt64(Access.idleSeconds(entry.access, clock: accessClock)) << 1 | clean
        case .allkeysLFU, .volatileLFU:
            return UInt64(255 - Access.decayedCounter(entry.access, self)) << 1 | clean
        default:
            return random.next() >> 1
        }
    }

    /// `volatile-ttl`: the keys that expire next.
    private func evictNextToExpire() -> Int {
        var freed = 0
        for index in 0..<databaseCount {
            var victims: [Entry] = []
            databases[index].expiries.visitFirst(Engine.groupLeaving) { expiry, hash in
                let end: UInt64? = hash == .max ? nil : hash + 1
                databases[index].table.visit(from: hash, below: end) { raw in
                    let entry = Entry(raw)
                    if entry.expiry == expiry, !entry.flags.contains(.leaving) {
                        victims.append(entry)
                    }
                }
            }
            for entry in victims { freed += leave(index, entry) }
            if freed > 0 { return freed }
        }
        return freed
    }

    /// Lets one entry go: at once when clean, with its batch when dirty, for good without a
    /// cold tier.
    private func leave(_ database: Int, _ entry: Entry) -> Int {
        let hash = secret.hash(entry.key)
        let bytes = entry.memoryUsage
        guard let tier else {
            evictForGood(Key(bytes: entry.key, hash: hash, database: database), entry)
            return bytes
        }
        if !entry.flags.contains(.dirty) {
            tier.stats.droppedCleanKeys += 1
            dropClean(database, hash, entry)
        } else if entry.batch != 0 {
            entry.flags.insert(.leaving)
        } else {
            handOver(database, hash, entry, leaves: true, tier)
            tier.leavingBytes += bytes
        }
        return bytes
    }

    /// `cold-tier no`: the key is deleted, as Redis does.
    private func evictForGood(_ key: Key, _ entry: Entry) {
        if snapshotIsRunning { keepForSnapshot(key, entry) }
        let bytes = Array(key.bytes)
        bytes.withUnsafeBytes { raw in
            let own = Key(bytes: raw, hash: key.hash, database: key.database)
            effect(own, "DEL")
            remove(own, entry, "evicted", .evicted)
        }
        stats.evictedKeys += 1
    }
}
