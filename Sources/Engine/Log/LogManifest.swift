// The manifest: which files make up the log, in which order.
//
// One line per file, as Redis 7 writes and reads them (redis `src/aof.c`, described at
// "AOF Manifest file"): `file <name> seq <number> type <b|i|h>`, keys in any order, unknown keys
// skipped, names quoted where they need it, `#` lines skipped. `b` is a base (a snapshot of
// everything before the first segment; with a cold tier Firn needs none), `i` a segment of effects,
// `h` a file that is no longer needed and about to be removed.
//
// The last line is Firn's, and to Redis a comment: `#FIRN:crc=<8 hex>`, the CRC-32C of the lines
// before it. A single bit makes an `h` of an `i`, and with it of a segment a file to be removed.
// A manifest without that line is Redis's, or was edited by hand.
//
// The manifest is replaced by rename, never changed in place.

/// The parsed manifest.
package struct LogManifest: Equatable, Sendable {
    /// A file of the log.
    package struct Entry: Equatable, Sendable {
        package var name: String
        package var sequence: Int
    }

    package var base: Entry?
    package var history: [Entry] = []
    /// The segments in order; sequence numbers rise.
    package var segments: [Entry] = []

    package init() {}

    private static let lineBytesMax = 1024

    // MARK: Writing

    /// The manifest as text, base first, then history, then segments.
    package func encoded() -> [UInt8] {
        var out: [UInt8] = []
        func add(_ entry: Entry, _ type: String) {
            out += Array("file ".utf8) + LogManifest.quoted(entry.name)
            out += Array(" seq \(entry.sequence) type \(type)\n".utf8)
        }
        if let base { add(base, "b") }
        for entry in history { add(entry, "h") }
        for entry in segments { add(entry, "i") }
        return out + LogAnnotation.manifestEnd(crc: out.withUnsafeBytes { CRC32C.checksum($0) })
    }

    /// A name, in double quotes with escapes if it holds anything that needs them.
    private static func quoted(_ name: String) -> [UInt8] {
        let plain = name.utf8.allSatisfy {
            $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x27 && $0 != 0x5C
        }
        if plain && !name.isEmpty { return Array(name.utf8) }
        var out: [UInt8] = [0x22]
        let hex = Array("0123456789abcdef".utf8)
        for byte in name.utf8 {
            switch byte {
            case 0x22, 0x5C: out += [0x5C, byte]
            case 0x0A: out += Array("\\n".utf8)
            case 0x0D: out += Array("\\r".utf8)
            case 0x09: out += Array("\\t".utf8)
            case 0x20..<0x7F: out.append(byte)
            default: out += [0x5C, 0x78, hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            }
        }
        return out + [0x22]
    }

    // MARK: Reading

    /// Parses a manifest; `file` is its name for messages.
    package init(parsing text: [UInt8], file: String) throws(LogError) {
        var line = 0
        func bad(_ reason: String) -> LogError {
            .manifest(file: file, line: line, reason: reason)
        }
        if text.isEmpty { throw bad("empty") }
        var rest = text[...]
        while !rest.isEmpty {
            line += 1
            guard let end = rest.firstIndex(of: 0x0A) else {
                throw bad("the last line is not complete")
            }
            let content = rest[rest.startIndex..<end]
            rest = rest[(end + 1)...]
            if content.first == 0x23 {
                let before = text[..<content.startIndex]
                if let crc = content.withUnsafeBytes({ LogAnnotation.manifestEnd($0) }),
                    crc != before.withUnsafeBytes({ CRC32C.checksum($0) })
                {
                    throw bad("the lines before do not match this CRC of theirs")
                }
                continue
            }
            if content.count >= LogManifest.lineBytesMax { throw bad("line too long") }
            guard let words = LogManifest.words(content), words.count >= 6, words.count % 2 == 0
            else { throw bad("not `file <name> seq <number> type <letter>`") }
            var name: String?
            var sequence: Int?
            var type: UInt8?
            for index in stride(from: 0, to: words.count, by: 2) {
                switch String(decoding: words[index], as: UTF8.self).lowercased() {
                case "file": name = String(decoding: words[index + 1], as: UTF8.self)
                case "seq": sequence = Int(String(decoding: words[index + 1], as: UTF8.self))
                case "type": type = words[index + 1].count == 1 ? words[index + 1][0] : nil
                default: break
                }
            }
            guard let name, let sequence, let type, !name.isEmpty, sequence > 0 else {
                throw bad("name, sequence number or type is missing or malformed")
            }
            if name.utf8.contains(0x2F) || name.utf8.contains(0) || name == ".." || name == "." {
                throw bad("the name of a file must not be a path")
            }
            let entry = Entry(name: name, sequence: sequence)
            switch type {
            case 0x62:
                if base != nil { throw bad("more than one base file") }
                base = entry
            case 0x68: history.append(entry)
            case 0x69:
                if sequence <= segments.last?.sequence ?? 0 {
                    throw bad("sequence numbers do not rise")
                }
                segments.append(entry)
            default: throw bad("unknown type of file")
            }
        }
    }

    /// Splits a line into words, as Redis splits configuration lines: double quotes with
    /// escapes, single quotes with `\'` only. Nil for unbalanced quotes.
    static func words(_ line: ArraySlice<UInt8>) -> [[UInt8]]? {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
        func hexValue(_ byte: UInt8) -> UInt8? {
            switch byte {
            case 0x30...0x39: return byte - 0x30
            case 0x61...0x66: return byte - 0x57
            case 0x41...0x46: return byte - 0x37
            default: return nil
            }
        }
        let bytes = Array(line)
        var words: [[UInt8]] = []
        var at = 0
        while true {
            while at < bytes.count, isSpace(bytes[at]) { at += 1 }
            if at == bytes.count { return words }
            var word: [UInt8] = []
            while at < bytes.count, !isSpace(bytes[at]) {
                let quote = bytes[at]
                guard quote == 0x22 || quote == 0x27 else {
                    word.append(quote)
                    at += 1
                    continue
                }
                at += 1
                while at < bytes.count, bytes[at] != quote {
                    if bytes[at] != 0x5C || at + 1 >= bytes.count {
                        word.append(bytes[at])
                        at += 1
                    } else if quote == 0x27 {
                        let escaped = bytes[at + 1] == 0x27
                        word.append(escaped ? 0x27 : 0x5C)
                        at += escaped ? 2 : 1
                    } else if bytes[at + 1] == 0x78, at + 3 < bytes.count,
                        let high = hexValue(bytes[at + 2]), let low = hexValue(bytes[at + 3])
                    {
                        word.append(high << 4 | low)
                        at += 4
                    } else {
                        let escapes: [UInt8: UInt8] = [
                            0x6E: 0x0A, 0x72: 0x0D, 0x74: 0x09, 0x62: 0x08, 0x61: 0x07,
                        ]
                        word.append(escapes[bytes[at + 1]] ?? bytes[at + 1])
                        at += 2
                    }
                }
                if at == bytes.count { return nil }
                at += 1
                if at < bytes.count, !isSpace(bytes[at]) { return nil }
            }
            words.append(word)
        }
    }
}

extension LogFiles {
    /// Reads the manifest; nil when there is none, that is, no log yet.
    package func loadManifest(_ disk: any Disk) throws(LogError) -> LogManifest? {
        guard disk.exists(path(manifestName)) else { return nil }
        let text = try logIO { () throws(IOError) in try disk.contents(path(manifestName)) }
        return try LogManifest(parsing: text, file: manifestName)
    }

    /// Replaces the manifest; durable on return.
    func store(_ manifest: LogManifest, _ disk: any Disk) throws(IOError) {
        try disk.replace(manifestName, in: directory, with: manifest.encoded())
    }
}
