// SipHash-1-3: the one hash of the database.
//
// The hash of a key is more than a bucket number here: hot table, cold runs and SCAN cursors all
// use its order, so it is part of the on-disk format and must never change (a golden test
// freezes it). It is keyed by a secret made at random when a store is created and kept in its
// metadata, so that nobody who can choose keys can choose collisions. SipHash-1-3 (one round a
// word, three at the end) is the reduced variant that Rust and CPython chose for hash tables;
// it costs about 10 ns for a key of 16 bytes.
//
// Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF", 2012.

/// The key of the hash function; 128 random bits from the store's metadata.
package struct HashSecret: Equatable, Sendable {
    package var k0: UInt64
    package var k1: UInt64

    package init(k0: UInt64, k1: UInt64) {
        self.k0 = k0
        self.k1 = k1
    }

    /// SipHash-1-3 of `key`. O(bytes); allocates nothing.
    @inline(never)
    package func hash(_ key: Bytes) -> UInt64 {
        var state = SipState(k0: k0, k1: k1)
        let count = key.count
        guard let base = key.baseAddress, count > 0 else {
            state.absorb(0)
            return state.finish()
        }
        var offset = 0
        while offset &+ 8 <= count {
            state.absorb(word(base, offset))
            offset &+= 8
        }
        // The last word: the remaining 0 to 7 bytes, and the length in its top byte.
        let rest = count &- offset
        var last = UInt64(truncatingIfNeeded: count) &<< 56
        if rest > 0 {
            if count >= 8 {
                // Read the last eight bytes and drop those already absorbed.
                last |= word(base, count &- 8) &>> UInt64(truncatingIfNeeded: (8 &- rest) &* 8)
            } else if rest >= 4 {
                let low = UInt64(half(base, 0))
                let high = UInt64(half(base, rest &- 4))
                last |= low | (high &<< UInt64(truncatingIfNeeded: (rest &- 4) &* 8))
            } else {
                let middle = rest &>> 1
                last |= UInt64(byte(base, 0))
                last |= UInt64(byte(base, middle)) &<< UInt64(truncatingIfNeeded: middle &* 8)
                last |=
                    UInt64(byte(base, rest &- 1))
                    &<< UInt64(truncatingIfNeeded: (rest &- 1) &* 8)
            }
        }
        state.absorb(last)
        return state.finish()
    }

    @inline(__always)
    private func word(_ base: UnsafeRawPointer, _ offset: Int) -> UInt64 {
        UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    private func half(_ base: UnsafeRawPointer, _ offset: Int) -> UInt32 {
        UInt32(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    private func byte(_ base: UnsafeRawPointer, _ offset: Int) -> UInt8 {
        base.load(fromByteOffset: offset, as: UInt8.self)
    }
}

/// The four words of SipHash's state.
private struct SipState {
    private var v0: UInt64
    private var v1: UInt64
    private var v2: UInt64
    private var v3: UInt64

    @inline(__always)
    init(k0: UInt64, k1: UInt64) {
        v0 = k0 ^ 0x736f_6d65_7073_6575
        v1 = k1 ^ 0x646f_7261_6e64_6f6d
        v2 = k0 ^ 0x6c79_6765_6e65_7261
        v3 = k1 ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        v0 ^= word
    }

    @inline(__always)
    mutating func finish() -> UInt64 {
        v2 ^= 0xff
        round()
        round()
        round()
        return v0 ^ v1 ^ v2 ^ v3
    }

    @inline(__always)
    private mutating func round() {
        v0 = v0 &+ v1
        v1 = rotate(v1, 13) ^ v0
        v0 = rotate(v0, 32)
        v2 = v2 &+ v3
        v3 = rotate(v3, 16) ^ v2
        v0 = v0 &+ v3
        v3 = rotate(v3, 21) ^ v0
        v2 = v2 &+ v1
        v1 = rotate(v1, 17) ^ v2
        v2 = rotate(v2, 32)
    }

    @inline(__always)
    private func rotate(_ word: UInt64, _ bits: UInt64) -> UInt64 {
        (word &<< bits) | (word &>> (64 &- bits))
    }
}
