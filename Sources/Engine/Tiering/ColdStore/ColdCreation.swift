// Making a store: after a loss of power it is there whole, or not at all.
//
// LMDB makes its file in place. Until the first commit is through, the file may be anything, and
// nobody syncs the names of the file and of its directory: a store that had taken over what the
// log no longer holds could be gone. So a new store is made under another name, synced, renamed, and
// then the directories are synced. What an attempt that was cut short has left is removed.

import Glibc
import LMDB

extension ColdStore {
    /// Makes an empty store in `directory` if there is none, and the directory with it. Durable on
    /// return.
    static func createIfMissing(_ directory: String, mapBytes: Int) throws {
        let disk = SystemDisk.shared
        let path = "\(directory)/data.mdb"
        if disk.exists(path) { return }
        if mkdir(directory, 0o750) != 0 && errno != EEXIST {
            throw LMDBError(code: errno, operation: "mkdir")
        }
        let temporary = "\(directory)/new.mdb"
        let lock = temporary + "-lock"
        for leftOver in [temporary, lock] where disk.exists(leftOver) {
            try disk.remove(leftOver)
        }
        try fill(temporary, mapBytes)
        try disk.remove(lock)
        try disk.rename(temporary, to: path)
        try disk.syncDirectory(directory)
        try disk.syncDirectory(parentDirectory(of: directory))
    }

    /// The environment is closed on return.
    private static func fill(_ path: String, _ mapBytes: Int) throws {
        let environment = try Environment(file: path, mapBytes: mapBytes)
        _ = try openOrCreate(environment)
    }
}
