// Random members of a set.
//
// Every choice of members is equally likely in an intset; in a table, as even as the hash spreads
// members over its segments (see `HashTable.randomEntry`).

extension SetValue {
    /// A member at random, a view of the set; the set has at least one. O(1).
    @inline(__always)
    func random(_ random: inout Random) -> ListPackElement {
        if isIntSet { return .integer(intSet.random(using: &random)) }
        guard let member = table.pointee.random(random.next()) else {
            preconditionFailure("a random member of an empty set")
        }
        return .bytes(member)
    }

    /// `wanted` different members in random order, all if there are fewer; views of the set.
    /// Few are drawn one by one until enough differ; a large share is taken from the list of all
    /// by exchanging (Fisher-Yates), which never has to draw twice. O(wanted), O(n) at most.
    func sample(_ wanted: Int, _ random: inout Random) -> [ListPackElement] {
        let count = count
        var picked: [ListPackElement] = []
        if wanted >= count {
            picked.reserveCapacity(count)
            forEach { picked.append($0) }
            return picked
        }
        picked.reserveCapacity(wanted)
        if wanted < count / 3 {
            if isIntSet {
                var indexes = Set<Int>(minimumCapacity: wanted)
                while picked.count < wanted {
                    let index = Int.random(in: 0..<count, using: &random)
                    if indexes.insert(index).inserted {
                        picked.append(.integer(intSet.get(index)))
                    }
                }
                return picked
            }
            // The place of a member in memory tells it from any other, also when it is empty.
            var places = Set<UnsafeRawPointer>(minimumCapacity: wanted)
            while picked.count < wanted, let member = table.pointee.random(random.next()) {
                if places.insert(member.baseAddress!).inserted { picked.append(.bytes(member)) }
            }
            return picked
        }
        picked.reserveCapacity(count)
        forEach { picked.append($0) }
        for index in 0..<wanted {
            picked.swapAt(index, Int.random(in: index..<count, using: &random))
        }
        picked.removeLast(count - wanted)
        return picked
    }
}
