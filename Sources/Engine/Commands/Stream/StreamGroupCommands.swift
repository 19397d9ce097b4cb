// XGROUP and XACK: consumer groups, their consumers, and what is done with.

enum StreamGroupCommands {
    /// The stream and the group that a subcommand needs; `client` and `args` as in the command.
    private static func find(
        _ engine: Engine, _ key: Key, _ args: Arguments
    ) throws(CommandError) -> (StreamValue, StreamGroup.Node) {
        let stream = try existing(engine, key)
        guard let group = stream.group(args[3]) else { throw noGroup(args[3], key) }
        return (stream, group)
    }

    private static func existing(
        _ engine: Engine, _ key: Key
    ) throws(CommandError) -> StreamValue {
        guard let entry = try engine.write(key, .stream) else {
            throw .message(
                """
                ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may \
                want to use the MKSTREAM option to create an empty stream automatically.
                """)
        }
        return StreamValue(entry)
    }

    static func noGroup(_ group: Bytes, _ key: Key) -> CommandError {
        .quoting(
            """
            NOGROUP No such consumer group '\(group, max: .max)' for key name \
            '\(key.bytes, max: .max)'
            """)
    }

    /// MKSTREAM and ENTRIESREAD.
    private struct Options {
        var makesStream = false
        var entriesRead = StreamGroup.entriesReadUnknown

        init(_ args: Arguments, isCreate: Bool) throws(CommandError) {
            var index = 5
            while index < args.count {
                if isCreate, args[index].equalsIgnoringCase("mkstream") {
                    makesStream = true
                    index += 1
                } else if args[index].equalsIgnoringCase("entriesread"), index + 1 < args.count {
                    entriesRead = try args.integer(index + 1)
                    if entriesRead < -1 {
                        throw .message("ERR value for ENTRIESREAD must be positive or -1")
                    }
                    index += 2
                } else {
                    throw .wrongSubcommand(args)
                }
            }
        }
    }

    static func create(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let options = try Options(args, isCreate: true)
        let key = engine.key(args[2], client)
        var stream: StreamValue?
        if options.makesStream {
            stream = try engine.write(key, .stream).map { StreamValue($0) }
        } else {
            stream = try existing(engine, key)
        }
        if args.count > 8 { throw .wrongSubcommand(args) }
        var id = stream?.stream.pointee.lastID ?? .zero
        if !args[4].equals("$") { id = try args.streamID(4) }
        let isNew = stream == nil
        let target = stream ?? engine.createStream(key)
        if target.group(args[3]) != nil {
            throw .message("BUSYGROUP Consumer Group name already exists")
        }
        target.stream.pointee.createGroup(
            args[3], lastID: id, entriesRead: options.entriesRead)
        client.reply.ok()
        engine.propagate(client, args)
        engine.groupsChanged(key, target, "xgroup-create")
        if isNew, engine.observedKeyCount != 0 { engine.touchObservers(key) }
    }

    static func setID(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let options = try Options(args, isCreate: false)
        let key = engine.key(args[2], client)
        let (stream, group) = try find(engine, key, args)
        if args.count != 5, args.count != 7 { throw .wrongSubcommand(args) }
        var id = stream.stream.pointee.lastID
        if !args[4].equals("$") { id = try args.streamIDOrEdge(4) }
        group.pointee.lastID = id
        group.pointee.entriesRead = options.entriesRead
        client.reply.ok()
        engine.propagate(client, args)
        engine.groupsChanged(key, stream, "xgroup-setid")
    }

    static func destroy(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[2], client)
        let stream = try existing(engine, key)
        guard let group = stream.group(args[3]) else { return client.reply.integer(0) }
        engine.discard(stream.removeGroup(group))
        client.reply.integer(1)
        engine.propagate(client, args)
        engine.groupsChanged(key, stream, "xgroup-destroy")
        engine.signalBlocked(key)
    }

    static func createConsumer(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[2], client)
        let (stream, group) = try find(engine, key, args)
        if group.pointee.consumers.find(args[4]) != nil { return client.reply.integer(0) }
        _ = engine.seenConsumer(key, stream, group, args[4])
        client.reply.integer(1)
        engine.propagate(client, args)
    }

    static func deleteConsumer(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[2], client)
        let (stream, group) = try find(engine, key, args)
        guard let consumer = group.pointee.consumers.find(args[4]) else {
            return client.reply.integer(0)
        }
        client.reply.integer(consumer.pointee.pending.count)
        engine.discard(stream.removeConsumer(consumer, of: group))
        engine.propagate(client, args)
        engine.groupsChanged(key, stream, "xgroup-delconsumer")
    }

    static func help(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.help(
            "XGROUP",
            [
                "CREATE <key> <groupname> <id|$> [option]",
                "    Create a new consumer group. Options are:",
                "    * MKSTREAM",
                "      Create the empty stream if it does not exist.",
                "    * ENTRIESREAD entries_read",
                "      Set the group's entries_read counter (internal use).",
                "CREATECONSUMER <key> <groupname> <consumer>",
                "    Create a new consumer in the specified group.",
                "DELCONSUMER <key> <groupname> <consumer>",
                "    Remove the specified consumer.",
                "DESTROY <key> <groupname>",
                "    Remove the specified group.",
                "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
                "    Set the current group ID and entries_read counter.",
            ])
    }

    static func xack(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let stream = try engine.writeCounted(key, .stream).map({ StreamValue($0) }),
            let group = stream.group(args[2])
        else { return client.reply.integer(0) }
        let ids = try args.streamIDs(from: 3)
        var acknowledged = 0
        for id in ids where group.pointee.acknowledge(id) { acknowledged += 1 }
        client.reply.integer(acknowledged)
        if acknowledged == 0 { return }
        engine.propagate(client, args)
        engine.groupsChanged(key, stream)
    }
}
