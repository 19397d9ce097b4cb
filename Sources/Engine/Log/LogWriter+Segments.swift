// The segments of the log: making the first, resuming the last, changing to the next, and
// removing those that a checkpoint has made superfluous. Bases: LogWriter+Base.swift.
//
// The order of steps is what makes each of them safe to interrupt:
// - a new segment is durable, its first line included, before the manifest names it;
// - the old segment is durable before the manifest names the new one;
// - the manifest stops naming files before they are removed (first it calls them history, as
//   Redis does, so that those a crash left behind are found).

extension LogWriter {
    /// Starts a new log at `lsn`. Files that an older manifest names become history and are
    /// removed: the caller has imported them. `stream` is 40 hex digits. `awaitsBase`: the log
    /// will begin with a base; until `installBase` the manifest on disk stays as it is.
    package static func create(
        _ disk: any Disk, _ files: LogFiles, stream: [UInt8], lsn: LSN = 0,
        policy: SyncPolicy = .everysec, clock: Clock = .system, awaitsBase: Bool = false
    ) throws(LogError) -> LogWriter {
        try logIO { () throws(IOError) in
            try disk.makeDirectory(files.directory)
            try disk.syncDirectory(parentDirectory(of: files.directory))
        }
        let replaced = try files.loadManifest(disk)
        let old = replaced ?? LogManifest()
        let all = (old.base.map { [$0] } ?? []) + old.history + old.segments
        let sequence = (all.map(\.sequence).max() ?? 0) + 1
        var manifest = LogManifest()
        manifest.history = all
        manifest.segments = [.init(name: files.segmentName(sequence), sequence: sequence)]
        let segment = LogSegment(
            name: files.segmentName(sequence), sequence: sequence, startLSN: lsn)
        let (file, length) = try logIO { () throws(IOError) in
            let made = try makeSegment(disk, files, segment, stream)
            if !awaitsBase { try files.store(manifest, disk) }
            return made
        }
        let end = LogEnd(
            manifest: manifest, segments: [segment], stream: stream, lsn: lsn,
            lastFileBytes: length, droppedBytes: 0, droppedReason: "")
        let writer = LogWriter(disk, files, clock, policy, file: file, length: length, end: end)
        writer.awaitsBase = awaitsBase
        writer.replaced = replaced
        if !awaitsBase { writer.removeHistory() }
        return writer
    }

    /// Goes on writing a log that a reader of Firn's format has read to its end; cuts a torn
    /// tail off first.
    package static func resume(
        _ disk: any Disk, _ files: LogFiles, _ end: LogEnd, policy: SyncPolicy = .everysec,
        clock: Clock = .system
    ) throws(LogError) -> LogWriter {
        guard let last = end.segments.last else {
            throw .manifest(file: files.manifestName, line: 0, reason: "it names no segment")
        }
        let file = try logIO { () throws(IOError) in
            let file = try disk.open(files.path(last.name), .update)
            // Gives room back as well that was taken ahead.
            try file.truncate(to: end.lastFileBytes)
            // What a killed process had written may still be in the system's memory only.
            try file.syncData()
            return file
        }
        let writer = LogWriter(
            disk, files, clock, policy, file: file, length: end.lastFileBytes, end: end)
        writer.measureOthers()
        writer.removeHistory()
        return writer
    }

    // MARK: Rotation

    /// First half of a change to a new segment, under the engine's lock: writes what is
    /// pending, and lets later effects wait in the buffer. Then `completeRotation` off the lock.
    /// A segment that holds nothing yet stays. Throws, and changes nothing, if the pending
    /// effects cannot be written.
    package func beginRotation(_ buffer: inout LogBuffer) throws(LogError) {
        switch flush(&buffer) {
        case .failed(let error): throw .io(error)
        case .deferred: return  // a rotation is under way already
        case .nothing, .written: break
        }
        let isStarted = monitor.withLock {
            if isRotating || segments[segments.count - 1].startLSN == writtenLSN { return false }
            isRotating = true
            return true
        }
        if !isStarted { return }
        // Redis reads each segment with a client of its own, which starts in database 0; the time
        // is noted anew for whoever restores up to one.
        buffer.forgetContext()
    }

    /// Second half: syncs the old segment, makes the new one and lets the manifest name it.
    /// Waits for the disk: background threads. On an error the old segment goes on, unless the
    /// manifest may already name the new one; then every `sync` tries again to finish.
    package func completeRotation() throws(LogError) {
        try syncMonitor.withLock { () throws(LogError) in
            if monitor.withLock({ isRotating }) { try finishRotation() }
        }
    }

