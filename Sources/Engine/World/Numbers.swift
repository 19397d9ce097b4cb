// Numbers as clients write them: decimal text in bytes, both ways.
//
// Every INCR, every score, every integer reply passes here, so nothing allocates and nothing is
// a `String`. What is accepted is exactly what Redis accepts, because it decides what a value
// *is*: a value that `parseInt64` takes is stored as an integer and printed back from it, so the
// parser must refuse each spelling that would not come back byte for byte ("+1", "01", "-0",
// " 1"). Floating point is in Numbers+Doubles.swift.

import Glibc

/// Parsing and formatting of numbers in bytes.
enum Numbers {
    /// Room that `formatInt64` and `formatUInt64` may need.
    static let integerCharsMax = 20

    /// The integer that is written in canonical decimal, or nil: no `+`, no leading zero, no
    /// space, no "-0", nothing outside the range of Int64. O(length), at most 20 bytes looked at.
    /// Source: Redis `string2ll`.
    @inline(__always)
    static func parseInt64(_ b: Bytes) -> Int64? {
        let count = b.count
        guard count > 0, count <= integerCharsMax else { return nil }
        // Most values are not numbers, and their first byte says so.
        let first = b.first.unsafelyUnwrapped
        guard first &- 0x30 <= 9 || first == 0x2D else { return nil }
        return parseInt64Slow(b.baseAddress.unsafelyUnwrapped, count, first)
    }

    @inline(never)
    private static func parseInt64Slow(
        _ p: UnsafeRawPointer, _ count: Int, _ first: UInt8
    ) -> Int64? {
        let negative = first == 0x2D
        let start = negative ? 1 : 0
        guard count > start else { return nil }
        let leading = p.load(fromByteOffset: start, as: UInt8.self) &- 0x30
        if leading == 0 { return count == 1 ? 0 : nil }
        guard let magnitude = digits(p + start, count - start) else { return nil }
        if negative {
            guard magnitude <= 1 << 63 else { return nil }
            return Int64(truncatingIfNeeded: 0 &- magnitude)
        }
        return Int64(exactly: magnitude)
    }

    /// The unsigned integer written in decimal digits, or nil: no sign, no space; leading zeros
    /// are allowed, as Redis allows them in stream IDs. O(length).
    static func parseUInt64(_ b: Bytes) -> UInt64? {
        guard var p = b.baseAddress, b.count > 0 else { return nil }
        var count = b.count
        while count > 1, p.load(as: UInt8.self) == 0x30 {
            p += 1
            count -= 1
        }
        return digits(p, count)
    }

