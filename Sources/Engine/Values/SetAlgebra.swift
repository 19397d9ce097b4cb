// Intersection, union and difference of sets, each by the cheapest way to go through them.
//
// Nothing here builds a result: the members are lent one by one, as views of the sets they come
// from, and the caller writes them to a reply or into a new set. Only where telling duplicates
// apart by probing other sets would cost more than a table of what has been seen is there one.

enum SetAlgebra {
    /// Above so many sets a union keeps a table of its members instead of probing the others.
    private static let probedUnionSetsMax = 4

    /// Lends the members that are in all `sets`, until `body` returns false. Walks the smallest
    /// and probes the others, the smaller first, for they are the likelier to lack the member.
    /// O(members of the smallest × number of sets).
    static func intersection(_ sets: [SetValue], _ body: (ListPackElement) -> Bool) {
        let sorted = distinct(sets).sorted { $0.count < $1.count }
        guard let smallest = sorted.first else { return }
        let others = sorted.dropFirst()
        smallest.walk { member in
            for other in others where !other.contains(member) { return true }
            return body(member)
        }
    }

    /// Lends each member of any of `sets` once. Few sets: the largest goes out as it is, then
    /// of each next what none before it has. Many: through a table. O(members), times the number
    /// of sets when they are few.
    static func union(_ sets: [SetValue], _ limits: SetLimits, _ body: (ListPackElement) -> Void) {
        let sorted = distinct(sets).sorted { $0.count > $1.count }
        guard sorted.count > probedUnionSetsMax else {
            for (index, set) in sorted.enumerated() {
                if index == 0 {
                    set.forEach(body)
                    continue
                }
                set.forEach { member in
                    for before in 0..<index where sorted[before].contains(member) { return }
                    body(member)
                }
            }
            return
        }
        var seen = sorted[0].copy()
        sorted[0].forEach(body)
        for set in sorted.dropFirst() {
            set.forEach { if seen.add($0, limits) { body($0) } }
        }
        seen.destroy()
    }

    /// Lends the members of `first` that no set of `others` has.
    ///
    /// Two ways, as in Redis: probe the others for each member of the first (cost: its size times
    /// the number of sets, halved because a hit ends the search), or copy the first and remove
    /// the members of the others from it (cost: all members). The estimate decides.
    static func difference(
        _ first: SetValue, _ others: [SetValue], _ body: (ListPackElement) -> Void
    ) {
        if others.contains(where: { $0.pointer == first.pointer }) { return }
        let probing = first.count * (others.count + 1) / 2
        let removing = others.reduce(first.count) { $0 + $1.count }
        if probing <= removing {
            // The larger first: the likelier to have the member.
            let sorted = others.sorted { $0.count > $1.count }
            first.forEach { member in
                for other in sorted where other.contains(member) { return }
                body(member)
            }
            return
        }
        var rest = first.copy()
        for other in others where rest.count > 0 {
            other.forEach { _ = rest.remove($0) }
        }
        rest.forEach(body)
        rest.destroy()
    }

    /// The sets without repetitions of the same one.
    private static func distinct(_ sets: [SetValue]) -> [SetValue] {
        var places = Set<UnsafeMutableRawPointer>()
        return sets.filter { places.insert($0.pointer).inserted }
    }
}
