// The same conversations with Firn that were had with redis-server 7.0.15.

import Testing

@testable import Engine

@Suite struct DialogTests {
    /// Words separated by spaces; double quotes hold spaces, or nothing, together.
    static func split(_ line: String) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        var isQuoted = false
        var isWord = false
        for byte in line.utf8 {
            if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
                isWord = true
            } else if byte == UInt8(ascii: " "), !isQuoted {
                if isWord { words.append(word) }
                word = []
                isWord = false
            } else {
                word.append(byte)
                isWord = true
            }
        }
        if isWord { words.append(word) }
        return words
    }

    @Test func repliesAreThoseOfRedis() {
        let test = TestEngine { $0.enableDebugCommand = .yes }
        let dialogs =
            RedisDialogs.all + RedisDialogs.bits + RedisDialogs.hyperLogLog + RedisDialogs.geo
            + RedisDialogs.streams
        for (title, lines) in dialogs {
            for (line, wanted) in lines {
                let words = Self.split(line)
                if test.standIn(words) { continue }
                let reply = test.send(words).description
                #expect(reply == wanted, "\(title): \(line)")
            }
        }
    }
}

extension TestEngine {
    /// Does the work of the two commands that the dialogs need from other groups.
    fileprivate func standIn(_ words: [[UInt8]]) -> Bool {
        switch String(decoding: words[0], as: UTF8.self) {
        case "FLUSHALL": engine.flushAll(lazily: false)
        case "SELECT": client.database = Int(String(decoding: words[1], as: UTF8.self))!
        default: return false
        }
        return true
    }
}
