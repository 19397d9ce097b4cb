// Keys as such, whatever they hold: DEL, EXISTS, TYPE, TOUCH, and the walks SCAN, KEYS and
// RANDOMKEY.

enum KeysCommands {
    /// DEL and UNLINK: large values are always freed in slices, so that both are the same.
    static func delete(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var deleted = 0
        for index in 1..<args.count {
            let key = engine.key(args[index], client)
            do throws(CommandError) {
                guard let entry = try engine.write(key) else { continue }
                engine.remove(key, entry)
            } catch {
                engine.bury(key)
            }
            engine.effect(key, "DEL")
            deleted += 1
        }
        client.reply.integer(deleted)
    }

    static func exists(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var count = 0
        for index in 1..<args.count
        where engine.glance(engine.key(args[index], client)) != nil { count += 1 }
        client.reply.integer(count)
    }

    static func touch(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var count = 0
        for index in 1..<args.count
        where engine.read(engine.key(args[index], client)) != nil { count += 1 }
        client.reply.integer(count)
    }

    static func type(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let entry = engine.glance(engine.key(args[1], client))
        client.reply.simple(entry?.type.name ?? "none")
    }

    // MARK: Walks

    static func scan(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let cursor = try ScanOptions.cursor(args[1])
        var count = 10
        var pattern: Glob?
        var type: Bytes?
        var index = 2
        while index < args.count {
            if args[index].equalsIgnoringCase("novalues") { throw ScanOptions.valuesRefused }
            guard index + 1 < args.count else { throw .syntax }
            let value = args[index + 1]
            if args[index].equalsIgnoringCase("count") {
                let number = try args.integer(index + 1)
                if number < 1 { throw .syntax }
                count = Int(number)
            } else if args[index].equalsIgnoringCase("match") {
                pattern = Glob(value).matchesAll ? nil : Glob(value)
            } else if args[index].equalsIgnoringCase("type") {
                type = value
            } else {
                throw .syntax
            }
            index += 2
        }
        // A cursor that we never gave: nothing lies behind it.
        guard let position = ScanPosition.position(cursor: cursor) else {
            client.reply.array(2)
            client.reply.bulk("0")
            return client.reply.emptyArray()
        }
        replyScan(engine, client, position, count, pattern, type)
    }

    private static func replyScan(
        _ engine: Engine, _ client: Client, _ position: UInt64, _ count: Int, _ pattern: Glob?,
        _ type: Bytes?
    ) {
        // The next cursor comes first in the reply and last in time: the keys wait elsewhere.
        var keys = ReplyWriter(version: client.reply.version, capacity: 512)
        var found = 0
        let next = engine.scan(client.database, from: position, atLeast: count) { key, facts in
            if let pattern, !pattern.matches(key) { return }
            if let type, !type.equalsIgnoringCase(facts.type.name) { return }
            keys.bulk(key)
            found += 1
        }
        client.reply.array(2)
        client.reply.bulkInteger(Int64(ScanPosition.cursor(next)))
        client.reply.array(found)
        client.reply.append(keys)
    }

    static func keys(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let pattern = Glob(args[1])
        let matchesAll = pattern.matchesAll
        let mark = client.reply.deferred()
        var found = 0
        var position: UInt64? = 0
        while let from = position {
            position = engine.scan(client.database, from: from, atLeast: 4096) { key, _ in
                guard matchesAll || pattern.matches(key) else { return }
                client.reply.bulk(key)
                found += 1
            }
        }
        client.reply.closeArray(mark, found)
    }

    static func randomkey(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let key = engine.randomKey(client.database) else { return client.reply.null() }
        key.withUnsafeBytes { client.reply.bulk($0) }
    }
}
