// Ziplists, which listpacks replaced in Redis 7: read for the sake of RDB files of older ones.
//
//     total bytes u32le | offset of the last element u32le | elements u16le | element* | 0xFF
//     element: length of the previous element | encoding | payload
//     previous length: one byte below 254, else 254 and u32le
//
//     00pppppp             string, 6-bit length      11000000  16-bit integer (le)
//     01pppppp x           string, 14-bit length     11010000  32-bit integer
//     10______ xxxx        string, 32-bit length     11100000  64-bit integer
//                          (lengths big-endian)      11110000  24-bit integer
//     1111dddd             0...12, as d = 1...13     11111110  8-bit integer
//
// Old files are foreign files: every length is checked against what is left, and the whole is
// refused when anything contradicts itself, as Redis does under `sanitize-dump-payload`.

/// Redis's layout for small lists, hashes and sorted sets before 7.0.
enum ZipList {
    private static let headerBytes = 10

    /// The same elements as a listpack, which the caller owns; nil when `bytes` is not a ziplist.
    /// Never traps, whatever the bytes. O(bytes). Source: Redis `ziplistValidateIntegrity`.
    static func convertToListPack(_ bytes: Bytes) -> ListPack? {
        var pack = ListPack.create()
        guard append(bytes, to: &pack) else {
            pack.destroy()
            return nil
        }
        return pack
    }

    private static func append(_ bytes: Bytes, to pack: inout ListPack) -> Bool {
        var reader = LegacyReader(bytes)
        guard let total = reader.little(4), let tail = reader.little(4),
            let stored = reader.little(2), total == bytes.count, bytes.last == 0xFF
        else { return false }
        var count = 0
        var previous = 0
        var last = headerBytes
        while reader.left > 1 {
            let start = reader.offset
            guard let length = previousLength(&reader), length == previous,
                element(&reader, &pack)
            else { return false }
            last = start
            previous = reader.offset - start
            count += 1
        }
        return reader.left == 1 && tail == last && (stored == count || stored == 65535)
    }

    private static func previousLength(_ reader: inout LegacyReader) -> Int? {
        guard let byte = reader.byte(), byte != 0xFF else { return nil }
        return byte < 254 ? Int(byte) : reader.little(4)
    }

    private static func element(_ reader: inout LegacyReader, _ pack: inout ListPack) -> Bool {
        guard let code = reader.byte() else { return false }
        if code < 0xC0 {
            let length: Int?
            switch code >> 6 {
            case 0: length = Int(code)
            case 1: length = reader.byte().map { Int(code & 0x3F) << 8 | Int($0) }
            default: length = reader.big32()
            }
            // The end byte is no part of any element.
            guard let length, length < reader.left, let text = reader.take(length),
                pack.canAdd(length)
            else { return false }
            pack.append(text)
            return true
        }
        let width: Int
        switch code {
        case 0xC0: width = 2
        case 0xD0: width = 4
        case 0xE0: width = 8
        case 0xF0: width = 3
        case 0xFE: width = 1
        case 0xF1...0xFD: width = 0
        default: return false
        }
        guard width < reader.left, pack.canAdd(width) else { return false }
        if width == 0 {
            pack.append(Int64(code & 0x0F) - 1)
        } else {
            guard let bits = reader.little(width) else { return false }
            let unused = Int64(64 - 8 * width)
            pack.append((Int64(bits) << unused) >> unused)
        }
        return true
    }
}

/// Walks foreign bytes; every step says whether there was enough left.
struct LegacyReader {
    private let bytes: Bytes
    private(set) var offset = 0

    init(_ bytes: Bytes) { self.bytes = bytes }

    var left: Int { bytes.count - offset }

    mutating func byte() -> UInt8? {
        guard left > 0 else { return nil }
        offset += 1
        return bytes[offset - 1]
    }

    mutating func take(_ count: Int) -> Bytes? {
        guard count >= 0, count <= left else { return nil }
        offset += count
        return bytes.slice(offset - count, count)
    }

    /// An unsigned little-endian integer of up to 8 bytes; of 8, the bits.
    mutating func little(_ width: Int) -> Int? {
        guard let part = take(width) else { return nil }
        var value: UInt64 = 0
        for i in 0..<width { value |= UInt64(part[i]) << UInt64(8 * i) }
        return Int(truncatingIfNeeded: value)
    }

    mutating func big32() -> Int? {
        guard let part = take(4) else { return nil }
        return Int(part[0]) << 24 | Int(part[1]) << 16 | Int(part[2]) << 8 | Int(part[3])
    }
}
