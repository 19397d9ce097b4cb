// SADD, SREM, SMOVE: changes of single members.

extension Engine {
    /// The encoding limits in force.
    var setLimits: SetLimits {
        SetLimits(intSetCountMax: configuration.setIntsetEntriesMax, secret: secret)
    }
}

enum SetWrites {
    static func sadd(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let limits = engine.setLimits
        let entry: Entry
        if let found = try engine.write(key, .set) {
            entry = found
        } else {
            entry = engine.insert(key, SetValue.create(for: .bytes(args[2]), limits).detached)
        }
        var set = SetValue(entry)
        var added = 0
        for index in 2..<args.count where set.add(args[index], limits) { added += 1 }
        if added > 0 {
            set.save(to: entry)
            engine.changed(key, entry, "sadd", .set)
            engine.propagate(client, args)
        }
        client.reply.integer(added)
    }

    static func srem(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .set) else { return client.reply.integer(0) }
        var set = SetValue(entry)
        var removed = 0
        for index in 2..<args.count where set.remove(.bytes(args[index])) { removed += 1 }
        if removed > 0 {
            set.save(to: entry)
            engine.changed(key, entry, "srem", .set)
            if set.count == 0 { engine.remove(key, entry) }
            engine.propagate(client, args)
        }
        client.reply.integer(removed)
    }

    /// SMOVE source destination member
    static func smove(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let source = engine.key(args[1], client)
        let destination = engine.key(args[2], client)
        let member = args[3]
        let limits = engine.setLimits
        guard let found = try engine.write(source) else { return client.reply.integer(0) }
        let target = try engine.write(destination)
        if found.type != .set || (target != nil && target!.type != .set) { throw .wrongType }
        var from = SetValue(found)
        if source.bytes.equals(destination.bytes) {
            return client.reply.integer(from.contains(member) ? 1 : 0)
        }
        guard from.remove(.bytes(member)) else { return client.reply.integer(0) }
        from.save(to: found)
        engine.changed(source, found, "srem", .set)
        if from.count == 0 { engine.remove(source, found) }
        engine.effect(source, "SREM", .bytes(member))

        let entry =
            target
            ?? engine.insert(
                destination, SetValue.create(for: .bytes(member), limits).detached)
        var to = SetValue(entry)
        if to.add(member, limits) {
            to.save(to: entry)
            engine.changed(destination, entry, "sadd", .set)
            engine.effect(destination, "SADD", .bytes(member))
        }
        client.reply.integer(1)
    }
}
