// A batch: what one commit moves into the cold tier.
//
// Built under the engine's lock, so appending must be cheap: everything goes into one growing
// buffer, already in the form in which it will be stored, and nothing is allocated per record.
// Sorting, checksums and writing are the writer thread's work. A batch is handed over whole
// and belongs to one thread at a time.
//
// An entry of the buffer, 8-byte aligned:
//
//     row length u32 | kind u32 | value length u64 | row key | value (ColdRecord.swift)

import Glibc

/// Records, tombstones, archive rows and metadata that become durable together.
package final class ColdBatch: @unchecked Sendable {
    struct Entry {
        static let record: UInt32 = 0
        static let archive: UInt32 = 1
        static let headBytes = 16
        let kind: UInt32
        let row: UnsafeMutableRawBufferPointer
        let value: UnsafeMutableRawBufferPointer
    }

    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private var used = 0

    /// The newest log position of any record: the log must be durable up to it first.
    package private(set) var newestLSN: UInt64 = 0
    /// Records and tombstones.
    package private(set) var recordCount = 0
    package private(set) var archiveCount = 0
    /// Metadata to set, or to remove where the value is nil; later ones win.
    package private(set) var metadata: [(key: [UInt8], value: [UInt8]?)] = []
    package private(set) var archiveDeletions: [ArchiveID] = []
    /// For the engine's own use: what it wants back after the commit.
    package var context: AnyObject?
    /// Set by the store together with its totals, under its state lock.
    var isCommitted = false

    package var byteCount: Int { used }
    package var isEmpty: Bool { used == 0 && metadata.isEmpty && archiveDeletions.isEmpty }

    package init(capacityBytes: Int = 1 << 16) {
        capacity = max(capacityBytes, 4096)
        guard let base = malloc(capacity) else { fatalError("out of memory") }
        self.base = base
    }

    deinit { free(base) }

    /// Appends the value of a key. `payload` writes it with `write(_:)`. `partsDue`: when a part
    /// of the value expires first. O(key + payload).
    @inline(__always)
    package func append(
        namespace: UInt32, hash: UInt64, key: Bytes, type: UInt8, access: UInt32, lsn: UInt64,
        expiry: Int64 = ColdRecord.noExpiry, partsDue: Int64? = nil, payload: (ColdBatch) -> Void
    ) {
        let start = begin(
            Entry.record, rowBytes: ColdKey.rowBytes(key), type: type, tombstone: false,
            fullKey: ColdKey.isLong(key) ? key : nil, access: access, lsn: lsn, expiry: expiry,
            partsDue: partsDue)
        ColdKey.write(namespace, hash, key, to: base + start + Entry.headBytes)
        payload(self)
        end(start)
        recordCount += 1
    }

    /// Appends the value of a key.
    package func append(
        namespace: UInt32, hash: UInt64, key: Bytes, type: UInt8, access: UInt32, lsn: UInt64,
        expiry: Int64 = ColdRecord.noExpiry, partsDue: Int64? = nil, payload: Bytes
    ) {
        append(
            namespace: namespace, hash: hash, key: key, type: type, access: access, lsn: lsn,
            expiry: expiry, partsDue: partsDue
        ) { $0.write(payload) }
    }

    /// Appends the deletion of a key. O(key).
    package func appendTombstone(namespace: UInt32, hash: UInt64, key: Bytes, lsn: UInt64) {
        let start = begin(
            Entry.record, rowBytes: ColdKey.rowBytes(key), type: 0, tombstone: true,
            fullKey: ColdKey.isLong(key) ? key : nil, access: 0, lsn: lsn,
            expiry: ColdRecord.noExpiry)
        ColdKey.write(namespace, hash, key, to: base + start + Entry.headBytes)
        end(start)
        recordCount += 1
    }

    /// Appends an expired key to the archive; the entry's place in the batch. A row that the
    /// archive has already, of the same key and time, stays as it is.
    @discardableResult
    package func appendArchive(
        database: UInt32, hash: UInt64, key: Bytes, type: UInt8, access: UInt32, lsn: UInt64,
        expiry: Int64, expiredAt: Int64, payload: (ColdBatch) -> Void
    ) -> Int {
        let start = begin(
            Entry.archive, rowBytes: ArchiveRow.entryBytes, type: type, tombstone: false,
            fullKey: key, access: access, lsn: lsn, expiry: expiry)
        let row = base + start + Entry.headBytes
        row.storeBytes(of: database.bigEndian, as: UInt32.self)
        row.storeBytes(of: hash.bigEndian, toByteOffset: 4, as: UInt64.self)
        row.storeBytes(of: expiredAt.bigEndian, toByteOffset: 12, as: Int64.self)
        payload(self)
        end(start)
        archiveCount += 1
        return start
    }

    /// Removes a row from the archive, if it is there, after the batch's own rows were added.
    /// What justifies it must be durable in the log up to `lsn` first.
    package func deleteArchive(_ id: ArchiveID, lsn: UInt64 = 0) {
        archiveDeletions.append(id)
        requireLog(upTo: lsn)
    }

    /// What justifies the batch must be durable in the log up to `lsn` first.
    package func requireLog(upTo lsn: UInt64) { newestLSN = max(newestLSN, lsn) }

    /// Sets (or with nil removes) a small piece of metadata. Keys that begin with `firn.` are
    /// the store's own.
    package func setMetadata(_ key: [UInt8], _ value: [UInt8]?) {
        precondition(!key.isEmpty && key.count <= 500)
        metadata.append((key, value))
    }

    /// Part of a payload; only inside the closure of an append.
    @inline(__always)
    package func write(_ bytes: Bytes) {
        reserve(bytes.count)
        if bytes.count > 0 { memcpy(base + used, bytes.baseAddress!, bytes.count) }
        used += bytes.count
    }

    /// One byte of a payload.
    @inline(__always)
    package func write(_ byte: UInt8) {
        reserve(1)
        base.storeBytes(of: byte, toByteOffset: used, as: UInt8.self)
        used += 1
    }

    /// Part of a payload of at most `most` bytes, written in place; `body` returns how many.
    @inline(__always)
    package func write(atMost most: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        reserve(most)
        let count = body(UnsafeMutableRawBufferPointer(start: base + used, count: most))
        precondition(count >= 0 && count <= most)
        used += count
    }

    /// Each record and tombstone in the order of appending. For long keys the key is whole.
    package func forEachRecord(
        _ body: (
            _ namespace: UInt32, _ hash: UInt64, _ key: Bytes, _ lsn: UInt64, _ tombstone: Bool
        ) -> Void
    ) {
        forEach { _, entry in
            guard entry.kind == Entry.record, let header = ColdHeader(Bytes(entry.value)) else {
                return
            }
            let row = Bytes(entry.row)
            let key =
                header.isLong
                ? Bytes(entry.value).slice(header.headerBytes, header.keyLength)
                : row.slice(ColdKey.prefixBytes, row.count - ColdKey.prefixBytes)
            body(
                ColdKey.namespace(row), ColdKey.hash(row), key, header.lsn, header.isTombstone)
        }
    }

    // MARK: for the commit

    /// Every entry with its offset, in order of appending.
    func forEach(_ body: (Int, Entry) -> Void) {
        var at = 0
        while at < used {
            let entry = self.entry(at)
            body(at, entry)
            at += (Entry.headBytes + entry.row.count + entry.value.count + 7) & ~7
        }
    }

    @inline(__always)
    func entry(_ offset: Int) -> Entry {
        let head = base + offset
        let row = Int(head.load(as: UInt32.self))
        let kind = head.load(fromByteOffset: 4, as: UInt32.self)
        let value = Int(head.load(fromByteOffset: 8, as: UInt64.self))
        let start = head + Entry.headBytes
        return Entry(
            kind: kind, row: UnsafeMutableRawBufferPointer(start: start, count: row),
            value: UnsafeMutableRawBufferPointer(start: start + row, count: value))
    }

    // MARK: building

    @inline(__always)
    private func reserve(_ more: Int) {
        if capacity - used < more { grow(more) }
    }

    @inline(never)
    private func grow(_ more: Int) {
        capacity = max(capacity * 2, used + more)
        guard let moved = realloc(base, capacity) else { fatalError("out of memory") }
        base = moved
    }

    /// Writes the head of an entry and the record's header; the row key is left to the caller.
    private func begin(
        _ kind: UInt32, rowBytes: Int, type: UInt8, tombstone: Bool, fullKey: Bytes?,
        access: UInt32, lsn: UInt64, expiry: Int64, partsDue: Int64? = nil
    ) -> Int {
        let start = used
        reserve(Entry.headBytes + rowBytes + ColdHeader.fixedBytes + 12 + (fullKey?.count ?? 0))
        base.storeBytes(of: UInt32(rowBytes), toByteOffset: start, as: UInt32.self)
        base.storeBytes(of: kind, toByteOffset: start + 4, as: UInt32.self)
        let value = base + start + Entry.headBytes + rowBytes
        var flags: UInt8 = tombstone ? ColdHeader.Flags.tombstone : 0
        if fullKey != nil { flags |= ColdHeader.Flags.longKey }
        if partsDue != nil { flags |= ColdHeader.Flags.partsExpire }
        let head = UInt32(ColdHeader.version) | UInt32(type) << 8 | UInt32(flags) << 16
        value.storeBytes(of: head.littleEndian, as: UInt32.self)
        value.storeBytes(of: access.littleEndian, toByteOffset: 4, as: UInt32.self)
        value.storeBytes(of: lsn.littleEndian, toByteOffset: 8, as: UInt64.self)
        value.storeBytes(of: expiry.littleEndian, toByteOffset: 16, as: Int64.self)
        value.storeBytes(of: 0, toByteOffset: 24, as: UInt32.self)
        used = start + Entry.headBytes + rowBytes + ColdHeader.fixedBytes
        if let fullKey {
            value.storeBytes(
                of: UInt32(fullKey.count).littleEndian, toByteOffset: 28, as: UInt32.self)
            used += 4
        }
        if let partsDue {
            base.storeBytes(of: partsDue.littleEndian, toByteOffset: used, as: Int64.self)
            used += 8
        }
        if let fullKey { write(fullKey) }
        newestLSN = max(newestLSN, lsn)
        return start
    }

    private func end(_ start: Int) {
        let row = Int((base + start).load(as: UInt32.self))
        let length = used - start - Entry.headBytes - row
        (base + start).storeBytes(of: UInt64(length), toByteOffset: 8, as: UInt64.self)
        let padded = (used + 7) & ~7
        reserve(padded - used)
        used = padded
    }
}
