// How one listpack element is written: the encodings, their sizes, the backward length.

import Glibc

/// An element as it is read: an integer, or a view of the string in the listpack.
enum ListPackElement {
    case integer(Int64)
    case bytes(Bytes)
}

/// An element ready to be written: its kind has been decided, its size is known.
struct ListPackEncoding {
    /// The string, empty for integers.
    private let string: Bytes
    private let integer: Int64
    private let isInteger: Bool
    /// Encoding byte(s) and payload.
    let encodedBytes: Int

    /// A string, stored as an integer when it is the canonical spelling of one. O(1).
    @inline(__always)
    init(_ bytes: Bytes) {
        if let integer = Numbers.parseInt64(bytes) {
            self.init(integer)
        } else {
            self.init(string: bytes)
        }
    }

    /// An integer in its shortest form.
    @inline(__always)
    init(_ value: Int64) {
        string = Bytes(start: nil, count: 0)
        integer = value
        isInteger = true
        encodedBytes = Self.integerBytes(value)
    }

    /// A string that is known not to be a canonical integer.
    @inline(__always)
    init(string bytes: Bytes) {
        string = bytes
        integer = 0
        isInteger = false
        encodedBytes = bytes.count &+ (bytes.count < 64 ? 1 : bytes.count < 4096 ? 2 : 5)
    }

    /// What the element takes in the listpack, backward length included.
    @inline(__always)
    var entryBytes: Int { encodedBytes &+ Self.backlenBytes(encodedBytes) }

    /// Writes `entryBytes` bytes.
    @inline(__always)
    func write(to p: UnsafeMutableRawPointer) {
        if isInteger { writeInteger(p) } else { writeString(p) }
        Self.writeBacklen(encodedBytes, to: p + encodedBytes)
    }

    @inline(__always)
    private func writeString(_ p: UnsafeMutableRawPointer) {
        let count = string.count
        var head = 1
        if count < 64 {
            p.storeBytes(of: 0x80 | UInt8(truncatingIfNeeded: count), as: UInt8.self)
        } else if count < 4096 {
            p.storeBytes(of: 0xE0 | UInt8(truncatingIfNeeded: count >> 8), as: UInt8.self)
            p.storeBytes(of: UInt8(truncatingIfNeeded: count), toByteOffset: 1, as: UInt8.self)
            head = 2
        } else {
            p.storeBytes(of: 0xF0, as: UInt8.self)
            let length = UInt32(truncatingIfNeeded: count).littleEndian
            p.storeBytes(of: length, toByteOffset: 1, as: UInt32.self)
            head = 5
        }
        if count > 0 { memcpy(p + head, string.baseAddress.unsafelyUnwrapped, count) }
    }

    @inline(__always)
    private func writeInteger(_ p: UnsafeMutableRawPointer) {
        let bits = UInt64(bitPattern: integer)
        let code: UInt8
        switch encodedBytes {
        case 1:
            code = UInt8(truncatingIfNeeded: bits)
        case 2:
            code = 0xC0 | UInt8(truncatingIfNeeded: bits >> 8) & 0x1F
            p.storeBytes(of: UInt8(truncatingIfNeeded: bits), toByteOffset: 1, as: UInt8.self)
        case 3:
            code = 0xF1
            let low = UInt16(truncatingIfNeeded: bits).littleEndian
            p.storeBytes(of: low, toByteOffset: 1, as: UInt16.self)
        case 4:
            code = 0xF2
            let low = UInt16(truncatingIfNeeded: bits).littleEndian
            p.storeBytes(of: low, toByteOffset: 1, as: UInt16.self)
            p.storeBytes(of: UInt8(truncatingIfNeeded: bits >> 16), toByteOffset: 3, as: UInt8.self)
        case 5:
            code = 0xF3
            let low = UInt32(truncatingIfNeeded: bits).littleEndian
            p.storeBytes(of: low, toByteOffset: 1, as: UInt32.self)
        default:
            code = 0xF4
            p.storeBytes(of: bits.littleEndian, toByteOffset: 1, as: UInt64.self)
        }
        p.storeBytes(of: code, as: UInt8.self)
    }

    @inline(__always)
    private static func integerBytes(_ value: Int64) -> Int {
        if value >= 0 && value < 128 { return 1 }
        if value >= -4096 && value < 4096 { return 2 }
        if value >= -(1 << 15) && value < 1 << 15 { return 3 }
        if value >= -(1 << 23) && value < 1 << 23 { return 4 }
        if value >= -(1 << 31) && value < 1 << 31 { return 5 }
        return 9
    }

    // MARK: The backward length

    /// Redis moves to two bytes at 128 but to three already at 16383, and so on; so do we.
    @inline(__always)
    static func backlenBytes(_ encoded: Int) -> Int {
        if encoded < 128 { return 1 }
        if encoded < 16383 { return 2 }
        if encoded < 2_097_151 { return 3 }
        if encoded < 268_435_455 { return 4 }
        return 5
    }

