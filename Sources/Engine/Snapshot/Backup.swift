// BACKUP: a directory from which a server starts at once, made while this one serves.
//
//     <backup-dir>/<name>/cold/            a copy of the store, without free pages
//     <backup-dir>/<name>/appendonlydir/   base and segments, as far as they were written
//     <backup-dir>/<name>/firn.backup      lets the first start begin a stream of its own
//                                          (Recovery/BackupMarker.swift)
//
// The log's files are held; then LMDB copies the store as it is at one moment; then the segments
// are copied up to a position after that moment. What the store's copy lacks is in the segments'
// copies, and the guard of recovery joins them, as after a crash. So the backup is the state at
// that last position exactly, and needs no checkpoint first.
//
// The directory has another name until it is whole and durable. No lock is held while anything is
// copied; merging pauses as for a snapshot. `BACKUP CANCEL` and the server's end do not wait for the
// rest: the copies stop within a megabyte, and the directory goes.

import Glibc

/// Where a backup stands. Engine lock.
struct BackupState {
    var isRunning = false
    /// Ends the one that runs.
    var interrupt = CopyInterrupt()
    /// The last that began was cancelled.
    var isCancelled = false
    var lastName = ""
    /// The position that the last one holds, and when it was done.
    var lastLSN: LSN = 0
    var lastMs: Int64 = 0
    var lastError: String?
    var thread: BackgroundThread?
}

enum BackupError: Error, CustomStringConvertible {
    case io(IOError)
    case cold(ColdError)
    case cancelled

    var description: String {
        switch self {
        case .io(let error): error.description
        case .cold(let error): error.description
        case .cancelled: "cancelled"
        }
    }
}

/// One backup on its way.
struct BackupJob {
    let engine: Engine
    let writer: LogWriter
    let interrupt: CopyInterrupt
    let directory: String
    let name: String

    /// Of a copy of the log so much may wait for its sync, which nothing ends.
    private static let unsyncedBytesMax = 32 << 20

    private var target: String { "\(directory)/\(name)" }
    /// Starts with a dot, as names of backups do not.
    private var partial: String { "\(directory)/.\(name).partial" }
    private var disk: any Disk { engine.disk }

    /// Makes it; the position that it holds. Without the lock.
    func run() throws(BackupError) -> LSN {
        writer.holdFiles()
        defer { writer.releaseFiles() }
        do throws(BackupError) {
            try makeDirectories()
            if let tier = engine.tier { try copy(tier.store) }
            let lsn = try copyLog()
            try put { () throws(IOError) in
                try BackupMarker.store(writer.stream, lsn, in: partial, disk)
                try disk.syncDirectory(partial)
            }
            if !interrupt.pass() { throw .cancelled }
            try put { () throws(IOError) in
                try disk.rename(partial, to: target)
                try disk.syncDirectory(directory)
                try disk.syncDirectory(parentDirectory(of: directory))
            }
            return lsn
        } catch {
            removePartial()
            // Whatever it ended in.
            if interrupt.isSet { throw .cancelled }
            throw error
        }
    }

    private var coldDirectory: String { "\(partial)/cold" }
    private var logFiles: LogFiles {
        let dirname = engine.withLock { $0.configuration.appendDirname }
        return LogFiles(directory: "\(partial)/\(dirname)", baseName: writer.files.baseName)
    }

    private func put(_ body: () throws(IOError) -> Void) throws(BackupError) {
        do throws(IOError) { try body() } catch { throw .io(error) }
    }

    private func makeDirectories() throws(BackupError) {
        // One that a crash left behind.
        removePartial()
        try put { () throws(IOError) in
            try disk.makeDirectory(directory)
            try disk.makeDirectory(partial)
            try disk.makeDirectory(logFiles.directory)
            if engine.tier != nil { try disk.makeDirectory(coldDirectory) }
        }
    }

    private func copy(_ store: ColdStore) throws(BackupError) {
        do throws(ColdError) {
            try store.copy(to: coldDirectory, interrupt)
        } catch {
            throw .cold(error)
        }
        try put { () throws(IOError) in
            try disk.open("\(coldDirectory)/data.mdb", .update).syncData()
            try disk.syncDirectory(coldDirectory)
        }
    }

