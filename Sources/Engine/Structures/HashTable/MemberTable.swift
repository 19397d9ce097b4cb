// The members of a set that has outgrown the intset and listpack layouts: a hash table of small
// allocations, one for each member.
//
//   [length u32 | bytes]

/// How members are laid out.
enum MemberTableLayout: HashTableLayout {
    @inline(__always)
    static func bytes(_ entry: UnsafeMutableRawPointer) -> Bytes {
        let count = Int(entry.load(as: UInt32.self))
        return Bytes(start: entry + 4, count: count)
    }

    @inline(__always)
    static func keyMatches(_ entry: UnsafeMutableRawPointer, _ key: Bytes) -> Bool {
        bytes(entry).equals(key)
    }

    @inline(__always)
    static func hash(_ entry: UnsafeMutableRawPointer, _ secret: HashSecret) -> UInt64 {
        secret.hash(bytes(entry))
    }

    static func make(_ member: Bytes) -> UnsafeMutableRawPointer {
        precondition(member.count <= Int(UInt32.max) - 64, "member too long")
        let entry = Heap.allocate(4 + member.count)
        entry.storeBytes(of: UInt32(member.count), as: UInt32.self)
        if let base = member.baseAddress {
            (entry + 4).copyMemory(from: base, byteCount: member.count)
        }
        return entry
    }

    @inline(__always)
    static func byteCount(_ entry: UnsafeMutableRawPointer) -> Int {
        4 + Int(entry.load(as: UInt32.self))
    }
}

/// A set of byte strings in hash order. Views that it lends are valid until it next changes.
struct MemberTable: ~Copyable {
    typealias Layout = MemberTableLayout
    private var table: HashTable<MemberTableLayout>
    private var entryBytes = 0

    init(secret: HashSecret) { table = HashTable(secret: secret) }

    deinit { table.forEach { Heap.free($0, Layout.byteCount($0)) } }

    var count: Int { table.count }

    /// What members and table occupy, allocator size classes included.
    var memoryBytes: Int { table.memoryBytes + entryBytes }

    /// O(1).
    func contains(_ member: Bytes) -> Bool {
        table.find(table.secret.hash(member), member) != nil
    }

    /// Adds a copy of `member`; false when it was there. O(1).
    @discardableResult
    mutating func add(_ member: Bytes) -> Bool {
        let hash = table.secret.hash(member)
        if table.find(hash, member) != nil { return false }
        let entry = Layout.make(member)
        entryBytes += Heap.footprint(Layout.byteCount(entry))
        table.insert(hash, entry)
        return true
    }

    /// Removes `member`, which may be a view lent by this table; false when it was absent. O(1).
    @discardableResult
    mutating func remove(_ member: Bytes) -> Bool {
        guard let entry = table.remove(table.secret.hash(member), member) else { return false }
        let size = Layout.byteCount(entry)
        entryBytes -= Heap.footprint(size)
        Heap.free(entry, size)
        return true
    }

    /// Visits all members in hash order.
    @inline(__always)
    func forEach(_ body: (Bytes) -> Void) { table.forEach { body(Layout.bytes($0)) } }

    /// `HashTable.visit(from:atLeast:)`, for SSCAN.
    @inline(__always)
    func visit(from lower: UInt64, atLeast: Int, _ body: (Bytes) -> Void) -> UInt64? {
        table.visit(from: lower, atLeast: atLeast) { body(Layout.bytes($0)) }
    }

    /// A member chosen by random bits; nil when empty. See `HashTable.randomEntry`.
    func random(_ bits: UInt64) -> Bytes? { table.randomEntry(random: bits).map(Layout.bytes) }

    /// Frees up to `max` members; returns how many. For freeing a large set in slices.
    @discardableResult
    mutating func removeSome(max: Int) -> Int {
        var freed = 0
        let taken = table.removeSome(max: max) {
            let size = Layout.byteCount($0)
            freed += Heap.footprint(size)
            Heap.free($0, size)
        }
        entryBytes -= freed
        return taken
    }

    /// A deep copy. O(n).
    func copy() -> MemberTable {
        var other = MemberTable(secret: table.secret)
        table.forEach { other.add(Layout.bytes($0)) }
        return other
    }
}
