// The archive: keys that expired, kept for a while, invisible to ordinary commands.
//
//     archive       expired at (Unix ms) i64 BE | sequence u64 BE | chunk u32 BE
//                   -> chunk 0: length u64 LE | row (below) | record, or its beginning
//                      further chunks: the rest of the record
//     archive.keys  database u32 BE | hash u64 BE | expired at i64 BE | sequence u64 BE -> nothing
//
// The record is that of ColdRecord.swift, always with the full key in its body; its "row key"
// for the CRC is database u32 BE | hash u64 BE | expired at i64 BE. Rows arrive in the order of
// time and leave in it, so both ends of the B-tree are hot and it may be updated in place; the
// index by key is not, but its rows are small. Count and bytes are kept in the metadata, so
// that limits on age and size cost nothing to check.
//
// The sequence is not a counter: it is made of the key's hash and its database, so that the
// same expiry, archived again when the log is replayed after a crash, finds its own row there
// and leaves it alone, and a row can be named before it is written. (Two keys of a database
// whose keyed 64-bit hashes are equal and which expire in the same millisecond would share a
// row; the first stays.)

import Glibc
import LMDB

/// Names one row of the archive; ordered by time.
package struct ArchiveID: Hashable, Comparable, Sendable {
    /// Unix milliseconds.
    package let expiredAt: Int64
    package let sequence: UInt64

    package init(expiredAt: Int64, sequence: UInt64) {
        self.expiredAt = max(expiredAt, 0)
        self.sequence = sequence
    }

    /// The id that a key's row has.
    init(expiredAt: Int64, database: UInt32, hash: UInt64) {
        self.init(expiredAt: expiredAt, sequence: ArchiveID.sequence(database, hash))
    }

    static func sequence(_ database: UInt32, _ hash: UInt64) -> UInt64 {
        hash ^ (UInt64(database) &* 0x9E37_79B9_7F4A_7C15)
    }

    package static func < (a: ArchiveID, b: ArchiveID) -> Bool {
        (a.expiredAt, a.sequence) < (b.expiredAt, b.sequence)
    }
}

/// A row of the archive as it is lent: `record.namespace` is the database number.
package struct ArchiveEntry {
    package let id: ArchiveID
    package let record: ColdRecord
}

/// Rows and bytes of the archive.
package struct ArchiveTotals: Equatable, Sendable {
    package var count = 0
    package var bytes = 0

    func encode() -> [UInt8] {
        [UInt64(count), UInt64(bytes)].flatMap { word in
            withUnsafeBytes(of: word.littleEndian) { Array($0) }
        }
    }

    static func decode(_ bytes: [UInt8]?) throws -> ArchiveTotals {
        guard let bytes else { return ArchiveTotals() }
        guard bytes.count >= 16 else {
            throw ColdError.damagedStore("the archive's totals are malformed")
        }
        return bytes.withUnsafeBytes { bytes in
            func word(_ at: Int) -> UInt64 {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            }
            return ArchiveTotals(
                count: Int(truncatingIfNeeded: word(0)), bytes: Int(truncatingIfNeeded: word(8)))
        }
    }
}

/// The layouts above.
enum ArchiveRow {
    /// The row key of the record: database, hash, expired at.
    static let entryBytes = 20
    static let keyBytes = 20
    static let indexBytes = 28
    static let headBytes = 8 + entryBytes

