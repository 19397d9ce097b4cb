// Segments that follow each other, out of places that may hold those of several logs.
//
// Segments say themselves which stream they belong to and where they start, so their names and
// the manifest do not matter: an archive, the directory of a log that broke off and copies of both
// may be given together, in any order, and overlap.
//
// A server that goes on from a backup begins a stream of its own where the backup ends
// (Log/LogLineage.swift). So what is found is a tree: the original may have gone on past that position,
// and several servers may have begun at one backup. Which branch is wanted:
//
// - the stream that a snapshot or a manifest names, as long as its segments go on;
// - where they end just where another begins, that one;
// - without a name, the only one there is.
//
// Everything else is refused rather than guessed.

import Glibc

struct SegmentChain {
    let startLSN: LSN
    /// In order.
    let paths: [String]
    /// Where the stream changes.
    let turns: [LSN]

    /// The segments, given themselves or in a directory given, that lead from position `lsn` on; nil
    /// if there is none. `stream` is the one that something else names; nil: there must be one.
    static func find(
        _ disk: any Disk, _ places: [String], stream: [UInt8]?, from lsn: LSN,
        until limit: RestoreLimit?
    ) throws(StartError) -> SegmentChain? {
        let found = try SegmentsFound(disk, places)
        guard let last = try found.lastStream(stream, from: lsn, until: limit) else { return nil }
        var (segments, turns) = found.leading(to: last, from: lsn)
        // A segment ends where the next one starts.
        while segments.count > 1, segments[1].start.lsn <= lsn { segments.removeFirst() }
        guard let first = segments.first else { return nil }
        turns.removeAll { $0 <= first.start.lsn }
        return SegmentChain(
            startLSN: first.start.lsn, paths: segments.map(\.path), turns: turns)
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

/// Every segment in some places, by stream and position.
private struct SegmentsFound {
    struct Segment {
        let start: SegmentStart
        let path: String
        let bytes: Int
    }

    private let disk: any Disk
    private var streams: [[UInt8]: [LSN: Segment]] = [:]

    init(_ disk: any Disk, _ places: [String]) throws(StartError) {
        self.disk = disk
        for place in places {
            guard SegmentsFound.isDirectory(place) else {
                try add(place)
                continue
            }
            for name in try starting({ () throws(IOError) in try disk.list(place) }) {
                let path = "\(place)/\(name)"
                if !SegmentsFound.isDirectory(path), !name.hasSuffix(".tmp"),
                    !name.hasPrefix("temp-"), path != BackupMarker.path(in: place)
                {
                    try add(path)
                }
            }
        }
    }

    private mutating func add(_ path: String) throws(StartError) {
        guard
            let start = try starting({ () throws(LogError) in
                try LogReader.segmentStart(disk, path)
            })
        else { return }
        let bytes = try starting { () throws(IOError) in try disk.open(path, .read).size() }
        // A copy may have been cut short.
        if streams[start.stream]?[start.lsn].map({ $0.bytes < bytes }) ?? true {
            streams[start.stream, default: [:]][start.lsn] = Segment(
                start: start, path: path, bytes: bytes)
        }
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The segment with which a stream took another one's place.
    private func turn(of stream: [UInt8]) -> Segment? {
        streams[stream]?.values.first { $0.start.former != nil }
    }

    /// The stream in which the log ends.
    func lastStream(
        _ named: [UInt8]?, from lsn: LSN, until limit: RestoreLimit?
    ) throws(StartError) -> [UInt8]? {
        if streams.isEmpty { return nil }
        var stream: [UInt8]
        if let named {
            stream = named
        } else {
            let roots = streams.keys.filter { key in
                turn(of: key)?.start.former.map { streams[$0] == nil } ?? true
            }
            guard roots.count == 1 else {
                let other = roots.first.flatMap { streams[$0]?.values.first?.path } ?? ""
                throw StartError(
                    "The segments belong to several logs: '\(other)' is of another than the "
                        + "rest. Restore the snapshot of the one that is wanted")
            }
            stream = roots[0]
        }
        var seen: Set<[UInt8]> = []
        while seen.insert(stream).inserted {
            var next = streams.keys.compactMap(turn).filter {
                $0.start.former == stream && $0.start.lsn >= lsn
            }
            if case .lsn(let limit)? = limit { next.removeAll { $0.start.lsn >= limit } }
            if next.isEmpty { return stream }
            let end = try end(of: stream)
            if named != nil, let end { next.removeAll { $0.start.lsn != end } }
            guard let branch = next.first else { return stream }
            if next.count > 1 || end.map({ $0 > branch.start.lsn }) ?? false {
                let name = String(decoding: stream.prefix(8), as: UTF8.self)
                throw StartError(
                    "At position \(branch.start.lsn) the log '\(name)' goes on in several ways, "
                        + "because servers were started from a backup: '\(branch.path)' is one of "
                        + "them. Give only the segments of the one that is wanted")
            }
            stream = branch.start.stream
        }
        return stream
    }

    /// Where the last segment of a stream ends; nil if there is none.
    private func end(of stream: [UInt8]) throws(StartError) -> LSN? {
        guard let last = streams[stream]?.values.max(by: { $0.start.lsn < $1.start.lsn }) else {
            return nil
        }
        return try starting { () throws(IOError) in
            var scanner = LogScanner(isRaw: true, bulkBytesMax: Int.max >> 1)
            try scanner.open(
                disk.open(last.path, .read), at: last.start.lineBytes, lsn: last.start.lsn)
            while try scanner.scan() == .batch {}
            return scanner.lsn
        }
    }

    /// The segments of a stream and of those whose place it took, as far back as `lsn`, in order.
    func leading(to stream: [UInt8], from lsn: LSN) -> (segments: [Segment], turns: [LSN]) {
        var segments: [Segment] = []
        var turns: [LSN] = []
        var seen: Set<[UInt8]> = []
        var stream = stream
        var end = LSN.max
        while seen.insert(stream).inserted {
            let own = (streams[stream] ?? [:]).values.filter { $0.start.lsn < end }
            segments = own.sorted { $0.start.lsn < $1.start.lsn } + segments
            guard let turn = turn(of: stream), turn.start.lsn > lsn else { break }
            turns.insert(turn.start.lsn, at: 0)
            end = turn.start.lsn
            stream = turn.start.former!
        }
        return (segments, turns)
    }
}
