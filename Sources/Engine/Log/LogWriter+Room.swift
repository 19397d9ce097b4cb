// Room for the log, taken from the disk ahead of the effects.
//
// A write that finds the disk full comes too late: its commands have run, and their clients
// would have to wait, or be told of success that a crash undoes. So the file system is asked for
// the room of the next effects while there is still time to refuse commands. What was promised
// and not used is given back when a segment ends or is resumed.

//
// With `appendfsync always` the room is filled as well, a few hundred kilobytes at a time. A sync then
// finds the file's size and blocks as they were and writes the data alone, where it would have to
// write the file system's journal too: half the time and a third of the writes. It is filled with
// `#` and a line break at the end: lines that Redis skips, wherever a batch ends in them and
// however long they are; so a log that broke off can be read, and gone on with, by redis-server.

import Glibc

/// How much the log can certainly still take.
package enum LogRoom: Sendable {
    /// As much as a turn can be expected to write; or the disk promises nothing.
    case ample
    /// The disk gives no more: what is left is for deletions.
    case short
    /// Next to nothing.
    case none
}

extension LogWriter {
    /// Room is asked for when less than this is left, ...
    static let roomBytesMin = 2 << 20
    /// ... and so much of it.
    static let roomBytes = 4 << 20
    /// Less than this, and nothing may be written.
    static let roomBytesLast = 256 << 10

    /// Sees to it that the next effects find room, and says how much there is. Engine lock; a
    /// system call every few megabytes.
    package func makeRoom() -> LogRoom {
        let (file, length, end) = monitor.withLock { (self.file, self.length, roomEnd) }
        if end - length >= LogWriter.roomBytesMin { return .ample }
        var reached = end
        do {
            let wanted = length + LogWriter.roomBytes
            reached = try file.allocate(upTo: wanted) ? wanted : .max
        } catch {
            // A disk that fails otherwise shows it when it is written.
            if error.errno != ENOSPC && error.errno != EDQUOT { return .ample }
        }
        monitor.withLock { if self.file === file { roomEnd = reached } }
        if reached - length >= LogWriter.roomBytesMin { return .ample }
        return reached - length >= LogWriter.roomBytesLast ? .short : .none
    }

    // MARK: Filling

    /// The file is filled further when less than this is left, ...
    static let fillBytesMin = 64 << 10
    /// ... up to so far behind its end.
    static let fillBytes = 512 << 10
    private static let filler =
        [UInt8](repeating: LogAnnotation.filler, count: fillBytes - 1) + [0x0A]

    /// Writes `#` behind the log's end; engine lock, so that nobody else writes there. A disk that
    /// refuses has the log go on without.
    func fillAhead() {
        let (file, length, filled) = monitor.withLock { (self.file, self.length, fillEnd) }
        // The line break goes to the new end.
        let start = Swift.max(filled - 1, length)
        let end = length + LogWriter.fillBytes
        var reached = Int.max
        LogWriter.filler.withUnsafeBytes { (bytes: Bytes) in
            do throws(IOError) {
                try file.writeAll(
                    bytes.slice(bytes.count - (end - start), end - start), at: start)
                reached = end
            } catch {
                try? file.truncate(to: length)
            }
        }
        monitor.withLock { if self.file === file { fillEnd = reached } }
    }
}
