// ZUNION, ZINTER, ZDIFF, and the same with the result stored; ZINTERCARD.
//
// All sources are read before anything is changed, and a stored result is complete before the
// destination, which may be one of the sources, is touched. A missing key is an empty set; plain
// sets take part with scores of 1.

enum SortedSetAlgebraCommands {
    private enum Operation {
        case union
        case intersection
        case difference
    }

    // MARK: Handlers

    static func zunion(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(.union, "zunion", engine, client, args)
    }

    static func zinter(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(.intersection, "zinter", engine, client, args)
    }

    static func zdiff(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(.difference, "zdiff", engine, client, args)
    }

    static func zunionstore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try store(.union, "zunionstore", engine, client, args)
    }

    static func zinterstore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try store(.intersection, "zinterstore", engine, client, args)
    }

    static func zdiffstore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try store(.difference, "zdiffstore", engine, client, args)
    }

    /// ZINTERCARD numkeys key [key ...] [LIMIT limit]
    static func zintercard(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let sources = try sources(engine, client, args, countAt: 1, "zintercard")
        let limit = try args.intersectionLimit(from: 2 + sources.count)
        var count: Int64 = 0
        if let sources = allPresent(sources) {
            SortedSetAlgebra.intersection(sources, .sum) { _, _ in
                count += 1
                return count < limit
            }
        }
        client.reply.integer(count)
    }

    // MARK: Arguments

    /// The count of keys at `at` and the sources behind it, nil for missing keys.
    private static func sources(
        _ engine: Engine, _ client: Client, _ args: Arguments, countAt at: Int,
        _ command: StaticString
    ) throws(CommandError) -> [WeightedSource?] {
        let keyCount = try args.integer(at)
        if keyCount < 1 {
            throw .text("ERR at least 1 input key is needed for '\(command)' command")
        }
        if keyCount > args.count - at - 1 { throw .syntax }
        var sources: [WeightedSource?] = []
        sources.reserveCapacity(Int(keyCount))
        for index in at + 1...at + Int(keyCount) {
            guard let entry = engine.read(engine.key(args[index], client)) else {
                sources.append(nil)
                continue
            }
            guard let source = ScoredSource(entry) else { throw .wrongType }
            sources.append(WeightedSource(source: source, weight: 1))
        }
        return sources
    }

    private struct Options {
        var aggregate = ScoreAggregate.sum
        var withScores = false
    }

    /// WEIGHTS, AGGREGATE and WITHSCORES from argument `start` on, as far as the command has them.
    private static func options(
        _ args: Arguments, from start: Int, _ operation: Operation, stores: Bool,
        _ sources: inout [WeightedSource?]
    ) throws(CommandError) -> Options {
        var options = Options()
        var index = start
        while index < args.count {
            let word = args[index]
            let left = args.count - index - 1
            if operation != .difference, left >= sources.count,
                word.equalsIgnoringCase("weights")
            {
                for number in sources.indices {
                    guard let weight = Numbers.parseDouble(args[index + 1 + number]) else {
                        throw .message("ERR weight value is not a float")
                    }
                    sources[number]?.weight = weight
                }
                index += 1 + sources.count
            } else if operation != .difference, left >= 1, word.equalsIgnoringCase("aggregate") {
                let how = args[index + 1]
                if how.equalsIgnoringCase("sum") {
                    options.aggregate = .sum
                } else if how.equalsIgnoringCase("min") {
                    options.aggregate = .min
                } else if how.equalsIgnoringCase("max") {
                    options.aggregate = .max
                } else {
                    throw .syntax
                }
                index += 2
            } else if !stores, word.equalsIgnoringCase("withscores") {
                options.withScores = true
                index += 1
            } else {
                throw .syntax
            }
        }
        return options
    }

    // MARK: Results

    /// The result in order.
    private static func perform(
        _ operation: Operation, _ sources: [WeightedSource?], _ aggregate: ScoreAggregate,
        _ secret: HashSecret
    ) -> ScoredMembers {
        var result = ScoredMembers(secret: secret)
        switch operation {
        case .union:
            SortedSetAlgebra.union(sources.compactMap { $0 }, aggregate, into: &result)
        case .intersection:
            if let sources = allPresent(sources) {
                SortedSetAlgebra.intersection(sources, aggregate) { member, score in
                    result.append(member, score)
                    return true
                }
            }
        case .difference:
            if let first = sources[0] {
                SortedSetAlgebra.difference(
                    first.source, sources.dropFirst().compactMap { $0?.source }, into: &result)
            }
        }
        result.sort()
        return result
    }

    private static func reply(
        _ operation: Operation, _ name: StaticString, _ engine: Engine, _ client: Client,
        _ args: Arguments
    ) throws(CommandError) {
        var sources = try sources(engine, client, args, countAt: 1, name)
        let options = try options(
            args, from: 2 + sources.count, operation, stores: false, &sources)
        let result = perform(operation, sources, options.aggregate, engine.secret)
        let nests = options.withScores && client.reply.version >= 3
        client.reply.array(options.withScores && !nests ? result.count * 2 : result.count)
        result.forEach { member, score in
            if nests { client.reply.array(2) }
            client.reply.bulk(member)
            if options.withScores { client.reply.double(score) }
        }
    }

    private static func store(
        _ operation: Operation, _ name: StaticString, _ engine: Engine, _ client: Client,
        _ args: Arguments
    ) throws(CommandError) {
        var sources = try sources(engine, client, args, countAt: 2, name)
        let options = try options(
            args, from: 3 + sources.count, operation, stores: true, &sources)
        let result = perform(operation, sources, options.aggregate, engine.secret)
        let key = engine.key(args[1], client)
        if result.count > 0 {
            try engine.store(result.makeValue(engine.sortedSetLimits), under: key, name)
        } else {
            try engine.storeNothing(under: key)
        }
        client.reply.integer(result.count)
    }
}
