// Reads the primitives of the RDB format from bytes that may be hostile: every read is checked,
// and nothing is allocated on the word of a length alone.

import CLZF
import Glibc

/// A position in serialized bytes. Every reader returns nil at the first thing that is wrong.
struct RDBCursor {
    let bytes: Bytes
    private(set) var offset = 0

    init(_ bytes: Bytes) { self.bytes = bytes }

    var remaining: Int { bytes.count - offset }

    mutating func byte() -> UInt8? {
        guard offset < bytes.count else { return nil }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func take(_ count: Int) -> Bytes? {
        guard count >= 0, count <= remaining else { return nil }
        defer { offset += count }
        return bytes.slice(offset, count)
    }

    mutating func little<T: FixedWidthInteger>(_ type: T.Type) -> T? {
        guard let raw = take(MemoryLayout<T>.size) else { return nil }
        return T(littleEndian: raw.loadUnaligned(as: T.self))
    }

    mutating func big<T: FixedWidthInteger>(_ type: T.Type) -> T? {
        guard let raw = take(MemoryLayout<T>.size) else { return nil }
        return T(bigEndian: raw.loadUnaligned(as: T.self))
    }

    mutating func double() -> Double? {
        little(UInt64.self).map { Double(bitPattern: $0) }
    }

    /// What a length's place holds.
    enum Length {
        case count(Int)
        case special(UInt8)
    }

    mutating func lengthOrSpecial() -> Length? {
        guard let first = byte() else { return nil }
        switch first >> 6 {
        case 0: return .count(Int(first & 63))
        case 1: return byte().map { .count(Int(first & 63) << 8 | Int($0)) }
        case 2:
            if first == 0x80 { return big(UInt32.self).map { .count(Int($0)) } }
            guard first == 0x81, let long = big(UInt64.self), long < 1 << 62 else { return nil }
            return .count(Int(long))
        default: return .special(first & 63)
        }
    }

    /// Any number in the form of a length.
    mutating func number() -> UInt64? {
        guard offset < bytes.count else { return nil }
        if bytes[offset] == 0x81 {
            offset += 1
            return big(UInt64.self)
        }
        return length().map { UInt64($0) }
    }

    /// A plain length.
    mutating func length() -> Int? {
        guard case .count(let count)? = lengthOrSpecial() else { return nil }
        return count
    }

    /// Lends the next string to `body`, which gets views that end with the call. Returns nil,
    /// without calling `body`, when there is none.
    mutating func string<R>(_ body: (Bytes) -> R?) -> R? {
        guard let length = lengthOrSpecial() else { return nil }
        switch length {
        case .count(let count): return take(count).flatMap(body)
        case .special(0): return little(Int8.self).flatMap { text(Int64($0), body) }
        case .special(1): return little(Int16.self).flatMap { text(Int64($0), body) }
        case .special(2): return little(Int32.self).flatMap { text(Int64($0), body) }
        case .special(3): return compressed(body)
        case .special: return nil
        }
    }

    private func text<R>(_ number: Int64, _ body: (Bytes) -> R?) -> R? {
        Numbers.withFormatted(number) { body($0) }
    }

    private mutating func compressed<R>(_ body: (Bytes) -> R?) -> R? {
        guard let from = length(), let to = length(), let source = take(from), from > 0, to > 0
        else { return nil }
        // LZF makes at most 264 bytes of 3; a greater claim is a lie.
        guard to / 88 <= from, from <= Int(UInt32.max), to <= Int(UInt32.max) else { return nil }
        guard let buffer = malloc(to) else { return nil }
        defer { free(buffer) }
        let made = lzf_decompress(source.baseAddress!, UInt32(from), buffer, UInt32(to))
        guard Int(made) == to else { return nil }
        return body(Bytes(start: buffer, count: to))
    }

    /// The next string as an array.
    mutating func stringArray() -> [UInt8]? { string { Array($0) } }

    /// Skips a string.
    mutating func skipString() -> Bool { string { _ in true } ?? false }
}

extension UnsafeRawBufferPointer {
    /// Whether `part` is a view of some of these very bytes.
    func covers(_ part: Bytes) -> Bool {
        guard let base = baseAddress, let start = part.baseAddress else { return part.isEmpty }
        return start >= base && start + part.count <= base + count
    }
}
