// Ranges of a sorted set. Bounds by score or by member become ranks first; everything else is
// done with ranges of ranks, ascending from 0.

/// One end of a range of scores.
enum ScoreBound {
    case inclusive(Double)
    case exclusive(Double)
}

/// One end of a range of members; `minimum` and `maximum` are ZRANGEBYLEX's `-` and `+`.
enum LexBound {
    case minimum
    case maximum
    case inclusive(Bytes)
    case exclusive(Bytes)
}

extension SortedSet {
    // MARK: Bounds to ranks

    /// The ranks of the members with scores from `min` to `max`; empty when there are none.
    /// Its count is ZCOUNT. O(log n).
    func ranks(from min: ScoreBound, to max: ScoreBound) -> Range<Int> {
        let lower =
            switch min {
            case .inclusive(let score): rank(below: score)
            case .exclusive(let score): rank(notAbove: score)
            }
        let upper =
            switch max {
            case .inclusive(let score): rank(notAbove: score)
            case .exclusive(let score): rank(below: score)
            }
        return lower..<Swift.max(lower, upper)
    }

    /// The ranks of the members from `min` to `max` in byte order, in a set whose scores are all
    /// equal (as with Redis, unspecified where they are not). Its count is ZLEXCOUNT. O(log n).
    func ranks(from min: LexBound, to max: LexBound) -> Range<Int> {
        let lower = rank(min, orAt: false)
        return lower..<Swift.max(lower, rank(max, orAt: true))
    }

    private func rank(below score: Double) -> Int {
        let key = MemberEntry.orderKey(score)
        return tree.rank { $0.key < key }
    }

    private func rank(notAbove score: Double) -> Int {
        let key = MemberEntry.orderKey(score)
        return tree.rank { $0.key <= key }
    }

    /// How many members are before `bound`; `orAt` says which side of an inclusive member the
    /// bound is on: it counts the member itself as an upper bound.
    private func rank(_ bound: LexBound, orAt isUpper: Bool) -> Int {
        switch bound {
        case .minimum: return 0
        case .maximum: return count
        case .inclusive(let member): return rank(of: member, counted: isUpper)
        case .exclusive(let member): return rank(of: member, counted: !isUpper)
        }
    }

    private func rank(of member: Bytes, counted: Bool) -> Int {
        let limit = counted ? 1 : 0
        return tree.rank {
            MemberEntry.member(MemberEntry.entry($0)).compare(member) < limit
        }
    }

    // MARK: Using ranks

    /// The member at `rank`, which is less than the count. O(log n).
    func element(at rank: Int) -> (member: Bytes, score: Double) {
        let entry = MemberEntry.entry(tree.item(at: rank))
        return (MemberEntry.member(entry), MemberEntry.score(entry))
    }

    /// Visits the members of the given ranks in ascending order, or descending. The set must
    /// not change meanwhile. O(log n + members).
    @inline(__always)
    func visit(
        _ ranks: Range<Int>, reversed: Bool = false,
        _ body: (_ member: Bytes, _ score: Double) -> Void
    ) {
        tree.visit(ranks, reversed: reversed) {
            let entry = MemberEntry.entry($0)
            body(MemberEntry.member(entry), MemberEntry.score(entry))
        }
    }

    /// Visits all members in order.
    @inline(__always)
    func forEach(_ body: (_ member: Bytes, _ score: Double) -> Void) { visit(0..<count, body) }

    /// Removes the members of the given ranks, lending each to `body` before it goes, in
    /// ascending order. O(log n + members).
    @inline(__always)
    mutating func removeRange(
        _ ranks: Range<Int>, _ body: (_ member: Bytes, _ score: Double) -> Void
    ) {
        // Entries are freed only after the tree has let go of all of them in a leaf.
        var left = ranks.count
        while left > 0 {
            let start = ranks.lowerBound
            let slice = Swift.min(left, 64)
            withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: slice) {
                let gone = $0
                var taken = 0
                tree.removeRange(start..<start &+ slice) {
                    gone[taken] = MemberEntry.entry($0)
                    taken &+= 1
                }
                for i in 0..<taken {
                    let entry = gone[i]
                    body(MemberEntry.member(entry), MemberEntry.score(entry))
                    table.remove(MemberEntry.hash(entry, table.secret), entry: entry)
                    free(entry)
                }
            }
            left &-= slice
        }
    }

    /// Removes the member with the least score, lending it to `body`; false when the set is
    /// empty. O(log n).
    @discardableResult
    mutating func popMin(_ body: (_ member: Bytes, _ score: Double) -> Void) -> Bool {
        if count == 0 { return false }
        removeRange(0..<1, body)
        return true
    }

    /// Removes the member with the greatest score, lending it to `body`; false when the set is
    /// empty. O(log n).
    @discardableResult
    mutating func popMax(_ body: (_ member: Bytes, _ score: Double) -> Void) -> Bool {
        if count == 0 { return false }
        removeRange(count - 1..<count, body)
        return true
    }
}
