// HGET and its kin: the commands that only read a hash.

enum HashReads {
    /// The hash of a command's key, nil when there is none.
    @inline(__always)
    private static func hash(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) -> HashValue? {
        try engine.read(engine.key(args[1], client), .hash).map { engine.readable($0) }
    }

    static func hget(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let value = try hash(engine, client, args)?.value(of: args[2]) else {
            return client.reply.null()
        }
        client.reply.bulk(value)
    }

    static func hmget(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let hash = try hash(engine, client, args)
        client.reply.array(args.count - 2)
        for index in 2..<args.count {
            if let value = hash?.value(of: args[index]) {
                client.reply.bulk(value)
            } else {
                client.reply.null()
            }
        }
    }

    static func hgetall(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let hash = try hash(engine, client, args) else { return client.reply.map(0) }
        client.reply.map(hash.count)
        hash.forEach { field, value in
            client.reply.bulk(field)
            client.reply.bulk(value)
        }
    }

    static func hkeys(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let hash = try hash(engine, client, args) else { return client.reply.emptyArray() }
        client.reply.array(hash.count)
        hash.forEach { field, _ in client.reply.bulk(field) }
    }

    static func hvals(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let hash = try hash(engine, client, args) else { return client.reply.emptyArray() }
        client.reply.array(hash.count)
        hash.forEach { _, value in client.reply.bulk(value) }
    }

    static func hlen(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(try hash(engine, client, args)?.count ?? 0)
    }

    static func hstrlen(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(try hash(engine, client, args)?.value(of: args[2])?.textLength ?? 0)
    }

    static func hexists(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(try hash(engine, client, args)?.value(of: args[2]) == nil ? 0 : 1)
    }

    /// HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]
    static func hscan(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let cursor = try ScanOptions.cursor(args[2])
        guard let hash = try hash(engine, client, args) else {
            return ScanOptions.replyNothing(to: client)
        }
        let options = try ScanOptions(args, from: 3, of: .hash)
        options.reply(to: client) { items in
            var count = 0
            let next = hash.scan(from: cursor, count: options.count) { field, value in
                guard field.withBytes({ options.admits($0) }) else { return }
                items.bulk(field)
                count += 1
                if options.omitsValues { return }
                items.bulk(value)
                count += 1
            }
            return (next, count)
        }
    }
}
