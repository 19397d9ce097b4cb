// A restore: the data directory is made anew of a snapshot, a log, or both.
//
// It goes the way of an import (Opening.swift): keys stream through the hot tier into the cold one
// within the memory budget, then a log begins. What must not happen is a directory that looks
// whole and is not, so a marker file is there from before the first step until after the last one:
//
//     firn.restoring          holds the source's path; a start that finds it is refused, a restore
//                             that finds it begins anew
//
// A point in time: the snapshot says of which stream it is and at which position (`firn-stream`,
// `firn-lsn`), so the segments are applied from just there, unit by unit, up to the limit. Keys
// whose time came meanwhile are not left out while there are effects to apply, for one of them may
// be a PERSIST; they expire when the server runs.

import Glibc

struct Restore {
    private static let markerName = "firn.restoring"

    let request: RestoreRequest
    let configuration: Configuration
    let disk: any Disk
    let files: LogFiles

    private var marker: String { "\(configuration.dir)/\(Restore.markerName)" }

    /// Refuses a directory in which a restore broke off.
    static func refuseBrokenOff(_ directory: String, _ disk: any Disk) throws(StartError) {
        let path = "\(directory)/\(markerName)"
        guard disk.exists(path) else { return }
        let source = (try? disk.contents(path)).map { String(decoding: $0, as: UTF8.self) } ?? "?"
        throw StartError(
            "A restore of '\(source)' into '\(directory)' has not come to its end: run it again, "
                + "or remove the directory")
    }

    // MARK: The directory

    /// Empties the directory if that is allowed, and marks it. The directory's lock is held.
    func prepare() throws(StartError) {
        let directory = configuration.dir
        for path in [request.source] + request.logs where contains(files.directory, path) {
            throw StartError(
                "'\(path)' is a part of the directory that is to be restored into; copy it first")
        }
        let isAgain = disk.exists(marker)
        let old = try leftovers()
        if !old.isEmpty, !isAgain, !request.force {
            throw StartError(
                "The data directory '\(directory)' is not empty; a restore replaces what is "
                    + "there only with --force")
        }
        try starting { () throws(IOError) in
            try disk.replace(
                Restore.markerName, in: directory, with: Array(request.source.utf8))
            for path in old { try disk.remove(path) }
        }
    }

    /// The restore is whole, and durable.
    func finish() throws(StartError) {
        try starting { () throws(IOError) in
            try disk.remove(marker)
            try disk.syncDirectory(configuration.dir)
        }
    }

    /// The files of the data that is there: cold tier, log, snapshot, but not the source.
    private func leftovers() throws(StartError) -> [String] {
        var paths = ["data.mdb", "lock.mdb"].map { "\(configuration.dir)/cold/\($0)" }
        let snapshot = "\(configuration.dir)/\(configuration.dbFilename)"
        if !isSame(snapshot, request.source) { paths.append(snapshot) }
        if disk.exists(files.directory) {
            let names = try starting { () throws(IOError) in try disk.list(files.directory) }
            // The manifest first: without it the segments are nothing.
            paths += names.filter { $0 == files.manifestName }.map(files.path)
            paths += names.filter {
                $0 != files.manifestName && $0.hasPrefix("\(files.baseName).")
            }.map(files.path)
        }
        return paths.filter(disk.exists)
    }

    private func isSame(_ path: String, _ other: String) -> Bool {
        var first = stat()
        var second = stat()
        return stat(path, &first) == 0 && stat(other, &second) == 0
            && first.st_ino == second.st_ino && first.st_dev == second.st_dev
    }

