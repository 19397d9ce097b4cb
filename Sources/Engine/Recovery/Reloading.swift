// DEBUG RELOAD and DEBUG LOADAOF: the keyspace is made anew of what is on disk, while the server runs.
//
// Tests use them to see that what is written can be read. They must not make the log untrue:
// - RELOAD, which saves first, reads exactly what is there. Every hot value is replaced by its copy
//   from the file, a cold one is its own copy; nothing is logged, because nothing changes.
// - RELOAD NOSAVE, NOFLUSH or MERGE may change the keyspace. It is logged as one unit, the flush
//   and a RESTORE a key, so that a crash finds all of it or nothing.
// - LOADAOF reads the log, which says what is there. Nothing is logged.
//
// Files are read twice, first only to see that they can be, so that a damaged one changes nothing.

import Glibc

extension Engine {
    private var snapshotPath: String { "\(configuration.dir)/\(configuration.dbFilename)" }

    // MARK: dump.rdb

    /// Replaces every hot value by its copy in the snapshot that was made just now. O(keys).
    func reloadSameSnapshot() throws(RDBError) {
        touchAllWatchers()
        releaseVisitors()
        try RDBFile.read(
            snapshotPath, on: disk, DecodingContext(configuration, secret),
            checksum: configuration.rdbChecksum
        ) { item, value in
            let key = key(item.key, database: item.database)
            guard let raw = databases[item.database].table.find(key.hash, key.bytes),
                Entry(raw).type != .tombstone
            else { return value.destroy() }
            let old = Entry(raw)
            let access = old.access
            if snapshotIsRunning { keepForSnapshot(key, old) }
            replace(key, old, item, value).access = access
        }
    }

    private func replace(
        _ key: Key, _ old: Entry?, _ item: RDBKey, _ value: DetachedValue
    ) -> Entry {
        if let old { removeSilently(key, old) }
        let entry = insert(key, value, expiry: item.expiry, isNew: false)
        setAccess(entry, item)
        markDirty(entry, database: key.database)
        return entry
    }

    /// What is to be replaced. A record that cannot be read is no reason to keep it.
    private func writeOver(_ key: Key) -> Entry? {
        do {
            return try write(key)
        } catch {
            bury(key)
            return nil
        }
    }

    /// Loads the snapshot over what is there, or instead of it, and logs that. `merges`: keys that
    /// exist are replaced; otherwise one that does is an error, and nothing happens.
    func loadSnapshot(flushes: Bool, merges: Bool) throws(RDBError) {
        let context = DecodingContext(configuration, secret)
        let verifies = configuration.rdbChecksum
        try RDBFile.read(snapshotPath, on: disk, context, checksum: verifies) {
            (item, value) throws(RDBError) in
            value.destroy()
            guard item.database < databaseCount else {
                throw RDBError(
                    description: "a key of database \(item.database) cannot be loaded")
            }
            if flushes || merges { return }
            let isThere = lookup(key(item.key, database: item.database)) != nil
            if isThere || coldReadFailed {
                coldReadFailed = false
                throw RDBError(description: "key '\(item.key.prefixText(128))' exists")
            }
        }
        if flushes {
            flushAll(lazily: false)
            if !libraries.codes.isEmpty {
                dropLibraries()
                effect(database: -1, "FUNCTION", .literal("FLUSH"))
            }
        }
        try RDBFile.read(
            snapshotPath, on: disk, context, checksum: verifies,
            library: { code in
                adopt(library: code)
                code.withUnsafeBytes {
                    effect(
                        database: -1, "FUNCTION", .literal("LOAD"), .literal("REPLACE"),
                        .bytes($0))
                }
            }
        ) { item, value in
            // What is past its time, or a hash of which every field is, leaves what is there alone.
            if item.expiry ?? .max < nowMs || value.isEmpty(by: nowMs) { return value.destroy() }
            let key = key(item.key, database: item.database)
            let entry = replace(key, writeOver(key), item, value)
            stats.changesSinceSave += 1
            if observedKeyCount != 0 { touchObservers(key) }
            var payload = ByteSink()
            ValueCodec.dump(entry, into: &payload)
            effect(
                key, "RESTORE", .integer(item.expiry ?? 0), .bytes(payload.bytes),
                .literal("REPLACE"), .literal("ABSTTL"))
        }
    }

    // MARK: The log

