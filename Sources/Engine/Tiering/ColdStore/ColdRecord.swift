// The record: what the cold tier keeps of one key.
//
//      0  format version      u8    1
//      1  type                u8    the caller's number (the RDB value-type byte); 0 in tombstones
//      2  flags               u8    1 tombstone, 2 long key, 4 body in chunks, 8 parts expire
//      3  zero                u8
//      4  access frequency    u32
//      8  LSN                 u64   log position at which the value was serialized
//     16  expiry              i64   Unix milliseconds; -1: none
//     24  CRC-32C             u32   of the row key, bytes 0-23, the rest of the header, the body
//     28  key length          u32   only with flag 2
//      +  due                 i64   only with flag 8: when a part of the value expires first
//      +  body length         u64   only with flag 4
//      +  first chunk         u64   only with flag 4; not in the CRC, since merging renumbers
//     body: the full key with flag 2, then the payload; with flag 4 in the run's chunk rows
//
// Little-endian throughout. The payload is opaque here: its maker is the one encoder that DUMP,
// snapshots and full sync share. The CRC covers the row key too, so that a record served under
// another key is noticed. LMDB keeps no checksums, so every record is checked when it is read,
// and one that fails is reported as `.damaged`, never served.
//
// This file is the layout; the golden test in ColdRecordTests freezes it.

import Glibc
import LMDB

/// A failure of the cold tier.
package enum ColdError: Error, CustomStringConvertible {
    /// LMDB or the disk below it; `isFull` says that room may help.
    case storage(LMDBError)
    /// The record of this key fails its check.
    case damaged(key: [UInt8])
    /// The store's own tables are damaged.
    case damagedStore(String)
    /// The directory holds something else, or a version that this program does not know.
    case foreign(String)
    /// A caller's closure failed.
    case caller(any Error)

    init(_ error: any Error) {
        switch error {
        case let error as ColdError: self = error
        case let error as LMDBError:
            self = error.isDamage ? .damagedStore(error.description) : .storage(error)
        default: self = .caller(error)
        }
    }

    /// There is no room: try again when there is.
    package var isFull: Bool {
        if case .storage(let error) = self { return error.isFull }
        return false
    }

    package var description: String {
        switch self {
        case .storage(let error): "cold tier: \(error)"
        case .damaged(let key):
            "cold tier: the record of key '\(String(decoding: key, as: UTF8.self))' is damaged"
        case .damagedStore(let text): "cold tier is damaged: \(text)"
        case .foreign(let text): "not a cold tier of this program: \(text)"
        case .caller(let error): "\(error)"
        }
    }
}

/// Runs `body`, which may throw anything of ours, and types what it throws.
@inline(__always)
func typed<R: ~Copyable>(_ body: () throws -> R) throws(ColdError) -> R {
    do { return try body() } catch { throw ColdError(error) }
}

/// A record as it is lent to a reader: views that are valid during the call.
package struct ColdRecord {
    package let namespace: UInt32
    package let hash: UInt64
    package let key: Bytes
    /// The number that the writer gave; the RDB value-type byte.
    package let type: UInt8
    package let access: UInt32
    package let lsn: UInt64
    /// Unix milliseconds, or `noExpiry`.
    package let expiry: Int64
    /// When the key or a part of its value is due first; negative: never.
    package let due: Int64
    /// Empty when a walk did not ask for payloads.
    package let payload: Bytes
    /// Its length, though the payload itself be missing.
    package let payloadLength: Int

    package static let noExpiry: Int64 = -1
}

/// The fixed part of a record, decoded and checked for plausible lengths, not yet by CRC.
struct ColdHeader {
    static let version: UInt8 = 1
    static let fixedBytes = 28
    static let crcOffset = 24

    struct Flags {
        static let tombstone: UInt8 = 1
        static let longKey: UInt8 = 2
        static let chunked: UInt8 = 4
        static let partsExpire: UInt8 = 8
        static let known: UInt8 = 15
    }

    var type: UInt8
    var flags: UInt8
    var access: UInt32
    var lsn: UInt64
    var expiry: Int64
    /// When anything in the record is due, the key or a part of its value: the time of its row in
    /// the index; negative: never.
    var due: Int64
    var crc: UInt32
    var keyLength: Int
    /// Length of key (if long) and payload together.
    var bodyLength: Int
    /// First chunk row, when chunked.
    var firstChunk: UInt64
    /// Where the inline body begins: the header's length.
    var headerBytes: Int

