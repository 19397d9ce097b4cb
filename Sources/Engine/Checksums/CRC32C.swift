// CRC-32C (Castagnoli), the check of log batches and cold records.
//
// Reflected polynomial 0x82F63B78, initial value and final xor all ones (RFC 3720, B.4).
// Eight bytes are folded per step with eight tables ("slicing by 8", Kounavis and Berry 2005):
// table k holds the effect of a byte that has k more bytes behind it in the step, so the eight
// look-ups of a step do not wait for each other.

public enum CRC32C {
    /// Eight tables of 256 entries, one after another; made once, never freed.
    nonisolated(unsafe) private static let tables: UnsafePointer<UInt32> = {
        let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: 8 * 256)
        for index in 0..<256 {
            var crc = UInt32(index)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
            tables[index] = crc
        }
        for index in 256..<(8 * 256) {
            let previous = tables[index - 256]
            tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
        }
        return UnsafePointer(tables)
    }()

    /// The checksum of `bytes`; pass an earlier result as `seed` to continue it. O(n).
    public static func checksum(_ bytes: Bytes, seed: UInt32 = 0) -> UInt32 {
        let tables = tables
        var crc = ~seed
        guard var at = bytes.baseAddress else { return seed }
        var left = bytes.count
        while left >= 8 {
            let word = UInt64(littleEndian: at.loadUnaligned(as: UInt64.self)) ^ UInt64(crc)
            // Table k sits at k * 256; the step's first byte has seven bytes behind it.
            crc = tables[1792 + Int(word & 0xFF)]
            crc ^= tables[1536 + Int((word >> 8) & 0xFF)]
            crc ^= tables[1280 + Int((word >> 16) & 0xFF)]
            crc ^= tables[1024 + Int((word >> 24) & 0xFF)]
            crc ^= tables[768 + Int((word >> 32) & 0xFF)]
            crc ^= tables[512 + Int((word >> 40) & 0xFF)]
            crc ^= tables[256 + Int((word >> 48) & 0xFF)]
            crc ^= tables[Int(word >> 56)]
            at += 8
            left -= 8
        }
        while left > 0 {
            crc = tables[Int((crc ^ UInt32(at.load(as: UInt8.self))) & 0xFF)] ^ (crc >> 8)
            at += 1
            left -= 1
        }
        return ~crc
    }
}