    /// Nothing but digits, at least one, within UInt64.
    @inline(__always)
    private static func digits(_ p: UnsafeRawPointer, _ count: Int) -> UInt64? {
        guard count > 0, count <= 20 else { return nil }
        var value: UInt64 = 0
        let safe = Swift.min(count, 19)  // 19 digits cannot overflow
        var at = 0
        while safe &- at >= 8 {
            guard let eight = eightDigits(p + at) else { return nil }
            value = value &* 100_000_000 &+ eight
            at &+= 8
        }
        for i in at..<safe {
            let digit = p.load(fromByteOffset: i, as: UInt8.self) &- 0x30
            if digit > 9 { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        if count == 20 {
            let digit = p.load(fromByteOffset: 19, as: UInt8.self) &- 0x30
            if digit > 9 { return nil }
            let (scaled, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, over2) = scaled.addingReportingOverflow(UInt64(digit))
            if over || over2 { return nil }
            value = sum
        }
        return value
    }

    /// Eight digits at once, side by side in one word: pairs, then fours, then all.
    @inline(__always)
    private static func eightDigits(_ p: UnsafeRawPointer) -> UInt64? {
        let text = UInt64(littleEndian: p.loadUnaligned(as: UInt64.self))
        let digits = text ^ 0x3030_3030_3030_3030
        // A byte over 9 carries into its top bit here, or has it already.
        let over = (digits &+ 0x7676_7676_7676_7676) | digits
        guard over & 0x8080_8080_8080_8080 == 0 else { return nil }
        let pairs = (digits &* 10 &+ (digits >> 8)) & 0x00FF_00FF_00FF_00FF
        let fours = (pairs &* 100 &+ (pairs >> 16)) & 0x0000_FFFF_0000_FFFF
        return (fours &* 10000 &+ (fours >> 32)) & 0xFFFF_FFFF
    }

    /// Writes `value` in decimal and returns the number of bytes, at most `integerCharsMax`.
    @inline(__always)
    static func formatInt64(_ value: Int64, into out: UnsafeMutablePointer<UInt8>) -> Int {
        if value < 0 {
            out[0] = 0x2D
            return 1 + formatUInt64(value.magnitude, into: out + 1)
        }
        return formatUInt64(UInt64(bitPattern: value), into: out)
    }

    /// Writes `value` in decimal and returns the number of bytes, at most `integerCharsMax`.
    @inline(__always)
    static func formatUInt64(_ value: UInt64, into out: UnsafeMutablePointer<UInt8>) -> Int {
        if value < 10 {
            out[0] = 0x30 &+ UInt8(truncatingIfNeeded: value)
            return 1
        }
        return formatLong(value, into: out)
    }

    /// Two digits a division, backwards from the known end.
    @inline(never)
    private static func formatLong(_ value: UInt64, into out: UnsafeMutablePointer<UInt8>) -> Int {
        let count = decimalDigits(value)
        let pairs = digitPairs.utf8Start
        var rest = value
        var at = count
        while rest >= 100 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            rest = quotient
            at &-= 2
            out[at] = pairs[Int(truncatingIfNeeded: pair &* 2)]
            out[at &+ 1] = pairs[Int(truncatingIfNeeded: pair &* 2 &+ 1)]
        }
        if rest >= 10 {
            out[0] = pairs[Int(truncatingIfNeeded: rest &* 2)]
            out[1] = pairs[Int(truncatingIfNeeded: rest &* 2 &+ 1)]
        } else {
            out[0] = 0x30 &+ UInt8(truncatingIfNeeded: rest)
        }
        return count
    }

    /// How many digits `value` has in decimal; 1 for zero.
    @inline(__always)
    static func decimalDigits(_ value: UInt64) -> Int {
        var count = 1
        var rest = value
        while true {
            if rest < 10 { return count }
            if rest < 100 { return count &+ 1 }
            if rest < 1000 { return count &+ 2 }
            if rest < 10000 { return count &+ 3 }
            rest /= 10000
            count &+= 4
        }
    }

    /// How many bytes `formatInt64` would write.
    @inline(__always)
    static func textLength(_ value: Int64) -> Int {
        decimalDigits(value.magnitude) &+ (value < 0 ? 1 : 0)
    }

    private static var digitPairs: StaticString {
        """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839\
        40414243444546474849505152535455565758596061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899
        """
    }

    /// Lends the decimal text of `value`, formatted on the stack.
    @inline(__always)
    static func withFormatted<R>(_ value: Int64, _ body: (Bytes) throws -> R) rethrows -> R {
        var room: (UInt64, UInt64, UInt64) = (0, 0, 0)
        return try withUnsafeMutableBytes(of: &room) { raw in
            let out = raw.baseAddress.unsafelyUnwrapped
            let count = formatInt64(value, into: out.assumingMemoryBound(to: UInt8.self))
            return try body(Bytes(start: out, count: count))
        }
    }

    /// Lends the text of `value` as Redis prints scores, formatted on the stack.
    @inline(__always)
    static func withFormatted<R>(_ value: Double, _ body: (Bytes) throws -> R) rethrows -> R {
        var room: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        return try withUnsafeMutableBytes(of: &room) { raw in
            let out = raw.baseAddress.unsafelyUnwrapped
            let count = formatDouble(value, into: out.assumingMemoryBound(to: UInt8.self))
            return try body(Bytes(start: out, count: count))
        }
    }
}
