// Writing a run: rows in ascending order, each database appended to, the filter as we go.
//
// Used by commits, which write a run in one transaction, and by merges, which write one in many:
// so the state lives here, and the cursors, which end with their transaction, in `RunOutput`.
//
// Chunk rows are numbered from 0 in one sequence: first those of large values, in the order of
// their rows, then the filter's pieces and the table of them. They lie in a database of their
// own rather than between the rows: their key is a number, a walk over keys does not touch
// them, and no key can be mistaken for a chunk.
//
// A chunk row fills one overflow page exactly, so that writing a value never searches LMDB's
// free list for contiguous pages. Values a second of CPU time, merging included, one run each in
// tmpfs on a busy two-core machine (so differences under a tenth mean little):
//
//                              10 KB     100 KB    1 MB
//     half pages, in the leaf  30 700     3 080     368
//     one overflow page        35 900     3 190     425    <- this
//     whole, overflow pages    35 200     4 660     459    a fifth more room at 10 KB
//
// Whole values do well while the free list is in one piece, as it was here; with a fragmented
// one LMDB must search it, which was not measured.

import Glibc
import LMDB

/// The sizes that follow from LMDB's page.
struct PageLimits {
    /// The largest node (8 bytes of header, key, value) that stays in its page: half of one.
    let nodeMax: Int
    /// What a chunk row carries: one overflow page without its header.
    let chunkBytes: Int

    init(pageBytes: Int) {
        nodeMax = (((pageBytes - 16) / 2) & ~1) - 2
        chunkBytes = pageBytes - 16
    }

    /// Whether a row of these sizes stays in its page.
    @inline(__always)
    func fits(row: Int, value: Int) -> Bool { 8 + row + value <= nodeMax }
}

/// The cursors of one transaction that writes a run.
struct RunOutput: ~Copyable {
    var rows: Cursor
    var chunks: Cursor
    var expiries: Cursor

    init(_ view: TransactionView, _ slot: RunSlot) throws(LMDBError) {
        let rows = try Cursor(view, slot.rows)
        let chunks = try Cursor(view, slot.chunks)
        let expiries = try Cursor(view, slot.expiries)
        self.rows = rows
        self.chunks = chunks
        self.expiries = expiries
    }
}

/// A run under construction.
final class RunWriter {
    let slot: RunSlot
    let limits: PageLimits
    private(set) var info: RunInfo
    private var pieces: [FilterPiece] = []
    private var folded: [UInt64] = []
    private var firstOfPiece: (UInt32, UInt64) = (0, 0)
    private var lastKey: [UInt8] = []
    private var lastCount = 0
    private var taken = false
    private let fingerprintBits: UInt16

    /// `isBase`: no older run will lie below it.
    init(_ info: RunInfo, _ slot: RunSlot, _ limits: PageLimits, isBase: Bool) {
        fingerprintBits = isBase ? FilterPiece.baseBits : FilterPiece.newerBits
        self.info = info
        self.slot = slot
        self.limits = limits
        lastKey = [UInt8](repeating: 0, count: ColdKey.rowMax)
    }

    deinit {
        if !taken { for piece in pieces { piece.fingerprints?.deallocate() } }
    }

    var isEmpty: Bool { info.records == 0 && info.expiryRows == 0 }
    var nextChunk: UInt64 { info.chunks }

    /// Appends a row as it stands; chunks that it refers to are in place. O(log n).
    @inline(__always)
    func addRow(
        _ output: inout RunOutput, row: Bytes, value: Bytes, lsn: UInt64, tombstone: Bool
    ) throws {
        try output.rows.append(row, value)
        if info.records == 0 { info.minKey = Array(row) }
        memcpy(&lastKey, row.baseAddress!, row.count)
        lastCount = row.count
        info.records += 1
        if tombstone { info.tombstones += 1 }
        info.bytes += row.count + value.count
        info.minLSN = min(info.minLSN, lsn)
        info.maxLSN = max(info.maxLSN, lsn)
        try addToFilter(&output, ColdKey.namespace(row), ColdKey.hash(row))
    }

    /// Appends one chunk row and returns its number.
    @discardableResult
    func addChunk(_ output: inout RunOutput, _ bytes: Bytes) throws -> UInt64 {
        let number = info.chunks
        try output.chunks.append(number, bytes)
        info.chunks += 1
        info.bytes += bytes.count
        return number
    }

    /// Appends `bytes` as chunk rows; the number of the first.
    func addChunks(_ output: inout RunOutput, _ bytes: Bytes) throws -> UInt64 {
        let first = info.chunks
        var at = 0
        while at < bytes.count {
            let count = min(limits.chunkBytes, bytes.count - at)
            try addChunk(&output, bytes.slice(at, count))
            at += count
        }
        return first
    }

    /// Appends an expiry row by a cursor of the slot's expiry rows. After all rows.
    func addExpiry(_ cursor: inout Cursor, key: Bytes, value: Bytes) throws {
        try cursor.append(key, value)
        info.expiryRows += 1
        info.bytes += key.count + value.count
        if info.records > 0 { return }
        // A run of expiry rows alone: its bounds are those of the keys that they speak of.
        let row = ExpiryRow.row(key)
        if info.expiryRows == 1 || info.minKey.withUnsafeBytes({ row.compare($0) < 0 }) {
            info.minKey = Array(row)
        }
        if info.expiryRows == 1 || info.maxKey.withUnsafeBytes({ row.compare($0) > 0 }) {
            info.maxKey = Array(row)
        }
    }

