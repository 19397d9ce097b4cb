// CRC-32C (Castagnoli), the check of log batches and cold records.
//
// Reflected polynomial 0x82F63B78, initial value and final xor all ones (RFC 3720, B.4).
// Sixteen bytes are folded per step with sixteen tables ("slicing", Kounavis and Berry 2005):
// table k holds the effect of a byte that has k more bytes behind it in the step, so the
// look-ups of a step do not wait for each other. Only four of them need the step before; the
// others run ahead of it.

public enum CRC32C {
    /// Sixteen tables of 256 entries, one after another; made once, never freed.
    nonisolated(unsafe) private static let tables: UnsafePointer<UInt32> = {
        let tables = UnsafeMutablePointer<UInt32>.allocate(capacity: 16 * 256)
        for index in 0..<256 {
            var crc = UInt32(index)
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
            tables[index] = crc
        }
        for index in 256..<(16 * 256) {
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
        while left >= 16 {
            let low = UInt64(littleEndian: at.loadUnaligned(as: UInt64.self)) ^ UInt64(crc)
            let high = UInt64(
                littleEndian: at.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            // Table k sits at k * 256; the step's first byte has fifteen bytes behind it.
            let last = fold(tables, high)
            let first = fold(tables + 8 * 256, low)
            crc = last ^ first
            at += 16
            left -= 16
        }
        if left >= 8 {
            let word = UInt64(littleEndian: at.loadUnaligned(as: UInt64.self)) ^ UInt64(crc)
            crc = fold(tables, word)
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

    /// The effect of eight bytes, the first of them lowest in `word`, by eight tables.
    @inline(__always)
    private static func fold(_ tables: UnsafePointer<UInt32>, _ word: UInt64) -> UInt32 {
        let upper =
            (tables[768 + Int((word >> 32) & 0xFF)] ^ tables[512 + Int((word >> 40) & 0xFF)])
            ^ (tables[256 + Int((word >> 48) & 0xFF)] ^ tables[Int(word >> 56)])
        let lower =
            (tables[1792 + Int(word & 0xFF)] ^ tables[1536 + Int((word >> 8) & 0xFF)])
            ^ (tables[1280 + Int((word >> 16) & 0xFF)] ^ tables[1024 + Int((word >> 24) & 0xFF)])
        return upper ^ lower
    }
}
