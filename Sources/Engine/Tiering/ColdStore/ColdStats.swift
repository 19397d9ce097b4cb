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
    /// Pages of the data file, and those of them that are free.
    package var pages = 0
    package var pagesFree = 0
    package var mapBytes = 0
    package var lastTransaction = 0
    /// The snapshot that the oldest reader of any process holds.
    package var oldestReader: Int?

    package var pagesUsed: Int { pages - pagesFree }
}

extension ColdStore {
    /// The newest log position of any row; 0 for what was imported. Any thread.
    package var newestLSN: UInt64 {
        state.withLock { current.runs.reduce(0) { max($0, $1.info.maxLSN) } }
    }

    /// Figures for INFO. Any thread; O(runs + entries of LMDB's free list).
    package func stats() throws(ColdError) -> ColdStats {
        try typed {
            var stats = ColdStats()
            try withReader { reader in
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
                stats.pagesFree = try reader.transaction.view.freePages().all
            }
            let info = environment.info
            stats.pageBytes = info.pageBytes
            stats.pages = info.lastPage + 1
            stats.mapBytes = info.mapBytes
            stats.lastTransaction = info.lastTransaction
            stats.oldestReader = environment.oldestReader
            state.withLock {
                stats.archive = archiveTotals
                stats.counters = counters
                stats.snapshots = liveSnapshots
            }
            return stats
        }
    }
}
