// Places of a sorted set within a shape.

struct GeoMatches {
    struct Match {
        fileprivate var offset: Int
        fileprivate var count: Int
        var score: Double
        var point: GeoPoint
        /// Meters.
        var distance: Double
    }

    private(set) var matches: [Match] = []
    private var bytes: [UInt8] = []

    enum Order { case none, nearest, farthest }

    /// Finds the members of `value` within `shape`, cell by cell; stops when `limit` are found.
    /// O(members in the cells).
    init(_ value: SortedSetValue, _ shape: GeoShape, limit: Int) {
        for cell in shape.cells() where matches.count < limit {
            let range = ScoreRange(
                min: .inclusive(Double(cell.score)), max: .exclusive(Double(cell.next.score)))
            add(value, value.ranks(in: range), shape, limit)
        }
    }

    private mutating func add(
        _ value: SortedSetValue, _ ranks: Range<Int>, _ shape: GeoShape, _ limit: Int
    ) {
        // In pieces, so that a limit ends the walk soon.
        for start in stride(from: ranks.lowerBound, to: ranks.upperBound, by: 256) {
            if matches.count >= limit { return }
            value.forEach(start..<Swift.min(start + 256, ranks.upperBound)) { member, score in
                guard matches.count < limit else { return }
                let point = GeoHash(score: score).center
                guard let distance = shape.distance(to: point) else { return }
                member.withBytes { name in
                    matches.append(
                        Match(
                            offset: bytes.count, count: name.count, score: score, point: point,
                            distance: distance))
                    bytes.append(contentsOf: name)
                }
            }
        }
    }

    /// Sorts by distance; equal ones stay in the order in which they were found. O(n log n).
    mutating func sort(_ order: Order) {
        switch order {
        case .none: return
        case .nearest: matches.sort { $0.distance < $1.distance }
        case .farthest: matches.sort { $0.distance > $1.distance }
        }
    }

    /// Lends the first `count` matches.
    func forEach(first count: Int, _ body: (_ member: Bytes, _ match: Match) -> Void) {
        bytes.withUnsafeBytes { bytes in
            for match in matches.prefix(count) {
                body(bytes.slice(match.offset, match.count), match)
            }
        }
    }
}
