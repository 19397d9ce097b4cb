// What a restore reads: which kind of file or directory the source is, and which segments of the
// directories given beside it continue it.
//
// Segments say themselves which stream they belong to and where they start, so their names and
// the manifest do not matter: an archive, the directory of a log that broke off and copies of both
// may be given together, in any order, and overlap.

import Glibc

/// The kind of thing that a restore begins with.
enum RestoreSource {
    /// An RDB file; one of Redis's with an AOF behind it, too.
    case snapshot(path: String)
    /// One file of commands: an AOF in the layout before Redis 7.
    case commands(path: String)
    /// A directory with a manifest.
    case log(LogFiles, LogManifest)
    /// A segment of Firn's, or a directory with segments and no manifest.
    case segments(path: String)

    /// Looks what `path` is.
    static func find(_ disk: any Disk, _ path: String) throws(StartError) -> RestoreSource {
        guard disk.exists(path) else { throw StartError("There is no '\(path)' to restore") }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            return try directory(disk, path)
        }
        do {
            let file = try disk.open(path, .read)
            var head = [UInt8](repeating: 0, count: 5)
            let count = try head.withUnsafeMutableBufferPointer { (raw) throws(IOError) in
                try file.read(into: UnsafeMutableRawBufferPointer(raw), at: 0)
            }
            if count == 5, head == Array("REDIS".utf8) { return .snapshot(path: path) }
            if count == 5, head == Array("#FIRN".utf8) { return .segments(path: path) }
            if count > 0, head[0] == UInt8(ascii: "*") || head[0] == UInt8(ascii: "#") {
                return .commands(path: path)
            }
        } catch {
            throw StartError(error.description)
        }
        throw StartError("'\(path)' is neither an RDB file nor a log of commands")
    }

    private static func directory(
        _ disk: any Disk, _ path: String
    ) throws(StartError) -> RestoreSource {
        if disk.exists("\(path)/cold/data.mdb") {
            throw StartError(
                "'\(path)' is a data directory with a cold tier: start with --dir '\(path)', or "
                    + "restore the snapshot in it")
        }
        let names = try starting { () throws(IOError) in try disk.list(path) }
        let manifests = names.filter { $0.hasSuffix(".manifest") && !$0.hasPrefix("temp-") }
        if manifests.count > 1 {
            throw StartError("'\(path)' holds the manifests of several logs")
        }
        if let name = manifests.first {
            let files = LogFiles(directory: path, baseName: String(name.dropLast(9)))
            if let manifest = try starting({ () throws(LogError) in try files.loadManifest(disk) })
            {
                return .log(files, manifest)
            }
        }
        return .segments(path: path)
    }
}

/// Segments that follow each other.
struct SegmentChain {
    let stream: [UInt8]
    let startLSN: LSN
    /// In order.
    let paths: [String]

    /// Every segment, given itself or in a directory given, that belongs to `stream` (nil: there must be one stream)
    /// and does not end before `lsn`; nil if there is none.
    static func find(
        _ disk: any Disk, _ places: [String], stream: [UInt8]?, from lsn: LSN
    ) throws(StartError) -> SegmentChain? {
        var found: [LSN: (path: String, bytes: Int)] = [:]
        var stream = stream
        let isGiven = stream != nil
        for place in places {
            let isDirectory = SegmentChain.isDirectory(place)
            let names = try starting { () throws(IOError) in
                isDirectory ? try disk.list(place) : [""]
            }
            for name in names {
                let path = isDirectory ? "\(place)/\(name)" : place
                if isDirectory,
                    SegmentChain.isDirectory(path) || name.hasSuffix(".tmp")
                        || name.hasPrefix("temp-")
                {
                    continue
                }
                let (start, bytes) = try starting { () throws(LogError) in
                    let start = try LogReader.segmentStart(disk, path)
                    return (
                        start,
                        try logIO { () throws(IOError) in
                            try disk.open(path, .read).size()
                        }
                    )
                }
                guard let start else { continue }
                if let stream, start.stream != stream {
                    if isGiven { continue }
                    throw StartError(
                        "The segments belong to several logs: '\(path)' is of another than the "
                            + "rest. Restore the snapshot of the one that is wanted")
                }
                stream = start.stream
                // A copy may have been cut short.
                if found[start.lsn].map({ $0.bytes < bytes }) ?? true {
                    found[start.lsn] = (path, bytes)
                }
            }
        }
        guard let stream else { return nil }
        var starts = found.keys.sorted()
        // A segment ends where the next one starts.
        while starts.count > 1, starts[1] <= lsn { starts.removeFirst() }
        guard let first = starts.first else { return nil }
        return SegmentChain(
            stream: stream, startLSN: first, paths: starts.map { found[$0]!.path })
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// A reader of all of them. The last may have a torn tail.
    func reader(_ disk: any Disk, loadTruncated: Bool) throws(LogError) -> LogReader {
        var manifest = LogManifest()
        for (index, path) in paths.enumerated() {
            manifest.segments.append(.init(name: path, sequence: index + 1))
        }
        return try LogReader(
            disk, LogFiles(directory: ""), manifest, loadTruncated: loadTruncated,
            bulkBytesMax: Int.max >> 1)
    }
}
