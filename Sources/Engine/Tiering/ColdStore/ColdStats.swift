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
    /// Pages of the data file, and those of them that are free.
    package var pages = 0
    package var pagesFree = 0
    package var mapBytes = 0
    package var lastTransaction = 0
    /// The snapshot that the oldest reader of any process holds.
    package var oldestReader: Int?

    package var pagesUsed: Int { pages - pagesFree }

    /// Bytes of the pages in use for each byte of the rows of `keys` keys: what superseded and
    /// deleted rows, the archive and LMDB itself take on top. Rows count as of average size.
    package func spaceAmplification(keys: Int) -> Double {
        let live = records == 0 ? 0 : Double(bytes) * Double(keys) / Double(records)
        return live == 0 ? 0 : Double(pagesUsed * pageBytes) / live
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
