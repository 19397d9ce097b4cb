// XPENDING: what a group's consumers have and have not acknowledged.

enum StreamPending {
    /// The range that is asked for.
    private struct Range {
        var minIdleMs: Int64 = 0
        let start: StreamID
        let end: StreamID
        var count: Int64
        /// Where the consumer is named.
        var consumer: Int?

        init(_ args: Arguments) throws(CommandError) {
            var first = 3
            if args[3].equalsIgnoringCase("idle") {
                minIdleMs = try args.integer(4)
                if args.count < 8 { throw .syntax }
                first = 5
            }
            count = Swift.max(try args.integer(first + 2), 0)
            start = try args.intervalStart(first)
            end = try args.intervalEnd(first + 1)
            if first + 3 < args.count { consumer = first + 3 }
        }
    }

    static func xpending(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard args.count == 3 || (6...9).contains(args.count) else { throw .syntax }
        var range: Range?
        if args.count > 3 { range = try Range(args) }
        guard let group = try engine.readStream(args[1], client)?.group(args[2]) else {
            throw StreamClaims.noGroup(args)
        }
        guard let range else { return summary(client, group) }
        if let consumer = range.consumer {
            guard let consumer = group.pointee.consumers.find(args[consumer]) else {
                return client.reply.emptyArray()
            }
            list(engine, client, range, consumer.pointee.pending)
        } else {
            list(engine, client, range, group.pointee.pending)
        }
    }

    /// How many there are, the first, the last, and how many each consumer has.
    private static func summary(_ client: Client, _ group: StreamGroup.Node) {
        client.reply.array(4)
        client.reply.integer(group.pointee.pending.count)
        guard let first = group.pointee.pending.first, let last = group.pointee.pending.last else {
            client.reply.null()
            client.reply.null()
            return client.reply.nullArray()
        }
        client.reply.bulk(first.id)
        client.reply.bulk(last.id)
        let mark = client.reply.deferred()
        var count = 0
        group.pointee.consumers.forEach { consumer in
            let pending = consumer.pointee.pending.count
            if pending == 0 { return }
            count += 1
            client.reply.array(2)
            client.reply.bulk(consumer.pointee.name.bytes)
            client.reply.bulkInteger(Int64(pending))
        }
        client.reply.closeArray(mark, count)
    }

    /// ID, consumer, milliseconds since it was delivered, and how often it was.
    private static func list(
        _ engine: Engine, _ client: Client, _ range: Range,
        _ pending: borrowing IDTree<PendingEntry>
    ) {
        let mark = client.reply.deferred()
        var count = 0
        let ranks = range.count == 0 ? 0..<0 : pending.ranks(range.start, range.end)
        pending.visit(ranks) { found in
            let entry = found.node.pointee
            let idleMs = engine.nowMs &- entry.deliveredMs
            if range.minIdleMs != 0, idleMs < range.minIdleMs { return true }
            client.reply.array(4)
            client.reply.bulk(found.id)
            client.reply.bulk(entry.consumer.unsafelyUnwrapped.pointee.name.bytes)
            client.reply.integer(Swift.max(idleMs, 0))
            client.reply.integer(Int64(bitPattern: entry.deliveryCount))
            count += 1
            return Int64(count) < range.count
        }
        client.reply.closeArray(mark, count)
    }
}
