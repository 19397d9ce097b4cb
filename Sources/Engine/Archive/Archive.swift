// The archive as its commands see it: the store's rows and those on their way there, in order of
// time, without what was restored or purged.

/// What ARCHIVE INFO tells.
struct ArchiveFacts {
    var rows = 0
    var bytes = 0
    var pendingRows = 0
    var oldest: ArchiveID?
}

extension Engine {
    /// Rows of the archive. O(pending rows); while a purge is under way O(rows).
    func archiveCount(_ tier: Tier) throws(ColdError) -> Int {
        if tier.trimmedBefore.load(ordering: .acquiring) >= tier.pendingArchive.floorMs
            || tier.pendingArchive.floorMs == 0
        {
            return tier.store.state.withLock {
                tier.pendingArchive.count(stored: tier.store.archiveTotals.count)
            }
        }
        var count = 0
        var after: ArchiveID?
        repeat {
            let slice = try archiveIDs(after: after, atMost: 4096, tier)
            count += slice.ids.count
            after = slice.next
        } while after != nil
        return count
    }

    /// Ids behind `after` in order of time, from about `count` rows, and where to go on; nil at
    /// the end. O(count log n + pending rows).
    func archiveIDs(
        after: ArchiveID?, atMost count: Int, _ tier: Tier
    ) throws(ColdError) -> (ids: [ArchiveID], next: ArchiveID?) {
        var start = after
        let floorMs = tier.pendingArchive.floorMs
        if floorMs > 0 {
            let floor = ArchiveID(expiredAt: floorMs - 1, sequence: .max)
            start = start.map { max($0, floor) } ?? floor
        }
        let stored = try tier.store.archiveIDs(after: start, atMost: count)
        let end = stored.count < count ? nil : stored.last
        var ids = stored
        for row in tier.pendingArchive.rows {
            if let start, row.id <= start { continue }
            if let end, row.id > end { continue }
            ids.append(row.id)
        }
        if ids.count > stored.count { ids = Set(ids).sorted() }
        var next = end
        if ids.count > count {
            ids.removeLast(ids.count - count)
            next = ids.last
        }
        return (ids.filter { tier.pendingArchive.isVisible($0) }, next)
    }

    /// Ids of the rows of a key, newest first. O(rows of the key + pending rows).
    func archiveIDs(of key: Key, _ tier: Tier) throws(ColdError) -> [ArchiveID] {
        let database = UInt32(key.database)
        var ids = Set(try tier.store.archiveIDs(database: database, hash: key.hash))
        let sequence = ArchiveID.sequence(database, key.hash)
        for row in tier.pendingArchive.rows where row.id.sequence == sequence {
            ids.insert(row.id)
        }
        return ids.filter { tier.pendingArchive.isVisible($0) }.sorted(by: >)
    }

    /// Lends one row, wherever it is; nil when there is none. `body` must not change the
    /// archive.
    func withArchived<R>(
        _ id: ArchiveID, _ tier: Tier, _ body: (ArchiveEntry) -> R
    ) throws(ColdError) -> R? {
        guard tier.pendingArchive.isVisible(id) else { return nil }
        if let pending = tier.pendingArchive.rows.first(where: { $0.id == id }) {
            let place = pending.batch.entry(pending.offset)
            let value = Bytes(place.value)
            // The batch wrote it with one format: it cannot fail to decode.
            let header = ColdHeader(value)!
            let record = header.unchecked(
                row: Bytes(place.row), body: value.slice(header.headerBytes, header.bodyLength))
            return body(ArchiveEntry(id: id, record: record))
        }
        return try tier.store.archived(id) { body($0) }
    }

    /// Lends the row `id` of a key, or its newest; nil when there is none.
    func withArchived<R>(
        _ key: Key, _ id: ArchiveID?, _ tier: Tier, _ body: (ArchiveEntry) -> R
    ) throws(ColdError) -> R? {
        for candidate in try archiveIDs(of: key, tier) where id == nil || candidate == id {
            let found = try withArchived(candidate, tier) { row -> R? in
                guard row.record.key.equals(key.bytes),
                    row.record.namespace == UInt32(key.database)
                else { return nil }
                return body(row)
            }
            if let found = found ?? nil { return found }
        }
        return nil
    }

    /// Removes one row; hidden at once, deleted with the next batch, which waits until the log
    /// is durable up to here.
    func deleteArchived(_ id: ArchiveID, _ tier: Tier) {
        if tier.batch.isEmpty { tier.batchStartedMs = nowMs }
        tier.batch.deleteArchive(id, lsn: currentLSN)
        tier.pendingArchive.hide(id, tier.batch)
    }

    /// Removes everything that expired before `ms`: hidden at once, deleted by the writer.
    func purgeArchive(before ms: Int64, _ tier: Tier) {
        // Rows of the batch at hand reach the store after the deletion that is queued now.
        for row in tier.pendingArchive.rows
        where row.batch === tier.batch && row.id.expiredAt < ms
            && tier.pendingArchive.isVisible(row.id)
        {
            deleteArchived(row.id, tier)
        }
        tier.pendingArchive.purge(before: ms)
        // The writer may need longer than to the next checkpoint, after which the log has
        // forgotten it.
        if tier.batch.isEmpty { tier.batchStartedMs = nowMs }
        tier.batch.setMetadata(StoreKeys.purgedBefore, Array("\(tier.pendingArchive.floorMs)".utf8))
        maintenance?.wake()
    }

    /// Figures of the archive.
    func archiveFacts(_ tier: Tier) throws(ColdError) -> ArchiveFacts {
        var facts = ArchiveFacts()
        facts.rows = try archiveCount(tier)
        facts.bytes = tier.store.archiveUsage.bytes
        facts.pendingRows = tier.pendingArchive.rows.count
        var after: ArchiveID?
        repeat {
            let slice = try archiveIDs(after: after, atMost: 64, tier)
            facts.oldest = slice.ids.first
            after = slice.next
        } while facts.oldest == nil && after != nil
        return facts
    }
}
