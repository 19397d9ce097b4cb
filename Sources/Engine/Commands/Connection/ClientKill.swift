// CLIENT KILL: the old form names one address, the new one filters that all must match.

enum ClientKill {
    private struct Filter {
        var id: Int64?
        var kind: ClientKind?
        var address: String?
        var localAddress: String?
        var user: String?
        var sparesCaller = true

        func matches(_ client: Client, caller: Client) -> Bool {
            if sparesCaller, client === caller { return false }
            if let id, client.id != id { return false }
            if let kind, client.kind != kind { return false }
            if let address, client.connection?.peerAddress != address { return false }
            if let localAddress, client.connection?.localAddress != localAddress { return false }
            if let user, user != "default" { return false }
            return true
        }
    }

    static func kill(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        if args.count == 3 {
            let address = args[2].text
            guard
                let found = engine.clients.all.first(where: {
                    $0.connection?.peerAddress == address
                })
            else { throw .message("ERR No such client") }
            close(engine, found, caller: client)
            return client.reply.ok()
        }
        let filter = try filter(args)
        let victims = engine.clients.all.filter { filter.matches($0, caller: client) }
        for victim in victims { close(engine, victim, caller: client) }
        client.reply.integer(victims.count)
    }

    private static func filter(_ args: Arguments) throws(CommandError) -> Filter {
        var filter = Filter()
        var index = 2
        while index < args.count {
            guard index + 1 < args.count else { throw .syntax }
            let value = args[index + 1]
            if args[index].equalsIgnoringCase("id") {
                filter.id = try args.integer(
                    index + 1, in: 1...Int64.max,
                    else: "ERR client-id should be greater than 0")
            } else if args[index].equalsIgnoringCase("type") {
                guard let kind = ClientKind(value) else {
                    throw .quoting("ERR Unknown client type '\(value)'")
                }
                filter.kind = kind
            } else if args[index].equalsIgnoringCase("addr") {
                filter.address = value.text
            } else if args[index].equalsIgnoringCase("laddr") {
                filter.localAddress = value.text
            } else if args[index].equalsIgnoringCase("user") {
                guard value.equals("default") else {
                    throw .quoting("ERR No such user '\(value)'")
                }
                filter.user = "default"
            } else if args[index].equalsIgnoringCase("skipme") {
                if value.equalsIgnoringCase("yes") {
                    filter.sparesCaller = true
                } else if value.equalsIgnoringCase("no") {
                    filter.sparesCaller = false
                } else {
                    throw .syntax
                }
            } else {
                throw .syntax
            }
            index += 2
        }
        return filter
    }

    /// One's own connection closes after the reply. Another executes nothing more, whenever
    /// its event loop gets to closing it.
    private static func close(_ engine: Engine, _ client: Client, caller: Client) {
        engine.stopBlocking(client)
        client.closesAfterReply = true
        if client !== caller { client.connection?.close() }
    }
}
