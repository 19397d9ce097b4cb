// When keys expire: pairs of (time, key hash) in the order of time, 16 bytes each in a counted
// B+tree (about 20 with its gaps). The index names keys by their hash only; whoever removes an
// expired key finds it in the hot table by the hash and checks its time, so that two keys with one
// hash do no harm, and equal pairs may be present more than once.

/// An ordered multiset of (expiry in Unix milliseconds, key hash).
struct ExpiryIndex: ~Copyable {
    private var tree = OrderTree()
    /// Of all expiry times, in milliseconds.
    private var sum: Int128 = 0

    init() {}

    var count: Int { tree.count }

    /// What the index occupies.
    var memoryBytes: Int { tree.memoryBytes }

    /// Times order as unsigned integers with the sign flipped.
    @inline(__always)
    private static func item(_ timeMs: Int64, _ hash: UInt64) -> OrderItem {
        OrderItem(key: UInt64(bitPattern: timeMs) ^ 1 << 63, value: hash)
    }

    @inline(__always)
    private static func time(_ item: OrderItem) -> Int64 {
        Int64(bitPattern: item.key ^ 1 << 63)
    }

    @inline(__always)
    private static func isBefore(_ a: OrderItem, _ b: OrderItem) -> Bool {
        a.key < b.key || (a.key == b.key && a.value < b.value)
    }

    /// Notes that the key with `hash` expires at `timeMs`. O(log n).
    mutating func insert(_ timeMs: Int64, _ hash: UInt64) {
        let item = Self.item(timeMs, hash)
        sum += Int128(timeMs)
        if let last = tree.last, !Self.isBefore(item, last) {
            tree.append(item)
        } else {
            tree.insert(item) { Self.isBefore($0, item) }
        }
    }

    /// Takes one such pair out; false when it is not there. O(log n).
    @discardableResult
    mutating func remove(_ timeMs: Int64, _ hash: UInt64) -> Bool {
        let item = Self.item(timeMs, hash)
        if !tree.remove(item, { !Self.isBefore(item, $0) }) { return false }
        sum -= Int128(timeMs)
        return true
    }

    /// The pair that is due first. O(log n).
    var first: (timeMs: Int64, hash: UInt64)? {
        if count == 0 { return nil }
        let item = tree.item(at: 0)
        return (Self.time(item), item.value)
    }

    /// Visits the first `max` pairs in order of time. O(log n + pairs).
    func visitFirst(_ max: Int, _ body: (_ timeMs: Int64, _ hash: UInt64) -> Void) {
        tree.visit(0..<min(max, count)) { body(ExpiryIndex.time($0), $0.value) }
    }

    /// The mean of all times, in Unix milliseconds; nil when empty. For INFO's `avg_ttl`. O(1).
    var averageMs: Int64? { count == 0 ? nil : Int64(sum / Int128(count)) }

    /// Forgets everything.
    mutating func removeAll() {
        tree.removeAll()
        sum = 0
    }

    /// Forgets up to `max` pairs; returns how many. For freeing a large index in slices.
    @discardableResult
    mutating func removeSome(max: Int) -> Int {
        let taken = min(max, count)
        popLast(taken)
        return taken
    }

    private mutating func popLast(_ number: Int) {
        var taken: Int128 = 0
        tree.removeRange(count - number..<count) { taken += Int128(Self.time($0)) }
        sum -= taken
    }
}
