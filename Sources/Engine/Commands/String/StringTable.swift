// The rows of the string commands; texts and flags are those of Redis 7.0, for newer commands those
// of the version that brought them.

let stringCommands: [CommandSpec] = [
    CommandSpec(
        "get", 2, [.readonly, .fast], keys: .first, .string, since: "1.0.0",
        "Get the value of a key",
        syntax: "key",
        StringCommands.get),
    CommandSpec(
        "set", -3, [.write, .denyOOM], keys: .first, .string, since: "1.0.0",
        "Set the string value of a key",
        syntax: """
            key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE \
            ifdne-digest] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
            PXAT unix-time-milliseconds | KEEPTTL]
            """,
        StringCommands.set),
    CommandSpec(
        "setnx", 3, [.write, .denyOOM, .fast], keys: .first, .string, since: "1.0.0",
        "Set the value of a key, only if the key does not exist",
        syntax: "key value",
        StringCommands.setnx),
    CommandSpec(
        "setex", 4, [.write, .denyOOM], keys: .first, .string, since: "2.0.0",
        "Set the value and expiration of a key",
        syntax: "key seconds value",
        StringCommands.setex),
    CommandSpec(
        "psetex", 4, [.write, .denyOOM], keys: .first, .string, since: "2.6.0",
        "Set the value and expiration in milliseconds of a key",
        syntax: "key milliseconds value",
        StringCommands.psetex),
    CommandSpec(
        "getset", 3, [.write, .denyOOM, .fast], keys: .first, .string, since: "1.0.0",
        "Set the string value of a key and return its old value",
        syntax: "key value",
        StringCommands.getset),
    CommandSpec(
        "getdel", 2, [.write, .fast], keys: .first, .string, since: "6.2.0",
        "Get the value of a key and delete the key",
        syntax: "key",
        StringCommands.getdel),
    CommandSpec(
        "getex", -2, [.write, .fast], keys: .first, .string, since: "6.2.0",
        "Get the value of a key and optionally set its expiration",
        syntax: """
            key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT \
            unix-time-milliseconds | PERSIST]
            """,
        StringCommands.getex),
    CommandSpec(
        "append", 3, [.write, .denyOOM, .fast], keys: .first, .string, since: "2.0.0",
        "Append a value to a key",
        syntax: "key value",
        complexity: """
            O(1). The amortized time complexity is O(1) assuming the appended value is small and \
            the already present value is of any size, since the dynamic string library used by \
            Redis will double the free space available on every reallocation.
            """,
        StringCommands.append),
    CommandSpec(
        "strlen", 2, [.readonly, .fast], keys: .first, .string, since: "2.2.0",
        "Get the length of the value stored in a key",
        syntax: "key",
        StringCommands.strlen),
    CommandSpec(
        "setrange", 4, [.write, .denyOOM], keys: .first, .string, since: "2.2.0",
        "Overwrite part of a string at key starting at the specified offset",
        syntax: "key offset value",
        complexity: """
            O(1), not counting the time taken to copy the new string in place. Usually, this \
            string is very small so the amortized complexity is O(1). Otherwise, complexity is \
            O(M) with M being the length of the value argument.
            """,
        StringCommands.setrange),
    CommandSpec(
        "getrange", 4, [.readonly], keys: .first, .string, since: "2.4.0",
        "Get a substring of the string stored at a key",
        syntax: "key start end",
        complexity: """
            O(N) where N is the length of the returned string. The complexity is ultimately \
            determined by the returned length, but because creating a substring from an existing \
            string is very cheap, it can be considered O(1) for small strings.
            """,
        StringCommands.getrange),
    CommandSpec(
        "substr", 4, [.readonly], keys: .first, .string, since: "1.0.0",
        "Get a substring of the string stored at a key",
        syntax: "key start end",
        complexity: """
            O(N) where N is the length of the returned string. The complexity is ultimately \
            determined by the returned length, but because creating a substring from an existing \
            string is very cheap, it can be considered O(1) for small strings.
            """,
        StringCommands.getrange),
    CommandSpec(
        "incr", 2, [.write, .denyOOM, .fast], keys: .first, .string, since: "1.0.0",
        "Increment the integer value of a key by one",
        syntax: "key",
        StringCommands.incr),
    CommandSpec(
        "decr", 2, [.write, .denyOOM, .fast], keys: .first, .string, since: "1.0.0",
        "Decrement the integer value of a key by one",
        syntax: "key",
        StringCommands.decr),
    CommandSpec(
        "incrby", 3, [.write, .denyOOM, .fast], keys: .first, .string, since: "1.0.0",
        "Increment the integer value of a key by the given amount",
        syntax: "key increment",
        StringCommands.incrby),
    CommandSpec(
        "decrby", 3, [.write, .denyOOM, .fast], keys: .first, .string, since: "1.0.0",
        "Decrement the integer value of a key by the given number",
        syntax: "key decrement",
        StringCommands.decrby),
    CommandSpec(
        "incrbyfloat", 3, [.write, .denyOOM, .fast], keys: .first, .string, since: "2.6.0",
        "Increment the float value of a key by the given amount",
        syntax: "key increment",
        StringCommands.incrbyfloat),
    CommandSpec(
        "mget", -2, [.readonly, .fast], keys: .all, .string, since: "1.0.0",
        "Get the values of all the given keys",
        syntax: "key [key ...]",
        complexity: "O(N) where N is the number of keys to retrieve.",
        StringCommands.mget),
    CommandSpec(
        "mset", -3, [.write, .denyOOM], keys: .range(first: 1, last: -1, step: 2),
        .string, since: "1.0.1",
        "Set multiple keys to multiple values",
        syntax: "key value [key value ...]",
        complexity: "O(N) where N is the number of keys to set.",
        StringCommands.mset),
    CommandSpec(
        "msetnx", -3, [.write, .denyOOM], keys: .range(first: 1, last: -1, step: 2),
        .string, since: "1.0.1",
        "Set multiple keys to multiple values, only if none of the keys exist",
        syntax: "key value [key value ...]",
        complexity: "O(N) where N is the number of keys to set.",
        StringCommands.msetnx),
    CommandSpec(
        "lcs", -3, [.readonly], keys: .firstTwo, .string, since: "7.0.0",
        "Find longest common substring",
        syntax: "key1 key2 [LEN] [IDX] [MINMATCHLEN len] [WITHMATCHLEN]",
        complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
        StringCommands.lcs),
    CommandSpec(
        "digest", 2, [.readonly, .fast], keys: .first, .string, since: "8.4.0",
        "Returns the XXH3 hash of a string value.",
        syntax: "key",
        complexity: "O(N) where N is the length of the string value.",
        StringCommands.digest),
    CommandSpec(
        "delex", -2, [.write, .fast], keys: .first, .string, since: "8.4.0",
        "Conditionally removes the specified key based on value or digest comparison.",
        syntax: """
            key [IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest]
            """,
        complexity: """
            O(1) for IFEQ/IFNE, O(N) for IFDEQ/IFDNE where N is the length of the string value.
            """,
        StringCommands.delex),
    CommandSpec(
        "delifeq", 3, [.write, .fast], keys: .first, .string, since: "9.0.0",
        "Delete key if value matches string.",
        syntax: "key value",
        StringCommands.delifeq),
    CommandSpec(
        "msetex", -4, [.write, .denyOOM, .movableKeys], keys: StringCommands.pairedKeys, .string,
        since: "8.4.0",
        """
        Atomically sets multiple string keys with a shared expiration in a single operation.
        """,
        syntax: """
            numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT \
            unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]
            """,
        complexity: "O(N) where N is the number of keys to set.",
        StringCommands.msetex),
]
