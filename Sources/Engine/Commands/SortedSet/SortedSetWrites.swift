// ZADD, ZINCRBY, ZREM, ZREMRANGEBY…: changes of one sorted set.

extension Engine {
    /// The encoding limits in force.
    var sortedSetLimits: SortedSetLimits {
        SortedSetLimits(
            packedCountMax: configuration.zsetListpackEntriesMax,
            packedMemberBytesMax: configuration.zsetListpackValueBytesMax, secret: secret)
    }
}

enum SortedSetWrites {
    /// ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]
    static func zadd(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try add(engine, client, args, [])
    }

    static func zincrby(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try add(engine, client, args, .increments)
    }

    private static func add(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ implied: ScoreUpdate
    ) throws(CommandError) {
        var conditions = implied
        var countsChanges = false
        var first = 2
        options: while first < args.count {
            let word = args[first]
            // Scores are far more frequent than options; nothing else starts with these letters.
            guard word.count == 2 || word.count == 4 else { break }
            if word.equalsIgnoringCase("nx") {
                conditions.insert(.onlyNew)
            } else if word.equalsIgnoringCase("xx") {
                conditions.insert(.onlyExisting)
            } else if word.equalsIgnoringCase("gt") {
                conditions.insert(.onlyGreater)
            } else if word.equalsIgnoringCase("lt") {
                conditions.insert(.onlyLess)
            } else if word.equalsIgnoringCase("ch") {
                countsChanges = true
            } else if word.equalsIgnoringCase("incr") {
                conditions.insert(.increments)
            } else {
                break options
            }
            first += 1
        }
        let words = args.count - first
        if words == 0 || words % 2 != 0 { throw .syntax }
        try check(conditions, elements: words / 2)
        for index in stride(from: first, to: args.count, by: 2) { _ = try args.score(index) }

        let key = engine.key(args[1], client)
        let increments = conditions.contains(.increments)
        let limits = engine.sortedSetLimits
        let entry: Entry
        if let found = try engine.write(key, .sortedSet) {
            entry = found
        } else {
            if conditions.contains(.onlyExisting) {
                return increments ? client.reply.null() : client.reply.integer(0)
            }
            let value = SortedSetValue.create(
                count: 1, memberBytes: args[first + 1].count, limits)
            entry = engine.insert(key, value.detached)
        }
        var value = SortedSetValue(entry)
        var added = 0
        var updated = 0
        var outcome = ScoreUpdate.Outcome.refused
        for index in stride(from: first, to: args.count, by: 2) {
            // Parsed twice rather than kept: usually there is one.
            outcome = value.update(args[index + 1], try args.score(index), conditions, limits)
            switch outcome {
            case .added: added += 1
            case .updated: updated += 1
            case .unchanged, .refused, .notANumber: break
            }
        }
        // Only an increment, and so the only element, comes to this: nothing was changed.
        if outcome == .notANumber {
            throw .message("ERR resulting score is not a number (NaN)")
        }
        if added + updated > 0 {
            value.save(to: entry)
            engine.changed(key, entry, increments ? "zincr" : "zadd", .sortedSet)
            if !increments { engine.propagate(client, args) }
        }
        guard increments else {
            return client.reply.integer(countsChanges ? added + updated : added)
        }
        switch outcome {
        case .added(let score), .updated(let score):
            Numbers.withFormatted(score) {
                engine.effect(key, "ZADD", .bytes($0), .bytes(args[first + 1]))
            }
            client.reply.double(score)
        case .unchanged(let score): client.reply.double(score)
        case .refused, .notANumber: client.reply.null()
        }
    }

    private static func check(
        _ conditions: ScoreUpdate, elements: Int
    ) throws(CommandError) {
        if conditions.isSuperset(of: [.onlyNew, .onlyExisting]) {
            throw .message("ERR XX and NX options at the same time are not compatible")
        }
        if conditions.isSuperset(of: [.onlyGreater, .onlyNew])
            || conditions.isSuperset(of: [.onlyLess, .onlyNew])
            || conditions.isSuperset(of: [.onlyGreater, .onlyLess])
        {
            throw .message("ERR GT, LT, and/or NX options at the same time are not compatible")
        }
        if conditions.contains(.increments), elements > 1 {
            throw .message("ERR INCR option supports a single increment-element pair")
        }
    }

    static func zrem(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .sortedSet) else { return client.reply.integer(0) }
        var value = SortedSetValue(entry)
        var removed = 0
        for index in 2..<args.count where value.remove(args[index]) { removed += 1 }
        if removed > 0 {
            value.save(to: entry)
            engine.changed(key, entry, "zrem", .sortedSet)
            if value.count == 0 { engine.remove(key, entry) }
            engine.propagate(client, args)
        }
        client.reply.integer(removed)
    }

    static func zremrangebyrank(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let start = try args.integer(2)
        let stop = try args.integer(3)
        try removeRange(engine, client, args, "zremrangebyrank") {
            SortedSetArguments.ranks(start, stop, count: $0.count)
        }
    }

    static func zremrangebyscore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let range = try SortedSetArguments.scoreRange(args[2], args[3])
        try removeRange(engine, client, args, "zremrangebyscore") { $0.ranks(in: range) }
    }

    static func zremrangebylex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let range = try SortedSetArguments.lexRange(args[2], args[3])
        try removeRange(engine, client, args, "zremrangebylex") { $0.ranks(in: range) }
    }

    private static func removeRange(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ event: StaticString,
        _ ranks: (SortedSetValue) -> Range<Int>
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .sortedSet) else { return client.reply.integer(0) }
        var value = SortedSetValue(entry)
        let ranks = ranks(value)
        if !ranks.isEmpty {
            value.remove(ranks)
            value.save(to: entry)
            engine.changed(key, entry, event, .sortedSet)
            if value.count == 0 { engine.remove(key, entry) }
            engine.propagate(client, args)
        }
        client.reply.integer(ranks.count)
    }
}
