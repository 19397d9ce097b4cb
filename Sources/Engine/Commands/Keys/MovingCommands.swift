// A value under another name or in another database: RENAME, COPY, MOVE.
//
// Nothing is copied for RENAME and MOVE but a small string: the value changes its owner. The log
// holds effects of one key each, so that replay can take or skip each by its own record: a DEL
// of the source, and a RESTORE of the destination with the serialized value.

enum MovingCommands {
    static func rename(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if try rename(engine, client, args, onlyIfAbsent: false) { client.reply.ok() }
    }

    static func renamenx(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let done = try rename(engine, client, args, onlyIfAbsent: true)
        client.reply.integer(done ? 1 : 0)
    }

    private static func rename(
        _ engine: Engine, _ client: Client, _ args: Arguments, onlyIfAbsent: Bool
    ) throws(CommandError) -> Bool {
        let source = engine.key(args[1], client)
        let target = engine.key(args[2], client)
        guard let entry = try engine.write(source) else { throw .noSuchKey }
        if args[1].equals(args[2]) { return !onlyIfAbsent }
        if let old = try engine.write(target) {
            if onlyIfAbsent { return false }
            engine.removeSilently(target, old)
        }
        let moved = engine.transfer(source, entry, to: target)
        engine.effect(source, "DEL")
        engine.announce(source, "rename_from", .generic)
        engine.changed(target, moved, "rename_to", .generic)
        engine.logRestore(target, moved)
        return true
    }

    static func move(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let database = try args.databaseIndex(2, engine)
        if database == client.database { throw sameObject }
        let source = engine.key(args[1], client)
        let target = Key(bytes: source.bytes, hash: source.hash, database: database)
        guard let entry = try engine.write(source), try engine.write(target) == nil else {
            return client.reply.integer(0)
        }
        let moved = engine.transfer(source, entry, to: target)
        engine.effect(source, "DEL")
        engine.announce(source, "move_from", .generic)
        engine.changed(target, moved, "move_to", .generic)
        engine.logRestore(target, moved)
        client.reply.integer(1)
    }

    static func copy(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var database = client.database
        var replaces = false
        var index = 3
        while index < args.count {
            if args[index].equalsIgnoringCase("replace") {
                replaces = true
            } else if args[index].equalsIgnoringCase("db"), index + 1 < args.count {
                index += 1
                database = try args.databaseIndex(index, engine)
            } else {
                throw .syntax
            }
            index += 1
        }
        let source = engine.key(args[1], client)
        let target = engine.key(args[2], database: database)
        if database == source.database, args[1].equals(args[2]) { throw sameObject }
        guard let entry = engine.read(source) else { return client.reply.integer(0) }
        if let old = try engine.write(target) {
            guard replaces else { return client.reply.integer(0) }
            engine.removeSilently(target, old)
        }
        let copy = engine.insert(target, engine.copyValue(entry), expiry: entry.expiry)
        engine.changed(target, copy, "copy_to", .generic)
        engine.logRestore(target, copy)
        client.reply.integer(1)
    }

    private static let sameObject = CommandError.message(
        "ERR source and destination objects are the same")
}

extension Engine {
    /// Deletes a key without a word to subscribers, because its place is taken at once.
    func removeSilently(_ key: Key, _ entry: Entry) {
        forgetFields(key.database, key.hash, entry)
        discardValue(entry)
        removeEntry(key, entry)
    }

    /// Moves value, expiry and access data from one key to another, which must be absent; returns
    /// the new entry. Watchers of the source are told, the caller announces the rest. O(1).
    func transfer(_ source: Key, _ entry: Entry, to target: Key) -> Entry {
        let value =
            entry.detachedForFreeing
            ?? (entry.encoding == .integer
                ? DetachedValue(
                    type: .string, encoding: .integer, storage: .integer(entry.integer))
                : DetachedValue(
                    type: .string, encoding: .embedded, storage: .bytes(entry.bodyBytes)))
        // Inserting moves no other entry, so that a lent body stays where it is.
        let moved = insert(target, value, expiry: entry.expiry)
        moved.access = entry.access
        forgetFields(source.database, source.hash, entry)
        removeEntry(source, entry)
        stats.changesSinceSave &+= 1
        if observedKeyCount != 0 { touchObservers(source) }
        return moved
    }

    /// Logs the whole value of a key: `RESTORE key expiry payload REPLACE ABSTTL`.
    func logRestore(_ key: Key, _ entry: Entry) {
        guard logIsEnabled else { return }
        var payload = ByteSink()
        ValueCodec.dump(entry, into: &payload)
        effect(
            key, "RESTORE", .integer(entry.expiry ?? 0), .bytes(payload.bytes),
            .literal("REPLACE"), .literal("ABSTTL"))
    }
}
