// What is merged next, asked of the planner alone; and what lists of runs are made of.

import LMDB
import Testing

@testable import Engine

@Suite struct MergePlannerTests {
    private static let megabyte = 1 << 20

    /// A list of runs of so many bytes: layers, newest first, then partitions with their bounds.
    private func list(
        layers: [Int], partitions: [(hash: UInt64?, runs: [Int])] = [], tombstones: [Int: Int] = [:]
    ) -> RunList {
        var runs: [Run] = []
        var id: UInt64 = 1000
        let slot = RunSlot(
            rows: Database(handle: 0), chunks: Database(handle: 0), expiries: Database(handle: 0))
        func add(_ bytes: Int, _ partition: [UInt8]?) {
            var info = RunInfo(id: id, recency: id, slot: runs.count, level: 0)
            info.bytes = bytes
            info.records = bytes / 100
            info.tombstones = tombstones[runs.count] ?? 0
            info.partition = partition
            info.minKey = ColdKey.prefix(0, 0)
            info.maxKey = ColdKey.prefix(0, .max)
            runs.append(Run(info, slot, []))
            id -= 1
        }
        for bytes in layers { add(bytes, nil) }
        for partition in partitions {
            let lower = partition.hash.map { ColdKey.prefix(0, $0) } ?? []
            for bytes in partition.runs { add(bytes, lower) }
        }
        // In any order: the list sorts them.
        return RunList(runs.shuffled(), transaction: 1)
    }

    private func megabytes(_ counts: [Int]) -> [Int] { counts.map { $0 << 20 } }

    @Test func aListSortsLayersAndPartitions() {
        let list = list(
            layers: [1, 2, 3], partitions: [(nil, [4, 5]), (1 << 40, [6]), (1 << 50, [7, 8])])
        #expect(list.runs.map(\.info.bytes) == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(list.layerCount == 3)
        #expect(list.partitions.map(\.runs) == [3..<5, 5..<6, 6..<8])
        #expect(list.partition(0, 0) == 0)
        #expect(list.partition(0, 1 << 40 - 1) == 0)
        #expect(list.partition(0, 1 << 40) == 1)
        #expect(list.partition(0, 1 << 50 - 1) == 1)
        #expect(list.partition(0, 1 << 50) == 2)
        #expect(list.partition(7, 0) == 2)
    }

    @Test func withoutPartitionsItIsOneList() {
        var planner = MergePlanner()
        planner.width = 4
        #expect(planner.choose(list(layers: [])) == nil)
        #expect(planner.choose(list(layers: [5])) == nil)
        #expect(planner.choose(list(layers: [1, 1, 1])) == nil)
        let small = list(layers: megabytes([1, 1, 1, 1, 600]))
        #expect(planner.choose(small) == MergePlan(inputs: 0..<4, output: .layer))
        let all = list(layers: megabytes([1, 1, 1, 1]))
        #expect(planner.choose(all) == MergePlan(inputs: 0..<4, output: .base([])))
        // With the base in its partition.
        let based = list(layers: megabytes([1, 1, 1, 1]), partitions: [(nil, megabytes([600]))])
        #expect(planner.choose(based) == MergePlan(inputs: 0..<4, output: .layer))
        let heavy = list(
            layers: megabytes([300, 100, 20, 5]), partitions: [(nil, megabytes([200]))])
        #expect(planner.choose(heavy) == MergePlan(inputs: 0..<5, output: .base([])))
        let mixed = list(
            layers: megabytes([1, 1, 1]), partitions: [(9, megabytes([1, 600]))])
        let lower = ColdKey.prefix(0, 9)
        #expect(planner.choose(mixed) == MergePlan(inputs: 0..<4, output: .partition(lower)))
    }

    @Test func layersAreCutWhenASliceIsWorthARun() {
        var planner = MergePlanner()
        planner.width = 4
        planner.partitionBytes = 512 << 20
        let partitions: [(hash: UInt64?, runs: [Int])] = [
            (nil, megabytes([400])), (1 << 40, megabytes([400])), (1 << 50, megabytes([400])),
        ]
        // 2 MB for each of three partitions.
        let few = list(layers: megabytes([1, 1, 1, 1, 40]), partitions: partitions)
        #expect(planner.choose(few) == MergePlan(inputs: 0..<4, output: .layer))
        let many = list(layers: megabytes([1, 3, 3, 3, 3, 40]), partitions: partitions)
        #expect(planner.choose(many) == MergePlan(inputs: 0..<6, output: .slices))
        // What was deleted must come down to what it hides.
        let deleted = list(
            layers: megabytes([20]), partitions: partitions, tombstones: [0: 4_000_000])
        #expect(planner.choose(deleted) == MergePlan(inputs: 0..<1, output: .slices))
        #expect(planner.choose(list(layers: megabytes([20]), partitions: partitions)) == nil)
        planner.isShort = true
        let short = list(layers: megabytes([50]), partitions: partitions)
        #expect(planner.choose(short) == MergePlan(inputs: 0..<1, output: .slices))
        planner.isPinned = true
        #expect(planner.choose(short) == nil)
    }