    /// (namespace, hash) of the last row; nil before the first.
    var lastBound: KeyBound? {
        info.records == 0 ? nil : lastKey.withUnsafeBytes { KeyBound($0) }
    }

    @inline(__always)
    private func addToFilter(
        _ output: inout RunOutput, _ namespace: UInt32, _ hash: UInt64
    ) throws {
        let key = FilterPiece.fold(namespace, hash)
        if folded.isEmpty {
            firstOfPiece = (namespace, hash)
        } else if folded[folded.count - 1] == key {
            return
        } else if folded.count == FilterPiece.keysMax {
            try closePiece()
            firstOfPiece = (namespace, hash)
        }
        folded.append(key)
    }

    /// Pieces stay in memory until the end, because the chunks of values come first.
    @inline(never)
    private func closePiece() throws {
        if folded.isEmpty { return }
        pieces.append(
            folded.withUnsafeBufferPointer {
                FilterPiece.build(
                    $0, namespace: firstOfPiece.0, hash: firstOfPiece.1,
                    fingerprintBits: fingerprintBits)
            })
        folded.removeAll(keepingCapacity: true)
    }

    func setLevel(_ level: Int) { info.level = level }

    /// Writes the filter and completes the description of the rows. No rows after this, but expiry
    /// rows.
    func finish(_ output: inout RunOutput) throws {
        if info.records == 0 { return }
        try closePiece()
        info.maxKey = Array(lastKey[0..<lastCount])
        let bytes = info.bytes
        var table: [UInt8] = []
        for piece in pieces {
            let content = Bytes(start: piece.fingerprints, count: Int(piece.byteCount))
            let first = try addChunks(&output, content)
            FilterTable.append(piece, first, CRC32C.checksum(content), to: &table)
        }
        try table.withUnsafeBytes { table in
            info.filterChunk = try addChunks(&output, table)
            info.filterCRC = CRC32C.checksum(table)
        }
        info.filterPieces = pieces.count
        info.bytes = bytes
    }

    /// What is written so far, as a run without a filter; nil when that is nothing. Expiry rows
    /// do not count: their sources still have them.
    func makePart() -> Run? {
        if info.records == 0 { return nil }
        var part = info
        part.maxKey = Array(lastKey[0..<lastCount])
        part.expiryRows = 0
        return Run(part, slot, [])
    }

    /// The finished run, with its filter.
    func makeRun() -> Run {
        taken = true
        return Run(info, slot, pieces)
    }
}

/// The stored table of a run's filter pieces.
///
/// Row of 48 bytes, little-endian: namespace u32 | segment bits u32 | hash u64 | seed u64 |
/// span u32 | bytes u32 | first chunk u64 | CRC-32C of the fingerprints u32 |
/// bits of a fingerprint u32, where 0 stands for 8
enum FilterTable {
    static let rowBytes = 48

    static func append(
        _ piece: FilterPiece, _ firstChunk: UInt64, _ crc: UInt32, to out: inout [UInt8]
    ) {
        func put<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { out.append(contentsOf: $0) }
        }
        put(piece.namespace)
        put(UInt32(piece.segmentBits))
        put(piece.hash)
        put(piece.seed)
        put(piece.span)
        put(piece.byteCount)
        put(firstChunk)
        put(crc)
        put(UInt32(piece.fingerprintBits))
    }

    /// The filter of a run, from its chunk rows; nil when it is damaged, because a wrong filter
    /// would deny keys that exist. O(filter).
    static func load(_ info: RunInfo, _ read: (UInt64, Int) -> [UInt8]?) -> [FilterPiece]? {
        guard info.filterPieces > 0,
            let table = read(info.filterChunk, info.filterPieces * rowBytes),
            table.withUnsafeBytes({ CRC32C.checksum($0) }) == info.filterCRC
        else { return info.filterPieces == 0 ? [] : nil }
        var pieces: [FilterPiece] = []
        var whole = true
        table.withUnsafeBytes { table in
            for index in 0..<info.filterPieces {
                func word(_ at: Int) -> UInt32 {
                    UInt32(
                        littleEndian: table.loadUnaligned(
                            fromByteOffset: index * rowBytes + at, as: UInt32.self))
                }
                func long(_ at: Int) -> UInt64 {
                    UInt64(
                        littleEndian: table.loadUnaligned(
                            fromByteOffset: index * rowBytes + at, as: UInt64.self))
                }
                let bits = word(44) == 0 ? UInt32(FilterPiece.baseBits) : word(44)
                var piece = FilterPiece(
                    namespace: word(0), segmentBits: UInt16(clamping: word(4)),
                    fingerprintBits: UInt16(clamping: bits), hash: long(8), seed: long(16),
                    span: word(24), byteCount: word(28), fingerprints: nil)
                let count = Int(piece.byteCount)
                if count > 0 {
                    guard piece.segmentBits <= 18,
                        count
                            == FilterPiece.byteCount(
                                slots: Int(piece.span) + 2 << Int(piece.segmentBits),
                                bits: piece.fingerprintBits),
                        let content = read(long(32), count),
                        content.withUnsafeBytes({ CRC32C.checksum($0) }) == word(40)
                    else {
                        whole = false
                        return
                    }
                    let fingerprints = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
                    fingerprints.initialize(from: content, count: count)
                    piece.fingerprints = fingerprints
                }
                pieces.append(piece)
            }
        }
        if !whole {
            for piece in pieces { piece.fingerprints?.deallocate() }
            return nil
        }
        return pieces
    }
}
