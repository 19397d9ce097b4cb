// Merging where there is no room for a second copy.
//
// An ordinary merge keeps its sources until it is done: for a while everything it touches is
// there twice. When there is no room for that, a merge consumes: each step takes the rows that
// it has dealt with out of the sources, in its own transaction, and the part of the result that
// is written so far enters the manifest at once. Up to the position that was reached the result
// holds the rows, behind it the sources do, so every snapshot is whole, and so is what a crash
// leaves: the part stays, an ordinary run without a filter. The room needed is a few steps' worth.
//
// The part lies in the partition of its sources, or, where layers are cut, in that of its keys; the
// bounds of partitions stay as they are, or what is left of the sources would not be found: a base
// is not cut, and none are joined.
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
                guard let position = job.position else { continue }
                try consumeRows(transaction.view, slot, position, &job.consumedChunks[index])
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
        var runs = current.runs.filter { run in !job.outputs.contains { $0.part === run } }
        for index in job.outputs.indices {
            let output = job.outputs[index]
            if let part = output.writer.makePart(), part.info != output.part?.info {
                try putManifest(transaction, part.info)
                job.outputs[index].part = part
            }
            if let part = job.outputs[index].part { runs.append(part) }
        }
        return RunList(runs, transaction: transaction.id)
    }

    /// Deletes the rows that were dealt with, and their chunks, which are numbered in the order of
    /// the rows: `next` is the number that the next chunk must have.
    private func consumeRows(
        _ view: TransactionView, _ slot: RunSlot, _ position: MergeJob.Position,
        _ next: inout UInt64?
    ) throws {
        var chunks = try Cursor(view, slot.chunks)
        var end = try next ?? (chunks.move(.first) ? chunkNumber(chunks.key) : 0)
        var rows = try Cursor(view, slot.rows)
        let most = position.isDone ? 0 : -1
        try position.key.withUnsafeBytes { position in
            while try rows.move(.first), rows.key.compare(position) <= most {
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
}
