// What INFO and the tools tell about the cold tier.

import LMDB

/// The state of a store at one moment.
package struct ColdStats: Sendable {
    package struct Level: Sendable {
        package var runs = 0
        package var records = 0
        package var bytes = 0
    }

    /// By level, the smallest size class first.
    package var levels: [Int: Level] = [:]
    package var runs = 0
    /// Runs that cover all keys, and ranges of keys that have runs of their own (RunList.swift).
    package var layers = 0
    package var partitions = 0
    /// Rows of all runs, superseded ones and tombstones included.
    package var records = 0
    package var tombstones = 0
    package var expiryRows = 0
    package var bytes = 0
    /// Memory held by filters.
    package var filterBytes = 0
    package var archive = ArchiveTotals()
    package var counters = ColdCounters()
    package var snapshots = 0
    package var pageBytes = 0
    /// Pages of the data file, those of them that are free, and those of these that a reader still
    /// sees, so that they cannot be used yet.
    package var pages = 0
    package var pagesFree = 0
    package var pagesPinned = 0
    package var mapBytes = 0
    package var lastTransaction = 0
    /// The snapshot that the oldest reader of any process holds.
    package var oldestReader: Int?
    /// For how long its snapshot has not been the newest.
    package var oldestReaderAgeMs = 0

    package var pagesUsed: Int { pages - pagesFree }

    /// Bytes of the pages in use for each byte of the rows of `keys` keys: what superseded and
    /// deleted rows, the archive and LMDB itself take on top. Rows count as of average size.
    package func spaceAmplification(keys: Int) -> Double {
        let live = records == 0 ? 0 : Double(bytes) * Double(keys) / Double(records)
        return live == 0 ? 0 : Double(pagesUsed * pageBytes) / live
    }
}

/// When commits were: a snapshot is as old as the first commit that it does not see.
struct CommitTimes {
    private static let countMax = 4096
    private var times: [(transaction: Int, us: Int64)] = []

    mutating func add(_ transaction: Int, _ us: Int64) {
        if times.count == CommitTimes.countMax {
            // A reader stays for long: every second time is enough.
            times = times.indices.filter { $0 % 2 == 0 }.map { times[$0] }
        }
        times.append((transaction, us))
    }

    /// Forgets what no reader is older than. O(n).
    mutating func forget(upTo oldest: Int) {
        times.removeFirst(times.firstIndex { $0.transaction > oldest } ?? times.count)
    }

    /// When the first commit behind `transaction` was, monotonic microseconds. O(n).
    func first(after transaction: Int) -> Int64? {
        times.first { $0.transaction > transaction }?.us
    }
}

extension ColdStore {
    /// The newest log position of any row; 0 for what was imported. Any thread.
    package var newestLSN: UInt64 {
        state.withLock { current.runs.reduce(0) { max($0, $1.info.maxLSN) } }
    }

    /// The size class of a run.
    func level(_ bytes: Int) -> Int { MergePlanner(width: options.mergeWidth).level(bytes) }

    /// Figures for INFO. Any thread; O(runs + entries of LMDB's free list).
    package func stats() throws(ColdError) -> ColdStats {
        try typed {
            var stats = ColdStats()
            let environment = self.environment
            try withReader { reader in
                stats.layers = reader.list.layerCount
                stats.partitions = reader.list.partitions.count
                for run in reader.list.runs {
                    let level = level(run.info.bytes)
                    stats.levels[level, default: .init()].runs += 1
                    stats.levels[level, default: .init()].records += run.info.records
                    stats.levels[level, default: .init()].bytes += run.info.bytes
                    stats.runs += 1
                    stats.records += run.info.records
                    stats.tombstones += run.info.tombstones
                    stats.expiryRows += run.info.expiryRows
                    stats.bytes += run.info.bytes
                    stats.filterBytes += run.filterBytes
                }
                let oldest = environment.oldestReader
                let free = try reader.transaction.view.freePages(upTo: oldest ?? .max)
                stats.pagesFree = free.all
                stats.pagesPinned = free.all - free.usable
                stats.oldestReader = oldest
            }
            let info = environment.info
            stats.pageBytes = info.pageBytes
            stats.pages = info.lastPage + 1
            stats.mapBytes = info.mapBytes
            stats.lastTransaction = info.lastTransaction
            state.withLock {
                if let oldest = stats.oldestReader, let since = commitTimes.first(after: oldest) {
                    stats.oldestReaderAgeMs = Int((Clock.monotonicUs() - since) / 1000)
                }
                stats.archive = archiveTotals
                stats.counters = counters
                stats.snapshots = liveSnapshots
            }
            return stats
        }
    }
}
