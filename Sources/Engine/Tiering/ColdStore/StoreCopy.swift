// A second data file that becomes what the store is, while the store changes.
//
// LMDB's file never shrinks, so a compaction moves the store into a new one. What is copied are
// LMDB's rows as they are, appended in their order, which leaves every page full: the copy has the
// same databases with the same rows, and the same runs in the same slots. The databases are opened in
// the order in which the store opens them and so get the same handles, which is looked at; whatever
// of the store refers to handles serves for either file.
//
// It is done in steps, each with a snapshot of its own, so no page is pinned for longer than one takes:
//
// - A run never changes. It is copied up to a position, and on from there in the next step. One that
//   is not in the store's list any more leaves its slot in the copy.
// - The archive's two databases change in place. They are walked, too, and the store notes the rows
//   that commits touch meanwhile. Each step takes these notes, then its snapshot; a touched row that
//   the walk has passed is made as the snapshot has it, one that lies ahead the walk will see. A row
//   that is noted after the snapshot is made the same once more by the next step.
// - Metadata and manifest are small, and are copied when nothing else is left to copy.
//
// So after a step that found nothing left, with no commit since its snapshot, both files hold the
// same. Merges that consume their sources change runs and must not happen meanwhile; other merges
// only cost what was copied in vain.

import Glibc
import LMDB

/// A row of the archive that a commit has added or removed.
struct ArchiveTouch {
    let id: ArchiveID
    /// Its row in the index, nil when that is not known.
    let index: [UInt8]?
}

/// The copy in the making. One thread at a time.
final class StoreCopy {
    /// How far a database is copied.
    private struct Walk {
        /// Everything up to this key is.
        var position: [UInt8]?
        var isDone = false

        func covers(_ key: [UInt8]) -> Bool {
            if isDone { return true }
            guard let position else { return false }
            return position.withUnsafeBytes { position in
                key.withUnsafeBytes { $0.compare(position) <= 0 }
            }
        }
    }

    private final class Part {
        let run: Run
        var rows = Walk()
        var chunks = Walk()
        var expiries = Walk()
        var bytes = 0
        var isDone: Bool { rows.isDone && chunks.isDone && expiries.isDone }

        init(_ run: Run) { self.run = run }
    }

    let environment: Environment
    private let store: ColdStore
    private var slots: [RunSlot] = []
    /// By slot.
    private var parts: [Int: Part] = [:]
    private var archive = Walk()
    private var archiveKeys = Walk()
    private var archiveBytes = 0
    private var prefetch = Prefetch(sources: 1)
    /// What was copied, in vain or not.
    private(set) var bytesDone = 0

    /// Makes a new file at `path`, whose names are free.
    init(_ store: ColdStore, path: String) throws {
        self.store = store
        environment = try Environment(
            file: path, mapBytes: store.options.mapBytes, maxDatabases: ColdStore.databasesMax)
        let transaction = try WriteTransaction(environment)
        for (name, database) in [
            ("meta", store.meta.database), ("manifest", store.manifest),
            ("archive", store.archive), ("archive.keys", store.archiveKeys),
        ] {
            guard try transaction.view.open(name, .create) == database else {
                throw ColdError.damagedStore("a copy's databases have other handles")
            }
        }
        try transaction.commit()
    }

    /// Copies about `bytesMax` of what the copy lacks, in one transaction; false when that was nothing.
    func step(_ bytesMax: Int) throws -> Bool {
        let touches = store.takeArchiveTouches()
        return try store.withReader { reader in
            let source = reader.transaction.view
            let transaction = try WriteTransaction(environment)
            var isChanged = try openSlots(transaction)
            var left = bytesMax
            if try forgetGone(transaction, reader.list) { isChanged = true }
            for touch in touches { try follow(touch, source, transaction, &left) }
            try copyArchive(source, transaction, &left)
            for run in reader.list.runs.reversed() where left > 0 {
                try copy(run, source, transaction, &left)
            }
            bytesDone += bytesMax - left
            isChanged = isChanged || left < bytesMax || !touches.isEmpty
            // A commit is a sync.
            if isChanged { try transaction.commit() }
            return isChanged
        }
    }

    /// Bytes that are to be copied yet, about; 0 when nothing is.
    var bytesLeft: Int {
        let (runs, totals) = store.state.withLock { (store.current.runs, store.archiveTotals) }
        let archiveLeft =
            archive.isDone && archiveKeys.isDone ? 0 : max(totals.bytes - archiveBytes, 0) + 1
        return runs.reduce(archiveLeft) { sum, run in
            guard let part = parts[run.info.slot], part.run === run else {
                return sum + run.info.bytes + 1
            }
            return part.isDone ? sum : sum + max(run.info.bytes - part.bytes, 0) + 1
        }
    }

    /// Copies what is small, when `step` has found nothing left and nobody commits, and compares how
    /// many rows both have. Writer thread only. Everything is durable then.
    func complete() throws {
        try store.withReader { reader in
            let source = reader.transaction.view
            let transaction = try WriteTransaction(environment)
            for database in [store.meta.database, store.manifest] {
                var walk = Walk()
                var left = Int.max
                try transaction.empty(database)
                try copy(database, source, transaction, &walk, &left)
            }
            var databases = [
                store.meta.database, store.manifest, store.archive, store.archiveKeys,
            ]
            for run in reader.list.runs {
                let slot = run.view.slot
                databases += [slot.rows, slot.chunks, slot.expiries]
            }
            for database in databases {
                let (there, here) = (
                    try source.stat(database).entries,
                    try transaction.view.stat(database).entries
                )
                guard there == here else {
                    throw ColdError.damagedStore("a copy has \(here) rows of \(there)")
                }
            }
            try transaction.commit()
        }
        try environment.sync()
    }