    /// The highest 7 bits first; every byte but the first has its top bit set, so that reading
    /// backwards knows where to stop.
    @inline(__always)
    static func writeBacklen(_ encoded: Int, to p: UnsafeMutableRawPointer) {
        if encoded < 128 {
            p.storeBytes(of: UInt8(truncatingIfNeeded: encoded), as: UInt8.self)
            return
        }
        let count = backlenBytes(encoded)
        var rest = encoded
        for i in stride(from: count &- 1, to: 0, by: -1) {
            let byte = UInt8(truncatingIfNeeded: rest) | 0x80
            p.storeBytes(of: byte, toByteOffset: i, as: UInt8.self)
            rest >>= 7
        }
        p.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
    }

    /// Encoded size and size of the backward length of the element that ends before `p`.
    @inline(__always)
    static func readBacklen(before p: UnsafeRawPointer) -> (encoded: Int, bytes: Int) {
        var byte = p.load(fromByteOffset: -1, as: UInt8.self)
        var value = Int(byte & 0x7F)
        var count = 1
        while byte & 0x80 != 0 && count < 5 {
            byte = p.load(fromByteOffset: -1 &- count, as: UInt8.self)
            value |= Int(byte & 0x7F) << (7 &* count)
            count &+= 1
        }
        return (value, count)
    }

    // MARK: Reading

    /// Encoding byte(s) and payload of the element at `p`. O(1).
    @inline(__always)
    static func encodedBytes(_ p: UnsafeRawPointer) -> Int {
        let code = p.load(as: UInt8.self)
        if code < 0x80 { return 1 }
        if code < 0xC0 { return 1 &+ Int(code & 0x3F) }
        return encodedBytesLong(p, code)
    }

    /// The whole element at `p`, which must not be the end byte. O(1).
    @inline(__always)
    static func entryBytes(_ p: UnsafeRawPointer) -> Int {
        let code = p.load(as: UInt8.self)
        if code < 0x80 { return 2 }
        if code < 0xC0 { return 2 &+ Int(code & 0x3F) }
        let encoded = encodedBytesLong(p, code)
        return encoded &+ backlenBytes(encoded)
    }

    private static func encodedBytesLong(_ p: UnsafeRawPointer, _ code: UInt8) -> Int {
        if code < 0xE0 { return 2 }
        if code < 0xF0 {
            return 2 &+ (Int(code & 0x0F) << 8 | Int(p.load(fromByteOffset: 1, as: UInt8.self)))
        }
        switch code {
        case 0xF0: return 5 &+ Int(load(p, 1, UInt32.self))
        case 0xF1: return 3
        case 0xF2: return 4
        case 0xF3: return 5
        case 0xF4: return 9
        default: return 1
        }
    }

    /// The element at `p`. O(1).
    @inline(__always)
    static func decode(_ p: UnsafeRawPointer) -> ListPackElement {
        let code = p.load(as: UInt8.self)
        if code < 0x80 { return .integer(Int64(code)) }
        if code < 0xC0 { return .bytes(Bytes(start: p + 1, count: Int(code & 0x3F))) }
        return decodeLong(p, code)
    }

    private static func decodeLong(_ p: UnsafeRawPointer, _ code: UInt8) -> ListPackElement {
        if code < 0xE0 {
            let bits = UInt16(code & 0x1F) << 8 | UInt16(p.load(fromByteOffset: 1, as: UInt8.self))
            return .integer(Int64(Int16(bitPattern: bits << 3) >> 3))
        }
        if code < 0xF0 {
            let count = Int(code & 0x0F) << 8 | Int(p.load(fromByteOffset: 1, as: UInt8.self))
            return .bytes(Bytes(start: p + 2, count: count))
        }
        switch code {
        case 0xF0:
            return .bytes(Bytes(start: p + 5, count: Int(load(p, 1, UInt32.self))))
        case 0xF1:
            return .integer(Int64(load(p, 1, Int16.self)))
        case 0xF2:
            let low = UInt32(load(p, 1, UInt16.self))
            let high = UInt32(p.load(fromByteOffset: 3, as: UInt8.self))
            return .integer(Int64(Int32(bitPattern: (high << 16 | low) << 8) >> 8))
        case 0xF3:
            return .integer(Int64(load(p, 1, Int32.self)))
        default:
            return .integer(load(p, 1, Int64.self))
        }
    }

    @inline(__always)
    private static func load<T: FixedWidthInteger & BitwiseCopyable>(
        _ p: UnsafeRawPointer, _ offset: Int, _ type: T.Type
    ) -> T {
        T(littleEndian: p.loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
