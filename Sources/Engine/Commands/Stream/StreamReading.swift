// XREAD and XREADGROUP: what comes after an ID, of several streams at once.
//
// A read is parsed into a plain value, `StreamRead`, in which `$` has become the ID that it meant. A
// client that waits (BLOCK) keeps it with its arguments: nothing else is needed to answer later what
// could not be answered at once.
//
// A group's read changes the group. It is logged as what it came to, as in Redis: an XCLAIM for each
// entry that somebody has now, and, which Redis leaves out, an XGROUP SETID with the counter of
// entries read. So a replay ends with the same counter.

/// A parsed XREAD or XREADGROUP. The numbers are places among its arguments.
struct StreamRead {
    /// From where a stream is read.
    enum Position {
        /// What comes after this ID; for a group, what the consumer has behind it.
        case after(StreamID)
        /// `>`: what nobody in the group has got yet.
        case undelivered
    }

    /// Where group and consumer are named.
    var group: (name: Int, consumer: Int)?
    var keepsNothing = false
    /// Entries of each stream, 0 for all.
    var count = 0
    /// For how long to wait, 0 for ever; nil where BLOCK was not given.
    var blockMs: Int64?
    /// Where the first key is.
    var firstKey = 0
    /// One for each key.
    var positions: [Position] = []

    /// What COUNT is for a client that had to wait and gave none.
    static let countWhenBlocked = 1000
}

enum StreamReading {
    static func xread(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try read(engine, client, args, inGroup: false)
    }

    static func xreadgroup(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try read(engine, client, args, inGroup: true)
    }

    private static func read(
        _ engine: Engine, _ client: Client, _ args: Arguments, inGroup: Bool
    ) throws(CommandError) {
        var read = try StreamRead(args, inGroup: inGroup)
        try read.resolve(engine, client, args)
        let mark = client.reply.deferred()
        var served = 0
        for index in 0..<read.positions.count
        where try serve(
            engine, client, args, read, index, countMax: read.count, isCounted: true)
        {
            served += 1
        }
        if served > 0 { return close(client, mark, served) }
        client.reply.cancel(mark)
        nothingToRead(engine, client, args, read)
    }

    private static func close(
        _ client: Client, _ mark: ReplyWriter.Deferred, _ count: Int
    ) {
        if client.reply.version >= 3 {
            client.reply.closeMap(mark, count)
        } else {
            client.reply.closeArray(mark, count)
        }
    }

    /// There was nothing to read: the client waits if it said BLOCK and is where it may.
    private static func nothingToRead(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ read: StreamRead
    ) {
        guard let blockMs = read.blockMs, engine.mayBlock(client) else {
            return client.reply.nullArray()
        }
        let keys = (0..<read.positions.count).map {
            WatchedKey(database: client.database, bytes: Array(args[read.firstKey + $0]))
        }
        let gone = CommandError.message("UNBLOCKED the stream key no longer exists")
        engine.block(
            client, args, on: keys, until: Arguments.deadline(blockMs, engine),
            BlockedRequest(type: .stream, goneError: read.group == nil ? nil : gone) {
                engine, client, key throws(CommandError) in
                guard let wait = client.wait else { return false }
                return try wait.arguments.withArguments { args throws(CommandError) in
                    // A key that is named twice is read from its first ID.
                    let index = (0..<read.positions.count).first {
                        args[read.firstKey + $0].equals(key.bytes)
                    }
                    return try serveAfterSignal(engine, client, args, read, key: index!)
                }
            })
    }

    /// Replies to a client that waited what key number `index`, a stream, now has for it; false, without
    /// a reply, if there is still nothing. Throws when the group that it waited for is gone.
    private static func serveAfterSignal(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ read: StreamRead, key index: Int
    ) throws(CommandError) -> Bool {
        let key = engine.key(args[read.firstKey + index], client)
        if let group = read.group {
            let entry = try engine.write(key, .stream)
            guard let entry, StreamValue(entry).group(args[group.name]) != nil else {
                throw .message(
                    "NOGROUP the consumer group this client was blocked on no longer exists")
            }
        }
        let mark = client.reply.deferred()
        let count = read.count > 0 ? read.count : StreamRead.countWhenBlocked
        guard
            try serve(
                engine, client, args, read, index, countMax: count, isCounted: false)
        else {
            client.reply.cancel(mark)
            return false
        }
        close(client, mark, 1)
        return true
    }

