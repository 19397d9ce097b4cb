// GEOADD, GEOPOS, GEODIST, GEOHASH: places by name.
//
// A geospatial index is a sorted set whose scores are geohashes; so GEOADD is a ZADD, and is
// logged as one.

enum GeoCommands {
    /// GEOADD key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
    static func geoadd(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var first = 2
        var isNew = false
        var isOld = false
        options: while first < args.count {
            let word = args[first]
            if word.equalsIgnoringCase("nx") {
                isNew = true
            } else if word.equalsIgnoringCase("xx") {
                isOld = true
            } else if !word.equalsIgnoringCase("ch") {
                break options
            }
            first += 1
        }
        if (args.count - first) % 3 != 0 || (isNew && isOld) { throw .syntax }
        var scores: [UInt8] = []
        var ends: [Int] = []
        for index in stride(from: first, to: args.count, by: 3) {
            let score = GeoHash(try args.place(index)).score
            Numbers.withFormatted(Int64(score)) { scores.append(contentsOf: $0) }
            ends.append(scores.count)
        }
        var failure: CommandError?
        scores.withUnsafeBytes { scores in
            let name: StaticString = "ZADD"
            var words = [name.bytes]
            for index in 1..<first { words.append(args[index]) }
            for (number, end) in ends.enumerated() {
                let start = number == 0 ? 0 : ends[number - 1]
                words.append(scores.slice(start, end - start))
                words.append(args[first + number * 3 + 2])
            }
            words.withUnsafeBufferPointer { words in
                do throws(CommandError) {
                    try SortedSetWrites.zadd(engine, client, Arguments(words))
                } catch { failure = error }
            }
        }
        if let failure { throw failure }
    }

    /// GEOPOS key [member [member ...]]
    static func geopos(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let value = try sortedSet(engine, client, args)
        client.reply.array(args.count - 2)
        for index in 2..<args.count {
            if let score = value?.score(of: args[index]) {
                client.reply.place(GeoHash(score: score).center)
            } else {
                client.reply.nullArray()
            }
        }
    }

    /// GEODIST key member1 member2 [M | KM | FT | MI]
    static func geodist(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if args.count > 5 { throw .syntax }
        let unit = args.count == 5 ? try args.unit(4) : 1
        guard let value = try sortedSet(engine, client, args),
            let one = value.score(of: args[2]), let other = value.score(of: args[3])
        else { return client.reply.null() }
        let distance = GeoShape.distance(
            GeoHash(score: one).center, GeoHash(score: other).center)
        client.reply.distance(distance / unit)
    }

    /// GEOHASH key [member [member ...]]
    static func geohash(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let value = try sortedSet(engine, client, args)
        client.reply.array(args.count - 2)
        for index in 2..<args.count {
            guard let score = value?.score(of: args[index]) else {
                client.reply.null()
                continue
            }
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 12) { room in
                let count = GeoHash.standardText(
                    GeoHash(score: score).center, into: room.baseAddress!)
                client.reply.bulk(Bytes(start: room.baseAddress!, count: count))
            }
        }
    }

    private static func sortedSet(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) -> SortedSetValue? {
        try engine.read(engine.key(args[1], client), .sortedSet).map { SortedSetValue($0) }
    }
}
