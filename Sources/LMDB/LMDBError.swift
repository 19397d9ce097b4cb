// What LMDB reports, as a Swift error.
//
// LMDB answers with one Int32: zero, a negative number of its own, or an errno. The wrapper
// keeps the number, so that callers can tell "the disk is full" from "the file is damaged",
// and the name of the call that failed, for the log line that an operator will read.

import CLMDB
import Glibc

/// A failed LMDB call.
package struct LMDBError: Error, CustomStringConvertible {
    /// LMDB's own (negative) code, or an errno.
    package let code: Int32
    /// The call that failed, such as `mdb_txn_commit`.
    package let operation: StaticString

    package init(code: Int32, operation: StaticString) {
        self.code = code
        self.operation = operation
    }

    package var description: String { "\(operation): \(String(cString: mdb_strerror(code)))" }

    /// The disk, the quota of the file system or the map has no room left. Retrying later can help.
    package var isFull: Bool {
        code == ENOSPC || code == EDQUOT || code == MDB_MAP_FULL || code == MDB_TXN_FULL
    }
    /// The map's own limit was reached, rather than the disk's.
    package var isMapFull: Bool { code == MDB_MAP_FULL }
    /// The file is not what LMDB wrote: another format, another version, or damage.
    package var isDamage: Bool {
        code == MDB_INVALID || code == MDB_CORRUPTED || code == MDB_VERSION_MISMATCH
            || code == MDB_PAGE_NOTFOUND
    }
    /// The environment cannot be used any more in this process; it must be opened again.
    package var isPanic: Bool { code == MDB_PANIC }

    @inline(__always)
    static func check(_ code: Int32, _ operation: StaticString) throws(LMDBError) {
        if code != MDB_SUCCESS { throw LMDBError(code: code, operation: operation) }
    }
}
