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
        guard archivesExpiredKeys, let tier, let expiry = entry.expiry,
            entry.type != .tombstone
        else { return }
        let retentionMs = Int64(configuration.archiveRetentionSeconds) * 1000
        if nowMs - expiry > retentionMs { return }
        if tier.batch.isEmpty { tier.batchStartedMs = nowMs }
        tier.sink.removeAll()
        let type = ValueCodec.encodePayload(entry, into: &tier.sink)
        tier.batch.appendArchive(
            database: UInt32(key.database), hash: key.hash, key: key.bytes, type: type,
            access: entry.access, lsn: currentLSN, expiry: expiry, expiredAt: expiry
        ) { $0.write(tier.sink.bytes) }
        tier.stats.archivedKeys += 1
    }

    /// Drops archived values past their retention, or too many of them. Maintenance thread,
    /// without the lock; the work happens on the writer's thread, a bounded piece at a time.
    func trimArchive() {
        guard let tier else { return }
        let usage = tier.store.archiveUsage
        if usage.count == 0 { return }
        let limits = withLock { engine in
            (
                before: engine.nowMs - Int64(engine.configuration.archiveRetentionSeconds) * 1000,
                bytes: engine.configuration.archiveBytesMax,
                isDue: engine.nowMs >= tier.nextTrimMs || usage.bytes > engine.configuration.archiveBytesMax
            )
        }
        guard limits.isDue, !tier.trimIsQueued.exchange(true, ordering: .acquiringAndReleasing)
        else { return }
        tier.writer.perform { store in
            defer { tier.trimIsQueued.store(false, ordering: .releasing) }
            _ = try store.trimArchive(before: limits.before, bytesMax: limits.bytes)
        }
        withLock { _ in tier.nextTrimMs = clock.wallMs() + 1000 }
    }
}
