// Room for the log, taken from the disk ahead of the effects.
//
// A write that finds the disk full comes too late: its commands have run, and their clients
// would have to wait, or be told of success that a crash undoes. So the file system is asked for
// the room of the next effects while there is still time to refuse commands. What was promised
// and not used is given back when a segment ends or is resumed.

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
}
