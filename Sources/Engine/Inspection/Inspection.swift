// A data directory seen from outside: by tools, read-only, beside a running server or without one.
//
// The state of the data is the cold tier plus the log's tail. Both are taken at one point: first
// one LMDB snapshot, which stays as it is, then the log, read to where it ends at that time.
// Log before data: whatever record the snapshot has, the log read after it reaches that far. A
// checkpoint of the running server may remove segments between the two steps; then it is tried
// again.
//
// Nothing here writes, locks the directory, or needs memory in proportion to the store (see
// InspectionTail.swift and InspectionWalk.swift).

import Glibc

/// Why a directory cannot be inspected, in one line.
package struct InspectionError: Error, CustomStringConvertible {
    package let description: String
    /// A running server has changed the files meanwhile: another attempt may succeed.
    let isTransient: Bool

    package init(_ description: String) {
        self.description = description
        isTransient = false
    }

    init(transient description: String) {
        self.description = description
        isTransient = true
    }
}

/// What of a directory is looked at.
package struct InspectionOptions {
    /// Leave the log aside: damaged, or not of interest.
    package var coldOnly = false
    package var appendDirname = "appendonlydir"
    package var appendFilename = "appendonly.aof"
    /// Memory for the part of the log's tail that is replayed at a time.
    package var tailBytesMax = 256 << 20

    package init() {}
}

