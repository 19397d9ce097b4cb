// Membership filters: "surely not in this run", in under a hundred nanoseconds.
//
// A binary fuse filter (Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor
// Filters", 2022): three memory accesses. With fingerprints of 8 bits it takes about 9.2 bits a
// key and gives one false answer in 256; with 12 bits 13.8, and one in 4096. It is static, which
// suits runs: they never change. Each key is mapped to three slots in three neighbouring segments;
// solving the peeling order backwards makes the xor of the three slots the key's fingerprint.
//
// A key that is nowhere is asked of each run, and a false answer costs a read of the disk. Most
// keys are in bases and most runs are not: so a base has the small fingerprints, which keeps the
// memory down, and all others the large ones, which keeps false answers to twice those of a single
// run. (With 8 bits in all of 8 to 18 runs 2.8 % of new keys were looked for.)
//
// A run's filter is cut into pieces of at most 2^18 keys, in the run's own order. So building
// needs a few megabytes at any size of run and fits the processor's cache, a merge builds as
// it goes, and a look-up finds its piece by one binary search over (namespace, hash).

import Glibc

/// One piece of a run's filter. Owned by the run; `fingerprints` nil answers "maybe".
struct FilterPiece {
    /// The first (namespace, hash) of the piece.
    var namespace: UInt32
    /// log2 of the segment length.
    var segmentBits: UInt16
    /// Bits of a fingerprint: `baseBits` or `newerBits`.
    var fingerprintBits: UInt16
    var hash: UInt64
    var seed: UInt64
    /// Number of first slots: segment count times segment length.
    var span: UInt32
    var byteCount: UInt32
    var fingerprints: UnsafeMutablePointer<UInt8>?

    static let keysMax = 1 << 18
    /// Of a base, and of all other runs.
    static let baseBits: UInt16 = 8
    static let newerBits: UInt16 = 12

    /// The filter's key of (namespace, hash).
    @inline(__always)
    static func fold(_ namespace: UInt32, _ hash: UInt64) -> UInt64 {
        hash &+ UInt64(namespace) &* 0x9E37_79B9_7F4A_7C15
    }

