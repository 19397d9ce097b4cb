// PING, ECHO, SELECT, QUIT, RESET.

enum ConnectionCommands {
    static func ping(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard args.count <= 2 else { throw .wrongArity("ping") }
        if client.subscriptionCount > 0, client.reply.version == 2 {
            client.reply.array(2)
            client.reply.bulk("pong")
            if args.count == 2 { client.reply.bulk(args[1]) } else { client.reply.bulk("") }
        } else if args.count == 2 {
            client.reply.bulk(args[1])
        } else {
            client.reply.simple("PONG")
        }
    }

    static func echo(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.bulk(args[1])
    }

    static func select(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.database = try args.databaseIndex(1, engine)
        client.reply.ok()
    }

    static func quit(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.ok()
        client.closesAfterReply = true
    }

    /// The session becomes what it was when the client connected.
    static func reset(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        Transactions.end(engine, client)
        engine.unsubscribeAll(client)
        engine.stopMonitoring(client)
        client.database = 0
        client.name = ""
        client.replyMode = .on
        client.isNotEvicted = false
        client.reply.version = 2
        client.isAuthenticated = !engine.needsAuthentication
        client.reply.simple("RESET")
    }
}
