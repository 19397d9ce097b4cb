// A disk in memory that behaves as badly as real ones may: what was not synced is lost in a
// crash (or a part of it kept), writes tear, any operation can fail, space runs out, and a
// failed sync forgets what it should have written, as Linux does.

import Glibc

@testable import Engine

final class FaultyDisk: Disk, @unchecked Sendable {
    fileprivate final class Node {
        var bytes: [UInt8] = []
        /// Which bytes changed since they were last durable.
        var dirty: [Bool] = []
        var durable: [UInt8] = []
        /// Room that was taken ahead.
        var allocated = 0
    }

    /// What an operation is to do instead of succeeding.
    enum Fault {
        case fail(Int32)
        /// Writes so many bytes, then fails.
        case tear(Int, Int32)
        /// Writes so many bytes and reports that.
        case short(Int)
    }

    fileprivate let monitor = Monitor()
    private var names: [String: Node] = [:]
    private var durableNames: [String: Node] = [:]
    private var directories: Set<String> = []
    /// Asked before each operation: its name, the path.
    var fault: ((String, String) -> Fault?)?
    /// Total bytes of all files; more is ENOSPC after a short write.
    var capacity = Int.max
    /// What was called, for tests of the order of steps.
    private(set) var journal: [String] = []

    fileprivate func check(_ operation: String, _ path: String) throws(IOError) -> Fault? {
        journal.append("\(operation) \(path)")
        let found = fault?(operation, path)
        if case .fail(let number)? = found {
            throw IOError(errno: number, operation: operation, path: path)
        }
        return found
    }

    fileprivate var usedBytes: Int {
        names.values.reduce(0) { $0 + max($1.bytes.count, $1.allocated) }
    }
    /// Whether `allocate` keeps its promise.
    var allocates = true

    func open(_ path: String, _ mode: OpenMode) throws(IOError) -> any DiskFile {
        try monitor.withLock { () throws(IOError) in
            _ = try check("open", path)
            if mode == .create {
                if let node = names[path] {
                    node.bytes = []
                    node.dirty = []
                } else {
                    names[path] = Node()
                }
            }
            guard let node = names[path] else {
                throw IOError(errno: ENOENT, operation: "open", path: path)
            }
            return FaultyFile(self, node, path)
        }
    }

    func exists(_ path: String) -> Bool { monitor.withLock { names[path] != nil } }

    func rename(_ path: String, to target: String) throws(IOError) {
        try monitor.withLock { () throws(IOError) in
            _ = try check("rename", target)
            guard let node = names.removeValue(forKey: path) else {
                throw IOError(errno: ENOENT, operation: "rename", path: path)
            }
            names[target] = node
        }
    }

    func remove(_ path: String) throws(IOError) {
        try monitor.withLock { () throws(IOError) in
            _ = try check("remove", path)
            if names.removeValue(forKey: path) == nil {
                throw IOError(errno: ENOENT, operation: "remove", path: path)
            }
        }
    }

    func list(_ directory: String) throws(IOError) -> [String] {
        monitor.withLock {
            names.keys.filter { $0.hasPrefix(directory + "/") }
                .map { String($0.dropFirst(directory.utf8.count + 1)) }
        }
    }

    func makeDirectory(_ path: String) throws(IOError) {
        monitor.withLock { _ = directories.insert(path) }
    }

    func syncDirectory(_ path: String) throws(IOError) {
        try monitor.withLock { () throws(IOError) in
            _ = try check("syncDirectory", path)
            durableNames = durableNames.filter { !$0.key.hasPrefix(path + "/") }
            for (name, node) in names where name.hasPrefix(path + "/") {
                durableNames[name] = node
            }
        }
    }

    /// The power fails: names and bytes that were not synced are gone, but for the first
    /// `keeping` bytes of each file's unsynced end.
    func crash(keeping: Int = 0) {
        monitor.withLock {
            names = durableNames
            for node in names.values {
                var bytes = node.durable
                if node.bytes.count > bytes.count {
                    bytes += node.bytes[bytes.count...].prefix(keeping)
                }
                node.bytes = bytes
                node.durable = bytes
                node.dirty = [Bool](repeating: false, count: bytes.count)
                node.allocated = 0
            }
            fault = nil
        }
    }

