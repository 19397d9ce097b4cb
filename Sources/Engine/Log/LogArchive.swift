// Segments that the log no longer needs, kept for a restore to a point in time (`log-archive-dir`).
//
//     <position of the start, 20 digits>-<first 8 digits of the stream>.aof
//
// so that the names sort as the segments follow each other. The files are segments as they were,
// which Redis reads too. A segment leaves the log's directory when a checkpoint holds its effects,
// or a base does: by renaming, or, where the archive is on another file system, as a durable copy.
// What cannot be moved stays in the log's directory and is tried again with the next checkpoint.
//
// What must never happen: a segment removed that is not in the archive; one there overwritten, but
// by one that holds all of it and more. A backup has its original's last segment up to some position,
// and both may use one archive: the longer one stays. Otherwise a file of that name with other
// contents is an error, and the segment stays where it is.

import Glibc

/// The archive of a log. A value; the writer holds it.
package struct LogArchive: Sendable {
    let directory: String
    /// Moved since the server started.
    package internal(set) var segments = 0
    /// Why the last move failed; nil after one that succeeded.
    package internal(set) var error: String?

    package static func name(stream: [UInt8], startLSN: LSN) -> String {
        let digits = String(startLSN)
        let zeros = String(repeating: "0", count: 20 - digits.count)
        return "\(zeros)\(digits)-\(String(decoding: stream.prefix(8), as: UTF8.self)).aof"
    }
}

extension LogWriter {
    /// Where segments go from now on; empty: they are removed.
    func keepSegments(in directory: String) {
        monitor.withLock {
            if archiveState?.directory == directory { return }
            archiveState = directory.isEmpty ? nil : LogArchive(directory: directory)
        }
    }

    /// What is told of the archive; nil without one.
    package var archive: LogArchive? { monitor.withLock { archiveState } }

    /// Moves a file that the log no longer needs to the archive. True: it may be removed, because
    /// it is no segment, because there is no archive, or because it is there. Background threads.
    func keepInArchive(_ path: String) -> Bool {
        guard let directory = archive?.directory else { return true }
        var failure: String?
        var isCopied = true
        do throws(LogError) {
            guard let start = try LogReader.segmentStart(disk, path) else { return true }
            let target =
                "\(directory)/" + LogArchive.name(stream: start.stream, startLSN: start.lsn)
            isCopied = try logIO { () throws(IOError) in try move(path, to: target, directory) }
        } catch {
            failure = error.description
        }
        monitor.withLock {
            archiveState?.error = failure
            if failure == nil { archiveState?.segments += 1 }
        }
        return failure == nil && isCopied
    }

    /// True when the file is in both places now, false when it has moved. Durable on return.
    private func move(
        _ path: String, to target: String, _ directory: String
    ) throws(IOError) -> Bool {
        try disk.makeDirectory(directory)
        try disk.syncDirectory(parentDirectory(of: directory))
        if disk.exists(target) {
            // Copied before a crash, or somebody else's.
            let own = try disk.open(path, .read)
            let other = try disk.open(target, .read)
            let (size, known) = (try own.size(), try other.size())
            guard try areSame(own, other, bytes: Swift.min(size, known)) else {
                throw IOError(errno: EEXIST, operation: "archive", path: target)
            }
            if size <= known { return true }
        }
        do {
            try disk.rename(path, to: target)
            try disk.syncDirectory(directory)
            try disk.syncDirectory(files.directory)
            return false
        } catch {
            if error.errno != EXDEV { throw error }
        }
        let temporary = "\(target).tmp"
        let copy = try disk.open(temporary, .create)
        try copyContents(try disk.open(path, .read), to: copy)
        try copy.syncData()
        try disk.rename(temporary, to: target)
        try disk.syncDirectory(directory)
        return true
    }

    /// Whether two files begin with the same bytes.
    private func areSame(
        _ first: any DiskFile, _ second: any DiskFile, bytes: Int
    ) throws(IOError) -> Bool {
        var isSame = true
        try first.readChunks { (part, offset) throws(IOError) in
            let wanted = Swift.min(part.count, bytes - offset)
            let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: wanted, alignment: 16)
            defer { copy.deallocate() }
            let count = try second.read(into: copy, at: offset)
            isSame =
                count == wanted
                && (count == 0 || memcmp(copy.baseAddress!, part.baseAddress!, count) == 0)
            return isSame && wanted == part.count
        }
        return isSame
    }

    private func copyContents(
        _ source: any DiskFile, to copy: any DiskFile
    ) throws(IOError) {
        try source.readChunks { (bytes, offset) throws(IOError) in
            try copy.writeAll(bytes, at: offset)
            return true
        }
    }
}

extension DiskFile {
    /// Hands the contents over a megabyte at a time, until `body` returns false.
    func readChunks(
        _ body: (_ bytes: Bytes, _ offset: Int) throws(IOError) -> Bool
    ) throws(IOError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var offset = 0
        while true {
            let count = try read(into: buffer, at: offset)
            if count == 0 { return }
            if try !body(Bytes(start: buffer.baseAddress, count: count), offset) { return }
            offset += count
        }
    }
}
