// A disk in memory that behaves as badly as real ones may.
//
// Of each file it knows the durable contents, what readers see, and, in order, the changes between
// the two; of each directory the durable names and the changes of names since they were synced. A
// crash keeps what was synced and an arbitrary part of the rest (SimulatedDisk+Crash.swift). Any
// call can fail, write less than asked, or find no room; a failed sync forgets what it should have
// written, as Linux does. Everything that is left to chance comes from a seed.

import Engine
import Glibc

/// A call of the disk, for plans of faults.
package enum DiskCall: String, CaseIterable, Sendable {
    case open, read, write, truncate, allocate, syncData, rename, remove, syncDirectory
}

package final class SimulatedDisk: Disk, @unchecked Sendable {
    /// A change that is not durable.
    enum Change {
        case write(Int, [UInt8])
        case truncate(Int)
    }

    /// A file, whatever it is called.
    final class Node {
        /// What readers see.
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        var pending: [Change] = []
        /// Room that was taken ahead.
        var allocated = 0
    }

    /// A change of names that is not durable, in the order of the calls.
    enum NameChange {
        case set(String, Node)
        case rename(String, String)
        case remove(String)
        case makeDirectory(String)

        /// The directory whose sync makes it durable.
        var directory: String {
            switch self {
            case .set(let path, _), .remove(let path), .rename(let path, _),
                .makeDirectory(let path):
                SimulatedDisk.parent(path)
            }
        }
    }

    /// What a call is to do instead of succeeding.
    package enum Fault: Sendable {
        case fail(Int32)
        /// Writes so many bytes, then fails.
        case tear(Int, Int32)
        /// Writes so many bytes and reports that.
        case short(Int)
    }

    let monitor = Monitor()
    var names: [String: Node] = [:]
    var durableNames: [String: Node] = [:]
    var nameChanges: [NameChange] = []
    /// Made and not yet durable.
    var freshDirectories: Set<String> = []

    /// Asked before each operation: its name, the path.
    package var fault: ((String, String) -> Fault?)?
    /// Total bytes of all files; more is ENOSPC after a short write.
    package var capacity = Int.max
    /// Whether `allocate` keeps its promise.
    package var allocates = true
    /// What readers see after a failed sync: the old bytes, or those that are not on the disk.
    package var failedSyncShowsOldBytes = false
    /// What was called, for tests of the order of steps.
    package private(set) var journal: [String] = []
    package var keepsJournal = false
    /// How many calls there were.
    package private(set) var callCount = 0
    /// The power fails at the call with this number: it and all later ones do nothing but fail.
    package var powerFailsAtCall = Int.max
    /// Holds calls of background threads back; see BackgroundGate.swift.
    package var gate: BackgroundGate?

    package init() {}

    package var isDead: Bool { monitor.withLock { callCount >= powerFailsAtCall } }

    /// From now on every call fails.
    package func powerOff() { monitor.withLock { powerFailsAtCall = 0 } }

    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Counts a call; throws if it is to fail.
    @discardableResult
    func check(_ call: DiskCall, _ path: String) throws(IOError) -> Fault? {
        gate?.pass(call, path, monitor)
        let number = callCount
        callCount += 1
        if keepsJournal { journal.append("\(call) \(path)") }
        if number >= powerFailsAtCall {
            throw IOError(errno: EIO, operation: call.rawValue, path: path)
        }
        let found = fault?(call.rawValue, path)
        if case .fail(let number)? = found {
            throw IOError(errno: number, operation: call.rawValue, path: path)
        }
        return found
    }

    var usedBytes: Int {
        names.values.reduce(0) { $0 + max($1.bytes.count, $1.allocated) }
    }

    // MARK: Names

    package func open(_ path: String, _ mode: OpenMode) throws(IOError) -> any DiskFile {
        try monitor.withLock { () throws(IOError) in
            try check(.open, path)
            if mode == .create {
                if let node = names[path] {
                    if !node.bytes.isEmpty { node.truncate(0) }
                    node.allocated = 0
                } else {
                    let node = Node()
                    names[path] = node
                    nameChanges.append(.set(path, node))
                }
            }
            guard let node = names[path] else {
                throw IOError(errno: ENOENT, operation: "open", path: path)
            }
            return SimulatedFile(self, node, path)
        }
    }

    package func exists(_ path: String) -> Bool { monitor.withLock { names[path] != nil } }

    package func rename(_ path: String, to target: String) throws(IOError) {
        try monitor.withLock { () throws(IOError) in
            try check(.rename, target)
            guard let node = names.removeValue(forKey: path) else {
                throw IOError(errno: ENOENT, operation: "rename", path: path)
            }
            names[target] = node
            nameChanges.append(.rename(path, target))
        }
    }

    package func remove(_ path: String) throws(IOError) {
        try monitor.withLock { () throws(IOError) in
            try check(.remove, path)
            if names.removeValue(forKey: path) == nil {
                throw IOError(errno: ENOENT, operation: "remove", path: path)
            }
            nameChanges.append(.remove(path))
        }
    }

    package func list(_ directory: String) throws(IOError) -> [String] {
        monitor.withLock {
            names.keys.filter { $0.hasPrefix(directory + "/") }
                .map { String($0.dropFirst(directory.utf8.count + 1)) }.sorted()
        }
    }

    package func makeDirectory(_ path: String) throws(IOError) {
        monitor.withLock {
            let isKnown = names.keys.contains { $0.hasPrefix(path + "/") }
            if isKnown || !freshDirectories.insert(path).inserted { return }
            nameChanges.append(.makeDirectory(path))
        }
    }

    package func syncDirectory(_ path: String) throws(IOError) {
        try monitor.withLock { () throws(IOError) in
            try check(.syncDirectory, path)
            for change in nameChanges where change.directory == path { settle(change) }
            nameChanges.removeAll { $0.directory == path }
        }
    }

    /// Makes a change of names durable.
    func settle(_ change: NameChange) {
        switch change {
        case .set(let path, let node): durableNames[path] = node
        case .rename(let path, let target):
            durableNames[target] = durableNames.removeValue(forKey: path)
        case .remove(let path): durableNames[path] = nil
        case .makeDirectory(let path): freshDirectories.remove(path)
        }
    }

    // MARK: Contents

    /// The bytes of a file, as a reader sees them; settable, to damage it. What is set is durable.
    package subscript(path: String) -> [UInt8]? {
        get { monitor.withLock { names[path]?.bytes } }
        set {
            monitor.withLock {
                nameChanges.removeAll {
                    if case .set(path, _) = $0 { true } else { false }
                }
                guard let bytes = newValue else {
                    names[path] = nil
                    durableNames[path] = nil
                    return
                }
                let node = names[path] ?? Node()
                node.bytes = bytes
                node.durable = bytes
                node.pending = []
                names[path] = node
                durableNames[path] = node
            }
        }
    }

    /// Names and sizes of all files, in order.
    package var files: [(path: String, byteCount: Int)] {
        monitor.withLock { names.map { ($0.key, $0.value.bytes.count) }.sorted { $0.0 < $1.0 } }
    }

    /// Forgets the cached pages of a file: what is not durable reads as zeros.
    package func dropCache(_ path: String) {
        monitor.withLock {
            guard let node = names[path] else { return }
            for index in node.bytes.indices {
                node.bytes[index] = index < node.durable.count ? node.durable[index] : 0
            }
        }
    }
}