    /// The bytes of a file, as a reader sees them; settable, to damage it.
    subscript(path: String) -> [UInt8]? {
        get { monitor.withLock { names[path]?.bytes } }
        set {
            monitor.withLock {
                guard let bytes = newValue else {
                    names[path] = nil
                    durableNames[path] = nil
                    return
                }
                let node = names[path] ?? Node()
                node.bytes = bytes
                node.durable = bytes
                node.dirty = [Bool](repeating: false, count: bytes.count)
                names[path] = node
                durableNames[path] = node
            }
        }
    }

    /// Forgets the cached pages of a file: what is not durable reads as zeros.
    func dropCache(_ path: String) {
        monitor.withLock {
            guard let node = names[path] else { return }
            for index in node.bytes.indices {
                node.bytes[index] = index < node.durable.count ? node.durable[index] : 0
            }
        }
    }
}

private final class FaultyFile: DiskFile, @unchecked Sendable {
    let disk: FaultyDisk
    let node: FaultyDisk.Node
    let path: String

    init(_ disk: FaultyDisk, _ node: FaultyDisk.Node, _ path: String) {
        self.disk = disk
        self.node = node
        self.path = path
    }

    func write(_ bytes: Bytes, at offset: Int) throws(IOError) -> Int {
        try disk.monitor.withLock { () throws(IOError) in
            let fault = try disk.check("write", path)
            var count = bytes.count
            var failure: Int32?
            switch fault {
            case .short(let most)?: count = min(count, max(most, 1))
            case .tear(let most, let number)?:
                count = min(count, most)
                failure = number
            default: break
            }
            let growth = max(offset + count - max(node.bytes.count, node.allocated), 0)
            let room = disk.capacity - disk.usedBytes
            if growth > room {
                count -= growth - max(room, 0)
                if count <= 0 { throw IOError(errno: ENOSPC, operation: "write", path: path) }
            }
            if node.bytes.count < offset + count {
                let more = offset + count - node.bytes.count
                node.bytes += [UInt8](repeating: 0, count: more)
                node.dirty += [Bool](repeating: false, count: more)
            }
            let range = offset..<(offset + count)
            node.bytes.replaceSubrange(range, with: bytes.slice(0, count))
            node.dirty.replaceSubrange(range, with: repeatElement(true, count: count))
            if let failure { throw IOError(errno: failure, operation: "write", path: path) }
            return count
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOError) -> Int {
        try disk.monitor.withLock { () throws(IOError) in
            _ = try disk.check("read", path)
            let count = max(min(buffer.count, node.bytes.count - offset), 0)
            if count == 0 { return 0 }
            node.bytes.withUnsafeBytes { raw in
                buffer.copyMemory(from: Bytes(rebasing: raw[offset..<(offset + count)]))
            }
            return count
        }
    }

    func size() throws(IOError) -> Int { disk.monitor.withLock { node.bytes.count } }

    func truncate(to size: Int) throws(IOError) {
        try disk.monitor.withLock { () throws(IOError) in
            _ = try disk.check("truncate", path)
            while node.bytes.count < size {
                node.bytes.append(0)
                node.dirty.append(true)
            }
            node.bytes.removeLast(node.bytes.count - size)
            node.dirty.removeLast(node.dirty.count - size)
            node.allocated = 0
        }
    }

    func allocate(upTo size: Int) throws(IOError) -> Bool {
        try disk.monitor.withLock { () throws(IOError) in
            _ = try disk.check("allocate", path)
            if !disk.allocates { return false }
            let growth = size - max(node.bytes.count, node.allocated)
            if growth > disk.capacity - disk.usedBytes {
                throw IOError(errno: ENOSPC, operation: "allocate", path: path)
            }
            node.allocated = max(node.allocated, size)
            return true
        }
    }

    func syncData() throws(IOError) {
        try disk.monitor.withLock { () throws(IOError) in
            do throws(IOError) {
                _ = try disk.check("syncData", path)
            } catch {
                for index in node.dirty.indices { node.dirty[index] = false }
                throw error
            }
            while node.durable.count < node.bytes.count { node.durable.append(0) }
            node.durable.removeLast(node.durable.count - node.bytes.count)
            for index in node.bytes.indices where node.dirty[index] {
                node.durable[index] = node.bytes[index]
                node.dirty[index] = false
            }
        }
    }
}
