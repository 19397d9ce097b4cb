// XCLAIM and XAUTOCLAIM: taking over what another consumer has had for too long.
//
// Both are logged entry by entry, with the time that was reckoned here. A pending entry whose entry of
// the stream is gone is dropped on the way and logged as acknowledged.

enum StreamClaims {
    /// The stream and group of a claim; nil where either is missing.
    private static func find(
        _ entry: Entry?, _ group: Bytes
    ) throws(CommandError) -> (StreamValue, StreamGroup.Node)? {
        guard let entry else { return nil }
        guard entry.type == .stream else { throw .wrongType }
        return StreamValue(entry).group(group).map { (StreamValue(entry), $0) }
    }

    static func noGroup(_ args: Arguments) -> CommandError {
        .quoting(
            """
            NOGROUP No such key '\(args[1], max: .max)' or consumer group '\(args[2], max: .max)'
            """)
    }

    /// One claiming command at work.
    private struct Claim {
        let engine: Engine
        let client: Client
        let key: Key
        let stream: StreamValue
        let group: StreamGroup.Node
        let name: Bytes
        var deliveredMs: Int64
        var deliveryCount: UInt64?
        var repliesIDs = false
        var consumer: StreamConsumer.Node?

        /// Whether the entry of the stream is there; if not, it is pending no more.
        func isThere(_ id: StreamID, _ entry: PendingEntry.Node?) -> Bool {
            if stream.stream.pointee.contains(id) { return true }
            if entry != nil {
                engine.acknowledgeEffect(key, group, id)
                group.pointee.acknowledge(id)
                engine.groupsChanged(key, stream)
            }
            return false
        }

        /// The claiming consumer, made when it first gets something.
        private mutating func claimer() -> StreamConsumer.Node {
            if let consumer { return consumer }
            let seenMs = group.pointee.consumers.find(name)?.pointee.seenMs ?? .min
            let consumer = engine.seenConsumer(key, stream, group, name).consumer
            // The log does not say when a consumer was seen, but when it got something.
            if client.isReplay { consumer.pointee.seenMs = Swift.max(seenMs, deliveredMs) }
            self.consumer = consumer
            return consumer
        }

        /// Gives the entry to the claiming consumer, and replies it.
        mutating func take(_ id: StreamID, _ entry: PendingEntry.Node) {
            let consumer = claimer()
            group.pointee.assign(id, entry, to: consumer)
            entry.pointee.deliveredMs = deliveredMs
            if let deliveryCount {
                entry.pointee.deliveryCount = deliveryCount
            } else if !repliesIDs {
                entry.pointee.deliveryCount &+= 1
            }
            if repliesIDs {
                client.reply.bulk(id)
            } else {
                stream.withEntry(id) { client.reply.streamEntry($0) }
            }
            engine.claimEffect(key, group, id)
            engine.groupsChanged(key, stream)
        }
    }

    // MARK: XCLAIM

    private struct Options {
        var idCount = 0
        var creates = false
        var repliesIDs = false
        var deliveredMs: Int64?
        var deliveryCount: UInt64?
        var lastID = StreamID.zero

        init(_ args: Arguments, nowMs: Int64) throws(CommandError) {
            var index = 5
            while index < args.count, StreamID(args[index], missingSeq: 0) != nil { index += 1 }
            idCount = index - 5
            while index < args.count {
                let option = args[index]
                let hasMore = index + 1 < args.count
                if option.equalsIgnoringCase("force") {
                    creates = true
                } else if option.equalsIgnoringCase("justid") {
                    repliesIDs = true
                } else if option.equalsIgnoringCase("idle"), hasMore {
                    index += 1
                    deliveredMs = nowMs &- (try number(args, index, "IDLE"))
                } else if option.equalsIgnoringCase("time"), hasMore {
                    index += 1
                    deliveredMs = try number(args, index, "TIME")
                } else if option.equalsIgnoringCase("retrycount"), hasMore {
                    index += 1
                    let count = try number(args, index, "RETRYCOUNT")
                    deliveryCount = UInt64(exactly: count)
                } else if option.equalsIgnoringCase("lastid"), hasMore {
                    index += 1
                    lastID = try args.streamID(index)
                } else {
                    throw .quoting("ERR Unrecognized XCLAIM option '\(option, max: .max)'")
                }
                index += 1
            }
        }

        private func number(
            _ args: Arguments, _ index: Int, _ name: String
        ) throws(CommandError) -> Int64 {
            guard let number = Numbers.parseInt64(args[index]) else {
                throw .text("ERR Invalid \(name) option argument for XCLAIM")
            }
            return number
        }
    }

