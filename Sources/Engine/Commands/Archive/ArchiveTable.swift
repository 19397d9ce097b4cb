// The row of ARCHIVE and its subcommands.

private let keyAtTwo = KeyPositions.range(first: 2, last: 2, step: 1)

/// RESTORE's keys: the archived one names no live key unless it is also the target.
private let restoredKey = KeyPositions.custom { args in
    guard args.count > 3 else { return [2] }
    let option = args[3]
    let isOption =
        option.equalsIgnoringCase("replace")
        || (args.count > 4
            && (option.equalsIgnoringCase("id") || option.equalsIgnoringCase("ttl")))
    return isOption ? [2] : [2, 3]
}

private let archiveSubcommands: [CommandSpec] = [
    CommandSpec(
        "list", -2, [.readonly], .tier, since: "0.1.0",
        "List the values of expired keys that are kept",
        syntax: "[cursor] [MATCH pattern] [COUNT count]", complexity: "O(count)",
        ArchiveCommands.list),
    CommandSpec(
        "get", -3, [.readonly, .noFetch], keys: keyAtTwo, .tier, since: "0.1.0",
        "Return the archived value of an expired key", syntax: "key [ID id]",
        complexity: "O(size)", ArchiveCommands.get),
    CommandSpec(
        "restore", -3, [.write, .denyOOM], keys: restoredKey, .tier, since: "0.1.0",
        "Make a key of an archived value",
        syntax: "key [newkey] [ID id] [TTL milliseconds] [REPLACE]", complexity: "O(size)",
        ArchiveCommands.restore),
    CommandSpec(
        "len", 2, [.readonly, .fast], .tier, since: "0.1.0",
        "Return the number of archived values", ArchiveCommands.length),
    CommandSpec(
        "purge", -3, [.write, .noFetch], .tier, since: "0.1.0", "Remove archived values",
        syntax: "key [key ...] | ALL | BEFORE unix-time-milliseconds",
        complexity: """
            O(1) for every value of the keys; O(1) for ALL and BEFORE, whose deletions go on in \
            the background
            """,
        ArchiveCommands.purge),
    CommandSpec(
        "info", 2, [.readonly], .tier, since: "0.1.0",
        "Return figures and limits of the archive", ArchiveCommands.info),
    CommandSpec(
        "help", 2, [.loading, .stale], .tier, since: "0.1.0",
        "Show helpful text about the different subcommands", ArchiveCommands.help),
]

let archiveCommands: [CommandSpec] = [
    CommandSpec(
        "archive", -2, [], .tier, since: "0.1.0",
        "A container for commands on the values of expired keys",
        subcommands: archiveSubcommands, Container.dispatch)
]
