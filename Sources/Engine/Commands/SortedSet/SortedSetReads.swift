// ZSCORE and its kin: the commands that look at single members or count them.

enum SortedSetReads {
    /// The sorted set of a command's key, nil when there is none.
    @inline(__always)
    private static func sortedSet(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) -> SortedSetValue? {
        try engine.read(engine.key(args[1], client), .sortedSet).map { SortedSetValue($0) }
    }

    static func zcard(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(try sortedSet(engine, client, args)?.count ?? 0)
    }

    static func zscore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let score = try sortedSet(engine, client, args)?.score(of: args[2]) else {
            return client.reply.null()
        }
        client.reply.double(score)
    }

    static func zmscore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let value = try sortedSet(engine, client, args)
        client.reply.array(args.count - 2)
        for index in 2..<args.count {
            if let score = value?.score(of: args[index]) {
                client.reply.double(score)
            } else {
                client.reply.null()
            }
        }
    }

    static func zrank(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let rank = try sortedSet(engine, client, args)?.rank(of: args[2]) else {
            return client.reply.null()
        }
        client.reply.integer(rank)
    }

    static func zrevrank(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let value = try sortedSet(engine, client, args), let rank = value.rank(of: args[2])
        else { return client.reply.null() }
        client.reply.integer(value.count - 1 - rank)
    }

    static func zcount(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let range = try SortedSetArguments.scoreRange(args[2], args[3])
        client.reply.integer(try sortedSet(engine, client, args)?.ranks(in: range).count ?? 0)
    }

    static func zlexcount(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let range = try SortedSetArguments.lexRange(args[2], args[3])
        client.reply.integer(try sortedSet(engine, client, args)?.ranks(in: range).count ?? 0)
    }

    /// ZSCAN key cursor [MATCH pattern] [COUNT count]
    static func zscan(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let cursor = try ScanOptions.cursor(args[2])
        guard let value = try sortedSet(engine, client, args) else {
            return ScanOptions.replyNothing(to: client)
        }
        let options = try ScanOptions(args, from: 3, of: .sortedSet)
        options.reply(to: client) { items in
            var count = 0
            let next = value.scan(from: cursor, count: options.count) { member, score in
                guard member.withBytes({ options.admits($0) }) else { return }
                items.bulk(member)
                items.bulk(score)
                count += 2
            }
            return (next, count)
        }
    }
}
