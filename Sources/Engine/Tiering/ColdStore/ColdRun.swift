// Runs and the list of them.
//
// A run is immutable: three databases of one slot (rows in key order; chunk rows of large
// values and of the filter; expiry rows in time order), described by one manifest row. The
// list of runs, newest first, is the state of the store; each commit that changes it makes a
// new list, which readers pair with the LMDB snapshot that holds exactly these runs.
//
// Slots are never deleted. A run that was merged away is emptied (`mdb_drop` without deleting),
// in the very transaction that takes it out of the manifest, and its slot is used again for
// another run. Deleting a database would close its handle in every older transaction of the
// process; an emptied one keeps its handle, and older snapshots still find the old rows under
// it, because the root of each database is itself read from the snapshot. So no reader has to
// be waited for, and nothing is dropped too early.
//
// Manifest row: run id u64 big-endian -> little-endian
//
//     version u8 | level u8 | flags u16 | slot u32 | recency u64 | records u64 | tombstones u64 |
//     expiry rows u64 | bytes u64 | minimum LSN u64 | maximum LSN u64 | chunk rows u64 |
//     filter's first chunk u64 | filter pieces u32 | CRC of the pieces' table u32 |
//     minimum key length u16, key | maximum key length u16, key | CRC-32C of all before u32

import Glibc
import LMDB

/// The manifest's description of a run.
struct RunInfo: Equatable {
    static let version: UInt8 = 1

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

    func encode() -> [UInt8] {
        var out: [UInt8] = []
        func put<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { out.append(contentsOf: $0) }
        }
        put(RunInfo.version)
        put(UInt8(level))
        put(UInt16(0))
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
        for key in [minKey, maxKey] {
            put(UInt16(key.count))
            out.append(contentsOf: key)
        }
        put(out.withUnsafeBytes { CRC32C.checksum($0) })
        return out
    }

    /// Nil when the row is damaged or of a version that this program does not know.
    static func decode(id key: Bytes, _ row: Bytes) -> RunInfo? {
        guard key.count == 8, row.count >= 88 + 4 + 4, row[0] == version else { return nil }
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
            let bytes = row.slice(at + 2, length)
            return ColdKey.isValid(bytes) ? Array(bytes) : nil
        }
        guard let least = boundary(), let most = boundary(), info.slot < 1 << 20 else { return nil }
        info.minKey = least
        info.maxKey = most
        return info
    }
}

/// The three databases that hold one run.
struct RunSlot {
    let rows: Database
    let chunks: Database
    let expiries: Database
}

/// What a look-up needs of a run, in one flat piece.
struct RunView {
    let slot: RunSlot
    let minNamespace: UInt32
    let maxNamespace: UInt32
    let minHash: UInt64
    let maxHash: UInt64
    let pieces: UnsafeMutablePointer<FilterPiece>
    let pieceCount: Int
    /// Chunk rows: bounds what a record may claim.
    let chunks: UInt64

    /// False only when the run surely holds no row of (namespace, hash). O(log pieces).
    @inline(__always)
    func mayContain(_ namespace: UInt32, _ hash: UInt64, _ folded: UInt64) -> Bool {
        if namespace < minNamespace || (namespace == minNamespace && hash < minHash) {
            return false
        }
        if namespace > maxNamespace || (namespace == maxNamespace && hash > maxHash) {
            return false
        }
        var low = 0
        var count = pieceCount
        if count == 0 { return true }
        while count > 1 {
            let half = count &>> 1
            let piece = pieces + (low &+ half)
            let before =
                piece.pointee.namespace < namespace
                || (piece.pointee.namespace == namespace && piece.pointee.hash <= hash)
            if before { low &+= half }
            count &-= half
        }
        return pieces[low].mayContain(folded)
    }
}

/// A run and its filter in memory. Immutable but for the expiry position, which the store's
/// state lock guards.
final class Run: @unchecked Sendable {
    let info: RunInfo
    let view: RunView
    /// Expiry rows up to this one were handed out; nil: none.
    var expiryMark: [UInt8]?
    /// No expiry row behind the mark is due before this.
    var nextExpiry = Int64.min

    /// Takes over the pieces and their fingerprints.
    init(_ info: RunInfo, _ slot: RunSlot, _ filter: [FilterPiece]) {
        self.info = info
        let pieces = UnsafeMutablePointer<FilterPiece>.allocate(capacity: max(filter.count, 1))
        for (index, piece) in filter.enumerated() { (pieces + index).initialize(to: piece) }
        let least = info.minKey.withUnsafeBytes { (ColdKey.namespace($0), ColdKey.hash($0)) }
        let most = info.maxKey.withUnsafeBytes { (ColdKey.namespace($0), ColdKey.hash($0)) }
        view = RunView(
            slot: slot, minNamespace: least.0, maxNamespace: most.0, minHash: least.1,
            maxHash: most.1, pieces: pieces, pieceCount: filter.count, chunks: info.chunks)
        if info.expiryRows == 0 { nextExpiry = .max }
    }

    deinit {
        for index in 0..<view.pieceCount { view.pieces[index].fingerprints?.deallocate() }
        view.pieces.deallocate()
    }

    var filterBytes: Int {
        (0..<view.pieceCount).reduce(0) { $0 + Int(view.pieces[$1].byteCount) }
            + view.pieceCount * MemoryLayout<FilterPiece>.stride
    }
}

/// The runs of one state of the store, newest first.
final class RunList: @unchecked Sendable {
    let runs: [Run]
    /// The same, flat, for look-ups.
    let views: UnsafeMutablePointer<RunView>
    let count: Int
    /// The first LMDB snapshot that holds this list.
    let transaction: Int

    init(_ runs: [Run], transaction: Int) {
        self.runs = runs
        self.transaction = transaction
        count = runs.count
        views = .allocate(capacity: max(runs.count, 1))
        for (index, run) in runs.enumerated() { (views + index).initialize(to: run.view) }
    }

    deinit { views.deallocate() }

    @inline(__always)
    func mayContain(_ namespace: UInt32, _ hash: UInt64) -> Bool {
        let folded = FilterPiece.fold(namespace, hash)
        for index in 0..<count where views[index].mayContain(namespace, hash, folded) {
            return true
        }
        return false
    }
}
