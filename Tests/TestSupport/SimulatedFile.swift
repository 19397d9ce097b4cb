// An open file of the simulated disk.

import Engine
import Glibc

final class SimulatedFile: DiskFile, @unchecked Sendable {
    let disk: SimulatedDisk
    let node: SimulatedDisk.Node
    let path: String

    init(_ disk: SimulatedDisk, _ node: SimulatedDisk.Node, _ path: String) {
        self.disk = disk
        self.node = node
        self.path = path
    }

    func write(_ bytes: Bytes, at offset: Int) throws(IOError) -> Int {
        try disk.monitor.withLock { () throws(IOError) in
            let isAlive = disk.callCount < disk.powerFailsAtCall
            let fault: SimulatedDisk.Fault?
            do throws(IOError) {
                fault = try disk.check(.write, path)
            } catch {
                // The call during which the power fails may have come through, whole or torn.
                if isAlive, disk.callCount > disk.powerFailsAtCall { node.write(bytes, at: offset) }
                throw error
            }
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
            let room = disk.capacity == .max ? growth : disk.capacity - disk.usedBytes
            if growth > room {
                count -= growth - max(room, 0)
                if count <= 0 { throw IOError(errno: ENOSPC, operation: "write", path: path) }
            }
            if count > 0 { node.write(bytes.slice(0, count), at: offset) }
            if let failure { throw IOError(errno: failure, operation: "write", path: path) }
            return count
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOError) -> Int {
        try disk.monitor.withLock { () throws(IOError) in
            try disk.check(.read, path)
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
            try disk.check(.truncate, path)
            node.truncate(size)
            node.allocated = 0
        }
    }

    func allocate(upTo size: Int) throws(IOError) -> Bool {
        try disk.monitor.withLock { () throws(IOError) in
            try disk.check(.allocate, path)
            if !disk.allocates { return false }
            let growth = size - max(node.bytes.count, node.allocated)
            if growth > 0, disk.capacity != .max, growth > disk.capacity - disk.usedBytes {
                throw IOError(errno: ENOSPC, operation: "allocate", path: path)
            }
            node.allocated = max(node.allocated, size)
            return true
        }
    }

    func syncData() throws(IOError) {
        try disk.monitor.withLock { () throws(IOError) in
            do throws(IOError) {
                try disk.check(.syncData, path)
            } catch {
                // After the power has failed it is the crash that decides what is lost.
                if disk.callCount <= disk.powerFailsAtCall {
                    node.forgetWrites(showsOldBytes: disk.failedSyncShowsOldBytes)
                }
                throw error
            }
            node.sync()
        }
    }
}
