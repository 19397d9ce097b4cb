// The rows of the sorted set commands on single members, ends and counts; texts as in Redis 7.0.

let sortedSetCommands: [CommandSpec] =
    sortedSetElementCommands + sortedSetRangeCommands + sortedSetBlockingCommands

private let sortedSetBlockingCommands: [CommandSpec] = [
    CommandSpec(
        "bzmpop", -5, [.write, .blocking, .movableKeys],
        keys: .counted(at: 2, destination: nil), .sortedSet, since: "7.0.0",
        "Remove and return members with scores in a sorted set or block until one is available",
        syntax: "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
        complexity: """
            O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
            elements in the sorted set, and M being the number of elements popped.
            """,
        SortedSetPops.bzmpop),
    CommandSpec(
        "bzpopmax", -3, [.write, .noScript, .fast, .blocking],
        keys: .range(first: 1, last: -2, step: 1), .sortedSet, since: "5.0.0",
        """
        Remove and return the member with the highest score from one or more sorted sets, or \
        block until one is available
        """,
        syntax: "key [key ...] timeout",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        SortedSetPops.bzpopmax),
    CommandSpec(
        "bzpopmin", -3, [.write, .noScript, .fast, .blocking],
        keys: .range(first: 1, last: -2, step: 1), .sortedSet, since: "5.0.0",
        """
        Remove and return the member with the lowest score from one or more sorted sets, or \
        block until one is available
        """,
        syntax: "key [key ...] timeout",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        SortedSetPops.bzpopmin),
]

private let sortedSetElementCommands: [CommandSpec] = [
    CommandSpec(
        "zadd", -4, [.write, .denyOOM, .fast], keys: .first, .sortedSet,
        since: "1.2.0",
        "Add one or more members to a sorted set, or update its score if it already exists",
        syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
        complexity: """
            O(log(N)) for each item added, where N is the number of elements in the sorted set.
            """,
        SortedSetWrites.zadd),
    CommandSpec(
        "zcard", 2, [.readonly, .fast], keys: .first, .sortedSet,
        since: "1.2.0", "Get the number of members in a sorted set",
        syntax: "key",
        complexity: "O(1)",
        SortedSetReads.zcard),
    CommandSpec(
        "zcount", 4, [.readonly, .fast], keys: .first, .sortedSet,
        since: "2.0.0", "Count the members in a sorted set with scores within the given values",
        syntax: "key min max",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        SortedSetReads.zcount),
    CommandSpec(
        "zincrby", 4, [.write, .denyOOM, .fast], keys: .first, .sortedSet,
        since: "1.2.0", "Increment the score of a member in a sorted set",
        syntax: "key increment member",
        complexity: "O(log(N)) where N is the number of elements in the sorted set.",
        SortedSetWrites.zincrby),
    CommandSpec(
        "zlexcount", 4, [.readonly, .fast], keys: .first, .sortedSet,
        since: "2.8.9",
        "Count the number of members in a sorted set between a given lexicographical range",
        syntax: "key min max",
        complexity: "O(log(N)) with N being the number of elements in the sorted set.",
        SortedSetReads.zlexcount),
    CommandSpec(
        "zmpop", -4, [.write, .movableKeys], keys: .counted(at: 1, destination: nil), .sortedSet,
        since: "7.0.0", "Remove and return members with scores in a sorted set",
        syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
        complexity: """
            O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of \
            elements in the sorted set, and M being the number of elements popped.
            """,
        SortedSetPops.zmpop),
    CommandSpec(
        "zmscore", -3, [.readonly, .fast], keys: .first, .sortedSet,
        since: "6.2.0", "Get the score associated with the given members in a sorted set",
        syntax: "key member [member ...]",
        complexity: "O(N) where N is the number of members being requested.",
        SortedSetReads.zmscore),
    CommandSpec(
        "zpopmax", -2, [.write, .fast], keys: .first, .sortedSet,
        since: "5.0.0", "Remove and return members with the highest scores in a sorted set",
        syntax: "key [count]",
        complexity: """
            O(log(N)*M) with N being the number of elements in the sorted set, and M being the \
            number of elements popped.
            """,
        SortedSetPops.zpopmax),
    CommandSpec(
        "zpopmin", -2, [.write, .fast], keys: .first, .sortedSet,
        since: "5.0.0", "Remove and return members with the lowest scores in a sorted set",
        syntax: "key [count]",
        complexity: """
            O(log(N)*M) with N being the number of elements in the sorted set, and M being the \
            number of elements popped.
            """,
        SortedSetPops.zpopmin),
    CommandSpec(
        "zrandmember", -2, [.readonly], keys: .first, .sortedSet,
        since: "6.2.0", "Get one or multiple random elements from a sorted set",
        syntax: "key [count [WITHSCORES]]",
        complexity: "O(N) where N is the number of elements returned",
        SortedSetRandomCommands.zrandmember),
    CommandSpec(
        "zrank", 3, [.readonly, .fast], keys: .first, .sortedSet,
        since: "2.0.0", "Determine the index of a member in a sorted set",
        syntax: "key member",
        complexity: "O(log(N))",
        SortedSetReads.zrank),
    CommandSpec(
        "zrem", -3, [.write, .fast], keys: .first, .sortedSet,
        since: "1.2.0", "Remove one or more members from a sorted set",
        syntax: "key member [member ...]",
        complexity: """
            O(M*log(N)) with N being the number of elements in the sorted set and M the number of \
            elements to be removed.
            """,
        SortedSetWrites.zrem),
    CommandSpec(
        "zremrangebylex", 4, [.write], keys: .first, .sortedSet,
        since: "2.8.9",
        """
        Remove all members in a sorted set between the given lexicographical range
        """,
        syntax: "key min max",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements removed by the operation.
            """,
        SortedSetWrites.zremrangebylex),
    CommandSpec(
        "zremrangebyrank", 4, [.write], keys: .first, .sortedSet,
        since: "2.0.0", "Remove all members in a sorted set within the given indexes",
        syntax: "key start stop",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements removed by the operation.
            """,
        SortedSetWrites.zremrangebyrank),
    CommandSpec(
        "zremrangebyscore", 4, [.write], keys: .first, .sortedSet,
        since: "1.2.0", "Remove all members in a sorted set within the given scores",
        syntax: "key min max",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements removed by the operation.
            """,
        SortedSetWrites.zremrangebyscore),
    CommandSpec(
        "zrevrank", 3, [.readonly, .fast], keys: .first, .sortedSet,
        since: "2.0.0",
        "Determine the index of a member in a sorted set, with scores ordered from high to low",
        syntax: "key member",
        complexity: "O(log(N))",
        SortedSetReads.zrevrank),
    CommandSpec(
        "zscan", -3, [.readonly], keys: .first, .sortedSet,
        since: "2.8.0", "Incrementally iterate sorted sets elements and associated scores",
        syntax: "key cursor [MATCH pattern] [COUNT count]",
        complexity: """
            O(1) for every call. O(N) for a complete iteration, including enough command calls for \
            the cursor to return back to 0. N is the number of elements inside the collection..
            """,
        SortedSetReads.zscan),
    CommandSpec(
        "zscore", 3, [.readonly, .fast], keys: .first, .sortedSet,
        since: "1.2.0", "Get the score associated with the given member in a sorted set",
        syntax: "key member",
        complexity: "O(1)",
        SortedSetReads.zscore),
]
