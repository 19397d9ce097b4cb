// The sections of INFO about the server, its clients, its memory and what it keeps on disk.
// Names and meanings are Redis's; figures that Firn has no counterpart of are 0.

import Glibc

enum InfoSections {
    static func server(_ engine: Engine, _ info: inout InfoText) {
        let configuration = engine.configuration
        let uptime = Swift.max(engine.nowMs - engine.startedMs, 0) / 1000
        info.section("Server")
        info.field("redis_version", Version.redis)
        info.field("redis_git_sha1", "00000000")
        info.field("redis_git_dirty", 0)
        info.field("redis_build_id", "firn-\(Version.firn)")
        info.field("redis_mode", "standalone")
        info.field("firn_version", Version.firn)
        info.field("os", ProcessFacts.system)
        info.field("arch_bits", Int.bitWidth)
        info.field("monotonic_clock", "POSIX clock_gettime")
        info.field("multiplexing_api", "epoll")
        info.field("atomicvar_api", "swift-synchronization")
        info.field("gcc_version", "0.0.0")
        info.field("process_id", getpid())
        info.field("process_supervised", "no")
        info.field("run_id", engine.server.runID)
        info.field("tcp_port", configuration.port)
        info.field("server_time_usec", engine.clock.wallUs())
        info.field("uptime_in_seconds", uptime)
        info.field("uptime_in_days", uptime / 86400)
        info.field("hz", configuration.hz)
        info.field("configured_hz", configuration.hz)
        info.field("lru_clock", engine.accessClock)
        info.field("executable", ProcessFacts.executable)
        info.field("config_file", engine.server.live.filePath ?? "")
        info.flag("io_threads_active", configuration.ioThreads > 1)
    }

    static func clients(_ engine: Engine, _ info: inout InfoText) {
        let postponed = engine.clients.byID.values.count { $0.isPostponed }
        info.section("Clients")
        info.field("connected_clients", engine.clients.count)
        info.field("cluster_connections", 0)
        info.field("maxclients", engine.configuration.maxClients)
        info.field("client_recent_max_input_buffer", engine.server.inputBufferBytesMax)
        info.field("client_recent_max_output_buffer", engine.server.outputBufferBytesMax)
        info.field("blocked_clients", engine.blocking.count + postponed)
        info.field("tracking_clients", 0)
        info.field("clients_in_timeout_table", engine.blocking.deadlineCount)
    }

    static func memory(_ engine: Engine, _ info: inout InfoText) {
        let used = engine.usedMemory
        let peak = Swift.max(engine.stats.peakMemoryBytes, used)
        let resident = ProcessMemory().residentBytes
        var tables = 0
        for index in 0..<engine.databaseCount {
            tables += engine.databases[index].table.memoryBytes
        }
        let overhead = tables + engine.clientBufferBytes + (engine.tier?.memoryBytes ?? 0)
        let data = Swift.max(used - overhead, 0)
        func ratio(_ a: Int, _ b: Int) -> String { fixed(b > 0 ? Double(a) / Double(b) : 0, 2) }
        func percent(_ a: Int, _ b: Int) -> String {
            fixed(b > 0 ? Double(a) / Double(b) * 100 : 0, 2) + "%"
        }
        info.section("Memory")
        info.size("used_memory", used)
        info.size("used_memory_rss", resident)
        info.size("used_memory_peak", peak)
        info.field("used_memory_peak_perc", percent(used, peak))
        info.field("used_memory_overhead", overhead)
        info.field("used_memory_startup", 0)
        info.field("used_memory_dataset", data)
        info.field("used_memory_dataset_perc", percent(data, used))
        let allocator = AllocatorMemory()
        info.field("allocator_allocated", allocator.allocated)
        info.field("allocator_active", allocator.active)
        info.field("allocator_resident", allocator.resident)
        info.size("total_system_memory", ProcessMemory.machineBytes)
        info.field("used_memory_lua", 0)
        info.field("used_memory_vm_eval", 0)
        info.field("used_memory_lua_human", "0B")
        info.field("used_memory_scripts_eval", 0)
        info.field("number_of_cached_scripts", 0)
        info.field("number_of_functions", 0)
        info.field("number_of_libraries", engine.libraries.codes.count)
        info.field("used_memory_vm_functions", 0)
        info.field("used_memory_vm_total", 0)
        info.field("used_memory_vm_total_human", "0B")
        info.field("used_memory_functions", 0)
        info.field("used_memory_scripts", 0)
        info.field("used_memory_scripts_human", "0B")
        info.size("maxmemory", engine.configuration.maxmemory)
        info.field("maxmemory_policy", engine.configuration.maxmemoryPolicy.rawValue)
        info.field("allocator_frag_ratio", ratio(allocator.active, allocator.allocated))
        info.field("allocator_frag_bytes", allocator.active - allocator.allocated)
        info.field("allocator_rss_ratio", ratio(allocator.resident, allocator.active))
        info.field("allocator_rss_bytes", allocator.resident - allocator.active)
        info.field("rss_overhead_ratio", ratio(resident, allocator.resident))
        info.field("rss_overhead_bytes", resident - allocator.resident)
        info.field("mem_fragmentation_ratio", ratio(resident, used))
        info.field("mem_fragmentation_bytes", resident - used)
        info.field("mem_not_counted_for_evict", 0)
        info.field("mem_replication_backlog", 0)
        info.field("mem_total_replication_buffers", 0)
        info.field("mem_clients_slaves", 0)
        info.field("mem_clients_normal", engine.clientBufferBytes)
        info.field("mem_cluster_links", 0)
        info.field("mem_aof_buffer", engine.log.count)
        info.field("mem_allocator", "jemalloc")
        info.field("active_defrag_running", 0)
        info.field("lazyfree_pending_objects", engine.lazyFree.pendingCount)
        info.field("lazyfreed_objects", engine.lazyFree.freedCount)
    }

