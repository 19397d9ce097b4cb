// The key of a cold row.
//
//     0        4              12
//     namespace | hash         | key bytes                        (up to 490 of them)
//     namespace | hash         | first 475 bytes | 128-bit hash   (longer keys: 491 exactly)
//
// Integers are big-endian, so that LMDB's byte order is (namespace, hash, key) order: one walk
// serves SCAN and merging, and the rows of a namespace lie together. LMDB takes keys of 511
// bytes at most, and the expiry index puts 8 bytes in front: 503 remain. A longer key is cut
// and made unique by two SipHash-2-4 values under different fixed keys; the record then carries
// the full key, which a look-up compares. The length tells the two forms apart.

import Glibc

enum ColdKey {
    /// namespace and hash
    static let prefixBytes = 12
    /// The longest key that is stored as it is.
    static let plainMax = 490
    static let cutBytes = 475
    static let rowMax = 503

    /// Whether `key` is stored cut, the record carrying the whole.
    @inline(__always)
    static func isLong(_ key: Bytes) -> Bool { key.count > plainMax }

    @inline(__always)
    static func rowBytes(_ key: Bytes) -> Int {
        isLong(key) ? rowMax : prefixBytes + key.count
    }

    /// Writes the row key to `out`, which has room for `rowBytes(key)`. O(key).
    static func write(
        _ namespace: UInt32, _ hash: UInt64, _ key: Bytes, to out: UnsafeMutableRawPointer
    ) {
        out.storeBytes(of: namespace.bigEndian, as: UInt32.self)
        out.storeBytes(of: hash.bigEndian, toByteOffset: 4, as: UInt64.self)
        if isLong(key) {
            memcpy(out + prefixBytes, key.baseAddress!, cutBytes)
            let a = siphash(key, 0x6669_726E_2D63_6F6C, 0x642D_6B65_7900_0001)
            let b = siphash(key, 0x6669_726E_2D63_6F6D, 0x642D_6B65_7900_0002)
            out.storeBytes(of: a, toByteOffset: prefixBytes + cutBytes, as: UInt64.self)
            out.storeBytes(of: b, toByteOffset: prefixBytes + cutBytes + 8, as: UInt64.self)
        } else if key.count > 0 {
            memcpy(out + prefixBytes, key.baseAddress!, key.count)
        }
    }

    /// Lends the row key of a key.
    @inline(__always)
    static func with<R>(
        _ namespace: UInt32, _ hash: UInt64, _ key: Bytes, _ body: (Bytes) throws -> R
    ) rethrows -> R {
        try withUnsafeTemporaryAllocation(byteCount: rowMax, alignment: 8) { buffer in
            write(namespace, hash, key, to: buffer.baseAddress!)
            return try body(Bytes(start: buffer.baseAddress!, count: rowBytes(key)))
        }
    }

    /// The 12 bytes that every row key of (namespace, hash) begins with.
    static func prefix(_ namespace: UInt32, _ hash: UInt64) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: prefixBytes) { buffer, count in
            let out = UnsafeMutableRawPointer(buffer.baseAddress!)
            out.storeBytes(of: namespace.bigEndian, as: UInt32.self)
            out.storeBytes(of: hash.bigEndian, toByteOffset: 4, as: UInt64.self)
            count = prefixBytes
        }
    }

    /// Whether these bytes can be a row key at all.
    @inline(__always)
    static func isValid(_ row: Bytes) -> Bool { row.count >= prefixBytes && row.count <= rowMax }

    @inline(__always)
    static func namespace(_ row: Bytes) -> UInt32 {
        UInt32(bigEndian: row.loadUnaligned(as: UInt32.self))
    }

    @inline(__always)
    static func hash(_ row: Bytes) -> UInt64 {
        UInt64(bigEndian: row.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
    }

    /// SipHash-2-4 (Aumasson and Bernstein, 2012).
    static func siphash(_ bytes: Bytes, _ k0: UInt64, _ k1: UInt64) -> UInt64 {
        var v0 = k0 ^ 0x736F_6D65_7073_6575
        var v1 = k1 ^ 0x646F_7261_6E64_6F6D
        var v2 = k0 ^ 0x6C79_6765_6E65_7261
        var v3 = k1 ^ 0x7465_6462_7974_6573
        @inline(__always) func rotate(_ x: UInt64, _ by: UInt64) -> UInt64 {
            x &<< by | x &>> (64 &- by)
        }
        @inline(__always) func round() {
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
        var at = 0
        while at + 8 <= bytes.count {
            let word = UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            v3 ^= word
            round()
            round()
            v0 ^= word
            at += 8
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) << 56
        for i in at..<bytes.count { last |= UInt64(bytes[i]) << UInt64((i - at) * 8) }
        v3 ^= last
        round()
        round()
        v0 ^= last
        v2 ^= 0xFF
        round()
        round()
        round()
        round()
        return v0 ^ v1 ^ v2 ^ v3
    }
}
