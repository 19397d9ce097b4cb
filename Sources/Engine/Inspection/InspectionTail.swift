// The log's tail, replayed into memory over the read-only cold tier.
//
// Every effect of the log has one key, so the effects of a range of hashes can be replayed
// without the others: the tail is replayed for the whole range of hashes, and when that takes
// more memory than allowed, for each half of it, and so on. So a tail of any size, over a store
// of any size, is merged with bounded memory, at the price of reading the log once per part.
// FLUSHALL, FLUSHDB and SWAPDB have no key and are replayed in every part.

extension Inspection {
    static let allHashes: ClosedRange<UInt64> = 0...UInt64.max

    /// An effect that concerns the key asked for.
    package struct Effect {
        package let lsn: UInt64
        /// Unix seconds; 0 when the log does not tell.
        package let timestamp: Int64
        package let isExpiry: Bool
        package let arguments: [[UInt8]]
        /// False: the key's record in the cold tier has it already.
        package let isNewer: Bool
    }

    /// Runs `body` for one part of the hash range after the other, each with an engine that has
    /// the tail's effects on it, until all of `range` is covered.
    func forEachPart(
        of range: ClosedRange<UInt64> = Inspection.allHashes,
        _ body: (Engine, ClosedRange<UInt64>) throws -> Void
    ) throws {
        // An explicit stack: parts may be split up to 64 times.
        var parts = [range]
        while let part = parts.popLast() {
            let engine = makeEngine()
            if try replayTail(engine, part, nil) {
                try body(engine, part)
            } else {
                let middle = part.lowerBound + (part.upperBound - part.lowerBound) / 2
                parts.append((middle + 1)...part.upperBound)
                parts.append(part.lowerBound...middle)
            }
        }
    }

    /// The tail's effects on one key, in order, newest last, and the engine that has them.
    func replay(
        key: [UInt8], database: Int
    ) throws(InspectionError) -> (engine: Engine, effects: [Effect]) {
        var effects: [Effect] = []
        let hash = key.withUnsafeBytes { secret.hash($0) }
        let engine = makeEngine()
        _ = try replayTail(engine, hash...hash) { command, isApplied in
            let name = command.arguments[0]
            let arguments = Arguments(command.arguments)
            let place = engine.commands.find(name).flatMap {
                engine.commands.keyOfEffect($0, arguments)
            }
            let isKeyed = place.map { arguments[$0].equals(key) } ?? false
            let isFlush =
                name.equalsIgnoringCase("flushall") || name.equalsIgnoringCase("swapdb")
                || (name.equalsIgnoringCase("flushdb") && command.database == database)
            guard isFlush || (isKeyed && command.database == database) else { return }
            effects.append(
                Effect(
                    lsn: command.endLSN, timestamp: command.timestamp,
                    isExpiry: command.isExpiry, arguments: command.arguments.map { Array($0) },
                    isNewer: isApplied))
        }
        return (engine, effects)
    }

    /// The sources of the function libraries. O(log's tail), and the base's size if there is one.
    package func libraries() throws(InspectionError) -> [[UInt8]] {
        let engine = makeEngine()
        _ = try replayTail(engine, 0...0, nil)
        return engine.libraries.codes
    }

    func makeEngine() -> Engine {
        var configuration = Configuration()
        configuration.databases = databaseCount
        configuration.memoryBudget = MemoryBudget(bytes: 0)
        configuration.archiveRetentionSeconds = 0
        configuration.savePoints = []
        let engine = Engine(
            configuration: configuration, secret: secret, seed: 1, world: World(disk: disk))
        engine.tier = tier
        return engine
    }

