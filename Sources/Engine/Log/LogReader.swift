// Reads the log back: every segment that the manifest names, in order, as one stream.
//
// In Firn's format each segment must start with its own line, belong to the same stream (or to one
// that takes its place there, LogLineage.swift) and start where the one before ended; so a segment
// that is missing, exchanged or cut is noticed.
// Only the last segment may have a torn tail, which the reader leaves out and reports; the
// file itself is cut by who resumes writing (`LogWriter.resume`). Everything else that does not
// match is an error that names file and offset.
//
// A base is not read here: whoever reads a log with a base loads that first (`LogManifest.base`).
//
// In Redis's format (the import of a directory that came from Redis) there are no positions
// and no CRCs; the rule of `aof-load-truncated` holds: a last file that ends inside a command
// or a MULTI is cut before it, anything else that does not parse is an error.

/// A command of the log. Its views are valid until the next call of the reader.
package struct LogCommand {
    package let database: Int
    /// The name and its arguments; at least one. Their bytes lie one behind the other in one piece
    /// of memory.
    package fileprivate(set) var arguments: UnsafeBufferPointer<Bytes>
    /// Position in the stream behind this command (0-based from the first file for Redis logs).
    package let endLSN: LSN
    /// Whether it is the DEL of a key whose time had come.
    package let isExpiry: Bool
    /// What leaves the archive with it.
    package let removal: ArchiveRemoval?
    /// Whether it is the first, and the last, effect of its MULTI/EXEC unit. Both hold for a
    /// command that stands alone.
    package let startsUnit: Bool
    package let endsUnit: Bool
    /// Unix seconds of the last `#TS:` line before it; 0 if there was none.
    package let timestamp: Int64
    /// The file that holds it, an index into `LogReader.fileNames`, and where its first byte is.
    package let file: Int
    package let offset: Int
}

extension LogCommand {
    /// The same with copies of its arguments.
    func with(_ arguments: UnsafeBufferPointer<Bytes>) -> LogCommand {
        var copy = self
        copy.arguments = arguments
        return copy
    }
}

/// Where a log that has been read to its end ends.
package struct LogEnd: Sendable {
    package var manifest: LogManifest
    package var segments: [LogSegment]
    /// The stream's id, 40 hex digits; empty for Redis logs.
    package var stream: [UInt8]
    /// The stream whose place that has taken, as far as the segments tell.
    package var former: FormerStream? = nil
    package var lsn: LSN
    /// Length of the last file up to its last good batch.
    package var lastFileBytes: Int
    /// Bytes of the last file behind that, which a crash left unfinished; 0 normally.
    package var droppedBytes: Int
    /// Why they cannot be used; empty if there are none.
    package var droppedReason: String
}

