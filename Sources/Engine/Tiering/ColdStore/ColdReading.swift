// Reading: one pooled snapshot for each read in flight.
//
// Taking a snapshot costs LMDB a slot and a few hundred nanoseconds, so transactions are pooled.
// One that comes back stays live: while nothing is committed, the next read uses it as it is.
// Each commit resets the idle ones, so that none pins old pages; one in use when a commit
// happens is reset and renewed before its next use. A read therefore always sees everything
// that was committed before it began.

import Glibc
import LMDB

/// A snapshot and the runs in it.
final class ColdReader {
    var transaction: ReadTransaction
    var list: RunList

    init(_ transaction: consuming ReadTransaction, _ list: RunList) {
        self.transaction = transaction
        self.list = list
    }
}

/// What is known of a key.
package enum ColdLookup<R> {
    /// No run holds it.
    case absent
    /// The newest row is a deletion.
    case tombstone(lsn: UInt64)
    case found(R)
}

extension ColdStore {
    /// False when no run holds a row of (namespace, hash), be it a tombstone; wrongly true for
    /// one key in 256 per run. Only memory is read. Any thread; O(runs), about 20 ns a run.
    package func mayContain(namespace: UInt32, hash: UInt64) -> Bool {
        state.withLock { current.mayContain(namespace, hash) }
    }

    /// Lends the record of a key to `body`; nil when there is none or it was deleted. Throws
    /// `.damaged` rather than serve a record that fails its check. Any thread; O(runs + log n).
    package func read<R>(
        namespace: UInt32, hash: UInt64, key: Bytes, _ body: (ColdRecord) throws -> R
    ) throws(ColdError) -> R? {
        switch try lookup(namespace: namespace, hash: hash, key: key, body) {
        case .found(let result): return result
        default: return nil
        }
    }

    /// As `read`, and tells a deletion from a key that was never there.
    package func lookup<R>(
        namespace: UInt32, hash: UInt64, key: Bytes, _ body: (ColdRecord) throws -> R
    ) throws(ColdError) -> ColdLookup<R> {
        try typed {
            try withReader { reader in
                try find(reader.transaction.view, reader.list, namespace, hash, key, body)
            }
        }
    }

    /// Lends a snapshot of everything committed so far, for many look-ups. Any thread.
    func withLookUps<R>(_ body: (ColdLookUps) throws -> R) throws(ColdError) -> R {
        try typed { try withReader { try body(ColdLookUps(reader: $0)) } }
    }

    // MARK: snapshots

    /// Runs `body` with a snapshot of everything committed so far.
    func withReader<R>(_ body: (ColdReader) throws -> R) throws -> R {
        let reader = try takeReader()
        defer { giveBack(reader) }
        return try body(reader)
    }

    private func takeReader() throws -> ColdReader {
        if let pinned { return pinned }
        if options.readOnly { return try freshReadOnlyReader() }
        return try state.withLock {
            guard let reader = pool.popLast() else { return try freshReader() }
            if !reader.transaction.isReset {
                if reader.transaction.id == latestTransaction { return reader }
                reader.transaction.reset()
            }
            try reader.transaction.renew()
            reader.list = list(for: reader.transaction.id)
            return reader
        }
    }

    /// A reader of its own, outside the pool. `state` is held.
    func freshReader() throws -> ColdReader {
        let transaction = try ReadTransaction(environmentNow)
        let list = list(for: transaction.id)
        return ColdReader(transaction, list)
    }

    private func list(for transaction: Int) -> RunList {
        if let announced, transaction >= announced.transaction { return announced }
        return current
    }

    private func giveBack(_ reader: ColdReader) {
        if options.readOnly { return }
        state.withLock {
            // It has outlived its file.
            if reader.transaction.environment !== environmentNow { return }
            if reader.transaction.id != latestTransaction { reader.transaction.reset() }
            if pool.count < 64 { pool.append(reader) }
        }
    }

    /// A snapshot beside a running server: the manifest is read from it, slots that the server
    /// made meanwhile are opened.
    func freshReadOnlyReader() throws -> ColdReader {
        while true {
            let transaction = try ReadTransaction(environment)
            let infos = try readManifest(transaction.view)
            let known = state.withLock { slots }
            if infos.allSatisfy({ $0.slot < known.count }) {
                let runs = infos.map { Run($0, known[$0.slot], []) }
                let list = RunList(runs, transaction: transaction.id)
                return ColdReader(transaction, list)
            }
            try state.withLock { try openNewSlots() }
            if state.withLock({ slots.count }) == known.count {
                throw ColdError.damagedStore("a run lies in a slot that is not there")
            }
        }
    }

