// Floating point as Redis reads and prints it.
//
// The reference is C: `strtod`/`strtold` for reading, "%.17g" for scores, "%.17Lf" without its
// trailing zeros for INCRBYFLOAT. Calling C for each score would cost a copy (C wants a closing
// NUL) and, for printing, a `va_list`, which Swift allocates. So the common cases are computed
// here, exactly: a decimal of at most 19 digits and a small power of ten is one rounded division
// (Clinger's fast path), and a double between 1e-4 and 1e17 times a power of five fits in 128
// bits, where 17 correctly rounded digits are one shift away. Everything else goes to C.

import Glibc

#if arch(x86_64) || arch(i386)
    /// C's `long double`, in which Redis adds for INCRBYFLOAT and HINCRBYFLOAT.
    typealias LongDouble = Float80
#else
    /// Swift has no wider type on this machine; INCRBYFLOAT then adds in double precision.
    typealias LongDouble = Double
#endif

extension Numbers {
    /// Room that `formatDouble` may need ("-1.2345678901234567e-308").
    static let doubleCharsMax = 32

    /// Room that `formatFloat80Human` may need: Redis's MAX_LONG_DOUBLE_CHARS.
    static let longDoubleCharsMax = 5 * 1024

    // MARK: Reading

    /// The double that the whole of `b` spells for `strtod`, hexadecimal and infinities
    /// included, or nil: empty, leading space, anything left over, NaN, overflow, underflow to
    /// zero. O(length). Source: Redis `getDoubleFromObject`.
    static func parseDouble(_ b: Bytes) -> Double? {
        guard let (negative, mantissa, exponent) = shortDecimal(b) else {
            return withTerminated(b) { parseWithC($0, b.count, strtod) }
        }
        guard mantissa <= 1 << 53, exponent >= -22, exponent <= 22 else {
            return withTerminated(b) { parseWithC($0, b.count, strtod) }
        }
        var value = Double(mantissa)
        if exponent < 0 {
            value /= powersOfTen(-exponent)
        } else if exponent > 0 {
            value *= powersOfTen(exponent)
        }
        return negative ? -value : value
    }

    /// The number that SORT takes `b` for: what `strtod` reads up to a zero byte. Other than for
    /// `parseDouble`, space may come first, and nothing is 0. O(length).
    /// Source: Redis `sortCommandGeneric`.
    static func parseWeight(_ b: Bytes) -> Double? {
        if let value = parseDouble(b) { return value }
        let end = b.firstIndex(of: 0) ?? b.count
        if end == 0 { return 0 }
        let start = b.firstIndex { !($0 == 0x20 || 0x09...0x0D ~= $0) } ?? end
        return parseDouble(b.slice(Swift.min(start, end), end - Swift.min(start, end)))
    }

    /// The long double that the whole of `b` spells for `strtold`, or nil as `parseDouble`, or
    /// when `b` is `longDoubleCharsMax` or longer. O(length). Source: Redis `string2ld`.
    static func parseFloat80(_ b: Bytes) -> LongDouble? {
        guard b.count < longDoubleCharsMax else { return nil }
        if let integer = parseInt64(b) { return LongDouble(integer) }
        #if arch(x86_64) || arch(i386)
            return withTerminated(b) { parseWithC($0, b.count, strtold) }
        #else
            return withTerminated(b) { parseWithC($0, b.count, strtod) }
        #endif
    }

    /// Sign, digits without the point, and power of ten of `[+-]digits[.digits]`, when there
    /// are at most 19 digits; nil for all other spellings, right or wrong.
    @inline(__always)
    private static func shortDecimal(_ b: Bytes) -> (Bool, UInt64, Int)? {
        guard let p = b.baseAddress, b.count > 0, b.count <= 21 else { return nil }
        var at = 0
        let sign = p.load(as: UInt8.self)
        if sign == 0x2D || sign == 0x2B { at = 1 }
        var mantissa: UInt64 = 0
        var digits = 0
        var point = -1
        while at < b.count {
            let byte = p.load(fromByteOffset: at, as: UInt8.self)
            let digit = byte &- 0x30
            if digit <= 9 {
                mantissa = mantissa &* 10 &+ UInt64(digit)
                digits += 1
            } else if byte == 0x2E, point < 0 {
                point = at
            } else {
                return nil
            }
            at += 1
        }
        guard digits > 0, digits <= 19 else { return nil }
        return (sign == 0x2D, mantissa, point < 0 ? 0 : point + 1 - b.count)
    }

