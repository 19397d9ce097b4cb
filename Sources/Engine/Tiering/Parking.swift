// Fetching before the command runs.
//
// The command table names each command's keys. Before a pipeline is executed, those of its keys
// that are not hot and may be cold are read by the reader threads, all of them together, and
// the connection is parked meanwhile: it waits, nobody else does. A key that the table cannot
// name, or that became cold in between, is read in place (`fetch`).
//
// While the pages that reads touch are in memory, reading in place takes two microseconds and
// is cheaper than handing over to another thread. Reads are timed: when their moving average
// says that the disk is involved, fetching goes to the threads; when theirs says that it is not
// any more, it comes back.

extension Engine {
    private static let slowReadUs = 25
    private static let quickReadUs = 12
    /// Keys of one pipeline that are fetched at once.
    private static let fetchKeysMax = 512

    /// Notes how long a read in place took.
    func noteReadTime(_ tier: Tier, microseconds: Int64) {
        tier.inlineUs16 += Int(microseconds) - tier.inlineUs16 / 16
        if tier.inlineUs16 / 16 > Engine.slowReadUs { tier.readsAreSlow = true }
    }

    /// The first request from `start` on that must wait for cold keys, or the batch's end. When
    /// there is one, the keys of it and of all that follow are on their way, and `client` is
    /// parked.
    @inline(__always)
    func park(_ client: Client, _ batch: inout RequestBatch, in input: Bytes) -> Int {
        guard let tier, tier.readsAreSlow, !spillsEveryCommand else { return batch.count }
        return findColdKeys(tier, client, &batch, in: input)
    }

    @inline(never)
    private func findColdKeys(
        _ tier: Tier, _ client: Client, _ batch: inout RequestBatch, in input: Bytes
    ) -> Int {
        if let job = client.fetchJob, job.isDone, job.epoch == tier.epoch {
            // What was fetched for this pipeline is at hand.
            return batch.count
        }
        client.fetchJob = nil
        guard let connection = client.connection, let readers = tier.readers else {
            return batch.count
        }
        if readers.queueLength == 0, readers.averageUs > 0, readers.averageUs < Engine.quickReadUs {
            tier.readsAreSlow = false
            tier.inlineUs16 = 0
            return batch.count
        }
        var wanted: [FetchJob.Wanted] = []
        var first = batch.count
        for index in 0..<batch.count {
            let before = wanted.count
            let arguments = Arguments(batch.resolve(index, in: input))
            forEachKey(client, arguments) { bytes in
                let key = key(bytes, client)
                if let namespace = coldNamespace(key, tier) {
                    wanted.append(
                        FetchJob.Wanted(namespace: namespace, hash: key.hash, key: Array(bytes)))
                }
            }
            if wanted.count > before, first == batch.count { first = index }
            if wanted.count >= Engine.fetchKeysMax { break }
        }
        if wanted.isEmpty { return batch.count }
        wanted.sort { ($0.namespace, $0.hash) < ($1.namespace, $1.hash) }
        let job = FetchJob(wanted, epoch: tier.epoch) { [weak connection] in connection?.resume() }
        client.fetchJob = job
        client.isParked = true
        tier.stats.parkedRequests += 1
        readers.submit(job)
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

    /// The keys that a request is about to look at; those of a whole transaction at its EXEC.
    private func forEachKey(
        _ client: Client, _ arguments: Arguments, _ body: (Bytes) -> Void
    ) {
        guard let index = commands.find(arguments[0]) else { return }
        let spec = commands[index]
        if spec.pointee.flags.contains(.noFetch) { return }
        if let transaction = client.transaction {
            guard spec.pointee.name.bytes.equals("exec") else { return }
            for (index, queued) in transaction.commands {
                queued.withArguments { arguments in
                    commands[index].pointee.keys.forEach(arguments) { body(arguments[$0]) }
                }
            }
            return
        }
        spec.pointee.keys.forEach(arguments) { body(arguments[$0]) }
    }

    /// What a reader has fetched for the client whose request is executed: `.some(nil)` when it
    /// found no record, nil when the key was not asked for or what was read is void.
    func takeFetched(_ key: Key, _ namespace: UInt32, _ tier: Tier) -> FetchJob.Record?? {
        guard let job = tier.currentJob, job.epoch == tier.epoch,
            let position = job.position(namespace, key), !job.unread.contains(position)
        else { return nil }
        return .some(job.records[position])
    }
}
