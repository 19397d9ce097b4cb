// HRANDFIELD.

enum HashRandom {
    static func hrandfield(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if args.count > 2 { return try several(engine, client, args) }
        guard let entry = try engine.read(engine.key(args[1], client), .hash) else {
            return client.reply.null()
        }
        engine.readable(entry).random(&engine.random) { field, _ in client.reply.bulk(field) }
    }

    private static func several(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let count = try args.negatableInteger(2)
        let withValues = args.count == 4 && args[3].equalsIgnoringCase("withvalues")
        guard args.count == 3 || withValues else { throw .syntax }
        if withValues, count.magnitude > Int64.max.magnitude / 2 {
            throw .message("ERR value is out of range")
        }
        guard let entry = try engine.read(engine.key(args[1], client), .hash), count != 0 else {
            return client.reply.emptyArray()
        }
        let hash = engine.readable(entry)
        let nested = withValues && client.reply.version >= 3
        let elements = count < 0 ? -Int(count) : Swift.min(Int(count), hash.count)
        if count < 0 { try ReplyLimit.check(elements: elements) }
        client.reply.array(withValues && !nested ? elements * 2 : elements)
        func write(_ field: ListPackElement, _ value: ListPackElement) {
            if nested { client.reply.array(2) }
            client.reply.bulk(field)
            if withValues { client.reply.bulk(value) }
        }
        if count > 0 { return hash.randomDistinct(elements, &engine.random, write) }
        if hash.hidesFields {
            let pairs = hash.visiblePairs
            for _ in 0..<elements {
                let (field, value) = pairs[
                    Int(engine.random.next(upperBound: UInt64(pairs.count)))]
                write(field, value)
                try ReplyLimit.check(client)
            }
            return
        }
        for _ in 0..<elements {
            hash.random(&engine.random, write)
            try ReplyLimit.check(client)
        }
    }
}
