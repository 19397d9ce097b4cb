// Redo: the log's tail, guarded by the LSN of each key's record.
//
// Keys go to the cold tier one by one, at any time, so the records are of different ages. An
// effect is skipped when the record of its key already has an LSN at or past it; every other is
// executed. Once an effect of a key has been executed the key is dirty in the hot tier, and its
// later effects need no look at the record.
//
// Nothing is logged, expired or published during replay, and memory stays within the budget:
// keys spill while the log is read, with the LSN of the effect at hand.

import Glibc

/// What recovery did, for the log of the server's start and for INFO.
package struct RecoveryReport: Sendable {
    package var replayedEffects = 0
    package var skippedEffects = 0
    /// Those whose record had been read ahead.
    package var foreseenEffects = 0
    /// How many keys the second thread has looked up ahead of the replay.
    package var threadLookUps = 0
    package var droppedBytes = 0
    package var droppedReason = ""
    package var coldKeys = 0
    package var importedKeys = 0
    package var source = "nothing"
    /// Where what was restored goes on as another stream.
    package var turns: [LSN] = []
    package var milliseconds: Int64 = 0
}

extension Engine {
    /// Effects whose places in the hot table are asked for before they are executed.
    private static let prefetchDistance = 8

    /// Replays what a reader yields from position `from` on; everything before is in the cold
    /// tier. Returns the log's end; nil if `until` came before it. `readsAhead`: the cold tier, too,
    /// and so up to the end.
    func replay(
        _ reader: inout LogReader, from: LSN = 0, until limit: RestoreLimit? = nil,
        readsAhead: Bool = false, report: inout RecoveryReport
    ) throws(LogError) -> LogEnd? {
        let client = beginReplay(reader.totalBytes)
        defer { withLock { $0.endReplay() } }
        let ahead = readsAhead ? readAhead(reader.totalBytes) : nil
        defer { if let ahead { stopReadingAhead(ahead, &report) } }
        var isAtEnd = false
        var delayUs = 0
        while !isAtEnd {
            if let ahead, try !ahead.refill(&reader) { break }
            try withLock { (_) throws(LogError) in
                defer { foresight.end(keepsGroup: false) }
                delayUs = configuration.keyLoadDelayUs
                for _ in 0..<(delayUs == 0 ? 64 : 1) {
                    guard let command = try ahead == nil ? reader.next() : ahead!.next() else {
                        isAtEnd = ahead == nil
                        break
                    }
                    if let limit, command.startsUnit, command.endLSN > from,
                        try reader.isBehind(limit, command)
                    {
                        isAtEnd = true
                        break
                    }
                    if command.database >= databaseCount { throw .database(command.database) }
                    if let ahead { foresee(command, ahead) }
                    if command.endLSN > from, apply(command, client) {
                        report.replayedEffects += 1
                    } else {
                        report.skippedEffects += 1
                    }
                    client.reply.removeAll(keepingCapacity: true)
                }
                releaseVisitors()
            }
            let count = report.replayedEffects + report.skippedEffects
            loadingReached(count, "effects", bytes: reader.readBytes)
            Engine.delayLoading(delayUs, after: count)
            waitForRoom()
        }
        return reader.end
    }

    private func readAhead(_ logBytes: Int) -> ReplayAhead? {
        withLock { engine in
            guard let tier, tier.store.newestLSN > 0, logBytes >= readAheadMode.logBytesMin
            else { return nil }
            engine.replayAhead = ReplayAhead(engine, tier.store)
            return engine.replayAhead
        }
    }

    private func stopReadingAhead(_ ahead: ReplayAhead, _ report: inout RecoveryReport) {
        report.threadLookUps += ahead.stop()
        report.foreseenEffects += ahead.servedCount
        withLock { $0.replayAhead = nil }
    }

    /// Asks for what the next effects will need.
    @inline(__always)
    private func foresee(_ command: LogCommand, _ ahead: ReplayAhead) {
        let key = ahead.key
        foresight.only(key.bytes, key.hash)
        if let hash = ahead.hash(after: Engine.prefetchDistance) {
            databases[command.database].table.prefetchSegment(hash)
        }
        if let hash = ahead.hash(after: Engine.prefetchDistance / 2) {
            databases[command.database].table.prefetchEntry(hash)
        }
    }

