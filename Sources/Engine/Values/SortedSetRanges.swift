// What a range of a sorted set is: between two scores, or between two members.
//
// Either kind of range is, in a given sorted set, a run of consecutive ranks. So a range is only
// ever asked two questions: does an element come before it, and does it end behind an element.
// Everything else (count, limit, direction, removal) is arithmetic on ranks.

/// Scores between two bounds.
struct ScoreRange {
    var min: ScoreBound
    var max: ScoreBound

    /// Whether the range begins behind this score.
    @inline(__always)
    func isAfter(_ score: Double) -> Bool {
        switch min {
        case .inclusive(let bound): score < bound
        case .exclusive(let bound): score <= bound
        }
    }

    /// Whether the range ends behind this score, or at it.
    @inline(__always)
    func endsAfter(_ score: Double) -> Bool {
        switch max {
        case .inclusive(let bound): score <= bound
        case .exclusive(let bound): score < bound
        }
    }
}

/// Members between two bounds in byte order. Meaningful where all scores are equal.
struct LexRange {
    var min: LexBound
    var max: LexBound

    /// Whether the range begins behind this member.
    @inline(__always)
    func isAfter(_ member: Bytes) -> Bool {
        switch min {
        case .minimum: false
        case .maximum: true
        case .inclusive(let bound): member.compare(bound) < 0
        case .exclusive(let bound): member.compare(bound) <= 0
        }
    }

    /// Whether the range ends behind this member, or at it.
    @inline(__always)
    func endsAfter(_ member: Bytes) -> Bool {
        switch max {
        case .minimum: false
        case .maximum: true
        case .inclusive(let bound): member.compare(bound) <= 0
        case .exclusive(let bound): member.compare(bound) < 0
        }
    }
}

/// Whether a first element comes before a second: by score, then by member in byte order.
@inline(__always)
func sortedSetPrecedes(
    _ score: Double, _ member: Bytes, _ otherScore: Double, _ otherMember: Bytes
) -> Bool {
    score < otherScore || (score == otherScore && member.compare(otherMember) < 0)
}
