// The rows of the sorted set commands on ranges and on several keys; texts as in Redis 7.0.

let sortedSetRangeCommands: [CommandSpec] = [
    CommandSpec(
        "zdiff", -3, [.readonly, .movableKeys], keys: .counted(at: 1, destination: nil), .sortedSet,
        since: "6.2.0", "Subtract multiple sorted sets",
        syntax: "numkeys key [key ...] [WITHSCORES]",
        complexity: """
            O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, \
            N is the size of the first set, and K is the size of the result set.
            """,
        SortedSetAlgebraCommands.zdiff),
    CommandSpec(
        "zdiffstore", -4, [.write, .denyOOM, .movableKeys],
        keys: .counted(at: 2, destination: 1), .sortedSet,
        since: "6.2.0",
        "Subtract multiple sorted sets and store the resulting sorted set in a new key",
        syntax: "destination numkeys key [key ...]",
        complexity: """
            O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, \
            N is the size of the first set, and K is the size of the result set.
            """,
        SortedSetAlgebraCommands.zdiffstore),
    CommandSpec(
        "zinter", -3, [.readonly, .movableKeys],
        keys: .counted(at: 1, destination: nil), .sortedSet,
        since: "6.2.0", "Intersect multiple sorted sets",
        syntax: """
            numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] \
            [WITHSCORES]
            """,
        complexity: """
            O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the \
            number of input sorted sets and M being the number of elements in the resulting sorted \
            set.
            """,
        SortedSetAlgebraCommands.zinter),
    CommandSpec(
        "zintercard", -3, [.readonly, .movableKeys],
        keys: .counted(at: 1, destination: nil), .sortedSet,
        since: "7.0.0", "Intersect multiple sorted sets and return the cardinality of the result",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        complexity: """
            O(N*K) worst case with N being the smallest input sorted set, K being the number of \
            input sorted sets.
            """,
        SortedSetAlgebraCommands.zintercard),
    CommandSpec(
        "zinterstore", -4, [.write, .denyOOM, .movableKeys],
        keys: .counted(at: 2, destination: 1), .sortedSet,
        since: "2.0.0",
        "Intersect multiple sorted sets and store the resulting sorted set in a new key",
        syntax: """
            destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE \
            <SUM | MIN | MAX>]
            """,
        complexity: """
            O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the \
            number of input sorted sets and M being the number of elements in the resulting sorted \
            set.
            """,
        SortedSetAlgebraCommands.zinterstore),
    CommandSpec(
        "zrange", -4, [.readonly], keys: .first, .sortedSet,
        since: "1.2.0", "Return a range of members in a sorted set",
        syntax: "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements returned.
            """,
        SortedSetRangeCommands.zrange),
    CommandSpec(
        "zrangebylex", -4, [.readonly], keys: .first, .sortedSet,
        since: "2.8.9", "Return a range of members in a sorted set, by lexicographical range",
        syntax: "key min max [LIMIT offset count]",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements being returned. If M is constant (e.g. always asking for the first 10 \
            elements with LIMIT), you can consider it O(log(N)).
            """,
        SortedSetRangeCommands.zrangebylex),
    CommandSpec(
        "zrangebyscore", -4, [.readonly], keys: .first, .sortedSet,
        since: "1.0.5", "Return a range of members in a sorted set, by score",
        syntax: "key min max [WITHSCORES] [LIMIT offset count]",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements being returned. If M is constant (e.g. always asking for the first 10 \
            elements with LIMIT), you can consider it O(log(N)).
            """,
        SortedSetRangeCommands.zrangebyscore),
    CommandSpec(
        "zrangestore", -5, [.write, .denyOOM], keys: .firstTwo, .sortedSet,
        since: "6.2.0", "Store a range of members from sorted set into another key",
        syntax: "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements stored into the destination key.
            """,
        SortedSetRangeCommands.zrangestore),
    CommandSpec(
        "zrevrange", -4, [.readonly], keys: .first, .sortedSet,
        since: "1.2.0",
        "Return a range of members in a sorted set, by index, with scores ordered from high to low",
        syntax: "key start stop [WITHSCORES]",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements returned.
            """,
        SortedSetRangeCommands.zrevrange),
    CommandSpec(
        "zrevrangebylex", -4, [.readonly], keys: .first, .sortedSet,
        since: "2.8.9",
        """
        Return a range of members in a sorted set, by lexicographical range, ordered from \
        higher to lower strings.
        """,
        syntax: "key max min [LIMIT offset count]",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements being returned. If M is constant (e.g. always asking for the first 10 \
            elements with LIMIT), you can consider it O(log(N)).
            """,
        SortedSetRangeCommands.zrevrangebylex),
    CommandSpec(
        "zrevrangebyscore", -4, [.readonly], keys: .first, .sortedSet,
        since: "2.2.0",
        "Return a range of members in a sorted set, by score, with scores ordered from high to low",
        syntax: "key max min [WITHSCORES] [LIMIT offset count]",
        complexity: """
            O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
            elements being returned. If M is constant (e.g. always asking for the first 10 \
            elements with LIMIT), you can consider it O(log(N)).
            """,
        SortedSetRangeCommands.zrevrangebyscore),
    CommandSpec(
        "zunion", -3, [.readonly, .movableKeys],
        keys: .counted(at: 1, destination: nil), .sortedSet,
        since: "6.2.0", "Add multiple sorted sets",
        syntax: """
            numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] \
            [WITHSCORES]
            """,
        complexity: """
            O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M \
            being the number of elements in the resulting sorted set.
            """,
        SortedSetAlgebraCommands.zunion),
    CommandSpec(
        "zunionstore", -4, [.write, .denyOOM, .movableKeys],
        keys: .counted(at: 2, destination: 1), .sortedSet,
        since: "2.0.0", "Add multiple sorted sets and store the resulting sorted set in a new key",
        syntax: """
            destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE \
            <SUM | MIN | MAX>]
            """,
        complexity: """
            O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M \
            being the number of elements in the resulting sorted set.
            """,
        SortedSetAlgebraCommands.zunionstore),
]
