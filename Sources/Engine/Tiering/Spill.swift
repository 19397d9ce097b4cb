// From the hot tier into the cold one.
//
// A dirty entry is handed over by serializing it into the batch at hand: it notes the batch's
// number and stays where it is, readable, until the writer has committed. Then, if the number
// is still the entry's, the entry is clean, and one that was to leave leaves. A change in
// between wipes the number: the commit no longer concerns the entry, which is dirty and will be
// handed over again. Batches are committed in the order of their numbers, so of two records of
// a key the later is the newer.

extension Engine {
    /// Serializes a dirty entry into the batch at hand. `leaves`: it is to leave the hot tier.
    func handOver(_ database: Int, _ hash: UInt64, _ entry: Entry, leaves: Bool, _ tier: Tier) {
        if tier.batch.isEmpty { tier.batchStartedMs = nowMs }
        let namespace = databases[database].namespace
        if !tier.fetches.isEmpty { tier.fetches.void(namespace, hash, entry.key) }
        let before = tier.batch.byteCount
        var flags = entry.flags
        if entry.type == .tombstone {
            tier.batch.appendTombstone(
                namespace: namespace, hash: hash, key: entry.key, lsn: currentLSN)
            if flags.contains(.coldIsLive) { databases[database].coldLiveCount -= 1 }
            flags.remove(.coldIsLive)
        } else {
            tier.sink.removeAll()
            let type = ValueCodec.encodePayload(entry, into: &tier.sink)
            tier.batch.append(
                namespace: namespace, hash: hash, key: entry.key, type: type,
                access: entry.access, lsn: currentLSN,
                expiry: entry.expiry ?? ColdRecord.noExpiry, partsDue: fieldExpiry(entry),
                payload: tier.sink.bytes)
            if !flags.contains(.coldIsLive) { databases[database].coldLiveCount += 1 }
            flags.insert(.coldIsLive)
        }
        flags.insert(.hasCold)
        if leaves { flags.insert(.leaving) }
        entry.flags = flags
        entry.batch = tier.batchNumber
        tier.stats.spilledKeys += 1
        tier.stats.spilledBytes += tier.batch.byteCount - before
    }

    /// Hands the batch at hand to the writer thread; false, and nothing happens, while the
    /// writer has as much as it takes.
    @discardableResult
    func submitBatch(_ tier: Tier) -> Bool {
        // Few enough for their numbers to differ.
        guard tier.writer.hasRoom, tier.queuedBatches < 128 else { return false }
        stampMetadata(tier.batch)
        if spillsEveryCommand, tier.queuedBatches == 0 { return commitInPlace(tier) }
        let batch = tier.batch
        let number = tier.batchNumber
        let leavingBytes = tier.leavingBytes
        tier.leavingBytes = 0
        tier.batch = ColdBatch(capacityBytes: 1 << 16)
        tier.batchNumber = number == 255 ? 1 : number + 1
        tier.queuedBytes += batch.byteCount
        tier.queuedBatches += 1
        batch.context = SubmittedBatch(number: number, leavingBytes: leavingBytes)
        tier.inFlightLeavingBytes += leavingBytes
        let isTaken = tier.writer.submit(batch)
        precondition(isTaken, "the cold writer was stopped under the engine")
        return true
    }

    /// What every commit stores beside the records: counts and the namespaces.
    private func stampMetadata(_ batch: ColdBatch) {
        for index in 0..<databaseCount {
            storedCounts[databases[index].namespace] = databases[index].coldLiveCount
        }
        // Namespaces that a replay passes through are counted too.
        if storedCounts.count > databaseCount {
            let live = namespaces.live
            storedCounts = storedCounts.filter { !live.isDead($0.key) }
        }
        var counts: [UInt8] = []
        for (namespace, count) in storedCounts {
            withUnsafeBytes(of: namespace.littleEndian) { counts.append(contentsOf: $0) }
            withUnsafeBytes(of: UInt64(count).littleEndian) { counts.append(contentsOf: $0) }
        }
        batch.setMetadata(StoreKeys.counts, counts)
        // A flush or swap that counts and mapping know of must not get lost in the log.
        if !isReplaying { batch.requireLog(upTo: namespaces.changedLSN) }
        if namespacesChanged {
            batch.setMetadata(StoreKeys.namespaces, namespaces.encoded)
            namespacesChanged = false
        }
        if librariesChanged {
            let isEmpty = libraries.codes.isEmpty
            batch.setMetadata(StoreKeys.libraries, isEmpty ? nil : libraries.encoded)
            librariesChanged = false
        }
    }

    /// Torture mode: everything dirty goes to the cold tier, committed before the next command,
    /// and the hot tier is emptied.
    @inline(never)
    func spillEverything() {
        // Batches from before the mode was switched on finish by themselves, after this command.
        guard let tier, tier.queuedBatches == 0 else { return }
        releaseVisitors()
        for index in 0..<databaseCount { spill(database: index, tier) }
        if tier.batch.isEmpty { return }
        stampMetadata(tier.batch)
        _ = commitInPlace(tier)
    }

