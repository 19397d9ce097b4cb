// The files of a compaction: the copy beside the store, and the moment when it takes its place.
//
//     data.mdb      lock.mdb               the store
//     compact.mdb   compact.mdb-lock       the copy, until it is the store
//                   compact.mdb-old-lock   the store's lock file, for that moment
//
// When the copy is whole and durable, its two files get the store's names: first the lock file, then
// the data, then the directory is synced. The store's lock file is kept until then, to put it back if
// that fails. A rename is atomic, so a crash leaves the old data or the new, both whole and with the
// same content. No batch is committed to the new file before the directory is synced: it would be gone
// if the old one came back.
//
// Why the lock file first: another process (firn-dump) opens the data, then the lock, and must not
// read data whose readers the server looks up in another lock file. Whoever has the old data with the
// new lock reads a file that is not written any more. The one state that must not be used is the new
// lock beside the old data, after a crash between the renames. It is known by a copy without a lock
// file, and opening removes the lock file then; LMDB makes a new one.
//
// The old file has no name any more and goes when its last reader does. Its space with it.

import Glibc
import LMDB

/// Where a compaction is. For tests.
package enum CompactionStep: Sendable {
    /// A part of the copy is committed.
    case copied
    /// The copy is whole, and durable.
    case completed
    /// The lock file has its new name.
    case lockRenamed
    /// The data has it as well; not durable.
    case dataRenamed
    /// The store uses the new file.
    case switched
}

/// What a compaction and the writer tell each other. Behind the store's `state`.
struct CompactionMarks {
    /// Runs up to this recency are being copied; nil: no compaction.
    var heldRecency: UInt64?
    /// Rows of the archive that commits touched since they were asked for last.
    var archiveTouches: [ArchiveTouch] = []
    /// The data file's name may not survive a loss of power.
    var nameIsUnsynced = false
}

extension ColdStore {
    private static func dataPath(_ directory: String) -> String { "\(directory)/data.mdb" }
    private static func lockPath(_ directory: String) -> String { "\(directory)/lock.mdb" }
    private static func oldLockPath(_ directory: String) -> String {
        copyPath(directory) + "-old-lock"
    }
    private static func copyLockPath(_ directory: String) -> String {
        copyPath(directory) + "-lock"
    }
    static func copyPath(_ directory: String) -> String { "\(directory)/compact.mdb" }

    /// Removes what an interrupted compaction left. The store is not open.
    static func removeCopies(_ directory: String) throws {
        let disk = SystemDisk.shared
        let isCut =
            disk.exists(copyPath(directory)) && !disk.exists(copyLockPath(directory))
            && disk.exists(dataPath(directory))
        // In this order, each remainder is understood as well.
        if isCut, disk.exists(lockPath(directory)) { try disk.remove(lockPath(directory)) }
        try removeCopyFiles(directory)
    }

    /// Removes what there is of a copy, beside an open store.
    static func removeCopyFiles(_ directory: String) throws {
        let disk = SystemDisk.shared
        for path in [copyPath(directory), copyLockPath(directory), oldLockPath(directory)]
        where disk.exists(path) {
            try disk.remove(path)
        }
    }

    /// Renames the copy's files over the store's. On failure everything is as before.
    func renameCopy() throws {
        let disk = SystemDisk.shared
        let old = ColdStore.oldLockPath(directory)
        let lock = ColdStore.lockPath(directory)
        try disk.rename(lock, to: old)
        do {
            try disk.rename(ColdStore.copyLockPath(directory), to: lock)
            try options.compactionStep?(.lockRenamed)
            try disk.rename(ColdStore.copyPath(directory), to: ColdStore.dataPath(directory))
        } catch {
            try? disk.rename(old, to: lock)
            throw error
        }
        try? disk.remove(old)
        // From here on there is no way back.
        state.withLock { compaction.nameIsUnsynced = true }
    }

    /// Goes on with a file that holds the same and has the store's name; the former one. Writer
    /// thread only.
    func change(to environment: Environment) -> Environment {
        let id = environment.info.lastTransaction
        let (former, idle) = state.withLock {
            let former = (environmentNow, pool)
            environmentNow = environment
            pool = []
            latestTransaction = id
            commitTimes = CommitTimes()
            measuredUs = 0
            return former
        }
        _ = consume idle
        return former
    }

    /// Makes everything committed so far durable.
    func makeDurable() throws {
        try environment.sync()
        try syncName()
    }

    /// Makes it durable that the data file is the one in use. Nothing else is before.
    func syncName() throws {
        guard state.withLock({ compaction.nameIsUnsynced }) else { return }
        try SystemDisk.shared.syncDirectory(directory)
        state.withLock { compaction.nameIsUnsynced = false }
    }

    /// Runs up to this recency are being copied; nil: none are.
    var heldRecency: UInt64? { state.withLock { compaction.heldRecency } }
}
