// Committing a batch: sort, write one run, publish it, all in one LMDB transaction.
//
// The batch's entries are sorted by (namespace, hash, key) through an index of 24 bytes an
// entry; of several entries for one key the last appended wins. Then rows, chunks and expiry
// rows are appended to an empty slot, the run enters the manifest, metadata and archive rows
// follow, and the transaction commits and is synced. Readers see all of it or nothing.
//
// A commit that fails (a full disk, say) leaves the store as it was and can be tried again.

import Glibc
import LMDB

/// What the store has done since it was opened.
package struct ColdCounters: Sendable {
    package var commits = 0
    package var recordsCommitted = 0
    package var bytesCommitted = 0
    package var recordsMerged = 0
    package var bytesMerged = 0
    package var merges = 0
    package var mergesAbandoned = 0
    package var rowsSuperseded = 0
    package var tombstonesDropped = 0
    package var deadRowsDropped = 0
    package var staleExpiriesDropped = 0
    package var damagedFilters = 0

    /// Bytes written for each byte that was committed.
    package var writeAmplification: Double {
        bytesCommitted == 0 ? 0 : Double(bytesCommitted + bytesMerged) / Double(bytesCommitted)
    }
}

extension ColdStore {
    /// Makes a batch durable and visible. Writer thread only. O(n log n).
    ///
    /// - Parameter durable: whether to wait until an operating-system crash could not undo it;
    ///   otherwise the next commit or `sync` makes it so.
    package func commit(_ batch: ColdBatch, durable: Bool = true) throws(ColdError) {
        try typed { try write(batch, durable) }
    }

    /// Makes everything committed so far durable.
    package func sync() throws(ColdError) {
        try typed { try makeDurable() }
    }

    private struct SortEntry {
        var hash: UInt64
        var namespace: UInt32
        var order: UInt32
        var offset: Int
    }

    /// Sorts by (namespace, hash, key, order of appending).
    ///
    /// Hashes are uniform, so one distribution by their top bits puts nearly every entry where
    /// it belongs, and the comparison sort that follows finds short buckets. Where they are not
    /// uniform, or the batch spans namespaces, the buckets are merely longer. O(n log n).
    private func sorted(_ index: [SortEntry], _ batch: ColdBatch) -> [SortEntry] {
        func before(_ a: SortEntry, _ b: SortEntry) -> Bool {
            if a.namespace != b.namespace { return a.namespace < b.namespace }
            if a.hash != b.hash { return a.hash < b.hash }
            let order = Bytes(batch.entry(a.offset).row).compare(Bytes(batch.entry(b.offset).row))
            return order != 0 ? order < 0 : a.order < b.order
        }
        guard let first = index.first, index.count > 64,
            index.allSatisfy({ $0.namespace == first.namespace })
        else { return index.sorted(by: before) }
        // About two entries a bucket.
        let bits = Int.bitWidth - 1 - index.count.leadingZeroBitCount - 1
        let shift = UInt64(64 - bits)
        var starts = [Int32](repeating: 0, count: 1 << bits + 1)
        for entry in index { starts[Int(entry.hash >> shift) + 1] += 1 }
        for bucket in 1..<starts.count { starts[bucket] += starts[bucket - 1] }
        let ends = starts
        var out = [SortEntry](repeating: first, count: index.count)
        for entry in index {
            let bucket = Int(entry.hash >> shift)
            out[Int(starts[bucket])] = entry
            starts[bucket] += 1
        }
        out.withUnsafeMutableBufferPointer { out in
            for bucket in 0..<(1 << bits) {
                let range = Int(ends[bucket])..<Int(ends[bucket + 1])
                if range.count > 16 {
                    out[range].sort(by: before)
                    continue
                }
                for position in range.dropFirst() {
                    let entry = out[position]
                    var hole = position
                    while hole > range.lowerBound, before(entry, out[hole - 1]) {
                        out[hole] = out[hole - 1]
                        hole -= 1
                    }
                    out[hole] = entry
                }
            }
        }
        return out
    }

    private func write(_ batch: ColdBatch, _ durable: Bool) throws {
        precondition(!options.readOnly)
        try syncName()
        var index: [SortEntry] = []
        index.reserveCapacity(batch.recordCount)
        var archives: [Int] = []
        batch.forEach { offset, entry in
            if entry.kind == ColdBatch.Entry.archive {
                archives.append(offset)
            } else {
                let row = Bytes(entry.row)
                index.append(
                    SortEntry(
                        hash: ColdKey.hash(row), namespace: ColdKey.namespace(row),
                        order: UInt32(truncatingIfNeeded: index.count), offset: offset))
            }
        }
        index = sorted(index, batch)

        let number = index.isEmpty ? nil : try freeSlot()
        let transaction = try WriteTransaction(environment)
        var made: Run?
        if let number {
            made = try writeRun(transaction, batch, index, number)
        }
        for (key, value) in batch.metadata {
            if let value {
                try meta.put(transaction, key, value)
            } else {
                try meta.remove(transaction, key)
            }
        }
        var totals = state.withLock { archiveTotals }
        if !archives.isEmpty || !batch.archiveDeletions.isEmpty {
            try writeArchive(transaction, batch, archives, &totals)
        }
        var list: RunList?
        if let made { list = RunList([made] + current.runs, transaction: transaction.id) }
        try publish(transaction, list)
        if made != nil { nextRunID += 1 }
        state.withLock {
            archiveTotals = totals
            batch.isCommitted = true
            counters.commits += 1
            if let made {
                counters.recordsCommitted += made.info.records
                counters.bytesCommitted += made.info.bytes
            }
        }
        measureSpace()
        if durable { try makeDurable() }
    }