    @Test func eachPartitionMergesForItself() {
        var planner = MergePlanner()
        planner.width = 4
        planner.partitionBytes = 512 << 20
        let list = list(
            layers: megabytes([1]),
            partitions: [
                (nil, megabytes([400])), (1 << 40, megabytes([3, 3, 3, 3, 3, 400])),
                (1 << 50, megabytes([300, 200, 100, 50, 400])),
            ])
        // The most crowded first; then a base, when the newer runs outweigh it.
        let lower = ColdKey.prefix(0, 1 << 40)
        #expect(planner.choose(list) == MergePlan(inputs: 2..<7, output: .partition(lower)))
        let next = self.list(
            layers: megabytes([1]),
            partitions: [
                (nil, megabytes([400])), (1 << 40, megabytes([15, 400])),
                (1 << 50, megabytes([300, 200, 100, 50, 400])),
            ])
        let other = ColdKey.prefix(0, 1 << 50)
        #expect(planner.choose(next) == MergePlan(inputs: 4..<9, output: .base(other)))
        planner.isPinned = true
        #expect(planner.choose(next) == nil)
        #expect(planner.choose(list)?.inputs == 2..<7)
    }

    @Test func basesAreCutAndJoined() {
        var planner = MergePlanner()
        planner.partitionBytes = 100 << 20
        #expect(planner.baseBytesMax(120 << 20) == nil)
        #expect(planner.baseBytesMax(130 << 20) == 65 << 20)
        #expect(planner.baseBytesMax(250 << 20)! <= 100 << 20)
        let list = list(
            layers: [],
            partitions: [
                (nil, megabytes([70])), (1 << 40, megabytes([30])), (1 << 50, megabytes([1, 15])),
                (1 << 60, megabytes([90])),
            ])
        let lower = ColdKey.prefix(0, 1 << 40)
        #expect(planner.choose(list) == MergePlan(inputs: 1..<4, output: .base(lower)))
        planner.isShort = true
        #expect(planner.choose(list)?.output != .base(lower))
    }

    @Test func aMergeOfEverythingIsOneOfEachPartition() {
        var planner = MergePlanner()
        planner.renewBelow = 1001
        let partitions: [(hash: UInt64?, runs: [Int])] = [
            (nil, megabytes([900])), (1 << 40, megabytes([10, 900])),
        ]
        let first = list(layers: megabytes([1, 1]), partitions: partitions)
        #expect(planner.choose(first) == MergePlan(inputs: 0..<2, output: .slices))
        // Ids 1000, 999 and 998: only the last is older.
        planner.renewBelow = 999
        let rest = list(layers: [], partitions: partitions)
        let lower = ColdKey.prefix(0, 1 << 40)
        #expect(planner.choose(rest) == MergePlan(inputs: 1..<3, output: .base(lower)))
        planner.renewBelow = 998
        #expect(planner.choose(rest) == nil)
    }

    @Test func smallLayersAreMergedBesideALargeMerge() {
        var planner = MergePlanner()
        planner.width = 4
        let list = list(layers: megabytes([2, 2, 2, 2, 2, 300, 600]))
        let plan = planner.chooseMeanwhile(list, before: 5, 900 << 20)
        #expect(plan == MergePlan(inputs: 0..<5, output: .layer))
        #expect(planner.chooseMeanwhile(list, before: 3, 900 << 20) == nil)
        // Not when it is as large itself.
        #expect(planner.chooseMeanwhile(list, before: 5, 20 << 20) == nil)
    }

    @Test func tooManyRunsAreMergedInAnyCase() {
        var planner = MergePlanner()
        planner.width = 100
        planner.isPinned = true
        let layers = [Int](repeating: 70 << 20, count: 50)
        #expect(
            planner.choose(list(layers: layers)) == MergePlan(inputs: 0..<25, output: .layer))
        let partitions: [(hash: UInt64?, runs: [Int])] = [
            (nil, megabytes([900])), (1 << 40, megabytes([900])),
        ]
        #expect(
            planner.choose(list(layers: layers, partitions: partitions))
                == MergePlan(inputs: 0..<25, output: .layer))
        planner.totalRunsMax = 3
        let crowded = list(
            layers: [], partitions: [(nil, megabytes([900])), (1 << 40, megabytes([1, 1, 900]))])
        let lower = ColdKey.prefix(0, 1 << 40)
        #expect(planner.choose(crowded) == MergePlan(inputs: 1..<4, output: .base(lower)))
    }
}
