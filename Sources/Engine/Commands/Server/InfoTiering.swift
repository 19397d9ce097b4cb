// INFO tiering: the hot tier, the cold tier, the way between them, and the log that guards both.

extension InfoSections {
    static func tiering(_ engine: Engine, _ info: inout InfoText) {
        var keys = 0
        var hot = 0
        var dirty = 0
        var tombstones = 0
        for index in 0..<engine.databaseCount {
            let database = engine.databases + index
            keys += database.pointee.keyCount
            hot += database.pointee.table.count - database.pointee.tombstoneCount
            dirty += database.pointee.dirtyCount
            tombstones += database.pointee.tombstoneCount
        }
        info.section("Tiering")
        info.flag("cold_tier_enabled", engine.tier != nil)
        info.field("keys_total", keys)
        info.field("keys_hot", hot)
        info.field("keys_cold", keys - hot)
        info.field("keys_dirty", dirty)
        info.field("tombstones_hot", tombstones)
        info.size("hot_bytes", Heap.usedBytes)
        log(engine, &info)
        guard let tier = engine.tier else { return }
        traffic(engine, tier, &info)
        store(engine, tier, &info)
    }

    /// The log's positions and the checkpoint.
    private static func log(_ engine: Engine, _ info: inout InfoText) {
        info.field("log_lsn", engine.currentLSN)
        info.field("log_written_lsn", engine.logWriter?.writtenLSN ?? 0)
        info.field("log_synced_lsn", engine.logWriter?.syncedLSN ?? 0)
        info.field("log_segments", engine.logWriter?.currentSegments.count ?? 0)
        info.field("log_last_error", engine.persistence.logError ?? "")
        info.field("checkpoint_lsn", engine.persistence.checkpointLSN)
        let state: StaticString =
            switch engine.checkpoint.phase {
            case .idle: "idle"
            case .rotating: "rotating"
            case .walking: "walking"
            case .committing: "committing"
            case .trimming: "trimming"
            }
        info.field("checkpoint_state", state)
        info.field("checkpoint_handed_over", engine.checkpoint.handedOver)
        info.field("checkpoints", engine.persistence.checkpoints)
        info.field("checkpoint_last_error", engine.persistence.checkpointError ?? "")
    }

    /// What has gone from tier to tier, and what is on its way.
    private static func traffic(_ engine: Engine, _ tier: Tier, _ info: inout InfoText) {
        let stats = tier.stats
        info.field("spilled_keys", stats.spilledKeys)
        info.field("spilled_bytes", stats.spilledBytes)
        info.field("dropped_clean_keys", stats.droppedCleanKeys)
        info.field("fetched_keys", stats.fetchedKeys)
        info.field("promoted_keys", stats.promotedKeys)
        info.field("fruitless_reads", stats.fruitlessReads)
        info.field("parked_requests", stats.parkedRequests)
        info.field("fetches_pending", tier.fetches.count)
        info.field("fetches_read", tier.fetches.readCount)
        info.field("fetches_shared", tier.fetches.sharedCount)
        info.field("fetches_voided", tier.fetches.voidedCount)
        info.field("fetched_bytes", tier.fetches.byteCount)
        info.field("hits_hot", Swift.max(engine.stats.keyspaceHits - stats.fetchedKeys, 0))
        info.field("hits_cold", stats.fetchedKeys)
        info.field("queue_batches", tier.queuedBatches)
        info.field("queue_bytes", tier.queuedBytes)
        info.field("batch_bytes", tier.batch.byteCount)
        info.field("leaving_bytes", tier.leavingBytes + tier.inFlightLeavingBytes)
        let writer = tier.writer.stats
        info.field("commits", writer.committedBatches)
        info.field("commit_last_usec", writer.lastCommitMicroseconds)
        info.field("commit_max_usec", writer.maxCommitMicroseconds)
        info.field("committed_lsn", writer.committedLSN)
        info.field("commit_failures", writer.failures)
        info.field("damaged_records", stats.damagedRecords)
        let error = writer.lastError?.description ?? stats.lastError
        info.field("last_error", error.replacingLineBreaks)
        info.field("archived_keys", stats.archivedKeys)
        info.field("archive_keys", tier.store.archiveUsage.count)
        info.field("archive_bytes", tier.store.archiveUsage.bytes)
    }

