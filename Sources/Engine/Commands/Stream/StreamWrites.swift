// XADD, XDEL, XTRIM and XSETID: what changes the entries of a stream.
//
// What is logged names the ID that was given and the length or the ID that trimming came to, so that
// a replay does the same, whatever the clock and however the nodes are cut there.

enum StreamWrites {
    static func xadd(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let options = try StreamTrimOptions(
            args, isAdd: true, engine.streamLimits, obeys: client.isReplay)
        let first = options.fieldsIndex
        let parts = args.count - first
        guard parts >= 2, parts % 2 == 0 else { throw .wrongArity("xadd") }
        if case .exactly(.zero) = options.wish {
            throw .message("ERR The ID specified in XADD must be greater than 0-0")
        }
        let key = engine.key(args[1], client)
        let entry = try engine.write(key, .stream)
        if entry == nil, options.createsNothing { return client.reply.null() }
        let id = try newID(options.wish, entry.map { StreamValue($0) }, engine)
        var bytes = 0
        for index in first..<args.count { bytes += args[index].count }
        guard Stream.fits(partBytes: bytes, fieldCount: parts / 2) else {
            throw .message("ERR Elements are too large to be stored")
        }
        let stream = entry.map { StreamValue($0) } ?? engine.createStream(key)
        stream.stream.pointee.append(id, fieldCount: parts / 2, engine.streamLimits) {
            args[first + $0]
        }
        client.reply.bulk(id)
        engine.changed(key, stream.entry, "xadd", .stream)
        let trimmed = trim(stream, options)
        if trimmed > 0, engine.notifiedEvents.contains(.stream) {
            engine.notify(.stream, "xtrim", key)
        }
        let extra = trimmed > 0 ? 3 : 0
        engine.effect(key, "XADD", argumentCount: parts + 1 + extra) { log in
            if trimmed > 0 { trimArguments(&log, stream, options) }
            log.argument(id)
            for index in first..<args.count { log.argument(args[index]) }
        }
    }

    /// The ID for a new entry of a stream, or of one that there is not yet.
    private static func newID(
        _ wish: StreamValue.Wish, _ stream: StreamValue?, _ engine: Engine
    ) throws(CommandError) -> StreamID {
        let last = stream?.stream.pointee.lastID ?? .zero
        if last == .max {
            throw .message(
                """
                ERR The stream has exhausted the last possible ID, unable to add more items
                """)
        }
        guard let id = StreamValue.resolve(wish, after: last, nowMs: engine.nowMs) else {
            throw .message(
                """
                ERR The ID specified in XADD is equal or smaller than the target stream top item
                """)
        }
        return id
    }

    private static func trim(_ stream: StreamValue, _ options: StreamTrimOptions) -> Int {
        guard let rule = options.rule else { return 0 }
        return stream.stream.pointee.trim(
            rule, approximately: options.isApproximate, limit: options.limit)
    }

    /// What a trim came to: `MAXLEN = n` or `MINID = id`.
    private static func trimArguments(
        _ log: inout LogBuffer, _ stream: StreamValue, _ options: StreamTrimOptions
    ) {
        switch options.rule {
        case .length(let wanted):
            log.argument("MAXLEN")
            log.argument("=")
            log.argument(Int64(options.isApproximate ? stream.length : wanted))
        case .id(let wanted):
            log.argument("MINID")
            log.argument("=")
            log.argument(options.isApproximate ? stream.stream.pointee.firstOfAll : wanted)
        case nil: return
        }
    }

    static func xtrim(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let options = try StreamTrimOptions(
            args, isAdd: false, engine.streamLimits, obeys: client.isReplay)
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .stream) else { return client.reply.integer(0) }
        let stream = StreamValue(entry)
        let trimmed = trim(stream, options)
        client.reply.integer(trimmed)
        if trimmed == 0 { return }
        engine.effect(key, "XTRIM", argumentCount: 3) { trimArguments(&$0, stream, options) }
        engine.changed(key, entry, "xtrim", .stream)
    }

    static func xdel(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .stream) else { return client.reply.integer(0) }
        let ids = try args.streamIDs(from: 2)
        let stream = StreamValue(entry).stream
        var deleted = 0
        for id in ids where stream.pointee.delete(id) { deleted += 1 }
        client.reply.integer(deleted)
        if deleted == 0 { return }
        engine.propagate(client, args)
        engine.changed(key, entry, "xdel", .stream)
    }

    static func xsetid(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let id = try args.streamID(2)
        var added: Int64?
        var deleted = StreamID.zero
        var index = 3
        while index < args.count {
            guard index + 1 < args.count else { throw .syntax }
            if args[index].equalsIgnoringCase("entriesadded") {
                added = try args.integer(index + 1)
                if added! < 0 { throw .message("ERR entries_added must be positive") }
            } else if args[index].equalsIgnoringCase("maxdeletedid") {
                deleted = try args.streamID(index + 1)
                if id < deleted {
                    throw .message(
                        """
                        ERR The ID specified in XSETID is smaller than the provided \
                        max_deleted_entry_id
                        """)
                }
            } else {
                throw .syntax
            }
            index += 2
        }
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .stream) else { throw .noSuchKey }
        let stream = StreamValue(entry).stream
        if let last = stream.pointee.edge(last: true) {
            if id < last {
                throw .message(
                    "ERR The ID specified in XSETID is smaller than the target stream top item")
            }
            if let added, added < Int64(stream.pointee.length) {
                throw .message(
                    """
                    ERR The entries_added specified in XSETID is smaller than the target stream \
                    length
                    """)
            }
        }
        stream.pointee.lastID = id
        if let added { stream.pointee.entriesAdded = UInt64(added) }
        if deleted != .zero { stream.pointee.maxDeletedID = deleted }
        client.reply.ok()
        engine.propagate(client, args)
        engine.groupsChanged(key, StreamValue(entry), "xsetid")
    }
}
