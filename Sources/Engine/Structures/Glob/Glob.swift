// Glob patterns as KEYS, SCAN MATCH, PSUBSCRIBE and CONFIG GET know them: `*`, `?`, `[abc]`,
// `[a-z]`, `[^a]`, and `\` to take the next byte as it is. Bytes, not characters.
//
// A pattern with many stars would try exponentially many ways. When what follows a star runs out
// of text without a match, a longer run of any earlier star cannot match either, so all of them
// stop at once: at most O(pattern * text) steps.
//
// The oddities are Redis 7.0's, kept on purpose: an unclosed class ends with the pattern, a
// reversed range is turned around, and a trailing backslash stands for itself.

/// Glob matching.
package enum Glob {
    /// Whether all of `text` matches `pattern`. O(pattern * text) at worst.
    package static func matches(
        _ pattern: Bytes, _ text: Bytes, ignoringCase: Bool = false
    ) -> Bool {
        var hopeless = false
        return match(pattern, 0, text, 0, ignoringCase, &hopeless)
    }

    /// `hopeless` is set when the text ran out behind a star.
    private static func match(
        _ pattern: Bytes, _ patternStart: Int, _ text: Bytes, _ textStart: Int,
        _ ignoringCase: Bool, _ hopeless: inout Bool
    ) -> Bool {
        var p = patternStart
        var t = textStart
        while p < pattern.count && t < text.count {
            switch pattern[p] {
            case UInt8(ascii: "*"):
                while p + 1 < pattern.count && pattern[p + 1] == UInt8(ascii: "*") { p += 1 }
                if p + 1 == pattern.count { return true }
                while t < text.count {
                    if match(pattern, p + 1, text, t, ignoringCase, &hopeless) { return true }
                    if hopeless { return false }
                    t += 1
                }
                hopeless = true
                return false
            case UInt8(ascii: "?"):
                break
            case UInt8(ascii: "["):
                if !matchClass(pattern, &p, text[t], ignoringCase) { return false }
            case UInt8(ascii: "\\") where p + 1 < pattern.count:
                p += 1
                if !same(pattern[p], text[t], ignoringCase) { return false }
            default:
                if !same(pattern[p], text[t], ignoringCase) { return false }
            }
            t += 1
            p += 1
        }
        // A text that was empty from the start matches the empty pattern only, not even `*`.
        if t == text.count && t > textStart {
            while p < pattern.count && pattern[p] == UInt8(ascii: "*") { p += 1 }
        }
        return p == pattern.count && t == text.count
    }

    /// Matches one byte against the class at `p`, and leaves `p` on its last byte.
    private static func matchClass(
        _ pattern: Bytes, _ p: inout Int, _ byte: UInt8, _ ignoringCase: Bool
    ) -> Bool {
        p += 1
        let negated = p < pattern.count && pattern[p] == UInt8(ascii: "^")
        if negated { p += 1 }
        let wanted = fold(byte, ignoringCase)
        var found = false
        while true {
            if p >= pattern.count {
                p = pattern.count - 1
                break
            }
            if pattern[p] == UInt8(ascii: "\\") && p + 1 < pattern.count {
                p += 1
                if pattern[p] == byte { found = true }
            } else if pattern[p] == UInt8(ascii: "]") {
                break
            } else if p + 2 < pattern.count && pattern[p + 1] == UInt8(ascii: "-") {
                let low = fold(min(pattern[p], pattern[p + 2]), ignoringCase)
                let high = fold(max(pattern[p], pattern[p + 2]), ignoringCase)
                p += 2
                if wanted >= low && wanted <= high { found = true }
            } else if same(pattern[p], byte, ignoringCase) {
                found = true
            }
            p += 1
        }
        return found != negated
    }

    @inline(__always)
    private static func same(_ a: UInt8, _ b: UInt8, _ ignoringCase: Bool) -> Bool {
        a == b || (ignoringCase && fold(a, true) == fold(b, true))
    }

    @inline(__always)
    private static func fold(_ byte: UInt8, _ ignoringCase: Bool) -> UInt8 {
        ignoringCase && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }
}
