// MurmurHash64A, the hash by which HyperLogLogs know their elements.
//
// A HyperLogLog is only mergeable with others that hash alike, so this and its seed are part of
// the format. Source: Austin Appleby's MurmurHash2 for 64 bits, in Redis's byte order.

enum MurmurHash64A {
    private static let multiplier: UInt64 = 0xC6A4_A793_5BD1_E995

    /// O(bytes).
    static func hash(_ bytes: Bytes, seed: UInt64) -> UInt64 {
        var hash = seed ^ UInt64(bytes.count) &* multiplier
        let words = bytes.count / 8
        for word in 0..<words {
            var part = UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self))
            part = part &* multiplier
            part ^= part >> 47
            hash = (hash ^ part &* multiplier) &* multiplier
        }
        let rest = words * 8
        if rest < bytes.count {
            var tail: UInt64 = 0
            for index in (rest..<bytes.count).reversed() { tail = tail << 8 | UInt64(bytes[index]) }
            hash = (hash ^ tail) &* multiplier
        }
        hash ^= hash >> 47
        hash = hash &* multiplier
        return hash ^ hash >> 47
    }
}
