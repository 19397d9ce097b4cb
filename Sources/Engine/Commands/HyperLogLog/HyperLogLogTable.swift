// The rows of the HyperLogLog commands; texts and flags are those of Redis 7.0.

let hyperLogLogCommands: [CommandSpec] = [
    CommandSpec(
        "pfadd", -2, [.write, .denyOOM, .fast], keys: .first, .hyperloglog, since: "2.8.9",
        "Adds the specified elements to the specified HyperLogLog.",
        syntax: "key [element [element ...]]",
        complexity: "O(1) to add every element.",
        HyperLogLogCommands.pfadd),
    CommandSpec(
        "pfcount", -2, [.readonly, .mayReplicate], keys: .all, .hyperloglog, since: "2.8.9",
        """
        Return the approximated cardinality of the set(s) observed by the HyperLogLog at key(s).
        """,
        syntax: "key [key ...]",
        complexity: """
            O(1) with a very small average constant time when called with a single key. O(N) with \
            N being the number of keys, and much bigger constant times, when called with multiple \
            keys.
            """,
        HyperLogLogCommands.pfcount),
    CommandSpec(
        "pfmerge", -2, [.write, .denyOOM], keys: .all, .hyperloglog, since: "2.8.9",
        "Merge N different HyperLogLogs into a single one.",
        syntax: "destkey sourcekey [sourcekey ...]",
        complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
        HyperLogLogCommands.pfmerge),
    CommandSpec(
        "pfdebug", 3, [.write, .denyOOM, .admin], keys: .range(first: 2, last: 2, step: 1),
        .hyperloglog, since: "2.8.9",
        "Internal commands for debugging HyperLogLog values",
        syntax: "subcommand key",
        complexity: "N/A",
        HyperLogLogDebug.pfdebug),
    CommandSpec(
        "pfselftest", 1, [.admin], .hyperloglog, since: "2.8.9",
        "An internal command for testing HyperLogLog values",
        complexity: "N/A",
        HyperLogLogDebug.pfselftest),
]
