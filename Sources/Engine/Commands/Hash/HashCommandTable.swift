// The commands on hashes: one row each.

let hashCommands: [CommandSpec] = hashWriteCommands + hashReadCommands + hashFieldCommands

private let hashWriteCommands: [CommandSpec] = [
    CommandSpec(
        "hset", -4, [.write, .denyOOM, .fast], keys: .first, .hash, since: "2.0.0",
        "Set the string value of a hash field",
        syntax: "key field value [field value ...]",
        complexity: """
            O(1) for each field/value pair added, so O(N) to add N field/value pairs when the \
            command is called with multiple field/value pairs.
            """,
        HashWrites.hset),
    CommandSpec(
        "hmset", -4, [.write, .denyOOM, .fast], keys: .first, .hash, since: "2.0.0",
        "Set multiple hash fields to multiple values",
        syntax: "key field value [field value ...]",
        complexity: "O(N) where N is the number of fields being set.",
        HashWrites.hmset),
    CommandSpec(
        "hsetnx", 4, [.write, .denyOOM, .fast], keys: .first, .hash, since: "2.0.0",
        "Set the value of a hash field, only if the field does not exist",
        syntax: "key field value",
        HashWrites.hsetnx),
    CommandSpec(
        "hdel", -3, [.write, .fast], keys: .first, .hash, since: "2.0.0",
        "Delete one or more hash fields",
        syntax: "key field [field ...]",
        complexity: "O(N) where N is the number of fields to be removed.",
        HashWrites.hdel),
    CommandSpec(
        "hincrby", 4, [.write, .denyOOM, .fast], keys: .first, .hash, since: "2.0.0",
        "Increment the integer value of a hash field by the given number",
        syntax: "key field increment",
        HashWrites.hincrby),
    CommandSpec(
        "hincrbyfloat", 4, [.write, .denyOOM, .fast], keys: .first, .hash, since: "2.6.0",
        "Increment the float value of a hash field by the given amount",
        syntax: "key field increment",
        HashWrites.hincrbyfloat),
]

private let hashReadCommands: [CommandSpec] = [
    CommandSpec(
        "hget", 3, [.readonly, .fast], keys: .first, .hash, since: "2.0.0",
        "Get the value of a hash field",
        syntax: "key field",
        HashReads.hget),
    CommandSpec(
        "hmget", -3, [.readonly, .fast], keys: .first, .hash, since: "2.0.0",
        "Get the values of all the given hash fields",
        syntax: "key field [field ...]",
        complexity: "O(N) where N is the number of fields being requested.",
        HashReads.hmget),
    CommandSpec(
        "hgetall", 2, .readonly, keys: .first, .hash, since: "2.0.0",
        "Get all the fields and values in a hash",
        syntax: "key",
        complexity: "O(N) where N is the size of the hash.",
        HashReads.hgetall),
    CommandSpec(
        "hkeys", 2, .readonly, keys: .first, .hash, since: "2.0.0",
        "Get all the fields in a hash",
        syntax: "key",
        complexity: "O(N) where N is the size of the hash.",
        HashReads.hkeys),
    CommandSpec(
        "hvals", 2, .readonly, keys: .first, .hash, since: "2.0.0",
        "Get all the values in a hash",
        syntax: "key",
        complexity: "O(N) where N is the size of the hash.",
        HashReads.hvals),
    CommandSpec(
        "hlen", 2, [.readonly, .fast], keys: .first, .hash, since: "2.0.0",
        "Get the number of fields in a hash",
        syntax: "key",
        HashReads.hlen),
    CommandSpec(
        "hstrlen", 3, [.readonly, .fast], keys: .first, .hash, since: "3.2.0",
        "Get the length of the value of a hash field",
        syntax: "key field",
        HashReads.hstrlen),
    CommandSpec(
        "hexists", 3, [.readonly, .fast], keys: .first, .hash, since: "2.0.0",
        "Determine if a hash field exists",
        syntax: "key field",
        HashReads.hexists),
    CommandSpec(
        "hrandfield", -2, .readonly, keys: .first, .hash, since: "6.2.0",
        "Get one or multiple random fields from a hash",
        syntax: "key [count [WITHVALUES]]",
        complexity: "O(N) where N is the number of fields returned",
        HashRandom.hrandfield),
    CommandSpec(
        "hscan", -3, .readonly, keys: .first, .hash, since: "2.8.0",
        "Incrementally iterate hash fields and associated values",
        syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
        complexity: """
            O(1) for every call. O(N) for a complete iteration, including enough command calls \
            for the cursor to return back to 0. N is the number of elements inside the \
            collection..
            """,
        HashReads.hscan),
]