    private func beginReplay(_ bytes: Int) -> Client {
        withLock { engine in
            engine.isReplaying = true
            engine.advanceClock()
            engine.loading?.beginStage(bytes)
            return Client(id: 0, nowMs: engine.nowMs, isReplay: true)
        }
    }

    private func endReplay() {
        isReplaying = false
        advanceClock()
    }

    /// Executes one effect unless a record has it already, or its key's hash is not in `range`.
    func apply(
        _ command: LogCommand, _ client: Client, within range: ClosedRange<UInt64>? = nil
    ) -> Bool {
        let arguments = Arguments(command.arguments)
        client.database = command.database
        replayLSN = isImporting ? 0 : command.endLSN
        if let removal = command.removal, let tier { apply(removal, tier) }
        if applyToLibraries(arguments) { return true }
        guard let index = commands.find(arguments[0]), command.database < databaseCount else {
            return false
        }
        // FLUSHALL, FLUSHDB and SWAPDB, which have none, are guarded by the stored mapping.
        if let place = commands.keyOfEffect(index, arguments) {
            let key = key(arguments[place], client)
            if let range, !range.contains(key.hash) { return false }
            if !isImporting, recordIsNewer(key) { return false }
            if command.isExpiry, let entry = lookup(key) {
                archive(key, entry)
                stats.expiredKeys += 1
            }
        }
        log.beginUnit()
        replacedBodyCount = Engine.stringThatReplaces(arguments).map {
            Swift.min($0.count, StringLayout.embeddedCountMax)
        }
        callNested(client, index, arguments)
        replacedBodyCount = nil
        log.endUnit()
        return true
    }

    /// The string that the effect gives to its key, whatever that held before; nil if it does
    /// something else.
    static func stringThatReplaces(_ arguments: Arguments) -> Bytes? {
        guard arguments.count == 3 || arguments.count == 5, arguments[0].equalsIgnoringCase("SET"),
            arguments.count == 3 || arguments[3].equalsIgnoringCase("PXAT")
        else { return nil }
        return arguments[2]
    }

    /// Removes from the archive again what left it when the effect first ran, whatever the key's
    /// record says: rows are not versioned by it.
    private func apply(_ removal: ArchiveRemoval, _ tier: Tier) {
        switch removal {
        case .row(let id):
            let isThere =
                tier.pendingArchive.rows.contains { $0.id == id }
                || (try? tier.store.hasArchived(id)) ?? true
            if isThere { deleteArchived(id, tier) }
        case .before(let ms): purgeArchive(before: ms, tier)
        }
    }

    /// Whether the cold record of `key` holds the effect at `replayLSN` already.
    private func recordIsNewer(_ key: Key) -> Bool {
        guard let tier, replayLSN <= guardedLSN else { return false }
        if let raw = databases[key.database].table.find(key.hash, key.bytes),
            Entry(raw).flags.contains(.dirty)
        {
            return false
        }
        let namespace = databases[key.database].namespace
        if let found = replayAhead?.find(key, namespace) {
            return found.pointee.state != .absent && found.pointee.recordLSN >= replayLSN
        }
        guard tier.store.mayContain(namespace: namespace, hash: key.hash) else { return false }
        do {
            let found = try tier.store.lookup(
                namespace: namespace, hash: key.hash, key: key.bytes
            ) { $0.lsn }
            switch found {
            case .found(let lsn), .tombstone(let lsn): return lsn >= replayLSN
            case .absent: return false
            }
        } catch {
            // A damaged record: the effect is the best that is known of the key.
            tier.stats.damagedRecords += 1
            tier.stats.lastError = error.description
            return false
        }
    }

    /// Spills what is over the budget, waiting for the writer: nobody else needs this thread.
    /// Without a cold tier nothing may go, as in Redis: later effects need what is there.
    func waitForRoom() {
        if tier == nil { return }
        while withLock({ engine in
            engine.keepWithinBudget()
            return engine.holdsWriters
        }) { usleep(1000) }
    }
}
