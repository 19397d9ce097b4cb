import Testing

@testable import Engine

/// Hash order is an on-disk order: these values must never change.
@Suite struct HashSecretTests {
    let secret = HashSecret(k0: 0x0706_0504_0302_0100, k1: 0x0f0e_0d0c_0b0a_0908)

    /// SipHash-1-3 of 00, 00 01, 00 01 02 ... under the key 00 01 ... 0f; from an independent
    /// implementation that agrees with CPython's siphash13.
    @Test func matchesGoldenValues() {
        let golden: [UInt64] = [
            0xabac0158050fc4dc, 0xc9f49bf37d57ca93, 0x82cb9b024dc7d44d,
            0x8bf80ab8e7ddf7fb, 0xcf75576088d38328, 0xdef9d52f49533b67,
            0xc50d2b50c59f22a7, 0xd3927d989bb11140, 0x369095118d299a8e,
            0x25a48eb36c063de4, 0x79de85ee92ff097f, 0x70c118c1f94dc352,
            0x78a384b157b4d9a2, 0x306f760c1229ffa7, 0x605aa111c0f95d34,
            0xd320d86d2a519956, 0xcc4fdd1a7d908b66, 0x9cf2689063dbd80c,
            0x8ffc389cb473e63e, 0xf21f9de58d297d1c, 0xc0dc2f46a6cce040,
            0xb992abfe2b45f844, 0x7ffe7b9ba320872e, 0x525a0e7fdae6c123,
        ]
        for (length, expected) in golden.enumerated() {
            let message = (0..<length).map { UInt8($0) }
            #expect(message.withUnsafeBytes { secret.hash($0) } == expected, "length \(length)")
        }
    }

    @Test func lengthsUpTo300AtAnyAlignmentMatchTheGoldenDigest() {
        for shift in 0..<3 {
            var digest: UInt64 = 0
            for length in 0..<300 {
                let padded = [UInt8](repeating: 0xAA, count: shift)
                    + (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7) } + [0xFF, 0xFF]
                let hash = padded.withUnsafeBytes { secret.hash($0.slice(shift, length)) }
                digest = digest &* 31 &+ hash
            }
            #expect(digest == 0xa3ff852b21534f2e)
        }
    }

    @Test func anEmptyViewWithoutAddressHashesLikeAnyEmptyKey() {
        #expect(secret.hash(Bytes(start: nil, count: 0)) == secret.hash(("" as StaticString).bytes))
    }
}
