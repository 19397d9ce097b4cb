// LPUSH and its kin: the commands that add, replace or cut elements of one list.

enum ListWrites {
    // MARK: Pushing

    @inline(__always)
    private static func push(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ end: ListEnd, mustExist: Bool
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let list: ListValue
        if let entry = try engine.write(key, .list) {
            list = ListValue(entry)
        } else if mustExist {
            return client.reply.integer(0)
        } else {
            list = engine.createList(key)
        }
        let fill = engine.listFill
        for index in 2..<args.count { list.push(args[index], at: end, fill: fill) }
        client.reply.integer(list.count)
        engine.propagate(client, args)
        engine.changed(key, list.entry, end.pushEvent, .list)
    }

    static func lpush(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try push(engine, client, args, .head, mustExist: false)
    }

    static func rpush(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try push(engine, client, args, .tail, mustExist: false)
    }

    static func lpushx(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try push(engine, client, args, .head, mustExist: true)
    }

    static func rpushx(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try push(engine, client, args, .tail, mustExist: true)
    }

    static func linsert(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let isAfter = args[2].equalsIgnoringCase("after")
        guard isAfter || args[2].equalsIgnoringCase("before") else { throw .syntax }
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .list) else { return client.reply.integer(0) }
        let list = ListValue(entry)
        guard list.insert(args[4], pivot: args[3], after: isAfter, fill: engine.listFill) else {
            return client.reply.integer(-1)
        }
        client.reply.integer(list.count)
        engine.propagate(client, args)
        engine.changed(key, entry, "linsert", .list)
    }

    // MARK: Replacing and cutting

    static func lset(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .list) else { throw .noSuchKey }
        let index = try args.integer(2)
        let list = ListValue(entry)
        guard list.replace(at: Int(index), with: args[3], fill: engine.listFill) else {
            throw .outOfRange
        }
        client.reply.ok()
        engine.propagate(client, args)
        engine.changed(key, entry, "lset", .list)
    }

    static func ltrim(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let start = try args.integer(2)
        let stop = try args.integer(3)
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .list) else { return client.reply.ok() }
        let list = ListValue(entry)
        let count = list.count
        let kept = ListValue.range(Int(start), Int(stop), of: count)
        if kept.count < count {
            // The tail first, so that the indexes before it stay what they are.
            list.removeRange(kept.upperBound..<count)
            list.removeRange(0..<kept.lowerBound)
            engine.propagate(client, args)
        }
        client.reply.ok()
        engine.elementsRemoved(key, list, "ltrim")
    }

    static func lrem(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let count = try args.integer(2)
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .list) else { return client.reply.integer(0) }
        let list = ListValue(entry)
        let removed = list.remove(Int(count), equalTo: args[3])
        client.reply.integer(removed)
        if removed > 0 {
            engine.propagate(client, args)
            engine.elementsRemoved(key, list, "lrem")
        }
    }
}
