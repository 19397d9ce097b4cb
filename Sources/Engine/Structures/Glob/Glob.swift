// Glob patterns as KEYS, SCAN MATCH, PSUBSCRIBE and CONFIG GET know them: `*`, `?`, `[abc]`,
// `[a-z]`, `[^a]`, and `\` to take the next byte as it is. Bytes, not characters.
//
// Only the last star met is remembered: when what follows it fails, that star takes one byte
// more. An earlier star never needs another try, for what follows it was found at its leftmost
// place already. So a match costs at most pattern times text, whatever the pattern, and no
// stack, however many stars a client sends.
//
// The oddities are Redis 7.0's, kept on purpose: an unclosed class ends with the pattern, a
// reversed range is turned around, a trailing backslash stands for itself, a text that was
// empty from the start matches the empty pattern only, not even `*`, and a text that needs more
// than a thousand stars with something behind them does not match.

/// A pattern, lent for the duration of a command.
package struct Glob {
    /// How many runs of stars a match may go through.
    private static let starRunsMax = 1000

    let pattern: Bytes

    @inline(__always)
    init(_ pattern: Bytes) { self.pattern = pattern }

    /// Whether the pattern is `*`, so that nobody need ask.
    var matchesAll: Bool { pattern.equals("*") }

    /// Whether all of `text` matches. O(pattern * text) at worst.
    @inline(__always)
    func matches(_ text: Bytes) -> Bool { Glob.matches(pattern, text) }

    /// Whether all of `text` matches `pattern`. O(pattern * text) at worst.
    package static func matches(
        _ pattern: Bytes, _ text: Bytes, ignoringCase: Bool = false
    ) -> Bool {
        if text.isEmpty { return pattern.isEmpty }
        var p = 0
        var t = 0
        var star = -1
        var starText = 0
        var starRuns = 0
        while t < text.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                if p + 1 == pattern.count { return true }
                if pattern[p + 1] != UInt8(ascii: "*") { starRuns += 1 }
                if starRuns > Glob.starRunsMax { return false }
                star = p
                starText = t
                p += 1
            } else if p < pattern.count,
                let next = matchOne(pattern, p, text[t], ignoringCase)
            {
                p = next
                t += 1
            } else {
                guard star >= 0 else { return false }
                starText += 1
                p = star + 1
                t = starText
            }
        }
        while p < pattern.count, pattern[p] == UInt8(ascii: "*") { p += 1 }
        return p == pattern.count
    }

    /// The place behind the one-byte piece of the pattern at `start` if it matches `byte`.
    @inline(__always)
    private static func matchOne(
        _ pattern: Bytes, _ start: Int, _ byte: UInt8, _ ignoringCase: Bool
    ) -> Int? {
        var p = start
        switch pattern[p] {
        case UInt8(ascii: "?"): return p + 1
        case UInt8(ascii: "["): return matchClass(pattern, start, byte, ignoringCase)
        case UInt8(ascii: "\\") where p + 1 < pattern.count: p += 1
        default: break
        }
        return fold(pattern[p], ignoringCase) == fold(byte, ignoringCase) ? p + 1 : nil
    }

    private static func matchClass(
        _ pattern: Bytes, _ start: Int, _ byte: UInt8, _ ignoringCase: Bool
    ) -> Int? {
        var p = start + 1
        let end = pattern.count
        let negated = p < end && pattern[p] == UInt8(ascii: "^")
        if negated { p += 1 }
        let wanted = fold(byte, ignoringCase)
        var found = false
        while p < end, pattern[p] != UInt8(ascii: "]") {
            if pattern[p] == UInt8(ascii: "\\"), p + 1 < end {
                if pattern[p + 1] == byte { found = true }
                p += 2
            } else if p + 2 < end, pattern[p + 1] == UInt8(ascii: "-") {
                let low = fold(min(pattern[p], pattern[p + 2]), ignoringCase)
                let high = fold(max(pattern[p], pattern[p + 2]), ignoringCase)
                if wanted >= low && wanted <= high { found = true }
                p += 3
            } else {
                if fold(pattern[p], ignoringCase) == wanted { found = true }
                p += 1
            }
        }
        if p < end { p += 1 }
        return found != negated ? p : nil
    }

    @inline(__always)
    private static func fold(_ byte: UInt8, _ ignoringCase: Bool) -> UInt8 {
        ignoringCase && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }
}
