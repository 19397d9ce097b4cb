// Random fields of a hash.

extension HashValue {
    /// Lends one pair, each with the same chance (in a table: as evenly as the hash spreads).
    /// The hash has at least one. O(1); O(bytes) while packed; up to O(n) where fields are hidden.
    @inline(__always)
    func random(
        _ random: inout Random, _ body: (_ field: ListPackElement, _ value: ListPackElement) -> Void
    ) {
        if hidesFields { return randomVisible(&random, body) }
        if isPacked {
            let pack = pack
            let width = packedWidth
            let index = Int(random.next(upperBound: UInt64(pack.count / width)))
            guard let field = pack.seek(index * width), let value = pack.next(field) else { return }
            body(pack.element(at: field), pack.element(at: value))
        } else if let (field, value, _) = table.pointee.random(random.next()) {
            body(.bytes(field), .bytes(value))
        }
    }

    /// Lends `wanted` different pairs, fewer if there are fewer. A packed hash and a large share
    /// of a table are gone through once, each pair taken with the chance that leaves every
    /// choice equally likely (Knuth, "Selection sampling"); of a large table single pairs are
    /// drawn until enough differ. O(n) or O(wanted).
    func randomDistinct(
        _ wanted: Int, _ random: inout Random,
        _ body: (_ field: ListPackElement, _ value: ListPackElement) -> Void
    ) {
        let count = count
        if wanted >= count { return forEach(body) }
        if isPacked || hidesFields || wanted > count / 3 {
            var left = UInt64(count)
            var needed = UInt64(wanted)
            forEach { field, value in
                if needed > 0, random.next(upperBound: left) < needed {
                    body(field, value)
                    needed -= 1
                }
                left -= 1
            }
            return
        }
        var taken = Set<UnsafeRawPointer>(minimumCapacity: wanted)
        while taken.count < wanted {
            guard let (field, value, _) = table.pointee.random(random.next()) else { return }
            // The place of a field in memory tells it from any other, also when it is empty.
            if taken.insert(field.baseAddress!).inserted { body(.bytes(field), .bytes(value)) }
        }
    }
}
