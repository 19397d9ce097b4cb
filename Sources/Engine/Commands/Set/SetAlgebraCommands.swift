// SINTER, SUNION, SDIFF, and the same with the result stored.
//
// All sources are read before anything is changed, and a stored result is complete before the
// destination, which may be one of the sources, is touched. A missing key is an empty set.

enum SetAlgebraCommands {
    private enum Operation {
        case intersection
        case union
        case difference
    }

    // MARK: Handlers

    static func sinter(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(.intersection, engine, client, args)
    }

    static func sunion(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(.union, engine, client, args)
    }

    static func sdiff(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try reply(.difference, engine, client, args)
    }

    static func sinterstore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try store(.intersection, "sinterstore", engine, client, args)
    }

    static func sunionstore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try store(.union, "sunionstore", engine, client, args)
    }

    static func sdiffstore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try store(.difference, "sdiffstore", engine, client, args)
    }

    /// SINTERCARD numkeys key [key ...] [LIMIT limit]
    static func sintercard(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let keyCount = try args.integer(
            1, in: 1...Int64.max, else: "ERR numkeys should be greater than 0")
        guard keyCount <= args.count - 2 else {
            throw .message("ERR Number of keys can't be greater than number of args")
        }
        let limit = try args.intersectionLimit(from: 2 + Int(keyCount))
        let sets = try sources(engine, client, args, 2..<2 + Int(keyCount))
        var count: Int64 = 0
        if let sets = allPresent(sets) {
            SetAlgebra.intersection(sets) { _ in
                count += 1
                return count < limit
            }
        }
        client.reply.integer(count)
    }

    // MARK: Below

    /// The sets at the given positions, nil for a missing key.
    private static func sources(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ positions: Range<Int>
    ) throws(CommandError) -> [SetValue?] {
        var sets: [SetValue?] = []
        sets.reserveCapacity(positions.count)
        for index in positions {
            let entry = try engine.read(engine.key(args[index], client), .set)
            sets.append(entry.map { SetValue($0) })
        }
        return sets
    }

    /// Lends the members of the result.
    private static func perform(
        _ operation: Operation, _ sets: [SetValue?], _ limits: SetLimits,
        _ body: (ListPackElement) -> Void
    ) {
        switch operation {
        case .intersection:
            guard let sets = allPresent(sets) else { return }
            SetAlgebra.intersection(sets) {
                body($0)
                return true
            }
        case .union:
            SetAlgebra.union(sets.compactMap { $0 }, limits, body)
        case .difference:
            guard let first = sets[0] else { return }
            SetAlgebra.difference(first, sets.dropFirst().compactMap { $0 }, body)
        }
    }

    private static func reply(
        _ operation: Operation, _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let sets = try sources(engine, client, args, 1..<args.count)
        let mark = client.reply.deferred()
        var count = 0
        perform(operation, sets, engine.setLimits) { member in
            client.reply.bulk(member)
            count += 1
        }
        client.reply.closeSet(mark, count)
    }

    private static func store(
        _ operation: Operation, _ event: StaticString, _ engine: Engine, _ client: Client,
        _ args: Arguments
    ) throws(CommandError) {
        let sets = try sources(engine, client, args, 2..<args.count)
        let limits = engine.setLimits
        // As in Redis, a result starts as an intset, whatever its members.
        var result = SetValue.create(for: .integer(0), limits)
        perform(operation, sets, limits) { _ = result.add($0, limits) }
        let key = engine.key(args[1], client)
        let count = result.count
        if count > 0 {
            try engine.store(result.detached, under: key, event, .set)
            var effects = ElementEffects(engine, key, "SADD", count: count)
            result.forEach { effects.element($0) }
        } else {
            result.destroy()
            try engine.storeNothing(under: key)
        }
        client.reply.integer(count)
    }
}

// MARK: Shared with the sorted sets

/// All sources of an intersection, or nil if one is missing.
func allPresent<T>(_ sources: [T?]) -> [T]? {
    let present = sources.compactMap { $0 }
    return present.count == sources.count ? present : nil
}

extension Arguments {
    /// The LIMIT of SINTERCARD and ZINTERCARD, from argument `start` on; 0 and none are no limit.
    func intersectionLimit(from start: Int) throws(CommandError) -> Int64 {
        var limit = Int64.max
        for index in stride(from: start, to: count, by: 2) {
            guard index + 1 < count, self[index].equalsIgnoringCase("limit") else {
                throw .syntax
            }
            limit = try integer(
                index + 1, in: 0...Int64.max, else: "ERR LIMIT can't be negative")
            if limit == 0 { limit = .max }
        }
        return limit
    }
}
