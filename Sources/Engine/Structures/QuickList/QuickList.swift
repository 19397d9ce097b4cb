// A Redis list: a row of listpacks.
//
// One listpack per list would make every push in front and every look-up in the middle linear;
// one allocation per element would cost more than the elements. So a list is a row of small
// listpacks, as in Redis, whose limit (`list-max-listpack-size`) the mutating calls take: a
// negative limit bounds a node's bytes (-1...-5: 4, 8, 16, 32, 64 KiB), a positive one its
// elements (and 8 KiB). An element that is itself over the limit gets a plain node, bare bytes.
// RDB files contain the very same nodes, so saving and loading a list are copies.
//
// Where Redis links its nodes (32 bytes each, and another allocation), ours stand in a ring, 16
// bytes each: pushing at either end is as cheap, and finding the element number n, from the
// nearer end, sums counts that lie side by side instead of chasing a pointer per node. Inserting
// a node in the middle moves the shorter side of the ring, which costs less than finding it did.
//
// Nothing here trusts more than it must: listpacks handed in from outside are validated by
// whoever read them. Bytes passed in must not lie inside the list being changed, and the bytes
// lent to a closure are valid within it only; the closure must not touch the list.

import Glibc

/// What a node contains; the raw values are those of RDB's QUICKLIST_2 records.
enum QuickListContainer: UInt8 {
    /// One element, bare.
    case plain = 1
    /// A listpack.
    case packed = 2
}

/// How large nodes may get: Redis's `list-max-listpack-size`.
struct QuickListLimit {
    private let bytesMax: Int
    private let countMax: Int

    /// Redis's bound on nodes that are limited by their number of elements.
    private static let safetyBytes = 8192
    /// What an element is assumed to need beside its text, at most.
    private static let overheadBytes = 8

    @inline(__always)
    init(_ setting: Int) {
        if setting < 0 {
            bytesMax = 4096 << Swift.min(-1 &- setting, 4)
            countMax = Int(UInt32.max)
        } else {
            bytesMax = Self.safetyBytes
            countMax = Swift.min(Swift.max(setting, 1), Int(UInt32.max))
        }
    }

    /// Whether an element gets a node to itself.
    @inline(__always)
    func isLarge(_ count: Int) -> Bool { count > bytesMax }

    /// Whether a listpack of `bytes` and `count` elements takes one of `added` bytes more.
    @inline(__always)
    func admits(bytes: Int, count: Int, added: Int) -> Bool {
        bytes &+ added &+ Self.overheadBytes <= bytesMax && count < countMax
    }

    /// Whether one node may hold so much.
    @inline(__always)
    func allows(bytes: Int, count: Int) -> Bool { bytes <= bytesMax && count <= countMax }
}

/// A list of byte strings. Entries store an `UnsafeMutablePointer<QuickList>` from `make`.
struct QuickList: ~Copyable {
    /// Number of elements. O(1).
    var count = 0
    var ring = QuickListRing()

    init() {}

    deinit {
        for i in 0..<ring.count { ring[i].destroy() }
        ring.destroy()
    }

    /// A new, empty list in the hot tier's memory; give it back to `destroy`.
    static func make() -> UnsafeMutablePointer<QuickList> { make(QuickList()) }

    /// Moves a list into the hot tier's memory; give it back to `destroy`.
    static func make(_ list: consuming QuickList) -> UnsafeMutablePointer<QuickList> {
        let place = Heap.allocate(MemoryLayout<QuickList>.size)
            .bindMemory(to: QuickList.self, capacity: 1)
        place.initialize(to: list)
        return place
    }

    /// Frees a list that `make` returned. O(nodes).
    static func destroy(_ place: UnsafeMutablePointer<QuickList>) {
        place.deinitialize(count: 1)
        Heap.free(place, MemoryLayout<QuickList>.size)
    }

    @inline(__always)
    var isEmpty: Bool { count == 0 }

    /// Number of nodes. O(1).
    @inline(__always)
    var nodeCount: Int { ring.count }

    /// What the list occupies in the hot tier, without the struct itself. O(nodes).
    var memoryBytes: Int {
        var sum = ring.allocatedBytes
        for i in 0..<ring.count { sum += Heap.footprint(ring[i].allocatedBytes) }
        return sum
    }

    /// A second list with the same elements and nodes. O(bytes).
    func copy() -> QuickList {
        var made = QuickList()
        made.ring.reserve(ring.count)
        for i in 0..<ring.count { made.ring.append(ring[i].copy()) }
        made.count = count
        return made
    }

    // MARK: Nodes, for RDB

    /// Lends each node: a listpack, or the bytes of a plain element. O(nodes).
    @inline(__always)
    func forEachNode(_ body: (QuickListContainer, Bytes) throws -> Void) rethrows {
        for i in 0..<ring.count {
            let node = ring[i]
            try body(node.isPlain ? .plain : .packed, node.bytes)
        }
    }

    /// Adds a listpack as the last node and takes ownership of it; an empty one is freed.
    mutating func appendNode(_ pack: ListPack) {
        let elements = pack.count
        if elements == 0 { return pack.destroy() }
        ring.append(QuickListNode(pack, elements))
        count += elements
    }

    /// Adds an element as a plain last node. O(bytes).
    mutating func appendPlainNode(_ bytes: Bytes) {
        ring.append(QuickListNode(plain: bytes))
        count += 1
    }

    /// Frees up to `max` nodes from the end, so that a huge list can go in slices; true when the
    /// list is empty.
    mutating func dropNodes(max: Int) -> Bool {
        let dropped = Swift.min(max, ring.count)
        for i in (ring.count - dropped)..<ring.count {
            count -= ring[i].count
            ring[i].destroy()
        }
        ring.remove(ring.count - dropped, dropped)
        return ring.count == 0
    }
}