    private func writeRun(
        _ transaction: borrowing WriteTransaction, _ batch: ColdBatch, _ index: [SortEntry],
        _ number: Int
    ) throws -> Run {
        let slot = slots[number]
        try empty(transaction, slot)
        let info = RunInfo(id: nextRunID, recency: nextRunID, slot: number, level: 0)
        let writer = RunWriter(info, slot, limits, isBase: false)
        var expiring: [(expiry: Int64, offset: Int)] = []
        do {
            var output = try RunOutput(transaction.view, slot)
            for position in index.indices {
                let entry = batch.entry(index[position].offset)
                let row = Bytes(entry.row)
                if position + 1 < index.count, index[position].hash == index[position + 1].hash,
                    row.equals(Bytes(batch.entry(index[position + 1].offset).row))
                {
                    continue
                }
                let header = try add(entry, row, writer, &output)
                if header.due >= 0 && !header.isTombstone {
                    expiring.append((header.due, index[position].offset))
                }
            }
            if !expiring.isEmpty {
                expiring.sort { a, b in
                    if a.expiry != b.expiry { return a.expiry < b.expiry }
                    return Bytes(batch.entry(a.offset).row)
                        .compare(Bytes(batch.entry(b.offset).row)) < 0
                }
                for (expiry, offset) in expiring {
                    let entry = batch.entry(offset)
                    let lsn = Bytes(entry.value).slice(8, 8)
                    try ExpiryRow.with(expiry, Bytes(entry.row)) {
                        try writer.addExpiry(&output.expiries, key: $0, value: lsn)
                    }
                }
            }
            try writer.finish(&output)
        }
        try putManifest(transaction, writer.info)
        return writer.makeRun()
    }

    /// Appends one entry of a batch, its body in chunks when it does not fit a page.
    @inline(__always)
    private func add(
        _ entry: ColdBatch.Entry, _ row: Bytes, _ writer: RunWriter, _ output: inout RunOutput
    ) throws -> ColdHeader {
        // The batch wrote this value with one format: it cannot fail to decode.
        let whole = Bytes(entry.value)
        let header = ColdHeader(whole)!
        let body = whole.slice(header.headerBytes, header.bodyLength)
        if limits.fits(row: row.count, value: whole.count) {
            let crc = ColdHeader.checksum(
                row: row, value: whole, coveredTail: header.coveredTail, body: body)
            entry.value.storeBytes(
                of: crc.littleEndian, toByteOffset: ColdHeader.crcOffset, as: UInt32.self)
            try writer.addRow(
                &output, row: row, value: whole, lsn: header.lsn, tombstone: header.isTombstone)
            return header
        }
        try withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
            let out = buffer.baseAddress!
            memcpy(out, whole.baseAddress!, header.headerBytes)
            out.storeBytes(
                of: header.flags | ColdHeader.Flags.chunked, toByteOffset: 2, as: UInt8.self)
            out.storeBytes(
                of: UInt64(header.bodyLength).littleEndian, toByteOffset: header.headerBytes,
                as: UInt64.self)
            let value = Bytes(start: out, count: header.headerBytes + 16)
            let crc = ColdHeader.checksum(
                row: row, value: value,
                coveredTail: header.headerBytes + 8 - ColdHeader.fixedBytes, body: body)
            out.storeBytes(
                of: crc.littleEndian, toByteOffset: ColdHeader.crcOffset, as: UInt32.self)
            let first = try writer.addChunks(&output, body)
            out.storeBytes(
                of: first.littleEndian, toByteOffset: header.headerBytes + 8, as: UInt64.self)
            try writer.addRow(
                &output, row: row, value: value, lsn: header.lsn, tombstone: header.isTombstone)
        }
        return header
    }

    // MARK: shared with merging

    func putManifest(_ transaction: borrowing WriteTransaction, _ info: RunInfo) throws {
        try ColdStore.put(transaction, manifest, ColdStore.manifestKey(info.id), info.encode())
    }

    func removeManifest(_ transaction: borrowing WriteTransaction, _ info: RunInfo) throws {
        let key = ColdStore.manifestKey(info.id)
        try key.withUnsafeBytes { _ = try transaction.delete(manifest, $0) }
    }

    static func manifestKey(_ id: UInt64) -> [UInt8] {
        withUnsafeBytes(of: id.bigEndian) { Array($0) }
    }

    /// A slot that no run of the current list uses, nor a merge; makes more when there is none.
    func freeSlot() throws -> Int {
        let used = Set(current.runs.map(\.info.slot) + merges.flatMap(\.slots))
        if let free = slots.indices.first(where: { !used.contains($0) }) { return free }
        let transaction = try WriteTransaction(environment)
        let more = try ColdStore.openSlots(transaction.view, from: slots.count, create: 4)
        try publish(transaction, nil)
        state.withLock { slots += more }
        return slots.count - more.count
    }

    /// Commits; the snapshot it makes has `list`, or the current one.
    func publish(_ transaction: consuming WriteTransaction, _ list: RunList?) throws {
        let id = transaction.id
        state.withLock { announced = list }
        do {
            try transaction.commit()
        } catch {
            state.withLock { announced = nil }
            throw error
        }
        state.withLock {
            if let list { current = list }
            announced = nil
            latestTransaction = id
            commitTimes.add(id, Clock.monotonicUs())
            noteArchiveChanges()
            for reader in pool { reader.transaction.reset() }
        }
    }
}
