// SPOP and SRANDMEMBER.

enum SetRandomCommands {
    /// SPOP key [count]
    static func spop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if args.count > 3 { throw .syntax }
        let wanted =
            args.count == 3
            ? try args.integer(
                2, in: 0...Int64.max, else: "ERR value is out of range, must be positive")
            : nil
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .set) else {
            return wanted == nil ? client.reply.null() : client.reply.set(0)
        }
        var set = SetValue(entry)
        guard let wanted else {
            let member = set.random(&engine.random)
            client.reply.bulk(member)
            var effects = ElementEffects(engine, key, "SREM", count: 1)
            effects.element(member)
            _ = set.remove(member)
            set.save(to: entry)
            engine.changed(key, entry, "spop", .set)
            if set.count == 0 { engine.remove(key, entry) }
            return
        }
        if wanted == 0 { return client.reply.set(0) }
        if wanted >= set.count {
            client.reply.set(set.count)
            set.forEach { client.reply.bulk($0) }
            engine.changed(key, entry, "spop", .set)
            engine.remove(key, entry)
            return engine.effect(key, "DEL")
        }
        let members = set.sample(Int(wanted), &engine.random)
        var effects = ElementEffects(engine, key, "SREM", count: members.count)
        client.reply.set(members.count)
        for member in members {
            client.reply.bulk(member)
            effects.element(member)
        }
        set.removeAll(members)
        set.save(to: entry)
        engine.changed(key, entry, "spop", .set)
    }

    /// SRANDMEMBER key [count]
    static func srandmember(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if args.count > 3 { throw .syntax }
        let wanted = args.count == 3 ? try args.negatableInteger(2) : nil
        guard let entry = try engine.read(engine.key(args[1], client), .set) else {
            return wanted == nil ? client.reply.null() : client.reply.emptyArray()
        }
        let set = SetValue(entry)
        guard let wanted else { return client.reply.bulk(set.random(&engine.random)) }
        if wanted < 0 {
            // The same member may come again.
            try ReplyLimit.check(elements: Int(-wanted))
            client.reply.array(Int(-wanted))
            for _ in 0..<Int(-wanted) {
                client.reply.bulk(set.random(&engine.random))
                try ReplyLimit.check(client)
            }
            return
        }
        if wanted >= set.count {
            client.reply.array(set.count)
            return set.forEach { client.reply.bulk($0) }
        }
        let members = set.sample(Int(wanted), &engine.random)
        client.reply.array(members.count)
        for member in members { client.reply.bulk(member) }
    }
}
