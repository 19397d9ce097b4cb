// AUTH and HELLO. There is one user, `default`, whose password is `requirepass`.

enum Authentication {
    private static let defaultUser: StaticString = "default"
    private static let wrongPassword = CommandError.message(
        "WRONGPASS invalid username-password pair or user is disabled.")

    static func auth(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard args.count <= 3 else { throw .syntax }
        if args.count == 2 {
            guard engine.needsAuthentication else {
                throw .message(
                    """
                    ERR AUTH <password> called without any password configured for the default \
                    user. Are you sure your configuration is correct?
                    """)
            }
            try check(engine, client, user: defaultUser.bytes, password: args[1], args[0])
        } else {
            try check(engine, client, user: args[1], password: args[2], args[0])
        }
        client.reply.ok()
    }

    /// Authenticates the client or throws.
    private static func check(
        _ engine: Engine, _ client: Client, user: Bytes, password: Bytes, _ command: Bytes
    ) throws(CommandError) {
        let wanted = engine.configuration.requirePass
        guard user.equals("default"), wanted.isEmpty || matches(password, wanted) else {
            engine.server.aclLog.add(
                object: command.text.lowercased(), user: user.prefixText(64), engine, client,
                lengthMax: engine.configuration.aclLogLengthMax)
            throw wrongPassword
        }
        client.isAuthenticated = true
    }

    /// Comparison whose time does not tell how much was right.
    private static func matches(_ password: Bytes, _ wanted: String) -> Bool {
        let wanted = Array(wanted.utf8)
        var difference = password.count ^ wanted.count
        for (index, byte) in password.enumerated() {
            difference |= Int(byte ^ (wanted.isEmpty ? 0 : wanted[index % wanted.count]))
        }
        return difference == 0
    }

    static func hello(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        var version: Int?
        if args.count > 1 {
            let number = try args.integer(
                1, in: Int64.min...Int64.max,
                else: "ERR Protocol version is not an integer or out of range")
            guard number == 2 || number == 3 else {
                throw .message("NOPROTO unsupported protocol version")
            }
            version = Int(number)
        }
        var credentials: (user: Bytes, password: Bytes)?
        var name: String?
        var index = 2
        while index < args.count {
            let rest = args.count - index - 1
            if args[index].equalsIgnoringCase("auth"), rest >= 2 {
                credentials = (args[index + 1], args[index + 2])
                index += 3
            } else if args[index].equalsIgnoringCase("setname"), rest >= 1 {
                name = try ClientCommands.validated(name: args[index + 1])
                index += 2
            } else {
                throw .quoting("ERR Syntax error in HELLO option '\(args[index])'")
            }
        }
        if let (user, password) = credentials {
            try check(engine, client, user: user, password: password, args[0])
        }
        guard client.isAuthenticated || !engine.needsAuthentication else {
            throw .message(
                """
                NOAUTH HELLO must be called with the client already authenticated, otherwise the \
                HELLO AUTH <user> <pass> option can be used to authenticate the client and \
                select the RESP protocol version at the same time
                """)
        }
        if let name { client.name = name }
        if let version { client.reply.version = version }
        client.reply.map(7)
        client.reply.bulk("server")
        client.reply.bulk("redis")
        client.reply.bulk("version")
        client.reply.bulk(Version.redis)
        client.reply.bulk("proto")
        client.reply.integer(client.reply.version)
        client.reply.bulk("id")
        client.reply.integer(client.id)
        client.reply.bulk("mode")
        client.reply.bulk("standalone")
        client.reply.bulk("role")
        client.reply.bulk("master")
        client.reply.bulk("modules")
        client.reply.emptyArray()
    }
}