    static func persistence(_ engine: Engine, _ info: inout InfoText) {
        let snapshots = engine.snapshots
        let persistence = engine.persistence
        let isSaving = engine.isSavingSnapshot
        info.section("Persistence")
        info.flag("loading", engine.loading != nil)
        info.field("async_loading", 0)
        info.field("current_cow_peak", 0)
        info.field("current_cow_size", snapshots.job?.keptBytes ?? 0)
        info.field("current_cow_size_age", 0)
        info.field("current_fork_perc", "0.00")
        info.field("current_save_keys_processed", snapshots.job?.keysWritten ?? 0)
        info.field("current_save_keys_total", snapshots.job?.keysTotal ?? 0)
        info.field("rdb_changes_since_last_save", engine.stats.changesSinceSave)
        info.flag("rdb_bgsave_in_progress", isSaving)
        info.field("rdb_last_save_time", engine.lastSaveSeconds)
        info.field("rdb_last_bgsave_status", snapshots.lastError == nil ? "ok" : "err")
        info.field(
            "rdb_last_bgsave_time_sec",
            snapshots.lastDurationMs < 0 ? -1 : snapshots.lastDurationMs / 1000)
        info.field(
            "rdb_current_bgsave_time_sec",
            isSaving ? (engine.nowMs - snapshots.startedMs) / 1000 : -1)
        info.field("rdb_saves", snapshots.saves)
        info.field("rdb_last_cow_size", 0)
        info.field("rdb_last_load_keys_expired", 0)
        info.field("rdb_last_load_keys_loaded", 0)
        let rewriting = engine.rewriting
        let isRewriting = engine.rewritesLog
        let startedMs =
            engine.checkpoint.phase != .idle
            ? engine.checkpoint.startedMs
            : rewriting.isRunning ? rewriting.startedMs : engine.nowMs
        info.flag(
            "aof_enabled",
            engine.configuration.appendOnly
                && (engine.logWriter != nil || rewriting.isWanted || rewriting.isRunning))
        info.flag("aof_rewrite_in_progress", isRewriting)
        let isWaiting = rewriting.isWanted && (rewriting.isScheduled || rewriting.isRunning)
        info.flag("aof_rewrite_scheduled", engine.checkpoint.isWanted || isWaiting)
        info.field(
            "aof_last_rewrite_time_sec",
            persistence.checkpoints == 0 ? -1 : persistence.lastCheckpointDurationMs / 1000)
        info.field(
            "aof_current_rewrite_time_sec",
            isRewriting ? (engine.nowMs - startedMs) / 1000 : -1)
        info.field(
            "aof_last_bgrewrite_status", persistence.checkpointError == nil ? "ok" : "err")
        info.field("aof_rewrites", persistence.checkpoints)
        info.field(
            "aof_rewrites_consecutive_failures",
            Swift.max(rewriting.failures, persistence.checkpointError == nil ? 0 : 1))
        let hasFailed = persistence.logError != nil || engine.logWriter?.lastSyncError != nil
        info.field("aof_last_write_status", hasFailed ? "err" : "ok")
        info.field("aof_last_cow_size", 0)
        info.field("module_fork_in_progress", 0)
        info.field("module_fork_last_cow_size", 0)
        if engine.tier != nil {
            let checkpoint = engine.checkpoint
            info.field("checkpoint_phase", "\(checkpoint.phase)")
            info.field("checkpoint_lsn", persistence.checkpointLSN)
            info.field("checkpoint_current_keys", checkpoint.handedOver)
            info.field("checkpoint_current_bytes", checkpoint.handedOverBytes)
            info.field("checkpoint_dirty_keys", engine.dirtyKeyCount)
        }
        let backup = engine.backup
        info.flag("backup_in_progress", backup.isRunning)
        info.field(
            "backup_last_status",
            backup.isCancelled ? "cancelled" : backup.lastError == nil ? "ok" : "err")
        info.field("backup_last_name", backup.lastName)
        info.field("backup_last_lsn", backup.lastLSN)
        info.field("backup_last_time", backup.lastMs / 1000)
        if let logWriter = engine.logWriter {
            if let archive = logWriter.archive {
                info.field("log_archived_segments", archive.segments)
                info.field("log_archive_status", archive.error == nil ? "ok" : "err")
            }
            info.field("aof_current_size", logWriter.fileBytes)
            info.field("aof_base_size", persistence.logBytesAtCheckpoint)
            info.field("aof_pending_rewrite", 0)
            info.field("aof_buffer_length", engine.log.count)
            info.field("aof_pending_bio_fsync", logWriter.syncedLSN < logWriter.writtenLSN ? 1 : 0)
            info.field("aof_delayed_fsync", persistence.delayedSyncs)
        }
        if let loading = engine.loading {
            info.field("loading_start_time", loading.startedSeconds)
            info.field("loading_total_bytes", loading.totalBytes)
            info.field("loading_rdb_used_mem", loading.usedMemory)
            info.field("loading_loaded_bytes", loading.loadedBytes)
            info.field("loading_loaded_perc", fixed(loading.percent, 2))
            info.field(
                "loading_eta_seconds", loading.etaSeconds(nowSeconds: engine.nowMs / 1000))
        }
    }

