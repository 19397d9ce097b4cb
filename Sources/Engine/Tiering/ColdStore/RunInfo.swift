// The manifest's description of a run.
//
// Manifest row: run id u64 big-endian -> little-endian
//
//     version u8 | level u8 | flags u16 | slot u32 | recency u64 | records u64 | tombstones u64 |
//     expiry rows u64 | bytes u64 | minimum LSN u64 | maximum LSN u64 | chunk rows u64 |
//     filter's first chunk u64 | filter pieces u32 | CRC of the pieces' table u32 |
//     minimum key length u16, key | maximum key length u16, key |
//     if flags say that it lies in a partition: its lower bound, length u16, 0 or 12 bytes |
//     CRC-32C of all before u32
//
// Version 1 had no flags and no bound: its runs are layers.

/// The manifest's description of a run.
struct RunInfo: Equatable {
    static let version: UInt8 = 2
    /// In `flags`: the run lies in a partition.
    static let partitionedFlag: UInt16 = 1

    var id: UInt64
    /// Orders runs: a merged run takes the newest of its sources'.
    var recency: UInt64
    var slot: Int
    var level: Int
    var records = 0
    var tombstones = 0
    var expiryRows = 0
    /// Rows, keys and chunks, without LMDB's own overhead.
    var bytes = 0
    var minLSN = UInt64.max
    var maxLSN: UInt64 = 0
    var chunks: UInt64 = 0
    var filterChunk: UInt64 = 0
    var filterPieces = 0
    var filterCRC: UInt32 = 0
    var minKey: [UInt8] = []
    var maxKey: [UInt8] = []
    /// The lower bound of the partition that the run lies in, which names it: (namespace, hash) as
    /// a row key begins, or empty for the first. Nil: a layer, above all partitions.
    var partition: [UInt8]?

    func encode() -> [UInt8] {
        var out: [UInt8] = []
        func put<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { out.append(contentsOf: $0) }
        }
        put(RunInfo.version)
        put(UInt8(level))
        put(partition == nil ? 0 : RunInfo.partitionedFlag)
        put(UInt32(slot))
        put(recency)
        put(UInt64(records))
        put(UInt64(tombstones))
        put(UInt64(expiryRows))
        put(UInt64(bytes))
        put(minLSN)
        put(maxLSN)
        put(chunks)
        put(filterChunk)
        put(UInt32(filterPieces))
        put(filterCRC)
        for key in [minKey, maxKey] + (partition.map { [$0] } ?? []) {
            put(UInt16(key.count))
            out.append(contentsOf: key)
        }
        put(out.withUnsafeBytes { CRC32C.checksum($0) })
        return out
    }

    /// Nil when the row is damaged or of a version that this program does not know.
    static func decode(id key: Bytes, _ row: Bytes) -> RunInfo? {
        guard key.count == 8, row.count >= 88 + 4 + 4, row[0] == 1 || row[0] == version
        else { return nil }
        let crc = UInt32(
            littleEndian: row.loadUnaligned(fromByteOffset: row.count - 4, as: UInt32.self))
        guard CRC32C.checksum(row.slice(0, row.count - 4)) == crc else { return nil }
        func long(_ at: Int) -> UInt64 {
            UInt64(littleEndian: row.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        }
        func word(_ at: Int) -> UInt32 {
            UInt32(littleEndian: row.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        }
        var info = RunInfo(
            id: UInt64(bigEndian: key.loadUnaligned(as: UInt64.self)), recency: long(8),
            slot: Int(word(4)), level: Int(row[1]))
        info.records = Int(truncatingIfNeeded: long(16))
        info.tombstones = Int(truncatingIfNeeded: long(24))
        info.expiryRows = Int(truncatingIfNeeded: long(32))
        info.bytes = Int(truncatingIfNeeded: long(40))
        info.minLSN = long(48)
        info.maxLSN = long(56)
        info.chunks = long(64)
        info.filterChunk = long(72)
        info.filterPieces = Int(word(80))
        info.filterCRC = word(84)
        var at = 88
        func boundary() -> [UInt8]? {
            guard at + 2 <= row.count - 4 else { return nil }
            let length = Int(
                UInt16(littleEndian: row.loadUnaligned(fromByteOffset: at, as: UInt16.self)))
            guard at + 2 + length <= row.count - 4 else { return nil }
            defer { at += 2 + length }
            return Array(row.slice(at + 2, length))
        }
        func isKey(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes(ColdKey.isValid) }
        guard let least = boundary(), let most = boundary(), isKey(least), isKey(most),
            info.slot < 1 << 20
        else { return nil }
        info.minKey = least
        info.maxKey = most
        let flags = UInt16(littleEndian: row.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        if flags == 0 { return info }
        guard flags == partitionedFlag, row[0] > 1, let lower = boundary(),
            lower.isEmpty || lower.count == ColdKey.prefixBytes
        else { return nil }
        info.partition = lower
        return info
    }
}
