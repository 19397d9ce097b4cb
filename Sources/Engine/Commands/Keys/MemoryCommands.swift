// MEMORY: what keys and the server occupy.
//
// The heap is accounted byte by byte, so that most figures are facts and not estimates; SAMPLES
// is accepted and not needed, for every collection knows its own size.

import CJemalloc
import Glibc

enum MemoryCommands {
    static func usage(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var index = 3
        while index < args.count {
            guard args[index].equalsIgnoringCase("samples"), index + 1 < args.count else {
                throw .syntax
            }
            if try args.integer(index + 1) < 0 { throw .syntax }
            index += 2
        }
        guard let entry = engine.lookup(engine.key(args[2], client)) else {
            return client.reply.null()
        }
        client.reply.integer(entry.memoryUsage)
    }

    static func stats(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let used = Heap.usedBytes
        let peak = Swift.max(engine.stats.peakMemoryBytes, used)
        var tables = 0
        var keys = 0
        for index in 0..<engine.databaseCount {
            tables += engine.databases[index].table.memoryBytes
            keys += engine.databases[index].table.count
        }
        let data = Swift.max(used - tables, 0)
        let memory = AllocatorMemory()
        let (allocated, active, resident) = (memory.allocated, memory.active, memory.resident)
        let rss = ProcessMemory().residentBytes
        let integers: [(StaticString, Int)] = [
            ("peak.allocated", peak), ("total.allocated", used), ("startup.allocated", 0),
            ("replication.backlog", 0), ("clients.slaves", 0), ("clients.normal", 0),
            ("cluster.links", 0), ("aof.buffer", 0), ("lua.caches", 0), ("functions.caches", 0),
            ("overhead.total", tables), ("keys.count", keys),
            ("keys.bytes-per-key", keys > 0 ? used / keys : 0), ("dataset.bytes", data),
            ("allocator.allocated", allocated), ("allocator.active", active),
            ("allocator.resident", resident),
            ("allocator-fragmentation.bytes", active - allocated),
            ("allocator-rss.bytes", resident - active), ("rss-overhead.bytes", rss - resident),
            ("fragmentation.bytes", rss - used),
        ]
        func ratio(_ a: Int, _ b: Int, _ scale: Double = 1) -> Double {
            b > 0 ? Double(a) / Double(b) * scale : 0
        }
        let doubles: [(StaticString, Double)] = [
            ("dataset.percentage", ratio(data, used, 100)),
            ("peak.percentage", ratio(used, peak, 100)),
            ("allocator-fragmentation.ratio", ratio(active, allocated)),
            ("allocator-rss.ratio", ratio(resident, active)),
            ("rss-overhead.ratio", ratio(rss, resident)), ("fragmentation", ratio(rss, used)),
        ]
        client.reply.map(integers.count + doubles.count)
        for (name, value) in integers {
            client.reply.bulk(name)
            client.reply.integer(value)
        }
        for (name, value) in doubles {
            client.reply.bulk(name)
            client.reply.double(value)
        }
    }

    static func purge(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard AllocatorMemory.purge() else {
            throw .message("ERR Error purging dirty pages")
        }
        client.reply.ok()
    }

    static func mallocStats(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var text: [UInt8] = []
        withUnsafeMutablePointer(to: &text) { text in
            malloc_stats_print(
                { context, piece in
                    guard let context, let piece else { return }
                    let text = context.assumingMemoryBound(to: [UInt8].self)
                    text.pointee.append(contentsOf: Bytes(start: piece, count: strlen(piece)))
                }, text, "")
        }
        text.withUnsafeBytes { client.reply.verbatim($0) }
    }

    static func doctor(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let used = Heap.usedBytes
        let rss = ProcessMemory().residentBytes
        var findings: [String] = []
        if used < 5 << 20 {
            return client.reply.verbatim(
                "The data set is empty or very small: there is nothing to examine yet.\n")
        }
        if rss > used + used / 2, rss - used > 64 << 20 {
            findings.append(
                """
                 * High fragmentation: the process occupies \(rss) bytes for \(used) bytes of \
                data. After many deletions MEMORY PURGE may give some back.

                """)
        }
        let budget = engine.configuration.maxmemory
        if budget > 0, used > budget {
            findings.append(
                """
                 * Over budget: \(used) bytes are in use and maxmemory is \(budget). Keys are \
                being written to the cold tier, or cannot be; see INFO tiering.

                """)
        }
        if findings.isEmpty {
            return client.reply.verbatim("No memory problems were found.\n")
        }
        client.reply.verbatim(findings.joined())
    }

    static func help(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.help(
            "MEMORY",
            [
                "DOCTOR",
                "    Return memory problems reports.",
                "MALLOC-STATS",
                "    Return internal statistics report from the memory allocator.",
                "PURGE",
                "    Attempt to purge dirty pages for reclamation by the allocator.",
                "STATS",
                "    Return information about the memory usage of the server.",
                "USAGE <key> [SAMPLES <count>]",
                "    Return memory in bytes used by <key> and its value. Sizes are kept exactly,",
                "    whatever <count>.",
            ])
    }
}
