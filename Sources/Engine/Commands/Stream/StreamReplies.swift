// How the stream commands reply and log, and what ends their changes.

extension ReplyWriter {
    mutating func bulk(_ id: StreamID) { id.withText { bulk($0) } }

    /// An entry: its ID, and its fields and values in turn.
    mutating func streamEntry(_ entry: StreamEntry) {
        array(2)
        bulk(entry.id)
        array(entry.fieldCount * 2)
        entry.forEach { field, value in
            bulk(field)
            bulk(value)
        }
    }
}

extension LogBuffer {
    mutating func argument(_ id: StreamID) { id.withText { argument($0) } }
}

extension Engine {
    /// `stream-node-max-bytes` and `stream-node-max-entries` in force.
    var streamLimits: StreamLimits {
        StreamLimits(
            nodeBytesMax: configuration.streamNodeBytesMax,
            nodeEntriesMax: configuration.streamNodeEntriesMax)
    }

    /// The stream of a command's key for reading, nil when there is none.
    func readStream(_ bytes: Bytes, _ client: Client) throws(CommandError) -> StreamValue? {
        try read(key(bytes, client), .stream).map { StreamValue($0) }
    }

    /// An empty stream under a key that does not exist.
    func createStream(_ key: Key) -> StreamValue {
        StreamValue.create(in: insert(key, .stream, .stream))
    }

    /// To be called after a change of a stream's groups alone, which Redis does not let a WATCH
    /// see.
    func groupsChanged(_ key: Key, _ stream: StreamValue, _ event: StaticString? = nil) {
        markDirty(stream.entry, database: key.database)
        stats.changesSinceSave &+= 1
        if let event, notifiedEvents.contains(.stream) { notify(.stream, event, key) }
    }

    /// The consumer of this name, which has just been seen, made if there is none.
    func seenConsumer(
        _ key: Key, _ stream: StreamValue, _ group: StreamGroup.Node, _ name: Bytes
    ) -> (consumer: StreamConsumer.Node, isNew: Bool) {
        if let consumer = group.pointee.consumers.find(name) {
            consumer.pointee.seenMs = nowMs
            return (consumer, false)
        }
        let consumer = group.pointee.createConsumer(name, seenMs: nowMs)
        groupsChanged(key, stream, "xgroup-createconsumer")
        return (consumer, true)
    }

    // MARK: Effects

    /// Logs who has a pending entry now, since when and how often: XCLAIM, which makes it so whatever
    /// was before.
    func claimEffect(_ key: Key, _ group: StreamGroup.Node, _ id: StreamID) {
        guard logIsEnabled, let entry = group.pointee.pending.find(id)?.pointee,
            let consumer = entry.consumer
        else { return }
        effect(key, "XCLAIM", argumentCount: 12) { log in
            log.argument(group.pointee.name.bytes)
            log.argument(consumer.pointee.name.bytes)
            log.argument("0")
            log.argument(id)
            log.argument("TIME")
            log.argument(entry.deliveredMs)
            log.argument("RETRYCOUNT")
            log.argument(Int64(clamping: entry.deliveryCount))
            log.argument("FORCE")
            log.argument("JUSTID")
            log.argument("LASTID")
            log.argument(group.pointee.lastID)
        }
    }

    /// Logs that a pending entry is none any more.
    func acknowledgeEffect(_ key: Key, _ group: StreamGroup.Node, _ id: StreamID) {
        effect(key, "XACK", argumentCount: 2) { log in
            log.argument(group.pointee.name.bytes)
            log.argument(id)
        }
    }

    /// Logs how far a group has read.
    func groupPositionEffect(_ key: Key, _ group: StreamGroup.Node) {
        groupEffect(key, "SETID", argumentCount: 4) { log in
            log.argument(group.pointee.name.bytes)
            log.argument(group.pointee.lastID)
            log.argument("ENTRIESREAD")
            log.argument(group.pointee.entriesRead)
        }
    }

    func consumerEffect(_ key: Key, _ group: StreamGroup.Node, _ consumer: StreamConsumer.Node) {
        groupEffect(key, "CREATECONSUMER", argumentCount: 2) { log in
            log.argument(group.pointee.name.bytes)
            log.argument(consumer.pointee.name.bytes)
        }
    }

    /// Logs `XGROUP name key` and `count` more arguments.
    private func groupEffect(
        _ key: Key, _ name: StaticString, argumentCount count: Int,
        _ body: (inout LogBuffer) -> Void
    ) {
        guard logIsEnabled else { return }
        log.beginCommand(database: key.database, argumentCount: count + 3)
        log.argument("XGROUP")
        log.argument(name)
        log.argument(key.bytes)
        body(&log)
        log.endCommand()
    }
}
