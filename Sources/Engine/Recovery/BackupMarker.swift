// What tells a backup from the directory that it was copied from.
//
//     dir/firn.backup      the line that starts a segment: the original's stream, and the position
//                          that the backup holds
//
// The first start of the backup lets its log go on as a stream of its own (Log/LogLineage.swift), and
// removes the marker when that is durable. Killed in between, the next start finds another stream
// than the marker's and knows that the change has been made.

enum BackupMarker {
    private static let name = "firn.backup"

    static func path(in directory: String) -> String { "\(directory)/\(name)" }

    /// Marks `directory`; durable on return.
    static func store(
        _ stream: [UInt8], _ lsn: LSN, in directory: String, _ disk: any Disk
    ) throws(IOError) {
        try disk.replace(
            name, in: directory, with: LogAnnotation.segmentStart(stream: stream, lsn: lsn))
    }

    /// Whether a log of `stream` in `directory` is still the original's, who may go on with it. A
    /// marker that cannot be read counts: one change too many does no harm.
    static func isUnused(
        in directory: String, _ stream: [UInt8], _ disk: any Disk
    ) throws(LogError) -> Bool {
        let path = path(in: directory)
        guard disk.exists(path) else { return false }
        return try LogReader.segmentStart(disk, path).map { $0.stream == stream } ?? true
    }

    /// The log is the directory's own now.
    static func remove(in directory: String, _ disk: any Disk) throws(IOError) {
        guard disk.exists(path(in: directory)) else { return }
        try disk.remove(path(in: directory))
        try disk.syncDirectory(directory)
    }
}
