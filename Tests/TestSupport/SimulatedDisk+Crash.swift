// What a crash leaves of the simulated disk.
//
// Names: what was synced, and of the changes since then, directory by directory, an arbitrary
// prefix, as a journal of the file system leaves it. Contents: what was synced, and of the writes
// since then either an arbitrary prefix, the last one torn, or (`reordered`) an arbitrary subset,
// some of them torn. A write is torn at a byte, between sectors, or between commands of a log. Changes
// of size come in order.

import Engine

/// Which unsynced writes of a file a crash may keep.
package enum CrashOrder: Sendable {
    case prefix
    case reordered
}

extension SimulatedDisk {
    private static let sectorBytes = 512

    /// The disk after the power has failed. This one is left as it is.
    package func afterPowerFailure<R: RandomNumberGenerator>(
        _ random: inout R, order: (String) -> CrashOrder
    ) -> SimulatedDisk {
        let copy = SimulatedDisk()
        monitor.withLock {
            var left = names(&random)
            var made: [ObjectIdentifier: Node] = [:]
            for path in left.keys.sorted() {
                let node = left[path]!
                if let known = made[ObjectIdentifier(node)] {
                    left[path] = known
                    continue
                }
                let survivor = Node()
                survivor.durable = node.durable
                keep(node.pending, survivor, order(path), &random)
                survivor.bytes = survivor.durable
                made[ObjectIdentifier(node)] = survivor
                left[path] = survivor
            }
            copy.names = left
            copy.durableNames = left
            copy.adoptSettings(self)
        }
        return copy
    }

    /// The disk after the process was killed: the system still has all that was written, and
    /// knows what of it is durable. This one is left as it is.
    package func afterKill() -> SimulatedDisk {
        let copy = SimulatedDisk()
        monitor.withLock {
            var made: [ObjectIdentifier: Node] = [:]
            func twin(_ node: Node) -> Node {
                if let known = made[ObjectIdentifier(node)] { return known }
                let twin = Node()
                twin.bytes = node.bytes
                twin.durable = node.durable
                twin.pending = node.pending
                made[ObjectIdentifier(node)] = twin
                return twin
            }
            copy.names = names.mapValues(twin)
            copy.durableNames = durableNames.mapValues(twin)
            copy.freshDirectories = freshDirectories
            copy.nameChanges = nameChanges.map {
                if case .set(let path, let node) = $0 { .set(path, twin(node)) } else { $0 }
            }
            copy.adoptSettings(self)
        }
        return copy
    }

    private func adoptSettings(_ other: SimulatedDisk) {
        capacity = other.capacity
        allocates = other.allocates
        failedSyncShowsOldBytes = other.failedSyncShowsOldBytes
    }

    private func names<R: RandomNumberGenerator>(_ random: inout R) -> [String: Node] {
        let scratch = SimulatedDisk()
        scratch.durableNames = durableNames
        scratch.freshDirectories = freshDirectories
        for directory in Set(nameChanges.map(\.directory)).sorted() {
            let changes = nameChanges.filter { $0.directory == directory }
            let kept = Int.random(in: 0...changes.count, using: &random)
            for change in changes.prefix(kept) { scratch.settle(change) }
        }
        // What stands in a directory that is gone is gone.
        return scratch.durableNames.filter { path, _ in
            !scratch.freshDirectories.contains { path.hasPrefix($0 + "/") }
        }
    }

    private func keep<R: RandomNumberGenerator>(
        _ pending: [Change], _ node: Node, _ order: CrashOrder, _ random: inout R
    ) {
        let limit = Int.random(in: 0...pending.count, using: &random)
        switch order {
        case .prefix:
            for change in pending.prefix(limit) { node.apply(change) }
            if limit < pending.count, case .write(let offset, let bytes) = pending[limit],
                Bool.random(using: &random)
            {
                node.apply(.write(offset, torn(offset, bytes, &random)))
            }
        case .reordered:
            for (index, change) in pending.enumerated() {
                switch change {
                case .truncate: if index < limit { node.apply(change) }
                case .write(let offset, let bytes):
                    switch Int.random(in: 0..<5, using: &random) {
                    case 0, 1: node.apply(change)
                    case 2: node.apply(.write(offset, torn(offset, bytes, &random)))
                    default: break
                    }
                }
            }
        }
    }

    /// The first part of a write: up to a byte, to the end of a sector, or to the start of a command,
    /// where half a transaction looks whole.
    private func torn<R: RandomNumberGenerator>(
        _ offset: Int, _ bytes: [UInt8], _ random: inout R
    ) -> [UInt8] {
        var count = Int.random(in: 0...bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            let end = (offset + count) / Self.sectorBytes * Self.sectorBytes
            count = Swift.max(end - offset, 0)
        case 1:
            while count > 0,
                bytes[count - 1] != 0x0A || count == bytes.count || bytes[count] != 0x2A
            {
                count -= 1
            }
        default: break
        }
        return Array(bytes.prefix(count))
    }

    /// The power fails and comes back, on this very disk: names and bytes that were not synced are
    /// gone, but for the first `keeping` bytes of each file's unsynced end.
    package func crash(keeping: Int = 0) {
        monitor.withLock {
            names = durableNames.filter { path, _ in
                !freshDirectories.contains { path.hasPrefix($0 + "/") }
            }
            durableNames = names
            nameChanges = []
            freshDirectories = []
            for node in names.values {
                if node.bytes.count > node.durable.count {
                    node.durable += node.bytes[node.durable.count...].prefix(keeping)
                }
                node.bytes = node.durable
                node.pending = []
                node.allocated = 0
            }
            fault = nil
        }
    }

    /// Inverts one bit of a file, on the disk and for readers.
    package func flip(_ path: String, bit: Int) {
        monitor.withLock {
            guard let node = names[path] else { return }
            let mask = UInt8(1) << UInt8(bit & 7)
            node.bytes[bit >> 3] ^= mask
            if bit >> 3 < node.durable.count { node.durable[bit >> 3] ^= mask }
        }
    }
}
