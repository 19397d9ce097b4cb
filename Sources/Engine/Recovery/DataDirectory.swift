// The data directory: who holds it, and where its parts lie.
//
//     dir/firn.lock        held by the running server (flock), its process id inside
//     dir/cold/            the cold tier (LMDB)
//     dir/appendonlydir/   the log: manifest and segments, Redis 7's layout
//     dir/dump.rdb         the snapshot
//     dir/firn.backup      there in a backup until a server has started from it (BackupMarker.swift)
//     dir/firn.restoring   there while a restore is under way (Restoring.swift)

import Glibc

/// Why a server cannot start.
package struct StartError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

/// The lock of a data directory; it is held as long as this object lives.
package final class DirectoryLock {
    private let descriptor: Int32

    /// Takes the lock, making the directory if it is missing.
    package init(directory: String) throws(StartError) {
        if mkdir(directory, 0o755) != 0, errno != EEXIST {
            throw StartError(
                "Can't create the data directory '\(directory)': \(String(cString: strerror(errno)))"
            )
        }
        let path = directory + "/firn.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw StartError("Can't open '\(path)': \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var buffer = [UInt8](repeating: 0, count: 32)
            let count = read(descriptor, &buffer, 32)
            let holder = String(decoding: buffer.prefix(Swift.max(count, 0)), as: UTF8.self)
                .filter(\.isNumber)
            close(descriptor)
            throw StartError(
                "The data directory '\(directory)' is in use by process \(holder)")
        }
        ftruncate(descriptor, 0)
        let text = "\(getpid())\n"
        _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
    }

    deinit { close(descriptor) }
}
