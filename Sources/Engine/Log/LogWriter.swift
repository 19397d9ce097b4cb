// Writes the log: one write per turn of an event loop, made durable by syncs that run beside.
//
// Writing (`flush`) happens under the engine's lock and must not wait for a disk; syncing,
// rotating and removing happen on background threads. A small lock joins the two; it is never
// held during a system call.
//
// What must never happen:
// - A byte is lost or doubled after a failed write. Writes go to explicit offsets: a batch that
//   did not get through whole is cut off again and stays in the buffer, and the next attempt
//   starts at the same offset.
// - A failed fdatasync is forgotten. Linux marks the pages clean that it could not write, so a
//   later sync would succeed without them (Redis carries on after such a success). Here the
//   bytes since the last good sync are read back, checked by their CRCs and written again, and
//   only then a sync counts. If they cannot be read back, syncing fails for good, and the log
//   must be treated as ending at `syncedLSN`.
// - A later segment is durable before an earlier one. While segments change, writes wait in
//   the buffer until the old one is synced and the manifest names the new one.

import Synchronization

/// The writing end of the log.
package final class LogWriter: @unchecked Sendable {
    package enum FlushResult: Equatable, Sendable {
        case nothing
        case written
        /// Segments change; the bytes stay in the buffer. Flush again soon.
        case deferred
        /// The bytes stay in the buffer; flush again later.
        case failed(IOError)
    }

    package let files: LogFiles
    /// The stream's id, 40 hex digits.
    package let stream: [UInt8]
    /// The stream whose place that has taken, as far as the log still tells.
    package let former: FormerStream?
    let disk: any Disk
    let clock: Clock

    /// Guards the fields below it. Never held during a system call.
    let monitor = Monitor()
    var file: any DiskFile
    /// Bytes of the current segment that are whole batches.
    var length: Int
    /// How many of them are durable.
    var syncedLength: Int
    /// Up to here the file has room on the disk.
    var roomEnd = 0
    /// Up to here the file is filled ahead; `.max`: it cannot be.
    var fillEnd = 0
    var manifest: LogManifest
    var segments: [LogSegment]
    var isRotating = false
    /// The manifest on disk may name the next segment already: only going on is safe.
    var mustFinishRotation = false
    /// Bytes of the other files that the manifest names: base and older segments.
    var otherBytes: [String: Int] = [:]
    /// Number of the next base. Never given twice: after an error the manifest on disk may name a
    /// base that the one in memory does not.
    var nextBaseSequence: Int
    /// No manifest names this log yet: its first base is still being made. On disk is what
    /// `replaced` says.
    var awaitsBase = false
    var replaced: LogManifest?
    /// While a backup copies them, files are neither removed nor replaced.
    var holds = 0
    /// Where segments go that are no longer needed (LogArchive.swift).
    var archiveState: LogArchive?
    var currentPolicy: SyncPolicy
    /// The durable position that the segment's last line tells, and when that was written.
    var notedLSN: LSN
    private var writtenUs: Int64 = 0
    private var writeError: IOError?
    private var syncError: LogError?
    /// A sync failed: the bytes since `syncedLength` must be written again.
    private var isSuspect = false

    /// One sync, rotation or removal at a time.
    let syncMonitor = Monitor()
    let written: Atomic<UInt64>
    let synced: Atomic<UInt64>
    /// The sync that is running: when it began (monotonic), 0 for none, and how far it reaches.
    private let syncBeganUs = Atomic<Int64>(0)
    private let syncReaches = Atomic<UInt64>(0)
    /// The last sync failed.
    private let syncFailed = Atomic(false)

    init(
        _ disk: any Disk, _ files: LogFiles, _ clock: Clock, _ policy: SyncPolicy,
        file: any DiskFile, length: Int, end: LogEnd
    ) {
        self.disk = disk
        self.files = files
        self.clock = clock
        currentPolicy = policy
        self.file = file
        self.length = length
        syncedLength = length
        manifest = end.manifest
        segments = end.segments
        // Of a segment that is resumed only its first line is known.
        notedLSN = end.segments.last?.startLSN ?? 0
        stream = end.stream
        former = end.former
        let numbered = (end.manifest.base.map { [$0] } ?? []) + end.manifest.history
        nextBaseSequence = (numbered.map(\.sequence).max() ?? 0) + 1
        written = Atomic(end.lsn)
        synced = Atomic(end.lsn)
    }

    /// The position up to which the log has been written, and up to which it is durable.
    package var writtenLSN: LSN { written.load(ordering: .acquiring) }
    package var syncedLSN: LSN { synced.load(ordering: .acquiring) }

    /// How far a sync reaches that has been running for longer than `limitUs`; nil if there is none.
    package func syncThatStalls(nowUs: Int64, limitUs: Int64) -> LSN? {
        let began = syncBeganUs.load(ordering: .acquiring)
        return began != 0 && nowUs - began > limitUs
            ? syncReaches.load(ordering: .relaxed) : nil
    }

    /// Whether the last sync failed: what was written since the one before may be lost with the
    /// machine.
    package var lastSyncHasFailed: Bool { syncFailed.load(ordering: .acquiring) }

    /// `appendfsync`; may change while the server runs.
    package var policy: SyncPolicy {
        get { monitor.withLock { currentPolicy } }
        set { monitor.withLock { currentPolicy = newValue } }
    }

    /// Why the last write failed; nil after one that succeeded (`aof_last_write_status`).
    package var lastWriteError: IOError? { monitor.withLock { writeError } }
    /// Why the last sync failed; nil after one that succeeded.
    package var lastSyncError: LogError? { monitor.withLock { syncError } }
    /// Whether a rotation waits to be finished by the next `sync`, and writes wait with it.
    package var isRotationStuck: Bool { monitor.withLock { mustFinishRotation } }
    /// Bytes of the current segment.
    package var segmentBytes: Int { monitor.withLock { length } }
    package var currentSegments: [LogSegment] { monitor.withLock { segments } }
    /// Bytes of everything that the manifest names (`aof_current_size`).
    package var fileBytes: Int {
        monitor.withLock { otherBytes.values.reduce(length, +) }
    }
    /// Bytes of the base; 0 if there is none.
    package var baseBytes: Int {
        monitor.withLock { manifest.base.flatMap { otherBytes[$0.name] } ?? 0 }
    }
    /// The log counts for nothing yet: a start would not find it.
    package var isAwaitingBase: Bool { monitor.withLock { awaitsBase } }

    // MARK: Writing

    /// Writes the pending effects, with one system call normally, and empties the buffer if that
    /// succeeded. Once per turn of an event loop, outside units; engine lock. A running sync does
    /// not put it off, as it does in Redis: replies would have to wait for it, because what is
    /// acknowledged must survive the process.
    package func flush(_ buffer: inout LogBuffer) -> FlushResult {
        if buffer.isEmpty { return .nothing }
        let target: (file: any DiskFile, offset: Int)? = monitor.withLock {
            isRotating ? nil : (file, length)
        }
        guard let target else { return .deferred }
        precondition(buffer.startLSN == writtenLSN, "the buffer is not the log's continuation")
        buffer.syncedLSN = syncedLSN
        buffer.closeBatch()
        do {
            try target.file.writeAll(buffer.bytes, at: target.offset)
        } catch {
            // If the cut fails too, the next attempt still overwrites what is there, because
            // the buffer only grows.
            try? target.file.truncate(to: target.offset)
            monitor.withLock {
                writeError = error
                roomEnd = 0
                fillEnd = 0
            }
            return .failed(error)
        }
        let mustFill = monitor.withLock {
            length = target.offset + buffer.count
            notedLSN = buffer.syncedLSN
            writtenUs = clock.monotonicUs()
            writeError = nil
            written.store(buffer.lsn, ordering: .releasing)
            return currentPolicy == .always && fillEnd - length < LogWriter.fillBytesMin
        }
        buffer.removeAll()
        if mustFill { fillAhead() }
        return .written
    }

    /// Notes in the log that all of it is durable, once nothing was written for `idleUs`: what is
    /// damaged later is then known to have been whole (LogDamage.swift). Engine lock.
    package func noteDurable(_ buffer: inout LogBuffer, idleUs: Int64 = 1_000_000) {
        let isDue = monitor.withLock {
            buffer.isEmpty && !isRotating && syncedLSN == writtenLSN && notedLSN < syncedLSN
                && clock.monotonicUs() - writtenUs >= idleUs
        }
        guard isDue else { return }
        buffer.noteDurable(syncedLSN)
        _ = flush(&buffer)
    }

    // MARK: Syncing

    /// Makes durable what has been written when the call starts; `syncedLSN` then says so.
    /// Waits for the disk: background threads.
    package func sync() throws(LogError) {
        try syncMonitor.withLock { () throws(LogError) in
            if monitor.withLock({ mustFinishRotation }) { return try finishRotation() }
            try syncSegment()
        }
    }

    /// `sync`, holding `syncMonitor`.
    func syncSegment() throws(LogError) {
        let job = monitor.withLock {
            (file: file, from: syncedLength, to: length, lsn: writtenLSN, suspect: isSuspect)
        }
        syncReaches.store(job.lsn, ordering: .relaxed)
        syncBeganUs.store(Swift.max(clock.monotonicUs(), 1), ordering: .releasing)
        defer { syncBeganUs.store(0, ordering: .releasing) }
        do {
            if job.from < job.to {
                if job.suspect { try writeAgain(job.file, from: job.from, to: job.to) }
                try logIO { () throws(IOError) in try job.file.syncData() }
            }
        } catch {
            monitor.withLock {
                isSuspect = true
                syncError = error
            }
            syncFailed.store(true, ordering: .releasing)
            throw error
        }
        syncFailed.store(false, ordering: .releasing)
        monitor.withLock {
            isSuspect = false
            syncError = nil
            syncedLength = job.to
            synced.store(job.lsn, ordering: .releasing)
        }
    }

    /// After a failed sync: reads the bytes back that may have been dropped, and writes those
    /// that prove to be whole once more, so that the next sync covers them.
    private func writeAgain(_ file: any DiskFile, from: Int, to: Int) throws(LogError) {
        var scanner = LogScanner(isRaw: true, bulkBytesMax: Int.max >> 1)
        try logIO { () throws(IOError) in try scanner.open(file, at: from, lsn: syncedLSN) }
        while scanner.goodOffset < to {
            let result = try logIO { () throws(IOError) in try scanner.scan() }
            guard result == .batch else {
                throw .damaged(
                    file: String(file.path.split(separator: "/").last ?? ""),
                    offset: scanner.goodOffset,
                    reason: "bytes were lost when fdatasync failed")
            }
            try logIO { () throws(IOError) in
                try file.writeAll(scanner.batchBytes, at: scanner.batchOffset)
            }
        }
    }
}
