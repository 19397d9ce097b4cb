// One member of a sorted set: a single allocation that the table (member to entry) and the tree
// (order to entry) both point at.
//
//   [score f64 | length u32 | member bytes]

/// How members of sorted sets are laid out, and how their scores order.
enum MemberEntry: HashTableLayout {
    static let headerBytes = 12

    @inline(__always)
    static func score(_ entry: UnsafeMutableRawPointer) -> Double { entry.load(as: Double.self) }

    @inline(__always)
    static func member(_ entry: UnsafeMutableRawPointer) -> Bytes {
        let count = Int(entry.load(fromByteOffset: 8, as: UInt32.self))
        return Bytes(start: entry + headerBytes, count: count)
    }

    @inline(__always)
    static func byteCount(_ entry: UnsafeMutableRawPointer) -> Int {
        headerBytes &+ Int(entry.load(fromByteOffset: 8, as: UInt32.self))
    }

    @inline(__always)
    static func keyMatches(_ entry: UnsafeMutableRawPointer, _ key: Bytes) -> Bool {
        member(entry).equals(key)
    }

    @inline(__always)
    static func hash(_ entry: UnsafeMutableRawPointer, _ secret: HashSecret) -> UInt64 {
        secret.hash(member(entry))
    }

    static func make(_ member: Bytes, _ score: Double) -> UnsafeMutableRawPointer {
        precondition(member.count <= Int(UInt32.max), "member too long")
        let entry = Heap.allocate(headerBytes + member.count)
        entry.storeBytes(of: score, as: Double.self)
        entry.storeBytes(of: UInt32(member.count), toByteOffset: 8, as: UInt32.self)
        if let base = member.baseAddress {
            (entry + headerBytes).copyMemory(from: base, byteCount: member.count)
        }
        return entry
    }

    /// A word that orders as the score does; -0 and 0 are one score.
    @inline(__always)
    static func orderKey(_ score: Double) -> UInt64 {
        let bits = score == 0 ? 0 : score.bitPattern
        return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
    }

    /// The entry that an item of the tree points at.
    @inline(__always)
    static func entry(_ item: OrderItem) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(bitPattern: UInt(item.value)).unsafelyUnwrapped
    }

    @inline(__always)
    static func item(_ entry: UnsafeMutableRawPointer) -> OrderItem {
        OrderItem(key: orderKey(score(entry)), value: UInt64(UInt(bitPattern: entry)))
    }
}
