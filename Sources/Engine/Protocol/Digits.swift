// Decimal digits, written in place.
//
// Nearly every reply carries a length or an integer, so their digits are written straight into
// the output, two at a time from a table, after the number of digits has been found by a few
// comparisons. Nothing is allocated and nothing is reversed or copied afterwards.

/// Formatting of integers into memory that the caller has reserved.
enum Digits {
    /// The most bytes an `Int64` takes: a sign and 19 digits.
    static let bytesMax = 20

    private static let pairs: StaticString = """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839\
        40414243444546474849505152535455565758596061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899
        """

    /// How many decimal digits `value` has (1...20).
    @inline(__always)
    static func count(_ value: UInt64) -> Int {
        if value < 10 { return 1 }
        if value < 100 { return 2 }
        if value < 1000 { return 3 }
        return countLarge(value)
    }

    private static func countLarge(_ value: UInt64) -> Int {
        var rest = value / 1000
        var digits = 3
        while rest >= 10000 {
            rest /= 10000
            digits += 4
        }
        return digits + (rest < 10 ? 1 : rest < 100 ? 2 : rest < 1000 ? 3 : 4)
    }

    /// Writes `value` at `target`, which has room for it, and returns how many bytes it took.
    @inline(__always)
    static func write(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) -> Int {
        if value < 10 {
            target[0] = 0x30 &+ UInt8(truncatingIfNeeded: value)
            return 1
        }
        let length = count(value)
        let table = pairs.utf8Start
        var rest = value
        var at = length
        while rest >= 100 {
            let pair = Int(truncatingIfNeeded: rest % 100) &* 2
            rest /= 100
            at &-= 2
            target[at] = table[pair]
            target[at &+ 1] = table[pair &+ 1]
        }
        if rest >= 10 {
            let pair = Int(truncatingIfNeeded: rest) &* 2
            target[0] = table[pair]
            target[1] = table[pair &+ 1]
        } else {
            target[0] = 0x30 &+ UInt8(truncatingIfNeeded: rest)
        }
        return length
    }

    /// The same with a sign; takes at most `bytesMax` bytes.
    @inline(__always)
    static func write(_ value: Int64, to target: UnsafeMutablePointer<UInt8>) -> Int {
        if value >= 0 { return write(UInt64(value), to: target) }
        target[0] = 0x2D
        return 1 &+ write(value.magnitude, to: target + 1)
    }
}
