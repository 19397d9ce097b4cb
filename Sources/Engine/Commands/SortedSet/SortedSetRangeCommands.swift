// ZRANGE in all its forms: by rank, score or member, forwards or backwards, with a limit; replied
// or stored. Every form becomes one range of ranks and one walk.

enum SortedSetRangeCommands {
    private enum Kind {
        case rank
        case score
        case lex
    }

    /// What the arguments of a ZRANGE say.
    private struct Query {
        var kind: Kind?
        var isReversed: Bool?
        var withScores = false
        var offset: Int64 = 0
        /// Negative: no limit.
        var limit: Int64 = -1
    }

    /// A range as the arguments gave it, before there is a sorted set to find it in.
    private enum Bounds {
        case ranks(Int64, Int64)
        case scores(ScoreRange)
        case members(LexRange)
    }

    // MARK: Handlers

    static func zrange(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(engine, client, args, Query())
    }

    static func zrevrange(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(engine, client, args, Query(kind: .rank, isReversed: true))
    }

    static func zrangebyscore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(engine, client, args, Query(kind: .score, isReversed: false))
    }

    static func zrevrangebyscore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(engine, client, args, Query(kind: .score, isReversed: true))
    }

    static func zrangebylex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(engine, client, args, Query(kind: .lex, isReversed: false))
    }

    static func zrevrangebylex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(engine, client, args, Query(kind: .lex, isReversed: true))
    }

    /// ZRANGESTORE dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]
    static func zrangestore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var query = Query()
        let bounds = try parse(args, source: 2, stores: true, &query)
        let destination = engine.key(args[1], client)
        let source = try engine.read(engine.key(args[2], client), .sortedSet)
            .map { SortedSetValue($0) }
        let ranks = source.map { selection($0, bounds, query) } ?? 0..<0
        guard let source, !ranks.isEmpty else {
            try engine.storeNothing(under: destination)
            return client.reply.integer(0)
        }
        // As in Redis, a listpack that grows in the order of the query, unless its count is
        // known to be too large: the encoding and the sign of zeros depend on it.
        let limits = engine.sortedSetLimits
        var count = 0
        if case .ranks = bounds { count = ranks.count }
        var result = SortedSetValue.create(count: count, memberBytes: 0, limits)
        source.forEach(ranks, reversed: query.isReversed == true) { member, score in
            member.withBytes { _ = result.update($0, score, [], limits) }
        }
        try engine.store(result, under: destination, "zrangestore")
        client.reply.integer(ranks.count)
    }

    // MARK: Below

    private static func reply(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ form: Query
    ) throws(CommandError) {
        var query = form
        let bounds = try parse(args, source: 1, stores: false, &query)
        guard let entry = try engine.read(engine.key(args[1], client), .sortedSet) else {
            return client.reply.emptyArray()
        }
        let value = SortedSetValue(entry)
        let ranks = selection(value, bounds, query)
        let nests = query.withScores && client.reply.version >= 3
        client.reply.array(query.withScores && !nests ? ranks.count * 2 : ranks.count)
        value.forEach(ranks, reversed: query.isReversed == true) { member, score in
            if nests { client.reply.array(2) }
            client.reply.bulk(member)
            if query.withScores { client.reply.double(score) }
        }
    }

    /// The options behind source, start and stop, then the bounds themselves: Redis's order of
    /// errors. What `query` already fixes cannot be said again.
    private static func parse(
        _ args: Arguments, source: Int, stores: Bool, _ query: inout Query
    ) throws(CommandError) -> Bounds {
        var index = source + 3
        while index < args.count {
            let word = args[index]
            if !stores, word.equalsIgnoringCase("withscores") {
                query.withScores = true
            } else if word.equalsIgnoringCase("limit"), index + 2 < args.count {
                query.offset = try args.integer(index + 1)
                query.limit = try args.integer(index + 2)
                index += 2
            } else if query.isReversed == nil, word.equalsIgnoringCase("rev") {
                query.isReversed = true
            } else if query.kind == nil, word.equalsIgnoringCase("bylex") {
                query.kind = .lex
            } else if query.kind == nil, word.equalsIgnoringCase("byscore") {
                query.kind = .score
            } else {
                throw .syntax
            }
            index += 1
        }
        let kind = query.kind ?? .rank
        if query.limit != -1, kind == .rank {
            throw .message(
                """
                ERR syntax error, LIMIT is only supported in combination with either BYSCORE or \
                BYLEX
                """)
        }
        if query.withScores, kind == .lex {
            throw .message(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX")
        }
        let start = args[source + 1]
        let stop = args[source + 2]
        let isReversed = query.isReversed == true
        switch kind {
        case .rank:
            return .ranks(try args.integer(source + 1), try args.integer(source + 2))
        case .score:
            return .scores(
                try SortedSetArguments.scoreRange(
                    isReversed ? stop : start, isReversed ? start : stop))
        case .lex:
            return .members(
                try SortedSetArguments.lexRange(
                    isReversed ? stop : start, isReversed ? start : stop))
        }
    }

    /// The ascending ranks that a query selects.
    private static func selection(
        _ value: SortedSetValue, _ bounds: Bounds, _ query: Query
    ) -> Range<Int> {
        let found: Range<Int>
        switch bounds {
        case .ranks(let start, let stop):
            let count = value.count
            let ranks = SortedSetArguments.ranks(start, stop, count: count)
            if query.isReversed != true { return ranks }
            return count - ranks.upperBound..<count - ranks.lowerBound
        case .scores(let range): found = value.ranks(in: range)
        case .members(let range): found = value.ranks(in: range)
        }
        // A negative offset skips everything.
        guard query.offset >= 0, query.offset < found.count else { return 0..<0 }
        let offset = Int(query.offset)
        var count = found.count - offset
        if query.limit >= 0 { count = Int(Swift.min(Int64(count), query.limit)) }
        if query.isReversed == true {
            let end = found.upperBound - offset
            return end - count..<end
        }
        let start = found.lowerBound + offset
        return start..<start + count
    }
}

extension Engine {
    /// Makes a sorted set with at least one element all that `key` holds, and logs it.
    func store(
        _ value: SortedSetValue, under key: Key, _ event: StaticString
    ) throws(CommandError) {
        try store(value.detached, under: key, event, .sortedSet)
        var effects = ElementEffects(self, key, "ZADD", count: value.count, withScores: true)
        value.forEach { effects.element($0, score: $1) }
    }
}
