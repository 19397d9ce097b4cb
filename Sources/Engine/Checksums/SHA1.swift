// SHA-1, for the digests of DEBUG DIGEST only, which compare equal with those of Redis. Not for
// secrets. Source: FIPS 180-4.

enum SHA1 {
    /// Twenty bytes.
    typealias Digest = (UInt32, UInt32, UInt32, UInt32, UInt32)

    /// O(n).
    static func hash(_ bytes: Bytes) -> [UInt8] {
        var state: Digest = (0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0)
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { words in
            MessageBlocks.forEach(bytes) { block in
                for index in 0..<16 {
                    words[index] = UInt32(
                        bigEndian: block.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
                }
                mix(&state, words)
            }
        }
        return MessageBlocks.bytes([state.0, state.1, state.2, state.3, state.4])
    }

    private static func mix(_ state: inout Digest, _ words: UnsafeMutableBufferPointer<UInt32>) {
        for index in 16..<80 {
            let word = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
            words[index] = word << 1 | word >> 31
        }
        var (a, b, c, d, e) = state
        for index in 0..<80 {
            let f: UInt32
            let k: UInt32
            switch index {
            case 0..<20: (f, k) = ((b & c) | (~b & d), 0x5A82_7999)
            case 20..<40: (f, k) = (b ^ c ^ d, 0x6ED9_EBA1)
            case 40..<60: (f, k) = ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
            default: (f, k) = (b ^ c ^ d, 0xCA62_C1D6)
            }
            let next = (a << 5 | a >> 27) &+ f &+ e &+ k &+ words[index]
            (e, d, c, b, a) = (d, c, b << 30 | b >> 2, a, next)
        }
        state.0 &+= a
        state.1 &+= b
        state.2 &+= c
        state.3 &+= d
        state.4 &+= e
    }
}

/// What SHA-1 and SHA-256 share: 64-byte blocks, the last ones padded with a one bit, zeros and
/// the length in bits.
enum MessageBlocks {
    static func forEach(_ bytes: Bytes, _ body: (Bytes) -> Void) {
        let whole = bytes.count & ~63
        var at = 0
        while at < whole {
            body(bytes.slice(at, 64))
            at += 64
        }
        let rest = bytes.count - whole
        let tail = rest < 56 ? 64 : 128
        withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { block in
            block.initializeMemory(as: UInt8.self, repeating: 0)
            for index in 0..<rest { block[index] = bytes[whole + index] }
            block[rest] = 0x80
            block.storeBytes(
                of: UInt64(bytes.count * 8).bigEndian, toByteOffset: tail - 8, as: UInt64.self)
            let padded = Bytes(start: block.baseAddress!, count: 128)
            for start in stride(from: 0, to: tail, by: 64) { body(padded.slice(start, 64)) }
        }
    }

    static func bytes(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in
            [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
    }
}