    /// Whether `path` is the directory or directly in it.
    private func contains(_ directory: String, _ path: String) -> Bool {
        if isSame(directory, path) { return true }
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return false }
        return isSame(directory, String(path[..<slash]))
    }

    // MARK: The data

    /// Loads everything into an empty engine. Without the lock.
    func load(_ engine: Engine, _ report: inout RecoveryReport) throws(StartError) {
        report.source = request.source
        engine.withLock { $0.isImporting = true }
        defer { engine.withLock { $0.isImporting = false } }
        switch try RestoreSource.find(disk, request.source) {
        case .snapshot(let path): try loadSnapshot(engine, path, &report)
        case .commands(let path): try loadCommands(engine, path, from: 0, &report)
        case .log(let files, let manifest): try loadLog(engine, files, manifest, &report)
        case .segments(let path):
            try applySegments(engine, [path] + request.logs, nil, from: 0, &report)
        }
    }

    private func loadSnapshot(
        _ engine: Engine, _ path: String, _ report: inout RecoveryReport
    ) throws(StartError) {
        let facts = try starting { () throws(RDBError) in try RDBFile.facts(path, on: disk) }
        if request.logs.isEmpty, facts.isWhole {
            try refuseLimit("a snapshot is of one moment; name the log with --restore-log")
            report.importedKeys = try engine.importSnapshot(path)
            return
        }
        var end = 0
        report.importedKeys = try engine.importSnapshot(path, isBase: true, end: &end)
        if request.logs.isEmpty {
            return try loadCommands(engine, path, from: end, &report)
        }
        guard let lsn = facts.lsn, let stream = facts.stream else {
            throw StartError(
                "'\(path)' does not say of which log it is, so no segments can be applied to it")
        }
        switch request.until {
        case .lsn(let limit)? where limit < lsn:
            throw StartError("'\(path)' is of position \(lsn), which is behind \(limit)")
        case .time(let limit)? where facts.seconds ?? 0 > limit:
            throw StartError(
                "'\(path)' was made at \(facts.seconds!), which is after \(limit)")
        default: break
        }
        try applySegments(engine, request.logs, stream, from: lsn, &report)
    }

    /// A log of Redis's, or of Firn's from its base or its first position on.
    private func loadLog(
        _ engine: Engine, _ files: LogFiles, _ manifest: LogManifest,
        _ report: inout RecoveryReport
    ) throws(StartError) {
        let isFirn = try starting { () throws(LogError) in
            try LogReader.isFirn(disk, files, manifest)
        }
        if isFirn {
            var from: LSN = 0
            let lineage = try starting { () throws(LogError) in
                try LogLineage(disk, files, manifest)
            }
            if let base = manifest.base {
                let facts = try starting { () throws(RDBError) in
                    try RDBFile.facts(files.path(base.name), on: disk)
                }
                from = facts.lsn ?? 0
                if let stream = facts.stream, lineage.limit(of: stream) == nil {
                    throw StartError(
                        "The base '\(base.name)' is of another log than the segments beside it")
                }
                report.importedKeys = try engine.importSnapshot(
                    files.path(base.name), isBase: true)
            }
            return try applySegments(
                engine, [files.directory] + request.logs, lineage.stream, from: from, &report)
        }
        if !request.logs.isEmpty {
            throw StartError("'\(files.directory)' is a log of Redis's; it has no segments to add")
        }
        var reader = try starting { () throws(LogError) in
            try LogReader(
                disk, files, manifest, format: .redis,
                loadTruncated: configuration.aofLoadTruncated)
        }
        if let base = reader.rdbBase {
            report.importedKeys = try engine.importSnapshot(files.path(base), isBase: true)
        }
        try apply(engine, &reader, from: 0, &report)
    }

    /// The commands of one file, from `offset` on.
    private func loadCommands(
        _ engine: Engine, _ path: String, from offset: Int, _ report: inout RecoveryReport
    ) throws(StartError) {
        let slash = path.lastIndex(of: "/")!
        var reader = try starting { () throws(LogError) in
            try LogReader(
                disk, directory: String(path[..<slash]),
                redisFile: String(path[path.index(after: slash)...]), offset: offset,
                loadTruncated: configuration.aofLoadTruncated)
        }
        try apply(engine, &reader, from: 0, &report)
    }

    private func applySegments(
        _ engine: Engine, _ directories: [String], _ stream: [UInt8]?, from lsn: LSN,
        _ report: inout RecoveryReport
    ) throws(StartError) {
        let chain = try SegmentChain.find(
            disk, directories, stream: stream, from: lsn, until: request.until)
        guard let chain else {
            throw StartError(
                "There is no segment to restore in \(directories.joined(separator: ", "))")
        }
        if chain.startLSN > lsn {
            throw StartError(
                "The segments begin at position \(chain.startLSN), but what comes before is "
                    + (lsn == 0
                        ? "in a snapshot: restore that, and name them with --restore-log"
                        : "known only up to \(lsn): one is missing between them"))
        }
        report.turns = chain.turns
        var reader = try starting { () throws(LogError) in
            try chain.reader(disk, loadTruncated: configuration.aofLoadTruncated)
        }
        try apply(engine, &reader, from: lsn, &report)
    }

    private func apply(
        _ engine: Engine, _ reader: inout LogReader, from lsn: LSN,
        _ report: inout RecoveryReport
    ) throws(StartError) {
        if case .lsn? = request.until, reader.isRedis {
            try refuseLimit("a log of Redis's has no positions")
        }
        do throws(LogError) {
            let end = try engine.replay(
                &reader, from: lsn, until: request.until, report: &report)
            report.droppedBytes = end?.droppedBytes ?? 0
            report.droppedReason = end?.droppedReason ?? ""
        } catch {
            throw StartError(error.description)
        }
    }

    private func refuseLimit(_ reason: String) throws(StartError) {
        if let limit = request.until {
            throw StartError("Can't restore up to \(limit): \(reason)")
        }
    }
}
