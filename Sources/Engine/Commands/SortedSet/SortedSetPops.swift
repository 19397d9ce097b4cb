// ZPOPMIN, ZPOPMAX, ZMPOP: taking elements off either end; and BZPOPMIN, BZPOPMAX, BZMPOP, which
// wait where those find nothing.

/// What ZMPOP and BZMPOP are asked for: `numkeys key [key ...] <MIN | MAX> [COUNT count]`.
private struct SortedSetMultiPop {
    /// The arguments that are keys.
    let keys: Range<Int>
    let fromMax: Bool
    let count: Int

    /// - Parameter index: the argument that counts the keys.
    init(_ args: Arguments, at index: Int) throws(CommandError) {
        let keyCount = try args.integer(
            index, in: 1...Int64.max, else: "ERR numkeys should be greater than 0")
        guard keyCount < Int64(args.count - index - 1) else { throw .syntax }
        let end = index + 1 + Int(keyCount)
        keys = index + 1..<end
        if args[end].equalsIgnoringCase("min") {
            fromMax = false
        } else if args[end].equalsIgnoringCase("max") {
            fromMax = true
        } else {
            throw .syntax
        }
        guard args.count > end + 1 else {
            count = 1
            return
        }
        guard args[end + 1].equalsIgnoringCase("count"), args.count > end + 2 else {
            throw .syntax
        }
        count = Int(
            try args.integer(
                end + 2, in: 1...Int64.max, else: "ERR count should be greater than 0"))
        if args.count > end + 3 { throw .syntax }
    }
}

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
        let pop = try SortedSetMultiPop(args, at: 1)
        for index in pop.keys
        where try popSeveralWithKey(engine, client, engine.key(args[index], client), pop) {
            return
        }
        client.reply.nullArray()
    }

    // MARK: Blocking

    static func bzpopmin(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try blockingPop(engine, client, args, fromMax: false)
    }

    static func bzpopmax(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try blockingPop(engine, client, args, fromMax: true)
    }

    private static func blockingPop(
        _ engine: Engine, _ client: Client, _ args: Arguments, fromMax: Bool
    ) throws(CommandError) {
        let last = args.count - 1
        try engine.serveOrBlock(
            client, args, 1..<last, until: args.deadlineAfterSeconds(last, engine),
            BlockedRequest(type: .sortedSet) { engine, client, key throws(CommandError) in
                guard let entry = try engine.write(key, .sortedSet) else { return false }
                client.reply.array(3)
                client.reply.bulk(key.bytes)
                take(engine, client, key, entry, 1, fromMax: fromMax, nests: false)
                return true
            })
    }

    /// BZMPOP timeout numkeys key [key ...] <MIN | MAX> [COUNT count]
    static func bzmpop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let pop = try SortedSetMultiPop(args, at: 2)
        try engine.serveOrBlock(
            client, args, pop.keys, until: args.deadlineAfterSeconds(1, engine),
            BlockedRequest(type: .sortedSet) { engine, client, key throws(CommandError) in
                try popSeveralWithKey(engine, client, key, pop)
            })
    }

    // MARK: Taking

    /// Replies key and elements of a sorted set that exists; false when there is none.
    private static func popSeveralWithKey(
        _ engine: Engine, _ client: Client, _ key: Key, _ pop: SortedSetMultiPop
    ) throws(CommandError) -> Bool {
        guard let entry = try engine.write(key, .sortedSet) else { return false }
        let count = Swift.min(pop.count, SortedSetValue(entry).count)
        client.reply.array(2)
        client.reply.bulk(key.bytes)
        client.reply.array(count)
        take(engine, client, key, entry, count, fromMax: pop.fromMax, nests: true)
        return true
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
