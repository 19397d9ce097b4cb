// CLIENT TRACKING and its kin. Keys are not tracked: the state is always off, and asking for
// anything else is refused clearly, so that a client library falls back to not caching.

enum ClientTracking {
    static func tracking(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var index = 3
        while index < args.count {
            let option = args[index]
            if option.equalsIgnoringCase("redirect") || option.equalsIgnoringCase("prefix") {
                guard index + 1 < args.count else { throw .syntax }
                index += 2
            } else if option.equalsIgnoringCase("bcast") || option.equalsIgnoringCase("optin")
                || option.equalsIgnoringCase("optout") || option.equalsIgnoringCase("noloop")
            {
                index += 1
            } else {
                throw .syntax
            }
        }
        if args[2].equalsIgnoringCase("on") {
            throw .message("ERR Client side caching is not supported by this server")
        }
        guard args[2].equalsIgnoringCase("off") else { throw .syntax }
        client.reply.ok()
    }

    static func caching(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        throw .message(
            """
            ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
            or OPTOUT mode enabled
            """)
    }

    static func getredir(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(-1)
    }

    static func trackinginfo(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.map(3)
        client.reply.bulk("flags")
        client.reply.set(1)
        client.reply.bulk("off")
        client.reply.bulk("redirect")
        client.reply.integer(-1)
        client.reply.bulk("prefixes")
        client.reply.emptyArray()
    }
}
