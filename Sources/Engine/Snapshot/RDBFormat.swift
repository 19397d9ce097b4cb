// Numbers of the RDB format (Redis, `rdb.h`) and its primitive encodings.
//
// Lengths: the top two bits of the first byte tell how long a length is.
//
//     00xxxxxx                     6 bits
//     01xxxxxx xxxxxxxx            14 bits
//     10000000 + u32 big-endian    32 bits
//     10000001 + u64 big-endian    64 bits
//     11xxxxxx                     no length: a string in a special form (0 int8, 1 int16,
//                                  2 int32, little-endian; 3 LZF: two lengths, then the bytes)

import CLZF
import Glibc

/// The types of values, as RDB files number them.
enum RDBType {
    static let string: UInt8 = 0
    static let list: UInt8 = 1
    static let set: UInt8 = 2
    static let sortedSetText: UInt8 = 3
    static let hash: UInt8 = 4
    static let sortedSet: UInt8 = 5
    static let modulePreGA: UInt8 = 6
    static let module2: UInt8 = 7
    static let hashZipMap: UInt8 = 9
    static let listZipList: UInt8 = 10
    static let setIntSet: UInt8 = 11
    static let sortedSetZipList: UInt8 = 12
    static let hashZipList: UInt8 = 13
    static let listQuickList: UInt8 = 14
    static let hashListPack: UInt8 = 16
    static let sortedSetListPack: UInt8 = 17
    static let listQuickList2: UInt8 = 18
    static let setListPack: UInt8 = 20

    /// What TYPE says of a value of this RDB type; nil for one that Firn does not know.
    static func valueType(_ type: UInt8) -> ValueType? {
        switch type {
        case string: .string
        case list, listZipList, listQuickList, listQuickList2: .list
        case set, setIntSet, setListPack: .set
        case sortedSetText, sortedSet, sortedSetZipList, sortedSetListPack: .sortedSet
        case hash, hashZipMap, hashZipList, hashListPack: .hash
        default: nil
        }
    }
}

/// The opcodes between values.
enum RDBOpcode {
    /// How many keys a hash slot of a cluster has: a hint for sizing.
    static let slotInfo: UInt8 = 244
    static let function2: UInt8 = 245
    /// The form that release candidates of Redis 7.0 wrote, which 7.0 does not read.
    static let functionPreGA: UInt8 = 246
    static let moduleAux: UInt8 = 247
    static let idle: UInt8 = 248
    static let freq: UInt8 = 249
    static let aux: UInt8 = 250
    static let resizeDB: UInt8 = 251
    static let expireTimeMs: UInt8 = 252
    static let expireTime: UInt8 = 253
    static let selectDB: UInt8 = 254
    static let eof: UInt8 = 255
}

enum RDB {
    /// The version that Redis 7.0 writes and reads.
    static let version: UInt16 = 10
    /// The newest version whose types are understood (7.2 writes 11).
    static let newestVersion: UInt16 = 11
    /// Shorter strings are not worth compressing.
    static let compressedCountMin = 21
}

extension ByteSink {
    mutating func putLength(_ length: Int) {
        if length < 64 {
            put(UInt8(length))
        } else if length < 16384 {
            putBig(UInt16(0x4000 | length))
        } else if length <= Int(UInt32.max) {
            put(0x80)
            putBig(UInt32(length))
        } else {
            put(0x81)
            putBig(UInt64(length))
        }
    }

    /// A string in its shortest form: a small integer, compressed, or as it is.
    mutating func putString(_ bytes: Bytes, compress: Bool) {
        if bytes.count <= 11, let number = Numbers.parseInt64(bytes), putSmallInteger(number) {
            return
        }
        if compress, bytes.count >= RDB.compressedCountMin, putCompressed(bytes) { return }
        putLength(bytes.count)
        put(bytes)
    }

    mutating func putString(_ number: Int64) {
        if putSmallInteger(number) { return }
        Numbers.withFormatted(number) {
            putLength($0.count)
            put($0)
        }
    }

    private mutating func putSmallInteger(_ number: Int64) -> Bool {
        if let small = Int8(exactly: number) {
            put(0xC0)
            putLittle(small)
        } else if let middle = Int16(exactly: number) {
            put(0xC1)
            putLittle(middle)
        } else if let large = Int32(exactly: number) {
            put(0xC2)
            putLittle(large)
        } else {
            return false
        }
        return true
    }

    private mutating func putCompressed(_ bytes: Bytes) -> Bool {
        guard bytes.count <= Int(UInt32.max) - 16 else { return false }
        let start = count
        put(0xC3)
        // The compressed length comes first and is not known yet: compress behind room for
        // the longest header, then move.
        let room = bytes.count - 4
        let header = 18
        reserve(header + room)
        var compressedCount = 0
        let bodyStart = count
        _ = put(atMost: header + room) { buffer in
            compressedCount = Int(
                lzf_compress(
                    bytes.baseAddress!, UInt32(bytes.count), buffer.baseAddress! + header,
                    UInt32(room)))
            return 0
        }
        guard compressedCount > 0 else {
            truncate(to: start)
            return false
        }
        putLength(compressedCount)
        putLength(bytes.count)
        let written = count - bodyStart
        _ = put(atMost: header - written + compressedCount) { buffer in
            // Overlapping move down to the end of the header.
            memmove(
                buffer.baseAddress!, buffer.baseAddress! + (header - written), compressedCount)
            return compressedCount
        }
        return true
    }
}
