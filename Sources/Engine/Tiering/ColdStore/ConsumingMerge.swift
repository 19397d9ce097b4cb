// Merging where there is no room for a second copy.
//
// An ordinary merge keeps its sources until it is done: for a while everything it touches is
// there twice. When there is no room for that, a merge consumes: each step takes the rows that
// it has dealt with out of the sources, in its own transaction, and the part of the result that
// is written so far enters the manifest at once, before the sources. Up to the position that
// was reached the result holds the rows, behind it the sources do, so every snapshot is whole,
// and so is what a crash leaves: the part stays, an ordinary run without a filter. The room
// needed is a few steps' worth.
//
// The price is a deletion for each row, and look-ups without a filter meanwhile: not the way
// to merge while there is room.

import LMDB

extension ColdStore {
    /// Rows that one consuming step deals with.
    static let consumedRowsMax = 1 << 14

    /// Whether a merge of so many bytes must do without a second copy.
    func mustConsume(_ bytes: Int) -> Bool {
        if options.alwaysConsumes { return true }
        let space = self.space
        return space.level != .ample || bytes / 8 * 9 > space.roomBytes - space.reserveBytes
    }

    /// Takes what the step has dealt with out of the sources and shows the part that is written.
    /// Returns the list that the transaction makes.
    func consume(_ transaction: borrowing WriteTransaction, _ job: MergeJob) throws -> RunList? {
        for index in job.inputs.indices {
            let slot = job.inputs[index].view.slot
            if job.phase == .rows {
                try consumeRows(transaction.view, slot, job.position!, &job.consumedChunks[index])
            } else {
                for database in [slot.rows, slot.chunks]
                where try transaction.view.stat(database).entries > 0 {
                    try transaction.empty(database)
                }
                // The filter's rows are gone with the chunks.
                var info = job.inputs[index].info
                info.filterPieces = 0
                info.records = 0
                info.tombstones = 0
                info.bytes = 0
                try putManifest(transaction, info)
            }
        }
        guard let part = job.writer.makePart() else { return nil }
        try putManifest(transaction, part.info)
        var runs = current.runs.filter { $0 !== job.part }
        let place = runs.firstIndex { $0 === job.inputs[0] } ?? 0
        runs.insert(part, at: place)
        job.part = part
        return RunList(runs, transaction: transaction.id)
    }

    /// Deletes the rows up to `position`, and their chunks, which are numbered in the order of
    /// the rows: `next` is the number that the next chunk must have.
    private func consumeRows(
        _ view: TransactionView, _ slot: RunSlot, _ position: [UInt8], _ next: inout UInt64?
    ) throws {
        var chunks = try Cursor(view, slot.chunks)
        var end = try next ?? (chunks.move(.first) ? chunkNumber(chunks.key) : 0)
        var rows = try Cursor(view, slot.rows)
        try position.withUnsafeBytes { position in
            while try rows.move(.first), rows.key.compare(position) <= 0 {
                if let header = ColdHeader(rows.value), header.isChunked,
                    // A damaged row must not take the chunks of others with it.
                    header.firstChunk == end
                {
                    end += UInt64((header.bodyLength + limits.chunkBytes - 1) / limits.chunkBytes)
                }
                try rows.delete()
            }
        }
        while try chunks.move(.first), chunkNumber(chunks.key) < end { try chunks.delete() }
        next = end
    }

    private func chunkNumber(_ key: Bytes) -> UInt64 {
        key.count == 8 ? key.loadUnaligned(as: UInt64.self) : .max
    }

    /// The runs to merge for the sake of room: all, when the newer ones may hide something of
    /// the oldest that is worth the writing.
    func chooseForRoom() -> Range<Int>? {
        let runs = current.runs
        guard runs.count > 1 else { return nil }
        let newer = runs.dropLast().reduce(0) { $0 + $1.info.records }
        let oldest = runs[runs.count - 1].info.records
        return newer > oldest / 32 || runs.count >= options.mergeWidth ? 0..<runs.count : nil
    }
}
