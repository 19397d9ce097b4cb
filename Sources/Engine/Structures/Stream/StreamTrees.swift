// The two orders of a stream: things by ID (nodes, pending entries) and things by name (groups,
// consumers). Both are `OrderTree`s, so that looking up, walking from anywhere, counting and
// removing ranges are what sorted sets have already.
//
// An item of the tree is half of the key and a pointer: for IDs the milliseconds and a pointer to
// what begins with the rest of the ID, for names the first eight bytes and a pointer to what has the
// whole name. The trees do not own what they point at: whoever takes something out frees it, and
// nothing may be freed before it is out, for searches follow the pointers.

/// Something that stands in an `IDTree`.
protocol IDNode {
    /// The second half of its ID.
    var seq: UInt64 { get }
}

/// Pointers to nodes by their IDs.
struct IDTree<Node: IDNode>: ~Copyable {
    private var tree = OrderTree()

    /// One that is in the tree.
    struct Found {
        let id: StreamID
        let node: UnsafeMutablePointer<Node>

        @inline(__always)
        fileprivate init(_ item: OrderItem) {
            node = IDTree.node(item)
            id = StreamID(ms: item.key, seq: node.pointee.seq)
        }
    }

    init() {}

    @inline(__always)
    var count: Int { tree.count }
    @inline(__always)
    var isEmpty: Bool { tree.count == 0 }
    /// What the tree itself occupies.
    var memoryBytes: Int { tree.memoryBytes }

    @inline(__always)
    private static func node(_ item: OrderItem) -> UnsafeMutablePointer<Node> {
        UnsafeMutablePointer(bitPattern: UInt(item.value)).unsafelyUnwrapped
    }

    @inline(__always)
    private static func isBefore(_ item: OrderItem, _ id: StreamID) -> Bool {
        item.key == id.ms ? node(item).pointee.seq < id.seq : item.key < id.ms
    }

    @inline(__always)
    private static func isNotAfter(_ item: OrderItem, _ id: StreamID) -> Bool {
        item.key == id.ms ? node(item).pointee.seq <= id.seq : item.key < id.ms
    }

    // MARK: Looking

    /// How many are before `id`. O(log n).
    func rank(before id: StreamID) -> Int { tree.rank { Self.isBefore($0, id) } }

    /// How many are at or before `id`. O(log n).
    func rank(through id: StreamID) -> Int { tree.rank { Self.isNotAfter($0, id) } }

    /// The ranks of those from `first` through `last`. O(log n).
    func ranks(_ first: StreamID, _ last: StreamID) -> Range<Int> {
        let start = rank(before: first)
        return start..<Swift.max(start, last < first ? start : rank(through: last))
    }

    /// O(log n).
    func find(_ id: StreamID) -> UnsafeMutablePointer<Node>? {
        let rank = rank(through: id)
        if rank == 0 { return nil }
        let found = self[rank - 1]
        return found.id == id ? found.node : nil
    }

    /// The one of this rank, which is less than the count. O(log n).
    subscript(rank: Int) -> Found { Found(tree.item(at: rank)) }

    var first: Found? { isEmpty ? nil : self[0] }

    /// O(1).
    @inline(__always)
    var last: Found? { tree.last.map { Found($0) } }

    /// Visits those of the given ranks, until `body` returns false. The tree must not change.
    @inline(__always)
    func visit(_ ranks: Range<Int>, reversed: Bool = false, while body: (Found) -> Bool) {
        tree.walk(ranks, reversed: reversed, while: { body(Found($0)) })
    }

    @inline(__always)
    func forEach(_ body: (Found) -> Void) {
        tree.visit(0..<count) { body(Found($0)) }
    }

    // MARK: Changing

    /// Adds a node; false, and nothing is done, where the ID is taken. O(log n).
    mutating func insert(_ id: StreamID, _ node: UnsafeMutablePointer<Node>) -> Bool {
        assert(node.pointee.seq == id.seq)
        let item = OrderItem(key: id.ms, value: UInt64(UInt(bitPattern: node)))
        guard let last = self.last, id <= last.id else {
            tree.append(item)
            return true
        }
        if find(id) != nil { return false }
        tree.insert(item) { Self.isBefore($0, id) }
        return true
    }

    /// Adds a node of another tree, behind all of this one. O(log n) without comparisons.
    mutating func append(_ found: Found) {
        tree.append(OrderItem(key: found.id.ms, value: UInt64(UInt(bitPattern: found.node))))
    }

