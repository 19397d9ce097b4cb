// The sections of INFO about what has been done: stats, and calls and errors by kind.

extension InfoSections {
    static func stats(_ engine: Engine, _ info: inout InfoText) {
        let stats = engine.stats
        let rates = engine.server.rates
        info.section("Stats")
        info.field("total_connections_received", stats.connectionsReceived)
        info.field("total_commands_processed", stats.commandsProcessed)
        info.field("instantaneous_ops_per_sec", rates.commandsPerSecond)
        info.field("total_net_input_bytes", stats.netInputBytes)
        info.field("total_net_output_bytes", stats.netOutputBytes)
        info.field("total_net_repl_input_bytes", 0)
        info.field("total_net_repl_output_bytes", 0)
        info.field("instantaneous_input_kbps", fixed(rates.inputKilobytesPerSecond, 2))
        info.field("instantaneous_output_kbps", fixed(rates.outputKilobytesPerSecond, 2))
        info.field("instantaneous_input_repl_kbps", "0.00")
        info.field("instantaneous_output_repl_kbps", "0.00")
        info.field("rejected_connections", stats.rejectedConnections)
        info.field("sync_full", 0)
        info.field("sync_partial_ok", 0)
        info.field("sync_partial_err", 0)
        info.field("expired_keys", stats.expiredKeys)
        info.field("expired_subkeys", stats.expiredFields)
        info.field("expired_stale_perc", "0.00")
        info.field("expired_time_cap_reached_count", 0)
        info.field("expire_cycle_cpu_milliseconds", 0)
        info.field("evicted_keys", stats.evictedKeys)
        info.field("evicted_clients", 0)
        info.field("total_eviction_exceeded_time", 0)
        info.field("current_eviction_exceeded_time", 0)
        info.field("keyspace_hits", stats.keyspaceHits)
        info.field("keyspace_misses", stats.keyspaceMisses)
        info.field("pubsub_channels", engine.pubsub.channels.count)
        info.field("pubsub_patterns", engine.pubsub.patterns.count)
        info.field("pubsubshard_channels", 0)
        info.field("latest_fork_usec", 0)
        info.field("total_forks", 0)
        info.field("migrate_cached_sockets", 0)
        info.field("slave_expires_tracked_keys", 0)
        for name in [
            "active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits",
            "active_defrag_key_misses", "total_active_defrag_time",
            "current_active_defrag_time", "tracking_total_keys", "tracking_total_items",
            "tracking_total_prefixes", "unexpected_error_replies",
        ] {
            info.field(name, 0)
        }
        info.field("total_error_replies", stats.errorReplies)
        info.field("dump_payload_sanitizations", 0)
        info.field("total_reads_processed", stats.reads)
        info.field("total_writes_processed", stats.writes)
        info.field(
            "io_threaded_reads_processed", engine.configuration.ioThreads > 1 ? stats.reads : 0)
        info.field(
            "io_threaded_writes_processed", engine.configuration.ioThreads > 1 ? stats.writes : 0)
        info.field("reply_buffer_shrinks", 0)
        info.field("reply_buffer_expands", 0)
    }

    static func commandstats(_ engine: Engine, _ info: inout InfoText) {
        func show(_ name: String, _ counts: CommandStatistics) {
            guard counts.calls + counts.rejectedCalls + counts.failedCalls > 0 else { return }
            let mean = counts.calls > 0 ? Double(counts.microseconds) / Double(counts.calls) : 0
            info.field(
                "cmdstat_\(name)",
                """
                calls=\(counts.calls),usec=\(counts.microseconds),\
                usec_per_call=\(fixed(mean, 2)),rejected_calls=\(counts.rejectedCalls),\
                failed_calls=\(counts.failedCalls)
                """)
        }
        info.section("Commandstats")
        for (index, spec) in engine.commands.specs.enumerated() {
            let name = spec.name.description
            var own = engine.stats.byCommand[index]
            for (place, sub) in spec.subcommands.enumerated() {
                guard
                    let counts = engine.stats.bySubcommand[
                        Subcommand(container: index, place: place)]
                else { continue }
                show("\(name)|\(sub.name)", counts)
                own.calls -= counts.calls
                own.microseconds -= counts.microseconds
                own.failedCalls -= counts.failedCalls
            }
            if !spec.subcommands.isEmpty {
                // What is left is COMMAND without a subcommand.
                own.calls = Swift.max(own.calls, 0)
                own.microseconds = own.calls > 0 ? Swift.max(own.microseconds, 0) : 0
                own.failedCalls = Swift.max(own.failedCalls, 0)
            }
            show(name, own)
        }
    }

    static func errorstats(_ engine: Engine, _ info: inout InfoText) {
        info.section("Errorstats")
        for (word, count) in engine.stats.byError.sorted(by: { $0.key < $1.key }) {
            info.field("errorstat_\(word)", "count=\(count)")
        }
    }

    static func latencystats(_ engine: Engine, _ info: inout InfoText) {
        info.section("Latencystats")
        guard engine.configuration.latencyTracking else { return }
        let percentiles = engine.configuration.latencyTrackingPercentiles
        func show(_ name: String, _ histogram: [(limitUs: Int64, count: UInt64)]) {
            if histogram.isEmpty { return }
            let parts = percentiles.map { percentile in
                let whole = percentile.rounded() == percentile
                let name = whole ? "\(Int(percentile))" : "\(percentile)"
                let value = Statistics.latency(histogram, percentile: percentile)
                return "p\(name)=\(fixed(Double(value), 3))"
            }
            info.field("latency_percentiles_usec_\(name)", parts.joined(separator: ","))
        }
        for (index, spec) in engine.commands.specs.enumerated() {
            show(spec.name.description, engine.stats.latencyHistogram(index))
            for (place, sub) in spec.subcommands.enumerated() {
                let id = Subcommand(container: index, place: place)
                show("\(spec.name)|\(sub.name)", engine.stats.latencyHistogram(id))
            }
        }
    }
}
