// The commands on consumer groups: one row each.

let streamGroupCommands: [CommandSpec] = [
    CommandSpec(
        "xreadgroup", -7, [.blocking, .write, .movableKeys], keys: .custom(StreamRead.keyPositions),
        .stream, since: "5.0.0",
        """
        Return new entries from a stream using a consumer group, or access the history \
        of the pending entries for a given consumer. Can block.
        """,
        syntax: """
            GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS \
            key [key ...] id [id ...]
            """,
        complexity: """
            For each stream mentioned: O(M) with M being the number of elements \
            returned. If M is constant (e.g. always asking for the first 10 \
            elements with COUNT), you can consider it O(1). On the other side \
            when XREADGROUP blocks, XADD will pay the O(N) time in order to \
            serve the N clients blocked on the stream getting new data.
            """,
        StreamReading.xreadgroup),
    CommandSpec(
        "xack", -4, [.write, .fast], keys: .first, .stream, since: "5.0.0",
        """
        Marks a pending message as correctly processed, effectively removing it from the \
        pending entries list of the consumer group. Return value of the command is the \
        number of messages successfully acknowledged, that is, the IDs we were actually \
        able to resolve in the PEL.
        """,
        syntax: "key group id [id ...]",
        complexity: "O(1) for each message ID processed.",
        StreamGroupCommands.xack),
    CommandSpec(
        "xclaim", -6, [.write, .fast], keys: .first, .stream, since: "5.0.0",
        """
        Changes (or acquires) ownership of a message in a consumer group, as if the \
        message was delivered to the specified consumer.
        """,
        syntax: """
            key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time- \
            milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]
            """,
        complexity: """
            O(log N) with N being the number of messages in the PEL of the \
            consumer group.
            """,
        StreamClaims.xclaim),
    CommandSpec(
        "xautoclaim", -6, [.write, .fast], keys: .first, .stream, since: "6.2.0",
        """
        Changes (or acquires) ownership of messages in a consumer group, as if the \
        messages were delivered to the specified consumer.
        """,
        syntax: "key group consumer min-idle-time start [COUNT count] [JUSTID]",
        complexity: "O(1) if COUNT is small.",
        StreamClaims.xautoclaim),
    CommandSpec(
        "xpending", -3, .readonly, keys: .first, .stream, since: "5.0.0",
        """
        Return information and entries from a stream consumer group pending entries \
        list, that are messages fetched but never acknowledged.
        """,
        syntax: "key group [[IDLE min-idle-time] start end count [consumer]]",
        complexity: """
            O(N) with N being the number of elements returned, so asking for a \
            small fixed number of entries per call is O(1). O(M), where M is the \
            total number of entries scanned when used with the IDLE filter. When \
            the command returns just the summary and the list of consumers is \
            small, it runs in O(1) time; otherwise, an additional O(N) time for \
            iterating every consumer.
            """,
        StreamPending.xpending),
    CommandSpec(
        "xgroup", -2, [], .stream, since: "5.0.0",
        "A container for consumer groups commands",
        complexity: "Depends on subcommand.",
        subcommands: groupSubcommands,
        Container.dispatch),
]

private let groupSubcommands: [CommandSpec] = [
    CommandSpec(
        "create", -5, [.write, .denyOOM], keys: .range(first: 2, last: 2, step: 1), .stream,
        since: "5.0.0",
        "Create a consumer group.",
        syntax: "key groupname <id | $> [MKSTREAM] [ENTRIESREAD entries_read]",
        StreamGroupCommands.create),
    CommandSpec(
        "createconsumer", 5, [.write, .denyOOM], keys: .range(first: 2, last: 2, step: 1), .stream,
        since: "6.2.0",
        "Create a consumer in a consumer group.",
        syntax: "key groupname consumername",
        StreamGroupCommands.createConsumer),
    CommandSpec(
        "delconsumer", 5, .write, keys: .range(first: 2, last: 2, step: 1), .stream, since: "5.0.0",
        "Delete a consumer from a consumer group.",
        syntax: "key groupname consumername",
        StreamGroupCommands.deleteConsumer),
    CommandSpec(
        "destroy", 4, .write, keys: .range(first: 2, last: 2, step: 1), .stream, since: "5.0.0",
        "Destroy a consumer group.",
        syntax: "key groupname",
        complexity: """
            O(N) where N is the number of entries in the group's pending entries \
            list (PEL).
            """,
        StreamGroupCommands.destroy),
    CommandSpec(
        "setid", -5, .write, keys: .range(first: 2, last: 2, step: 1), .stream, since: "5.0.0",
        "Set a consumer group to an arbitrary last delivered ID value.",
        syntax: "key groupname <id | $> [ENTRIESREAD entries_read]",
        StreamGroupCommands.setID),
    CommandSpec(
        "help", 2, [.loading, .stale], .stream, since: "5.0.0",
        "Show helpful text about the different subcommands",
        StreamGroupCommands.help),
]
