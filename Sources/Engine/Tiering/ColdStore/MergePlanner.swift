// Which runs are merged next, and into what.
//
// Only neighbours in age are merged, so "newer" stays a property of whole runs. Runs of like size
// are merged when there are `width` of them (a level is a factor of that width in bytes), so each
// record is written once per level. Layers that have grown to a slice's size for each partition
// are cut at the partitions' bounds; from there on each partition merges for itself, and only what
// it holds. All its runs become one base when the newer ones outweigh the oldest, which bounds the
// space of superseded rows, or when their tombstones are a quarter of its rows, which bounds that of
// deleted ones. A base larger than a partition should be is cut into several; neighbours that have
// become small are joined.
//
// While there are no two partitions nothing needs to be cut: layers and the one partition are
// then a single list.
//
// A planner is a value and decides from what it is given: tests ask it directly.

/// What one merge reads and makes.
struct MergePlan: Equatable {
    enum Output: Equatable {
        /// One layer.
        case layer
        /// A run in each partition, above what that has.
        case slices
        /// One run in the partition of this lower bound, not its base.
        case partition([UInt8])
        /// The base of the partition of this lower bound, or several, of which the first has it.
        case base([UInt8])
    }

    /// In the list's `runs`.
    let inputs: Range<Int>
    let output: Output

    /// Nothing older lies below the result.
    var isBottom: Bool {
        if case .base = output { return true }
        return false
    }
}

struct MergePlanner {
    /// Runs of one level that are merged.
    var width = 8
    /// A partition's runs become one when the newer ones hold this share of the oldest.
    var baseRatio = 1.5
    /// So many runs above one another are merged whatever else is to be considered.
    var runsMax = 48
    /// So many runs in all, likewise: there are no more slots.
    var totalRunsMax = 1536
    /// What a base should hold.
    var partitionBytes = 1 << 30
    /// A long reader pins pages: what a large merge frees could not be used.
    var isPinned = false
    /// Room is short.
    var isShort = false
    /// Runs with smaller ids are to be merged: a merge of everything is wanted.
    var renewBelow: UInt64 = 0

    static let pinnedBytesMax = 64 << 20
    private static let buriedBytesMin = 1 << 20

    /// From so many bytes on layers are cut: a slice for each partition should be worth a run.
    private func cutBytes(_ list: RunList) -> Int { list.partitions.count * (partitionBytes / 256) }

    /// The merge that is due, nil when none is. O(runs).
    func choose(_ list: RunList) -> MergePlan? {
        if list.count == 0 || isShort && isPinned && renewBelow == 0 { return nil }
        if list.partitions.count < 2 { return chooseWhole(list) }
        if let plan = chooseLayers(list) { return plan }
        return choosePartition(list) ?? chooseJoin(list)
    }

    /// A merge of layers that is worth interrupting one of `bytes` for, which takes layers from
    /// number `limit` on.
    func chooseMeanwhile(_ list: RunList, before limit: Int, _ bytes: Int) -> MergePlan? {
        guard let range = alike(list, 0..<limit), self.bytes(list, range) <= bytes / 4 else {
            return nil
        }
        return MergePlan(inputs: range, output: .layer)
    }

    /// A merge of layers when only those before number `limit` may be merged.
    func chooseNewer(_ list: RunList, before limit: Int) -> MergePlan? {
        if let range = alike(list, 0..<limit) { return MergePlan(inputs: range, output: .layer) }
        return limit > runsMax ? MergePlan(inputs: 0..<limit / 2, output: .layer) : nil
    }

    // MARK: one partition or none

    private func chooseWhole(_ list: RunList) -> MergePlan? {
        let all = 0..<list.count
        let lower = list.partitions.first?.lower ?? []
        if list.runs.contains(where: { $0.info.id < renewBelow }) {
            return MergePlan(inputs: all, output: .base([]))
        }
        guard let range = choose(list, within: all) else { return nil }
        if range.upperBound == all.upperBound { return MergePlan(inputs: range, output: .base([])) }
        return MergePlan(
            inputs: range,
            output: range.upperBound > list.layerCount ? .partition(lower) : .layer)
    }

    // MARK: several

    private func chooseLayers(_ list: RunList) -> MergePlan? {
        let layers = 0..<list.layerCount
        guard !layers.isEmpty else { return nil }
        let whole = MergePlan(inputs: layers, output: .slices)
        if list.runs[layers].contains(where: { $0.info.id < renewBelow }) { return whole }
        if let range = alike(list, layers) {
            let suffix = range.lowerBound..<layers.upperBound
            if bytes(list, range) < cutBytes(list) {
                return MergePlan(inputs: range, output: .layer)
            }
            if isAllowed(list, suffix) { return MergePlan(inputs: suffix, output: .slices) }
        }
        let tombstones = list.runs[layers].reduce(0) { $0 + $1.info.tombstones }
        let rows = list.runs.reduce(0) { $0 + $1.info.records }
        if tombstones > 0, tombstones * 4 >= rows, isAllowed(list, layers) { return whole }
        if layers.count > runsMax {
            return MergePlan(inputs: 0..<layers.count / 2, output: .layer)
        }
        let layerRows = list.runs[layers].reduce(0) { $0 + $1.info.records }
        return isShort && layerRows > rows / 32 ? whole : nil
    }

