// CRC-64 as Redis uses it: the last eight bytes of an RDB file and of a DUMP payload.
//
// Jones's polynomial 0xAD93D23594C935A9, reflected in and out, initial value and final xor
// zero; "123456789" gives 0xE9C6D914C4B8D9CA (redis `src/crc64.c` names the parameters).
// Eight bytes a step by eight tables, as in `CRC32C`.

public enum CRC64 {
    /// Eight tables of 256 entries, one after another; made once, never freed.
    nonisolated(unsafe) private static let tables: UnsafePointer<UInt64> = {
        let tables = UnsafeMutablePointer<UInt64>.allocate(capacity: 8 * 256)
        for index in 0..<256 {
            var crc = UInt64(index)
            // The polynomial with its bits in reverse order, because the CRC is reflected.
            for _ in 0..<8 { crc = crc & 1 == 1 ? (crc >> 1) ^ 0x95AC_9329_AC4B_C9B5 : crc >> 1 }
            tables[index] = crc
        }
        for index in 256..<(8 * 256) {
            let previous = tables[index - 256]
            tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
        }
        return UnsafePointer(tables)
    }()

    /// The checksum of `bytes`; pass an earlier result as `seed` to continue it. O(n).
    public static func checksum(_ bytes: Bytes, seed: UInt64 = 0) -> UInt64 {
        let tables = tables
        var crc = seed
        guard var at = bytes.baseAddress else { return seed }
        var left = bytes.count
        while left >= 8 {
            let word = UInt64(littleEndian: at.loadUnaligned(as: UInt64.self)) ^ crc
            // Table k sits at k * 256; the step's first byte has seven bytes behind it.
            let lower =
                (tables[1792 + Int(word & 0xFF)] ^ tables[1536 + Int((word >> 8) & 0xFF)])
                ^ (tables[1280 + Int((word >> 16) & 0xFF)]
                    ^ tables[1024 + Int((word >> 24) & 0xFF)])
            let upper =
                (tables[768 + Int((word >> 32) & 0xFF)] ^ tables[512 + Int((word >> 40) & 0xFF)])
                ^ (tables[256 + Int((word >> 48) & 0xFF)] ^ tables[Int(word >> 56)])
            crc = lower ^ upper
            at += 8
            left -= 8
        }
        while left > 0 {
            crc = tables[Int((crc ^ UInt64(at.load(as: UInt8.self))) & 0xFF)] ^ (crc >> 8)
            at += 1
            left -= 1
        }
        return crc
    }
}
