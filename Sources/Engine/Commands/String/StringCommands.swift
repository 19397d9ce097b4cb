// GET and SET and their relatives: a string as a whole.
//
// GET and plain SET are what the server does most. They come first in their functions, touch one
// entry, and allocate nothing but a new key's entry; options are parsed out of line.

enum StringCommands {
    // MARK: Reading

    static func get(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = try engine.read(engine.key(args[1], client), .string) else {
            return client.reply.null()
        }
        reply(client, entry)
    }

    /// A string's value as a bulk reply.
    @inline(__always)
    static func reply(_ client: Client, _ entry: Entry) {
        switch entry.encoding {
        case .embedded: client.reply.bulk(entry.bodyBytes)
        case .integer: client.reply.bulkInteger(entry.integer)
        default: client.reply.bulk(StringValue.raw(entry).bytes)
        }
    }

    static func strlen(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let entry = try engine.read(engine.key(args[1], client), .string)
        client.reply.integer(entry.map(StringValue.count) ?? 0)
    }

    static func mget(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.array(args.count - 1)
        for index in 1..<args.count {
            if let entry = engine.read(engine.key(args[index], client)), entry.type == .string {
                reply(client, entry)
            } else {
                client.reply.null()
            }
        }
    }

    // MARK: SET

    static func set(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if args.count > 3 { return try setWithOptions(engine, client, args) }
        try checkLength(engine, args[2].count)
        let key = engine.key(args[1], client)
        let entry = engine.setString(key, try engine.write(key), args[2], expiry: nil)
        engine.changed(key, entry, "set", .string)
        engine.propagate(client, args)
        client.reply.ok()
    }

    @inline(never)
    private static func setWithOptions(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let options = try SetOptions(args, from: 3, for: .set)
        try checkLength(engine, args[2].count)
        let expiry = try options.expiry(engine, "set")
        let key = engine.key(args[1], client)
        let old: Entry?
        if options.get {
            old = try engine.writeCounted(key, .string)
            if let old { reply(client, old) } else { client.reply.null() }
        } else {
            old = try engine.write(key)
        }
        switch options.condition {
        case .absent where old != nil, .present where old == nil:
            if !options.get { client.reply.null() }
            return
        default: break
        }
        if let match = options.match, try !holds(match, old) {
            if !options.get { client.reply.null() }
            return
        }
        store(engine, key, old, args[2], expiry: expiry, keepsTTL: options.keepsTTL)
        if !options.get { client.reply.ok() }
    }

    private static func holds(
        _ match: ValueMatch, _ entry: Entry?
    ) throws(CommandError) -> Bool {
        guard let entry else { return match.holdsForNone }
        guard entry.type == .string else { throw .wrongType }
        return match.holds(for: entry)
    }

    /// Sets, announces and logs: `SET k v [PXAT ms | KEEPTTL]`, or DEL when the time is past.
    static func store(
        _ engine: Engine, _ key: Key, _ old: Entry?, _ value: Bytes, expiry: Int64?,
        keepsTTL: Bool = false
    ) {
        if let expiry, expiry <= engine.expiryClockMs {
            guard let old else { return }
            engine.remove(key, old)
            return engine.effect(key, "DEL")
        }
        let kept = keepsTTL ? old?.expiry : nil
        let entry = engine.setString(key, old, value, expiry: expiry ?? kept)
        engine.changed(key, entry, "set", .string)
        if let expiry {
            engine.announce(key, "expire", .generic)
            engine.effect(key, "SET", .bytes(value), .literal("PXAT"), .integer(expiry))
        } else if keepsTTL {
            engine.effect(key, "SET", .bytes(value), .literal("KEEPTTL"))
        } else {
            engine.effect(key, "SET", .bytes(value))
        }
    }

    static func setnx(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try checkLength(engine, args[2].count)
        let key = engine.key(args[1], client)
        guard try engine.write(key) == nil else { return client.reply.integer(0) }
        store(engine, key, nil, args[2], expiry: nil)
        client.reply.integer(1)
    }

