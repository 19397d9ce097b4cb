// Expiry: which cold keys are due, without loading any other.
//
// Each run has its expiry rows, in time order, written with it:
//
//     expiry (Unix ms) u64 big-endian | row key (ColdKey.swift) -> LSN u64 little-endian
//
// The expiry is the time at which anything in the record is due: the key, or, of a hash, the
// first field. Whoever fetches the record then sees to what that is.
//
// An index updated in place would rewrite a page per key, so it is made of runs too. Runs
// cannot be changed, so each run in memory has a mark, the last row that was handed out. A row
// whose record has since changed is stale; it is passed over, and dropped by the next merge.
// After a restart the walk begins anew and passes over what is stale by then.

import Glibc
import LMDB

enum ExpiryRow {
    static let prefixBytes = 8

    /// Lends the key of an expiry row.
    @inline(__always)
    static func with<R>(_ expiry: Int64, _ row: Bytes, _ body: (Bytes) throws -> R) rethrows -> R {
        try withUnsafeTemporaryAllocation(
            byteCount: prefixBytes + ColdKey.rowMax, alignment: 8
        ) { buffer in
            let out = buffer.baseAddress!
            out.storeBytes(of: expiry.bigEndian, as: Int64.self)
            memcpy(out + prefixBytes, row.baseAddress!, row.count)
            return try body(Bytes(start: out, count: prefixBytes + row.count))
        }
    }

    @inline(__always)
    static func expiry(_ key: Bytes) -> Int64 {
        Int64(bigEndian: key.loadUnaligned(as: Int64.self))
    }

    @inline(__always)
    static func row(_ key: Bytes) -> Bytes { key.slice(prefixBytes, key.count - prefixBytes) }

    /// Whether both parts can be what they should.
    @inline(__always)
    static func isValid(_ key: Bytes, _ value: Bytes) -> Bool {
        key.count >= prefixBytes + ColdKey.prefixBytes && value.count == 8
    }
}

extension ColdStore {
    /// Lends the records that were due before `ms` (Unix milliseconds), up to `count` of them,
    /// and returns whether there may be more. Each is handed out once, as far as this process
    /// remembers: after a merge or a restart again, unless a commit changed it. Records of dead
    /// namespaces are not handed out. One thread at a time. When nothing is due, O(runs).
    package func dueKeys(
        before ms: Int64, atMost count: Int, _ body: (ColdRecord) throws -> Void
    ) throws(ColdError) -> Bool {
        try typed {
            guard state.withLock({ current.runs.contains { $0.nextExpiry < ms } }) else {
                return false
            }
            return try withReader { reader in
                let live = liveNamespaces
                var left = count
                var steps = max(count, 16) * 8
                for run in reader.list.runs {
                    if left == 0 || steps == 0 { return true }
                    guard state.withLock({ run.nextExpiry }) < ms else { continue }
                    try due(reader, run, ms, live, &left, &steps, body)
                }
                return left == 0 || steps == 0
            }
        }
    }

    private func due(
        _ reader: ColdReader, _ run: Run, _ ms: Int64, _ live: LiveNamespaces, _ left: inout Int,
        _ steps: inout Int, _ body: (ColdRecord) throws -> Void
    ) throws {
        let view = reader.transaction.view
        var mark = state.withLock { run.expiryMark }
        var next = Int64.max
        var cursor = try Cursor(view, run.view.slot.expiries)
        var found: Bool
        if let mark {
            found = try mark.withUnsafeBytes { mark in
                guard try cursor.seek(atOrAfter: mark) else { return false }
                return try cursor.key.equals(mark) ? cursor.move(.next) : true
            }
        } else {
            found = try cursor.move(.first)
        }
        defer {
            state.withLock {
                run.expiryMark = mark
                run.nextExpiry = next
            }
        }
        while found {
            let key = cursor.key
            guard ExpiryRow.isValid(key, cursor.value) else {
                throw ColdError.damagedStore("an expiry row is too short")
            }
            let expiry = ExpiryRow.expiry(key)
            if expiry >= ms || left == 0 || steps == 0 {
                next = expiry
                return
            }
            // If the body throws, this row is tried again.
            next = expiry
            steps -= 1
            if try isCurrent(view, reader.list, key, cursor.value)
                && !live.isDead(ColdKey.namespace(ExpiryRow.row(key)))
            {
                do {
                    _ = try findRow(view, reader.list, ExpiryRow.row(key)) { record, tombstone in
                        if tombstone { return }
                        left -= 1
                        try body(record)
                    }
                } catch let error as ColdError {
                    // A damaged record is reported once, and does not stop the others.
                    if case .damaged = error { mark = Array(key) }
                    throw error
                }
            }
            mark = Array(key)
            found = try cursor.move(.next)
        }
        next = .max
    }

    /// Whether an expiry row speaks of its record's present value.
    func isCurrent(
        _ view: TransactionView, _ list: RunList, _ key: Bytes, _ value: Bytes
    ) throws -> Bool {
        let row = ExpiryRow.row(key)
        guard ColdKey.isValid(row), let header = try findHeader(view, list, row) else {
            return false
        }
        return !header.isTombstone && header.due == ExpiryRow.expiry(key)
            && header.lsn == UInt64(littleEndian: value.loadUnaligned(as: UInt64.self))
    }
}