    static func replication(_ engine: Engine, _ info: inout InfoText) {
        let identity =
            engine.logWriter.map { String(decoding: $0.stream, as: UTF8.self) }
            ?? engine.server.replicationID
        info.section("Replication")
        info.field("role", "master")
        info.field("connected_slaves", 0)
        info.field("master_failover_state", "no-failover")
        info.field("master_replid", identity)
        let former = engine.logWriter?.former
        info.field(
            "master_replid2",
            former.map { String(decoding: $0.stream, as: UTF8.self) }
                ?? String(repeating: "0", count: 40))
        info.field("master_repl_offset", engine.currentLSN)
        info.field("second_repl_offset", former.map { Int(clamping: $0.until &+ 1) } ?? -1)
        info.field("repl_backlog_active", 0)
        info.field("repl_backlog_size", 1 << 20)
        info.field("repl_backlog_first_byte_offset", 0)
        info.field("repl_backlog_histlen", 0)
    }

    static func cpu(_ engine: Engine, _ info: inout InfoText) {
        let own = ProcessFacts.processorSeconds(RUSAGE_SELF.rawValue)
        let children = ProcessFacts.processorSeconds(RUSAGE_CHILDREN.rawValue)
        let thread = ProcessFacts.processorSeconds(ProcessFacts.rusageThread)
        info.section("CPU")
        info.field("used_cpu_sys", fixed(own.system, 6))
        info.field("used_cpu_user", fixed(own.user, 6))
        info.field("used_cpu_sys_children", fixed(children.system, 6))
        info.field("used_cpu_user_children", fixed(children.user, 6))
        info.field("used_cpu_sys_main_thread", fixed(thread.system, 6))
        info.field("used_cpu_user_main_thread", fixed(thread.user, 6))
    }

    static func keyspace(_ engine: Engine, _ info: inout InfoText) {
        info.section("Keyspace")
        for index in 0..<engine.databaseCount where engine.databases[index].keyCount > 0 {
            let database = engine.databases + index
            let meanMs = database.pointee.expiries.averageMs
            let leftMs = meanMs.map { Swift.max($0 - engine.nowMs, 0) } ?? 0
            info.field(
                "db\(index)",
                """
                keys=\(database.pointee.keyCount),expires=\(database.pointee.expiries.count),\
                avg_ttl=\(leftMs)
                """)
        }
    }
}
