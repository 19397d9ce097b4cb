// OBJECT: how a value is kept, and when it was last used. Asking is no use.

enum ObjectCommands {
    private static func entry(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) -> Entry? {
        let entry = engine.glance(engine.key(args[2], client), announcesMiss: false)
        if entry == nil { client.reply.null() }
        return entry
    }

    static func encoding(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = entry(engine, client, args) else { return }
        client.reply.bulk(entry.objectEncodingName)
    }

    static func refcount(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = entry(engine, client, args) else { return }
        client.reply.integer(entry.isSharedInRedis ? Int(Int32.max) : 1)
    }

    static func idletime(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = entry(engine, client, args) else { return }
        if engine.policyIsLFU {
            throw .message(
                """
                ERR An LFU maxmemory policy is selected, idle time not tracked. Please note \
                that when switching between policies at runtime LRU and LFU data will take \
                some time to adjust.
                """)
        }
        client.reply.integer(
            Int(Access.idleSeconds(entry.access, clock: engine.accessClock)))
    }

    static func freq(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = entry(engine, client, args) else { return }
        if !engine.policyIsLFU {
            throw .message(
                """
                ERR An LFU maxmemory policy is not selected, access frequency not tracked. \
                Please note that when switching between policies at runtime LRU and LFU data \
                will take some time to adjust.
                """)
        }
        client.reply.integer(Int(Access.decayedCounter(entry.access, engine)))
    }

    static func help(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.help(
            "OBJECT",
            [
                "ENCODING <key>",
                "    Return the kind of internal representation used in order to store the value",
                "    associated with a <key>.",
                "FREQ <key>",
                "    Return the access frequency index of the <key>. The returned integer is",
                "    proportional to the logarithm of the recent access frequency of the key.",
                "IDLETIME <key>",
                "    Return the idle time of the <key>, that is the approximated number of",
                "    seconds elapsed since the last access to the key.",
                "REFCOUNT <key>",
                "    Return the number of references of the value associated with the specified",
                "    <key>.",
            ])
    }
}
