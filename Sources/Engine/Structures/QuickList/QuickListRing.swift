// The nodes of a list, and the ring in which they stand.

import Glibc

/// One node: a listpack, or a plain element (its length, 8 bytes, then its bytes). Whoever holds
/// it in a ring owns the memory.
struct QuickListNode {
    private(set) var raw: UnsafeMutableRawPointer
    private var elements: UInt32
    let isPlain: Bool

    private static let plainHeaderBytes = 8

    /// Takes ownership of `pack`, which has `count` elements.
    @inline(__always)
    init(_ pack: ListPack, _ count: Int) {
        raw = pack.raw
        elements = UInt32(count)
        isPlain = false
    }

    /// A plain node with a copy of `bytes`.
    init(plain bytes: Bytes) {
        raw = Heap.allocate(Self.plainHeaderBytes + bytes.count)
        raw.storeBytes(of: UInt64(bytes.count), as: UInt64.self)
        if bytes.count > 0 { memcpy(raw + Self.plainHeaderBytes, bytes.baseAddress!, bytes.count) }
        elements = 1
        isPlain = true
    }

    /// A node with one element.
    @inline(never)
    init(_ bytes: Bytes, _ limit: QuickListLimit) {
        if limit.isLarge(bytes.count) {
            self.init(plain: bytes)
        } else {
            self.init(ListPack.create(bytes), 1)
        }
    }

    func copy() -> QuickListNode {
        isPlain ? QuickListNode(plain: bytes) : QuickListNode(ListPack.copy(bytes), count)
    }

    func destroy() { Heap.free(raw, allocatedBytes) }

    /// Number of elements, at least 1 except within a call that removes.
    @inline(__always)
    var count: Int { Int(elements) }

    @inline(__always)
    var pack: ListPack {
        assert(!isPlain)
        return ListPack(raw)
    }

    /// The plain element, or the listpack.
    @inline(__always)
    var bytes: Bytes {
        if !isPlain { return ListPack(raw).bytes }
        return Bytes(start: raw + Self.plainHeaderBytes, count: plainCount)
    }

    @inline(__always)
    private var plainCount: Int { Int(raw.loadUnaligned(as: UInt64.self)) }

    var allocatedBytes: Int {
        isPlain ? Self.plainHeaderBytes + plainCount : ListPack(raw).totalBytes
    }

    /// Whether an element of `added` bytes may be put into this node.
    @inline(__always)
    func admits(_ added: Int, _ limit: QuickListLimit) -> Bool {
        !isPlain && limit.admits(bytes: ListPack(raw).totalBytes, count: count, added: added)
    }

    /// Stores what became of the listpack.
    @inline(__always)
    mutating func update(_ pack: ListPack, _ delta: Int) {
        raw = pack.raw
        elements = UInt32(truncatingIfNeeded: Int(elements) &+ delta)
    }
}

/// Nodes in order, growing at both ends: a power of two of slots, the first at `head`. It does
/// not own what the nodes point at; `QuickList` does.
struct QuickListRing {
    private var slots: UnsafeMutablePointer<QuickListNode>?
    private var head: UInt32 = 0
    private var mask: Int32 = -1
    private(set) var count = 0

    private var capacity: Int { Int(mask) &+ 1 }

    /// What the slots occupy in the hot tier.
    var allocatedBytes: Int { slots == nil ? 0 : Heap.footprint(Self.bytes(capacity)) }

    private static func bytes(_ capacity: Int) -> Int {
        capacity * MemoryLayout<QuickListNode>.stride
    }

    func destroy() {
        if let slots { Heap.free(slots, Self.bytes(capacity)) }
    }

    /// The slot of node number `index`.
    @inline(__always)
    func slot(_ index: Int) -> UnsafeMutablePointer<QuickListNode> {
        assert(index >= 0 && index < capacity)
        return slots.unsafelyUnwrapped + ((Int(head) &+ index) & Int(mask))
    }

    @inline(__always)
    subscript(index: Int) -> QuickListNode { slot(index).pointee }

    // MARK: Changing

    /// O(1), amortized.
    @inline(__always)
    mutating func append(_ node: QuickListNode) {
        if count == capacity { resize(Swift.max(capacity * 2, 1)) }
        slot(count).initialize(to: node)
        count += 1
    }

    /// O(1), amortized.
    @inline(__always)
    mutating func prepend(_ node: QuickListNode) {
        if count == capacity { resize(Swift.max(capacity * 2, 1)) }
        head = (head &- 1) & UInt32(truncatingIfNeeded: mask)
        slot(0).initialize(to: node)
        count += 1
    }

    /// Makes `node` number `index`. O(distance to the nearer end).
    mutating func insert(_ node: QuickListNode, at index: Int) {
        if index == count { return append(node) }
        if index < count / 2 {
            prepend(node)
            for i in 0..<index { slot(i).pointee = self[i + 1] }
        } else {
            append(node)
            for i in stride(from: count - 1, to: index, by: -1) { slot(i).pointee = self[i - 1] }
        }
        slot(index).pointee = node
    }

    /// Drops `removed` nodes from number `index` on, whose memory the caller has freed.
    /// O(distance of the range to the nearer end).
    mutating func remove(_ index: Int, _ removed: Int) {
        if removed == 0 { return }
        let behind = count - index - removed
        if index < behind {
            for i in stride(from: index - 1, through: 0, by: -1) {
                slot(i + removed).pointee = self[i]
            }
            head = UInt32(truncatingIfNeeded: (Int(head) &+ removed) & Int(mask))
        } else {
            for i in 0..<behind { slot(index + i).pointee = self[index + removed + i] }
        }
        count -= removed
        shrink()
    }

    /// Drops the nodes that have no elements left, freeing them. O(nodes).
    mutating func removeEmpty() {
        var kept = 0
        for i in 0..<count {
            let node = self[i]
            if node.count == 0 {
                node.destroy()
            } else {
                slot(kept).pointee = node
                kept += 1
            }
        }
        count = kept
        shrink()
    }

    /// Room for `wanted` nodes.
    mutating func reserve(_ wanted: Int) {
        var size = Swift.max(capacity, 1)
        while size < wanted { size *= 2 }
        if wanted > 0 && size != capacity { resize(size) }
    }

    @inline(__always)
    private mutating func shrink() {
        if capacity > 4 && count <= capacity / 4 { resize(capacity / 2) }
    }

    @inline(never)
    private mutating func resize(_ size: Int) {
        precondition(size <= Int(Int32.max), "list over its limit of nodes")
        let made = Heap.allocate(Self.bytes(size))
            .bindMemory(to: QuickListNode.self, capacity: size)
        if let slots {
            let straight = Swift.min(count, capacity - Int(head))
            memcpy(made, slots + Int(head), Self.bytes(straight))
            memcpy(made + straight, slots, Self.bytes(count - straight))
            Heap.free(slots, Self.bytes(capacity))
        }
        slots = made
        head = 0
        mask = Int32(size - 1)
    }
}