    // MARK: runs

    /// Makes the slots that the store has; whether any were missing.
    private func openSlots(_ transaction: borrowing WriteTransaction) throws -> Bool {
        let known = store.state.withLock { store.slots }
        if slots.count == known.count { return false }
        slots += try ColdStore.openSlots(
            transaction.view, from: slots.count, create: known.count - slots.count)
        guard slots == known else {
            throw ColdError.damagedStore("a copy's slots have other handles")
        }
        return true
    }

    /// Empties the slots of runs that are gone; whether there were any.
    private func forgetGone(
        _ transaction: borrowing WriteTransaction, _ list: RunList
    ) throws -> Bool {
        let gone = parts.filter { _, part in !list.runs.contains { $0 === part.run } }
        for number in gone.keys {
            try store.empty(transaction, slots[number])
            parts[number] = nil
        }
        return !gone.isEmpty
    }

    private func copy(
        _ run: Run, _ source: TransactionView, _ transaction: borrowing WriteTransaction,
        _ left: inout Int
    ) throws {
        let part = parts[run.info.slot] ?? Part(run)
        parts[run.info.slot] = part
        if part.isDone { return }
        let before = left
        let slot = run.view.slot
        try copy(slot.rows, source, transaction, &part.rows, &left)
        try copy(slot.chunks, source, transaction, &part.chunks, &left, integerKeys: true)
        try copy(slot.expiries, source, transaction, &part.expiries, &left)
        part.bytes += before - left
    }

    // MARK: the archive

    private func copyArchive(
        _ source: TransactionView, _ transaction: borrowing WriteTransaction, _ left: inout Int
    ) throws {
        let before = left
        try copy(store.archive, source, transaction, &archive, &left)
        archiveBytes += before - left
        try copy(store.archiveKeys, source, transaction, &archiveKeys, &left)
    }

    /// Makes a row as the snapshot has it, where the walks have passed it.
    private func follow(
        _ touch: ArchiveTouch, _ source: TransactionView,
        _ transaction: borrowing WriteTransaction, _ left: inout Int
    ) throws {
        let first = ArchiveRow.key(touch.id, 0)
        let last = ArchiveRow.key(touch.id, .max)
        let isThere = try first.withUnsafeBytes { try source.get(store.archive, $0) != nil }
        if let index = touch.index, archiveKeys.covers(index) {
            try index.withUnsafeBytes { index in
                if isThere {
                    try transaction.put(store.archiveKeys, index, Bytes(start: nil, count: 0))
                } else {
                    try transaction.delete(store.archiveKeys, index)
                }
            }
        }
        guard archive.covers(first) else { return }
        try first.withUnsafeBytes { first in
            var old = try Cursor(transaction.view, store.archive)
            var found = try old.seek(atOrAfter: first)
            while found, isRow(old.key, of: touch.id) {
                try old.delete()
                found = try old.move(.next)
            }
        }
        if isThere {
            try first.withUnsafeBytes { first in
                var cursor = try Cursor(source, store.archive)
                var found = try cursor.seek(exactly: first)
                while found, isRow(cursor.key, of: touch.id) {
                    try transaction.put(store.archive, cursor.key, cursor.value)
                    left -= cursor.key.count + cursor.value.count
                    found = try cursor.move(.next)
                }
            }
        }
        // The walk may have stood in the middle of it.
        if !archive.isDone, !archive.covers(last) { archive.position = last }
    }

    private func isRow(_ key: Bytes, of id: ArchiveID) -> Bool {
        key.count == ArchiveRow.keyBytes && ArchiveRow.id(key) == id
    }

    // MARK: any database

    /// Appends what lies behind the walk's position, until `left` is used up.
    private func copy(
        _ database: Database, _ source: TransactionView,
        _ transaction: borrowing WriteTransaction, _ walk: inout Walk, _ left: inout Int,
        integerKeys: Bool = false
    ) throws {
        if walk.isDone || left <= 0 { return }
        var from = try Cursor(source, database)
        var to = try Cursor(transaction.view, database)
        var found: Bool
        if let position = walk.position {
            found = try position.withUnsafeBytes { position in
                guard try from.seek(atOrAfter: position) else { return false }
                return from.key.equals(position) ? try from.move(.next) : true
            }
        } else {
            found = try from.move(.first)
        }
        while found {
            let key = from.key
            let value = from.value
            prefetch.touch(0, value.baseAddress)
            if integerKeys {
                // LMDB compares such keys as numbers where they lie.
                try to.append(key.loadUnaligned(as: UInt64.self), value)
            } else {
                try to.append(key, value)
            }
            left -= key.count + value.count
            if left <= 0 {
                walk.position = Array(key)
                return
            }
            found = try from.move(.next)
        }
        walk.isDone = true
    }
}

extension ColdStore {
    /// What a commit has touched, for the copy that is being made. `state` is held; writer thread.
    func noteArchiveChanges() {
        guard let changes = archiveChanges else { return }
        let isCopied = compaction.heldRecency != nil
        if isCopied { compaction.archiveTouches += changes }
        archiveChanges = isCopied ? [] : nil
    }

    /// The rows of the archive that commits have touched since the last call. Any thread.
    func takeArchiveTouches() -> [ArchiveTouch] {
        state.withLock {
            defer { compaction.archiveTouches = [] }
            return compaction.archiveTouches
        }
    }
}
