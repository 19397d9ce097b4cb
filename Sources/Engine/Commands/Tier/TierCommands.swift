// TIER: where keys are, and moving them by hand.

enum TierCommands {
    /// TIER LOCATE key…: per key `hot`, `hot-dirty`, `cold` or nil, without moving anything.
    static func locate(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.array(args.count - 2)
        for index in 2..<args.count {
            switch engine.location(of: engine.key(args[index], client)) {
            case .hot(let isDirty): client.reply.bulk(isDirty ? "hot-dirty" : "hot")
            case .cold: client.reply.bulk("cold")
            case .nowhere: client.reply.null()
            }
        }
    }

    /// TIER SPILL key…: moves keys out of the hot tier; replies how many were there to move.
    /// Dirty ones are readable throughout and leave when their batch is committed.
    static func spill(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let tier = engine.tier else { throw noColdTier }
        var moved = 0
        for index in 2..<args.count where engine.spill(engine.key(args[index], client), tier) {
            moved += 1
        }
        // With the writer busy the batch goes on filling; maintenance submits it.
        if !tier.batch.isEmpty, tier.queuedBatches < 2 { engine.submitBatch(tier) }
        client.reply.integer(moved)
    }

    /// TIER FETCH key…: brings keys into the hot tier to stay; replies how many it brought.
    static func fetch(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard engine.tier != nil else { throw noColdTier }
        var brought = 0
        for index in 2..<args.count {
            let key = engine.key(args[index], client)
            guard case .cold = engine.location(of: key), let entry = engine.lookup(key) else {
                continue
            }
            entry.flags.remove(.visiting)
            brought += 1
        }
        client.reply.integer(brought)
    }

    /// TIER COMPACT: the cold tier moves into a new file, in the background. TIER COMPACT ABORT: gives
    /// that up.
    static func compact(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let tier = engine.tier else { throw noColdTier }
        if args.count == 2 {
            if let failure = engine.startCompaction(tier) { throw .text("ERR \(failure)") }
            return client.reply.simple("Background compaction started")
        }
        guard args.count == 3, args[2].equalsIgnoringCase("abort") else { throw .syntax }
        guard let compaction = tier.compaction.running else {
            throw .message("ERR Background compaction is currently not in progress")
        }
        guard compaction.abort() else {
            throw .message("ERR Background compaction is done but for readers of the old file")
        }
        client.reply.simple("Background compaction aborted")
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help(
            "TIER",
            [
                "LOCATE <key> [<key> ...]",
                "    Tell for each key whether it is hot, hot-dirty (not yet written to the",
                "    cold tier as it is) or cold; nil if it does not exist.",
                "COMPACT [ABORT]",
                "    Move the cold tier into a new file in the background, so that the disk gets",
                "    back what deletions have left free; or give that up. See INFO tiering.",
                "SPILL <key> [<key> ...]",
                "    Move keys to the cold tier. Return how many were hot.",
                "FETCH <key> [<key> ...]",
                "    Move keys to the hot tier. Return how many were cold.",
            ])
    }

    private static let noColdTier = CommandError.message(
        "ERR this server runs with 'cold-tier no'")
}

/// Which tier holds a key.
enum KeyLocation {
    case hot(isDirty: Bool)
    case cold
    case nowhere
}

extension Engine {
    /// Looks without fetching; a key past its time is nowhere.
    func location(of key: Key) -> KeyLocation {
        if let raw = databases[key.database].table.find(key.hash, key.bytes) {
            let entry = Entry(raw)
            if entry.type == .tombstone || entry.expiry ?? .max < expiryClockMs { return .nowhere }
            return .hot(isDirty: entry.flags.contains(.dirty))
        }
        guard let tier, databases[key.database].coldOnlyCount > 0 else { return .nowhere }
        let expiry: Int64?
        do {
            expiry = try tier.store.read(
                namespace: databases[key.database].namespace, hash: key.hash, key: key.bytes
            ) { $0.expiry }
        } catch {
            tier.stats.lastError = error.description
            return .nowhere
        }
        guard let expiry else { return .nowhere }
        return expiry != ColdRecord.noExpiry && expiry < expiryClockMs ? .nowhere : .cold
    }

    /// Lets a hot key leave; false if it is not hot.
    func spill(_ key: Key, _ tier: Tier) -> Bool {
        guard let raw = databases[key.database].table.find(key.hash, key.bytes) else {
            return false
        }
        let entry = Entry(raw)
        if entry.type == .tombstone { return false }
        if entry.flags.contains(.visiting) { return true }
        if !entry.flags.contains(.dirty) {
            dropClean(key.database, key.hash, entry)
        } else if entry.batch != 0 {
            entry.flags.insert(.leaving)
        } else if !tier.takesValues {
            return false
        } else {
            handOver(key.database, key.hash, entry, leaves: true, tier)
        }
        return true
    }
}

let tierCommands: [CommandSpec] = [
    CommandSpec(
        "tier", -2, [], .tier, since: "0.1.0", "Show and move keys between the tiers",
        subcommands: [
            CommandSpec(
                "locate", -3, [.readonly, .noFetch], keys: .range(first: 2, last: -1, step: 1),
                .tier, since: "0.1.0", "Tell which tier holds each key",
                syntax: "key [key ...]", complexity: "O(1) for every key.", TierCommands.locate),
            CommandSpec(
                "spill", -3, [.readonly, .noFetch], keys: .range(first: 2, last: -1, step: 1),
                .tier, since: "0.1.0", "Move keys to the cold tier", syntax: "key [key ...]",
                complexity: "O(size) for every key.", TierCommands.spill),
            CommandSpec(
                "fetch", -3, [.readonly], keys: .range(first: 2, last: -1, step: 1), .tier,
                since: "0.1.0", "Move keys to the hot tier", syntax: "key [key ...]",
                complexity: "O(size) for every key.", TierCommands.fetch),
            CommandSpec(
                "compact", -2, [.admin, .noScript, .noAsyncLoading], .tier, since: "0.1.0",
                "Move the cold tier into a new file, which gives free pages back to the disk",
                syntax: "[ABORT]", complexity: "O(size of the cold tier), in the background.",
                TierCommands.compact),
            CommandSpec(
                "help", 2, [.loading, .stale], .tier, since: "0.1.0",
                "Show helpful text about the different subcommands", TierCommands.help),
        ], Container.dispatch)
]
