// Whether a log is whole: its manifest, and its segments as one stream.
//
// The reader of the recovery stops at the first thing that is wrong; a check goes on: with the
// next segment after damage, and with the effects' meaning after their checksums. What is checked
// of a segment: its first line, that it continues the one before, each batch's CRC and position,
// MULTI/EXEC framing, and that every effect is a known command that writes one key or is one of
// the few that act on whole databases. Works on a manifest's segments or on any list of them
// (an archive of old segments has no manifest).

/// What is known of the log when the store is held against it.
struct LogCheckFacts {
    var isFirn = true
    /// Nil: the first segment does not say.
    var stream: [UInt8]?
    var start: LSN?
    /// Where the last good batch ends; nil when a segment before the last is damaged.
    var end: LSN?
    var hasBase = false
    /// Where what cannot be used begins.
    var cut: LogCut?
}

/// Bytes at the end of the log that no start can use.
struct LogCut {
    /// A torn tail: nothing whole stands behind it. Else damage in the middle.
    let isTorn: Bool
    let file: String
    let offset: Int
    /// Segments behind that file, which fall with it.
    let later: [String]
    /// The stream's position there.
    let lsn: LSN
}

final class LogCheck {
    static let part = "log"

    let files: LogFiles
    let report: CheckReport
    private let disk: any Disk = SystemDisk.shared
    private let engine: Engine
    private(set) var facts = LogCheckFacts()
    private var batches = 0
    private var effects = 0
    private var bytes = 0
    private var oddities = 0

    init(_ files: LogFiles, _ report: CheckReport) {
        self.files = files
        self.report = report
        var configuration = Configuration()
        configuration.memoryBudget = MemoryBudget(bytes: 0)
        configuration.savePoints = []
        engine = Engine(
            configuration: configuration, secret: HashSecret(k0: 1, k1: 2), seed: 1, disk: disk)
    }

    // MARK: With a manifest

    /// Checks everything that the manifest names; nil when there is no manifest.
    func run() throws(CheckError) -> LogCheckFacts? {
        let path = files.path(files.manifestName)
        guard disk.exists(path) else { return nil }
        let manifest: LogManifest
        do throws(LogError) {
            guard let found = try files.loadManifest(disk) else { return nil }
            manifest = found
        } catch {
            if case .io(let cause) = error { throw CheckError(cause.description) }
            report.add(.error, "manifest", path, error.description)
            report.end("manifest", path, [])
            return LogCheckFacts()
        }
        let names = manifest.segments.map(\.name)
        for entry in manifest.segments where entry.name != files.segmentName(entry.sequence) {
            report.add(
                .warning, "manifest", path,
                "'\(entry.name)' is not the usual name of segment \(entry.sequence)")
        }
        if let base = manifest.base, !disk.exists(files.path(base.name)) {
            report.add(.error, "manifest", path, "the base '\(base.name)' is missing")
        }
        if names.isEmpty { report.add(.error, "manifest", path, "it names no segment") }
        report.end(
            "manifest", path,
            [
                ("segments", names.count), ("bases", manifest.base == nil ? 0 : 1),
                ("history", manifest.history.count),
            ])
        facts.isFirn = try isFirn(names)
        facts.hasBase = manifest.base != nil
        if facts.isFirn {
            try check(names, files.directory)
        } else {
            try checkRedis(manifest)
        }
        if let base = manifest.base, disk.exists(files.path(base.name)) {
            try RDBCheck.run(
                files.path(base.name), report, part: "base",
                position: facts.isFirn ? facts.start : nil, isBase: true)
        }
        if facts.isFirn { try checkOthers(manifest) }
        return facts
    }

    /// Whether any of the segments is Firn's; a log without is Redis's.
    private func isFirn(_ names: [String]) throws(CheckError) -> Bool {
        if names.isEmpty { return true }
        for name in names.reversed() where disk.exists(files.path(name)) {
            let head = try head(files.path(name))
            if head.withUnsafeBytes({ LogAnnotation.startsSegment($0) }) { return true }
        }
        for name in names where disk.exists(files.path(name)) {
            let head = try head(files.path(name))
            if head.first == 0x2A || head.starts(with: Array("#TS:".utf8)) { return false }
        }
        return true
    }

