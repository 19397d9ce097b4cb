// All registers of a HyperLogLog, 6 bits each: four registers in three bytes.
//
//     byte 0     byte 1     byte 2
//     11000000   22221111   33333322      register 0 has the lowest bits

enum DenseRegisters {
    /// The three bytes that hold a register and its neighbours, as one number.
    @inline(__always)
    private static func group(_ registers: UnsafeRawPointer, _ number: Int) -> UInt32 {
        let p = registers + number &* 3
        return UInt32(p.load(as: UInt8.self))
            | UInt32(p.load(fromByteOffset: 1, as: UInt8.self)) << 8
            | UInt32(p.load(fromByteOffset: 2, as: UInt8.self)) << 16
    }

    @inline(__always)
    static func get(_ registers: UnsafeRawPointer, _ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: group(registers, index / 4) >> UInt32(index % 4 * 6) & 63)
    }

    /// Raises a register to `rank`; false if it is as high already. O(1).
    @inline(__always)
    static func raise(
        _ registers: UnsafeMutableRawPointer, _ index: Int, to rank: UInt8
    ) -> Bool {
        let shift = UInt32(index % 4 * 6)
        var group = group(registers, index / 4)
        if UInt32(rank) <= group >> shift & 63 { return false }
        group = group & ~(63 << shift) | UInt32(rank) << shift
        let p = registers + index / 4 &* 3
        p.storeBytes(of: UInt8(truncatingIfNeeded: group), as: UInt8.self)
        p.storeBytes(of: UInt8(truncatingIfNeeded: group >> 8), toByteOffset: 1, as: UInt8.self)
        p.storeBytes(of: UInt8(truncatingIfNeeded: group >> 16), toByteOffset: 2, as: UInt8.self)
        return true
    }

    /// Lends the rank of every register in order. O(registers).
    @inline(__always)
    static func forEach(_ registers: UnsafeRawPointer, _ body: (UInt8) -> Void) {
        for number in 0..<HyperLogLog.registerCount / 4 {
            let group = group(registers, number)
            body(UInt8(truncatingIfNeeded: group & 63))
            body(UInt8(truncatingIfNeeded: group >> 6 & 63))
            body(UInt8(truncatingIfNeeded: group >> 12 & 63))
            body(UInt8(truncatingIfNeeded: group >> 18))
        }
    }
}
