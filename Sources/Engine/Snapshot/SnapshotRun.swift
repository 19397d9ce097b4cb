// Carries a snapshot job through: slices from both tiers into a file. Runs on a thread of its
// own for BGSAVE, inside the command for SAVE.

import Glibc

/// Why a snapshot was not made.
enum SnapshotError: Error, CustomStringConvertible {
    case io(IOError)
    case cold(ColdError)
    /// A database was flushed meanwhile; try again.
    case void

    var description: String {
        switch self {
        case .io(let error): error.description
        case .cold(let error): error.description
        case .void: "the keyspace was flushed while it was written"
        }
    }
}

/// Where and how a snapshot is written.
struct SnapshotOptions {
    let directory: String
    let name: String
    /// What the file is called until it is whole.
    let temporaryName: String
    let isBase: Bool
    let version: Int
    let hasChecksum: Bool
    let compresses: Bool
    let syncsAsItGoes: Bool
    let keepsIdleTime: Bool
    let keepsFrequency: Bool
    let nowMs: Int64
    let usedMemory: Int
    let disk: any Disk

    /// `dump.rdb`, or the file that a log is to begin with.
    init(_ engine: Engine, base: (files: LogFiles, name: String)? = nil) {
        let configuration = engine.configuration
        isBase = base != nil
        if let base {
            directory = base.files.directory
            name = base.name
            temporaryName = "temp-\(base.name)"
        } else {
            directory = configuration.dir
            name = configuration.dbFilename
            // The thread of an abandoned job may still write to its file.
            engine.snapshots.fileCount += 1
            temporaryName = "temp-\(getpid())-\(engine.snapshots.fileCount).rdb"
        }
        version = configuration.rdbVersion
        hasChecksum = configuration.rdbChecksum
        compresses = configuration.rdbCompression
        syncsAsItGoes = configuration.rdbSaveIncrementalFsync
        keepsIdleTime = configuration.maxmemoryPolicy.isLRU
        keepsFrequency = configuration.maxmemoryPolicy.isLFU
        nowMs = engine.nowMs
        usedMemory = engine.usedMemory
        disk = engine.disk
    }
}

extension SnapshotJob {
    /// A row of the cold view, copied out of its transaction.
    private struct Row {
        let namespace: UInt32
        let hash: UInt64
        let type: UInt8
        let access: UInt32
        let expiry: Int64?
        let key: [UInt8]
        let payload: [UInt8]
    }

    /// Writes the file. `locked` runs its argument under the engine's lock; everything else
    /// happens without it. Returns the number of keys written.
    func run(
        _ options: SnapshotOptions, locked: ((Engine) -> Void) -> Void
    ) throws(SnapshotError) -> Int {
        do {
            var file = try RDBFileWriter(
                options.disk, directory: options.directory, name: options.name,
                temporaryName: options.temporaryName, version: options.version,
                hasChecksum: options.hasChecksum,
                syncsAsItGoes: options.syncsAsItGoes)
            writeHeader(&file, options)
            try writeKeys(&file, options, locked)
            try file.complete()
            // With the lock, so that a job that was abandoned cannot overtake what came after.
            var outcome: Result<Void, IOError> = .success(())
            locked { _ in
                if isVoid { return }
                do throws(IOError) { try file.takePlace() } catch { outcome = .failure(error) }
            }
            try outcome.get()
            if isVoid { throw SnapshotError.void }
            try file.syncDirectory()
            return file.keyCount
        } catch let error as SnapshotError {
            throw error
        } catch let error as IOError {
            throw .io(error)
        } catch {
            throw .cold(ColdError(error))
        }
    }

    private func writeHeader(_ file: inout RDBFileWriter, _ options: SnapshotOptions) {
        file.aux("redis-ver", Version.redis)
        file.aux("redis-bits", "64")
        file.aux("ctime", String(options.nowMs / 1000))
        file.aux("used-mem", String(options.usedMemory))
        file.aux("aof-base", options.isBase ? "1" : "0")
        file.aux("firn-ver", Version.firn)
        file.aux("firn-lsn", String(lsn))
        if let stream { file.aux("firn-stream", String(decoding: stream, as: UTF8.self)) }
        for code in libraries { file.library(code) }
    }

    private func writeKeys(
        _ file: inout RDBFileWriter, _ options: SnapshotOptions,
        _ locked: ((Engine) -> Void) -> Void
    ) throws {
        var rows: [Row] = []
        var rowsAreDone = cold == nil
        while place < order.count {
            let (namespace, database) = order[place]
            if position == 0, sizes[database].keys > 0 {
                file.select(
                    database, keys: sizes[database].keys, expires: sizes[database].expires)
            }
            rows.removeAll { $0.namespace < namespace }
            while rows.count < SnapshotJob.sliceKeys, rowBytes(rows) < SnapshotJob.sliceBytes,
                !rowsAreDone
            {
                rowsAreDone = !(try readRows(&rows, from: namespace))
            }
            let own = rows.prefix { $0.namespace == namespace }
            // Rows with the last row's hash may go on in the next chunk.
            let isComplete = rowsAreDone || own.count < rows.count
            let bound = isComplete ? nil : own.last?.hash
            if let bound, bound == own.first?.hash {
                rowsAreDone = !(try readRows(&rows, from: namespace))
                continue
            }
            var slice: (overrides: [[UInt8]: Kept], end: UInt64?) = ([:], nil)
            var mustStop = false
            locked { engine in
                mustStop = isVoid
                if !isVoid { slice = takeSlice(engine, to: bound) }
            }
            if mustStop { throw SnapshotError.void }
            let taken = own.prefix { row in slice.end.map { row.hash < $0 } ?? true }
            for row in taken {
                switch slice.overrides[row.key] {
                case nil, .coldRow?: try write(row, &file, options)
                case .absent?, .value?: break
                }
            }
            for (key, value) in slice.overrides {
                if case .value(let type, let access, let expiry, let payload) = value {
                    try write(
                        Row(
                            namespace: namespace, hash: 0, type: type, access: access,
                            expiry: expiry, key: key, payload: payload), &file, options)
                }
            }
            rows.removeFirst(taken.count)
            keysWritten = file.keyCount
        }
    }

    private func rowBytes(_ rows: [Row]) -> Int { rows.reduce(0) { $0 + $1.payload.count } }

    /// Reads more rows; false at the end of the cold view.
    private func readRows(_ rows: inout [Row], from namespace: UInt32) throws -> Bool {
        try cold!.next(
            atMost: SnapshotJob.sliceKeys, bytesMax: SnapshotJob.sliceBytes
        ) { record in
            if record.namespace < namespace { return }
            rows.append(
                Row(
                    namespace: record.namespace, hash: record.hash, type: record.type,
                    access: record.access,
                    expiry: record.expiry == ColdRecord.noExpiry ? nil : record.expiry,
                    key: Array(record.key), payload: Array(record.payload)))
        }
    }

    private func write(
        _ row: Row, _ file: inout RDBFileWriter, _ options: SnapshotOptions
    ) throws {
        var facts = RDBKeyFacts(expiry: row.expiry)
        if options.keepsIdleTime {
            facts.idleSeconds = Access.idleSeconds(
                row.access, clock: Access.lruClock(options.nowMs))
        } else if options.keepsFrequency {
            facts.frequency = UInt8(truncatingIfNeeded: row.access)
        }
        try row.key.withUnsafeBytes { key in
            try row.payload.withUnsafeBytes { payload in
                try file.key(key, type: row.type, payload: payload, facts)
            }
        }
    }
}
