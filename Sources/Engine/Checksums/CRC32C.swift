// CRC-32C (Castagnoli), the check of log batches and cold records.
//
// Reflected polynomial 0x82F63B78, initial value and final xor all ones (RFC 3720, B.4).

public enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in
            crc & 1 == 1 ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1
        }
    }

    /// The checksum of `bytes`; pass an earlier result as `seed` to continue it.
    public static func checksum(_ bytes: Bytes, seed: UInt32 = 0) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            var crc = ~seed
            for byte in bytes {
                crc = table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ (crc >> 8)
            }
            return ~crc
        }
    }
}
