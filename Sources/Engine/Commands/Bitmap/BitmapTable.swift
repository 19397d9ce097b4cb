// The rows of the commands on bits; texts and flags are those of Redis 7.0.

let bitmapCommands: [CommandSpec] = [
    CommandSpec(
        "setbit", 4, [.write, .denyOOM], keys: .first, .bitmap, since: "2.2.0",
        "Sets or clears the bit at offset in the string value stored at key",
        syntax: "key offset value",
        BitmapWrites.setbit),
    CommandSpec(
        "getbit", 3, [.readonly, .fast], keys: .first, .bitmap, since: "2.2.0",
        "Returns the bit value at offset in the string value stored at key",
        syntax: "key offset",
        BitmapReads.getbit),
    CommandSpec(
        "bitcount", -2, [.readonly], keys: .first, .bitmap, since: "2.6.0",
        "Count set bits in a string",
        syntax: "key [start end [BYTE | BIT]]",
        complexity: "O(N)",
        BitmapReads.bitcount),
    CommandSpec(
        "bitpos", -3, [.readonly], keys: .first, .bitmap, since: "2.8.7",
        "Find first bit set or clear in a string",
        syntax: "key bit [start [end [BYTE | BIT]]]",
        complexity: "O(N)",
        BitmapReads.bitpos),
    CommandSpec(
        "bitop", -4, [.write, .denyOOM], keys: .range(first: 2, last: -1, step: 1),
        .bitmap, since: "2.6.0",
        "Perform bitwise operations between strings",
        syntax: "operation destkey key [key ...]",
        complexity: "O(N)",
        BitmapWrites.bitop),
    CommandSpec(
        "bitfield", -2, [.write, .denyOOM], keys: .first, .bitmap, since: "3.2.0",
        "Perform arbitrary bitfield integer operations on strings",
        syntax: """
            key [<GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] <SET encoding offset value \
            | INCRBY encoding offset increment>> [<GET encoding offset | [OVERFLOW <WRAP | SAT | \
            FAIL>] <SET encoding offset value | INCRBY encoding offset increment>> ...]]
            """,
        complexity: "O(1) for each subcommand specified",
        BitFieldCommands.bitfield),
    CommandSpec(
        "bitfield_ro", -2, [.readonly, .fast], keys: .first, .bitmap, since: "6.0.0",
        "Perform arbitrary bitfield integer operations on strings. Read-only variant of BITFIELD",
        syntax: "key [GET encoding offset [GET encoding offset ...]]",
        complexity: "O(1) for each subcommand specified",
        BitFieldCommands.readOnly),
]