    private func copyLog() throws(BackupError) -> LSN {
        let (files, lastBytes, lsn) = engine.withLock { engine in
            engine.flushLog()
            let whole = writer.wholeFiles
            return (whole.manifest, whole.lastBytes, writer.writtenLSN)
        }
        try put { () throws(IOError) in
            for entry in (files.base.map { [$0] } ?? []) + files.segments {
                let isLast = entry == files.segments.last
                try copy(
                    writer.files.path(entry.name), to: logFiles.path(entry.name),
                    bytes: isLast ? lastBytes : .max)
            }
            try logFiles.store(files, disk)
        }
        return lsn
    }

    private func copy(_ path: String, to copy: String, bytes: Int) throws(IOError) {
        let file = try disk.open(copy, .create)
        var unsynced = 0
        try disk.open(path, .read).readChunks { (part, offset) throws(IOError) in
            if interrupt.isSet { throw IOError(errno: EINTR, operation: "copy", path: path) }
            let count = Swift.min(part.count, bytes - offset)
            try file.writeAll(part.slice(0, count), at: offset)
            unsynced += count
            if unsynced >= BackupJob.unsyncedBytesMax {
                try file.syncData()
                unsynced = 0
            }
            return count == part.count
        }
        try file.syncData()
    }

    private func removePartial() {
        for directory in [coldDirectory, logFiles.directory, partial] {
            for name in (try? disk.list(directory)) ?? [] {
                try? disk.remove("\(directory)/\(name)")
            }
            rmdir(directory)
        }
    }
}

extension Engine {
    private var backupDirectory: String {
        let name = configuration.backupDirectory
        return name.hasPrefix("/") ? name : "\(configuration.dir)/\(name)"
    }

    /// Starts a backup under `name` (nil: the time and the position); why that cannot be, or nil.
    func startBackup(_ name: String?) -> String? {
        guard logIsEnabled, let logWriter, !logWriter.isAwaitingBase else {
            return "a backup needs the append only file; use BGSAVE without it"
        }
        if backup.isRunning { return "Background backup already in progress" }
        if rewriting.isRunning {
            return "Background append only file rewriting in progress; try again later"
        }
        let name = name ?? backupName
        if disk.exists("\(backupDirectory)/\(name)") {
            return "there is a backup of that name already"
        }
        backup.thread?.join()
        backup.thread = nil
        backup.interrupt = CopyInterrupt()
        let job = BackupJob(
            engine: self, writer: logWriter, interrupt: backup.interrupt,
            directory: backupDirectory, name: name)
        do {
            backup.thread = try BackgroundThread(patient: false) { [self] in
                var outcome: Result<LSN, BackupError>
                do throws(BackupError) { outcome = .success(try job.run()) } catch {
                    outcome = .failure(error)
                }
                withLock { $0.backupEnded(name, outcome) }
            }
        } catch {
            backupEnded(name, .failure(.io(error)))
            return "Can't back up in background: \(error)"
        }
        backup.isRunning = true
        return nil
    }

    /// Ends the backup that runs, soon; false if none does, or not for long.
    func cancelBackup() -> Bool { backup.isRunning && backup.interrupt.raise() }

    private func backupEnded(_ name: String, _ outcome: Result<LSN, BackupError>) {
        advanceClock()
        backup.isRunning = false
        backup.isCancelled = false
        switch outcome {
        case .success(let lsn):
            backup.lastError = nil
            backup.lastName = name
            backup.lastLSN = lsn
            backup.lastMs = nowMs
        case .failure(.cancelled):
            backup.isCancelled = true
            logLine("Backup '\(name)' was cancelled")
        case .failure(let error):
            backup.lastError = error.description
            logLine("Backup '\(name)' failed: \(error)")
        }
        maintenance?.wake()
    }

    /// The time in UTC and the log's position, so that names sort.
    private var backupName: String {
        var seconds = time_t(nowMs / 1000)
        var time = tm()
        gmtime_r(&seconds, &time)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(time.tm_year + 1900)\(two(time.tm_mon + 1))\(two(time.tm_mday))"
            + "-\(two(time.tm_hour))\(two(time.tm_min))\(two(time.tm_sec))-\(log.lsn)"
    }
}