    /// `state` is held.
    private func openNewSlots() throws {
        let transaction = try ReadTransaction(environmentNow)
        let more = try ColdStore.openSlots(transaction.view, from: slots.count)
        try transaction.endKeepingHandles()
        slots += more
    }

    // MARK: look-up

    /// The newest row of a key in a snapshot.
    func find<R>(
        _ view: TransactionView, _ list: RunList, _ namespace: UInt32, _ hash: UInt64,
        _ key: Bytes, _ body: (ColdRecord) throws -> R
    ) throws -> ColdLookup<R> {
        try ColdKey.with(namespace, hash, key) { row in
            try findRow(view, list, row) { record, tombstone in
                // A long key that only shares its 128-bit hash is another key.
                guard record.key.equals(key) else { return .absent }
                return tombstone ? .tombstone(lsn: record.lsn) : .found(try body(record))
            } ?? .absent
        }
    }

    /// The newest row under a row key, checked; nil when there is none.
    func findRow<R>(
        _ view: TransactionView, _ list: RunList, _ row: Bytes,
        _ body: (ColdRecord, _ tombstone: Bool) throws -> R
    ) throws -> R? {
        var candidates = list.candidates(ColdKey.namespace(row), ColdKey.hash(row))
        while let run = candidates.next() {
            guard let value = try view.get(run.pointee.slot.rows, row) else { continue }
            return try withRecord(view, run.pointee, row: row, value: value, body)
        }
        return nil
    }

    /// The header of the newest row under a row key, not checked by CRC.
    func findHeader(_ view: TransactionView, _ list: RunList, _ row: Bytes) throws -> ColdHeader? {
        var candidates = list.candidates(ColdKey.namespace(row), ColdKey.hash(row))
        while let run = candidates.next() {
            if let value = try view.get(run.pointee.slot.rows, row) {
                return ColdHeader(value)
            }
        }
        return nil
    }

    /// Checks a row and lends its record.
    func withRecord<R>(
        _ view: TransactionView, _ run: RunView, row: Bytes, value: Bytes,
        _ body: (ColdRecord, _ tombstone: Bool) throws -> R
    ) throws -> R {
        guard ColdKey.isValid(row), let header = ColdHeader(value) else {
            throw ColdStore.damage(row)
        }
        if !header.isChunked {
            let inline = value.slice(header.headerBytes, header.bodyLength)
            guard let record = header.record(row: row, value: value, body: inline) else {
                throw ColdStore.damage(row)
            }
            return try body(record, header.isTombstone)
        }
        guard
            let chunks = readChunks(
                view, run.slot, header.firstChunk, header.bodyLength, of: run.chunks)
        else { throw ColdStore.damage(row) }
        return try chunks.withUnsafeBytes { chunks in
            guard let record = header.record(row: row, value: value, body: chunks) else {
                throw ColdStore.damage(row)
            }
            return try body(record, header.isTombstone)
        }
    }

    static func damage(_ row: Bytes) -> ColdError {
        .damaged(key: Array(row.dropFirst(ColdKey.prefixBytes)))
    }
}

/// A snapshot that is lent for several look-ups, best made in the order of (namespace, hash).
struct ColdLookUps {
    fileprivate let reader: ColdReader

    /// Lends the newest record of a key, which may be a deletion, to `body`; nil if there is none.
    /// Does not call it for a record that is damaged or lies in chunks. `checked` false: only
    /// whether there is one counts, and its checksum is not asked. O(runs + log n).
    @inline(__always)
    func peek(
        _ namespace: UInt32, _ hash: UInt64, _ key: Bytes, checked: Bool,
        _ body: (ColdRecord?, _ isTombstone: Bool) -> Void
    ) throws {
        var candidates = reader.list.candidates(namespace, hash)
        try ColdKey.with(namespace, hash, key) { row in
            while let run = candidates.next() {
                let rows = run.pointee.slot.rows
                guard let value = try reader.transaction.view.get(rows, row) else { continue }
                guard let header = ColdHeader(value), !header.isChunked else { return }
                let inline = value.slice(header.headerBytes, header.bodyLength)
                let record =
                    checked
                    ? header.record(row: row, value: value, body: inline)
                    : header.unchecked(row: row, body: inline)
                guard let record else { return }
                // A long key that only shares its 128-bit hash is another key.
                let isOther = header.isLong && !record.key.equals(key)
                return body(isOther ? nil : record, header.isTombstone)
            }
            body(nil, false)
        }
    }
}