extension SimulatedDisk.Node {
    func write(_ bytes: Bytes, at offset: Int) {
        Self.write(bytes, at: offset, &self.bytes)
        pending.append(.write(offset, Array(bytes)))
    }

    func truncate(_ size: Int) {
        Self.truncate(size, &bytes)
        pending.append(.truncate(size))
    }

    static func write(_ bytes: Bytes, at offset: Int, _ target: inout [UInt8]) {
        if target.count < offset + bytes.count { truncate(offset + bytes.count, &target) }
        target.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }

    static func truncate(_ size: Int, _ target: inout [UInt8]) {
        if target.count < size {
            target += [UInt8](repeating: 0, count: size - target.count)
        } else {
            target.removeLast(target.count - size)
        }
    }

    /// Makes everything durable that a failed sync has not forgotten.
    func sync() {
        for change in pending { apply(change) }
        pending = []
        if durable.count != bytes.count { Self.truncate(bytes.count, &durable) }
    }

    func apply(_ change: SimulatedDisk.Change) {
        switch change {
        case .write(let offset, let part):
            part.withUnsafeBytes { Self.write($0, at: offset, &durable) }
        case .truncate(let size): Self.truncate(size, &durable)
        }
    }

    /// A sync has failed: the pages are clean now, and were not written. Sizes are kept elsewhere
    /// and come through.
    func forgetWrites(showsOldBytes: Bool) {
        pending.removeAll { if case .write = $0 { true } else { false } }
        guard showsOldBytes else { return }
        let size = bytes.count
        bytes = durable
        for case .truncate(let size) in pending { Self.truncate(size, &bytes) }
        Self.truncate(size, &bytes)
    }
}
