// Scores and bounds of ranges among a command's arguments, as Redis reads them.

import Glibc

enum SortedSetArguments {
    /// The bounds of a range of scores: `1.5`, `(1.5` (without the bound itself), `-inf`, `+inf`.
    static func scoreRange(_ min: Bytes, _ max: Bytes) throws(CommandError) -> ScoreRange {
        guard let min = scoreBound(min), let max = scoreBound(max) else {
            throw .message("ERR min or max is not a float")
        }
        return ScoreRange(min: min, max: max)
    }

    private static func scoreBound(_ text: Bytes) -> ScoreBound? {
        if text.first == UInt8(ascii: "(") {
            return looseDouble(text.slice(1, text.count - 1)).map { .exclusive($0) }
        }
        return looseDouble(text).map { .inclusive($0) }
    }

    /// What C's `strtod` makes of the whole text: more than a score may be. Nothing at all is 0,
    /// leading spaces are skipped, too large a number is infinite.
    private static func looseDouble(_ text: Bytes) -> Double? {
        if let value = Numbers.parseDouble(text) { return value }
        // Where no number is that long, it is not worth a copy.
        guard text.count < 512 else { return nil }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: text.count + 1) { room in
            let start = room.baseAddress!
            if text.count > 0 { memcpy(start, text.baseAddress!, text.count) }
            start[text.count] = 0
            var end: UnsafeMutablePointer<CChar>?
            let value = strtod(start, &end)
            guard let end, end.pointee == 0, !value.isNaN else { return nil }
            return value
        }
    }

    /// The bounds of a range of members: `[a` with the member, `(a` without, `-` and `+`.
    static func lexRange(_ min: Bytes, _ max: Bytes) throws(CommandError) -> LexRange {
        guard let min = lexBound(min), let max = lexBound(max) else {
            throw .message("ERR min or max not valid string range item")
        }
        return LexRange(min: min, max: max)
    }

    private static func lexBound(_ text: Bytes) -> LexBound? {
        guard let first = text.first else { return nil }
        switch first {
        case UInt8(ascii: "["): return .inclusive(text.slice(1, text.count - 1))
        case UInt8(ascii: "("): return .exclusive(text.slice(1, text.count - 1))
        case UInt8(ascii: "-") where text.count == 1: return .minimum
        case UInt8(ascii: "+") where text.count == 1: return .maximum
        default: return nil
        }
    }

    /// The ranks from `start` to `stop`, both included and counted from the end when negative,
    /// as far as they exist among `count`.
    static func ranks(_ start: Int64, _ stop: Int64, count: Int) -> Range<Int> {
        let count = Int64(count)
        // The sums cannot overflow: one side is negative.
        let first = Swift.max(start < 0 ? start + count : start, 0)
        let last = Swift.min(stop < 0 ? stop + count : stop, count - 1)
        return first > last ? 0..<0 : Int(first)..<Int(last) + 1
    }
}

extension Arguments {
    /// The score at `index`.
    func score(_ index: Int) throws(CommandError) -> Double {
        guard let value = Numbers.parseDouble(self[index]) else { throw .notAFloat }
        return value
    }
}
