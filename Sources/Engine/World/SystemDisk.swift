// The real disk: one system call per operation, interrupted calls repeated, errors typed.

import CLinux
import Glibc

/// The machine's file system.
package final class SystemDisk: Disk {
    package static let shared = SystemDisk()
    package init() {}

    package func open(_ path: String, _ mode: OpenMode) throws(IOError) -> any DiskFile {
        let flags: Int32
        switch mode {
        case .read: flags = O_RDONLY
        case .update: flags = O_RDWR
        case .create: flags = O_RDWR | O_CREAT | O_TRUNC
        }
        let descriptor = try retrying("open", path) { Glibc.open(path, flags | O_CLOEXEC, 0o644) }
        return SystemFile(descriptor: Int32(descriptor), path: path)
    }

    package func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    package func rename(_ path: String, to target: String) throws(IOError) {
        try retrying("rename", path) { Glibc.rename(path, target) }
    }

    package func remove(_ path: String) throws(IOError) {
        try retrying("unlink", path) { unlink(path) }
    }

    package func list(_ directory: String) throws(IOError) -> [String] {
        guard let stream = opendir(directory) else {
            throw IOError(errno: errno, operation: "opendir", path: directory)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 {
                    throw IOError(errno: errno, operation: "readdir", path: directory)
                }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    package func map(_ path: String) throws(IOError) -> FileBytes {
        let descriptor = Int32(
            try retrying("open", path) { Glibc.open(path, O_RDONLY | O_CLOEXEC) })
        defer { close(descriptor) }
        var status = stat()
        try retrying("fstat", path) { fstat(descriptor, &status) }
        let count = Int(status.st_size)
        if count == 0 { return FileBytes(Bytes(start: nil, count: 0)) { _ in } }
        guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
            base != MAP_FAILED
        else { throw IOError(errno: errno, operation: "mmap", path: path) }
        madvise(base, count, MADV_SEQUENTIAL)
        return FileBytes(Bytes(start: base, count: count)) {
            munmap(UnsafeMutableRawPointer(mutating: $0.baseAddress!), $0.count)
        }
    }

    package func makeDirectory(_ path: String) throws(IOError) {
        if mkdir(path, 0o755) != 0 && errno != EEXIST {
            throw IOError(errno: errno, operation: "mkdir", path: path)
        }
    }

    package func syncDirectory(_ path: String) throws(IOError) {
        let descriptor = try retrying("open", path) {
            Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        defer { close(Int32(descriptor)) }
        try retrying("fsync", path) { fsync(Int32(descriptor)) }
    }
}

/// An open file descriptor.
private final class SystemFile: DiskFile {
    private let descriptor: Int32
    let path: String

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func write(_ bytes: Bytes, at offset: Int) throws(IOError) -> Int {
        if bytes.count == 0 { return 0 }
        let count = try retrying("write", path) {
            pwrite(descriptor, bytes.baseAddress, bytes.count, offset)
        }
        // A regular file that takes no byte has no room left.
        if count == 0 { throw IOError(errno: ENOSPC, operation: "write", path: path) }
        return count
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = try retrying("read", path) {
                pread(descriptor, buffer.baseAddress! + done, buffer.count - done, offset + done)
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func size() throws(IOError) -> Int {
        var status = stat()
        try retrying("fstat", path) { fstat(descriptor, &status) }
        return Int(status.st_size)
    }

    func truncate(to size: Int) throws(IOError) {
        try retrying("ftruncate", path) { ftruncate(descriptor, size) }
    }

    func allocate(upTo size: Int) throws(IOError) -> Bool {
        let start = try self.size()
        if size <= start { return true }
        do {
            try retrying("fallocate", path) {
                fallocate(descriptor, fallocateKeepsSize, start, size - start)
            }
            return true
        } catch {
            if [EOPNOTSUPP, ENOSYS, EINVAL].contains(error.errno) { return false }
            throw error
        }
    }

    // Not repeated when interrupted: a sync that did not return success has synced nothing.
    func syncData() throws(IOError) {
        if fdatasync(descriptor) != 0 {
            throw IOError(errno: errno, operation: "fdatasync", path: path)
        }
    }
}

/// Runs a system call, again while a signal interrupts it; -1 becomes an `IOError`.
@discardableResult
private func retrying<Number: SignedInteger>(
    _ operation: String, _ path: String, _ call: () -> Number
) throws(IOError) -> Number {
    while true {
        let result = call()
        if result != -1 { return result }
        let number = errno
        if number != EINTR { throw IOError(errno: number, operation: operation, path: path) }
    }
}
