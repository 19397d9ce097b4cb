// The rows of the set commands; texts as in Redis 7.0.

let setCommands: [CommandSpec] = [
    CommandSpec(
        "sadd", -3, [.write, .denyOOM, .fast], keys: .first, .set,
        since: "1.0.0", "Add one or more members to a set",
        syntax: "key member [member ...]",
        complexity: """
            O(1) for each element added, so O(N) to add N elements when the command is called with \
            multiple arguments.
            """,
        SetWrites.sadd),
    CommandSpec(
        "scard", 2, [.readonly, .fast], keys: .first, .set,
        since: "1.0.0", "Get the number of members in a set",
        syntax: "key",
        complexity: "O(1)",
        SetReads.scard),
    CommandSpec(
        "sdiff", -2, [.readonly], keys: .all, .set,
        since: "1.0.0", "Subtract multiple sets",
        syntax: "key [key ...]",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        SetAlgebraCommands.sdiff),
    CommandSpec(
        "sdiffstore", -3, [.write, .denyOOM], keys: .all, .set,
        since: "1.0.0", "Subtract multiple sets and store the resulting set in a key",
        syntax: "destination key [key ...]",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        SetAlgebraCommands.sdiffstore),
    CommandSpec(
        "sinter", -2, [.readonly], keys: .all, .set,
        since: "1.0.0", "Intersect multiple sets",
        syntax: "key [key ...]",
        complexity: """
            O(N*M) worst case where N is the cardinality of the smallest set and M is the number \
            of sets.
            """,
        SetAlgebraCommands.sinter),
    CommandSpec(
        "sintercard", -3, [.readonly, .movableKeys], keys: .counted(at: 1, destination: nil), .set,
        since: "7.0.0", "Intersect multiple sets and return the cardinality of the result",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        complexity: """
            O(N*M) worst case where N is the cardinality of the smallest set and M is the number \
            of sets.
            """,
        SetAlgebraCommands.sintercard),
    CommandSpec(
        "sinterstore", -3, [.write, .denyOOM], keys: .all, .set,
        since: "1.0.0", "Intersect multiple sets and store the resulting set in a key",
        syntax: "destination key [key ...]",
        complexity: """
            O(N*M) worst case where N is the cardinality of the smallest set and M is the number \
            of sets.
            """,
        SetAlgebraCommands.sinterstore),
    CommandSpec(
        "sismember", 3, [.readonly, .fast], keys: .first, .set,
        since: "1.0.0", "Determine if a given value is a member of a set",
        syntax: "key member",
        complexity: "O(1)",
        SetReads.sismember),
    CommandSpec(
        "smembers", 2, [.readonly], keys: .first, .set,
        since: "1.0.0", "Get all the members in a set",
        syntax: "key",
        complexity: "O(N) where N is the set cardinality.",
        SetReads.smembers),
    CommandSpec(
        "smismember", -3, [.readonly, .fast], keys: .first, .set,
        since: "6.2.0", "Returns the membership associated with the given elements for a set",
        syntax: "key member [member ...]",
        complexity: "O(N) where N is the number of elements being checked for membership",
        SetReads.smismember),
    CommandSpec(
        "smove", 4, [.write, .fast], keys: .firstTwo, .set,
        since: "1.0.0", "Move a member from one set to another",
        syntax: "source destination member",
        complexity: "O(1)",
        SetWrites.smove),
    CommandSpec(
        "spop", -2, [.write, .fast], keys: .first, .set,
        since: "1.0.0", "Remove and return one or multiple random members from a set",
        syntax: "key [count]",
        complexity: """
            Without the count argument O(1), otherwise O(N) where N is the value of the passed \
            count.
            """,
        SetRandomCommands.spop),
    CommandSpec(
        "srandmember", -2, [.readonly], keys: .first, .set,
        since: "1.0.0", "Get one or multiple random members from a set",
        syntax: "key [count]",
        complexity: """
            Without the count argument O(1), otherwise O(N) where N is the absolute value of the \
            passed count.
            """,
        SetRandomCommands.srandmember),
    CommandSpec(
        "srem", -3, [.write, .fast], keys: .first, .set,
        since: "1.0.0", "Remove one or more members from a set",
        syntax: "key member [member ...]",
        complexity: "O(N) where N is the number of members to be removed.",
        SetWrites.srem),
    CommandSpec(
        "sscan", -3, [.readonly], keys: .first, .set,
        since: "2.8.0", "Incrementally iterate Set elements",
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        complexity: """
            O(1) for every call. O(N) for a complete iteration, including enough command calls for \
            the cursor to return back to 0. N is the number of elements inside the collection..
            """,
        SetReads.sscan),
    CommandSpec(
        "sunion", -2, [.readonly], keys: .all, .set,
        since: "1.0.0", "Add multiple sets",
        syntax: "key [key ...]",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        SetAlgebraCommands.sunion),
    CommandSpec(
        "sunionstore", -3, [.write, .denyOOM], keys: .all, .set,
        since: "1.0.0", "Add multiple sets and store the resulting set in a key",
        syntax: "destination key [key ...]",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        SetAlgebraCommands.sunionstore),
]