    @inline(__always)
    private static func powersOfTen(_ exponent: Int) -> Double {
        var power = 1.0  // exact up to 10^22
        for _ in 0..<exponent { power *= 10 }
        return power
    }

    private typealias CParser<F> = (
        UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    ) -> F

    private static func parseWithC<F: BinaryFloatingPoint>(
        _ text: UnsafePointer<CChar>, _ count: Int, _ parse: CParser<F>
    ) -> F? {
        let first = UInt8(bitPattern: text[0])
        if count == 0 || first == 0x20 || (first >= 0x09 && first <= 0x0D) { return nil }
        var end: UnsafeMutablePointer<CChar>?
        errno = 0
        let value = parse(text, &end)
        guard let end, UnsafePointer(end) - text == count, !value.isNaN else { return nil }
        if errno == ERANGE && (value.isInfinite || value.isZero) { return nil }
        return value
    }

    /// Lends `b` with the NUL that C wants behind it.
    private static func withTerminated<R>(_ b: Bytes, _ body: (UnsafePointer<CChar>) -> R) -> R {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: b.count + 1) { room in
            let start = room.baseAddress.unsafelyUnwrapped
            if b.count > 0 { memcpy(start, b.baseAddress.unsafelyUnwrapped, b.count) }
            start[b.count] = 0
            return body(start)
        }
    }

    // MARK: Scores

    /// Writes `value` as `printf("%.17g")` does, infinities as "inf" and "-inf"; returns the
    /// number of bytes, at most `doubleCharsMax`. Source: Redis `addReplyDouble`.
    static func formatDouble(_ value: Double, into out: UnsafeMutablePointer<UInt8>) -> Int {
        let magnitude = value.magnitude
        if magnitude < 1e17 {
            let integer = Int64(value)
            if Double(integer) == value, integer != 0 || value.sign == .plus {
                return formatInt64(integer, into: out)
            }
            if magnitude >= 1e-4 {
                let sign = value < 0 ? 1 : 0
                out[0] = 0x2D
                return sign + formatFraction(magnitude, into: out + sign)
            }
        } else if value.isInfinite {
            return put(value > 0 ? "inf" : "-inf", into: out)
        }
        return withVaList([value]) { list in
            out.withMemoryRebound(to: CChar.self, capacity: doubleCharsMax) {
                Int(vsnprintf($0, doubleCharsMax, "%.17g", list))
            }
        }
    }

    /// "%.17g" of a value in 1e-4 ..< 1e17 that has a fraction.
    ///
    /// value = m / 2^s exactly, s > 0. For 17 digits before the point it is multiplied by 10^k,
    /// that is m * 5^k / 2^(s-k); with k <= 20 and m < 2^53 the product is below 2^100.
    private static func formatFraction(
        _ value: Double, into out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let m = UInt128(value.significandBitPattern | 1 << 52)
        let s = 52 - Int(value.exponent)
        // The estimate of the decimal exponent may be one off; the digits then tell.
        var exponent = Int((Double(value.exponent) * 0.30102999566398120).rounded(.down))
        var rounded = roundedDigits(m, s, 16 - exponent)
        if rounded >= 100_000_000_000_000_000 {
            exponent += 1
            rounded = roundedDigits(m, s, 16 - exponent)
            if rounded < 10_000_000_000_000_000 {  // 9.99…95: rounding itself carried
                rounded = 10_000_000_000_000_000
            }
        }
        // Drop the zeros that %g drops.
        var digits = UInt64(truncatingIfNeeded: rounded)
        var count = 17
        while digits % 10 == 0 {
            digits /= 10
            count -= 1
        }
        if exponent < 0 {  // 0.000ddd
            out[0] = 0x30
            out[1] = 0x2E
            for i in 0..<(-exponent - 1) { out[2 + i] = 0x30 }
            return 1 - exponent + formatUInt64(digits, into: out + 1 - exponent)
        }
        let whole = exponent + 1
        if count <= whole {  // rounding ate the fraction
            for _ in count..<whole { digits *= 10 }
            return formatUInt64(digits, into: out)
        }
        let length = formatUInt64(digits, into: out)
        memmove(out + whole + 1, out + whole, length - whole)
        out[whole] = 0x2E
        return length + 1
    }

    /// m / 2^s * 10^k, rounded to an integer, ties to even. k in 0...20.
    @inline(__always)
    private static func roundedDigits(_ m: UInt128, _ s: Int, _ k: Int) -> UInt128 {
        var scaled = m
        for _ in 0..<k { scaled = scaled &* 5 }
        return roundedShift(scaled, s - k)
    }

    /// `value / 2^shift`, ties to even; a negative shift multiplies.
    @inline(__always)
    static func roundedShift(_ value: UInt128, _ shift: Int) -> UInt128 {
        if shift <= 0 { return value << UInt128(-shift) }
        let quotient = value >> UInt128(shift)
        let rest = value & ((1 << UInt128(shift)) &- 1)
        let half: UInt128 = 1 << UInt128(shift - 1)
        return rest > half || (rest == half && quotient & 1 == 1) ? quotient + 1 : quotient
    }

    // MARK: INCRBYFLOAT

    /// Writes `value` as `printf("%.17Lf")` without trailing zeros, "-0" as "0"; returns the
    /// number of bytes, at most `longDoubleCharsMax`, for which there must be room.
    /// Source: Redis `ld2string` with LD_STR_HUMAN.
    static func formatFloat80Human(
        _ value: LongDouble, into out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        if value.isInfinite { return put(value > 0 ? "inf" : "-inf", into: out) }
        if let integer = Int64(exactly: value) { return formatInt64(integer, into: out) }
        var length: Int
        if value.magnitude < 1e18 {
            length = formatFixed17(value, into: out)
        } else {
            length = withVaList([value]) { list in
                out.withMemoryRebound(to: CChar.self, capacity: longDoubleCharsMax) {
                    let format = LongDouble.self == Double.self ? "%.17f" : "%.17Lf"
                    return Int(vsnprintf($0, longDoubleCharsMax, format, list))
                }
            }
        }
        guard value.isFinite else { return length }
        while out[length - 1] == 0x30 { length -= 1 }
        if out[length - 1] == 0x2E { length -= 1 }
        if length == 2, out[0] == 0x2D, out[1] == 0x30 {
            out[0] = 0x30
            return 1
        }
        return length
    }

    /// "%.17Lf" of a value below 1e18. value = m / 2^s; the fraction times 10^17 is below 2^121.
    private static func formatFixed17(
        _ value: LongDouble, into out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let magnitude = value.magnitude
        var whole = UInt64(magnitude)
        var fraction: UInt128 = 0
        let part = magnitude - LongDouble(whole)
        if part > 0, part.exponent > -64 {  // smaller ones round to nothing
            let s = LongDouble.significandBitCount - Int(part.exponent)
            let m = UInt128(part.significandBitPattern | 1 << LongDouble.significandBitCount)
            fraction = roundedShift(m * 100_000_000_000_000_000, s)
        }
        if fraction == 100_000_000_000_000_000 {
            whole += 1
            fraction = 0
        }
        var at = 0
        if value.sign == .minus {
            out[0] = 0x2D
            at = 1
        }
        at += formatUInt64(whole, into: out + at)
        out[at] = 0x2E
        var digits = UInt64(truncatingIfNeeded: fraction)
        for i in (1...17).reversed() {
            out[at + i] = 0x30 + UInt8(truncatingIfNeeded: digits % 10)
            digits /= 10
        }
        return at + 18
    }

    private static func put(
        _ text: StaticString, into out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        memcpy(out, text.utf8Start, text.utf8CodeUnitCount)
        return text.utf8CodeUnitCount
    }
}
