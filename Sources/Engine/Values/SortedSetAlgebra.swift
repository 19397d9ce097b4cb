// Union, intersection and difference of sorted sets, and of plain sets among them, whose members
// all count with a score of 1.

/// One input: a sorted set, or a set.
enum ScoredSource {
    case sortedSet(SortedSetValue)
    case set(SetValue)

    /// The source that an entry of either type is; nil for other types.
    init?(_ entry: Entry) {
        switch entry.type {
        case .sortedSet: self = .sortedSet(SortedSetValue(entry))
        case .set: self = .set(SetValue(entry))
        default: return nil
        }
    }

    var count: Int {
        switch self {
        case .sortedSet(let value): value.count
        case .set(let value): value.count
        }
    }

    /// Which value it is; two sources from one key are the same.
    var identity: UnsafeMutableRawPointer {
        switch self {
        case .sortedSet(let value): value.pointer
        case .set(let value): value.pointer
        }
    }

    func score(of member: Bytes) -> Double? {
        switch self {
        case .sortedSet(let value): value.score(of: member)
        case .set(let value): value.contains(member) ? 1 : nil
        }
    }

    /// Lends all members. O(n).
    func forEach(_ body: (_ member: Bytes, _ score: Double) -> Void) {
        switch self {
        case .sortedSet(let value):
            value.forEach { member, score in member.withBytes { body($0, score) } }
        case .set(let value):
            value.forEach { $0.withBytes { body($0, 1) } }
        }
    }

    /// Lends members until `body` returns false. O(members lent).
    func walk(_ body: (_ member: Bytes, _ score: Double) -> Bool) {
        switch self {
        case .sortedSet(let value):
            let count = value.count
            var start = 0
            var goesOn = true
            while goesOn, start < count {
                let end = Swift.min(start + 256, count)
                value.forEach(start..<end) { member, score in
                    if goesOn { goesOn = member.withBytes { body($0, score) } }
                }
                start = end
            }
        case .set(let value):
            value.walk { $0.withBytes { body($0, 1) } }
        }
    }
}

/// How the scores of one member become one. The numbers never come out as NaN: where infinities
/// of both signs meet, Redis's convention is 0.
enum ScoreAggregate {
    case sum
    case min
    case max

    @inline(__always)
    func combine(_ one: Double, _ other: Double) -> Double {
        switch self {
        case .sum:
            let sum = one + other
            return sum.isNaN ? 0 : sum
        case .min: return other < one ? other : one
        case .max: return other > one ? other : one
        }
    }
}

/// A source and the factor of its scores.
struct WeightedSource {
    let source: ScoredSource
    var weight: Double

    /// Infinity times zero is 0.
    @inline(__always)
    func weighted(_ score: Double) -> Double {
        let product = score * weight
        return product.isNaN ? 0 : product
    }
}

enum SortedSetAlgebra {
    /// All members of any source. O(members), and the sorting of the result.
    static func union(
        _ sources: [WeightedSource], _ aggregate: ScoreAggregate, into result: inout ScoredMembers
    ) {
        // The smaller first, as in Redis: sums of floating point depend on the order.
        for input in sources.sorted(by: { $0.source.count < $1.source.count }) {
            input.source.forEach { member, score in
                result.merge(member, input.weighted(score)) { aggregate.combine($0, $1) }
            }
        }
    }

    /// The members of all sources, lent with their scores until `body` returns false.
    /// O(members of the smallest × number of sources).
    static func intersection(
        _ sources: [WeightedSource], _ aggregate: ScoreAggregate,
        _ body: (_ member: Bytes, _ score: Double) -> Bool
    ) {
        let sorted = sources.sorted { $0.source.count < $1.source.count }
        guard let smallest = sorted.first else { return }
        smallest.source.walk { member, score in
            var total = smallest.weighted(score)
            for other in sorted.dropFirst() {
                let found =
                    other.source.identity == smallest.source.identity
                    ? score : other.source.score(of: member)
                guard let found else { return true }
                total = aggregate.combine(total, found * other.weight)
            }
            return body(member, total)
        }
    }

    /// The members of the first source that no other has, with its scores. Two ways, as for sets
    /// (`SetAlgebra.difference`): probe the others, or copy the first and remove the others'
    /// members from it.
    static func difference(
        _ first: ScoredSource, _ others: [ScoredSource], into result: inout ScoredMembers
    ) {
        if others.contains(where: { $0.identity == first.identity }) { return }
        let probing = first.count * (others.count + 1) / 2
        let removing = others.reduce(first.count) { $0 + $1.count }
        if probing <= removing {
            let sorted = others.sorted { $0.count > $1.count }
            first.forEach { member, score in
                for other in sorted where other.score(of: member) != nil { return }
                result.append(member, score)
            }
            return
        }
        first.forEach { member, score in result.merge(member, score) { $1 } }
        var left = first.count
        for other in others where left > 0 {
            other.walk { member, _ in
                if result.remove(member) { left -= 1 }
                return left > 0
            }
        }
    }
}
