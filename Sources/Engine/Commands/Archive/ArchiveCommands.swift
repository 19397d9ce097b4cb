// ARCHIVE: values of keys that expired, listed, read, restored, purged.
//
// The archive holds the values of all databases, stamped with the number of the database that
// the key was in; GET, RESTORE and PURGE of a key mean the client's database. An id is
// `expired-at-ms-number`; it names a row for as long as it exists.

enum ArchiveCommands {
    /// ARCHIVE LIST [cursor] [MATCH pattern] [COUNT count]: oldest first.
    static func list(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let tier = try tier(engine)
        var after: ArchiveID?
        var start = 2
        if args.count > 2 {
            after = ArchiveID(args[2])
            if after != nil || args[2].equals("0") {
                start = 3
            } else if !args[2].equalsIgnoringCase("match"), !args[2].equalsIgnoringCase("count") {
                throw .message("ERR invalid cursor")
            }
        }
        let options = try ScanOptions(args, from: start)
        let slice = try reading(engine) { () throws(ColdError) in
            try engine.archiveIDs(after: after, atMost: options.count, tier)
        }
        client.reply.array(2)
        client.reply.bulk(slice.next.map(\.text) ?? "0")
        let mark = client.reply.deferred()
        var count = 0
        for id in slice.ids {
            do {
                try engine.withArchived(id, tier) { row in
                    if !options.admits(row.record.key) { return }
                    reply(row, client)
                    count += 1
                }
            } catch {
                // A damaged row is reported and passed over; the others are listed.
                tier.stats.damagedRecords += 1
                tier.stats.lastError = error.description
            }
        }
        client.reply.closeArray(mark, count)
    }

    private static func reply(_ row: ArchiveEntry, _ client: Client) {
        client.reply.map(6)
        client.reply.bulk("key")
        client.reply.bulk(row.record.key)
        client.reply.bulk("database")
        client.reply.integer(Int(row.record.namespace))
        client.reply.bulk("type")
        client.reply.bulk(RDBType.valueType(row.record.type)?.name ?? "unknown")
        client.reply.bulk("expired-at")
        client.reply.integer(row.id.expiredAt)
        client.reply.bulk("bytes")
        client.reply.integer(row.record.payload.count)
        client.reply.bulk("id")
        client.reply.bulk(row.id.text)
    }

    /// ARCHIVE GET key [ID id]: the newest archived value.
    static func get(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let tier = try tier(engine)
        var id: ArchiveID?
        if args.count > 3 {
            guard args.count == 5, args[3].equalsIgnoringCase("id") else { throw .syntax }
            id = try parseID(args[4])
        }
        let key = engine.key(args[2], client)
        let found = try reading(engine) { () throws(ColdError) in
            try engine.withArchived(key, id, tier) { row -> Bool in
                guard
                    let value = LooseValue(
                        type: row.record.type, payload: row.record.payload, engine.configuration,
                        engine.secret)
                else { return false }
                value.reply(to: client)
                return true
            }
        }
        switch found {
        case nil: client.reply.null()
        case true?: return
        case false?: throw undecodable
        }
    }

    private struct RestoreOptions {
        var newKey: Int?
        var id: ArchiveID?
        var ttl: Int64 = 0
        var replaces = false

        init(_ args: Arguments) throws(CommandError) {
            var index = 3
            while index < args.count {
                let option = args[index]
                let hasValue = index + 1 < args.count
                if option.equalsIgnoringCase("replace") {
                    replaces = true
                } else if option.equalsIgnoringCase("id"), hasValue {
                    index += 1
                    id = try parseID(args[index])
                } else if option.equalsIgnoringCase("ttl"), hasValue {
                    index += 1
                    ttl = try args.integer(index)
                    if ttl < 0 { throw .message("ERR Invalid TTL value, must be >= 0") }
                } else if index == 3 {
                    newKey = index
                } else {
                    throw .syntax
                }
                index += 1
            }
        }
    }

