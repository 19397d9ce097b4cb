// DIGEST, DELEX and DELIFEQ (compare and delete), and MSETEX: what Redis 8.4 and Valkey 9 added to
// the string commands. SET's own conditions are in StringCommands.swift.

extension StringCommands {
    /// DIGEST key
    static func digest(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = try engine.read(engine.key(args[1], client), .string) else {
            return client.reply.null()
        }
        StringValue.withBytes(entry) { value in
            ValueMatch.withDigest(of: value) { client.reply.bulk($0) }
        }
    }

    /// DELEX key [IFEQ value | IFNE value | IFDEQ digest | IFDNE digest]
    static func delex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        if args.count == 2 {
            return delete(engine, client, key, try engine.write(key))
        }
        guard args.count == 4 else { throw .wrongArity("delex") }
        guard let entry = try engine.write(key) else { return client.reply.integer(0) }
        guard entry.type == .string else {
            throw .message("ERR Key should be of string type if conditions are specified")
        }
        guard let kind = ValueMatch.kind(args[2]) else {
            throw .message("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")
        }
        let match = try ValueMatch(kind, args[3])
        delete(engine, client, key, match.holds(for: entry) ? entry : nil)
    }

    /// DELIFEQ key value
    static func delifeq(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let match = try ValueMatch(.equal, args[2])
        let entry = try engine.write(key, .string)
        delete(engine, client, key, entry.flatMap { match.holds(for: $0) ? $0 : nil })
    }

    /// Deletes the entry, if there is one, and replies how many were deleted.
    private static func delete(
        _ engine: Engine, _ client: Client, _ key: Key, _ entry: Entry?
    ) {
        guard let entry else { return client.reply.integer(0) }
        engine.remove(key, entry)
        engine.effect(key, "DEL")
        client.reply.integer(1)
    }

    /// MSETEX numkeys key value [key value …] [NX | XX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL]
    static func msetex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let count = try args.integer(1, in: 1...Int64.max, else: "ERR invalid numkeys value")
        guard count <= Int64(args.count - 2) / 2 else {
            throw .message("ERR wrong number of key-value pairs")
        }
        let end = 2 + 2 * Int(count)
        let options = try SetOptions(args, from: end, for: .msetex)
        let expiry = try options.expiry(engine, "msetex")
        for index in stride(from: 3, to: end, by: 2) { try checkLength(engine, args[index].count) }
        if options.condition != .none {
            for index in stride(from: 2, to: end, by: 2) {
                let exists = try engine.write(engine.key(args[index], client)) != nil
                if exists != (options.condition == .present) { return client.reply.integer(0) }
            }
        }
        for index in stride(from: 2, to: end, by: 2) {
            let key = engine.key(args[index], client)
            store(
                engine, key, try engine.write(key), args[index + 1], expiry: expiry,
                keepsTTL: options.keepsTTL)
        }
        client.reply.integer(1)
    }

    /// Where MSETEX has its keys.
    static let pairedKeys = KeyPositions.custom { args in
        guard args.count > 2, let count = Numbers.parseInt64(args[1]), count > 0,
            count <= Int64(args.count - 2) / 2
        else { return [] }
        return Array(stride(from: 2, to: 2 + 2 * Int(count), by: 2))
    }
}
