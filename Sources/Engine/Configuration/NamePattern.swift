// Patterns of CONFIG GET: `*`, `?`, `[a-z]`, `[^a]` and `\`, in any case of letters.

enum NamePattern {
    static func isPattern(_ text: String) -> Bool { text.utf8.contains { "*?[".utf8.contains($0) } }

    /// O(pattern × name): a star falls back to the last one only.
    static func matches(_ pattern: String, _ name: String) -> Bool {
        let pattern = Array(pattern.lowercased().utf8)
        let name = Array(name.lowercased().utf8)
        var p = 0
        var n = 0
        var star: (pattern: Int, name: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == 0x2A {
                star = (p + 1, n)
                p += 1
            } else if let next = one(pattern, p, name[n]) {
                p = next
                n += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                p = last.pattern
                n = last.name + 1
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == 0x2A }
    }

    /// Where the pattern goes on if its element at `p` matches `byte`.
    private static func one(_ pattern: [UInt8], _ p: Int, _ byte: UInt8) -> Int? {
        guard p < pattern.count else { return nil }
        switch pattern[p] {
        case 0x3F: return p + 1
        case 0x5C where p + 1 < pattern.count: return pattern[p + 1] == byte ? p + 2 : nil
        case 0x5B:
            var i = p + 1
            let negated = i < pattern.count && pattern[i] == 0x5E
            if negated { i += 1 }
            var found = false
            while i < pattern.count, pattern[i] != 0x5D {
                if i + 2 < pattern.count, pattern[i + 1] == 0x2D, pattern[i + 2] != 0x5D {
                    let bounds = [pattern[i], pattern[i + 2]].sorted()
                    if (bounds[0]...bounds[1]).contains(byte) { found = true }
                    i += 3
                } else {
                    if pattern[i] == byte { found = true }
                    i += 1
                }
            }
            return found != negated ? min(i + 1, pattern.count) : nil
        case let literal: return literal == byte ? p + 1 : nil
        }
    }
}
