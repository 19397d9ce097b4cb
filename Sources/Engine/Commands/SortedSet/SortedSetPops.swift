// ZPOPMIN, ZPOPMAX, ZMPOP: taking elements off either end.

enum SortedSetPops {
    static func zpopmin(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try pop(engine, client, args, fromMax: false)
    }

    static func zpopmax(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try pop(engine, client, args, fromMax: true)
    }

    private static func pop(
        _ engine: Engine, _ client: Client, _ args: Arguments, fromMax: Bool
    ) throws(CommandError) {
        if args.count > 3 { throw .syntax }
        let wanted =
            args.count == 3
            ? try args.integer(
                2, in: 0...Int64.max, else: "ERR value is out of range, must be positive")
            : nil
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .sortedSet), wanted != 0 else {
            return client.reply.emptyArray()
        }
        let count = Int(Swift.min(wanted ?? 1, Int64(SortedSetValue(entry).count)))
        // Pairs of their own only in RESP3, and there only if a count was given.
        let nests = client.reply.version >= 3 && wanted != nil
        client.reply.array(nests ? count : count * 2)
        take(engine, client, key, entry, count, fromMax: fromMax, nests: nests)
    }

    /// ZMPOP numkeys key [key ...] <MIN | MAX> [COUNT count]
    static func zmpop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let keyCount = try args.integer(
            1, in: 1...Int64.max, else: "ERR numkeys should be greater than 0")
        guard keyCount < args.count - 2 else { throw .syntax }
        let end = 2 + Int(keyCount)
        let fromMax: Bool
        if args[end].equalsIgnoringCase("min") {
            fromMax = false
        } else if args[end].equalsIgnoringCase("max") {
            fromMax = true
        } else {
            throw .syntax
        }
        var wanted: Int64 = 1
        if args.count > end + 1 {
            guard args[end + 1].equalsIgnoringCase("count"), args.count > end + 2 else {
                throw .syntax
            }
            wanted = try args.integer(
                end + 2, in: 1...Int64.max, else: "ERR count should be greater than 0")
            if args.count > end + 3 { throw .syntax }
        }
        for index in 2..<end {
            let key = engine.key(args[index], client)
            guard let entry = try engine.write(key, .sortedSet) else { continue }
            let count = Int(Swift.min(wanted, Int64(SortedSetValue(entry).count)))
            client.reply.array(2)
            client.reply.bulk(key.bytes)
            client.reply.array(count)
            return take(engine, client, key, entry, count, fromMax: fromMax, nests: true)
        }
        client.reply.nullArray()
    }

    /// Replies, logs and removes `count` elements, at least one, as many as there are.
    private static func take(
        _ engine: Engine, _ client: Client, _ key: Key, _ entry: Entry, _ count: Int,
        fromMax: Bool, nests: Bool
    ) {
        var value = SortedSetValue(entry)
        let ranks = fromMax ? value.count - count..<value.count : 0..<count
        var effects = ElementEffects(engine, key, "ZREM", count: count)
        value.forEach(ranks, reversed: fromMax) { member, score in
            if nests { client.reply.array(2) }
            client.reply.bulk(member)
            client.reply.double(score)
            effects.element(member)
        }
        value.remove(ranks)
        value.save(to: entry)
        engine.changed(key, entry, fromMax ? "zpopmax" : "zpopmin", .sortedSet)
        if value.count == 0 { engine.remove(key, entry) }
    }
}
