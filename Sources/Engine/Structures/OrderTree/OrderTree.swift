// A counted B+tree of 16-byte items: the order behind sorted sets, streams and the expiry index.
//
// An item is a pair of words: a key that orders as an unsigned integer, and a value that breaks
// ties in whatever way the owner says. The tree never looks at values: every search is given a
// predicate "is this item before the place I look for", true for a prefix of the order. Inner
// nodes count the items below each child, so that rank and position are O(log n) both ways.
//
// Why not Redis's skip list: a node there costs about 40 bytes and a cache miss an item; here
// an item costs 16 bytes in a leaf that is 80 % full, and a search touches three or four nodes.
//
//   leaf   [count u32 | capacity u32 | previous 8 | next 8 | unused 8] [key 8 | value 8] ...
//   inner  [count u64 | unused 8] [key 8] x 63 [value 8] x 63 [child 8] x 63 [items u64] x 63
//
// Leaves hold 62 items (1 KiB; a tree with less has one smaller leaf), inner nodes 63 children
// (2 KiB). A child's key and value in its parent are exactly its first item, never one that is
// gone, because the owner's predicate may follow the value's pointer. A full leaf first shifts
// items to a neighbour that has room; at the end of the order it is left full, so that ascending
// insertions pack densely. Nodes below a quarter merge with a neighbour where both fit in three
// quarters of one.
//
// Source: R. Bayer, E. McCreight, "Organization and maintenance of large ordered indexes", 1972.

/// A pair of words in an `OrderTree`.
struct OrderItem: Equatable {
    /// Orders as an unsigned integer.
    var key: UInt64
    /// Breaks ties; its meaning is the owner's.
    var value: UInt64
}

/// Items in order. Frees its nodes at the end of its life; what values mean is the owner's care.
struct OrderTree: ~Copyable {
    /// One node of the way from the root, and the child or position taken there.
    struct Step {
        var node: UnsafeMutableRawPointer
        var index: Int
    }
    /// The way from the root to a leaf; `OrderTree.stepsMax` places.
    typealias Path = UnsafeMutablePointer<Step>
    /// No tree gets deeper: inner nodes split in half at 63.
    static let stepsMax = 16

    var root: UnsafeMutableRawPointer?
    /// The leaf with the greatest items.
    var lastLeaf: OrderLeaf?
    /// Inner levels above the leaves.
    var height = 0
    var count = 0
    /// What the nodes occupy.
    var memoryBytes = 0

    init() {}

    deinit { if let root { Self.free(root, height) } }

    private static func free(_ node: UnsafeMutableRawPointer, _ level: Int) {
        if level == 0 { return OrderLeaf(raw: node).free() }
        let inner = OrderInner(raw: node)
        for i in 0..<inner.count { free(inner.children[i], level - 1) }
        inner.free()
    }

    /// Forgets all items. O(n / 62).
    mutating func removeAll() {
        if let root { Self.free(root, height) }
        root = nil
        lastLeaf = nil
        height = 0
        count = 0
        memoryBytes = 0
    }

    // MARK: Searching

    /// How many items are before the place that `isBefore` describes (true for a prefix of the
    /// order, false for the rest). O(log n).
    @inline(__always)
    func rank(_ isBefore: (OrderItem) -> Bool) -> Int {
        withUnsafeTemporaryAllocation(of: Step.self, capacity: Self.stepsMax) {
            locate($0.baseAddress!, isBefore)
        }
    }

    /// The same, noting the way; the last step's index is the position in the leaf, which may
    /// be its end. O(log n).
    @inline(__always)
    func locate(_ path: Path, _ isBefore: (OrderItem) -> Bool) -> Int {
        guard var node = root else { return 0 }
        var rank = 0
        for level in 0..<height {
            let inner = OrderInner(raw: node)
            inner.prefetch()
            var low = 1
            var high = inner.count
            // The last child whose first item is before, or else the first child.
            while low < high {
                let middle = (low &+ high) &>> 1
                if isBefore(inner.item(middle)) { low = middle &+ 1 } else { high = middle }
            }
            let index = low &- 1
            for i in 0..<index { rank &+= inner.totals[i] }
            path[level] = Step(node: node, index: index)
            node = inner.children[index]
        }
        let leaf = OrderLeaf(raw: node)
        leaf.prefetch()
        var low = 0
        var high = leaf.count
        while low < high {
            let middle = (low &+ high) &>> 1
            if isBefore(leaf.items[middle]) { low = middle &+ 1 } else { high = middle }
        }
        path[height] = Step(node: node, index: low)
        return rank &+ low
    }

