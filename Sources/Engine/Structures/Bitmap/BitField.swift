// An integer of some bits anywhere in a string: the fields of BITFIELD.
//
// A field of at most 64 bits that begins anywhere in a byte lies within nine bytes; those are
// read as one big-endian number, and the field is a shift away.

struct BitField {
    /// What an addition does that leaves the field's range.
    enum Overflow { case wrap, saturate, fail }

    let isSigned: Bool
    /// 1 to 64 bits; 63 at most where there is no sign.
    let width: Int

    private static let windowBytes = 9

    /// The field's value at a bit offset; bits past the end of the string are 0. O(1).
    func load(_ bytes: Bytes, at offset: Int) -> Int64 {
        let window = BitField.window(bytes, offset)
        let raw = UInt64(truncatingIfNeeded: window >> shift(offset))
        let unused = UInt64(64 - width)
        if isSigned { return Int64(bitPattern: raw << unused) >> Int64(unused) }
        return Int64(bitPattern: (raw << unused) >> unused)
    }

    /// Writes the low bits of `value` at an offset; the field lies within the string. O(1).
    func store(_ value: Int64, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
        let shift = shift(offset)
        let mask = UInt128(UInt64.max >> UInt64(64 - width)) << shift
        let placed = UInt128(UInt64(bitPattern: value)) << shift & mask
        let window = BitField.window(Bytes(bytes), offset) & ~mask | placed
        let first = offset >> 3
        for index in first...((offset + width - 1) >> 3) {
            let down = UInt128(8 * (BitField.windowBytes - 1 - (index - first)))
            bytes[index] = UInt8(truncatingIfNeeded: window >> down)
        }
    }

    private func shift(_ offset: Int) -> UInt128 {
        UInt128(8 * BitField.windowBytes - width - (offset & 7))
    }

    /// Nine bytes from the one with the offset's bit on.
    private static func window(_ bytes: Bytes, _ offset: Int) -> UInt128 {
        let first = offset >> 3
        var window: UInt128 = 0
        for index in first..<(first + windowBytes) {
            window = window << 8 | UInt128(index < bytes.count ? bytes[index] : 0)
        }
        return window
    }

    /// `value + increment` as the field can hold it, nil where it must not overflow but would.
    /// A `value` outside the range counts as an overflow, too (BITFIELD SET).
    /// Source: Redis 7.0, `checkSignedBitfieldOverflow` and its unsigned sister, whose
    /// arithmetic wraps near the ends of 64 bits as this does.
    func sum(_ value: Int64, _ increment: Int64, _ overflow: Overflow) -> Int64? {
        isSigned
            ? signedSum(value, increment, overflow)
            : unsignedSum(UInt64(bitPattern: value), increment, overflow)
    }

    private func unsignedSum(
        _ value: UInt64, _ increment: Int64, _ overflow: Overflow
    ) -> Int64? {
        let max = UInt64.max >> UInt64(64 - width)
        let most = Int64(bitPattern: max &- value)
        let least = Int64(bitPattern: 0 &- value)
        let sum = value &+ UInt64(bitPattern: increment)
        let isOver = value > max || (increment > 0 && increment > most)
        guard isOver || (increment < 0 && increment < least) else {
            return Int64(bitPattern: sum)
        }
        switch overflow {
        case .wrap: return Int64(bitPattern: sum & max)
        case .saturate: return isOver ? Int64(bitPattern: max) : 0
        case .fail: return nil
        }
    }

    private func signedSum(_ value: Int64, _ increment: Int64, _ overflow: Overflow) -> Int64? {
        let unused = Int64(64 - width)
        let max = Int64.max >> unused
        let min = Int64.min >> unused
        let most = max &- value
        let least = min &- value
        let sum = value &+ increment
        let isOver =
            value > max || (width < 64 && increment > most)
            || (value >= 0 && increment > 0 && increment > most)
        let isUnder =
            value < min || (width < 64 && increment < least)
            || (value < 0 && increment < 0 && increment < least)
        guard isOver || isUnder else { return sum }
        switch overflow {
        case .wrap: return (sum << unused) >> unused
        case .saturate: return isOver ? max : min
        case .fail: return nil
        }
    }
}
