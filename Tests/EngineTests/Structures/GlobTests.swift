// Which of the texts each pattern matches, bit i for text i, as KEYS of redis-server 7.0.15 said.

import Testing

@testable import Engine

@Suite struct GlobTests {
    static let texts = [
        "", "a", "b", "ab", "ba", "aab", "abc", "a-c", "a]b", "[a", "\\a", "a*b", "^a", "aaab",
        "cab", "Ab", "a?c", "-", "b]", "abab",
    ]
    static let golden: [(pattern: String, matches: UInt32)] = [
        ("", 0x1), ("**", 0xffffe), ("***a***b", 0x86928), ("**^", 0x0), ("*-*\\-", 0x0),
        ("*-acb]", 0x0), ("*?*?a*", 0x82000), ("*?*\\--", 0x0), ("*?-", 0x0), ("*??", 0xdfff8),
        ("*?^", 0x0), ("*[", 0x0), ("*[*\\?", 0x0), ("*[-", 0x20000), ("*[^b]", 0x716d2),
        ("*[a-b]c", 0x40), ("*[b", 0x8e92c), ("*\\?*", 0x10000), ("*^b", 0x0), ("*a[]*", 0x0),
        ("*a\\\\\\", 0x0), ("*c[", 0x0), ("*cb-", 0x0), ("-", 0x20000), ("--*?", 0x0),
        ("-?", 0x0), ("-?*", 0x0), ("-]", 0x0), ("-]^", 0x0), ("?", 0x20006), ("?*", 0xffffe),
        ("?*b", 0x8e928), ("?-?", 0x80), ("??", 0x49618), ("???c?", 0x0), ("?]a", 0x0),
        ("?a-", 0x0), ("?c", 0x0), ("?cb]a", 0x0), ("[", 0x0), ("[*]**", 0x0), ("[-]", 0x20000),
        ("[?", 0x0), ("[\\[", 0x0), ("[\\]]*", 0x0), ("[\\a-c]", 0x20002), ("[]*", 0x0),
        ("[]a]", 0x0), ("[^", 0x20006), ("[^]a]*", 0x0), ("[^^", 0x20006), ("[^a", 0x20004),
        ("[a", 0x2), ("[a*^**", 0x2), ("[a-", 0x20002), ("[a-]*", 0x2), ("[a-c]", 0x6),
        ("[a\\-c]*", 0xb69ea), ("[a]c", 0x0), ("[c-a]*", 0xd69fe), ("\\", 0x0), ("\\*", 0x0),
        ("\\?", 0x0), ("\\\\", 0x0), ("\\\\**a?", 0x0), ("\\][^?", 0x0), ("\\a", 0x2),
        ("]", 0x0), ("]?", 0x0), ("]?bba", 0x0), ("][\\", 0x0), ("][b*^", 0x0), ("]]a", 0x0),
        ("]^bc", 0x0), ("]a]cc-", 0x0), ("^*?", 0x1000), ("^-*a*", 0x0), ("^[*?b", 0x0),
        ("^[a?\\c", 0x1000), ("^a?", 0x0), ("^cb-c?", 0x0), ("a*?", 0x929e8), ("a-^-?b", 0x0),
        ("a-b]", 0x0), ("a?", 0x8), ("a??*?", 0x82000), ("a?[\\*", 0x0), ("a[\\?", 0x0),
        ("a\\", 0x0), ("a\\*b", 0x800), ("aa][?a", 0x0), ("aa^]", 0x0), ("ab", 0x8),
        ("aba*?c", 0x0), ("b", 0x4), ("b*", 0x40014), ("b--*?b", 0x0), ("b??", 0x0),
        ("b?]", 0x0), ("b]]*", 0x0), ("b^-a?c", 0x0), ("b^?*b", 0x0), ("b^\\?a", 0x0),
        ("ba*a-*", 0x0), ("ba^a", 0x0), ("bb", 0x0), ("bc*?*", 0x0), ("c", 0x0), ("c*a\\", 0x0),
    ]

    func matches(_ pattern: String, _ text: String, ignoringCase: Bool = false) -> Bool {
        Array(pattern.utf8).withUnsafeBytes { pattern in
            Array(text.utf8).withUnsafeBytes {
                Glob.matches(pattern, $0, ignoringCase: ignoringCase)
            }
        }
    }

    @Test func agreesWithRedis() {
        for (pattern, expected) in Self.golden {
            for (i, text) in Self.texts.enumerated() {
                let wanted = expected >> UInt32(i) & 1 == 1
                #expect(matches(pattern, text) == wanted, "\(pattern) on \(text)")
            }
        }
    }

    @Test func everythingMatchesAStarExceptNothing() {
        for text in Self.texts { #expect(matches("*", text) == !text.isEmpty) }
    }

    @Test func caseIsIgnoredOnRequest() {
        #expect(matches("MaxMem*", "maxmemory", ignoringCase: true))
        #expect(!matches("MaxMem*", "maxmemory"))
        #expect(matches("[A-C]x", "bX", ignoringCase: true))
        #expect(matches("[z-A]", "m", ignoringCase: true))
        #expect(!matches("[\\A]", "a", ignoringCase: true))
    }

    @Test func manyStarsTakeNoExponentialTime() {
        let text = String(repeating: "a", count: 20000)
        #expect(!matches(String(repeating: "a*", count: 40) + "b", text))
        #expect(!matches(String(repeating: "*?", count: 40) + "b", text))
    }

    /// It has more stars than a match may go through; finding that out takes no stack either.
    @Test func aPatternOfNothingButStarsNeedsNoStack() {
        let text = String(repeating: "a", count: 200_000)
        let isMatched = matches(String(repeating: "*a", count: 200_000), text)
        #expect(!isMatched)
    }

    @Test func aThousandStarsAreEnough() {
        for (stars, isMatched) in [(999, true), (1000, true), (1001, false)] {
            let text = String(repeating: "a", count: stars)
            #expect(matches(String(repeating: "*?", count: stars), text) == isMatched)
            #expect(matches(String(repeating: "**?", count: stars), text) == isMatched)
            #expect(matches(String(repeating: "*?", count: stars) + "*", text) == isMatched)
        }
        // Nothing stands behind the last run: it is free.
        #expect(matches(String(repeating: "*", count: 5000), "a"))
    }
}
