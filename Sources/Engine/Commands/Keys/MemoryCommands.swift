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

    // MARK: The allocator

    /// One of jemalloc's figures, in bytes; 0 when it is not known.
    private static func statistic(_ name: String) -> Int {
        var value = 0
        var size = MemoryLayout<Int>.size
        return mallctl(name, &value, &size, nil, 0) == 0 ? value : 0
    }

    private static func refreshStatistics() {
        var epoch: UInt64 = 1
        _ = mallctl("epoch", nil, nil, &epoch, MemoryLayout<UInt64>.size)
    }

    /// Resident bytes of the process, from the kernel; 0 when it does not say.
    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let fields = line.prefix { $0 != 0 }.split(separator: CChar(0x20))
        guard fields.count > 1 else { return 0 }
        let pages = fields[1].reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    static func stats(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        refreshStatistics()
        let used = Heap.usedBytes
        let peak = Swift.max(engine.stats.peakMemoryBytes, used)
        var tables = 0
        var keys = 0
        for index in 0..<engine.databaseCount {
            tables += engine.databases[index].table.memoryBytes
            keys += engine.databases[index].table.count
        }
        let data = Swift.max(used - tables, 0)
        let allocated = statistic("stats.allocated")
        let active = statistic("stats.active")
        let resident = statistic("stats.resident")
        let rss = residentBytes()
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
        // 4096 stands for all arenas.
        guard mallctl("arena.4096.purge", nil, nil, nil, 0) == 0 else {
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
        let rss = residentBytes()
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