    /// Both halves at once, for callers that may wait for the disk.
    package func rotate(_ buffer: inout LogBuffer) throws(LogError) {
        try beginRotation(&buffer)
        try completeRotation()
    }

    func finishRotation() throws(LogError) {
        let (old, last) = monitor.withLock { (manifest, segments[segments.count - 1]) }
        let segment = LogSegment(
            name: files.segmentName(last.sequence + 1), sequence: last.sequence + 1,
            startLSN: writtenLSN)
        let made: (file: any DiskFile, length: Int)
        do {
            try syncSegment()
            made = try logIO { () throws(IOError) in
                try LogWriter.makeSegment(disk, files, segment, stream)
            }
        } catch {
            monitor.withLock { if !mustFinishRotation { isRotating = false } }
            throw error
        }
        var next = old
        next.segments.append(.init(name: segment.name, sequence: segment.sequence))
        do {
            try files.store(next, disk)
        } catch {
            // Nobody knows which manifest a crash would leave; if the old one can be put back,
            // the old segment goes on.
            let isRestored = (try? files.store(old, disk)) != nil
            monitor.withLock {
                mustFinishRotation = !isRestored
                isRotating = !isRestored
            }
            throw .io(error)
        }
        let ended = monitor.withLock { (file: file, length: length) }
        // Room that it did not need; nothing depends on it.
        try? ended.file.truncate(to: ended.length)
        monitor.withLock {
            manifest = next
            otherBytes[last.name] = length
            segments.append(segment)
            notedLSN = segment.startLSN
            file = made.file
            length = made.length
            syncedLength = made.length
            roomEnd = 0
            fillEnd = 0
            isRotating = false
            mustFinishRotation = false
        }
    }

    /// Removes the segments that end at or before `lsn`, because a checkpoint holds their
    /// effects; never the current one. With them goes a base, which is older than all of them.
    /// Background threads.
    package func removeSegments(endingAtOrBefore lsn: LSN) throws(LogError) {
        try syncMonitor.withLock { () throws(LogError) in
            var (next, rest) = monitor.withLock { (manifest, segments) }
            if monitor.withLock({ isRotating || holds > 0 }) { return }
            while rest.count > 1 && rest[1].startLSN <= lsn {
                next.history.append(next.segments.removeFirst())
                rest.removeFirst()
            }
            if let base = next.base, rest[0].startLSN <= lsn {
                next.history.append(base)
                next.base = nil
            }
            if next.history.count == manifest.history.count { return }
            try logIO { () throws(IOError) in try files.store(next, disk) }
            monitor.withLock { adopt(next, rest) }
            removeHistory()
        }
    }

    /// Keeps every file of the log where it is until `releaseFiles`. Waits for a removal that is
    /// under way: background threads.
    func holdFiles() {
        syncMonitor.withLock { monitor.withLock { holds += 1 } }
    }

    func releaseFiles() { monitor.withLock { holds -= 1 } }

    /// The files that the log is made of now, with the bytes of each that are whole batches.
    var wholeFiles: (manifest: LogManifest, lastBytes: Int) {
        monitor.withLock {
            var manifest = manifest
            manifest.history = []
            return (manifest, length)
        }
    }

    /// Removes the files that the manifest calls history; segments go to the archive if there is
    /// one. What cannot be removed stays listed,
    /// for the next time; the next manifest leaves the others out.
    func removeHistory() {
        let history = monitor.withLock { manifest.history }
        let left = history.filter { entry in
            let path = files.path(entry.name)
            if disk.exists(path), keepInArchive(path) { try? disk.remove(path) }
            return disk.exists(path)
        }
        monitor.withLock { manifest.history = left }
    }

    /// A new segment with its first line, both durable.
    static func makeSegment(
        _ disk: any Disk, _ files: LogFiles, _ segment: LogSegment, _ stream: [UInt8],
        former: [UInt8]? = nil
    ) throws(IOError) -> (file: any DiskFile, length: Int) {
        let file = try disk.open(files.path(segment.name), .create)
        let line = LogAnnotation.segmentStart(
            stream: stream, lsn: segment.startLSN, former: former)
        try line.withUnsafeBufferPointer { (raw) throws(IOError) in
            try file.writeAll(Bytes(raw), at: 0)
        }
        try file.syncData()
        try disk.syncDirectory(files.directory)
        return (file, line.count)
    }
}
