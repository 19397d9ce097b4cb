// Files, behind the seam: the log reaches the disk only through `Disk`, so that tests can
// tear a write, fill the disk, fail a sync and drop everything that was not synced.
//
// The calls are coarse (a batch, a sync, a rename), so the existential costs nothing that
// could be measured beside the system call. Rules that every caller must keep:
// - data is durable after `syncData` returned, and a name after `syncDirectory` did;
// - a failed `syncData` says that data may be lost, and a later success does not heal it.

import Glibc

/// An operation of the file system that failed, in the system's own terms.
package struct IOError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The system's error number (`ENOSPC`, `EIO`, …).
    package let errno: Int32
    /// The system call or step that failed.
    package let operation: String
    package let path: String

    package init(errno: Int32, operation: String, path: String) {
        self.errno = errno
        self.operation = operation
        self.path = path
    }

    package var description: String { "\(operation) \(path): \(String(cString: strerror(errno)))" }
}

/// How a file is opened.
package enum OpenMode: Sendable {
    /// For reading; the file must exist.
    case read
    /// For reading and writing; the file must exist.
    case update
    /// For reading and writing; made if absent, emptied if present.
    case create
}

/// An open file. Thread-safe as far as the system's calls are; closed when released.
package protocol DiskFile: AnyObject, Sendable {
    var path: String { get }
    /// Writes at `offset`; returns how many bytes were written, at least one unless `bytes` is
    /// empty. A short count is not an error: the caller goes on with the rest.
    func write(_ bytes: Bytes, at offset: Int) throws(IOError) -> Int
    /// Reads at `offset`; fewer bytes than asked for only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOError) -> Int
    func size() throws(IOError) -> Int
    /// Also gives back what `allocate` took behind the new end.
    func truncate(to size: Int) throws(IOError)
    /// Takes room on the disk, so that writes below `size` will not fail for want of it; the
    /// file's size and contents stay. False: this file system cannot promise that.
    func allocate(upTo size: Int) throws(IOError) -> Bool
    /// Makes the contents and the size durable (fdatasync).
    func syncData() throws(IOError)
}

/// The whole of a file in memory, read or mapped; gone when released.
package final class FileBytes {
    package let bytes: Bytes
    private let release: (Bytes) -> Void

    /// `release` gets the bytes when nobody uses them any more.
    package init(_ bytes: Bytes, release: @escaping (Bytes) -> Void) {
        self.bytes = bytes
        self.release = release
    }

    deinit { release(bytes) }
}

/// A file system.
package protocol Disk: AnyObject, Sendable {
    func open(_ path: String, _ mode: OpenMode) throws(IOError) -> any DiskFile
    func exists(_ path: String) -> Bool
    func rename(_ path: String, to target: String) throws(IOError)
    func remove(_ path: String) throws(IOError)
    /// The names in a directory, in no order, without `.` and `..`.
    func list(_ directory: String) throws(IOError) -> [String]
    /// The contents of a file that nobody changes meanwhile, to be read once from front to back.
    func map(_ path: String) throws(IOError) -> FileBytes
    /// Makes a directory; nothing happens if it exists.
    func makeDirectory(_ path: String) throws(IOError)
    /// Makes the names in a directory durable.
    func syncDirectory(_ path: String) throws(IOError)
}

/// The directory that holds `path`.
func parentDirectory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

extension DiskFile {
    package func allocate(upTo size: Int) throws(IOError) -> Bool { false }

    /// Writes all of `bytes`, however often the system writes short.
    package func writeAll(_ bytes: Bytes, at offset: Int) throws(IOError) {
        var done = 0
        while done < bytes.count {
            let count = try write(bytes.slice(done, bytes.count - done), at: offset + done)
            if count <= 0 { throw IOError(errno: EIO, operation: "write", path: path) }
            done += count
        }
    }
}

extension Disk {
    /// The whole of a small file; `EFBIG` when it has more than `bytesMax` bytes.
    package func contents(_ path: String, bytesMax: Int = 16 << 20) throws(IOError) -> [UInt8] {
        let file = try open(path, .read)
        let size = try file.size()
        if size > bytesMax { throw IOError(errno: EFBIG, operation: "read", path: path) }
        var bytes = [UInt8](repeating: 0, count: size)
        let count = try bytes.withUnsafeMutableBufferPointer { (raw) throws(IOError) in
            try file.read(into: UnsafeMutableRawBufferPointer(raw), at: 0)
        }
        if count < size { bytes.removeLast(size - count) }
        return bytes
    }

    package func map(_ path: String) throws(IOError) -> FileBytes {
        let file = try open(path, .read)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: try file.size(), alignment: 16)
        do throws(IOError) {
            let count = try file.read(into: buffer, at: 0)
            return FileBytes(Bytes(buffer).slice(0, count)) { _ in buffer.deallocate() }
        } catch {
            buffer.deallocate()
            throw error
        }
    }

    /// Replaces a small file in one step: after a crash it is the old one or the new one, whole.
    /// Durable on return. The temporary file is named as Redis names it.
    package func replace(
        _ name: String, in directory: String, with bytes: [UInt8]
    ) throws(IOError) {
        let temporary = "\(directory)/temp-\(name)"
        let file = try open(temporary, .create)
        try bytes.withUnsafeBufferPointer { (raw) throws(IOError) in
            try file.writeAll(Bytes(raw), at: 0)
        }
        try file.syncData()
        try rename(temporary, to: "\(directory)/\(name)")
        try syncDirectory(directory)
    }
}
