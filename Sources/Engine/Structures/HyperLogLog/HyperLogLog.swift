// HyperLogLog: how many different elements were seen, within about 0.8 %, in at most 12 KB.
//
// An element's hash chooses one of 16384 registers by its low 14 bits; the register keeps the
// largest rank seen: one more than the number of zeros that end the rest of the hash. A value is
// a string in Redis's format, byte for byte, so that values move between the servers.
//
//   offset  size  field
//        0     4  "HYLL"
//        4     1  encoding: 0 dense, 1 sparse
//        5     3  zero
//        8     8  the last count, little-endian; its highest bit says that it is out of date
//       16        registers
//
// Dense (DenseRegisters.swift): 6 bits a register, lowest bits first, 12304 bytes in all. Sparse
// (SparseRegisters.swift): runs of equal registers, from 18 bytes up to `hll-sparse-max-bytes`.
//
// Source of the format: Redis 7.0, `hyperloglog.c`.

import Glibc

enum HyperLogLog {
    enum Encoding: UInt8 {
        case dense = 0
        case sparse = 1
    }

    static let headerBytes = 16
    static let indexBits = 14
    static let registerCount = 1 << indexBits
    static let denseBytes = headerBytes + registerCount / 4 * 3
    private static let seed: UInt64 = 0xADC8_3B19
    private static let encodingOffset = 4
    /// Where the count of the header is, which PFCOUNT brings up to date.
    static let countOffset = 8
    private static let staleBit: UInt64 = 1 << 63

    /// The register that an element belongs to, and its rank, 1 to 51. O(bytes).
    static func register(of element: Bytes) -> (index: Int, rank: UInt8) {
        let hash = MurmurHash64A.hash(element, seed: seed)
        let rest = hash >> UInt64(indexBits) | 1 << UInt64(64 - indexBits)
        return (
            Int(truncatingIfNeeded: hash) & (registerCount - 1),
            UInt8(rest.trailingZeroBitCount + 1)
        )
    }

    // MARK: The header

    /// The encoding of a string that has the header and length of a HyperLogLog, else nil. The
    /// registers of a sparse one may be damaged all the same. O(1).
    static func encoding(of bytes: Bytes) -> Encoding? {
        guard bytes.count >= headerBytes, bytes.slice(0, 4).equals("HYLL"),
            let encoding = Encoding(rawValue: bytes[encodingOffset]),
            encoding == .sparse || bytes.count == denseBytes
        else { return nil }
        return encoding
    }

    /// Writes the header of an empty value, whose count is known to be 0.
    static func writeHeader(_ encoding: Encoding, to raw: UnsafeMutableRawPointer) {
        memset(raw, 0, headerBytes)
        memcpy(raw, "HYLL", 4)
        setEncoding(encoding, raw)
    }

    static func setEncoding(_ encoding: Encoding, _ raw: UnsafeMutableRawPointer) {
        raw.storeBytes(of: encoding.rawValue, toByteOffset: encodingOffset, as: UInt8.self)
    }

    /// The count that the header holds, nil if it is out of date.
    static func cachedCount(_ bytes: Bytes) -> UInt64? {
        let count = UInt64(
            littleEndian: bytes.loadUnaligned(fromByteOffset: countOffset, as: UInt64.self))
        return count & staleBit == 0 ? count : nil
    }

    static func setCachedCount(_ count: UInt64, _ raw: UnsafeMutableRawPointer) {
        raw.storeBytes(of: count.littleEndian, toByteOffset: countOffset, as: UInt64.self)
    }

    /// Marks the count of the header as out of date.
    static func forgetCount(_ raw: UnsafeMutableRawPointer) {
        let last = countOffset + 7
        let byte = raw.load(fromByteOffset: last, as: UInt8.self)
        raw.storeBytes(of: byte | 0x80, toByteOffset: last, as: UInt8.self)
    }

    /// The bytes behind the header.
    static func registers(_ bytes: Bytes) -> Bytes {
        bytes.slice(headerBytes, bytes.count - headerBytes)
    }

    // MARK: Estimating

    /// The number of elements that registers speak of, from how many registers hold each rank
    /// (64 numbers). Source: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog
    /// sketches", arXiv:1702.01284; the order of the operations is Redis's, so that the rounding
    /// is, too.
    static func estimate(_ histogram: [Int]) -> UInt64 {
        let rankMax = 64 - indexBits
        let count = Double(registerCount)
        var sum = count * tau((count - Double(histogram[rankMax + 1])) / count)
        for rank in (1...rankMax).reversed() {
            sum += Double(histogram[rank])
            sum *= 0.5
        }
        sum += count * sigma(Double(histogram[0]) / count)
        let alpha = 0.721347520444481703680
        let cardinality = (alpha * count * count / sum).rounded(.toNearestOrAwayFromZero)
        // Only registers that no element can have set come to more.
        return cardinality < 0x1p63 ? UInt64(cardinality) : staleBit
    }

    private static func sigma(_ start: Double) -> Double {
        if start == 1 { return .infinity }
        var x = start
        var y = 1.0
        var sum = start
        while true {
            x *= x
            let before = sum
            sum += x * y
            y += y
            if sum == before { return sum }
        }
    }

    private static func tau(_ start: Double) -> Double {
        if start == 0 || start == 1 { return 0 }
        var x = start
        var y = 1.0
        var sum = 1 - start
        while true {
            x = x.squareRoot()
            let before = sum
            y *= 0.5
            sum -= (1 - x) * (1 - x) * y
            if sum == before { return sum / 3 }
        }
    }
}
