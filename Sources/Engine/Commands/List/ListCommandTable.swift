// The commands on lists: one row each.

let listCommands: [CommandSpec] =
    listPushCommands + listPopCommands + listBlockingCommands + listOtherCommands

private let listPushCommands: [CommandSpec] = [
    CommandSpec(
        "lpush", -3, [.write, .denyOOM, .fast], keys: .first, .list, since: "1.0.0",
        "Prepend one or multiple elements to a list",
        syntax: "key element [element ...]",
        complexity: perElementAdded,
        ListWrites.lpush),
    CommandSpec(
        "rpush", -3, [.write, .denyOOM, .fast], keys: .first, .list, since: "1.0.0",
        "Append one or multiple elements to a list",
        syntax: "key element [element ...]",
        complexity: perElementAdded,
        ListWrites.rpush),
    CommandSpec(
        "lpushx", -3, [.write, .denyOOM, .fast], keys: .first, .list, since: "2.2.0",
        "Prepend an element to a list, only if the list exists",
        syntax: "key element [element ...]",
        complexity: perElementAdded,
        ListWrites.lpushx),
    CommandSpec(
        "rpushx", -3, [.write, .denyOOM, .fast], keys: .first, .list, since: "2.2.0",
        "Append an element to a list, only if the list exists",
        syntax: "key element [element ...]",
        complexity: perElementAdded,
        ListWrites.rpushx),
    CommandSpec(
        "linsert", 5, [.write, .denyOOM], keys: .first, .list, since: "2.2.0",
        "Insert an element before or after another element in a list",
        syntax: "key <BEFORE | AFTER> pivot element",
        complexity: """
            O(N) where N is the number of elements to traverse before seeing the value pivot. \
            This means that inserting somewhere on the left end on the list (head) can be \
            considered O(1) and inserting somewhere on the right end (tail) is O(N).
            """,
        ListWrites.linsert),
]

private let perElementAdded: StaticString = """
    O(1) for each element added, so O(N) to add N elements when the command is called with \
    multiple arguments.
    """

private let listPopCommands: [CommandSpec] = [
    CommandSpec(
        "lpop", -2, [.write, .fast], keys: .first, .list, since: "1.0.0",
        "Remove and get the first elements in a list",
        syntax: "key [count]",
        complexity: "O(N) where N is the number of elements returned",
        ListPops.lpop),
    CommandSpec(
        "rpop", -2, [.write, .fast], keys: .first, .list, since: "1.0.0",
        "Remove and get the last elements in a list",
        syntax: "key [count]",
        complexity: "O(N) where N is the number of elements returned",
        ListPops.rpop),
    CommandSpec(
        "lmpop", -4, [.write, .movableKeys], keys: .counted(at: 1, destination: nil), .list,
        since: "7.0.0",
        "Pop elements from a list",
        syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        complexity: """
            O(N+M) where N is the number of provided keys and M is the number of elements \
            returned.
            """,
        ListPops.lmpop),
    CommandSpec(
        "lmove", 5, [.write, .denyOOM], keys: .firstTwo, .list, since: "6.2.0",
        "Pop an element from a list, push it to another list and return it",
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
        ListPops.lmove),
    CommandSpec(
        "rpoplpush", 3, [.write, .denyOOM], keys: .firstTwo, .list, since: "1.2.0",
        "Remove the last element in a list, prepend it to another list and return it",
        syntax: "source destination",
        ListPops.rpoplpush),
]

private let listBlockingCommands: [CommandSpec] = [
    CommandSpec(
        "blpop", -3, [.write, .noScript, .blocking],
        keys: .range(first: 1, last: -2, step: 1), .list, since: "2.0.0",
        "Remove and get the first element in a list, or block until one is available",
        syntax: "key [key ...] timeout",
        complexity: "O(N) where N is the number of provided keys.",
        BlockingListPops.blpop),
    CommandSpec(
        "brpop", -3, [.write, .noScript, .blocking],
        keys: .range(first: 1, last: -2, step: 1), .list, since: "2.0.0",
        "Remove and get the last element in a list, or block until one is available",
        syntax: "key [key ...] timeout",
        complexity: "O(N) where N is the number of provided keys.",
        BlockingListPops.brpop),
    CommandSpec(
        "blmpop", -5, [.write, .blocking, .movableKeys],
        keys: .counted(at: 2, destination: nil), .list, since: "7.0.0",
        "Pop elements from a list, or block until one is available",
        syntax: "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        complexity: """
            O(N+M) where N is the number of provided keys and M is the number of elements \
            returned.
            """,
        BlockingListPops.blmpop),
    CommandSpec(
        "blmove", 6, [.write, .denyOOM, .noScript, .blocking], keys: .firstTwo, .list,
        since: "6.2.0",
        """
        Pop an element from a list, push it to another list and return it; or block until one \
        is available
        """,
        syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
        BlockingListPops.blmove),
    CommandSpec(
        "brpoplpush", 4, [.write, .denyOOM, .noScript, .blocking], keys: .firstTwo, .list,
        since: "2.2.0",
        """
        Pop an element from a list, push it to another list and return it; or block until one \
        is available
        """,
        syntax: "source destination timeout",
        BlockingListPops.brpoplpush),
]

private let listOtherCommands: [CommandSpec] = [
    CommandSpec(
        "llen", 2, [.readonly, .fast], keys: .first, .list, since: "1.0.0",
        "Get the length of a list",
        syntax: "key",
        ListReads.llen),
    CommandSpec(
        "lindex", 3, .readonly, keys: .first, .list, since: "1.0.0",
        "Get an element from a list by its index",
        syntax: "key index",
        complexity: """
            O(N) where N is the number of elements to traverse to get to the element at index. \
            This makes asking for the first or the last element of the list O(1).
            """,
        ListReads.lindex),
    CommandSpec(
        "lrange", 4, .readonly, keys: .first, .list, since: "1.0.0",
        "Get a range of elements from a list",
        syntax: "key start stop",
        complexity: """
            O(S+N) where S is the distance of start offset from HEAD for small lists, from \
            nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the \
            specified range.
            """,
        ListReads.lrange),
    CommandSpec(
        "lpos", -3, .readonly, keys: .first, .list, since: "6.0.6",
        "Return the index of matching elements on a list",
        syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
        complexity: """
            O(N) where N is the number of elements in the list, for the average case. When \
            searching for elements near the head or the tail of the list, or when the MAXLEN \
            option is provided, the command may run in constant time.
            """,
        ListReads.lpos),
    CommandSpec(
        "lset", 4, [.write, .denyOOM], keys: .first, .list, since: "1.0.0",
        "Set the value of an element in a list by its index",
        syntax: "key index element",
        complexity: """
            O(N) where N is the length of the list. Setting either the first or the last \
            element of the list is O(1).
            """,
        ListWrites.lset),
    CommandSpec(
        "ltrim", 4, .write, keys: .first, .list, since: "1.0.0",
        "Trim a list to the specified range",
        syntax: "key start stop",
        complexity: """
            O(N) where N is the number of elements to be removed by the operation.
            """,
        ListWrites.ltrim),
    CommandSpec(
        "lrem", 4, .write, keys: .first, .list, since: "1.0.0",
        "Remove elements from a list",
        syntax: "key count element",
        complexity: """
            O(N+M) where N is the length of the list and M is the number of elements removed.
            """,
        ListWrites.lrem),
]
