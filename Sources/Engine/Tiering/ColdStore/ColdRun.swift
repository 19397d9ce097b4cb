// Runs, which are immutable: three databases of one slot (rows in key order; chunk rows of large
// values and of the filter; expiry rows in time order), described by one manifest row
// (RunInfo.swift).
//
// Slots are never deleted. A run that was merged away is emptied (`mdb_drop` without deleting),
// in the very transaction that takes it out of the manifest, and its slot is used again for
// another run. Deleting a database would close its handle in every older transaction of the
// process; an emptied one keeps its handle, and older snapshots still find the old rows under
// it, because the root of each database is itself read from the snapshot. So no reader has to
// be waited for, and nothing is dropped too early.

import LMDB

/// The three databases that hold one run.
struct RunSlot: Equatable {
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
