// Reading a hash without the fields that are past their time and still there.
//
// They stay where nothing may be removed (CLIENT PAUSE), or where removing all at once would take too
// long. Whoever reads sees what is left; whoever is about to write removes them first.

extension HashValue {
    /// Whether a field with this time is left out.
    @inline(__always)
    func hides(_ expiry: Int64?) -> Bool { expiry ?? .max < hiddenBefore }

    /// Whether `field` is there and left out. O(1); O(bytes) while packed.
    @inline(never)
    func hides(_ field: Bytes) -> Bool { hides(expiry(of: field)) }

    /// Number of fields that are not left out. O(log n); O(n) while packed.
    @inline(never)
    var visibleCount: Int { HashValue(entry).count - dueCount(before: hiddenBefore) }

    @inline(never)
    func forEachVisible(_ body: (_ field: ListPackElement, _ value: ListPackElement) -> Void) {
        forEachExpiring { field, value, expiry in
            if !hides(expiry) { body(field, value) }
        }
    }

    /// The pairs that are not left out: views, good until the hash changes. O(n).
    var visiblePairs: [(field: ListPackElement, value: ListPackElement)] {
        var pairs: [(field: ListPackElement, value: ListPackElement)] = []
        pairs.reserveCapacity(visibleCount)
        forEachVisible { pairs.append(($0, $1)) }
        return pairs
    }

    /// Lends one pair that is not left out, each with the same chance. O(n) when nearly all are.
    @inline(never)
    func randomVisible(
        _ random: inout Random, _ body: (_ field: ListPackElement, _ value: ListPackElement) -> Void
    ) {
        for _ in 0..<(isPacked ? 0 : 64) {
            guard let (field, value, expiry) = table.pointee.random(random.next()) else { return }
            if !hides(expiry) { return body(.bytes(field), .bytes(value)) }
        }
        let pairs = visiblePairs
        if pairs.isEmpty { return }
        let (field, value) = pairs[Int(random.next(upperBound: UInt64(pairs.count)))]
        body(field, value)
    }
}
