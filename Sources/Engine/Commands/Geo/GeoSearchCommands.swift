// GEOSEARCH, GEORADIUS and their relatives: places within a shape, replied or stored.

enum GeoSearchCommands {
    static func geosearch(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try search(engine, client, args, .search) }

    static func geosearchstore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try search(engine, client, args, .searchStore) }

    static func georadius(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try search(engine, client, args, .radius) }

    static func georadiusReadOnly(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try search(engine, client, args, .radiusReadOnly) }

    static func georadiusbymember(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try search(engine, client, args, .radiusByMember) }

    static func georadiusbymemberReadOnly(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try search(engine, client, args, .radiusByMemberReadOnly) }

    private static func search(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ command: GeoQuery.Command
    ) throws(CommandError) {
        let source = try engine.read(engine.key(args[command.source], client), .sortedSet)
            .map { SortedSetValue($0) }
        let query = try GeoQuery(args, command, source)
        guard let source else {
            guard let destination = query.destination else { return client.reply.emptyArray() }
            try engine.storeNothing(under: engine.key(args[destination], client))
            return client.reply.integer(0)
        }
        var found = GeoMatches(
            source, query.shape, limit: query.takesAny ? query.count ?? .max : .max)
        found.sort(query.order)
        let count = Swift.min(found.matches.count, query.count ?? .max)
        if let destination = query.destination {
            let event: StaticString =
                command == .searchStore ? "geosearchstore" : "georadiusstore"
            let key = engine.key(args[destination], client)
            try store(found, count, query, engine, key, event)
            client.reply.integer(count)
        } else {
            reply(found, count, query, client)
        }
    }

    private static func reply(
        _ found: GeoMatches, _ count: Int, _ query: GeoQuery, _ client: Client
    ) {
        let fields = [query.withDistance, query.withHash, query.withPlace].count { $0 }
        client.reply.array(count)
        found.forEach(first: count) { member, match in
            if fields > 0 { client.reply.array(fields + 1) }
            client.reply.bulk(member)
            if query.withDistance { client.reply.distance(match.distance / query.shape.unit) }
            if query.withHash { client.reply.integer(Int64(match.score)) }
            if query.withPlace { client.reply.place(match.point) }
        }
    }

    /// Makes the first `count` matches all that `key` holds.
    private static func store(
        _ found: GeoMatches, _ count: Int, _ query: GeoQuery, _ engine: Engine, _ key: Key,
        _ event: StaticString
    ) throws(CommandError) {
        var result = ScoredMembers(secret: engine.secret)
        found.forEach(first: count) { member, match in
            let distance = match.distance / query.shape.unit
            result.append(member, query.storesDistances ? distance : match.score)
        }
        result.sort()
        if result.count > 0 {
            try engine.store(result.makeValue(engine.sortedSetLimits), under: key, event)
        } else {
            try engine.storeNothing(under: key)
        }
    }
}
