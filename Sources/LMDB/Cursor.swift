// A position in one database, owned.
//
// `key` and `value` are the row that the last successful move found: views of the map, valid
// until the next move, in a write transaction until its next change. A cursor must be gone
// before its transaction ends.

import CLMDB

/// A cursor; closed when dropped.
package struct Cursor: ~Copyable {
    private let raw: OpaquePointer
    private var foundKey = MDB_val()
    private var foundValue = MDB_val()

    package enum Move {
        case first, last, next, previous

        @inline(__always)
        fileprivate var operation: MDB_cursor_op {
            switch self {
            case .first: MDB_FIRST
            case .last: MDB_LAST
            case .next: MDB_NEXT
            case .previous: MDB_PREV
            }
        }
    }

    package init(_ transaction: TransactionView, _ database: Database) throws(LMDBError) {
        var raw: OpaquePointer?
        let code = mdb_cursor_open(transaction.raw, database.handle, &raw)
        try LMDBError.check(code, "mdb_cursor_open")
        self.raw = raw!
    }

    deinit { mdb_cursor_close(raw) }

    package var key: Bytes { foundKey.bytes }
    package var value: Bytes { foundValue.bytes }

    /// Steps; false at the end. `next` on a fresh cursor is `first`.
    package mutating func move(_ move: Move) throws(LMDBError) -> Bool {
        try fetch(move.operation)
    }

    /// Goes to the first row at or after `key`; false when there is none.
    package mutating func seek(atOrAfter key: Bytes) throws(LMDBError) -> Bool {
        foundKey = LMDB.value(key)
        return try fetch(MDB_SET_RANGE)
    }

    /// Goes to the row of `key`; false when there is none.
    package mutating func seek(exactly key: Bytes) throws(LMDBError) -> Bool {
        foundKey = LMDB.value(key)
        return try fetch(MDB_SET_KEY)
    }

    /// Goes to the row of an integer key.
    package mutating func seek(exactly key: UInt64) throws(LMDBError) -> Bool {
        try withUnsafeBytes(of: key) { bytes throws(LMDBError) in
            foundKey = LMDB.value(bytes)
            return try fetch(MDB_SET_KEY)
        }
    }

    @inline(__always)
    private mutating func fetch(_ operation: MDB_cursor_op) throws(LMDBError) -> Bool {
        let code = mdb_cursor_get(raw, &foundKey, &foundValue, operation)
        if code == MDB_SUCCESS { return true }
        if code == MDB_NOTFOUND { return false }
        throw LMDBError(code: code, operation: "mdb_cursor_get")
    }

    /// Adds a row behind all others, which leaves every page full. Keys must ascend
    /// (`MDB_KEYEXIST` otherwise).
    package mutating func append(_ key: Bytes, _ data: Bytes) throws(LMDBError) {
        try put(key, data, UInt32(MDB_APPEND))
    }

    /// Appends under an integer key.
    package mutating func append(_ key: UInt64, _ data: Bytes) throws(LMDBError) {
        try withUnsafeBytes(of: key) { bytes throws(LMDBError) in try append(bytes, data) }
    }

    /// Adds or replaces a row.
    package mutating func put(_ key: Bytes, _ data: Bytes) throws(LMDBError) {
        try put(key, data, 0)
    }

    @inline(__always)
    private mutating func put(_ key: Bytes, _ data: Bytes, _ flags: UInt32) throws(LMDBError) {
        var key = LMDB.value(key)
        var data = LMDB.value(data)
        try LMDBError.check(mdb_cursor_put(raw, &key, &data, flags), "mdb_cursor_put")
    }

    /// Deletes the row at the cursor; `next` then goes to the one behind it.
    package mutating func delete() throws(LMDBError) {
        try LMDBError.check(mdb_cursor_del(raw, 0), "mdb_cursor_del")
    }
}
