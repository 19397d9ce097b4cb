// The list of runs, which is the state of the store.
//
// Two kinds of runs. What is committed becomes a *layer*: it covers all keys, and a newer layer
// hides older ones. Below all layers lie the *partitions*: each a range of (namespace, hash) with
// runs of its own, the oldest of which is its *base*. So a merge into the base touches one
// partition, however large the store is.
//
//     layers         ———————————————————————————————————————————   newest
//                    ———————————————————————————————————————————
//     partitions     ——————— │ —————————— │ ————— │ ————————————
//                            │ —————————— │ ————— │ ————————————
//     bases          ═══════ │ ══════════ │ ═════ │ ════════════   oldest
//
// A partition goes from its lower bound, by which its runs name it, to the next partition's; the
// first one begins with the first key. Nothing else needs to be stored: a partition whose runs are
// all gone is its left neighbour's.
//
// A look-up asks the layers, newest first, then the runs of one partition, newest first. A list is
// immutable; each commit that changes it makes a new one, which readers pair with the LMDB snapshot
// that holds exactly these runs.

/// The runs of one state of the store.
final class RunList: @unchecked Sendable {
    /// The runs of one range of keys.
    struct Partition {
        /// What its runs name it by.
        let lower: [UInt8]
        /// Where it begins; the first partition, before that.
        let bound: KeyBound
        /// Its runs, newest first, in `runs`.
        let runs: Range<Int>
    }

    /// Layers, newest first, then each partition's runs, newest first.
    let runs: [Run]
    let layerCount: Int
    /// In the order of their keys.
    let partitions: [Partition]
    /// The runs, flat, for look-ups.
    let views: UnsafeMutablePointer<RunView>
    let count: Int
    /// The first LMDB snapshot that holds this list.
    let transaction: Int

    /// `unordered`: the runs that the manifest names. O(n log n).
    init(_ unordered: [Run], transaction: Int) {
        self.transaction = transaction
        count = unordered.count
        runs = unordered.sorted { a, b in
            switch (a.info.partition, b.info.partition) {
            case (nil, .some): return true
            case (.some, nil): return false
            case (let left?, let right?) where left != right:
                return left.lexicographicallyPrecedes(right)
            default: return (a.info.recency, a.info.id) > (b.info.recency, b.info.id)
            }
        }
        layerCount = runs.firstIndex { $0.info.partition != nil } ?? runs.count
        var partitions: [Partition] = []
        var first = layerCount
        while first < runs.count {
            let lower = runs[first].info.partition!
            let end = runs[first...].firstIndex { $0.info.partition != lower } ?? runs.count
            partitions.append(
                Partition(lower: lower, bound: KeyBound(lower: lower), runs: first..<end))
            first = end
        }
        self.partitions = partitions
        views = .allocate(capacity: max(runs.count, 1))
        for (index, run) in runs.enumerated() { (views + index).initialize(to: run.view) }
    }

    deinit { views.deallocate() }

    /// The newest of its runs; 0 when there are none. O(n).
    var newestRecency: UInt64 { runs.reduce(0) { max($0, $1.info.recency) } }

    /// How many layers are newer than this. O(n).
    func newerLayers(than recency: UInt64) -> Int {
        runs[..<layerCount].prefix { $0.info.recency > recency }.count
    }

    /// Runs that are not the base of their partition: what may hide rows of others. O(n).
    var runsAboveBases: [Run] {
        if partitions.isEmpty { return Array(runs.dropLast()) }
        let bases = Set(partitions.map { $0.runs.upperBound - 1 })
        return runs.indices.filter { !bases.contains($0) }.map { runs[$0] }
    }

    /// The partition of (namespace, hash); there must be one. O(log partitions).
    @inline(__always)
    func partition(_ namespace: UInt32, _ hash: UInt64) -> Int {
        partitions.index(of: KeyBound(namespace: namespace, hash: hash))
    }

    /// The runs that may hold (namespace, hash), newest first.
    struct Candidates {
        private let views: UnsafeMutablePointer<RunView>
        private let namespace: UInt32
        private let hash: UInt64
        private let folded: UInt64
        private var index = 0
        private var end: Int
        private var partition: Range<Int>

        @inline(__always)
        fileprivate init(_ list: RunList, _ namespace: UInt32, _ hash: UInt64) {
            views = list.views
            self.namespace = namespace
            self.hash = hash
            folded = FilterPiece.fold(namespace, hash)
            end = list.layerCount
            partition =
                list.partitions.isEmpty
                ? 0..<0 : list.partitions[list.partition(namespace, hash)].runs
        }

        @inline(__always)
        mutating func next() -> UnsafeMutablePointer<RunView>? {
            while true {
                while index < end {
                    let run = views + index
                    index &+= 1
                    if run.pointee.mayContain(namespace, hash, folded) { return run }
                }
                if partition.isEmpty { return nil }
                index = partition.lowerBound
                end = partition.upperBound
                partition = 0..<0
            }
        }
    }

    /// Asks the filters. All of them: O(layers + runs of a partition).
    @inline(__always)
    func candidates(_ namespace: UInt32, _ hash: UInt64) -> Candidates {
        Candidates(self, namespace, hash)
    }

    @inline(__always)
    func mayContain(_ namespace: UInt32, _ hash: UInt64) -> Bool {
        var candidates = candidates(namespace, hash)
        return candidates.next() != nil
    }
}

extension [RunList.Partition] {
    /// The partition that `bound` lies in, the first if it lies before all. O(log n).
    @inline(__always)
    func index(of bound: KeyBound) -> Int {
        var low = 0
        var count = self.count
        while count > 1 {
            let half = count &>> 1
            if self[low &+ half].bound <= bound { low &+= half }
            count &-= half
        }
        return low
    }
}
