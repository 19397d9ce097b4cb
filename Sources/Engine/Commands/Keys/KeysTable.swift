// The rows of the commands on keys of any type; texts and flags are those of Redis 7.0.

let keysCommands: [CommandSpec] =
    keyRows + expiryRows + walkRows + memoryRows

private let keyRows: [CommandSpec] = [
    CommandSpec(
        "del", -2, [.write], keys: .all, .generic, since: "1.0.0",
        "Delete a key",
        syntax: "key [key ...]",
        complexity: """
            O(N) where N is the number of keys that will be removed. When a key to remove holds \
            a value other than a string, the individual complexity for this key is O(M) where M \
            is the number of elements in the list, set, sorted set or hash. Removing a single \
            key that holds a string value is O(1).
            """,
        KeysCommands.delete),
    CommandSpec(
        "unlink", -2, [.write, .fast], keys: .all, .generic, since: "4.0.0",
        """
        Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non \
        blocking.
        """,
        syntax: "key [key ...]",
        complexity: """
            O(1) for each key removed regardless of its size. Then the command does O(N) work in \
            a different thread in order to reclaim memory, where N is the number of allocations \
            the deleted objects where composed of.
            """,
        KeysCommands.delete),
    CommandSpec(
        "exists", -2, [.readonly, .fast], keys: .all, .generic, since: "1.0.0",
        "Determine if a key exists",
        syntax: "key [key ...]",
        complexity: "O(N) where N is the number of keys to check.",
        KeysCommands.exists),
    CommandSpec(
        "type", 2, [.readonly, .fast], keys: .first, .generic, since: "1.0.0",
        "Determine the type stored at key",
        syntax: "key",
        KeysCommands.type),
    CommandSpec(
        "touch", -2, [.readonly, .fast], keys: .all, .generic, since: "3.2.1",
        "Alters the last access time of a key(s). Returns the number of existing keys specified.",
        syntax: "key [key ...]",
        complexity: "O(N) where N is the number of keys that will be touched.",
        KeysCommands.touch),
    CommandSpec(
        "rename", 3, [.write], keys: .firstTwo, .generic, since: "1.0.0",
        "Rename a key",
        syntax: "key newkey",
        MovingCommands.rename),
    CommandSpec(
        "renamenx", 3, [.write, .fast], keys: .firstTwo, .generic, since: "1.0.0",
        "Rename a key, only if the new key does not exist",
        syntax: "key newkey",
        MovingCommands.renamenx),
    CommandSpec(
        "copy", -3, [.write, .denyOOM], keys: .firstTwo, .generic, since: "6.2.0",
        "Copy a key",
        syntax: "source destination [DB destination-db] [REPLACE]",
        complexity: """
            O(N) worst case for collections, where N is the number of nested items. O(1) for \
            string values.
            """,
        MovingCommands.copy),
    CommandSpec(
        "move", 3, [.write, .fast], keys: .first, .generic, since: "1.0.0",
        "Move a key to another database",
        syntax: "key db",
        MovingCommands.move),
    CommandSpec(
        "dump", 2, [.readonly], keys: .first, .generic, since: "2.6.0",
        "Return a serialized version of the value stored at the specified key.",
        syntax: "key",
        complexity: """
            O(1) to access the key and additional O(N*M) to serialize it, where N is the number \
            of Redis objects composing the value and M their average size. For small string \
            values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).
            """,
        DumpCommands.dump),
    CommandSpec(
        "restore", -4, [.write, .denyOOM], keys: .first, .generic, since: "2.6.0",
        "Create a key using the provided serialized value, previously obtained using DUMP.",
        syntax: "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]",
        complexity: """
            O(1) to create the new key and additional O(N*M) to reconstruct the serialized \
            value, where N is the number of Redis objects composing the value and M their \
            average size. For small string values the time complexity is thus O(1)+O(1*M) where \
            M is small, so simply O(1). However for sorted set values the complexity is \
            O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).
            """,
        categories: ["@dangerous"],
        DumpCommands.restore),
]

private let expiryRows: [CommandSpec] = [
    CommandSpec(
        "expire", -3, [.write, .fast], keys: .first, .generic, since: "1.0.0",
        "Set a key's time to live in seconds",
        syntax: "key seconds [NX | XX | GT | LT]",
        ExpiryCommands.expire),
    CommandSpec(
        "pexpire", -3, [.write, .fast], keys: .first, .generic, since: "2.6.0",
        "Set a key's time to live in milliseconds",
        syntax: "key milliseconds [NX | XX | GT | LT]",
        ExpiryCommands.pexpire),
    CommandSpec(
        "expireat", -3, [.write, .fast], keys: .first, .generic, since: "1.2.0",
        "Set the expiration for a key as a UNIX timestamp",
        syntax: "key unix-time-seconds [NX | XX | GT | LT]",
        ExpiryCommands.expireat),
    CommandSpec(
        "pexpireat", -3, [.write, .fast], keys: .first, .generic, since: "2.6.0",
        "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
        syntax: "key unix-time-milliseconds [NX | XX | GT | LT]",
        ExpiryCommands.pexpireat),
    CommandSpec(
        "ttl", 2, [.readonly, .fast], keys: .first, .generic, since: "1.0.0",
        "Get the time to live for a key in seconds",
        syntax: "key",
        ExpiryCommands.ttl),
    CommandSpec(
        "pttl", 2, [.readonly, .fast], keys: .first, .generic, since: "2.6.0",
        "Get the time to live for a key in milliseconds",
        syntax: "key",
        ExpiryCommands.pttl),
    CommandSpec(
        "expiretime", 2, [.readonly, .fast], keys: .first, .generic, since: "7.0.0",
        "Get the expiration Unix timestamp for a key",
        syntax: "key",
        ExpiryCommands.expiretime),
    CommandSpec(
        "pexpiretime", 2, [.readonly, .fast], keys: .first, .generic, since: "7.0.0",
        "Get the expiration Unix timestamp for a key in milliseconds",
        syntax: "key",
        ExpiryCommands.pexpiretime),
    CommandSpec(
        "persist", 2, [.write, .fast], keys: .first, .generic, since: "2.2.0",
        "Remove the expiration from a key",
        syntax: "key",
        ExpiryCommands.persist),
]

