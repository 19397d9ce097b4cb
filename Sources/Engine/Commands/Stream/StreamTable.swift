// The commands on streams: one row each. Those of consumer groups are in StreamTable+Groups.swift.

let streamCommands: [CommandSpec] = streamEntryCommands + streamGroupCommands

private let streamEntryCommands: [CommandSpec] = [
    CommandSpec(
        "xadd", -5, [.write, .denyOOM, .fast], keys: .first, .stream, since: "5.0.0",
        "Appends a new entry to a stream",
        syntax: """
            key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | \
            id> field value [field value ...]
            """,
        complexity: """
            O(1) when adding a new entry, O(N) when trimming where N being the \
            number of entries evicted.
            """,
        StreamWrites.xadd),
    CommandSpec(
        "xlen", 2, [.readonly, .fast], keys: .first, .stream, since: "5.0.0",
        "Return the number of entries in a stream",
        syntax: "key",
        StreamReads.xlen),
    CommandSpec(
        "xrange", -4, .readonly, keys: .first, .stream, since: "5.0.0",
        "Return a range of elements in a stream, with IDs matching the specified IDs interval",
        syntax: "key start end [COUNT count]",
        complexity: """
            O(N) with N being the number of elements being returned. If N is \
            constant (e.g. always asking for the first 10 elements with COUNT), \
            you can consider it O(1).
            """,
        StreamReads.xrange),
    CommandSpec(
        "xrevrange", -4, .readonly, keys: .first, .stream, since: "5.0.0",
        """
        Return a range of elements in a stream, with IDs matching the specified IDs \
        interval, in reverse order (from greater to smaller IDs) compared to XRANGE
        """,
        syntax: "key end start [COUNT count]",
        complexity: """
            O(N) with N being the number of elements returned. If N is constant \
            (e.g. always asking for the first 10 elements with COUNT), you can \
            consider it O(1).
            """,
        StreamReads.xrevrange),
    CommandSpec(
        "xread", -4, [.blocking, .readonly, .movableKeys], keys: .custom(StreamRead.keyPositions),
        .stream, since: "5.0.0",
        """
        Return never seen elements in multiple streams, with IDs greater than the ones \
        reported by the caller for each stream. Can block.
        """,
        syntax: "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
        complexity: """
            For each stream mentioned: O(N) with N being the number of elements \
            being returned, it means that XREAD-ing with a fixed COUNT is O(1). \
            Note that when the BLOCK option is used, XADD will pay O(M) time in \
            order to serve the M clients blocked on the stream getting new data.
            """,
        StreamReading.xread),
    CommandSpec(
        "xdel", -3, [.write, .fast], keys: .first, .stream, since: "5.0.0",
        """
        Removes the specified entries from the stream. Returns the number of items \
        actually deleted, that may be different from the number of IDs passed in case \
        certain IDs do not exist.
        """,
        syntax: "key id [id ...]",
        complexity: """
            O(1) for each single item to delete in the stream, regardless of the \
            stream size.
            """,
        StreamWrites.xdel),
    CommandSpec(
        "xtrim", -4, .write, keys: .first, .stream, since: "5.0.0",
        "Trims the stream to (approximately if '~' is passed) a certain size",
        syntax: "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]",
        complexity: """
            O(N), with N being the number of evicted entries. Constant times are \
            very small however, since entries are organized in macro nodes \
            containing multiple entries that can be released with a single \
            deallocation.
            """,
        StreamWrites.xtrim),
    CommandSpec(
        "xsetid", -3, [.write, .denyOOM, .fast], keys: .first, .stream, since: "5.0.0",
        "An internal command for replicating stream values",
        syntax: "key last-id [ENTRIESADDED entries_added] [MAXDELETEDID max_deleted_entry_id]",
        StreamWrites.xsetid),
    CommandSpec(
        "xinfo", -2, [], .stream, since: "5.0.0",
        "A container for stream introspection commands",
        complexity: "Depends on subcommand.",
        subcommands: infoSubcommands,
        Container.dispatch),
]

private let infoSubcommands: [CommandSpec] = [
    CommandSpec(
        "consumers", 4, .readonly, keys: .range(first: 2, last: 2, step: 1), .stream,
        since: "5.0.0",
        "List the consumers in a consumer group",
        syntax: "key groupname",
        StreamInfo.consumers),
    CommandSpec(
        "groups", 3, .readonly, keys: .range(first: 2, last: 2, step: 1), .stream, since: "5.0.0",
        "List the consumer groups of a stream",
        syntax: "key",
        StreamInfo.groups),
    CommandSpec(
        "stream", -3, .readonly, keys: .range(first: 2, last: 2, step: 1), .stream, since: "5.0.0",
        "Get information about a stream",
        syntax: "key [FULL [COUNT count]]",
        StreamInfo.stream),
    CommandSpec(
        "help", 2, [.loading, .stale], .stream, since: "5.0.0",
        "Show helpful text about the different subcommands",
        StreamInfo.help),
]
