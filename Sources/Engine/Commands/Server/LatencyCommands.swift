// The subcommands of LATENCY.

enum LatencyCommands {
    static func latest(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let series = engine.server.latency.series.sorted { $0.key < $1.key }
        client.reply.array(series.count)
        for (event, one) in series {
            client.reply.array(4)
            client.reply.bulk(event)
            client.reply.integer(one.samples.last?.unixSeconds ?? 0)
            client.reply.integer(one.samples.last?.milliseconds ?? 0)
            client.reply.integer(one.worstMs)
        }
    }

    static func history(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let samples = engine.server.latency.series[args[2].text]?.samples ?? []
        client.reply.array(samples.count)
        for sample in samples {
            client.reply.array(2)
            client.reply.integer(sample.unixSeconds)
            client.reply.integer(sample.milliseconds)
        }
    }

    static func graph(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let event = args[2].text
        guard let series = engine.server.latency.series[event] else {
            throw .quoting("ERR No samples available for event '\(args[2])'")
        }
        client.reply.verbatim(
            LatencyMonitor.graph(event, series, nowSeconds: engine.nowMs / 1000))
    }

    static func doctor(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.verbatim(
            engine.server.latency.report(
                thresholdMs: engine.configuration.latencyMonitorThresholdMs,
                slowlogMicroseconds: engine.configuration.slowlogLogSlowerThanMicroseconds))
    }

    static func reset(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var count = 0
        if args.count == 2 {
            count = engine.server.latency.reset(nil)
        } else {
            for index in 2..<args.count { count += engine.server.latency.reset(args[index].text) }
        }
        client.reply.integer(count)
    }

    static func histogram(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let map = client.reply.deferred()
        var shown: Set<String> = []
        func show(_ name: String, _ buckets: [(limitUs: Int64, count: UInt64)]) {
            guard let calls = buckets.last?.count, shown.insert(name).inserted else { return }
            client.reply.bulk(name)
            client.reply.map(2)
            client.reply.bulk("calls")
            client.reply.integer(Int64(clamping: calls))
            client.reply.bulk("histogram_usec")
            client.reply.map(buckets.count)
            for bucket in buckets {
                client.reply.integer(bucket.limitUs)
                client.reply.integer(Int64(clamping: bucket.count))
            }
        }
        func show(row: Int, subcommand: Bytes? = nil) {
            let spec = engine.commands.specs[row]
            if subcommand == nil { show(spec.name.description, engine.stats.latencyHistogram(row)) }
            for (place, sub) in spec.subcommands.enumerated()
            where subcommand?.equalsIgnoringCase(sub.name) ?? true {
                let id = Subcommand(container: row, place: place)
                show("\(spec.name)|\(sub.name)", engine.stats.latencyHistogram(id))
            }
        }
        if args.count == 2 { for row in engine.commands.specs.indices { show(row: row) } }
        for index in 2..<Swift.max(args.count, 2) {
            let name = args[index]
            let bar = name.firstIndex(of: UInt8(ascii: "|"))
            guard let row = engine.commands.find(Bytes(rebasing: name[..<(bar ?? name.count)]))
            else { continue }
            show(row: row, subcommand: bar.map { Bytes(rebasing: name[($0 + 1)...]) })
        }
        client.reply.closeMap(map, shown.count)
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help(
            "LATENCY",
            [
                "DOCTOR",
                "    Return a human readable latency analysis report.",
                "GRAPH <event>",
                "    Return an ASCII latency graph for the <event> class.",
                "HISTORY <event>",
                "    Return time-latency samples for the <event> class.",
                "LATEST",
                "    Return the latest latency samples for all events.",
                "RESET [<event> ...]",
                "    Reset latency data of one or more <event> classes.",
                "    (default: reset all data for all event classes)",
                "HISTOGRAM [COMMAND ...]",
                """
                    Return a cumulative distribution of latencies in the format of a histogram for \
                the specified command names.
                """,
                "    If no commands are specified then all histograms are replied.",
            ])
    }
}

extension Statistics {
    /// Cumulative counts of a command's calls by duration: only bounds at which the count grows.
    func latencyHistogram(_ command: Int) -> [(limitUs: Int64, count: UInt64)] {
        let first = command * Statistics.bucketsPerCommand
        return Statistics.cumulative(latencyBuckets[first..<first + Statistics.bucketsPerCommand])
    }

    /// The same of a subcommand.
    func latencyHistogram(_ subcommand: Subcommand) -> [(limitUs: Int64, count: UInt64)] {
        Statistics.cumulative(latencyBucketsBySubcommand[subcommand, default: []][...])
    }

    private static func cumulative(
        _ buckets: ArraySlice<UInt64>
    ) -> [(limitUs: Int64, count: UInt64)] {
        var found: [(limitUs: Int64, count: UInt64)] = []
        var sum: UInt64 = 0
        for (bucket, count) in buckets.enumerated() where count > 0 {
            sum += count
            found.append((1 << Int64(bucket), sum))
        }
        return found
    }

    /// The duration that `percentile` percent of the calls did not exceed: the upper bound of its
    /// bucket, so up to twice too much.
    static func latency(
        _ histogram: [(limitUs: Int64, count: UInt64)], percentile: Double
    ) -> Int64 {
        guard let total = histogram.last?.count else { return 0 }
        let wanted = Double(total) * percentile / 100
        return histogram.first { Double($0.count) >= wanted }?.limitUs ?? histogram.last!.limitUs
    }
}
