// Strings that are numbers: INCR and its relatives.
//
// The integer stands in the entry, so counting is an addition in place. INCRBYFLOAT adds in the
// widest type that C has here, as Redis does, and is logged as the SET it came to, because
// another machine's arithmetic may round otherwise.

extension StringCommands {
    static func incr(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try add(engine, client, args, 1) }

    static func decr(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try add(engine, client, args, -1) }

    static func incrby(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try add(engine, client, args, try args.integer(2)) }

    static func decrby(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let amount = try args.integer(2)
        if amount == .min { throw .message("ERR decrement would overflow") }
        try add(engine, client, args, -amount)
    }

    private static func add(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ amount: Int64
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        var entry = try engine.write(key, .string)
        var before: Int64 = 0
        if let entry {
            guard let number = StringValue.integer(entry) else { throw .notAnInteger }
            before = number
        }
        let (sum, overflow) = before.addingReportingOverflow(amount)
        if overflow { throw .overflow }
        if let present = entry, present.encoding == .integer {
            present.integer = sum
        } else {
            entry = engine.setString(key, entry, integer: sum, expiry: entry?.expiry)
        }
        engine.changed(key, entry!, "incrby", .string)
        engine.propagate(client, args)
        client.reply.integer(sum)
    }

    static func incrbyfloat(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let old = try engine.write(key, .string)
        var value: LongDouble = 0
        if let old {
            guard let number = StringValue.longDouble(old) else { throw .notAFloat }
            value = number
        }
        guard let amount = Numbers.parseFloat80(args[2]) else { throw .notAFloat }
        value += amount
        guard value.isFinite else {
            throw .message("ERR increment would produce NaN or Infinity")
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Numbers.longDoubleCharsMax) {
            room in
            let count = Numbers.formatFloat80Human(value, into: room.baseAddress!)
            let text = Bytes(start: room.baseAddress!, count: count)
            let entry = engine.setString(key, old, text, expiry: old?.expiry)
            engine.changed(key, entry, "incrbyfloat", .string)
            engine.effect(key, "SET", .bytes(text), .literal("KEEPTTL"))
            client.reply.bulk(text)
        }
    }
}