    var isTombstone: Bool { flags & Flags.tombstone != 0 }
    var isLong: Bool { flags & Flags.longKey != 0 }
    var isChunked: Bool { flags & Flags.chunked != 0 }
    var payloadLength: Int { bodyLength - keyLength }
    /// Header bytes behind the CRC that the CRC covers.
    var coveredTail: Int {
        isChunked ? headerBytes - ColdHeader.fixedBytes - 8 : headerBytes - ColdHeader.fixedBytes
    }

    /// Nil when the bytes cannot be a record.
    @inline(__always)
    init?(_ value: Bytes) {
        guard value.count >= ColdHeader.fixedBytes, value[0] == ColdHeader.version else {
            return nil
        }
        type = value[1]
        flags = value[2]
        guard flags & ~Flags.known == 0 else { return nil }
        access = UInt32(littleEndian: value.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        lsn = UInt64(littleEndian: value.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        expiry = Int64(littleEndian: value.loadUnaligned(fromByteOffset: 16, as: Int64.self))
        crc = UInt32(littleEndian: value.loadUnaligned(fromByteOffset: 24, as: UInt32.self))
        var at = ColdHeader.fixedBytes
        keyLength = 0
        if flags & Flags.longKey != 0 {
            guard value.count >= at + 4 else { return nil }
            keyLength = Int(
                UInt32(littleEndian: value.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            at += 4
        }
        due = expiry
        if flags & Flags.partsExpire != 0 {
            guard value.count >= at + 8 else { return nil }
            let part = Int64(
                littleEndian: value.loadUnaligned(fromByteOffset: at, as: Int64.self))
            due = expiry < 0 ? part : min(expiry, part)
            at += 8
        }
        firstChunk = 0
        if flags & Flags.chunked != 0 {
            guard value.count == at + 16 else { return nil }
            let length = UInt64(
                littleEndian: value.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            guard length <= 1 << 40 else { return nil }
            bodyLength = Int(length)
            firstChunk = UInt64(
                littleEndian: value.loadUnaligned(fromByteOffset: at + 8, as: UInt64.self))
            at += 16
        } else {
            bodyLength = value.count - at
        }
        headerBytes = at
        guard keyLength <= bodyLength else { return nil }
    }

    /// The CRC-32C of a record, whose body may lie elsewhere.
    static func checksum(row: Bytes, value: Bytes, coveredTail: Int, body: Bytes) -> UInt32 {
        var crc = CRC32C.checksum(row)
        crc = CRC32C.checksum(value.slice(0, crcOffset), seed: crc)
        if coveredTail > 0 {
            crc = CRC32C.checksum(value.slice(fixedBytes, coveredTail), seed: crc)
        }
        return CRC32C.checksum(body, seed: crc)
    }

    /// The record of this header, or nil when it fails its check.
    @inline(__always)
    func record(row: Bytes, value: Bytes, body: Bytes) -> ColdRecord? {
        guard body.count == bodyLength,
            ColdHeader.checksum(row: row, value: value, coveredTail: coveredTail, body: body)
                == crc
        else { return nil }
        return unchecked(row: row, body: body)
    }

    @inline(__always)
    func unchecked(row: Bytes, body: Bytes) -> ColdRecord {
        let key: Bytes
        let payload: Bytes
        if isLong {
            key = body.slice(0, keyLength)
            payload = body.slice(keyLength, body.count - keyLength)
        } else {
            key = row.slice(ColdKey.prefixBytes, row.count - ColdKey.prefixBytes)
            payload = body
        }
        return ColdRecord(
            namespace: ColdKey.namespace(row), hash: ColdKey.hash(row), key: key, type: type,
            access: access, lsn: lsn, expiry: expiry, due: due, payload: payload,
            payloadLength: payloadLength)
    }

    /// Decodes a record whose body is inline; nil when it is damaged or not inline.
    static func decode(row: Bytes, value: Bytes) -> ColdRecord? {
        guard ColdKey.isValid(row), let header = ColdHeader(value), !header.isChunked else {
            return nil
        }
        let body = value.slice(header.headerBytes, header.bodyLength)
        return header.record(row: row, value: value, body: body)
    }
}
