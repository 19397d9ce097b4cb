// Expired keys go to the archive: their value waits in the cold tier, invisible to ordinary
// commands, until its retention ends.
//
// An archived value travels with the next batch, like a spilled one. It is stamped with the
// time at which the key expired, not the time at which that was noticed, so that the same
// expiry replayed after a crash archives the same row.

extension Engine {
    /// Whether expired keys are kept at all.
    var archivesExpiredKeys: Bool {
        tier != nil && configuration.archiveRetentionSeconds > 0
            && configuration.archiveBytesMax > 0
    }

    /// Keeps the value of a key that expires now.
    func archive(_ key: Key, _ entry: Entry) {
        guard archivesExpiredKeys, let tier, tier.takesValues, let expiry = entry.expiry,
            entry.type != .tombstone
        else { return }
        let retentionMs = Int64(clamping: configuration.archiveRetentionSeconds)
            .multipliedReportingOverflow(by: 1000)
        if !retentionMs.overflow, nowMs - expiry > retentionMs.partialValue { return }
        // What was purged by time stays purged, though it was noticed only now.
        if expiry < tier.pendingArchive.floorMs || expiry < 0 { return }
        let database = UInt32(key.database)
        let id = ArchiveID(expiredAt: expiry, database: database, hash: key.hash)
        if isReplaying, (try? tier.store.hasArchived(id)) == true { return }
        if tier.batch.isEmpty { tier.batchStartedMs = nowMs }
        tier.sink.removeAll()
        let type = ValueCodec.encodePayload(entry, into: &tier.sink)
        let offset = tier.batch.appendArchive(
            database: database, hash: key.hash, key: key.bytes, type: type,
            access: entry.access, lsn: currentLSN, expiry: expiry, expiredAt: expiry
        ) { $0.write(tier.sink.bytes) }
        tier.pendingArchive.add(id, tier.batch, offset)
        tier.stats.archivedKeys += 1
    }

    /// Drops archived values past their retention, or too many of them. Maintenance thread,
    /// without the lock; the work happens on the writer's thread, for 50 ms at a time, behind
    /// the batches that were handed to it before.
    func trimArchive() {
        guard let tier else { return }
        let limits = withLock { engine -> (before: Int64, bytes: Int)? in
            let usage = tier.store.archiveUsage
            let floorMs = tier.pendingArchive.floorMs
            let isPurging =
                floorMs > 0 && tier.trimmedBefore.load(ordering: .acquiring) < floorMs
            if usage.count == 0, !isPurging { return nil }
            guard
                isPurging || engine.nowMs >= tier.nextTrimMs
                    || usage.bytes > engine.configuration.archiveBytesMax
                    || tier.trimHasMore.load(ordering: .acquiring)
            else { return nil }
            tier.nextTrimMs = engine.nowMs + 1000
            let retention = Int64(clamping: engine.configuration.archiveRetentionSeconds)
                .multipliedReportingOverflow(by: 1000)
            let oldest = retention.overflow ? 0 : engine.nowMs - retention.partialValue
            return (max(oldest, floorMs), engine.configuration.archiveBytesMax)
        }
        guard let limits,
            !tier.trimIsQueued.exchange(true, ordering: .acquiringAndReleasing)
        else { return }
        tier.writer.perform { store in
            defer { tier.trimIsQueued.store(false, ordering: .releasing) }
            let deadline = Clock.monotonicUs() + 50_000
            var hasMore = true
            while hasMore, Clock.monotonicUs() < deadline {
                hasMore = try store.trimArchive(before: limits.before, bytesMax: limits.bytes)
            }
            tier.trimHasMore.store(hasMore, ordering: .releasing)
            if !hasMore { tier.trimmedBefore.store(limits.before, ordering: .releasing) }
        }
    }
}
