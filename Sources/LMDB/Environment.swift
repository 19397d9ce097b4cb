// One LMDB environment: a directory with a data file and a lock file, mapped once.
//
// Opened the way LMDB's serious users run it: read transactions belong to the object, not to
// the thread (NOTLS), so that they can be pooled; no kernel read-ahead (NORDAHEAD), because
// random reads from a file larger than memory would fetch 32 pages for one; the meta page is
// synced with the next commit (NOMETASYNC), `sync()` makes the last one durable at once. Never
// WRITEMAP (SIGBUS on a full disk) and never NOSYNC (an OS crash may corrupt). The map is large
// and sparse from the start, because growing it needs every transaction closed.

import CLMDB
import Glibc

/// An open environment. Thread-safe; closed when the last reference and the last transaction,
/// which refer to it, are gone.
package final class Environment: @unchecked Sendable {
    let raw: OpaquePointer
    package let isReadOnly: Bool

    /// Opens the environment in `directory`, which must exist.
    ///
    /// - Parameters:
    ///   - mapBytes: the address space reserved for the data file, its upper limit in size.
    ///   - maxDatabases: named databases; each transaction reserves 49 bytes for each.
    ///   - maxReaders: concurrent read transactions, over all processes.
    ///   - lockless: with `readOnly`, when the caller knows that nobody writes meanwhile: no lock
    ///     file is made or touched.
    package convenience init(
        directory: String, readOnly: Bool = false, mapBytes: Int = 1 << 40,
        maxDatabases: Int = 1024, maxReaders: Int = 512, lockless: Bool = false
    ) throws(LMDBError) {
        var flags: Int32 = readOnly ? MDB_RDONLY : 0
        if readOnly && lockless { flags |= MDB_NOLOCK }
        try self.init(directory, flags, mapBytes, maxDatabases, maxReaders)
    }

    /// Opens an environment whose data file is `file`; its lock file is called the same with
    /// `-lock` at the end.
    package convenience init(
        file: String, mapBytes: Int = 1 << 40, maxDatabases: Int = 1024
    ) throws(LMDBError) {
        try self.init(file, MDB_NOSUBDIR, mapBytes, maxDatabases, 512)
    }

    private init(
        _ path: String, _ more: Int32, _ mapBytes: Int, _ maxDatabases: Int, _ maxReaders: Int
    ) throws(LMDBError) {
        var environment: OpaquePointer?
        try LMDBError.check(mdb_env_create(&environment), "mdb_env_create")
        let flags = UInt32(MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMETASYNC | more)
        var code = mdb_env_set_mapsize(environment, mapBytes)
        if code == 0 { code = mdb_env_set_maxdbs(environment, UInt32(maxDatabases)) }
        if code == 0 { code = mdb_env_set_maxreaders(environment, UInt32(maxReaders)) }
        if code == 0 { code = mdb_env_open(environment, path, flags, 0o640) }
        if code == 0 {
            var dead: Int32 = 0
            code = mdb_reader_check(environment, &dead)
        }
        guard code == 0 else {
            mdb_env_close(environment)
            throw LMDBError(code: code, operation: "mdb_env_open")
        }
        raw = environment!
        isReadOnly = more & MDB_RDONLY != 0
    }

    deinit { mdb_env_close(raw) }

    /// Makes everything committed durable, the last meta page included.
    package func sync() throws(LMDBError) {
        try LMDBError.check(mdb_env_sync(raw, 1), "mdb_env_sync")
    }

    /// Writes the newest state to a descriptor of a new file, without the pages that are free; not
    /// synced. A write to it that fails ends the copy. Beside readers and writers; O(size).
    package func copy(toDescriptor descriptor: Int32) throws(LMDBError) {
        try LMDBError.check(
            mdb_env_copyfd2(raw, descriptor, UInt32(MDB_CP_COMPACT)), "mdb_env_copyfd2")
    }

    /// Frees the reader slots of processes that died; the number freed.
    @discardableResult
    package func removeDeadReaders() throws(LMDBError) -> Int {
        var dead: Int32 = 0
        try LMDBError.check(mdb_reader_check(raw, &dead), "mdb_reader_check")
        return Int(dead)
    }

    /// Size and state of the environment. O(1).
    package var info: EnvironmentInfo {
        var info = MDB_envinfo()
        mdb_env_info(raw, &info)
        var stat = MDB_stat()
        mdb_env_stat(raw, &stat)
        return EnvironmentInfo(
            pageBytes: Int(stat.ms_psize), mapBytes: info.me_mapsize,
            lastPage: info.me_last_pgno, lastTransaction: info.me_last_txnid,
            readers: Int(info.me_numreaders), maxReaders: Int(info.me_maxreaders))
    }

    /// The length of the data file that is open, whichever has its name now.
    package func fileBytes() throws(LMDBError) -> Int {
        var descriptor: mdb_filehandle_t = -1
        try LMDBError.check(mdb_env_get_fd(raw, &descriptor), "mdb_env_get_fd")
        var facts = stat()
        if fstat(descriptor, &facts) != 0 { throw LMDBError(code: errno, operation: "fstat") }
        return Int(facts.st_size)
    }

    /// The transaction that the oldest active reader of any process sees, nil when there is
    /// none. O(readers).
    package var oldestReader: Int? {
        var oldest: Int?
        withUnsafeMutablePointer(to: &oldest) { oldest in
            _ = mdb_reader_list(
                raw,
                { line, context in
                    // "pid thread txnid" or "pid thread -"
                    var fields = 0
                    var number: Int? = nil
                    var at = line!
                    while at.pointee != 0 {
                        while at.pointee == 0x20 || at.pointee == 0x0A { at += 1 }
                        if at.pointee == 0 { break }
                        fields += 1
                        number = nil
                        while at.pointee != 0 && at.pointee != 0x20 && at.pointee != 0x0A {
                            if at.pointee >= 0x30 && at.pointee <= 0x39 {
                                number = (number ?? 0) &* 10 &+ Int(at.pointee - 0x30)
                            }
                            at += 1
                        }
                    }
                    if fields == 3, let number {
                        let oldest = context!.assumingMemoryBound(to: Int?.self)
                        oldest.pointee = min(oldest.pointee ?? .max, number)
                    }
                    return 0
                }, oldest)
        }
        return oldest
    }
}

/// Size and state of an environment at one moment.
package struct EnvironmentInfo: Sendable {
    package let pageBytes: Int
    package let mapBytes: Int
    /// The highest page in use: the data file's length in pages, less one.
    package let lastPage: Int
    package let lastTransaction: Int
    /// Reader slots in use or used before, and their limit.
    package let readers: Int
    package let maxReaders: Int
}

/// Size of one database.
package struct DatabaseStat: Sendable {
    package let depth: Int
    package let branchPages: Int
    package let leafPages: Int
    package let overflowPages: Int
    package let entries: Int
    package var pages: Int { branchPages + leafPages + overflowPages }
}

/// A handle of a named database. A number: valid in transactions that began after the one which
/// opened it was committed, until the environment is closed (the wrapper never closes handles,
/// because LMDB would invalidate them in every older transaction).
package struct Database: Sendable, Equatable {
    package let handle: UInt32

    package init(handle: UInt32) { self.handle = handle }

    /// LMDB's list of free pages, for statistics.
    static let freeList = Database(handle: 0)
    /// The unnamed database, which holds the names of the others.
    package static let names = Database(handle: 1)

    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let create = Flags(rawValue: UInt32(MDB_CREATE))
        /// Keys are native 8-byte integers, ordered as numbers.
        package static let integerKeys = Flags(rawValue: UInt32(MDB_INTEGERKEY))
    }
}
