// The log: what its positions, policies, files and errors are called.
//
// The log is a stream of effects, ordinary RESP write commands with one key each, cut into
// segment files in the layout of Redis 7 (`appendonlydir/`, a manifest, numbered `.incr.aof`
// files), so that any Redis can load it and redis-check-aof can check it. What Redis does not
// know stands in `#` lines, which Redis 7 skips (see LogAnnotation.swift for their forms).
//
//     #FIRN:stream=<40 hex>;lsn=0;crc=…     start of a segment: which stream, from where
//     *2 $6 SELECT $1 0  *3 $3 SET …        a batch: whole commands, whole MULTI/EXEC units
//     #FIRN:lsn=65;crc=89abcdef             end of the batch: the position, the batch's CRC-32C
//     …                                     more batches
//
// Without a cold tier the log begins with a base, as in Redis: an RDB file that holds the keyspace
// as it was where the first segment starts (Rewriting.swift).
//
// `LogBuffer` encodes effects under the engine's lock, `LogWriter` writes them once per turn
// of an event loop, `LogSyncer` makes them durable, `LogReader` reads them back.

/// A position in the stream of effects: how many bytes of RESP commands stand before it.
/// Annotation lines do not count. Also the replication offset and the version of cold records.
package typealias LSN = UInt64

/// When the log is made durable: the values of `appendfsync`.
package enum SyncPolicy: Sendable {
    /// Before a write is acknowledged.
    case always
    /// Once a second, in the background.
    case everysec
    /// When the system likes.
    case no
}

/// Where the log lives: `appenddirname` and `appendfilename`.
package struct LogFiles: Sendable {
    /// Path of the directory of the segments.
    package let directory: String
    /// First part of every file name, `appendonly.aof` by default.
    package let baseName: String

    package init(directory: String, baseName: String = "appendonly.aof") {
        self.directory = directory
        self.baseName = baseName
    }

    var manifestName: String { "\(baseName).manifest" }
    func segmentName(_ sequence: Int) -> String { "\(baseName).\(sequence).incr.aof" }
    func baseFileName(_ sequence: Int) -> String { "\(baseName).\(sequence).base.rdb" }
    func path(_ name: String) -> String { "\(directory)/\(name)" }
}

/// Why a log cannot be read or written.
package enum LogError: Error, Equatable, Sendable, CustomStringConvertible {
    case io(IOError)
    /// The manifest does not parse. `line` counts from 1, 0 where no line is to blame.
    case manifest(file: String, line: Int, reason: String)
    /// The manifest names a file that is not there.
    case missing(file: String)
    /// Bytes before the tail are not what was written: `offset` is that of the batch (in a
    /// Redis log, the command or unit) that is damaged.
    case damaged(file: String, offset: Int, reason: String)
    /// An effect is of a database that the server is not configured to have.
    case database(Int)

    package var description: String {
        switch self {
        case .io(let error): return error.description
        case .manifest(let file, let line, let reason):
            return line == 0 ? "manifest \(file): \(reason)" : "manifest \(file):\(line): \(reason)"
        case .missing(let file): return "log segment \(file) is missing"
        case .damaged(let file, let offset, let reason):
            return "log segment \(file) is damaged at offset \(offset): \(reason)"
        case .database(let index):
            return "the log has effects on database \(index); 'databases' must be greater"
        }
    }
}

/// Runs file operations, turning their errors into the log's.
@inline(__always)
func logIO<Result>(_ body: () throws(IOError) -> Result) throws(LogError) -> Result {
    do { return try body() } catch { throw .io(error) }
}

/// A segment that the manifest names, with the position at which it starts.
package struct LogSegment: Equatable, Sendable {
    package let name: String
    package let sequence: Int
    package let startLSN: LSN
}
