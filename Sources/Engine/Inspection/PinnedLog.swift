// The log's files as they were at one moment, beside a server that goes on writing.
//
// Each segment is opened once and its length remembered: what is appended later is not seen, and
// a segment that a checkpoint removes stays readable. So the log can be read several times and
// is the same each time.

import Glibc

/// The system's disk, with pinned segments. For reading only.
final class PinnedLogDisk: Disk {
    private let pinned: [String: PinnedFile]

    init(_ files: LogFiles, _ manifest: LogManifest?) throws(InspectionError) {
        var pinned: [String: PinnedFile] = [:]
        for segment in manifest?.segments ?? [] {
            let path = files.path(segment.name)
            do throws(IOError) {
                let file = try PinnedFile(try SystemDisk.shared.open(path, .read))
                pinned[path] = file
            } catch {
                // A checkpoint of a running server has removed it since the manifest was read.
                if error.errno == ENOENT {
                    throw InspectionError(transient: "log segment \(segment.name) is missing")
                }
                throw InspectionError(error.description)
            }
        }
        self.pinned = pinned
    }

    func open(_ path: String, _ mode: OpenMode) throws(IOError) -> any DiskFile {
        guard mode == .read else { throw IOError(errno: EROFS, operation: "open", path: path) }
        if let file = pinned[path] { return file }
        return try SystemDisk.shared.open(path, mode)
    }

    func exists(_ path: String) -> Bool {
        pinned[path] != nil || SystemDisk.shared.exists(path)
    }

    func list(_ directory: String) throws(IOError) -> [String] {
        try SystemDisk.shared.list(directory)
    }

    func rename(_ path: String, to target: String) throws(IOError) { try refuse(path) }
    func remove(_ path: String) throws(IOError) { try refuse(path) }
    func makeDirectory(_ path: String) throws(IOError) { try refuse(path) }
    func syncDirectory(_ path: String) throws(IOError) { try refuse(path) }

    private func refuse(_ path: String) throws(IOError) {
        throw IOError(errno: EROFS, operation: "write", path: path)
    }
}

/// The first bytes of a file, as many as it had.
private final class PinnedFile: DiskFile {
    private let file: any DiskFile
    private let byteCount: Int
    var path: String { file.path }

    init(_ file: any DiskFile) throws(IOError) {
        self.file = file
        byteCount = try file.size()
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOError) -> Int {
        let count = Swift.min(buffer.count, Swift.max(byteCount - offset, 0))
        return try file.read(
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[0..<count]), at: offset)
    }

    func size() throws(IOError) -> Int { byteCount }

    func write(_ bytes: Bytes, at offset: Int) throws(IOError) -> Int {
        throw IOError(errno: EROFS, operation: "write", path: path)
    }
    func truncate(to size: Int) throws(IOError) {
        throw IOError(errno: EROFS, operation: "truncate", path: path)
    }
    func syncData() throws(IOError) {}
}
