// Randomness behind the seam: one generator, seeded, so that a failing run can be replayed.
//
// xoshiro256** (Blackman, Vigna), seeded through SplitMix64.

public struct Random: RandomNumberGenerator, Sendable {
    private var a: UInt64
    private var b: UInt64
    private var c: UInt64
    private var d: UInt64

    public init(seed: UInt64) {
        var state = seed
        func split() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
        a = split()
        b = split()
        c = split()
        d = split()
    }

    public mutating func next() -> UInt64 {
        let scaled = b &* 5
        let result = ((scaled << 7) | (scaled >> 57)) &* 9
        let shifted = b << 17
        c ^= a
        d ^= b
        b ^= c
        a ^= d
        c ^= shifted
        d = (d << 45) | (d >> 19)
        return result
    }
}
