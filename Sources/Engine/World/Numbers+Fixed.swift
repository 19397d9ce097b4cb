// Numbers with four decimals, and those that C prints for errors.

import Glibc

extension Numbers {
    /// Room that `formatFixed4` may need.
    static let fixedCharsMax = 512

    /// Writes `value` as `printf("%.4f")` does; returns the number of bytes, at most
    /// `fixedCharsMax`. Distances of GEODIST and its kin.
    static func formatFixed4(_ value: Double, into out: UnsafeMutablePointer<UInt8>) -> Int {
        guard value >= 0, value < 1e14, value.sign == .plus else {
            return formatWithC(value, "%.4f", into: out)
        }
        // value = m / 2^s, so that its ten-thousandths are a rounded shift away.
        let exponent = value == 0 ? -1023 : Int(value.exponent)
        var units: UInt64 = 0
        if exponent > -40 {  // Smaller ones round to nothing.
            let m = UInt128(value.significandBitPattern | 1 << 52)
            units = UInt64(truncatingIfNeeded: roundedShift(m * 10_000, 52 - exponent))
        }
        let (whole, fraction) = units.quotientAndRemainder(dividingBy: 10_000)
        var at = formatUInt64(whole, into: out)
        out[at] = UInt8(ascii: ".")
        var rest = fraction
        for place in (1...4).reversed() {
            out[at + place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        at += 5
        return at
    }

    /// Writes what C's `printf` makes of one number.
    static func formatWithC(
        _ value: Double, _ format: String, into out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        withVaList([value]) { list in
            out.withMemoryRebound(to: CChar.self, capacity: fixedCharsMax) {
                Int(vsnprintf($0, fixedCharsMax, format, list))
            }
        }
    }
}
