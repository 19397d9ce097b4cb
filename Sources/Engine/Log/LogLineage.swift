// The streams that a log has belonged to.
//
// A server that goes on from a backup writes a stream of its own. Otherwise it and the original
// would give the same positions of the same stream to different effects, and a restore from an
// archive could mix them. The position itself goes on, as Redis's replication offset does when the
// id changes at a failover. The change stands in the first line of the new stream's first segment:
//
//     #FIRN:stream=<new>;lsn=<position>;former=<old>;crc=…    up to the position it is the old one
//
// so segments before it stay what they are, and whoever reads an archive can follow. Of a segment
// of the old stream only what is before that position belongs to the new one; the original may have
// gone on in it.

/// What the first line of a segment says.
package struct SegmentStart: Equatable, Sendable {
    package var stream: [UInt8]
    package var lsn: LSN
    /// The stream that this one continues here, in its first segment.
    package var former: [UInt8]?
    /// Length of the line.
    package var lineBytes: Int
}

/// A stream that a log belonged to, and the position at which another one took its place.
package struct FormerStream: Equatable, Sendable {
    package let stream: [UInt8]
    package let until: LSN
}

package struct LogLineage: Equatable, Sendable {
    /// The stream that is written; empty before the first segment.
    package private(set) var stream: [UInt8] = []
    /// Those before it, as far as segments tell of them, oldest first.
    package private(set) var former: [FormerStream] = []

    init() {}

    /// Of the log that a manifest names, judging by the first lines of its segments.
    init(_ disk: any Disk, _ files: LogFiles, _ manifest: LogManifest) throws(LogError) {
        for segment in manifest.segments {
            if !disk.exists(files.path(segment.name)) { throw .missing(file: segment.name) }
            guard let start = try LogReader.segmentStart(disk, files.path(segment.name)) else {
                throw .damaged(
                    file: segment.name, offset: 0, reason: "it does not start as a segment must")
            }
            if !follow(start) {
                throw .damaged(
                    file: segment.name, offset: 0, reason: "it belongs to another stream")
            }
        }
    }

    /// Takes the next segment; false when it is of another log.
    mutating func follow(_ start: SegmentStart) -> Bool {
        if !stream.isEmpty, start.former != stream { return start.stream == stream }
        if let old = start.former { former.append(FormerStream(stream: old, until: start.lsn)) }
        stream = start.stream
        return true
    }

    /// Up to which position the log is what `stream` is; nil for a stream that it never was.
    func limit(of stream: [UInt8]) -> LSN? {
        if stream == self.stream { return .max }
        return former.last { $0.stream == stream }?.until
    }
}

extension LogWriter {
    /// Lets a log that has been read to its end go on as `stream`, in a segment of its own. Durable
    /// on return; interrupted, the log is what it was or what it is to be. Cuts a torn tail off.
    static func branch(
        _ disk: any Disk, _ files: LogFiles, _ end: LogEnd, to stream: [UInt8]
    ) throws(LogError) -> LogEnd {
        guard let last = end.segments.last else {
            throw .manifest(file: files.manifestName, line: 0, reason: "it names no segment")
        }
        let former = FormerStream(stream: end.stream, until: end.lsn)
        let sequence = last.sequence + 1
        var next = end
        next.stream = stream
        next.former = former
        next.segments.append(
            .init(name: files.segmentName(sequence), sequence: sequence, startLSN: end.lsn))
        next.manifest.segments.append(
            .init(name: files.segmentName(sequence), sequence: sequence))
        (next.droppedBytes, next.droppedReason) = (0, "")
        next.lastFileBytes = try logIO { () throws(IOError) in
            let old = try disk.open(files.path(last.name), .update)
            try old.truncate(to: end.lastFileBytes)
            try old.syncData()
            let made = try makeSegment(
                disk, files, next.segments[next.segments.count - 1], stream, former: former.stream)
            try files.store(next.manifest, disk)
            return made.length
        }
        return next
    }
}
