// SISMEMBER and its kin: the commands that only read one set.

enum SetReads {
    /// The set of a command's key, nil when there is none.
    @inline(__always)
    private static func set(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) -> SetValue? {
        try engine.read(engine.key(args[1], client), .set).map { SetValue($0) }
    }

    static func scard(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(try set(engine, client, args)?.count ?? 0)
    }

    static func sismember(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let isMember = try set(engine, client, args)?.contains(args[2]) ?? false
        client.reply.integer(isMember ? 1 : 0)
    }

    static func smismember(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let set = try set(engine, client, args)
        client.reply.array(args.count - 2)
        for index in 2..<args.count {
            client.reply.integer(set?.contains(args[index]) == true ? 1 : 0)
        }
    }

    static func smembers(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let set = try set(engine, client, args) else { return client.reply.set(0) }
        client.reply.set(set.count)
        set.forEach { client.reply.bulk($0) }
    }

    /// SSCAN key cursor [MATCH pattern] [COUNT count]
    static func sscan(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let cursor = try ScanOptions.cursor(args[2])
        guard let set = try set(engine, client, args) else {
            return ScanOptions.replyNothing(to: client)
        }
        let options = try ScanOptions(args, from: 3, of: .set)
        options.reply(to: client) { items in
            var count = 0
            let next = set.scan(from: cursor, count: options.count) { member in
                guard member.withBytes({ options.admits($0) }) else { return }
                items.bulk(member)
                count += 1
            }
            return (next, count)
        }
    }
}