private let walkRows: [CommandSpec] = [
    CommandSpec(
        "object", -2, [], .generic, since: "2.2.3",
        "A container for object introspection commands",
        complexity: "Depends on subcommand.",
        subcommands: objectSubcommands,
        Container.dispatch),
    CommandSpec(
        "scan", -2, [.readonly], .generic, since: "2.8.0",
        "Incrementally iterate the keys space",
        syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
        complexity: """
            O(1) for every call. O(N) for a complete iteration, including enough command calls \
            for the cursor to return back to 0. N is the number of elements inside the \
            collection.
            """,
        KeysCommands.scan),
    CommandSpec(
        "keys", 2, [.readonly], .generic, since: "1.0.0",
        "Find all keys matching the given pattern",
        syntax: "pattern",
        complexity: """
            O(N) with N being the number of keys in the database, under the assumption that the \
            key names in the database and the given pattern have limited length.
            """,
        categories: ["@dangerous"],
        KeysCommands.keys),
    CommandSpec(
        "randomkey", 1, [.readonly], .generic, since: "1.0.0",
        "Return a random key from the keyspace",
        KeysCommands.randomkey),
    CommandSpec(
        "sort", -2, [.write, .denyOOM, .movableKeys], keys: .first, .generic, since: "1.0.0",
        "Sort the elements in a list, set or sorted set",
        syntax: """
            key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] \
            [ALPHA] [STORE destination]
            """,
        complexity: """
            O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M \
            the number of returned elements. When the elements are not sorted, complexity is \
            O(N).
            """,
        categories: ["@set", "@sortedset", "@list", "@dangerous"],
        KeysCommands.sort),
    CommandSpec(
        "sort_ro", -2, [.readonly, .movableKeys], keys: .first, .generic, since: "7.0.0",
        "Sort the elements in a list, set or sorted set. Read-only variant of SORT.",
        syntax: """
            key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] \
            [ALPHA]
            """,
        complexity: """
            O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M \
            the number of returned elements. When the elements are not sorted, complexity is \
            O(N).
            """,
        categories: ["@set", "@sortedset", "@list", "@dangerous"],
        KeysCommands.sortReadOnly),
]

private let memoryRows: [CommandSpec] = [
    CommandSpec(
        "memory", -2, [], .server, since: "4.0.0",
        "A container for memory diagnostics commands",
        complexity: "Depends on subcommand.",
        subcommands: memorySubcommands,
        Container.dispatch)
]

private let objectSubcommands: [CommandSpec] = [
    CommandSpec(
        "idletime", 3, [.readonly], keys: .range(first: 2, last: 2, step: 1),
        .generic, since: "2.2.3",
        "Get the time since a Redis object was last accessed",
        syntax: "key",
        ObjectCommands.idletime),
    CommandSpec(
        "encoding", 3, [.readonly], keys: .range(first: 2, last: 2, step: 1),
        .generic, since: "2.2.3",
        "Inspect the internal encoding of a Redis object",
        syntax: "key",
        ObjectCommands.encoding),
    CommandSpec(
        "help", 2, [.loading, .stale], .generic, since: "6.2.0",
        "Show helpful text about the different subcommands",
        ObjectCommands.help),
    CommandSpec(
        "freq", 3, [.readonly], keys: .range(first: 2, last: 2, step: 1), .generic, since: "4.0.0",
        "Get the logarithmic access frequency counter of a Redis object",
        syntax: "key",
        ObjectCommands.freq),
    CommandSpec(
        "refcount", 3, [.readonly], keys: .range(first: 2, last: 2, step: 1),
        .generic, since: "2.2.3",
        "Get the number of references to the value of the key",
        syntax: "key",
        ObjectCommands.refcount),
]

private let memorySubcommands: [CommandSpec] = [
    CommandSpec(
        "purge", 2, [], .server, since: "4.0.0",
        "Ask the allocator to release memory",
        complexity: "Depends on how much memory is allocated, could be slow",
        MemoryCommands.purge),
    CommandSpec(
        "help", 2, [.loading, .stale], .server, since: "4.0.0",
        "Show helpful text about the different subcommands",
        MemoryCommands.help),
    CommandSpec(
        "doctor", 2, [], .server, since: "4.0.0",
        "Outputs memory problems report",
        MemoryCommands.doctor),
    CommandSpec(
        "usage", -3, [.readonly], keys: .range(first: 2, last: 2, step: 1), .server, since: "4.0.0",
        "Estimate the memory usage of a key",
        syntax: "key [SAMPLES count]",
        complexity: "O(N) where N is the number of samples.",
        MemoryCommands.usage),
    CommandSpec(
        "malloc-stats", 2, [], .server, since: "4.0.0",
        "Show allocator internal stats",
        complexity: "Depends on how much memory is allocated, could be slow",
        MemoryCommands.mallocStats),
    CommandSpec(
        "stats", 2, [], .server, since: "4.0.0",
        "Show memory usage details",
        MemoryCommands.stats),
]
