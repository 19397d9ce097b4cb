// When keys end: EXPIRE and TTL in all their forms.
//
// Whatever form a client uses, the log gets PEXPIREAT with the absolute time, or DEL when that
// time is past already.

enum ExpiryCommands {
    static func expire(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try set(engine, client, args, .seconds, false, "expire") }

    static func pexpire(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try set(engine, client, args, .milliseconds, false, "pexpire") }

    static func expireat(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try set(engine, client, args, .seconds, true, "expireat") }

    static func pexpireat(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try set(engine, client, args, .milliseconds, true, "pexpireat") }

    private static func set(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ unit: ExpiryTime.Unit,
        _ isAbsolute: Bool, _ name: StaticString
    ) throws(CommandError) {
        let conditions = try ExpiryConditions(args, from: 3)
        let time = ExpiryTime(value: try args.integer(2), unit: unit, isAbsolute: isAbsolute)
        let expiry = try time.expiry(engine, name)
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key), conditions.allow(expiry, over: entry.expiry) else {
            return client.reply.integer(0)
        }
        client.reply.integer(1)
        if expiry <= engine.expiryClockMs {
            engine.remove(key, entry)
            return engine.effect(key, "DEL")
        }
        engine.changed(key, engine.setExpiry(key, entry, expiry), "expire", .generic)
        engine.effect(key, "PEXPIREAT", .integer(expiry))
    }

    static func persist(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key), entry.expiry != nil else {
            return client.reply.integer(0)
        }
        engine.changed(key, engine.setExpiry(key, entry, nil), "persist", .generic)
        engine.effect(key, "PERSIST")
        client.reply.integer(1)
    }

    // MARK: Reading

    static func ttl(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { reply(engine, client, args, .seconds, false) }

    static func pttl(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { reply(engine, client, args, .milliseconds, false) }

    static func expiretime(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { reply(engine, client, args, .seconds, true) }

    static func pexpiretime(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { reply(engine, client, args, .milliseconds, true) }

    private static func reply(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ unit: ExpiryTime.Unit,
        _ isAbsolute: Bool
    ) {
        guard let entry = engine.glance(engine.key(args[1], client)) else {
            return client.reply.integer(-2)
        }
        guard let expiry = entry.expiry else { return client.reply.integer(-1) }
        let left = Swift.max(isAbsolute ? expiry : expiry &- engine.nowMs, 0)
        // Seconds are rounded to the nearest, without overflow at the end of time.
        let seconds = left / 1000 + (left % 1000 >= 500 ? 1 : 0)
        client.reply.integer(unit == .seconds ? seconds : left)
    }
}
