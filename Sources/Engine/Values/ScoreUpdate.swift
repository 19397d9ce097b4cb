// What ZADD does to one member: set or increment its score, under conditions.

/// The conditions of an update; without any, the score is set.
struct ScoreUpdate: OptionSet {
    let rawValue: UInt8
    /// Only members that are not there yet.
    static let onlyNew = ScoreUpdate(rawValue: 1)
    /// Only members that are there.
    static let onlyExisting = ScoreUpdate(rawValue: 2)
    /// Existing members only if the score grows.
    static let onlyGreater = ScoreUpdate(rawValue: 4)
    /// Existing members only if the score shrinks.
    static let onlyLess = ScoreUpdate(rawValue: 8)
    /// The number is added to the score, of new members to 0.
    static let increments = ScoreUpdate(rawValue: 16)

    enum Outcome: Equatable {
        case added(Double)
        case updated(Double)
        /// The score was that already.
        case unchanged(Double)
        /// The conditions forbade it.
        case refused
        /// The increment would have made the score NaN; nothing was changed.
        case notANumber
    }

    /// What becomes of a member whose score is `current` (nil: a new one); the caller carries it
    /// out. Source: Redis 7.0, `zsetAdd`.
    @inline(__always)
    func outcome(_ number: Double, current: Double?) -> Outcome {
        guard let current else {
            return contains(.onlyExisting) ? .refused : .added(number)
        }
        if contains(.onlyNew) { return .refused }
        var score = number
        if contains(.increments) {
            score += current
            if score.isNaN { return .notANumber }
        }
        if contains(.onlyLess), score >= current { return .refused }
        if contains(.onlyGreater), score <= current { return .refused }
        return score == current ? .unchanged(score) : .updated(score)
    }
}
