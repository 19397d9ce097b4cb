// The engine's side of the cold tier: what is on its way there, what was lately fetched, and
// the figures that INFO tiering shows.
//
// The store (ColdStore/) keeps records and knows nothing of keys' states; the writer thread
// commits batches. Everything here is touched under the engine's lock.

import Synchronization

/// The tier of one engine.
final class Tier: @unchecked Sendable {
    let store: ColdStore
    let writer: ColdWriter
    /// The batch that is being filled, and its number.
    var batch: ColdBatch
    var batchNumber: UInt8 = 1
    /// When the first record went into `batch`, Unix milliseconds.
    var batchStartedMs: Int64 = 0
    /// Bytes of hot entries that leave when their batches are committed.
    var leavingBytes = 0
    var inFlightLeavingBytes = 0
    /// Bytes of batches handed to the writer and not committed yet.
    var queuedBytes = 0
    var queuedBatches = 0
    /// Threads that read for parked clients; nil until the engine starts them.
    var readers: ColdReaders?
    /// Cold keys on their way to parked clients.
    var fetches = ColdFetches()
    /// Reading in place has become slow: clients are parked, see Parking.swift.
    var readsAreSlow = false
    /// Below this average the readers' work comes back to the engine.
    var quickReadUs = 12
    /// Microseconds of a read in place, a moving average in 1/16.
    var inlineUs16 = 0
    /// Entries fetched for the requests of this turn: they leave at its end.
    var visitors: [Visitor] = []
    var promotion = PromotionWindow()
    /// Scratch for encoding values.
    var sink = ByteSink()
    var stats = TierStatistics()
    /// Memory of the runs' membership filters, after the last commit.
    var filterBytes = 0
    /// The store's room, and the search for tombstones while that is short.
    var space = ColdSpace()
    /// The log's position when `space` was taken over.
    var spaceLSN: UInt64 = 0
    var deletions = DeletionSweep()
    /// Keys past their time that are still there.
    var lateKeys = LateKeys()
    /// Archive rows that are not committed yet, and what was purged.
    var pendingArchive = PendingArchive()
    /// When the archive is trimmed next, whether that is queued already, and whether the last
    /// trimming left something to do; everything before `trimmedBefore` is gone.
    var nextTrimMs: Int64 = 0
    let trimIsQueued = Atomic(false)
    let trimHasMore = Atomic(false)
    let trimmedBefore = Atomic(Int64.min)
    var compaction = CompactionState()

    struct Visitor {
        let database: Int
        let hash: UInt64
    }

    init(store: ColdStore, writer: ColdWriter) {
        self.store = store
        self.writer = writer
        batch = ColdBatch()
    }

    /// The cold side of a walk over all keys, see `Engine.scanCold`: visits the live rows of a
    /// namespace with `from <= hash < below`, about `count` of them, but always all that share
    /// the first 53 bits of their hash; returns the position below which everything was
    /// visited.
    func visitCold(
        namespace: UInt32, from: UInt64, below: UInt64?, atMost count: Int,
        _ body: (_ hash: UInt64, _ key: Bytes, _ facts: KeyFacts) -> Void
    ) -> UInt64? {
        do {
            let next = try store.rows(
                namespace: namespace, from: from, atMost: count,
                looseBits: Int(ScanPosition.droppedBits), damaged: note
            ) { record in
                if let below, record.hash >= below { return }
                guard let type = RDBType.valueType(record.type) else { return }
                let expiry = record.expiry == ColdRecord.noExpiry ? nil : record.expiry
                body(record.hash, record.key, KeyFacts(type: type, expiry: expiry))
            }
            guard let next else { return below }
            let aligned = next & ~((1 << ScanPosition.droppedBits) - 1)
            return below.map { Swift.min($0, aligned) } ?? aligned
        } catch {
            note(error)
            return below
        }
    }

    /// Counts and reports a record that could not be read.
    func note(_ damage: ColdError) {
        stats.damagedRecords += 1
        stats.lastError = damage.description
    }

    /// Whether values may spill.
    var takesValues: Bool { space.level == .ample }

    /// What is free once everything that was handed over is committed: the entries that leave,
    /// and the copies of all.
    var bytesInFlight: Int {
        leavingBytes + inFlightLeavingBytes + batch.byteCount + queuedBytes
    }

    /// Memory that the tier itself holds: batches, filters and what was read for parked clients.
    var memoryBytes: Int {
        batch.byteCount + queuedBytes + filterBytes + fetches.byteCount + promotion.byteCount
    }
}

struct TierStatistics {
    /// Records and tombstones handed to the cold tier, and their bytes.
    var spilledKeys = 0
    var spilledBytes = 0
    /// Clean keys that left without any writing.
    var droppedCleanKeys = 0
    /// Records read because a key was not hot; how many were kept, and reads that found none.
    var fetchedKeys = 0
    var promotedKeys = 0
    var fruitlessReads = 0
    /// Pipelines that waited for reader threads.
    var parkedRequests = 0
    var archivedKeys = 0
    /// Records that failed their check.
    var damagedRecords = 0
    var lastError = ""
}

extension ColdStore {
    /// Memory of the membership filters. O(runs).
    var filterBytes: Int { state.withLock { current.runs.reduce(0) { $0 + $1.filterBytes } } }
}