    /// Notes the way to the item at `rank`, which is less than the count. O(log n).
    func locate(_ path: Path, rank: Int) {
        precondition(rank >= 0 && rank < count)
        var node = root.unsafelyUnwrapped
        var rest = rank
        for level in 0..<height {
            let inner = OrderInner(raw: node)
            var index = 0
            while rest >= inner.totals[index] {
                rest &-= inner.totals[index]
                index &+= 1
            }
            path[level] = Step(node: node, index: index)
            node = inner.children[index]
        }
        path[height] = Step(node: node, index: rest)
    }

    /// The item at `rank`, which is less than the count. O(log n).
    func item(at rank: Int) -> OrderItem {
        withUnsafeTemporaryAllocation(of: Step.self, capacity: Self.stepsMax) {
            locate($0.baseAddress!, rank: rank)
            let step = $0[height]
            return OrderLeaf(raw: step.node).items[step.index]
        }
    }

    /// The greatest item. O(1).
    var last: OrderItem? { lastLeaf.map { $0.items[$0.count - 1] } }

    /// Visits the items of the given ranks, which lie within the count, in ascending or
    /// descending order. O(log n + items). The tree must not change meanwhile.
    @inline(__always)
    func visit(_ ranks: Range<Int>, reversed: Bool = false, _ body: (OrderItem) -> Void) {
        walk(
            ranks, reversed: reversed,
            while: {
                body($0); return true
            })
    }

    /// The same, until `body` returns false.
    @inline(__always)
    func walk(
        _ ranks: Range<Int>, reversed: Bool = false, while body: (OrderItem) -> Bool
    ) {
        precondition(ranks.lowerBound >= 0 && ranks.upperBound <= count)
        if ranks.isEmpty { return }
        var left = ranks.count
        withUnsafeTemporaryAllocation(of: Step.self, capacity: Self.stepsMax) {
            locate($0.baseAddress!, rank: reversed ? ranks.upperBound - 1 : ranks.lowerBound)
            var leaf = OrderLeaf(raw: $0[height].node)
            var index = $0[height].index
            while body(leaf.items[index]) {
                left &-= 1
                if left == 0 { return }
                if reversed {
                    index &-= 1
                    if index < 0 {
                        leaf = leaf.previous.unsafelyUnwrapped
                        index = leaf.count &- 1
                    }
                } else {
                    index &+= 1
                    if index == leaf.count {
                        leaf = leaf.next.unsafelyUnwrapped
                        index = 0
                    }
                }
            }
        }
    }

    // MARK: Changing

    /// Adds `item` at the place that `isBefore` describes. O(log n).
    @inline(__always)
    mutating func insert(_ item: OrderItem, _ isBefore: (OrderItem) -> Bool) {
        withUnsafeTemporaryAllocation(of: Step.self, capacity: Self.stepsMax) {
            _ = locate($0.baseAddress!, isBefore)
            insert(item, at: $0.baseAddress!)
        }
    }

    /// Adds `item`, which is known to be the greatest. O(log n) without comparisons.
    mutating func append(_ item: OrderItem) {
        withUnsafeTemporaryAllocation(of: Step.self, capacity: Self.stepsMax) {
            let path = $0.baseAddress!
            if count > 0 {
                locate(path, rank: count - 1)
                path[height].index += 1
            }
            insert(item, at: path)
        }
    }

    /// Removes the last item for which `isNotAfter` holds (true for a prefix of the order) if it
    /// equals `item`; false when it does not. O(log n).
    @inline(__always)
    mutating func remove(_ item: OrderItem, _ isNotAfter: (OrderItem) -> Bool) -> Bool {
        withUnsafeTemporaryAllocation(of: Step.self, capacity: Self.stepsMax) {
            let path = $0.baseAddress!
            if root == nil { return false }
            _ = locate(path, isNotAfter)
            let step = path[height]
            // A leaf that the search enters begins at or before an item that is there.
            if step.index == 0 { return false }
            if OrderLeaf(raw: step.node).items[step.index &- 1] != item { return false }
            path[height].index &-= 1
            removeRun(path, 1)
            return true
        }
    }

    /// Removes the items of the given ranks, lending each to `body` first.
    /// O(items + log n for every leaf).
    @inline(__always)
    mutating func removeRange(_ ranks: Range<Int>, _ body: (OrderItem) -> Void) {
        precondition(ranks.lowerBound >= 0 && ranks.upperBound <= count)
        var left = ranks.count
        withUnsafeTemporaryAllocation(of: Step.self, capacity: Self.stepsMax) {
            let path = $0.baseAddress!
            while left > 0 {
                locate(path, rank: ranks.lowerBound)
                let leaf = OrderLeaf(raw: path[height].node)
                let index = path[height].index
                let run = min(left, leaf.count &- index)
                for i in index..<index &+ run { body(leaf.items[i]) }
                removeRun(path, run)
                left &-= run
            }
        }
    }
}
