// What the engine does when the disk is nearly full.
//
//     room of the cold tier    values spill   checkpoints   deletions   commands that need memory
//     ample                    yes            yes           yes         yes
//     short (below reserve)    no             yes           yes         until the budget is spent
//     full (below half of it)  no             no            yes         refused
//
// Reads and deletions are always served. A deletion makes room when its tombstone has been
// committed and merged, so tombstones do not wait for eviction or a checkpoint here: they are
// looked for and handed over. When the log is what fills the disk, a checkpoint shortens it.
// When there is room again, everything goes on by itself.

/// Where the search for tombstones is.
struct DeletionSweep {
    var isRunning = false
    var database = 0
    var position: UInt64 = 0
    /// When the next one may begin.
    var nextMs: Int64 = 0
}

extension Engine {
    /// Takes over how much room there is, as it was measured last.
    func followSpace(_ tier: Tier) {
        let space = tier.store.space
        let last = tier.space.worst
        tier.space = space
        tier.spaceLSN = log.lsn
        if space.worst == last { return }
        switch space.worst {
        case .ample: logLine("There is room on the disk again")
        case .short: logLine("Room is short: \(space.reason)")
        case .full:
            logLine("There is no room: \(space.reason); commands that need memory are refused")
        }
    }

    /// Commands that need memory are refused, however much memory there is.
    var diskRefusesGrowth: Bool {
        if persistence.logRoom != .ample { return true }
        guard let tier else { return false }
        if tier.space.level == .full || tier.writer.isFull { return true }
        // What was logged since room was measured counts.
        let logged = Int(truncatingIfNeeded: log.lsn &- tier.spaceLSN)
        return logIsEnabled && tier.space.logRoomBytes - logged < tier.space.logReserveBytes / 2
    }

    /// Whether a checkpoint is wanted because the log takes the last room on the disk.
    var logFillsTheDisk: Bool {
        guard logIsEnabled, let tier, tier.space.logLevel != .ample else { return false }
        // What a checkpoint would remove, whichever segments it is in.
        let bytes = Int(truncatingIfNeeded: log.lsn &- persistence.checkpointLSN)
        return tier.space.level != .full && bytes > tier.space.logReserveBytes / 4
    }

    /// While room is short: hands tombstones over, about `limit` entries a call; true while
    /// there is more to do right away.
    func stepDeletions(limit: Int) -> Bool {
        guard let tier, tier.space.level != .ample, !spillsEveryCommand else { return false }
        if !tier.deletions.isRunning {
            guard nowMs >= tier.deletions.nextMs else { return false }
            tier.deletions = DeletionSweep(isRunning: true, nextMs: nowMs + 1000)
        }
        var left = limit
        while left > 0, tier.deletions.database < databaseCount {
            if tier.batch.byteCount >= tier.space.portionBytesMax {
                if tier.queuedBatches >= 2 || !submitBatch(tier) { return false }
            }
            let database = tier.deletions.database
            var next: UInt64?
            if databases[database].tombstoneCount > 0 {
                next = databases[database].table.visit(
                    from: tier.deletions.position, atLeast: 32
                ) { raw in
                    left -= 1
                    let entry = Entry(raw)
                    if entry.type == .tombstone, entry.batch == 0 {
                        handOver(database, secret.hash(entry.key), entry, leaves: true, tier)
                    }
                }
            }
            tier.deletions.position = next ?? 0
            if next == nil { tier.deletions.database += 1 }
        }
        if tier.deletions.database < databaseCount { return true }
        tier.deletions.isRunning = false
        if !tier.batch.isEmpty, tier.queuedBatches == 0 { submitBatch(tier) }
        return false
    }
}
