// The base of the log: an RDB file that holds the keyspace as it was at the position where the first
// segment starts, so that the segments before it can go. With a cold tier there is none, because
// there the store holds what came before.
//
// The order of steps is what makes each of them safe to interrupt:
// - the base is whole, durable and under its own name before the manifest names it;
// - one replacement of the manifest takes the new base in and leaves the old one and the segments
//   before it out; a crash finds either the old set of files or the new one;
// - only then are the old files removed (first the manifest calls them history).

import Glibc

extension LogWriter {
    /// A name for a base that is about to be written.
    package func reserveBase() -> LogManifest.Entry {
        monitor.withLock {
            defer { nextBaseSequence += 1 }
            return .init(name: files.baseFileName(nextBaseSequence), sequence: nextBaseSequence)
        }
    }

    /// Lets the log begin with `base`, a durable file that holds everything before `lsn`, where a
    /// segment starts. After an error the log is what it was. Background threads.
    package func installBase(_ base: LogManifest.Entry, at lsn: LSN) throws(LogError) {
        try syncMonitor.withLock { () throws(LogError) in
            var (next, rest) = monitor.withLock { (manifest, segments) }
            if monitor.withLock({ isRotating || holds > 0 }) {
                throw .io(IOError(errno: EBUSY, operation: "rewrite", path: files.directory))
            }
            if let old = next.base { next.history.append(old) }
            next.base = base
            while rest.count > 1 && rest[0].startLSN < lsn {
                next.history.append(next.segments.removeFirst())
                rest.removeFirst()
            }
            precondition(rest[0].startLSN == lsn, "no segment starts where the base ends")
            let bytes: Int
            do throws(IOError) {
                bytes = try disk.open(files.path(base.name), .read).size()
                try files.store(next, disk)
            } catch {
                // Nobody knows which manifest a crash would leave. Both are right: what the new
                // one names stays unless the old one is surely back.
                if (try? restoreManifest()) != nil { try? disk.remove(files.path(base.name)) }
                throw .io(error)
            }
            monitor.withLock {
                adopt(next, rest)
                otherBytes[base.name] = bytes
                awaitsBase = false
                replaced = nil
            }
            removeHistory()
        }
    }

    /// Puts the manifest back that was on disk before `installBase`.
    private func restoreManifest() throws(IOError) {
        if !monitor.withLock({ awaitsBase }) {
            return try files.store(monitor.withLock { manifest }, disk)
        }
        if let replaced = monitor.withLock({ replaced }) { return try files.store(replaced, disk) }
        if disk.exists(files.path(files.manifestName)) {
            try disk.remove(files.path(files.manifestName))
            try disk.syncDirectory(files.directory)
        }
    }

    /// Takes over a manifest that is on disk, and the segments that it names. `monitor` held.
    func adopt(_ next: LogManifest, _ rest: [LogSegment]) {
        manifest = next
        segments = rest
        let names = Set((next.segments + (next.base.map { [$0] } ?? [])).map(\.name))
        otherBytes = otherBytes.filter { names.contains($0.key) }
    }

    /// Sizes of the files that the manifest names beside the current segment. At the start.
    func measureOthers() {
        var others = Array(manifest.segments.dropLast())
        if let base = manifest.base { others.append(base) }
        for entry in others {
            do throws(IOError) {
                otherBytes[entry.name] = try disk.open(files.path(entry.name), .read).size()
            } catch {
                otherBytes[entry.name] = 0
            }
        }
    }

    /// Gives up a log that got no base; its only segment is removed. The writer is not used
    /// afterwards.
    package func abandon() {
        let (isUnused, segment, before) = monitor.withLock {
            (awaitsBase, segments[segments.count - 1], replaced)
        }
        guard isUnused else { return }
        do {
            // An error in `installBase` may have left a manifest that names the segment.
            if try files.loadManifest(disk) != before { return }
            try disk.remove(files.path(segment.name))
        } catch {
            // It stays, named by nobody; a later log of that number overwrites it.
        }
    }
}