    static func setex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try setWithExpiry(engine, client, args, .seconds, "setex")
    }

    static func psetex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try setWithExpiry(engine, client, args, .milliseconds, "psetex")
    }

    private static func setWithExpiry(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ unit: ExpiryTime.Unit,
        _ name: StaticString
    ) throws(CommandError) {
        try checkLength(engine, args[3].count)
        let time = ExpiryTime(value: try args.integer(2), unit: unit, isAbsolute: false)
        let expiry = try time.positiveExpiry(engine, name)
        let key = engine.key(args[1], client)
        store(engine, key, try engine.write(key), args[3], expiry: expiry)
        client.reply.ok()
    }

    static func getset(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try checkLength(engine, args[2].count)
        let key = engine.key(args[1], client)
        let old = try engine.writeCounted(key, .string)
        if let old { reply(client, old) } else { client.reply.null() }
        store(engine, key, old, args[2], expiry: nil)
    }

    static func getdel(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let entry = try engine.writeCounted(key, .string) else { return client.reply.null() }
        reply(client, entry)
        engine.remove(key, entry)
        engine.effect(key, "DEL")
    }

    static func getex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let options = try SetOptions(args, from: 2, for: .getex)
        let key = engine.key(args[1], client)
        guard let entry = try engine.writeCounted(key, .string) else { return client.reply.null() }
        let expiry = try options.expiry(engine, "getex")
        reply(client, entry)
        if let expiry {
            if expiry <= engine.expiryClockMs {
                engine.remove(key, entry)
                return engine.effect(key, "DEL")
            }
            engine.changed(key, engine.setExpiry(key, entry, expiry), "expire", .generic)
            engine.effect(key, "PEXPIREAT", .integer(expiry))
        } else if options.persists, entry.expiry != nil {
            engine.changed(key, engine.setExpiry(key, entry, nil), "persist", .generic)
            engine.effect(key, "PERSIST")
        }
    }

    // MARK: Several keys

    static func mset(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try checkPairs(engine, args, "mset")
        try storePairs(engine, client, args)
        client.reply.ok()
    }

    static func msetnx(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try checkPairs(engine, args, "msetnx")
        for index in stride(from: 1, to: args.count, by: 2)
        where try engine.write(engine.key(args[index], client)) != nil {
            return client.reply.integer(0)
        }
        try storePairs(engine, client, args)
        client.reply.integer(1)
    }

    private static func checkPairs(
        _ engine: Engine, _ args: Arguments, _ name: String
    ) throws(CommandError) {
        if args.count % 2 == 0 { throw .wrongArity(name) }
        for index in stride(from: 2, to: args.count, by: 2) {
            try checkLength(engine, args[index].count)
        }
    }

    private static func storePairs(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        for index in stride(from: 1, to: args.count, by: 2) {
            let key = engine.key(args[index], client)
            store(engine, key, try engine.write(key), args[index + 1], expiry: nil)
        }
    }

    // MARK: Shared

    /// Refuses strings beyond `proto-max-bulk-len`.
    @inline(__always)
    static func checkLength(_ engine: Engine, _ count: Int) throws(CommandError) {
        guard count <= StringLayout.embeddedCountMax else {
            return try checkLongLength(engine, count)
        }
    }

    @inline(never)
    private static func checkLongLength(_ engine: Engine, _ count: Int) throws(CommandError) {
        // Replaying the log, the limit of the day does not matter.
        let limit = engine.isReplaying ? Int.max : engine.configuration.bulkBytesMax
        if count > Swift.min(limit, StringValue.countMax) { throw .stringTooLong }
    }
}

extension Engine {
    /// Announces an event that goes with a change already made known by `changed`.
    @inline(__always)
    func announce(_ key: Key, _ event: StaticString, _ eventClass: KeyspaceEvents) {
        if notifiedEvents.contains(eventClass) { notify(eventClass, event, key) }
    }
}