    /// murmur3's finalizer.
    @inline(__always)
    private static func mix(_ key: UInt64, _ seed: UInt64) -> UInt64 {
        var x = key &+ seed
        x = (x ^ (x &>> 33)) &* 0xFF51_AFD7_ED55_8CCD
        x = (x ^ (x &>> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return x ^ (x &>> 33)
    }

    /// The bytes of so many slots; nil for a number of bits that there is not.
    static func byteCount(slots count: Int, bits: UInt16) -> Int? {
        switch bits {
        case baseBits: count
        // The last slot is read as two bytes.
        case newerBits: (count * 3 + 1) / 2 + 1
        default: nil
        }
    }

    /// The low `fingerprintBits` bits of the key's fingerprint.
    @inline(__always)
    private static func fingerprint(_ mixed: UInt64, _ bits: UInt16) -> UInt16 {
        UInt16(truncatingIfNeeded: mixed ^ (mixed &>> 32)) & ((1 &<< bits) &- 1)
    }

    @inline(__always)
    private static func load(
        _ bytes: UnsafeMutablePointer<UInt8>, _ slot: Int, _ bits: UInt16
    ) -> UInt16 {
        if bits == baseBits { return UInt16(bytes[slot]) }
        let pair = UnsafeRawPointer(bytes + (slot &* 3) &>> 1)
            .loadUnaligned(as: UInt16.self).littleEndian
        return (pair &>> UInt16((slot & 1) &* 4)) & 0xFFF
    }

    @inline(__always)
    private static func fold(
        _ value: UInt16, into bytes: UnsafeMutablePointer<UInt8>, _ slot: Int, _ bits: UInt16
    ) {
        if bits == baseBits {
            bytes[slot] ^= UInt8(truncatingIfNeeded: value)
        } else {
            let place = UnsafeMutableRawPointer(bytes + (slot &* 3) &>> 1)
            let pair = place.loadUnaligned(as: UInt16.self).littleEndian
            place.storeBytes(
                of: (pair ^ value &<< UInt16((slot & 1) &* 4)).littleEndian, as: UInt16.self)
        }
    }

    @inline(__always)
    private static func slots(_ mixed: UInt64, _ span: UInt32, _ bits: UInt16) -> (Int, Int, Int) {
        let mask = (UInt64(1) &<< UInt64(bits)) &- 1
        let first = mixed.multipliedFullWidth(by: UInt64(span)).high
        let second = (first &+ (1 &<< UInt64(bits))) ^ ((mixed &>> 18) & mask)
        let third = (first &+ (2 &<< UInt64(bits))) ^ (mixed & mask)
        return (Int(first), Int(second), Int(third))
    }

    /// False only when the key is surely not in the piece.
    @inline(__always)
    func mayContain(_ folded: UInt64) -> Bool {
        guard let fingerprints else { return true }
        let mixed = FilterPiece.mix(folded, seed)
        let (a, b, c) = FilterPiece.slots(mixed, span, segmentBits)
        let bits = fingerprintBits
        let found =
            FilterPiece.load(fingerprints, a, bits) ^ FilterPiece.load(fingerprints, b, bits)
            ^ FilterPiece.load(fingerprints, c, bits)
        return found == FilterPiece.fingerprint(mixed, bits)
    }

    /// Builds the piece over distinct `keys` (folded). O(keys). The caller frees
    /// `fingerprints`. Equal keys make the construction fail: then the piece answers "maybe".
    static func build(
        _ keys: UnsafeBufferPointer<UInt64>, namespace: UInt32, hash: UInt64,
        fingerprintBits: UInt16
    ) -> FilterPiece {
        let count = keys.count
        var piece = FilterPiece(
            namespace: namespace, segmentBits: 0, fingerprintBits: fingerprintBits, hash: hash,
            seed: 0, span: 0, byteCount: 0, fingerprints: nil)
        if count == 0 { return piece }
        let n = Double(max(count, 2))
        let bits = min(max(Int(log(n) / log(3.33) + 2.25), 2), 18)
        let length = 1 << bits
        let factor = max(1.125, 0.875 + 0.25 * log(1e6) / log(n))
        let wanted = Int((Double(count) * factor).rounded(.up))
        let segments = max((wanted + length - 1) / length - 2, 1)
        let slotCount = (segments + 2) * length
        let byteCount = FilterPiece.byteCount(slots: slotCount, bits: fingerprintBits)!
        piece.segmentBits = UInt16(bits)
        piece.span = UInt32(segments * length)
        piece.byteCount = UInt32(byteCount)

        let work = Peeling(slotCount, count)
        for attempt in 0..<64 {
            piece.seed = (UInt64(attempt) &+ 1) &* 0xD6E8_FEB8_6659_FD93
            guard work.peel(keys, piece.seed, piece.span, piece.segmentBits) else { continue }
            let out = UnsafeMutablePointer<UInt8>.allocate(capacity: byteCount)
            out.initialize(repeating: 0, count: byteCount)
            for i in stride(from: count - 1, through: 0, by: -1) {
                let mixed = work.order[i]
                let (a, b, c) = slots(mixed, piece.span, piece.segmentBits)
                // The slot that is this key's own is still zero, so all three can be folded.
                let value =
                    fingerprint(mixed, fingerprintBits) ^ load(out, a, fingerprintBits)
                    ^ load(out, b, fingerprintBits) ^ load(out, c, fingerprintBits)
                let own = work.own[i] == 0 ? a : work.own[i] == 1 ? b : c
                fold(value, into: out, own, fingerprintBits)
            }
            piece.fingerprints = out
            return piece
        }
        piece.byteCount = 0
        return piece
    }

    /// The working memory of one construction.
    private final class Peeling {
        let slotCount: Int
        let keyCount: Int
        /// Per slot: the xor of its keys' hashes; count * 4 + xor of which slot this is to them.
        let hashes: UnsafeMutablePointer<UInt64>
        let counts: UnsafeMutablePointer<UInt8>
        let queue: UnsafeMutablePointer<UInt32>
        /// Keys in the order of peeling, and which of its three slots each may claim.
        let order: UnsafeMutablePointer<UInt64>
        let own: UnsafeMutablePointer<UInt8>

        init(_ slotCount: Int, _ keyCount: Int) {
            self.slotCount = slotCount
            self.keyCount = keyCount
            hashes = .allocate(capacity: slotCount)
            counts = .allocate(capacity: slotCount)
            queue = .allocate(capacity: slotCount)
            order = .allocate(capacity: keyCount)
            own = .allocate(capacity: keyCount)
        }

        deinit {
            hashes.deallocate()
            counts.deallocate()
            queue.deallocate()
            order.deallocate()
            own.deallocate()
        }

        func peel(
            _ keys: UnsafeBufferPointer<UInt64>, _ seed: UInt64, _ span: UInt32, _ bits: UInt16
        ) -> Bool {
            hashes.initialize(repeating: 0, count: slotCount)
            counts.initialize(repeating: 0, count: slotCount)
            for key in keys {
                let mixed = mix(key, seed)
                let (a, b, c) = slots(mixed, span, bits)
                hashes[a] ^= mixed
                hashes[b] ^= mixed
                hashes[c] ^= mixed
                counts[a] &+= 4
                counts[b] = (counts[b] &+ 4) ^ 1
                counts[c] = (counts[c] &+ 4) ^ 2
                // 64 keys on one slot overflow the count; another seed will spread them.
                if counts[a] < 4 || counts[b] < 4 || counts[c] < 4 { return false }
            }
            var queued = 0
            for slot in 0..<slotCount {
                queue[queued] = UInt32(truncatingIfNeeded: slot)
                queued += counts[slot] >> 2 == 1 ? 1 : 0
                if queued == slotCount { break }
            }
            var done = 0
            while queued > 0 {
                queued -= 1
                let slot = Int(queue[queued])
                guard counts[slot] >> 2 == 1 else { continue }
                let mixed = hashes[slot]
                let which = counts[slot] & 3
                order[done] = mixed
                own[done] = which
                done += 1
                let (a, b, c) = slots(mixed, span, bits)
                func remove(_ slot: Int, _ tag: UInt8) {
                    hashes[slot] ^= mixed
                    counts[slot] = (counts[slot] &- 4) ^ tag
                    if counts[slot] >> 2 == 1 {
                        queue[queued] = UInt32(truncatingIfNeeded: slot)
                        queued += 1
                    }
                }
                if which != 0 { remove(a, 0) }
                if which != 1 { remove(b, 1) }
                if which != 2 { remove(c, 2) }
                counts[slot] = 0
            }
            return done == keyCount
        }
    }
}
