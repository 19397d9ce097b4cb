// Lines of words, as people type them.
//
// An inline request, a line of a configuration file and a value of CONFIG SET are split by the
// same rules (Redis's `sdssplitargs`): words are separated by blanks; double quotes take the
// escapes \n \r \t \b \a \xHH and \ before any other byte for itself; single quotes take only
// \'; a quote may open inside a word, but a blank or the end must follow where it closes.
// Nothing is copied for a word without quotes.

/// Reads the words of one line, one at a time.
package struct ArgumentSplitter {
    package enum Word: Equatable {
        /// A range of the line itself.
        case plain(offset: Int, count: Int)
        /// A range of the unescaped bytes.
        case quoted(offset: Int, count: Int)
        case end
        case unbalanced
    }

    private let line: Bytes
    private var position = 0

    package init(_ line: Bytes) { self.line = line }

    @inline(__always)
    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
    }

    /// The next word; what it needed to unescape is appended to `unescaped`. O(word).
    package mutating func next(unescaped: inout FlatArray<UInt8>) -> Word {
        while position < line.count, Self.isSpace(line[position]) { position += 1 }
        if position == line.count { return .end }
        let start = position
        while position < line.count {
            switch line[position] {
            case 0x20, 0x09, 0x0A, 0x0D:
                return .plain(offset: start, count: position - start)
            case 0x22, 0x27:
                return quoted(from: start, into: &unescaped)
            default:
                position += 1
            }
        }
        return .plain(offset: start, count: position - start)
    }

    /// A word in which a quote occurs.
    private mutating func quoted(from start: Int, into out: inout FlatArray<UInt8>) -> Word {
        let first = out.count
        for i in start..<position { out.append(line[i]) }
        while position < line.count {
            let byte = line[position]
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D:
                return .quoted(offset: first, count: out.count - first)
            case 0x22, 0x27:
                position += 1
                let closed = byte == 0x22 ? doubleQuoted(&out) : singleQuoted(&out)
                // Blank or end must follow, which also makes this the end of the word.
                guard closed, position == line.count || Self.isSpace(line[position]) else {
                    return .unbalanced
                }
                return .quoted(offset: first, count: out.count - first)
            default:
                out.append(byte)
                position += 1
            }
        }
        return .quoted(offset: first, count: out.count - first)
    }

    /// Up to and past the closing quote; false when there is none.
    private mutating func doubleQuoted(_ out: inout FlatArray<UInt8>) -> Bool {
        while position < line.count {
            let byte = line[position]
            if byte == 0x22 {
                position += 1
                return true
            }
            guard byte == 0x5C, position + 1 < line.count else {
                out.append(byte)
                position += 1
                continue
            }
            let escape = line[position + 1]
            if escape == 0x78, position + 3 < line.count,
                let high = Self.hexDigit(line[position + 2]),
                let low = Self.hexDigit(line[position + 3])
            {
                out.append(high << 4 | low)
                position += 4
                continue
            }
            switch escape {
            case 0x6E: out.append(0x0A)
            case 0x72: out.append(0x0D)
            case 0x74: out.append(0x09)
            case 0x62: out.append(0x08)
            case 0x61: out.append(0x07)
            default: out.append(escape)
            }
            position += 2
        }
        return false
    }

    private mutating func singleQuoted(_ out: inout FlatArray<UInt8>) -> Bool {
        while position < line.count {
            var byte = line[position]
            if byte == 0x27 {
                position += 1
                return true
            }
            if byte == 0x5C, position + 1 < line.count, line[position + 1] == 0x27 {
                byte = 0x27
                position += 1
            }
            out.append(byte)
            position += 1
        }
        return false
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// All words of a line as strings, or nil for unbalanced quotes; off the request path.
    package static func words(_ line: Bytes) -> [String]? {
        var splitter = ArgumentSplitter(line)
        var unescaped = FlatArray<UInt8>()
        var words: [String] = []
        while true {
            switch splitter.next(unescaped: &unescaped) {
            case .plain(let offset, let count): words.append(line.slice(offset, count).text)
            case .quoted(let offset, let count):
                words.append(Bytes(unescaped.elements).slice(offset, count).text)
            case .end: return words
            case .unbalanced: return nil
            }
        }
    }
}