    /// The most crowded of the partitions that have something to merge.
    private func choosePartition(_ list: RunList) -> MergePlan? {
        var best: (plan: MergePlan, runs: Int)?
        for (number, partition) in list.partitions.enumerated() {
            if let best, partition.runs.count <= best.runs { continue }
            let isRenewed = list.runs[partition.runs].contains { $0.info.id < renewBelow }
            let isCrowded = list.count > totalRunsMax && partition.runs.count > 1
            let range =
                isRenewed || isCrowded ? partition.runs : choose(list, within: partition.runs)
            guard let range else { continue }
            // Below the first bound there may be keys all the same.
            let lower = number == 0 ? [] : partition.lower
            let isBase = range.upperBound == partition.runs.upperBound
            best = (
                MergePlan(
                    inputs: range, output: isBase ? .base(lower) : .partition(partition.lower)),
                partition.runs.count
            )
        }
        return best?.plan
    }

    /// Neighbours that together are half of what a partition should be.
    private func chooseJoin(_ list: RunList) -> MergePlan? {
        if isShort { return nil }
        for (number, partition) in list.partitions.dropLast().enumerated() {
            let next = list.partitions[number + 1]
            let range = partition.runs.lowerBound..<next.runs.upperBound
            if bytes(list, range) < partitionBytes / 2, isAllowed(list, range) {
                let lower = number == 0 ? [] : partition.lower
                return MergePlan(inputs: range, output: .base(lower))
            }
        }
        return nil
    }

    // MARK: among runs that lie above one another

    /// The runs to merge among `all`, which are newest first and end with a base.
    private func choose(_ list: RunList, within all: Range<Int>) -> Range<Int>? {
        guard all.count > 1 else { return nil }
        if let range = alike(list, all) { return range }
        let oldest = list.runs[all.upperBound - 1].info
        let newer = all.dropLast()
        let newerBytes = bytes(list, newer)
        if newerBytes + oldest.bytes > MergePlanner.buriedBytesMin, isMuchDeleted(list, all),
            isAllowed(list, all)
        {
            return all
        }
        if all.count >= width, Double(newerBytes) >= baseRatio * Double(oldest.bytes) {
            return isAllowed(list, all) ? all : nil
        }
        if all.count > runsMax { return all.prefix(all.count / 2) }
        // For the sake of room: when the newer ones may hide something of the oldest that is
        // worth the writing.
        let newerRows = list.runs[newer].reduce(0) { $0 + $1.info.records }
        return isShort && (newerRows > oldest.records / 32 || all.count >= width) ? all : nil
    }

    /// The first `width` runs or more of one level, with the smaller ones between them.
    private func alike(_ list: RunList, _ all: Range<Int>) -> Range<Int>? {
        let levels = all.map { level(list.runs[$0].info.bytes) }
        for level in 0...(levels.max() ?? 0) {
            var start = 0
            while start < levels.count {
                guard levels[start] <= level else {
                    start += 1
                    continue
                }
                var end = start
                var peers = 0
                while end < levels.count && levels[end] <= level {
                    if levels[end] == level { peers += 1 }
                    end += 1
                }
                let range = all.lowerBound + start..<all.lowerBound + end
                if peers >= width, isAllowed(list, range) { return range }
                start = end
            }
        }
        return nil
    }

    /// Whether the tombstones that lie above the oldest run are a quarter of all rows: with what
    /// they hide, about half of the rows are of no use. (In the oldest run they wait for the
    /// checkpoint, and hide nothing.)
    private func isMuchDeleted(_ list: RunList, _ all: Range<Int>) -> Bool {
        let tombstones = list.runs[all.dropLast()].reduce(0) { $0 + $1.info.tombstones }
        return tombstones > 0
            && tombstones * 4 >= list.runs[all].reduce(0) { $0 + $1.info.records }
    }

    /// While pages are pinned only small merges are, unless there are too many runs.
    private func isAllowed(_ list: RunList, _ range: Range<Int>) -> Bool {
        !isPinned || range.count > runsMax || bytes(list, range) <= MergePlanner.pinnedBytesMax
    }

    private func bytes(_ list: RunList, _ range: Range<Int>) -> Int {
        list.runs[range].reduce(0) { $0 + $1.info.bytes }
    }

    /// The size class of a run: each is `width` times as large as the one before.
    func level(_ bytes: Int) -> Int {
        var level = 0
        var limit = 1 << 20
        while bytes > limit && level < 30 {
            level += 1
            limit = limit.multipliedReportingOverflow(by: width).partialValue
        }
        return level
    }

    /// What one base may hold when all inputs together are `bytes`; nil: they stay together.
    func baseBytesMax(_ bytes: Int) -> Int? {
        if bytes <= partitionBytes / 4 * 5 { return nil }
        return bytes / ((bytes + partitionBytes - 1) / partitionBytes)
    }
}