    /// What the store holds.
    private static func store(_ engine: Engine, _ tier: Tier, _ info: inout InfoText) {
        let stats: ColdStats
        do throws(ColdError) {
            stats = try tier.store.stats()
        } catch {
            info.field("cold_stats_error", error.description.replacingLineBreaks)
            return
        }
        info.field("runs", stats.runs)
        info.field("layers", stats.layers)
        info.field("partitions", stats.partitions)
        info.field("rows", stats.records)
        info.field("row_tombstones", stats.tombstones)
        info.field("expiry_rows", stats.expiryRows)
        info.size("cold_bytes", stats.bytes)
        info.field("filter_bytes", stats.filterBytes)
        info.field("cold_pages", stats.pages)
        info.field("cold_pages_free", stats.pagesFree)
        info.field("cold_pages_pinned", stats.pagesPinned)
        info.field("cold_page_bytes", stats.pageBytes)
        info.field("cold_map_bytes", stats.mapBytes)
        let space = tier.space
        let state: StaticString =
            switch space.worst {
            case .ample: "ok"
            case .short: "short"
            case .full: "full"
            }
        info.field("cold_state", state)
        info.field("cold_state_reason", space.reason)
        info.field("cold_max_bytes", tier.store.quotaBytes)
        info.field("cold_used_bytes", space.usedBytes)
        info.field("cold_room_bytes", space.roomBytes)
        info.field("cold_reserve_bytes", space.reserveBytes)
        info.field("log_room_bytes", space.logRoomBytes)
        info.field("log_reserve_bytes", space.logReserveBytes)
        compaction(tier.compaction, &info)
        info.field("merges", stats.counters.merges)
        info.field("merged_bytes", stats.counters.bytesMerged)
        info.field("write_amplification", fixed(stats.counters.writeAmplification, 2))
        let live = (0..<engine.databaseCount).reduce(0) { $0 + engine.databases[$1].coldLiveCount }
        info.field("space_amplification", fixed(stats.spaceAmplification(keys: live), 2))
        info.field("damaged_filters", stats.counters.damagedFilters)
        info.field("cold_snapshots", stats.snapshots)
        info.field("cold_oldest_reader_age_ms", stats.oldestReaderAgeMs)
        for (level, figures) in stats.levels.sorted(by: { $0.key < $1.key }) {
            info.field(
                "level\(level)",
                "runs=\(figures.runs),records=\(figures.records),bytes=\(figures.bytes)")
        }
    }

    /// TIER COMPACT, now and the last time.
    private static func compaction(_ state: CompactionState, _ info: inout InfoText) {
        let progress = state.running?.progress ?? CompactionProgress()
        info.flag("compact_in_progress", state.running != nil)
        let phase: StaticString =
            switch progress.phase {
            case _ where state.running == nil: "idle"
            case .merging: "merging"
            case .copying: "copying"
            case .closing: "closing"
            }
        info.field("compact_state", phase)
        info.field("compact_done_bytes", progress.doneBytes)
        info.field("compact_total_bytes", progress.totalBytes)
        info.field("compactions", state.count)
        info.field("compact_last_status", state.lastStatus)
        info.field("compact_last_error", state.lastError.replacingLineBreaks)
        info.field("compact_last_duration_ms", state.lastDurationMs)
        info.field("compact_last_pause_usec", state.lastPauseUs)
        info.field("compact_last_freed_bytes", state.lastFreedBytes)
    }
}

extension String {
    /// One line, whatever a message of the system contains.
    var replacingLineBreaks: String {
        String(map { $0.isNewline ? " " : $0 })
    }
}