/// Streams the commands of a log. O(1) memory but for the largest batch.
package struct LogReader: ~Copyable {
    package enum Format: Sendable {
        case firn
        case redis
    }

    /// The files in reading order.
    package let fileNames: [String]
    /// The base file, when it is an RDB file that somebody else must load first; else nil.
    package let rdbBase: String?
    /// Where the stream starts; known once the reader is made.
    package private(set) var startLSN: LSN = 0
    /// Set when `next` has returned nil.
    package private(set) var end: LogEnd?

    /// Bytes of all files, for telling how far the reading is.
    package private(set) var totalBytes = 0
    /// How many of them have been read.
    package var readBytes: Int { passedBytes + (file == nil ? 0 : scanner.batchOffset) }
    package var isRedis: Bool { format == .redis }
    /// Position behind the last batch that was read.
    package var lsn: LSN { scanner.lsn }

    private let disk: any Disk
    private let files: LogFiles
    private let manifest: LogManifest
    private let format: Format
    private let loadTruncated: Bool
    private let firstOffset: Int
    private var scanner: LogScanner
    private var file: (any DiskFile)?
    private var fileIndex = -1
    /// Of the files before the one at hand.
    private var passedBytes = 0
    private var segments: [LogSegment] = []
    private var lineage = LogLineage()
    /// Where the next segment takes this one's stream over, whatever else this one holds.
    private var turnsAt: LSN?
    private var index = 0
    private var views: UnsafeMutableBufferPointer<Bytes>

    /// A reader of the log in `files`, whose manifest has been loaded. `isRaw` hands out SELECT,
    /// MULTI and EXEC like any command, for tools. `loadTruncated` false makes a torn tail an
    /// error. `baseOffset` is where commands start in an AOF base that has an RDB preamble.
    package init(
        _ disk: any Disk, _ files: LogFiles, _ manifest: LogManifest, format: Format = .firn,
        isRaw: Bool = false, loadTruncated: Bool = true, baseOffset: Int = 0,
        bulkBytesMax: Int = 512 << 20
    ) throws(LogError) {
        var names = manifest.segments.map(\.name)
        var rdbBase: String?
        if format == .redis, let base = manifest.base {
            let isRDB = try LogReader.isRDB(disk, files, base.name)
            if baseOffset == 0 && isRDB {
                rdbBase = base.name
            } else {
                names.insert(base.name, at: 0)
            }
        }
        try self.init(
            disk, files, manifest, names, rdbBase, format, isRaw, loadTruncated,
            rdbBase == nil ? baseOffset : 0, bulkBytesMax)
    }

    /// A reader of a single Redis AOF (the layout before Redis 7) that starts at `offset`.
    package init(
        _ disk: any Disk, directory: String, redisFile name: String, offset: Int = 0,
        loadTruncated: Bool = true, bulkBytesMax: Int = 512 << 20
    ) throws(LogError) {
        try self.init(
            disk, LogFiles(directory: directory), LogManifest(), [name], nil, .redis, false,
            loadTruncated, offset, bulkBytesMax)
    }

    private init(
        _ disk: any Disk, _ files: LogFiles, _ manifest: LogManifest, _ names: [String],
        _ rdbBase: String?, _ format: Format, _ isRaw: Bool, _ loadTruncated: Bool,
        _ firstOffset: Int, _ bulkBytesMax: Int
    ) throws(LogError) {
        self.disk = disk
        self.files = files
        self.manifest = manifest
        self.fileNames = names
        self.rdbBase = rdbBase
        self.format = format
        self.loadTruncated = loadTruncated
        self.firstOffset = firstOffset
        scanner = LogScanner(isRaw: isRaw, bulkBytesMax: bulkBytesMax)
        scanner.hasBatchEnds = format == .firn
        views = .allocate(capacity: 64)
        if format == .firn && names.isEmpty {
            throw .manifest(file: files.manifestName, line: 0, reason: "it names no segment")
        }
        if try openNext() { startLSN = scanner.lsn }
        for name in names {
            totalBytes += (try? disk.open(path(name), .read).size()) ?? 0
        }
    }

    /// Names are of files in the log's directory, or paths.
    private func path(_ name: String) -> String {
        name.hasPrefix("/") ? name : files.path(name)
    }

    /// Whether the unit that `command`, which was read last, begins is behind the limit of a
    /// restore. Throws if the log does not tell.
    func isBehind(_ limit: RestoreLimit, _ command: LogCommand) throws(LogError) -> Bool {
        switch limit {
        case .time(let seconds):
            if command.timestamp == 0 {
                throw .damaged(
                    file: fileNames[fileIndex], offset: command.offset,
                    reason: "it does not note the time (aof-timestamp-enabled), so that it cannot "
                        + "be restored up to one")
            }
            return command.timestamp > seconds
        case .lsn(let lsn):
            var last = index - 1
            while !scanner.commands[last].endsUnit { last += 1 }
            return scanner.commands[last].endLSN > lsn
        }
    }

    deinit { views.deallocate() }

    /// The next command, or nil at the end, after which `end` is set.
    package mutating func next() throws(LogError) -> LogCommand? {
        while index >= scanner.commands.count {
            if end != nil { return nil }
            if try !advance() { return nil }
        }
        let command = scanner.commands[index]
        index += 1
        let count = command.argumentCount
        if count > views.count { growViews(count) }
        for number in 0..<count {
            views[number] = scanner.argument(command.firstArgument + number)
        }
        return LogCommand(
            database: command.database, arguments: UnsafeBufferPointer(rebasing: views[0..<count]),
            endLSN: command.endLSN, isExpiry: command.isExpiry, removal: command.removal,
            startsUnit: command.startsUnit, endsUnit: command.endsUnit,
            timestamp: command.timestamp, file: fileIndex,
            offset: scanner.batchOffset + command.start)
    }

    private mutating func growViews(_ count: Int) {
        views.deallocate()
        views = .allocate(capacity: count * 2)
    }

    // MARK: Segments

    /// Reads the next batch, from the next file if this one has ended; false at the end.
    private mutating func advance() throws(LogError) -> Bool {
        index = 0
        guard let file else {
            finish(droppedBytes: 0, "")
            return false
        }
        if scanner.lsn == turnsAt, try openNext() { return true }
        let result = try logIO { () throws(IOError) in try scanner.scan() }
        switch result {
        case .batch: return true
        case .end:
            if try openNext() { return true }
            finish(droppedBytes: 0, "")
            return false
        case .torn(let reason):
            try requireTail(file, reason, mayCut: true)
            return false
        case .bad(let reason):
            try requireTail(file, reason, mayCut: format == .firn)
            return false
        }
    }

    /// Ends the reading before a batch that cannot be used, if it is a torn tail.
    private mutating func requireTail(
        _ file: any DiskFile, _ reason: String, mayCut: Bool
    ) throws(LogError) {
        let offset = scanner.goodOffset
        let size = scanner.size
        let damage = LogError.damaged(file: fileNames[fileIndex], offset: offset, reason: reason)
        guard mayCut, loadTruncated, fileIndex == fileNames.count - 1 else { throw damage }
        if format == .firn {
            let lsn = scanner.lsn
            let wasDurable = try logIO { () throws(IOError) in
                try LogDamage.wasDurable(file, at: offset, size: size, lsn: lsn)
            }
            if wasDurable { throw damage }
        }
        let end = try logIO { () throws(IOError) in
            format == .firn ? try LogDamage.contentEnd(file, from: offset, to: size) : size
        }
        finish(droppedBytes: end - offset, reason)
    }

    private mutating func finish(droppedBytes: Int, _ reason: String) {
        end = LogEnd(
            manifest: manifest, segments: segments, stream: lineage.stream,
            former: lineage.former.last, lsn: scanner.lsn,
            lastFileBytes: file == nil ? 0 : scanner.goodOffset, droppedBytes: droppedBytes,
            droppedReason: reason)
    }

    /// Turns to the next file; false when there is none.
    private mutating func openNext() throws(LogError) -> Bool {
        if fileIndex + 1 >= fileNames.count { return false }
        fileIndex += 1
        let name = fileNames[fileIndex]
        let path = path(name)
        if !disk.exists(path) { throw .missing(file: name) }
        let opened = try logIO { () throws(IOError) in try disk.open(path, .read) }
        if file != nil { passedBytes += scanner.size }
        file = opened
        if format == .redis {
            let offset = fileIndex == 0 ? firstOffset : 0
            let lsn = scanner.lsn
            try logIO { () throws(IOError) in try scanner.open(opened, at: offset, lsn: lsn) }
            return true
        }
        guard let start = try LogReader.segmentStart(opened) else {
            throw .damaged(file: name, offset: 0, reason: "it does not start as a segment must")
        }
        if !lineage.follow(start) {
            throw .damaged(file: name, offset: 0, reason: "it belongs to another stream")
        }
        if fileIndex > 0, start.lsn != scanner.lsn {
            throw .damaged(
                file: name, offset: 0,
                reason: "it starts at position \(start.lsn), but the segment before ends"
                    + " at \(scanner.lsn)")
        }
        segments.append(
            LogSegment(
                name: name, sequence: manifest.segments[fileIndex].sequence,
                startLSN: start.lsn))
        try logIO { () throws(IOError) in
            try scanner.open(opened, at: start.lineBytes, lsn: start.lsn)
        }
        turnsAt = nil
        if fileIndex + 1 < fileNames.count {
            let next = self.path(fileNames[fileIndex + 1])
            if disk.exists(next), let turn = try LogReader.segmentStart(disk, next),
                turn.former == start.stream
            {
                turnsAt = turn.lsn
            }
        }
        return true
    }

    private static func segmentStart(_ file: any DiskFile) throws(LogError) -> SegmentStart? {
        LogAnnotation.segmentStart(ofFile: try head(file))
    }

    /// What the first line of a segment says; nil for a file of another kind.
    package static func segmentStart(
        _ disk: any Disk, _ path: String
    ) throws(LogError) -> SegmentStart? {
        try segmentStart(try logIO { () throws(IOError) in try disk.open(path, .read) })
    }

    /// The first bytes of a file, enough for the line that starts a segment.
    private static func head(_ file: any DiskFile) throws(LogError) -> [UInt8] {
        var head = [UInt8](repeating: 0, count: LogAnnotation.segmentStartBytesMax)
        let count = try logIO { () throws(IOError) in
            try head.withUnsafeMutableBufferPointer { (raw) throws(IOError) in
                try file.read(into: UnsafeMutableRawBufferPointer(raw), at: 0)
            }
        }
        head.removeLast(head.count - count)
        return head
    }

    private static func isRDB(
        _ disk: any Disk, _ files: LogFiles, _ name: String
    ) throws(LogError) -> Bool {
        let path = files.path(name)
        if !disk.exists(path) { throw .missing(file: name) }
        let file = try logIO { () throws(IOError) in try disk.open(path, .read) }
        return try head(file).starts(with: Array("REDIS".utf8))
    }

    /// Whether the log that a manifest names is Firn's, judging by its last segment; false for
    /// one that Redis wrote, which is to be imported.
    package static func isFirn(
        _ disk: any Disk, _ files: LogFiles, _ manifest: LogManifest
    ) throws(LogError) -> Bool {
        guard let last = manifest.segments.last else { return false }
        if !disk.exists(files.path(last.name)) { throw .missing(file: last.name) }
        let file = try logIO { () throws(IOError) in try disk.open(files.path(last.name), .read) }
        return try head(file).withUnsafeBytes { LogAnnotation.startsSegment($0) }
    }
}