/// An open directory. One thread.
package final class Inspection {
    package let directory: String
    package let options: InspectionOptions
    /// The system's files, with those of the log as they were at the opening.
    let disk: any Disk
    let files: LogFiles
    /// Nil: there is none, or it holds nothing that counts.
    let store: ColdStore?
    let snapshot: ColdSnapshot?
    let tier: Tier?
    let secret: HashSecret
    /// Nil: there is no log, or it is not looked at.
    let manifest: LogManifest?
    let databaseCount: Int
    /// When it was opened: what is expired.
    package let nowMs = Clock.wallMs()
    /// What a reader of the figures should know, a line each.
    package private(set) var remarks: [String] = []

    /// Opens `directory` as it is now. O(runs).
    package static func open(
        _ directory: String, _ options: InspectionOptions = InspectionOptions()
    ) throws(InspectionError) -> Inspection {
        var attempts = 0
        while true {
            do throws(InspectionError) {
                return try Inspection(directory, options)
            } catch {
                attempts += 1
                if !error.isTransient || attempts == 5 { throw error }
                usleep(200_000)
            }
        }
    }

    private init(
        _ directory: String, _ options: InspectionOptions
    ) throws(InspectionError) {
        self.directory = directory
        self.options = options
        files = LogFiles(
            directory: "\(directory)/\(options.appendDirname)", baseName: options.appendFilename)
        try Inspection.requireDirectory(directory, files)
        var store = try Inspection.openStore(directory)
        let stream =
            try store.map { (store) throws(InspectionError) in
                try inspecting { () throws(ColdError) in try store.metadata(StoreKeys.stream) }
            } ?? nil
        var manifest: LogManifest?
        if options.coldOnly {
            if store == nil {
                throw InspectionError("'\(directory)' has no cold tier, and --cold-only was given")
            }
            remarks.append("only the cold tier is shown: newer effects in the log are left out")
        } else {
            manifest = try Inspection.openLog(files, stream, &store, directory, &remarks)
        }
        self.store = store
        self.manifest = manifest
        snapshot = try store.map { (store) throws(InspectionError) in
            try inspecting { () throws(ColdError) in try store.snapshot() }
        }
        tier = store.map { Tier(store: $0, writer: ColdWriter(store: $0, hooks: .init())) }
        secret = store.map { HashSecret(stored: $0.hashSecret) } ?? HashSecret(k0: 1, k1: 2)
        disk = try PinnedLogDisk(files, manifest)
        // A store counts the keys of every database at every commit; a log alone does not tell
        // how many databases there are.
        let counts =
            try store.map { (store) throws(InspectionError) in
                try inspecting { () throws(ColdError) in try store.metadata(StoreKeys.counts) }
            } ?? nil
        databaseCount = max((counts?.count ?? 0) / 12, counts == nil ? 1024 : 256)
        if manifest != nil { try checkReach() }
    }

    // MARK: What is there

    static func requireDirectory(
        _ directory: String, _ files: LogFiles
    ) throws(InspectionError) {
        let disk = SystemDisk.shared
        do throws(IOError) {
            _ = try disk.list(directory)
        } catch {
            throw InspectionError("'\(directory)': \(String(cString: strerror(error.errno)))")
        }
        if disk.exists("\(directory)/cold/data.mdb") || disk.exists(files.path(files.manifestName))
        {
            return
        }
        let hint =
            disk.exists("\(directory)/data.mdb")
            ? " (it looks like a cold tier: give the directory above it)"
            : disk.exists("\(directory)/dump.rdb")
                ? " (it holds a dump.rdb, which is imported when Firn starts there)" : ""
        throw InspectionError(
            "'\(directory)' is no data directory of Firn: there is neither cold/data.mdb nor "
                + "\(files.directory.split(separator: "/").last ?? "appendonlydir")/"
                + "\(files.manifestName)\(hint)")
    }

    private static func openStore(_ directory: String) throws(InspectionError) -> ColdStore? {
        let path = "\(directory)/cold"
        guard SystemDisk.shared.exists("\(path)/data.mdb") else { return nil }
        var options = ColdOptions()
        options.readOnly = true
        options.pinsSnapshot = true
        let store = try inspecting { () throws(ColdError) in
            try ColdStore.open(directory: path, options: options)
        }
        // Pages beyond the end of a file that was cut would end the process, not a call.
        let info = store.environment.info
        // Those of the file that is open: TIER COMPACT may have given its name to another.
        let bytes = try inspecting { () throws(ColdError) in
            try typed { try store.environment.fileBytes() }
        }
        if bytes < (info.lastPage + 1) * info.pageBytes {
            throw InspectionError(
                "cold tier is damaged: '\(path)/data.mdb' has \(bytes) bytes, "
                    + "\((info.lastPage + 1) * info.pageBytes) are in use")
        }
        return store
    }

    /// Decides what the log beside the store means; see Recovery/Opening.swift.
    private static func openLog(
        _ files: LogFiles, _ stream: [UInt8]?, _ store: inout ColdStore?, _ directory: String,
        _ remarks: inout [String]
    ) throws(InspectionError) -> LogManifest? {
        let disk = SystemDisk.shared
        let manifest = try inspecting { () throws(LogError) in try files.loadManifest(disk) }
        guard let manifest else {
            if stream != nil {
                throw InspectionError(
                    "the cold tier belongs to a log, but '\(files.directory)' holds none "
                        + "(--cold-only shows the cold tier alone)")
            }
            remarks.append(
                "the cold tier belongs to no log (appendonly no, or an import that did not finish): "
                    + "it holds only what memory could not")
            return nil
        }
        let isFirn = try inspecting { () throws(LogError) in
            try LogReader.isFirn(disk, files, manifest)
        }
        guard isFirn else {
            throw InspectionError(
                "the log in '\(files.directory)' was written by Redis and is not imported yet; "
                    + "only 'log' reads it")
        }
        if store != nil, stream == nil {
            store = nil
            remarks.append("the cold tier belongs to no log: only the log is shown")
        }
        if let held = store, manifest.base != nil {
            // A log with a base is whole; a store that has not come as far is not looked at.
            let start = try inspecting { () throws(LogError) in
                try LogReader(disk, files, manifest).startLSN
            }
            let reached = try inspecting { () throws(ColdError) in try held.checkpointLSN() }
            if reached.map({ $0 < start }) ?? true { store = nil }
        }
        return manifest
    }

    /// Neither too old a store, nor another log's.
    private func checkReach() throws(InspectionError) {
        let reader = try tailReader()
        let start = reader.startLSN
        guard store != nil else {
            if start > 0, manifest?.base == nil {
                throw InspectionError(
                    "the log starts at position \(start), but the cold tier that holds what came "
                        + "before is missing")
            }
            return
        }
        if let stream, try !isOfLog(Array(stream.utf8)) {
            throw InspectionError(
                "the log in '\(files.directory)' does not belong to the cold tier beside it")
        }
        if start > checkpointLSN {
            throw InspectionError(
                transient: "the log starts at position \(start), the cold tier ends at "
                    + "\(checkpointLSN): a segment between them is missing")
        }
    }

    /// Whether the log is of a stream, or was.
    private func isOfLog(_ stream: [UInt8]) throws(InspectionError) -> Bool {
        guard let manifest else { return true }
        return try inspecting { () throws(LogError) in
            try LogLineage(disk, files, manifest).limit(of: stream) != nil
        }
    }

    /// A reader of the log's tail.
    func tailReader() throws(InspectionError) -> LogReader {
        try inspecting { () throws(LogError) in
            try LogReader(disk, files, manifest!, bulkBytesMax: Int.max >> 1)
        }
    }

    // MARK: Facts

    package var hasStore: Bool { store != nil }
    package var hasLog: Bool { manifest != nil }

    /// Everything before this is in the cold tier.
    package var checkpointLSN: UInt64 {
        guard let bytes = try? snapshot?.metadata(StoreKeys.checkpoint), bytes.count == 8 else {
            return 0
        }
        return bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    }

    /// The stream that the store belongs to.
    package var stream: String? {
        (try? snapshot?.metadata(StoreKeys.stream)).flatMap { $0 }.map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Rows of the cold tier, superseded ones included: an upper bound for walks.
    package var coldRowsMax: Int { snapshot?.rowsMax ?? 0 }

    package func coldStats() throws(InspectionError) -> ColdStats? {
        try store.map { (store) throws(InspectionError) in
            try inspecting { () throws(ColdError) in try store.stats() }
        }
    }

    /// The process that holds the directory's lock, nil when none does. Takes no lock.
    package var serverProcess: Int? {
        let descriptor = Glibc.open("\(directory)/firn.lock", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = read(descriptor, &buffer, 32)
        let digits = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
            .filter(\.isNumber)
        guard let process = Int(digits),
            kill(pid_t(truncatingIfNeeded: process), 0) == 0
                || errno == EPERM
        else { return nil }
        return process
    }

    /// Whether the glob `pattern` matches a key, as KEYS does.
    package static func matches(_ pattern: [UInt8], _ key: Bytes) -> Bool {
        pattern.withUnsafeBytes { Glob.matches($0, key) }
    }
}

extension HashSecret {
    /// The secret as the store's metadata has it: two words, little-endian.
    init(stored bytes: [UInt8]) {
        self = bytes.withUnsafeBytes { raw in
            HashSecret(
                k0: UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self)),
                k1: UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }
}

/// Turns the error of a part into one line.
func inspecting<R: ~Copyable, E: Error & CustomStringConvertible>(
    _ body: () throws(E) -> R
) throws(InspectionError) -> R {
    do throws(E) { return try body() } catch { throw InspectionError(error.description) }
}
