// Archive rows on their way to the store, and deletions on theirs.
//
// An expired value waits in its batch for up to a second, and longer while the disk is slow.
// The archive's commands see it nevertheless: rows stand here from the moment they are archived
// until their batch is committed, as places in the batch, which holds the bytes. In the same way
// a row that was restored or purged is hidden from that moment on, and PURGE BEFORE hides
// everything up to a time at once, while the writer deletes the rows behind it.

/// What the store does not know yet. Engine lock.
struct PendingArchive {
    struct Row {
        let id: ArchiveID
        let batch: ColdBatch
        let offset: Int
    }

    private(set) var rows: [Row] = []
    /// Rows whose deletion is in the batch.
    private(set) var hidden: [ArchiveID: ColdBatch] = [:]
    /// Everything that expired before this is purged.
    private(set) var floorMs: Int64 = 0

    var isEmpty: Bool { rows.isEmpty && hidden.isEmpty }

    mutating func add(_ id: ArchiveID, _ batch: ColdBatch, _ offset: Int) {
        rows.append(Row(id: id, batch: batch, offset: offset))
    }

    mutating func hide(_ id: ArchiveID, _ batch: ColdBatch) { hidden[id] = batch }

    mutating func purge(before ms: Int64) { floorMs = max(floorMs, ms) }

    /// The store has these rows, and has deleted those. O(pending).
    mutating func committed(_ batch: ColdBatch) {
        if isEmpty { return }
        rows.removeAll { $0.batch === batch }
        hidden = hidden.filter { $0.value !== batch }
    }

    @inline(__always)
    func isVisible(_ id: ArchiveID) -> Bool {
        id.expiredAt >= floorMs && (hidden.isEmpty || hidden[id] == nil)
    }

    /// Rows of the archive when the store holds `stored` of them and nothing lies below the
    /// floor any more: each hidden row is counted in the store or among the rows here.
    func count(stored: Int) -> Int {
        var count = stored
        var seen: Set<ArchiveID> = []
        for row in rows where !row.batch.isCommitted && row.id.expiredAt >= floorMs {
            if seen.insert(row.id).inserted { count += 1 }
        }
        for (id, batch) in hidden where !batch.isCommitted && id.expiredAt >= floorMs {
            count -= 1
        }
        return max(count, 0)
    }
}
