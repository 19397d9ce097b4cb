// Cutting a log where it cannot be used any more. Nothing is thrown away: what is cut off is
// first kept, durable, in a file beside (`<segment>.cut-<offset>`), and segments behind the cut
// are renamed likewise.
//
// Positions must never repeat. When the cut is in the middle, the store may hold records of effects
// that stood behind it; a log that goes on from there would give the same positions to new
// effects, and the next recovery would pass those over, because the records look newer. So the
// positions up to the newest record are used up by a batch of PINGs, which no recovery and no
// Redis minds.
//
// The order of steps is what makes each safe to interrupt: a copy is durable before anything
// goes; the manifest leaves out the later segments before they are renamed; the damaged segment
// is cut last. Interrupted, the same command finds the rest of its work.

struct LogMend {
    let files: LogFiles
    let disk: any Disk = SystemDisk.shared
    /// Told of each file that is made or cut, in words.
    let note: (String) -> Void

    /// - Parameter floor: the newest position that the store holds.
    func cut(_ cut: LogCut, floor: LSN) throws(IOError) {
        let path = files.path(cut.file)
        let file = try disk.open(path, .update)
        let size = try file.size()
        if size > cut.offset {
            let kept = "\(path).cut-\(cut.offset)"
            try copy(file, cut.offset..<size, to: kept)
            note("kept \(size - cut.offset) bytes of \(path) in \(kept)")
        }
        if !cut.later.isEmpty { try removeLater(cut) }
        try file.truncate(to: cut.offset)
        var length = cut.offset
        if floor > cut.lsn {
            let batch = LogMend.padding(from: cut.lsn, to: floor)
            try batch.withUnsafeBufferPointer { (raw) throws(IOError) in
                try file.writeAll(Bytes(raw), at: length)
            }
            length += batch.count
        }
        try file.syncData()
        try disk.syncDirectory(files.directory)
        note("cut \(path) at \(cut.offset)")
    }

    private func copy(
        _ file: any DiskFile, _ range: Range<Int>, to target: String
    ) throws(IOError) {
        let out = try disk.open(target, .create)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var at = range.lowerBound
        while at < range.upperBound {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: buffer[0..<min(buffer.count, range.upperBound - at)])
            let count = try file.read(into: part, at: at)
            if count == 0 { break }
            try out.writeAll(Bytes(rebasing: part[0..<count]), at: at - range.lowerBound)
            at += count
        }
        try out.syncData()
        try disk.syncDirectory(files.directory)
    }

    /// Takes the segments behind the cut out of the manifest, then out of the way.
    private func removeLater(_ cut: LogCut) throws(IOError) {
        let found: LogManifest?
        do throws(LogError) { found = try files.loadManifest(disk) } catch {
            throw IOError(errno: 22, operation: "read", path: files.path(files.manifestName))
        }
        if var manifest = found {
            manifest.segments.removeAll { cut.later.contains($0.name) }
            try files.store(manifest, disk)
            note("took \(cut.later.count) later segments out of the manifest")
        }
        for name in cut.later where disk.exists(files.path(name)) {
            try disk.rename(files.path(name), to: "\(files.path(name)).cut-0")
            note("kept \(files.path(name)) as \(name).cut-0")
        }
        try disk.syncDirectory(files.directory)
    }

    /// A batch that uses up the positions from `start` to `end` at least.
    static func padding(from start: LSN, to end: LSN) -> [UInt8] {
        var batch: [UInt8] = []
        let most = 1 << 20
        while start + UInt64(batch.count) < end {
            let left = Int(clamping: end - start - UInt64(batch.count))
            let fill = max(min(left, most) - 26, 1)
            batch += Array("*2\r\n$4\r\nPING\r\n$\(fill)\r\n".utf8)
            batch += [UInt8](repeating: 0x2E, count: fill)
            batch += [0x0D, 0x0A]
        }
        let crc = batch.withUnsafeBytes { CRC32C.checksum($0) }
        let lsn = start + UInt64(batch.count)
        return batch
            + [UInt8](unsafeUninitializedCapacity: LogAnnotation.batchEndBytesMax) { raw, count in
                count = LogAnnotation.writeBatchEnd(
                    lsn: lsn, synced: start, batch: crc,
                    to: UnsafeMutableRawPointer(raw.baseAddress!))
            }
    }
}
