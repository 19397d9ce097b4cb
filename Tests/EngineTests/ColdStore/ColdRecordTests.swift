// The layouts that reach the disk, frozen; and what happens when their bytes are damaged.

import LMDB
import Testing

@testable import Engine

private func hex(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

@Suite struct ColdRecordTests {
    /// The stored row of one record, as (row key, value).
    private func stored(
        _ key: [UInt8], _ payload: [UInt8], tombstone: Bool = false, partsDue: Int64? = nil
    ) throws -> ([UInt8], [UInt8]) {
        let directory = ColdDirectory()
        let store = try directory.open()
        let batch = ColdBatch()
        if tombstone {
            batch.remove(0x0102_0304, key, lsn: 0x1122, hash: 0xA1A2_A3A4_A5A6_A7A8)
        } else {
            key.withUnsafeBytes { key in
                payload.withUnsafeBytes {
                    batch.append(
                        namespace: 0x0102_0304, hash: 0xA1A2_A3A4_A5A6_A7A8, key: key, type: 14,
                        access: 0x0506_0708, lsn: 0x1122_3344_5566_7788, expiry: 1_700_000_000_000,
                        partsDue: partsDue, payload: $0)
                }
            }
        }
        try store.commit(batch)
        let reader = try ReadTransaction(store.environment)
        var cursor = try Cursor(reader.view, store.slots[0].rows)
        #expect(try cursor.move(.first))
        return (Array(cursor.key), Array(cursor.value))
    }

    @Test func theLayoutIsFrozen() throws {
        let (row, value) = try stored(Array("key".utf8), Array("payload".utf8))
        #expect(hex(row) == "01020304" + "a1a2a3a4a5a6a7a8" + "6b6579")
        #expect(
            hex(value)
                == "01" + "0e" + "00" + "00" + "08070605" + "8877665544332211"
                + "0068e5cf8b010000" + "687b160f" + hex("payload".utf8))
        let (deadRow, dead) = try stored(Array("key".utf8), [], tombstone: true)
        #expect(deadRow == row)
        #expect(
            hex(dead)
                == "01" + "00" + "01" + "00" + "00000000" + "2211000000000000"
                + "ffffffffffffffff" + "a4ea05d1")
    }

    @Test func longKeysAreCutAndCarriedWhole() throws {
        let key = [UInt8]((0..<600).map { UInt8($0 & 255) })
        let (row, value) = try stored(key, Array("v".utf8))
        #expect(row.count == ColdKey.rowMax)
        #expect(Array(row[12..<487]) == Array(key[0..<475]))
        #expect(hex(row[487...]) == "abc2e8fa1d80a55c5a0085cfcd9b3f40")
        #expect(value[2] == 2)
        #expect(Array(value[28..<32]) == [0x58, 0x02, 0, 0])
        #expect(Array(value[32..<632]) == key)
        #expect(value[632...] == Array("v".utf8)[...])
        // 490 bytes are stored plain, 491 are cut: the forms cannot be confused
        #expect(try stored(Array(key[0..<490]), []).0.count == 502)
        #expect(try stored(Array(key[0..<491]), []).0.count == 503)
    }

    /// The time of a part stands behind the length of a long key, before the body.
    @Test func theTimeOfPartsIsCarried() throws {
        let due: Int64 = 1_600_000_000_000
        let (row, value) = try stored(Array("key".utf8), Array("payload".utf8), partsDue: due)
        #expect(value[2] == 8)
        #expect(hex(value[16..<24]) == "0068e5cf8b010000")
        #expect(hex(value[28...]) == "00806e8774010000" + hex("payload".utf8))
        let key = [UInt8]((0..<600).map { UInt8($0 & 255) })
        let (longRow, long) = try stored(key, [UInt8](repeating: 7, count: 9000), partsDue: due)
        #expect(long[2] == 14)
        #expect(hex(long[28..<40]) == "58020000" + "00806e8774010000")
        #expect(long.count == 56)
        #expect(longRow.count == ColdKey.rowMax)
        for value in [value, long] {
            value.withUnsafeBytes { bytes in
                #expect(ColdHeader(bytes)?.due == due)
                #expect(ColdHeader(bytes)?.expiry == 1_700_000_000_000)
            }
        }
        row.withUnsafeBytes { row in
            value.withUnsafeBytes { value in
                let record = ColdHeader.decode(row: row, value: value)
                #expect(record.map { Array($0.payload) } == Array("payload".utf8))
            }
        }
    }

    @Test func sipHashMatchesTheReferenceVector() {
        let input = [UInt8](0..<15)
        let hash = input.withUnsafeBytes {
            ColdKey.siphash($0, 0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
        }
        #expect(hash == 0xA129_CA61_49BE_45E5)
    }

    @Test func anyFlippedBitIsNoticed() throws {
        let (row, value) = try stored(Array("key".utf8), Array("payload".utf8))
        func decodes(_ row: [UInt8], _ value: [UInt8]) -> Bool {
            row.withUnsafeBytes { row in
                value.withUnsafeBytes { ColdHeader.decode(row: row, value: $0) != nil }
            }
        }
        #expect(decodes(row, value))
        for bit in 0..<value.count * 8 {
            var damaged = value
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!decodes(row, damaged), "bit \(bit)")
        }
        for length in 0..<value.count { #expect(!decodes(row, Array(value[0..<length]))) }
        for bit in 0..<row.count * 8 {
            var other = row
            other[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!decodes(other, value))
        }
    }

    @Test func headersOfAnyBytesDecodeOrFailQuietly() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...60)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if bytes.count > 2 && Bool.random() {
                bytes[0] = 1
                bytes[2] &= 15
            }
            bytes.withUnsafeBytes {
                if let header = ColdHeader($0) {
                    #expect(header.keyLength <= header.bodyLength)
                    #expect(header.headerBytes <= $0.count)
                }
            }
        }
    }

    @Test func manifestRowsRoundTripAndRejectDamage() {
        var info = RunInfo(id: 77, recency: 99, slot: 5, level: 2)
        info.records = 1000
        info.tombstones = 10
        info.expiryRows = 20
        info.bytes = 1 << 40
        info.minLSN = 5
        info.maxLSN = 1 << 50
        info.chunks = 17
        info.filterChunk = 12
        info.filterPieces = 3
        info.filterCRC = 0xDEAD_BEEF
        info.minKey = ColdKey.prefix(1, 2) + [1]
        info.maxKey = ColdKey.prefix(3, 4) + [UInt8](repeating: 7, count: 491)
        let row = info.encode()
        let key = ColdStore.manifestKey(77)
        func decode(_ row: [UInt8]) -> RunInfo? {
            key.withUnsafeBytes { key in row.withUnsafeBytes { RunInfo.decode(id: key, $0) } }
        }
        #expect(decode(row) == info)
        #expect(row.count == 88 + 2 + 13 + 2 + 503 + 4)
        #expect(hex(row[0..<16]) == "02020000" + "05000000" + "6300000000000000")
        // The version before had no partitions.
        var former = row.dropLast(4)
        former[0] = 1
        let crc = former.withUnsafeBytes { CRC32C.checksum($0) }
        withUnsafeBytes(of: crc.littleEndian) { former.append(contentsOf: $0) }
        #expect(decode(Array(former)) == info)
        for lower in [[], ColdKey.prefix(1, 2)] {
            var placed = info
            placed.partition = lower
            let row = placed.encode()
            #expect(decode(row) == placed)
            #expect(row.count == 88 + 2 + 13 + 2 + 503 + 2 + lower.count + 4)
            #expect(hex(row[0..<4]) == "02020100")
            #expect(
                hex(row[row.count - lower.count - 6..<row.count - 4])
                    == (lower.isEmpty ? "0000" : "0c00" + "00000001" + "0000000000000002"))
        }
        for byte in row.indices {
            var damaged = row
            damaged[byte] ^= 0x10
            #expect(decode(damaged) == nil)
        }
        for length in 0..<row.count { #expect(decode(Array(row[0..<length])) == nil) }
    }
}