    static func key(_ id: ArchiveID, _ chunk: UInt32) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(keyBytes)
        withUnsafeBytes(of: id.expiredAt.bigEndian) { out.append(contentsOf: $0) }
        withUnsafeBytes(of: id.sequence.bigEndian) { out.append(contentsOf: $0) }
        withUnsafeBytes(of: chunk.bigEndian) { out.append(contentsOf: $0) }
        return out
    }

    /// The index row of an entry row and an id: 12 bytes of the one, 16 of the other.
    static func index(_ entry: Bytes, _ id: ArchiveID) -> [UInt8] {
        Array(entry.slice(0, 12)) + key(id, 0).prefix(16)
    }

    static func id(_ key: Bytes, at offset: Int = 0) -> ArchiveID {
        ArchiveID(
            expiredAt: Int64(
                bigEndian: key.loadUnaligned(fromByteOffset: offset, as: Int64.self)),
            sequence: UInt64(
                bigEndian: key.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
    }

    /// The id of an entry row: database, hash, expired at.
    static func id(ofEntry row: Bytes) -> ArchiveID {
        ArchiveID(
            expiredAt: Int64(bigEndian: row.loadUnaligned(fromByteOffset: 12, as: Int64.self)),
            database: UInt32(bigEndian: row.loadUnaligned(as: UInt32.self)),
            hash: UInt64(bigEndian: row.loadUnaligned(fromByteOffset: 4, as: UInt64.self)))
    }

    static func chunk(_ key: Bytes) -> UInt32 {
        UInt32(bigEndian: key.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    }
}

extension ColdStore {
    /// Rows and bytes of the archive. O(1).
    package var archiveUsage: ArchiveTotals { state.withLock { archiveTotals } }

    /// The archived values of a key, oldest first. O(rows of the key).
    package func archived(
        database: UInt32, hash: UInt64, key: Bytes, _ body: (ArchiveEntry) throws -> Void
    ) throws(ColdError) {
        try typed {
            try withReader { reader in
                let view = reader.transaction.view
                let start = ColdKey.prefix(database, hash)
                var cursor = try Cursor(view, archiveKeys)
                var found = try start.withUnsafeBytes { try cursor.seek(atOrAfter: $0) }
                while found, cursor.key.count == ArchiveRow.indexBytes,
                    start.withUnsafeBytes({ cursor.key.slice(0, 12).equals($0) })
                {
                    let id = ArchiveRow.id(cursor.key, at: 12)
                    _ = try readArchive(view, id) { entry in
                        if entry.record.key.equals(key) { try body(entry) }
                    }
                    found = try cursor.move(.next)
                }
            }
        }
    }

    /// The ids of the rows of (database, hash), oldest first. O(rows of the key).
    func archiveIDs(database: UInt32, hash: UInt64) throws(ColdError) -> [ArchiveID] {
        try typed {
            try withReader { reader in
                let start = ColdKey.prefix(database, hash)
                var cursor = try Cursor(reader.transaction.view, archiveKeys)
                var ids: [ArchiveID] = []
                var found = try start.withUnsafeBytes { try cursor.seek(atOrAfter: $0) }
                while found, cursor.key.count == ArchiveRow.indexBytes,
                    start.withUnsafeBytes({ cursor.key.slice(0, 12).equals($0) })
                {
                    ids.append(ArchiveRow.id(cursor.key, at: 12))
                    found = try cursor.move(.next)
                }
                return ids
            }
        }
    }

    /// The ids of rows in order of time, behind `after`; fewer than `count` only at the end.
    func archiveIDs(after: ArchiveID?, atMost count: Int) throws(ColdError) -> [ArchiveID] {
        try typed {
            try withReader { reader in
                var cursor = try Cursor(reader.transaction.view, archive)
                var ids: [ArchiveID] = []
                let behind = after.map { ArchiveRow.key($0, .max) }
                var found =
                    try behind.map { key in
                        try key.withUnsafeBytes { try cursor.seek(atOrAfter: $0) }
                    } ?? cursor.move(.first)
                while found && ids.count < count {
                    guard cursor.key.count == ArchiveRow.keyBytes else {
                        throw ColdError.damagedStore("an archive row has a malformed key")
                    }
                    if ArchiveRow.chunk(cursor.key) == 0 { ids.append(ArchiveRow.id(cursor.key)) }
                    found = try cursor.move(.next)
                }
                return ids
            }
        }
    }

    /// Whether a row is there. O(log n).
    func hasArchived(_ id: ArchiveID) throws(ColdError) -> Bool {
        try typed {
            try withReader { reader in
                try ArchiveRow.key(id, 0).withUnsafeBytes {
                    try reader.transaction.view.get(archive, $0) != nil
                }
            }
        }
    }

    /// Lends one row; nil when it is not there (any more).
    package func archived<R>(
        _ id: ArchiveID, _ body: (ArchiveEntry) throws -> R
    ) throws(ColdError) -> R? {
        try typed {
            try withReader { try readArchive($0.transaction.view, id, body) }
        }
    }

    /// Lists rows in order of time, behind `after`; the last one visited, nil when none was.
    package func listArchive(
        after: ArchiveID? = nil, atMost count: Int, _ body: (ArchiveEntry) throws -> Void
    ) throws(ColdError) -> ArchiveID? {
        try typed {
            try withReader { reader in
                let view = reader.transaction.view
                var cursor = try Cursor(view, archive)
                var found: Bool
                if let after {
                    let behind = ArchiveRow.key(after, .max)
                    found = try behind.withUnsafeBytes { try cursor.seek(atOrAfter: $0) }
                } else {
                    found = try cursor.move(.first)
                }
                var last: ArchiveID?
                var left = count
                while found && left > 0 {
                    guard cursor.key.count == ArchiveRow.keyBytes else {
                        throw ColdError.damagedStore("an archive row has a malformed key")
                    }
                    if ArchiveRow.chunk(cursor.key) == 0 {
                        let id = ArchiveRow.id(cursor.key)
                        _ = try readArchive(view, id, body)
                        last = id
                        left -= 1
                    }
                    found = try cursor.move(.next)
                }
                return last
            }
        }
    }

    /// Deletes the oldest rows: those that expired before `ms`, and more while the archive
    /// holds over `bytesMax`. At most `count` in one transaction; whether more are due. Writer
    /// thread only.
    package func trimArchive(
        before ms: Int64, bytesMax: Int, atMost count: Int = 1000
    ) throws(ColdError) -> Bool {
        try typed {
            var totals = state.withLock { archiveTotals }
            if totals.count == 0 { return false }
            let transaction = try WriteTransaction(environment)
            var left = count
            while left > 0 {
                var oldest: ArchiveID?
                do {
                    var cursor = try Cursor(transaction.view, archive)
                    if try cursor.move(.first), cursor.key.count == ArchiveRow.keyBytes {
                        oldest = ArchiveRow.id(cursor.key)
                    }
                }
                guard let oldest, oldest.expiredAt < ms || totals.bytes > bytesMax else { break }
                try deleteArchive(transaction, oldest, &totals)
                left -= 1
            }
            if left == count { return false }
            try meta.put(transaction, MetaKey.archive, totals.encode())
            try publish(transaction, nil)
            state.withLock { archiveTotals = totals }
            return left == 0
        }
    }

    // MARK: rows

    /// Checks a row and lends it.
    private func readArchive<R>(
        _ view: TransactionView, _ id: ArchiveID, _ body: (ArchiveEntry) throws -> R
    ) throws -> R? {
        let key = ArchiveRow.key(id, 0)
        var cursor = try Cursor(view, archive)
        guard try key.withUnsafeBytes({ try cursor.seek(exactly: $0) }) else { return nil }
        let head = cursor.value
        guard head.count > ArchiveRow.headBytes else { throw ColdError.damaged(key: key) }
        let length = UInt64(littleEndian: head.loadUnaligned(as: UInt64.self))
        let entry = Array(head.slice(8, ArchiveRow.entryBytes))
        let first = head.slice(ArchiveRow.headBytes, head.count - ArchiveRow.headBytes)
        func lend(_ value: Bytes) throws -> R {
            try entry.withUnsafeBytes { row in
                guard let header = ColdHeader(value), header.isLong, !header.isChunked,
                    let record = header.record(
                        row: row, value: value,
                        body: value.slice(header.headerBytes, header.bodyLength))
                else { throw ColdError.damaged(key: key) }
                return try body(ArchiveEntry(id: id, record: record))
            }
        }
        if length == UInt64(first.count) { return try lend(first) }
        guard length < 1 << 40, length > UInt64(first.count) else {
            throw ColdError.damaged(key: key)
        }
        var whole = Array(first)
        while whole.count < Int(length) {
            guard try cursor.move(.next), cursor.key.count == ArchiveRow.keyBytes,
                ArchiveRow.id(cursor.key) == id
            else { throw ColdError.damaged(key: key) }
            whole.append(contentsOf: cursor.value)
        }
        guard whole.count == Int(length) else { throw ColdError.damaged(key: key) }
        return try whole.withUnsafeBytes { try lend($0) }
    }

    /// Adds the archive rows of a batch and removes those that it deletes.
    func writeArchive(
        _ transaction: borrowing WriteTransaction, _ batch: ColdBatch, _ offsets: [Int],
        _ totals: inout ArchiveTotals
    ) throws {
        let room = limits.nodeMax - 8 - ArchiveRow.keyBytes
        for offset in offsets {
            let entry = batch.entry(offset)
            let row = Bytes(entry.row)
            let value = Bytes(entry.value)
            let header = ColdHeader(value)!
            let crc = ColdHeader.checksum(
                row: row, value: value, coveredTail: header.coveredTail,
                body: value.slice(header.headerBytes, header.bodyLength))
            entry.value.storeBytes(
                of: crc.littleEndian, toByteOffset: ColdHeader.crcOffset, as: UInt32.self)
            let id = ArchiveRow.id(ofEntry: row)
            let isThere = try ArchiveRow.key(id, 0).withUnsafeBytes {
                try transaction.view.get(archive, $0) != nil
            }
            if isThere { continue }
            var at = min(room - ArchiveRow.headBytes, value.count)
            var head = withUnsafeBytes(of: UInt64(value.count).littleEndian) { Array($0) }
            head.append(contentsOf: row)
            head.append(contentsOf: value.slice(0, at))
            try ColdStore.put(transaction, archive, ArchiveRow.key(id, 0), head)
            var chunk: UInt32 = 1
            while at < value.count {
                let count = min(room, value.count - at)
                try ArchiveRow.key(id, chunk).withUnsafeBytes {
                    try transaction.put(archive, $0, value.slice(at, count))
                }
                chunk += 1
                at += count
            }
            try ColdStore.put(transaction, archiveKeys, ArchiveRow.index(row, id), [])
            archiveChanges?.append(ArchiveTouch(id: id, index: ArchiveRow.index(row, id)))
            totals.count += 1
            totals.bytes += value.count
        }
        for id in batch.archiveDeletions { try deleteArchive(transaction, id, &totals) }
        try meta.put(transaction, MetaKey.archive, totals.encode())
    }

    private func deleteArchive(
        _ transaction: borrowing WriteTransaction, _ id: ArchiveID, _ totals: inout ArchiveTotals
    ) throws {
        let key = ArchiveRow.key(id, 0)
        var index: [UInt8]?
        do {
            var cursor = try Cursor(transaction.view, archive)
            guard try key.withUnsafeBytes({ try cursor.seek(exactly: $0) }) else { return }
            if cursor.value.count > ArchiveRow.headBytes {
                let length = UInt64(littleEndian: cursor.value.loadUnaligned(as: UInt64.self))
                totals.bytes = max(totals.bytes - Int(truncatingIfNeeded: length), 0)
                index = ArchiveRow.index(cursor.value.slice(8, ArchiveRow.entryBytes), id)
            }
            try cursor.delete()
            // After a deletion `next` is the row that moved up.
            var more = try cursor.move(.next)
            while more, cursor.key.count == ArchiveRow.keyBytes, ArchiveRow.id(cursor.key) == id {
                try cursor.delete()
                more = try cursor.move(.next)
            }
        }
        if let index { _ = try index.withUnsafeBytes { try transaction.delete(archiveKeys, $0) } }
        archiveChanges?.append(ArchiveTouch(id: id, index: index))
        totals.count = max(totals.count - 1, 0)
    }
}