    /// A log that Redis wrote, to be imported by the next start.
    private func checkRedis(_ manifest: LogManifest) throws(CheckError) {
        var effects = 0
        do throws(LogError) {
            var reader = try LogReader(
                disk, files, manifest, format: .redis, bulkBytesMax: Int.max >> 1)
            while try reader.next() != nil { effects += 1 }
            if let end = reader.end, end.droppedBytes > 0 {
                report.add(
                    .warning, LogCheck.part, files.directory,
                    "\(end.droppedBytes) bytes at the end are no whole command "
                        + "(\(end.droppedReason)); a start leaves them out")
            }
        } catch {
            if case .io(let cause) = error { throw CheckError(cause.description) }
            report.add(.error, LogCheck.part, files.directory, error.description)
        }
        report.end("log of Redis", files.directory, [("commands", effects)])
    }

    /// Segments that lie in the directory and that the manifest does not name.
    private func checkOthers(_ manifest: LogManifest) throws(CheckError) {
        let known = Set(manifest.segments.map(\.name))
        let history = Set(manifest.history.map(\.name))
        let names: [String]
        do throws(IOError) { names = try disk.list(files.directory) } catch {
            throw CheckError(error.description)
        }
        for name in names.sorted()
        where !known.contains(name) && name.hasSuffix(".incr.aof")
            && name.hasPrefix(files.baseName + ".")
        {
            let path = files.path(name)
            let head = try head(path)
            guard let start = LogCheck.start(head), start.stream == facts.stream,
                let end = facts.end, start.lsn >= end, head.count > start.bytes
            else {
                report.add(
                    .note, LogCheck.part, path,
                    history.contains(name)
                        ? "is no longer needed" : "the manifest does not name this segment")
                continue
            }
            report.add(
                .error, LogCheck.part, path,
                "it goes on where the log ends (position \(end)), but the manifest "
                    + (history.contains(name) ? "calls it no longer needed" : "does not name it"))
        }
    }

    // MARK: Segments

    /// Checks segments as one stream, in this order. `directory` holds them.
    func check(_ names: [String], _ directory: String) throws(CheckError) {
        var end: LSN?
        var isFirst = true
        var isBroken = false
        for (index, name) in names.enumerated() {
            let path = "\(directory)/\(name)"
            guard disk.exists(path) else {
                report.add(.error, LogCheck.part, path, "the segment is missing")
                (end, isFirst, isBroken) = (nil, false, true)
                continue
            }
            let head = try head(path)
            guard let start = LogCheck.start(head) else {
                report.add(
                    .error, LogCheck.part, path, offset: 0, "it does not start as a segment must")
                (end, isFirst, isBroken) = (nil, false, true)
                continue
            }
            if facts.stream == nil { facts.stream = start.stream }
            if isFirst { facts.start = start.lsn }
            if start.stream != facts.stream {
                isBroken = true
                report.add(
                    .error, LogCheck.part, path, offset: 0, "it belongs to another stream")
            }
            if let end, start.lsn != end {
                isBroken = true
                report.add(
                    .error, LogCheck.part, path, offset: 0,
                    "it starts at position \(start.lsn), but the segment before ends at \(end)")
            }
            isFirst = false
            let later = Array(names[(index + 1)...])
            end = try checkSegment(path, name, start, later, mayCut: !isBroken)
            if end == nil { isBroken = true }
        }
        if facts.cut?.isTorn ?? false { end = facts.cut!.lsn }
        facts.end = isBroken && !(facts.cut?.isTorn ?? false) ? nil : end
        report.end(
            LogCheck.part, directory,
            [
                ("segments", names.count), ("batches", batches), ("effects", effects),
                ("bytes", bytes),
            ])
    }

