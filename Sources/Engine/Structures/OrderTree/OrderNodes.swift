// The two kinds of nodes of an `OrderTree`, as views of raw memory. The layouts are drawn in
// OrderTree.swift; all offsets are here and nowhere else.

import CJemalloc

/// [count u32 | capacity u32 | previous 8 | next 8 | unused 8] [key 8 | value 8] ...
struct OrderLeaf: Equatable {
    let raw: UnsafeMutableRawPointer

    static let headerBytes = 32
    /// Items in a leaf of full size.
    static let capacityMax = 62

    @inline(__always)
    var count: Int {
        get { Int(raw.load(as: UInt32.self)) }
        nonmutating set {
            raw.storeBytes(of: UInt32(truncatingIfNeeded: newValue), as: UInt32.self)
        }
    }

    @inline(__always)
    var capacity: Int { Int(raw.load(fromByteOffset: 4, as: UInt32.self)) }

    var previous: OrderLeaf? {
        get { link(8) }
        nonmutating set { setLink(8, newValue) }
    }

    var next: OrderLeaf? {
        get { link(16) }
        nonmutating set { setLink(16, newValue) }
    }

    @inline(__always)
    var items: UnsafeMutablePointer<OrderItem> {
        (raw + Self.headerBytes).assumingMemoryBound(to: OrderItem.self)
    }

    /// Starts to load what a binary search will look at, all at once instead of one by one.
    @inline(__always)
    func prefetch() {
        firn_prefetch(raw + 272)
        firn_prefetch(raw + 400)
        firn_prefetch(raw + 528)
        firn_prefetch(raw + 656)
        firn_prefetch(raw + 784)
    }

    @inline(__always)
    private func link(_ offset: Int) -> OrderLeaf? {
        raw.load(fromByteOffset: offset, as: UnsafeMutableRawPointer?.self).map(OrderLeaf.init)
    }

    @inline(__always)
    private func setLink(_ offset: Int, _ leaf: OrderLeaf?) {
        raw.storeBytes(of: leaf?.raw, toByteOffset: offset, as: UnsafeMutableRawPointer?.self)
    }

    static func byteCount(_ capacity: Int) -> Int { headerBytes + capacity * 16 }

    var byteCount: Int { Self.byteCount(capacity) }

    /// An empty leaf; the caller frees it.
    static func make(capacity: Int) -> OrderLeaf {
        let raw = Heap.allocate(byteCount(capacity))
        (raw + headerBytes).bindMemory(to: OrderItem.self, capacity: capacity)
        raw.storeBytes(of: UInt32(capacity), toByteOffset: 4, as: UInt32.self)
        let leaf = OrderLeaf(raw: raw)
        leaf.count = 0
        leaf.previous = nil
        leaf.next = nil
        return leaf
    }

    func free() { Heap.free(raw, byteCount) }

    /// Moves `number` items from `from` of this leaf to the end of `other`; closes no gap.
    func move(_ number: Int, from: Int, toEndOf other: OrderLeaf) {
        (other.items + other.count).update(from: items + from, count: number)
        other.count += number
    }

    func insert(_ item: OrderItem, at index: Int) {
        let count = count
        (items + index + 1).update(from: items + index, count: count - index)
        items[index] = item
        self.count = count + 1
    }

    /// Shifts all items up by `number` places, which the caller fills.
    func makeGap(_ number: Int) {
        (items + number).update(from: items, count: count)
        count += number
    }

    func remove(_ number: Int, at index: Int) {
        let count = count
        (items + index).update(from: items + index + number, count: count - index - number)
        self.count = count - number
    }
}

/// [count u64 | unused 8] [key 8] x 63 [value 8] x 63 [child 8] x 63 [items below u64] x 63
struct OrderInner {
    let raw: UnsafeMutableRawPointer

    static let capacity = 63
    static let byteCount = 16 + 4 * 8 * capacity

    /// A child as its parent describes it: its first item and the number of all.
    struct Child {
        var node: UnsafeMutableRawPointer
        var first: OrderItem
        var total: Int
    }

    @inline(__always)
    var count: Int {
        get { raw.load(as: Int.self) }
        nonmutating set { raw.storeBytes(of: newValue, as: Int.self) }
    }

    @inline(__always)
    var keys: UnsafeMutablePointer<UInt64> { column(0) }
    @inline(__always)
    var values: UnsafeMutablePointer<UInt64> { column(1) }
    @inline(__always)
    var children: UnsafeMutablePointer<UnsafeMutableRawPointer> { column(2) }
    @inline(__always)
    var totals: UnsafeMutablePointer<Int> { column(3) }

    @inline(__always)
    private func column<T>(_ number: Int) -> UnsafeMutablePointer<T> {
        (raw + 16 + number * 8 * Self.capacity).assumingMemoryBound(to: T.self)
    }

    @inline(__always)
    func item(_ index: Int) -> OrderItem { OrderItem(key: keys[index], value: values[index]) }

    @inline(__always)
    func setItem(_ index: Int, _ item: OrderItem) {
        keys[index] = item.key
        values[index] = item.value
    }

    /// Starts to load what a binary search will look at.
    @inline(__always)
    func prefetch() {
        firn_prefetch(raw + 144)
        firn_prefetch(raw + 272)
        firn_prefetch(raw + 400)
    }

    /// All items below. O(children).
    var total: Int {
        var sum = 0
        for i in 0..<count { sum &+= totals[i] }
        return sum
    }

    /// An empty node; the caller frees it.
    static func make() -> OrderInner {
        let inner = OrderInner(raw: Heap.allocate(byteCount))
        (inner.raw + 16).bindMemory(to: UInt64.self, capacity: 4 * capacity)
        inner.count = 0
        return inner
    }

    func free() { Heap.free(raw, Self.byteCount) }

    func insert(_ child: Child, at index: Int) {
        let count = count
        func shift<T>(_ column: UnsafeMutablePointer<T>) {
            (column + index + 1).update(from: column + index, count: count - index)
        }
        shift(keys)
        shift(values)
        shift(children)
        shift(totals)
        setItem(index, child.first)
        children[index] = child.node
        totals[index] = child.total
        self.count = count + 1
    }

    func remove(at index: Int) {
        let count = count
        func shift<T>(_ column: UnsafeMutablePointer<T>) {
            (column + index).update(from: column + index + 1, count: count - index - 1)
        }
        shift(keys)
        shift(values)
        shift(children)
        shift(totals)
        self.count = count - 1
    }

    /// Moves the children from `from` on to the end of `other`.
    func move(from: Int, toEndOf other: OrderInner) {
        let number = count - from
        let end = other.count
        (other.keys + end).update(from: keys + from, count: number)
        (other.values + end).update(from: values + from, count: number)
        (other.children + end).update(from: children + from, count: number)
        (other.totals + end).update(from: totals + from, count: number)
        other.count = end + number
        count = from
    }
}
