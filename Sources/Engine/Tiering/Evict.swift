// Keeping the hot tier within `maxmemory`.
//
// A sweep goes over the tables in hash order, a few dozen neighbours at a time, and of each
// group the keys that the policy likes least leave: of 64 keys at most the 16 least recently (or
// least frequently) used, and of these only such as are among the worst of all keys
// (VictimScores.swift). That looks at far more keys than Redis does, it reads memory in the order
// of the table, and it makes runs that cover a narrow range of hashes, which merge cheaply.
// Clean keys leave at once and cost no I/O; dirty ones leave when their batch is committed.
//
// With `cold-tier no` the victims are deleted, as in Redis. With `noeviction`, or a volatile
// policy and no key with an expiry left, nothing leaves, and commands that need memory are
// refused.
//
// What is on its way to the disk counts twice until it is committed, as entry and as copy. So
// eviction aims a little below the budget, and the batches are small against it: what is in
// flight fits above the mark that eviction aims at. When writes outrun the disk even so,
// commands that may need memory are held up until a commit has made room; reads and deletes of
// the same moment go on.

import CJemalloc

/// How far the hot tier may go, for one budget.
struct MemoryMarks {
    /// What eviction aims at once the budget is exceeded.
    let low: Int
    /// Above this commands that may need memory are held up. What one turn adds comes on top.
    let high: Int
    /// Bytes of a batch that eviction fills.
    let batchBytes: Int

    init(budget: Int) {
        low = budget - Swift.min(budget / 16, 64 << 20)
        high = budget + Swift.max(Swift.min(budget / 16, 256 << 20), 2 << 20)
        batchBytes = Swift.min(Swift.max(budget / 32, 64 << 10), 8 << 20)
    }
}

extension Engine {
    private static let groupSize = 64
    private static let groupLeaving = 16
    /// Groups that one call spares, with a cold tier: a millisecond's work.
    private static let sparedGroupsMax = 256
    /// What one call frees at least and at most: more than the turn added, not more than it takes
    /// for the budget to be held.
    private static let reductionBytesMin = 128 << 10
    private static let reductionBytesMax = 4 << 20
    /// In so many turns the ceiling of a use that is too high comes down by the slack above a budget.
    private static let ceilingSteps = 64

    /// Memory that counts against the budget.
    var usedMemory: Int { Heap.usedBytes + (tier?.memoryBytes ?? 0) + clientBufferBytes }

    /// Whether the hot tier may grow for a while before anything has to leave.
    var hasRoomForMore: Bool {
        let budget = configuration.maxmemory
        return budget == 0 || usedMemory < budget - budget / 8
    }

    /// Spills or drops what is over the budget, and decides whether commands that may need
    /// memory are executed, held up (`holdsWriters`) or refused (`isOutOfMemory`).
    func keepWithinBudget() {
        let used = usedMemory
        if used > stats.peakMemoryBytes { stats.peakMemoryBytes = used }
        let budget = configuration.maxmemory
        reductionGoesOn = false
        defer { lookedAtBytes = usedMemory }
        guard budget > 0, used > budget else {
            isOutOfMemory = diskRefusesGrowth
            holdsWriters = false
            memoryCeiling = .max
            return
        }
        reduce(used, budget)
    }

    @inline(never)
    private func reduce(_ used: Int, _ budget: Int) {
        let policy = configuration.maxmemoryPolicy
        // With a full disk there is little to find: not at the end of every turn.
        let isBarren = isOutOfMemory && tier?.takesValues == false && nowMs < nextSweepMs
        guard policy != .noEviction, !isBarren, hasVictims(policy) else {
            isOutOfMemory = true
            holdsWriters = false
            return
        }
        let marks = MemoryMarks(budget: budget)
        let batchBytes = Swift.min(marks.batchBytes, tier?.space.portionBytesMax ?? .max)
        // Without a cold tier what leaves is lost: no more than Redis would evict.
        let aim = tier == nil ? budget : marks.low
        // In slices, each twice what was added since the last: clients are waiting.
        let excess = used - aim - (tier?.bytesInFlight ?? 0)
        let added = Swift.max(used - lookedAtBytes, 0)
        let slice = Swift.min(
            Swift.max(2 * added, Engine.reductionBytesMin), Engine.reductionBytesMax)
        var needed = Swift.min(excess, slice)
        var isWhole = needed == excess
        let entries = entryCount
        let patience = entries / Engine.groupSize + databaseCount + 2
        var (barren, spared) = (0, 0)
        sampleVictimScores(policy, of: entries)
        while needed > 0, barren <= patience {
            if let tier, tier.batch.byteCount >= batchBytes {
                if tier.queuedBatches >= 2 || !submitBatch(tier) { break }
            }
            let (freed, isSpared) = evictGroup(policy, of: entries)
            needed -= freed
            barren = freed > 0 || isSpared ? 0 : barren + 1
            if isSpared { spared += 1 }
            if spared > Engine.sparedGroupsMax, tier != nil {
                isWhole = false
                break
            }
            // It always begins with the same keys: asking again finds nothing else.
            if freed == 0, policy == .volatileTTL { barren = patience + 1 }
        }
        let isExhausted = barren > patience
        reductionGoesOn = !isWhole && !isExhausted && needed <= 0
        // Nobody fills this batch any further soon.
        if let tier, tier.queuedBatches == 0, !tier.batch.isEmpty,
            tier.batch.byteCount >= batchBytes || isExhausted || usedMemory > memoryCeiling
        {
            submitBatch(tier)
        }
        // Entries that wait for their commit are no victims any more, but they do leave.
        let isSpilling = (tier?.queuedBatches ?? 0) > 0 && tier?.writer.isStuck == false
        let isStuck = isExhausted && !isSpilling
        // Where every key may spill, what is left over are buffers and copies on their way to the
        // disk: no reason to refuse commands, unless the disk takes nothing any more.
        let spillsAll = tier?.takesValues == true && !policy.isVolatile
        isOutOfMemory =
            isStuck && !spillsAll || diskRefusesGrowth
            || tier?.writer.isStuck == true && used > marks.high
        if isOutOfMemory { nextSweepMs = nowMs + 100 }
        holdWriters(marks, canFree: isSpilling || !isExhausted && !isWhole)
    }

