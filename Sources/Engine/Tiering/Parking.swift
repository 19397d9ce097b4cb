// Fetching before the command runs.
//
// Before a pipeline is executed, those of its keys that are not hot and may be cold are read by
// the reader threads, all of them together, and the connection is parked meanwhile: it waits,
// nobody else does. A key that cannot be named beforehand, or that became cold in between, is
// read in place (`fetch`).
//
// While the pages that reads touch are in memory, reading in place takes two microseconds and
// is cheaper than handing over to another thread. Reads are timed: when their moving average
// says that the disk is involved, fetching goes to the threads; when theirs says that it is not
// any more, it comes back.

extension Engine {
    private static let slowReadUs = 25

    /// Notes how long a read in place took.
    func noteReadTime(_ tier: Tier, microseconds: Int64) {
        tier.inlineUs16 += Int(microseconds) - tier.inlineUs16 / 16
        if tier.inlineUs16 / 16 > Engine.slowReadUs { tier.readsAreSlow = true }
    }

    /// How many requests may be executed now: those behind them wait for cold keys, which are on
    /// their way when `client` is parked.
    @inline(__always)
    func park(_ client: Client, _ batch: inout RequestBatch, in input: Bytes) -> Int {
        guard let tier, tier.readsAreSlow, !spillsEveryCommand else { return batch.count }
        return requestColdKeys(tier, client, &batch, in: input)
    }

    @inline(never)
    private func requestColdKeys(
        _ tier: Tier, _ client: Client, _ batch: inout RequestBatch, in input: Bytes
    ) -> Int {
        let last = client.fetchWait
        defer { if let last { tier.fetches.release(last) } }
        client.fetchWait = nil
        guard let connection = client.connection, let readers = tier.readers else {
            return batch.count
        }
        if tier.fetches.isEmpty, readers.queueLength == 0, readers.averageUs < tier.quickReadUs {
            tier.readsAreSlow = false
            tier.inlineUs16 = 0
            readers.forgetAverage()
            return batch.count
        }
        let wait = FetchWait(connection)
        // A client that has waited gets something done, whatever became of its keys meanwhile.
        let least = last?.hasParked == true ? 1 : 0
        var first = batch.count
        var fresh: [ColdFetch] = []
        var ahead = LookAhead(client)
        let end = ahead.walk(self, &batch, in: input) { request, key in
            guard let namespace = coldNamespace(key, tier) else { return }
            let (fetch, isNew) = tier.fetches.need(namespace, key.hash, key.bytes, wait)
            if isNew { fresh.append(fetch) }
            if !fetch.isRead { first = Swift.min(first, Swift.max(request, least)) }
        }
        if wait.fetches.isEmpty { return end }
        client.fetchWait = wait
        if !fresh.isEmpty {
            fresh.sort { ($0.namespace, $0.hash) < ($1.namespace, $1.hash) }
            readers.submit(fresh)
        }
        if first >= end { return end }
        wait.hasParked = true
        client.isParked = true
        tier.stats.parkedRequests += 1
        return first
    }

    /// The namespace of a key that is not hot and may be cold; nil for any other.
    private func coldNamespace(_ key: Key, _ tier: Tier) -> UInt32? {
        let database = databases + key.database
        guard database.pointee.coldOnlyCount > 0,
            database.pointee.table.find(key.hash, key.bytes) == nil,
            tier.store.mayContain(namespace: database.pointee.namespace, hash: key.hash)
        else { return nil }
        return database.pointee.namespace
    }

    /// A reader thread has read a few keys.
    func deliver(_ fetches: ArraySlice<ColdFetch>, _ outcomes: [FetchOutcome]) {
        withLock { engine in
            guard let tier = engine.tier else { return }
            for (fetch, outcome) in zip(fetches, outcomes) { tier.fetches.deliver(fetch, outcome) }
        }
    }

    /// The client needs nothing of the cold tier any more.
    func stopWaiting(_ client: Client) {
        guard let wait = client.fetchWait else { return }
        client.fetchWait = nil
        tier?.fetches.release(wait)
    }

    /// What a reader has read of a key: `.some(nil)` when there is no record, nil when the key
    /// was not asked for, is still being read, or could not be.
    func fetched(_ key: Key, _ namespace: UInt32, _ tier: Tier) -> FetchedRecord?? {
        if tier.fetches.isEmpty { return nil }
        guard case .read(let record)? = tier.fetches.find(namespace, key.hash, key.bytes)?.outcome
        else { return nil }
        return .some(record)
    }
}