    /// One segment; the position at its end, nil when it is damaged before.
    private func checkSegment(
        _ path: String, _ name: String, _ start: SegmentStart, _ later: [String], mayCut: Bool
    ) throws(CheckError) -> LSN? {
        do throws(IOError) {
            let file = try disk.open(path, .read)
            var scanner = LogScanner(isRaw: true, bulkBytesMax: Int.max >> 1)
            try scanner.open(file, at: start.bytes, lsn: start.lsn)
            bytes += scanner.size
            while true {
                let reason: String
                switch try scanner.scan() {
                case .batch:
                    batches += 1
                    checkEffects(scanner, path)
                    continue
                case .end: return scanner.lsn
                case .torn(let text), .bad(let text): reason = text
                }
                let offset = scanner.goodOffset
                let left = scanner.size - offset
                var isTorn = later.isEmpty
                if isTorn {
                    isTorn = try !LogDamage.intactBatchFollows(
                        file, from: offset, size: scanner.size)
                }
                if mayCut, facts.cut == nil {
                    facts.cut = LogCut(
                        isTorn: isTorn, file: name, offset: offset, later: later, lsn: scanner.lsn)
                }
                if isTorn {
                    report.add(
                        .warning, LogCheck.part, path, offset: offset,
                        "\(left) bytes at the end are no whole batch, as a crash leaves them "
                            + "(\(reason))",
                        remedy: mayCut ? "they are cut off and kept in a file" : nil)
                } else {
                    report.add(
                        .error, LogCheck.part, path, offset: offset,
                        "damaged: \(reason); position \(scanner.lsn), \(left) bytes behind it "
                            + "are not looked at", remedy: mayCut ? LogCheck.cutOnRequest : nil)
                }
                return nil
            }
        } catch { throw CheckError(error.description) }
    }

    /// What `--fix` does about damage in the middle.
    static let cutOnRequest = "with --truncate-log-at-damage the log is cut there"

    private func checkEffects(_ scanner: borrowing LogScanner, _ path: String) {
        for command in scanner.commands {
            let name = scanner.argument(command.firstArgument)
            if LogCheck.isFrame(name, command.argumentCount) { continue }
            effects += 1
            guard let oddity = oddity(scanner, command, name) else { continue }
            oddities += 1
            if oddities > 20 { continue }
            report.add(
                .error, LogCheck.part, path, offset: scanner.batchOffset + command.start,
                "'\(name.prefixText(32))' \(oddity)")
        }
    }

    private static func isFrame(_ name: Bytes, _ count: Int) -> Bool {
        count == 1 && (name.equalsIgnoringCase("multi") || name.equalsIgnoringCase("exec"))
            || count == 2 && name.equalsIgnoringCase("select")
    }

    /// What is wrong with an effect; nil when nothing is.
    private func oddity(
        _ scanner: borrowing LogScanner, _ command: LogScanner.Command, _ name: Bytes
    ) -> String? {
        let isLibrary = name.equalsIgnoringCase("function")
        // What fills positions that a cut has left; see LogMend.swift.
        let isPadding = name.equalsIgnoringCase("ping")
        if isLibrary || isPadding { return nil }
        guard let index = engine.commands.find(name) else { return "is no command" }
        var views: [Bytes] = []
        for number in 0..<command.argumentCount {
            views.append(scanner.argument(command.firstArgument + number))
        }
        return views.withUnsafeBufferPointer { views -> String? in
            let arguments = Arguments(views)
            if engine.commands.keyOfEffect(index, arguments) == nil {
                let actsOnAll =
                    name.equalsIgnoringCase("flushall") || name.equalsIgnoringCase("flushdb")
                    || name.equalsIgnoringCase("swapdb")
                return actsOnAll ? nil : "names no key"
            }
            guard case .range = engine.commands[index].pointee.keys,
                engine.commands[index].pointee.subcommands.isEmpty
            else { return nil }
            var keys = 0
            engine.commands[index].pointee.keys.forEach(arguments) { _ in keys += 1 }
            return keys > 1 ? "names \(keys) keys" : nil
        }
    }

    // MARK: Heads

    struct SegmentStart {
        let stream: [UInt8]
        let lsn: LSN
        /// Length of the line.
        let bytes: Int
    }

    static func start(_ head: [UInt8]) -> SegmentStart? {
        guard let end = head.firstIndex(of: 0x0A), end > 0, head[end - 1] == 0x0D,
            let found = head.withUnsafeBytes({
                LogAnnotation.segmentStart($0.slice(0, end - 1))
            })
        else { return nil }
        return SegmentStart(stream: found.stream, lsn: found.lsn, bytes: end + 1)
    }

    private func head(_ path: String) throws(CheckError) -> [UInt8] {
        do throws(IOError) { return try CheckFiles.head(path, 256) } catch {
            throw CheckError(error.description)
        }
    }
}
