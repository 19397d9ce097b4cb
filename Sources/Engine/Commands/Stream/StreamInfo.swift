// XINFO: streams, groups and consumers, described for people and for monitoring.

enum StreamInfo {
    private static func find(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) -> StreamValue {
        guard let stream = try engine.readStream(args[2], client) else { throw .noSuchKey }
        return stream
    }

    // MARK: STREAM

    static func stream(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let stream = try find(engine, client, args)
        var count: Int64 = 10
        switch args.count {
        case 3: break
        case 4, 6:
            guard args[3].equalsIgnoringCase("full"),
                args.count == 4 || args[4].equalsIgnoringCase("count")
            else { throw .wrongSubcommand(args) }
            if args.count == 6 { count = try args.integer(5) }
        default: throw .wrongSubcommand(args)
        }
        let isFull = args.count > 3
        client.reply.map(isFull ? 9 : 10)
        facts(client, stream)
        if isFull {
            // 0 is all.
            let most = count < 0 ? 10 : count == 0 ? Int.max : Int(count)
            client.reply.bulk("entries")
            client.reply.streamEntries(stream, countMax: most)
            client.reply.bulk("groups")
            client.reply.array(stream.stream.pointee.groups.count)
            stream.stream.pointee.groups.forEach { whole(client, stream, $0, most) }
        } else {
            client.reply.bulk("groups")
            client.reply.integer(stream.stream.pointee.groups.count)
            client.reply.bulk("first-entry")
            edge(client, stream, last: false)
            client.reply.bulk("last-entry")
            edge(client, stream, last: true)
        }
    }

    private static func facts(_ client: Client, _ value: StreamValue) {
        let stream = value.stream
        let nodes = stream.pointee.nodes.count
        client.reply.bulk("length")
        client.reply.integer(stream.pointee.length)
        client.reply.bulk("radix-tree-keys")
        client.reply.integer(nodes)
        // Not a radix tree; this is what Redis needs at least.
        client.reply.bulk("radix-tree-nodes")
        client.reply.integer(nodes + 1)
        client.reply.bulk("last-generated-id")
        client.reply.bulk(stream.pointee.lastID)
        client.reply.bulk("max-deleted-entry-id")
        client.reply.bulk(stream.pointee.maxDeletedID)
        client.reply.bulk("entries-added")
        client.reply.integer(Int64(bitPattern: stream.pointee.entriesAdded))
        client.reply.bulk("recorded-first-entry-id")
        client.reply.bulk(stream.pointee.firstID)
    }

    private static func edge(_ client: Client, _ stream: StreamValue, last: Bool) {
        var isThere = false
        stream.stream.pointee.visit(reversed: last) {
            client.reply.streamEntry($0)
            isThere = true
            return false
        }
        if !isThere { client.reply.null() }
    }

    /// A group with all that it has, up to `most` pending entries of each.
    private static func whole(
        _ client: Client, _ stream: StreamValue, _ group: StreamGroup.Node, _ most: Int
    ) {
        client.reply.map(7)
        client.reply.bulk("name")
        client.reply.bulk(group.pointee.name.bytes)
        position(client, stream, group)
        client.reply.bulk("pel-count")
        client.reply.integer(group.pointee.pending.count)
        client.reply.bulk("pending")
        pending(client, group.pointee.pending, most, withConsumer: true)
        client.reply.bulk("consumers")
        client.reply.array(group.pointee.consumers.count)
        group.pointee.consumers.forEach { consumer in
            client.reply.map(4)
            client.reply.bulk("name")
            client.reply.bulk(consumer.pointee.name.bytes)
            client.reply.bulk("seen-time")
            client.reply.integer(consumer.pointee.seenMs)
            client.reply.bulk("pel-count")
            client.reply.integer(consumer.pointee.pending.count)
            client.reply.bulk("pending")
            pending(client, consumer.pointee.pending, most, withConsumer: false)
        }
    }

    private static func pending(
        _ client: Client, _ tree: borrowing IDTree<PendingEntry>, _ most: Int, withConsumer: Bool
    ) {
        let count = Swift.min(tree.count, most)
        client.reply.array(count)
        tree.visit(0..<count) { found in
            let entry = found.node.pointee
            client.reply.array(withConsumer ? 4 : 3)
            client.reply.bulk(found.id)
            if withConsumer {
                client.reply.bulk(entry.consumer.unsafelyUnwrapped.pointee.name.bytes)
            }
            client.reply.integer(entry.deliveredMs)
            client.reply.integer(Int64(bitPattern: entry.deliveryCount))
            return true
        }
    }

    /// How far a group has come.
    private static func position(
        _ client: Client, _ stream: StreamValue, _ group: StreamGroup.Node
    ) {
        client.reply.bulk("last-delivered-id")
        client.reply.bulk(group.pointee.lastID)
        client.reply.bulk("entries-read")
        let read = group.pointee.entriesRead
        number(client, read == StreamGroup.entriesReadUnknown ? nil : read)
        client.reply.bulk("lag")
        number(client, stream.stream.pointee.lag(of: group))
    }

    private static func number(_ client: Client, _ number: Int64?) {
        if let number { client.reply.integer(number) } else { client.reply.null() }
    }

    // MARK: GROUPS and CONSUMERS

    static func groups(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let stream = try find(engine, client, args)
        client.reply.array(stream.stream.pointee.groups.count)
        stream.stream.pointee.groups.forEach { group in
            client.reply.map(6)
            client.reply.bulk("name")
            client.reply.bulk(group.pointee.name.bytes)
            client.reply.bulk("consumers")
            client.reply.integer(group.pointee.consumers.count)
            client.reply.bulk("pending")
            client.reply.integer(group.pointee.pending.count)
            position(client, stream, group)
        }
    }

    static func consumers(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let stream = try find(engine, client, args)
        guard let group = stream.group(args[3]) else {
            throw StreamGroupCommands.noGroup(args[3], engine.key(args[2], client))
        }
        client.reply.array(group.pointee.consumers.count)
        group.pointee.consumers.forEach { consumer in
            client.reply.map(3)
            client.reply.bulk("name")
            client.reply.bulk(consumer.pointee.name.bytes)
            client.reply.bulk("pending")
            client.reply.integer(consumer.pointee.pending.count)
            client.reply.bulk("idle")
            client.reply.integer(Swift.max(engine.nowMs &- consumer.pointee.seenMs, 0))
        }
    }

    static func help(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.help(
            "XINFO",
            [
                "CONSUMERS <key> <groupname>",
                "    Show consumers of <groupname>.",
                "GROUPS <key>",
                "    Show the stream consumer groups.",
                "STREAM <key> [FULL [COUNT <count>]",
                "    Show information about the stream.",
            ])
    }
}
