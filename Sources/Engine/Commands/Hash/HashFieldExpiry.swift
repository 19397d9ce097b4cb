// HEXPIRE, HTTL and HPERSIST in all their forms: when fields of a hash end.
//
// Whatever form a client uses, the log gets HPEXPIREAT with the absolute time and the fields that
// got it, or HDEL when that time is past already. While the log is replayed no time is past.

enum HashFieldExpiry {
    /// What a field gets of these commands instead of a time.
    private enum Outcome {
        static let noField = -2
        static let noExpiry = -1
        static let refused = 0
        static let done = 1
        static let deleted = 2
    }

    // MARK: Setting

    static func hexpire(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try set(engine, client, args, .seconds, false, "hexpire") }

    static func hpexpire(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try set(engine, client, args, .milliseconds, false, "hpexpire") }

    static func hexpireat(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try set(engine, client, args, .seconds, true, "hexpireat") }

    static func hpexpireat(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try set(engine, client, args, .milliseconds, true, "hpexpireat") }

    private static func set(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ unit: ExpiryTime.Unit,
        _ isAbsolute: Bool, _ name: StaticString
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let entry = try engine.write(key, .hash)
        let time = try FieldTime(unit: unit, isAbsolute: isAbsolute).read(engine, args, 2, name)
        let condition = ExpiryConditions(args[3])
        let fields = try args.fields(
            at: condition.isEmpty ? 3 : 4,
            else: "ERR Parameter `numFields` should be greater than 0")
        client.reply.array(fields.count)
        guard let entry else { return repeatNoField(client, fields.count) }
        let hash = HashValue(entry)
        let limits = engine.hashLimits
        let before = engine.fieldExpiry(entry)
        let isPast = time <= engine.expiryClockMs
        var done: [Int] = []
        for index in fields {
            let field = args[index]
            if hash.value(of: field) == nil {
                client.reply.integer(Outcome.noField)
            } else if !condition.allow(time, over: hash.expiry(of: field)) {
                client.reply.integer(Outcome.refused)
            } else {
                if isPast {
                    _ = hash.remove(field)
                } else {
                    hash.setExpiry(field, time, limits)
                }
                client.reply.integer(isPast ? Outcome.deleted : Outcome.done)
                done.append(index)
            }
        }
        if done.isEmpty { return }
        if isPast {
            engine.stats.expiredFields += done.count
            return engine.fieldsRemoved(key, entry, since: before, args, done)
        }
        engine.fieldsChanged(key, entry, since: before)
        engine.changed(key, entry, "hexpire", .hash)
        engine.fieldsEffect(key, "HPEXPIREAT", time: time, args, done)
    }

    static func hpersist(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let entry = try engine.write(key, .hash)
        let fields = try args.fields(at: 2)
        client.reply.array(fields.count)
        guard let entry else { return repeatNoField(client, fields.count) }
        let hash = HashValue(entry)
        let before = engine.fieldExpiry(entry)
        var done: [Int] = []
        for index in fields {
            if hash.value(of: args[index]) == nil {
                client.reply.integer(Outcome.noField)
            } else if hash.expiry(of: args[index]) == nil {
                client.reply.integer(Outcome.noExpiry)
            } else {
                hash.setExpiry(args[index], nil, engine.hashLimits)
                client.reply.integer(Outcome.done)
                done.append(index)
            }
        }
        if done.isEmpty { return }
        engine.fieldsChanged(key, entry, since: before)
        engine.changed(key, entry, "hpersist", .hash)
        engine.fieldsEffect(key, "HPERSIST", args, done)
    }

    private static func repeatNoField(_ client: Client, _ count: Int) {
        for _ in 0..<count { client.reply.integer(Outcome.noField) }
    }

    // MARK: Reading

    static func httl(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try reply(engine, client, args, .seconds, false) }

    static func hpttl(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try reply(engine, client, args, .milliseconds, false) }

    static func hexpiretime(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try reply(engine, client, args, .seconds, true) }

    static func hpexpiretime(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try reply(engine, client, args, .milliseconds, true) }

    private static func reply(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ unit: ExpiryTime.Unit,
        _ isAbsolute: Bool
    ) throws(CommandError) {
        let entry = try engine.read(engine.key(args[1], client), .hash)
        let fields = try args.fields(at: 2)
        client.reply.array(fields.count)
        guard let entry else { return repeatNoField(client, fields.count) }
        let hash = engine.readable(entry)
        for index in fields {
            if hash.value(of: args[index]) == nil {
                client.reply.integer(Outcome.noField)
            } else if let expiry = hash.expiry(of: args[index]) {
                let left = Swift.max(isAbsolute ? expiry : expiry - engine.nowMs, 0)
                // Seconds are rounded up: a field is there for as long as it has one.
                client.reply.integer(unit == .seconds ? (left + 999) / 1000 : left)
            } else {
                client.reply.integer(Outcome.noExpiry)
            }
        }
    }
}