    /// ARCHIVE RESTORE key [newkey] [ID id] [TTL ms] [REPLACE]
    ///
    /// The key gets the expiry that TTL says, or none, not the one that it expired by; the fields of
    /// a hash, whose times may be past as well, get none, or they would be gone for good at once.
    static func restore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let tier = try tier(engine)
        let options = try RestoreOptions(args)
        let source = engine.key(args[2], client)
        let target = engine.key(args[options.newKey ?? 2], client)
        var expiry: Int64?
        if options.ttl > 0 {
            let (sum, overflow) = options.ttl.addingReportingOverflow(engine.nowMs)
            if overflow { throw .invalidExpireTime("archive|restore") }
            expiry = sum
        }
        let old = try engine.write(target)
        if old != nil, !options.replaces {
            throw .message("BUSYKEY Target key name already exists.")
        }
        let restored = try reading(engine) { () throws(ColdError) in
            try engine.withArchived(source, options.id, tier) { row -> (ArchiveID, Entry)? in
                guard
                    let value = ValueCodec.decode(
                        type: row.record.type, payload: row.record.payload, engine.configuration,
                        engine.secret)
                else { return nil }
                if let old { engine.removeSilently(target, old) }
                return (
                    row.id, engine.insert(target, value.withoutFieldTimes(), expiry: expiry)
                )
            }
        }
        guard let restored else { throw .message("ERR no such archived key") }
        guard let (id, entry) = restored else { throw undecodable }
        engine.changed(target, entry, "restore", .generic)
        var payload = ByteSink()
        ValueCodec.dump(entry, into: &payload)
        if engine.logIsEnabled { engine.log.annotate(.row(id)) }
        engine.effect(
            target, "RESTORE", .integer(expiry ?? 0), .bytes(payload.bytes),
            .literal("REPLACE"), .literal("ABSTTL"))
        engine.deleteArchived(id, tier)
        client.reply.ok()
    }

    static func length(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let tier = try tier(engine)
        client.reply.integer(
            try reading(engine) { () throws(ColdError) in try engine.archiveCount(tier) })
    }

    /// ARCHIVE PURGE key… | ALL | BEFORE ms: replies how many values it removed.
    static func purge(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let tier = try tier(engine)
        if args.count == 3, args[2].equalsIgnoringCase("all") {
            return try purge(before: engine.nowMs, engine, client, tier)
        }
        if args.count == 4, args[2].equalsIgnoringCase("before") {
            let ms = try args.integer(3)
            return try purge(before: min(max(ms, 0), engine.nowMs), engine, client, tier)
        }
        var removed = 0
        for index in 2..<args.count {
            let key = engine.key(args[index], client)
            let ids = try reading(engine) { () throws(ColdError) in
                try engine.archiveIDs(of: key, tier)
            }
            for id in ids {
                engine.logRemoval(.row(id), database: client.database)
                engine.deleteArchived(id, tier)
            }
            removed += ids.count
        }
        client.reply.integer(removed)
    }

    private static func purge(
        before ms: Int64, _ engine: Engine, _ client: Client, _ tier: Tier
    ) throws(CommandError) {
        let removed = try reading(engine) { () throws(ColdError) in
            let before = try engine.archiveCount(tier)
            engine.logRemoval(.before(ms), database: client.database)
            engine.purgeArchive(before: ms, tier)
            return try before - engine.archiveCount(tier)
        }
        client.reply.integer(max(removed, 0))
    }

    static func info(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let tier = try tier(engine)
        let facts = try reading(engine) { () throws(ColdError) in
            try engine.archiveFacts(tier)
        }
        client.reply.map(6)
        client.reply.bulk("values")
        client.reply.integer(facts.rows)
        client.reply.bulk("bytes")
        client.reply.integer(facts.bytes)
        client.reply.bulk("pending-values")
        client.reply.integer(facts.pendingRows)
        client.reply.bulk("oldest-expired-at")
        if let oldest = facts.oldest {
            client.reply.integer(oldest.expiredAt)
        } else {
            client.reply.null()
        }
        client.reply.bulk("retention-seconds")
        client.reply.integer(engine.configuration.archiveRetentionSeconds)
        client.reply.bulk("bytes-max")
        client.reply.integer(engine.configuration.archiveBytesMax)
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help(
            "ARCHIVE",
            [
                "LIST [<cursor>] [MATCH <pattern>] [COUNT <count>]",
                "    List archived values of all databases, those that expired first first.",
                "GET <key> [ID <id>]",
                "    Return the newest archived value of <key>, or the one with <id>.",
                "RESTORE <key> [<newkey>] [ID <id>] [TTL <milliseconds>] [REPLACE]",
                "    Make a key of an archived value, which leaves the archive. It expires in TTL",
                "    milliseconds, without TTL never; no field of a hash expires.",
                "LEN",
                "    Return the number of archived values.",
                "PURGE <key> [<key> ...] | ALL | BEFORE <unix-time-milliseconds>",
                "    Remove archived values. Return how many were removed.",
                "INFO",
                "    Return figures and limits of the archive.",
            ])
    }

    // MARK: Below

    private static let undecodable = CommandError.message(
        "ERR the archived value cannot be decoded")

    private static func tier(_ engine: Engine) throws(CommandError) -> Tier {
        guard let tier = engine.tier else {
            throw .message("ERR this server runs with 'cold-tier no'")
        }
        return tier
    }

    private static func parseID(_ bytes: Bytes) throws(CommandError) -> ArchiveID {
        guard let id = ArchiveID(bytes) else { throw .message("ERR invalid archive ID") }
        return id
    }

    /// Reads of the store, whose failures become the command's error.
    private static func reading<R>(
        _ engine: Engine, _ body: () throws(ColdError) -> R
    ) throws(CommandError) -> R {
        do throws(ColdError) {
            return try body()
        } catch {
            engine.tier?.stats.lastError = error.description
            throw .text("ERR \(error.description)")
        }
    }
}

extension ArchiveID {
    /// `expired-at-ms-sequence`, as clients see it.
    package var text: String { "\(expiredAt)-\(sequence)" }

    /// Reads that form; nil for anything else.
    package init?(_ bytes: Bytes) {
        guard let dash = bytes.firstIndex(of: UInt8(ascii: "-")), dash > 0,
            let ms = Numbers.parseInt64(bytes.slice(0, dash)), ms >= 0,
            let sequence = Numbers.parseUInt64(bytes.slice(dash + 1, bytes.count - dash - 1))
        else { return nil }
        self.init(expiredAt: ms, sequence: sequence)
    }
}
