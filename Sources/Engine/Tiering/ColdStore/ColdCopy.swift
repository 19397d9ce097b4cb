// A copy of the store beside its readers and writers, which can be given up at any moment.
//
// LMDB copies itself into a descriptor and asks nobody meanwhile. So the descriptor is ours, and to
// end the copy another one takes its place: one of the same file that is only for reading. The next
// write, a megabyte later at most, fails with EBADF, and LMDB gives up. That costs a copy nothing,
// unlike a pipe.
//
// What LMDB does with a file of its own is done here too: the copy passes the page cache by where the
// file system permits, for it would push out the pages that the server lives by, and leave gigabytes
// to the sync that follows.

import Glibc
import LMDB

/// Ends a copy before it is through. Thread-safe.
package final class CopyInterrupt: @unchecked Sendable {
    private let monitor = Monitor()
    private var isRaised = false
    /// It is too late: the copy is whole and gets its name.
    private var isOver = false
    /// The descriptor that is written, and what replaces it.
    private var target: (writing: Int32, reading: Int32)?

    package init() {}

    /// Whether the copy is to end.
    package var isSet: Bool { monitor.withLock { isRaised } }

    /// Ends the copy; false when it is too late for that.
    package func raise() -> Bool {
        monitor.withLock {
            if isOver { return false }
            isRaised = true
            if let target { dup2(target.reading, target.writing) }
            return true
        }
    }

    /// From now on nothing ends it; false when it was to end already.
    func pass() -> Bool {
        monitor.withLock {
            isOver = !isRaised
            return isOver
        }
    }

    /// Runs `body`, which writes the file `path` through `writing`.
    fileprivate func guarding<R>(
        _ writing: Int32, _ path: String, _ body: () throws -> R
    ) throws -> R {
        let reading = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if reading < 0 { throw IOError(errno: errno, operation: "open", path: path) }
        defer { close(reading) }
        monitor.withLock {
            target = (writing, reading)
            if isRaised { dup2(reading, writing) }
        }
        defer { monitor.withLock { target = nil } }
        return try body()
    }
}

extension ColdStore {
    /// Writes a copy of the newest state into an empty directory; not synced. Merging pauses as it
    /// does for a snapshot. Any thread; O(size).
    package func copy(to directory: String, _ interrupt: CopyInterrupt) throws(ColdError) {
        let snapshot = try snapshot()
        defer { withExtendedLifetime(snapshot) {} }
        let path = "\(directory)/data.mdb"
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
        if descriptor < 0 {
            throw .caller(IOError(errno: errno, operation: "open", path: path))
        }
        defer { close(descriptor) }
        let flags = fcntl(descriptor, F_GETFL)
        if flags >= 0 { _ = fcntl(descriptor, F_SETFL, flags | __O_DIRECT) }
        try typed {
            try interrupt.guarding(descriptor, path) {
                try snapshot.environment.copy(toDescriptor: descriptor)
            }
        }
    }
}
