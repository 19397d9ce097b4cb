// Transactions: one value owns one LMDB transaction and ends it exactly once.
//
// A read transaction is a snapshot that stays as it was begun; it pins the pages that it could
// see. `reset` lets go of the snapshot and keeps the reader's slot, `renew` takes the newest.
// There is one write transaction at a time in all processes; `commit` and `abort` consume it,
// dropping it aborts. Both lend a `TransactionView`, the operations they share. Bytes that a
// view returns lie in the map: valid until the transaction ends, in a write transaction only
// until its next change. A view and a cursor must not outlive their transaction; the compiler
// does not see that, so they are kept inside one scope.

import CLMDB

package typealias Bytes = UnsafeRawBufferPointer

@inline(__always)
func value(_ bytes: Bytes) -> MDB_val {
    MDB_val(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
}

extension MDB_val {
    @inline(__always)
    var bytes: Bytes { Bytes(start: mv_data, count: mv_size) }
}

/// What both kinds of transaction can do. Unowned: valid while its transaction is.
package struct TransactionView {
    let raw: OpaquePointer

    /// The snapshot's number; for a write transaction the one it will have.
    package var id: Int { mdb_txn_id(raw) }

    /// The value of `key`, nil when there is none. O(log n).
    package func get(_ database: Database, _ key: Bytes) throws(LMDBError) -> Bytes? {
        var key = value(key)
        var found = MDB_val()
        let code = mdb_get(raw, database.handle, &key, &found)
        if code == MDB_NOTFOUND { return nil }
        try LMDBError.check(code, "mdb_get")
        return found.bytes
    }

    /// The value of an integer key.
    package func get(_ database: Database, _ key: UInt64) throws(LMDBError) -> Bytes? {
        var key = key
        var found = MDB_val()
        let code = withUnsafeMutableBytes(of: &key) { bytes in
            var key = value(Bytes(bytes))
            return mdb_get(raw, database.handle, &key, &found)
        }
        if code == MDB_NOTFOUND { return nil }
        try LMDBError.check(code, "mdb_get")
        return found.bytes
    }

    /// Opens a named database; nil when it does not exist and `create` is not given. Not to be
    /// called in two transactions of a process at once.
    package func open(
        _ name: String, _ flags: Database.Flags = []
    ) throws(LMDBError) -> Database? {
        var handle: MDB_dbi = 0
        let code = mdb_dbi_open(raw, name, flags.rawValue, &handle)
        if code == MDB_NOTFOUND { return nil }
        try LMDBError.check(code, "mdb_dbi_open")
        return Database(handle: handle)
    }

    /// Size of a database. O(1).
    package func stat(_ database: Database) throws(LMDBError) -> DatabaseStat {
        var stat = MDB_stat()
        try LMDBError.check(mdb_stat(raw, database.handle, &stat), "mdb_stat")
        return DatabaseStat(
            depth: Int(stat.ms_depth), branchPages: stat.ms_branch_pages,
            leafPages: stat.ms_leaf_pages, overflowPages: stat.ms_overflow_pages,
            entries: stat.ms_entries)
    }

    /// Pages on the free list, and those of them that were freed up to a transaction, which can
    /// be used again when no older one is being read. O(entries of the list): one per
    /// transaction that freed pages.
    package func freePages(upTo last: Int = .max) throws(LMDBError) -> (all: Int, usable: Int) {
        var cursor = try Cursor(self, .freeList)
        var all = 0
        var usable = 0
        while try cursor.move(.next) {
            let count = cursor.value.loadUnaligned(as: Int.self)
            all += count
            if cursor.key.loadUnaligned(as: Int.self) <= last { usable += count }
        }
        return (all, usable)
    }
}

/// A read-only snapshot. May be used by any thread, by one at a time.
package struct ReadTransaction: ~Copyable {
    private var raw: OpaquePointer?
    package let environment: Environment
    package private(set) var isReset = false

    package init(_ environment: Environment) throws(LMDBError) {
        var raw: OpaquePointer?
        let code = mdb_txn_begin(environment.raw, nil, UInt32(MDB_RDONLY), &raw)
        try LMDBError.check(code, "mdb_txn_begin")
        self.raw = raw
        self.environment = environment
    }

    deinit { if let raw { mdb_txn_abort(raw) } }

    package var view: TransactionView { TransactionView(raw: raw!) }
    package var id: Int { mdb_txn_id(raw) }

    /// Lets go of the snapshot; the reader's slot stays.
    package mutating func reset() {
        if isReset { return }
        mdb_txn_reset(raw)
        isReset = true
    }

    /// Takes the newest snapshot; only after `reset`.
    package mutating func renew() throws(LMDBError) {
        precondition(isReset)
        try LMDBError.check(mdb_txn_renew(raw), "mdb_txn_renew")
        isReset = false
    }

    /// Ends the transaction and keeps the database handles that were opened in it, which
    /// dropping it would close.
    package consuming func endKeepingHandles() throws(LMDBError) {
        let ended = raw
        raw = nil
        try LMDBError.check(mdb_txn_commit(ended), "mdb_txn_commit")
    }
}

/// The one write transaction. Used by the thread that began it; aborts when dropped.
package struct WriteTransaction: ~Copyable {
    private var raw: OpaquePointer?
    private let environment: Environment

    /// Waits until no other process or thread writes.
    package init(_ environment: Environment) throws(LMDBError) {
        var raw: OpaquePointer?
        try LMDBError.check(mdb_txn_begin(environment.raw, nil, 0, &raw), "mdb_txn_begin")
        self.raw = raw
        self.environment = environment
    }

    deinit { if let raw { mdb_txn_abort(raw) } }

    package var view: TransactionView { TransactionView(raw: raw!) }
    /// The number of the snapshot that the commit will make.
    package var id: Int { mdb_txn_id(raw) }

    package func put(_ database: Database, _ key: Bytes, _ data: Bytes) throws(LMDBError) {
        var key = value(key)
        var data = value(data)
        try LMDBError.check(mdb_put(raw, database.handle, &key, &data, 0), "mdb_put")
    }

    /// Deletes a key; whether it was there.
    @discardableResult
    package func delete(_ database: Database, _ key: Bytes) throws(LMDBError) -> Bool {
        var key = value(key)
        let code = mdb_del(raw, database.handle, &key, nil)
        if code == MDB_NOTFOUND { return false }
        try LMDBError.check(code, "mdb_del")
        return true
    }

    /// Removes every row and keeps the database and its handle. Readers of older snapshots
    /// still see the rows. O(branch pages), and O(leaf pages) when there are overflow pages.
    package func empty(_ database: Database) throws(LMDBError) {
        try LMDBError.check(mdb_drop(raw, database.handle, 0), "mdb_drop")
    }

    /// Makes the changes visible to later transactions. Its cursors must be gone.
    package consuming func commit() throws(LMDBError) {
        let ended = raw
        raw = nil
        try LMDBError.check(mdb_txn_commit(ended), "mdb_txn_commit")
    }

    /// Forgets the changes. Its cursors must be gone.
    package consuming func abort() {
        mdb_txn_abort(raw)
        raw = nil
    }
}