    /// Whether the policy may find anything: a volatile one knows without a sweep when it cannot.
    private func hasVictims(_ policy: MaxmemoryPolicy) -> Bool {
        guard policy.isVolatile else { return true }
        for index in 0..<databaseCount where databases[index].expiries.count > 0 { return true }
        return false
    }

    /// Holds up commands that may need memory while too much is used and it will get less. After
    /// the budget was lowered by much, only what grows beyond the present use is too much, and a
    /// little less every time: writers are slowed down, and use follows the budget.
    private func holdWriters(_ marks: MemoryMarks, canFree: Bool) {
        let used = usedMemory
        let slack = marks.high - configuration.maxmemory
        memoryCeiling =
            used <= marks.high
            ? marks.high
            : Swift.max(
                marks.high, Swift.min(memoryCeiling, used + slack) - slack / Engine.ceilingSteps)
        holdsWriters = tier != nil && used > memoryCeiling && canFree
    }

    /// Entries of all tables, tombstones included.
    private var entryCount: Int {
        (0..<databaseCount).reduce(0) { $0 + databases[$1].table.count }
    }

    /// Takes the next group of neighbours and lets its worst leave, if they are among the worst of
    /// all. Returns the bytes that this frees, now or at the commit, and whether there were only
    /// better ones.
    private func evictGroup(
        _ policy: MaxmemoryPolicy, of entries: Int
    ) -> (freed: Int, isSpared: Bool) {
        if policy == .volatileTTL { return (evictNextToExpire(), false) }
        guard let database = sweepDatabase() else { return (0, false) }
        var group: [Entry] = []
        group.reserveCapacity(Engine.groupSize + 16)
        let next = databases[database].table.visit(
            from: sweepPosition, atLeast: Engine.groupSize
        ) { raw in
            firn_prefetch(raw)
            group.append(Entry(raw))
        }
        sweepPosition = next ?? 0
        if next == nil { sweptDatabase = (database + 1) % databaseCount }
        var victims: [(score: UInt64, entry: Entry)] = []
        var eligible = 0
        for entry in group {
            guard let score = victimScore(entry, policy) else { continue }
            eligible += 1
            if victimScores.admits(score) { victims.append((score, entry)) }
        }
        let most = Swift.max(eligible / 4, 1)
        if victims.count > most { victims.sort { $0.score > $1.score } }
        var freed = 0
        for (_, entry) in victims.prefix(most) { freed += leave(database, entry) }
        victimScores.swept(
            passed: group.count, eligible: eligible, left: Swift.min(victims.count, most),
            of: entries)
        return (freed, victims.isEmpty && eligible > 0)
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

    /// How gladly the policy lets an entry go; nil if it must not. Of equals a clean one goes first,
    /// and a tombstone before all.
    func victimScore(_ entry: Entry, _ policy: MaxmemoryPolicy) -> UInt64? {
        let flags = entry.flags
        if flags.contains(.leaving) || flags.contains(.visiting) { return nil }
        if entry.type == .tombstone { return .max }
        if policy.isVolatile, !flags.contains(.expires) { return nil }
        let isDirty = flags.contains(.dirty)
        if isDirty, tier?.takesValues == false { return nil }
        switch policy {
        case .allkeysLRU, .volatileLRU:
            return Access.idleScore(entry.access, clock: accessClock) << 1 | (isDirty ? 0 : 1)
        case .allkeysLFU, .volatileLFU:
            let counter = Access.decayedCounter(entry.access, self)
            return UInt64(255 - counter) << 1 | (isDirty ? 0 : 1)
        default:
            return random.next() >> 1
        }
    }

    /// `volatile-ttl`: the keys that expire next; further ones when those are leaving already.
    private func evictNextToExpire() -> Int {
        let freed = evictFirstToExpire(Engine.groupLeaving)
        return freed > 0 ? freed : evictFirstToExpire(32 * Engine.groupLeaving)
    }

    private func evictFirstToExpire(_ count: Int) -> Int {
        var freed = 0
        for index in 0..<databaseCount {
            var victims: [Entry] = []
            databases[index].expiries.visitFirst(count) { expiry, hash in
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
        } else if entry.type != .tombstone, !tier.takesValues {
            return 0
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