    /// Commits the batch at hand before returning, with the lock held; nothing is synced. False
    /// when that fails: the batch stays at hand. The writer, which has no moment to itself now,
    /// merges a step with each commit.
    private func commitInPlace(_ tier: Tier) -> Bool {
        let batch = tier.batch
        let number = tier.batchNumber
        tier.batch = ColdBatch()
        tier.leavingBytes = 0
        let outcome = WriterOutcome()
        tier.writer.perform { store in
            do throws(ColdError) {
                try store.commit(batch, durable: false)
                outcome.finish(nil)
            } catch {
                outcome.finish(error)
            }
            try store.mergeStep()
        }
        if let failure = outcome.wait() {
            tier.batch = batch
            tier.stats.lastError = failure.description
            return false
        }
        batch.forEachRecord { namespace, hash, key, _, _ in settle(namespace, hash, key, number) }
        tier.pendingArchive.committed(batch)
        checkpointBatchCommitted(number)
        return true
    }

    private func spill(database index: Int, _ tier: Tier) {
        var clean: [Entry] = []
        databases[index].table.forEach { raw in
            let entry = Entry(raw)
            if entry.flags.contains(.dirty) {
                handOver(index, secret.hash(entry.key), entry, leaves: true, tier)
            } else {
                clean.append(entry)
            }
        }
        for entry in clean { dropClean(index, secret.hash(entry.key), entry) }
    }

    /// After a commit, on the writer thread without the lock: takes the lock for short slices
    /// and makes the batch's entries clean.
    func batchCommitted(_ batch: ColdBatch) {
        guard let submitted = batch.context as? SubmittedBatch else { return }
        var pending: [(UInt32, UInt64, Bytes)] = []
        pending.reserveCapacity(batch.recordCount)
        batch.forEachRecord { namespace, hash, key, _, _ in pending.append((namespace, hash, key)) }
        var next = 0
        while next < pending.count {
            giveWay()
            let end = Swift.min(next + 128, pending.count)
            withLock { engine in
                for index in next..<end {
                    let (namespace, hash, key) = pending[index]
                    engine.settle(namespace, hash, key, submitted.number)
                }
            }
            next = end
        }
        giveWay()
        withLock { engine in
            guard let tier = engine.tier else { return }
            tier.filterBytes = tier.store.filterBytes
            tier.queuedBytes -= batch.byteCount
            tier.queuedBatches -= 1
            tier.inFlightLeavingBytes -= submitted.leavingBytes
            tier.pendingArchive.committed(batch)
            engine.checkpointBatchCommitted(submitted.number)
            engine.followSpace(tier)
            engine.commitMadeRoom()
        }
    }

    /// A commit has freed memory: the next batch goes off, and clients that were held up go on.
    private func commitMadeRoom() {
        // Between replay and the log's begin there is no position to stamp records with: whoever
        // opens the directory spills by itself (`waitForRoom`).
        if spillsEveryCommand || maintenance == nil { return }
        let wereHeld = holdsWriters
        keepWithinBudget()
        if wereHeld, !holdsWriters { onRoom?() }
    }

    /// One entry of a committed batch.
    private func settle(_ namespace: UInt32, _ hash: UInt64, _ key: Bytes, _ number: UInt8) {
        for index in 0..<databaseCount where databases[index].namespace == namespace {
            guard let raw = databases[index].table.find(hash, key) else { return }
            let entry = Entry(raw)
            guard entry.batch == number else { return }
            if snapshotIsRunning {
                keepForSnapshot(
                    Key(bytes: key, hash: hash, database: index),
                    entry.type == .tombstone ? nil : entry)
            }
            entry.batch = 0
            databases[index].dirtyCount -= 1
            let leaves = entry.flags.contains(.leaving) || entry.type == .tombstone
            entry.flags.subtract([.dirty, .leaving])
            if leaves { dropClean(index, hash, entry) }
            return
        }
    }
}

/// How work on the writer's thread ended, for whoever waits for it.
private final class WriterOutcome: @unchecked Sendable {
    private let monitor = Monitor()
    private var isDone = false
    private var error: ColdError?

    func finish(_ error: ColdError?) {
        monitor.withLock {
            self.error = error
            isDone = true
            monitor.notifyAll()
        }
    }

    func wait() -> ColdError? {
        monitor.withLock {
            while !isDone { monitor.wait() }
            return error
        }
    }
}

/// What the engine wants back with a committed batch.
final class SubmittedBatch {
    let number: UInt8
    let leavingBytes: Int

    init(number: UInt8, leavingBytes: Int) {
        self.number = number
        self.leavingBytes = leavingBytes
    }
}

/// Names of the engine's metadata in the store. They reach the disk.
enum StoreKeys {
    static let counts = Array("counts".utf8)
    static let namespaces = Array("namespaces".utf8)
    /// Function libraries; see Keyspace/FunctionLibraries.swift.
    static let libraries = Array("libraries".utf8)
    static let checkpoint = Array("checkpoint".utf8)
    static let stream = Array("stream".utf8)
    /// Everything that expired before is purged from the archive; decimal Unix milliseconds.
    static let purgedBefore = Array("purged-before".utf8)
    /// There while an import has ended and the stream's log is not made yet.
    static let awaitsLog = Array("awaits-log".utf8)
}