    static func xclaim(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let entry = try engine.writeCounted(key)
        guard let (stream, group) = try find(entry, args[2]) else { throw noGroup(args) }
        let minIdle = try minIdle(args, "ERR Invalid min-idle-time argument for XCLAIM")
        let now = engine.nowMs
        let options = try Options(args, nowMs: now)
        var claim = Claim(
            engine: engine, client: client, key: key, stream: stream, group: group, name: args[3],
            deliveredMs: now, deliveryCount: options.deliveryCount,
            repliesIDs: options.repliesIDs)
        // -1 is how Redis says that neither option was given.
        if let time = options.deliveredMs, time >= 0, time <= now || client.isReplay {
            claim.deliveredMs = time
        }
        let isAhead = options.lastID > group.pointee.lastID
        if isAhead { group.pointee.lastID = options.lastID }
        let mark = client.reply.deferred()
        var count = 0
        for index in 5..<5 + options.idCount {
            let id = try args.streamID(index)
            let found = group.pointee.pending.find(id)
            guard claim.isThere(id, found) else { continue }
            if let found {
                if minIdle > 0, now &- found.pointee.deliveredMs < minIdle { continue }
                claim.take(id, found)
            } else if options.creates,
                let made = group.pointee.createPending(id, deliveredMs: now, deliveryCount: 1)
            {
                claim.take(id, made)
            } else {
                continue
            }
            count += 1
        }
        client.reply.closeArray(mark, count)
        if isAhead {
            engine.groupPositionEffect(key, group)
            engine.groupsChanged(key, stream)
        }
    }

    private static func minIdle(
        _ args: Arguments, _ error: StaticString
    ) throws(CommandError) -> Int64 {
        guard let number = Numbers.parseInt64(args[4]) else { throw .message(error) }
        return Swift.max(number, 0)
    }

    // MARK: XAUTOCLAIM

    /// How many entries are looked at for one that is claimed.
    private static let attemptsPerEntry = 10
    /// Redis's bound, from which on its numbers would overflow.
    private static let countMax = Int64.max / 16

    static func xautoclaim(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        // Redis looks for the key first, whatever is wrong with the arguments.
        let entry = try engine.writeCounted(key)
        let minIdle = try minIdle(args, "ERR Invalid min-idle-time argument for XAUTOCLAIM")
        let start = try args.intervalStart(5)
        var count: Int64 = 100
        var repliesIDs = false
        var index = 6
        while index < args.count {
            if args[index].equalsIgnoringCase("count"), index + 1 < args.count {
                index += 1
                count = try self.count(args, index)
            } else if args[index].equalsIgnoringCase("justid") {
                repliesIDs = true
            } else {
                throw .syntax
            }
            index += 1
        }
        guard let (stream, group) = try find(entry, args[2]) else { throw noGroup(args) }
        var claim = Claim(
            engine: engine, client: client, key: key, stream: stream, group: group, name: args[3],
            deliveredMs: engine.nowMs, repliesIDs: repliesIDs)
        autoclaim(&claim, from: start, minIdle: minIdle, count: Int(count))
    }

    private static func count(_ args: Arguments, _ index: Int) throws(CommandError) -> Int64 {
        try args.integer(index, in: 1...countMax, else: "ERR COUNT must be > 0")
    }

    /// Walks what is pending from `start` on, and replies where to go on, what was claimed and what
    /// is no longer there.
    private static func autoclaim(
        _ claim: inout Claim, from start: StreamID, minIdle: Int64, count: Int
    ) {
        let client = claim.client
        let group = claim.group
        var rank = group.pointee.pending.rank(before: start)
        var left = count
        var attempts = count.multipliedReportingOverflow(by: attemptsPerEntry)
        if attempts.overflow { attempts.partialValue = .max }
        var claimed = ReplyWriter(version: client.reply.version)
        swap(&claimed, &client.reply)
        var claimedCount = 0
        var gone: [StreamID] = []
        while attempts.partialValue > 0, left > 0, rank < group.pointee.pending.count {
            attempts.partialValue -= 1
            let found = group.pointee.pending[rank]
            if !claim.isThere(found.id, found.node) {
                gone.append(found.id)
                left -= 1
                continue
            }
            rank += 1
            let idle = claim.engine.nowMs &- found.node.pointee.deliveredMs
            if minIdle > 0, idle < minIdle { continue }
            claim.take(found.id, found.node)
            claimedCount += 1
            left -= 1
        }
        swap(&claimed, &client.reply)
        client.reply.array(3)
        client.reply.bulk(
            rank < group.pointee.pending.count ? group.pointee.pending[rank].id : .zero)
        client.reply.array(claimedCount)
        client.reply.append(claimed)
        client.reply.array(gone.count)
        for id in gone { client.reply.bulk(id) }
    }
}