    /// Makes the keyspace anew of the log, and of the cold tier if there is one. Why that cannot be
    /// done now, or nil. The client's unit is open and empty.
    func reloadLog() -> String? {
        guard let logWriter, logIsEnabled, !logWriter.isAwaitingBase else {
            return "ERR the log is off"
        }
        log.endUnit()
        flushLog()
        if !log.isEmpty {
            try? logWriter.completeRotation()
            flushLog()
        }
        log.beginUnit()
        guard log.isEmpty else { return "ERR the log can't be written now" }
        do {
            // No file comes or goes meanwhile.
            return try logWriter.syncMonitor.withLock {
                guard let manifest = try logWriter.files.loadManifest(disk) else {
                    return "ERR the log has no manifest"
                }
                try check(manifest, logWriter.files)
                return try reload(manifest, logWriter)
            }
        } catch {
            return "ERR \(error)"
        }
    }

    /// Reads everything and changes nothing.
    private func check(_ manifest: LogManifest, _ files: LogFiles) throws {
        var reader = try LogReader(disk, files, manifest, bulkBytesMax: Int.max >> 1)
        if tier == nil, let base = manifest.base {
            try RDBFile.read(
                files.path(base.name), on: disk, DecodingContext(configuration, secret),
                checksum: configuration.rdbChecksum, position: reader.startLSN
            ) { $1.destroy() }
        }
        while try reader.next() != nil {}
    }

    private func reload(_ manifest: LogManifest, _ writer: LogWriter) throws -> String? {
        var reader = try LogReader(disk, writer.files, manifest, bulkBytesMax: Int.max >> 1)
        var from = reader.startLSN
        if let tier {
            // Log before data; then the store is as a start finds it.
            try writer.syncSegment()
            spillEverything()
            if (0..<databaseCount).contains(where: { databases[$0].table.count > 0 }) {
                return "ERR the cold tier can't be written now"
            }
            from = Swift.max(from, try tier.store.checkpointLSN() ?? 0)
        }
        touchAllWatchers()
        snapshotMustRestart()
        let held = HeldState(self)
        logIsEnabled = false
        notifiedEvents = []
        hasMonitors = false
        slowCommandUs = .max
        isReplaying = true
        advanceClock()
        do {
            try load(manifest, &reader, from, writer.files)
        } catch {
            // It could be read a moment ago. What memory holds now is not what the log says, and
            // must not be logged upon.
            fatalError("DEBUG LOADAOF: \(error)")
        }
        isReplaying = false
        held.restore(self)
        advanceClock()
        return nil
    }

    private func load(
        _ manifest: LogManifest, _ reader: inout LogReader, _ from: LSN, _ files: LogFiles
    ) throws {
        if let tier {
            storedCounts = [:]
            try loadStoreMetadata(tier.store, replayFrom: from)
        } else {
            for index in 0..<databaseCount { emptyHotTier(database: index, lazily: false) }
            dropLibraries()
            if let base = manifest.base {
                replayLSN = from
                try RDBFile.read(
                    files.path(base.name), on: disk, DecodingContext(configuration, secret),
                    checksum: configuration.rdbChecksum, library: { adopt(library: $0) }
                ) { (item, value) throws(RDBError) in _ = try place(item, value) }
            }
        }
        let client = Client(id: 0, nowMs: nowMs, isReplay: true)
        while let command = try reader.next() {
            if command.endLSN > from { _ = apply(command, client) }
            client.reply.removeAll(keepingCapacity: true)
        }
        releaseVisitors()
    }

    private func touchAllWatchers() {
        for index in 0..<databaseCount { touchObservers(ofDatabase: index) }
    }
}

/// What a replay must not leave changed.
private struct HeldState {
    let stats: Statistics
    let logIsEnabled: Bool
    let notifiedEvents: KeyspaceEvents
    let hasMonitors: Bool
    let slowCommandUs: Int64

    init(_ engine: Engine) {
        stats = engine.stats
        logIsEnabled = engine.logIsEnabled
        notifiedEvents = engine.notifiedEvents
        hasMonitors = engine.hasMonitors
        slowCommandUs = engine.slowCommandUs
    }

    func restore(_ engine: Engine) {
        engine.stats = stats
        engine.logIsEnabled = logIsEnabled
        engine.notifiedEvents = notifiedEvents
        engine.hasMonitors = hasMonitors
        engine.slowCommandUs = slowCommandUs
    }
}
