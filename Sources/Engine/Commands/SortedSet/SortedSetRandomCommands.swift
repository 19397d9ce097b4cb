// ZRANDMEMBER: random elements, each rank with the same chance.

enum SortedSetRandomCommands {
    /// ZRANDMEMBER key [count [WITHSCORES]]
    static func zrandmember(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard args.count > 2 else {
            guard let entry = try engine.read(key, .sortedSet) else { return client.reply.null() }
            let value = SortedSetValue(entry)
            let rank = Int.random(in: 0..<value.count, using: &engine.random)
            return value.forEach(rank..<rank + 1) { member, _ in client.reply.bulk(member) }
        }
        let wanted = try args.negatableInteger(2)
        let withScores = args.count == 4
        if args.count > 4 || withScores && !args[3].equalsIgnoringCase("withscores") {
            throw .syntax
        }
        if withScores, wanted.magnitude > UInt64(Int64.max) / 2 {
            throw .message("ERR value is out of range")
        }
        guard let entry = try engine.read(key, .sortedSet) else {
            return client.reply.emptyArray()
        }
        let value = SortedSetValue(entry)
        let count = wanted < 0 ? Int(-wanted) : Int(Swift.min(wanted, Int64(value.count)))
        let nests = withScores && client.reply.version >= 3
        func reply(_ member: ListPackElement, _ score: Double) {
            if nests { client.reply.array(2) }
            client.reply.bulk(member)
            if withScores { client.reply.double(score) }
        }
        if wanted < 0 { try ReplyLimit.check(elements: count) }
        client.reply.array(withScores && !nests ? count * 2 : count)
        if wanted < 0 {
            // The same element may come again.
            for _ in 0..<count {
                let rank = Int.random(in: 0..<value.count, using: &engine.random)
                value.forEach(rank..<rank + 1, reply)
                try ReplyLimit.check(client)
            }
        } else if count == value.count {
            value.forEach(reply)
        } else if value.isPacked || count > value.count / 3 {
            // One walk, each element taken with the chance that leaves every choice equally
            // likely (Knuth, "Selection sampling").
            var left = value.count
            var needed = count
            value.forEach { member, score in
                if needed > 0, Int.random(in: 0..<left, using: &engine.random) < needed {
                    reply(member, score)
                    needed -= 1
                }
                left -= 1
            }
        } else {
            var ranks = Set<Int>(minimumCapacity: count)
            while ranks.count < count {
                let rank = Int.random(in: 0..<value.count, using: &engine.random)
                if ranks.insert(rank).inserted { value.forEach(rank..<rank + 1, reply) }
            }
        }
    }
}