    // MARK: One stream

    /// Replies the key and what it has; false, without a reply, where there is nothing. Only the
    /// command itself, not its end after a wait, is counted as a hit or a miss.
    private static func serve(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ read: StreamRead, _ index: Int,
        countMax: Int, isCounted: Bool
    ) throws(CommandError) -> Bool {
        let name = args[read.firstKey + index]
        let count = countMax > 0 ? countMax : Int.max
        let key = engine.key(name, client)
        guard let group = read.group else {
            guard case .after(let id) = read.positions[index],
                let entry = isCounted ? engine.read(key) : engine.lookup(key)
            else { return false }
            guard entry.type == .stream else { throw .wrongType }
            let stream = StreamValue(entry)
            guard let last = stream.stream.pointee.edge(last: true), last > id, let first = id.next
            else { return false }
            begin(client, name)
            client.reply.streamEntries(stream, first, countMax: count)
            return true
        }
        guard
            let entry = isCounted
                ? try engine.writeCounted(key, .stream) : try engine.write(key, .stream),
            let node = StreamValue(entry).group(args[group.name])
        else { return false }
        let stream = StreamValue(entry)
        let consumer = args[group.consumer]
        switch read.positions[index] {
        case .after(let id):
            begin(client, name)
            history(engine, client, key, stream, node, consumer, after: id, count)
        case .undelivered:
            guard let last = stream.stream.pointee.edge(last: true), last > node.pointee.lastID
            else { return false }
            begin(client, name)
            deliver(engine, client, key, stream, node, consumer, read.keepsNothing, count)
        }
        return true
    }

    private static func begin(_ client: Client, _ name: Bytes) {
        if client.reply.version < 3 { client.reply.array(2) }
        client.reply.bulk(name)
    }

    /// What nobody has got yet.
    private static func deliver(
        _ engine: Engine, _ client: Client, _ key: Key, _ stream: StreamValue,
        _ group: StreamGroup.Node, _ name: Bytes, _ keepsNothing: Bool, _ countMax: Int
    ) {
        let (consumer, isNew) = engine.seenConsumer(key, stream, group, name)
        // Otherwise the first XCLAIM makes it.
        if isNew, keepsNothing { engine.consumerEffect(key, group, consumer) }
        let mark = client.reply.deferred()
        var count = 0
        stream.deliver(
            group, to: consumer, after: group.pointee.lastID, countMax: countMax,
            keepsNothing: keepsNothing, nowMs: engine.nowMs
        ) { entry in
            client.reply.streamEntry(entry)
            if !keepsNothing { engine.claimEffect(key, group, entry.id) }
            count += 1
        }
        client.reply.closeArray(mark, count)
        engine.groupPositionEffect(key, group)
        engine.groupsChanged(key, stream)
    }

    /// What the consumer has already, delivered once more. An entry that was deleted meanwhile is
    /// an ID without fields.
    private static func history(
        _ engine: Engine, _ client: Client, _ key: Key, _ stream: StreamValue,
        _ group: StreamGroup.Node, _ name: Bytes, after: StreamID, _ countMax: Int
    ) {
        let (consumer, isNew) = engine.seenConsumer(key, stream, group, name)
        if isNew { engine.consumerEffect(key, group, consumer) }
        let pending = consumer.pointee.pending.count
        let start = consumer.pointee.pending.rank(through: after)
        let count = Swift.min(pending - start, countMax)
        client.reply.array(count)
        consumer.pointee.pending.visit(start..<start + count) { found in
            if stream.withEntry(found.id, { client.reply.streamEntry($0) }) {
                found.node.pointee.deliveredMs = engine.nowMs
                found.node.pointee.deliveryCount &+= 1
                engine.claimEffect(key, group, found.id)
            } else {
                client.reply.array(2)
                client.reply.bulk(found.id)
                client.reply.nullArray()
            }
            return true
        }
        engine.groupsChanged(key, stream)
    }
}
