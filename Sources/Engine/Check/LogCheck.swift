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
    /// Empty when no segment says.
    var lineage = LogLineage()
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
    /// The stream that is left.
    let stream: [UInt8]
    /// The stream's position there.
    let lsn: LSN
}

final class LogCheck {
    static let part = "log"

    let files: LogFiles
    let report: CheckReport
    private let store: ColdFacts?
    private let disk: any Disk = SystemDisk.shared
    private let engine: Engine
    private(set) var facts = LogCheckFacts()
    private var batches = 0
    private var effects = 0
    private var bytes = 0
    private var oddities = 0

    /// `store`: what is known of the store beside the log.
    init(_ files: LogFiles, _ report: CheckReport, store: ColdFacts? = nil) {
        self.files = files
        self.report = report
        self.store = store
        var configuration = Configuration()
        configuration.memoryBudget = MemoryBudget(bytes: 0)
        configuration.savePoints = []
        engine = Engine(
            configuration: configuration, secret: HashSecret(k0: 1, k1: 2), seed: 1,
            world: World(disk: disk))
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
        facts.hasBase = manifest.base != nil
        facts.isFirn = try isFirn(names)
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
            guard let start = LogCheck.start(head), start.stream == facts.lineage.stream,
                let end = facts.end, start.lsn >= end, head.count > start.lineBytes
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
        /// The last segment that was good to its end.
        var last: (name: String, size: Int, lsn: LSN)?
        var isBroken = false
        for (index, name) in names.enumerated() {
            let path = "\(directory)/\(name)"
            let start = disk.exists(path) ? LogCheck.start(try head(path)) : nil
            let stream = facts.lineage.stream
            if let flaw = flaw(start, path, last?.lsn) {
                // The log may be cut behind the segment before.
                let mayCut = !isBroken && last != nil
                if mayCut, let last {
                    facts.cut = LogCut(
                        isTorn: false, file: last.name, offset: last.size,
                        later: Array(names[index...]), stream: stream, lsn: last.lsn)
                }
                report.add(
                    .error, LogCheck.part, path, offset: disk.exists(path) ? 0 : nil, flaw,
                    remedy: mayCut ? LogCheck.cutOnRequest : nil)
                isBroken = true
                last = nil
            }
            guard let start else { continue }
            if index == 0 { facts.start = start.lsn }
            let later = Array(names[(index + 1)...])
            let end = try checkSegment(path, name, start, later, mayCut: !isBroken)
            last = end.map { (name, CheckFiles.size(path), $0) }
            if end == nil { isBroken = true }
        }
        facts.end = isBroken ? nil : last?.lsn
        if let cut = facts.cut, cut.isTorn { facts.end = cut.lsn }
        checkReach(last)
        report.end(
            LogCheck.part, directory,
            [
                ("segments", names.count), ("batches", batches), ("effects", effects),
                ("bytes", bytes),
            ])
    }

    /// Why a segment cannot stand where it stands.
    private func flaw(_ start: SegmentStart?, _ path: String, _ end: LSN?) -> String? {
        if !disk.exists(path) { return "the segment is missing" }
        guard let start else { return "it does not start as a segment must" }
        if !facts.lineage.follow(start) { return "it belongs to another stream" }
        guard let end, start.lsn != end else { return nil }
        return "it starts at position \(start.lsn), but the segment before ends at \(end)"
    }

    /// The newest position that the store knows; 0 where it is another log's, or older than the
    /// base, which then stands in for it.
    private var floor: LSN {
        guard let store, let stream = store.stream, facts.lineage.limit(of: stream) != nil else {
            return 0
        }
        if facts.hasBase, store.checkpoint ?? 0 < facts.start ?? 0 { return 0 }
        return store.reach
    }

    /// The log must reach as far as the store: it is durable first.
    private func checkReach(_ last: (name: String, size: Int, lsn: LSN)?) {
        guard facts.cut == nil, let end = facts.end, let last, floor > end else { return }
        facts.cut = LogCut(
            isTorn: false, file: last.name, offset: last.size, later: [],
            stream: facts.lineage.stream, lsn: end)
        report.add(
            .error, LogCheck.part, files.path(last.name), offset: last.size,
            "the log ends at position \(end), the store holds effects up to \(floor): the "
                + "log's end is missing", remedy: LogCheck.cutOnRequest)
    }

    /// One segment; the position at its end, nil when it is damaged before.
    private func checkSegment(
        _ path: String, _ name: String, _ start: SegmentStart, _ later: [String], mayCut: Bool
    ) throws(CheckError) -> LSN? {
        do throws(IOError) {
            let file = try disk.open(path, .read)
            var scanner = LogScanner(isRaw: true, bulkBytesMax: Int.max >> 1)
            try scanner.open(file, at: start.lineBytes, lsn: start.lsn)
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
                let left = try LogDamage.contentEnd(file, from: offset, to: scanner.size) - offset
                // What the store has of behind it was whole once.
                var isTorn = later.isEmpty && floor <= scanner.lsn
                if isTorn {
                    isTorn = try !LogDamage.wasDurable(
                        file, at: offset, size: scanner.size, lsn: scanner.lsn)
                }
                let mayCut = mayCut && facts.cut == nil
                if mayCut {
                    facts.cut = LogCut(
                        isTorn: isTorn, file: name, offset: offset, later: later,
                        stream: facts.lineage.stream, lsn: scanner.lsn)
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

    static func start(_ head: [UInt8]) -> SegmentStart? {
        LogAnnotation.segmentStart(ofFile: head)
    }

    private func head(_ path: String) throws(CheckError) -> [UInt8] {
        do throws(IOError) {
            return try CheckFiles.head(path, LogAnnotation.segmentStartBytesMax)
        } catch { throw CheckError(error.description) }
    }
}