    /// Replays the tail's effects on keys whose hash is in `range`; false when that takes too
    /// much memory and the range could be split.
    private func replayTail(
        _ engine: Engine, _ range: ClosedRange<UInt64>,
        _ note: ((LogCommand, Bool) -> Void)?
    ) throws(InspectionError) -> Bool {
        guard manifest != nil else {
            if let store {
                try inspecting { () throws(ColdError) in
                    try engine.loadStoreMetadata(store, replayFrom: .max)
                }
            }
            return true
        }
        var reader = try tailReader()
        let start = store == nil ? reader.startLSN : Swift.max(reader.startLSN, checkpointLSN)
        if let store {
            try inspecting { () throws(ColdError) in
                try engine.loadStoreMetadata(store, replayFrom: start)
            }
        }
        let client = Client(id: 0, nowMs: nowMs, isReplay: true)
        engine.isReplaying = true
        engine.advanceClock()
        let before = Heap.usedBytes
        if store == nil, let base = manifest?.base,
            try !loadBase(base.name, engine, range, position: start)
        {
            return false
        }
        var effects = 0
        while let command = try inspecting({ () throws(LogError) in try reader.next() }) {
            if command.database >= engine.databaseCount {
                throw InspectionError(
                    "the log names database \(command.database), there are "
                        + "\(engine.databaseCount)")
            }
            let isApplied =
                command.endLSN > start && engine.apply(command, client, within: range)
            note?(command, isApplied)
            client.reply.removeAll(keepingCapacity: true)
            effects += 1
            if effects & 63 == 0, Heap.usedBytes - before > options.tailBytesMax,
                range.lowerBound < range.upperBound
            {
                return false
            }
        }
        return true
    }

    /// Loads the keys of a range from the log's base; false when that takes too much memory and the
    /// range could be split.
    private func loadBase(
        _ name: String, _ engine: Engine, _ range: ClosedRange<UInt64>, position: LSN
    ) throws(InspectionError) -> Bool {
        let before = Heap.usedBytes
        var isTooLarge = false
        do throws(RDBError) {
            try RDBFile.read(
                files.path(name), DecodingContext(engine.configuration, secret), checksum: true,
                position: position, library: { engine.adopt(library: $0) }
            ) { (item, value) throws(RDBError) in
                guard range.contains(secret.hash(item.key)) else { return value.destroy() }
                _ = try engine.place(item, value)
                if Heap.usedBytes - before > options.tailBytesMax,
                    range.lowerBound < range.upperBound
                {
                    isTooLarge = true
                    throw RDBError(description: "too large")
                }
            }
        } catch {
            if isTooLarge { return false }
            // A running server has removed it since the manifest was read.
            if !SystemDisk.shared.exists(files.path(name)) {
                throw InspectionError(transient: error.description)
            }
            throw InspectionError(error.description)
        }
        return true
    }

    /// Reads the log as it is: all commands, SELECT, MULTI and EXEC among them; false from
    /// `body` ends it. Returns where the log ends when it was read that far.
    package func readLog(
        raw: Bool, _ body: (LogCommand) throws -> Bool
    ) throws -> LogEnd? {
        guard let manifest else { return nil }
        return try Inspection.readLog(disk, files, manifest, raw: raw, body)
    }

    /// The same for a directory of which only the log counts, be it Redis's.
    package static func readLog(
        _ directory: String, _ options: InspectionOptions = InspectionOptions(), raw: Bool = true,
        _ body: (LogCommand) throws -> Bool
    ) throws -> (end: LogEnd?, isRedis: Bool) {
        let system = SystemDisk.shared
        let files = LogFiles(
            directory: "\(directory)/\(options.appendDirname)", baseName: options.appendFilename)
        try requireDirectory(directory, files)
        guard
            let manifest = try inspecting({ () throws(LogError) in
                try files.loadManifest(system)
            })
        else { throw InspectionError("'\(files.directory)' holds no log") }
        let disk = try PinnedLogDisk(files, manifest)
        let isFirn = try inspecting { () throws(LogError) in
            try LogReader.isFirn(disk, files, manifest)
        }
        return (
            try readLog(disk, files, manifest, raw: raw, format: isFirn ? .firn : .redis, body),
            !isFirn
        )
    }

    private static func readLog(
        _ disk: any Disk, _ files: LogFiles, _ manifest: LogManifest, raw: Bool,
        format: LogReader.Format = .firn, _ body: (LogCommand) throws -> Bool
    ) throws -> LogEnd? {
        var reader = try inspecting { () throws(LogError) in
            try LogReader(
                disk, files, manifest, format: format, isRaw: raw, bulkBytesMax: Int.max >> 1)
        }
        while let command = try inspecting({ () throws(LogError) in try reader.next() }) {
            if try !body(command) { return nil }
        }
        return reader.end
    }

    /// Names, sizes and first positions of the log's segments.
    package func segments(
        _ end: LogEnd
    ) -> [(name: String, bytes: Int, startLSN: UInt64)] {
        end.segments.map { segment in
            let bytes = try? disk.open(files.path(segment.name), .read).size()
            return (segment.name, bytes ?? 0, segment.startLSN)
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func equals(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { equals($0) } }
}
