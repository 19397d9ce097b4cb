// The result of ZUNION and its like while it is being computed: members with scores.
//
// Members are copied one behind the other into one buffer and described in one array, so that
// a result of millions costs a few large allocations and sorting it walks memory that lies
// together. Where members may come twice (unions), an index by hash finds them again: open
// addressing, at most half full. Memory of the command, not of the hot tier.

import Glibc

struct ScoredMembers: ~Copyable {
    private struct Item {
        var offset: Int
        var count: Int
        var hash: UInt64
        var score: Double
    }

    private var items: [Item] = []
    private var bytes: [UInt8] = []
    /// Item number plus one by hash; 0 is empty. Empty as a whole when nobody looks members up.
    private var slots: [UInt32] = []
    private let secret: HashSecret
    /// Length of the longest member.
    private(set) var memberBytesMax = 0

    init(secret: HashSecret) { self.secret = secret }

    var count: Int { items.count }

    // MARK: Adding

    /// Adds a member that is known not to be there yet, and will not be looked up. O(member).
    mutating func append(_ member: Bytes, _ score: Double) {
        add(member, score, hash: 0)
    }

    /// Adds a member, or changes the score of the one that is there to what `combine` makes of
    /// it. O(member).
    mutating func merge(
        _ member: Bytes, _ score: Double, _ combine: (_ old: Double, _ new: Double) -> Double
    ) {
        if items.count * 2 >= slots.count { grow() }
        let hash = secret.hash(member)
        let slot = find(hash, member)
        if slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            items[index].score = combine(items[index].score, score)
            return
        }
        add(member, score, hash: hash)
        slots[slot] = UInt32(items.count)
    }

    /// Takes back a member that `merge` added; false if it is not there. Its place stays taken
    /// until `sort`. O(member).
    mutating func remove(_ member: Bytes) -> Bool {
        guard !slots.isEmpty else { return false }
        let slot = find(secret.hash(member), member)
        guard slots[slot] != 0 else { return false }
        let index = Int(slots[slot]) - 1
        if items[index].score.isNaN { return false }
        items[index].score = .nan
        return true
    }

    private mutating func add(_ member: Bytes, _ score: Double, hash: UInt64) {
        precondition(items.count < Int(UInt32.max), "too many members in one result")
        items.append(Item(offset: bytes.count, count: member.count, hash: hash, score: score))
        bytes.append(contentsOf: member)
        memberBytesMax = Swift.max(memberBytesMax, member.count)
    }

    /// The slot of the member, or the empty one where it belongs.
    private func find(_ hash: UInt64, _ member: Bytes) -> Int {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash >> 20) & mask
        while slots[slot] != 0 {
            let item = items[Int(slots[slot]) - 1]
            if item.hash == hash, item.count == member.count,
                bytes.withUnsafeBytes({ $0.slice(item.offset, item.count).equals(member) })
            {
                return slot
            }
            slot = (slot + 1) & mask
        }
        return slot
    }

    private mutating func grow() {
        let size = Swift.max(slots.count * 2, 64)
        slots = [UInt32](repeating: 0, count: size)
        for (index, item) in items.enumerated() {
            var slot = Int(truncatingIfNeeded: item.hash >> 20) & (size - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = UInt32(index + 1)
        }
    }

    // MARK: Result

    /// Puts the members in the order of a sorted set; nothing may be added afterwards.
    /// O(n log n), O(n) when they came in order.
    mutating func sort() {
        slots = []
        items.removeAll { $0.score.isNaN }
        // What was taken back counts no more: the longest decides over the encoding.
        memberBytesMax = items.reduce(0) { Swift.max($0, $1.count) }
        var items = items
        self.items = []
        bytes.withUnsafeBytes { bytes in
            func precedes(_ one: Item, _ other: Item) -> Bool {
                sortedSetPrecedes(
                    one.score, bytes.slice(one.offset, one.count),
                    other.score, bytes.slice(other.offset, other.count))
            }
            var isSorted = true
            for index in items.indices.dropFirst() where isSorted {
                isSorted = precedes(items[index - 1], items[index])
            }
            if !isSorted { items.sort(by: precedes) }
        }
        self.items = items
    }

    /// Lends every member. O(n).
    func forEach(_ body: (_ member: Bytes, _ score: Double) -> Void) {
        bytes.withUnsafeBytes { bytes in
            for item in items { body(bytes.slice(item.offset, item.count), item.score) }
        }
    }

    /// A sorted set of the sorted members, of which there is at least one; the caller owns it.
    func makeValue(_ limits: SortedSetLimits) -> SortedSetValue {
        var value = SortedSetValue.create(count: count, memberBytes: memberBytesMax, limits)
        forEach { value.append($0, $1) }
        return value
    }
}