    /// Takes one out, which the caller frees. O(log n).
    mutating func remove(_ id: StreamID) -> UnsafeMutablePointer<Node>? {
        guard let node = find(id) else { return nil }
        let item = OrderItem(key: id.ms, value: UInt64(UInt(bitPattern: node)))
        let isRemoved = tree.remove(item) { Self.isNotAfter($0, id) }
        precondition(isRemoved)
        return node
    }

    /// Takes those of the given ranks out, lending each to `body`, which may free it. O(items).
    mutating func remove(_ ranks: Range<Int>, _ body: (Found) -> Void) {
        // From the first on, for what is left is not looked at.
        tree.removeRange(ranks) { body(Found($0)) }
    }
}

/// Something that stands in a `NameTree`.
protocol NamedNode: ~Copyable {
    var name: HeapName { get }
}

/// A name in an allocation of its own.
struct HeapName {
    private let start: UnsafeMutableRawPointer
    private let count: Int

    init(_ bytes: Bytes) {
        count = bytes.count
        start = Heap.allocate(count)
        if let source = bytes.baseAddress { start.copyMemory(from: source, byteCount: count) }
    }

    @inline(__always)
    var bytes: Bytes { Bytes(start: start, count: count) }

    var memoryBytes: Int { Heap.footprint(count) }

    func free() { Heap.free(start, count) }

    /// The first eight bytes, as a number that orders as they do.
    static func orderKey(_ bytes: Bytes) -> UInt64 {
        var key: UInt64 = 0
        for index in 0..<Swift.min(bytes.count, 8) {
            key |= UInt64(bytes[index]) << UInt64(56 - 8 * index)
        }
        return key
    }
}

/// Pointers to nodes by their names, in the order of `memcmp`.
struct NameTree<Node: NamedNode & ~Copyable>: ~Copyable {
    private var tree = OrderTree()

    init() {}

    var count: Int { tree.count }
    var isEmpty: Bool { tree.count == 0 }
    var memoryBytes: Int { tree.memoryBytes }

    private static func node(_ item: OrderItem) -> UnsafeMutablePointer<Node> {
        UnsafeMutablePointer(bitPattern: UInt(item.value)).unsafelyUnwrapped
    }

    private static func order(_ item: OrderItem, _ key: UInt64, _ name: Bytes) -> Int {
        if item.key != key { return item.key < key ? -1 : 1 }
        return node(item).pointee.name.bytes.compare(name)
    }

    /// O(log n).
    func find(_ name: Bytes) -> UnsafeMutablePointer<Node>? {
        let key = HeapName.orderKey(name)
        let rank = tree.rank { Self.order($0, key, name) <= 0 }
        if rank == 0 { return nil }
        let item = tree.item(at: rank - 1)
        return Self.order(item, key, name) == 0 ? Self.node(item) : nil
    }

    /// Adds a node whose name is not taken. O(log n).
    mutating func insert(_ node: UnsafeMutablePointer<Node>) {
        let name = node.pointee.name.bytes
        let key = HeapName.orderKey(name)
        tree.insert(OrderItem(key: key, value: UInt64(UInt(bitPattern: node)))) {
            Self.order($0, key, name) < 0
        }
    }

    /// Takes a node out, which the caller frees. O(log n).
    mutating func remove(_ node: UnsafeMutablePointer<Node>) {
        let name = node.pointee.name.bytes
        let key = HeapName.orderKey(name)
        let isRemoved = tree.remove(
            OrderItem(key: key, value: UInt64(UInt(bitPattern: node)))
        ) { Self.order($0, key, name) <= 0 }
        precondition(isRemoved)
    }

    /// The last by name.
    var last: UnsafeMutablePointer<Node>? { tree.last.map { Self.node($0) } }

    /// Visits all by name, until `body` returns false. The tree must not change.
    func visit(while body: (UnsafeMutablePointer<Node>) -> Bool) {
        tree.walk(0..<count, while: { body(Self.node($0)) })
    }

    func forEach(_ body: (UnsafeMutablePointer<Node>) -> Void) {
        tree.visit(0..<count) { body(Self.node($0)) }
    }
}

/// Nodes in the hot tier's memory.
enum HeapNode {
    static func make<T: ~Copyable>(_ value: consuming T) -> UnsafeMutablePointer<T> {
        let place = Heap.allocate(MemoryLayout<T>.size).bindMemory(to: T.self, capacity: 1)
        place.initialize(to: value)
        return place
    }

    /// Ends the value and gives its memory back.
    static func free<T: ~Copyable>(_ node: UnsafeMutablePointer<T>) {
        node.deinitialize(count: 1)
        Heap.free(node, MemoryLayout<T>.size)
    }
}
