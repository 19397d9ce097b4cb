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

    /// NX, XX, GT and LT.
    private struct Conditions: OptionSet {
        let rawValue: Int
        static let absent = Conditions(rawValue: 1)
        static let present = Conditions(rawValue: 2)
        static let greater = Conditions(rawValue: 4)
        static let less = Conditions(rawValue: 8)

        init(rawValue: Int) { self.rawValue = rawValue }

        init(_ args: Arguments) throws(CommandError) {
            self = []
            for index in 3..<Swift.max(args.count, 3) {
                let option = args[index]
                if option.equalsIgnoringCase("nx") {
                    insert(.absent)
                } else if option.equalsIgnoringCase("xx") {
                    insert(.present)
                } else if option.equalsIgnoringCase("gt") {
                    insert(.greater)
                } else if option.equalsIgnoringCase("lt") {
                    insert(.less)
                } else {
                    throw .quoting("ERR Unsupported option \(option, max: .max)")
                }
            }
            if contains(.absent), !isDisjoint(with: [.present, .greater, .less]) {
                throw .message(
                    """
                    ERR NX and XX, GT or LT options at the same time are not compatible
                    """)
            }
            if contains(.greater), contains(.less) {
                throw .message(
                    "ERR GT and LT options at the same time are not compatible")
            }
        }

        /// Whether a key with the expiry `current` may get the expiry `new`. No expiry counts
        /// as an infinite one.
        func allow(_ new: Int64, over current: Int64?) -> Bool {
            if contains(.absent), current != nil { return false }
            if contains(.present), current == nil { return false }
            if contains(.greater) {
                guard let current, new > current else { return false }
            }
            if contains(.less), let current, new >= current { return false }
            return true
        }
    }

    private static func set(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ unit: ExpiryTime.Unit,
        _ isAbsolute: Bool, _ name: StaticString
    ) throws(CommandError) {
        let conditions = try Conditions(args)
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
