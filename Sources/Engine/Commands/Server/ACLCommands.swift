// ACL, for one user: `default`, who may do everything and whose password is `requirepass`.

/// Refused authentications: ACL LOG.
struct ACLLog {
    struct Entry {
        var count: Int
        let object: String
        let user: String
        var atMs: Int64
        var client: String
    }

    private static let mergeMs: Int64 = 60_000

    /// Newest first.
    private(set) var entries: [Entry] = []

    mutating func add(
        object: String, user: String, _ engine: Engine, _ client: Client, lengthMax: Int
    ) {
        let line = client.line(engine)
        if let index = entries.firstIndex(where: {
            $0.object == object && $0.user == user && engine.nowMs - $0.atMs <= ACLLog.mergeMs
        }) {
            var entry = entries.remove(at: index)
            entry.count += 1
            entry.atMs = engine.nowMs
            entry.client = line
            entries.insert(entry, at: 0)
        } else {
            entries.insert(
                Entry(count: 1, object: object, user: user, atMs: engine.nowMs, client: line),
                at: 0)
        }
        if entries.count > lengthMax { entries.removeLast(entries.count - lengthMax) }
    }

    mutating func reset() { entries.removeAll() }
}

enum ACLCommands {
    private static func passwordHash(_ engine: Engine) -> String? {
        let password = Array(engine.configuration.requirePass.utf8)
        if password.isEmpty { return nil }
        return Hex.text(password.withUnsafeBytes { SHA256.hash($0) })
    }

    static func whoami(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.bulk("default")
    }

    static func users(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.array(1)
        client.reply.bulk("default")
    }

    static func list(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let password = passwordHash(engine).map { "#" + $0 } ?? "nopass"
        client.reply.array(1)
        client.reply.bulk("user default on \(password) ~* &* +@all")
    }

    static func getuser(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard args[2].equals("default") else { return client.reply.null() }
        let hash = passwordHash(engine)
        client.reply.map(6)
        client.reply.bulk("flags")
        client.reply.set(hash == nil ? 2 : 1)
        client.reply.bulk("on")
        if hash == nil { client.reply.bulk("nopass") }
        client.reply.bulk("passwords")
        client.reply.array(hash == nil ? 0 : 1)
        if let hash { client.reply.bulk(hash) }
        client.reply.bulk("commands")
        client.reply.bulk("+@all")
        client.reply.bulk("keys")
        client.reply.bulk("~*")
        client.reply.bulk("channels")
        client.reply.bulk("&*")
        client.reply.bulk("selectors")
        client.reply.emptyArray()
    }

    static func cat(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard args.count <= 3 else { throw .wrongSubcommand(args) }
        if args.count == 2 {
            client.reply.array(CommandCategories.all.count)
            for name in CommandCategories.all { client.reply.bulk(name) }
            return
        }
        guard CommandCategories.isKnown(args[2]) else {
            throw .quoting("ERR Unknown category '\(args[2])'")
        }
        let name = args[2].text.lowercased()
        let commands = engine.commands.named.filter { $0.spec.categoryNames.contains(name) }
        client.reply.array(commands.count)
        for command in commands { client.reply.bulk(command.name) }
    }

    static func genpass(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard args.count <= 3 else { throw .wrongSubcommand(args) }
        let bits = args.count == 3 ? try args.integer(2) : 256
        guard (1...4096).contains(bits) else {
            throw .message(
                """
                ERR ACL GENPASS argument must be the number of bits for the output password, a \
                positive number up to 4096
                """)
        }
        let digits = (Int(bits) + 3) / 4
        var bytes = [UInt8](repeating: 0, count: (digits + 1) / 2)
        // The system's generator, whatever the engine's is: this is a secret.
        var source = SystemRandomNumberGenerator()
        for index in bytes.indices { bytes[index] = UInt8.random(in: 0...255, using: &source) }
        client.reply.bulk(String(Hex.text(bytes).prefix(digits)))
    }

    static func dryrun(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard args[2].equals("default") else {
            throw .quoting("ERR User '\(args[2])' not found")
        }
        let inner = args.dropFirst(3)
        guard let found = engine.commands.resolve(inner) else {
            throw .quoting("ERR Command '\(inner[0])' not found")
        }
        let arity = found.spec.arity
        guard arity > 0 ? inner.count == arity : inner.count >= -arity else {
            throw .wrongArity(found.name)
        }
        client.reply.ok()
    }

    static func setuser(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        throw .message(
            """
            ERR ACL SETUSER is not supported: there is only the user 'default', whose password \
            is the setting 'requirepass'
            """)
    }

    static func deluser(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        for index in 2..<args.count where args[index].equals("default") {
            throw .message("ERR The 'default' user cannot be removed")
        }
        client.reply.integer(0)
    }

    private static let noFile = CommandError.message(
        """
        ERR This Redis instance is not configured to use an ACL file. You may want to specify \
        users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a \
        Redis configuration file set) in order to store users in the Redis configuration.
        """)

    static func load(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        throw noFile
    }

    static func save(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        throw noFile
    }

    static func log(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard args.count <= 3 else { throw .wrongSubcommand(args) }
        var wanted = 10
        if args.count == 3 {
            if args[2].equalsIgnoringCase("reset") {
                engine.server.aclLog.reset()
                return client.reply.ok()
            }
            wanted = Int(Swift.max(try args.integer(2), 0))
        }
        let entries = engine.server.aclLog.entries.prefix(wanted)
        client.reply.array(entries.count)
        for entry in entries {
            client.reply.map(7)
            client.reply.bulk("count")
            client.reply.integer(entry.count)
            client.reply.bulk("reason")
            client.reply.bulk("auth")
            client.reply.bulk("context")
            client.reply.bulk("toplevel")
            client.reply.bulk("object")
            client.reply.bulk(entry.object)
            client.reply.bulk("username")
            client.reply.bulk(entry.user)
            client.reply.bulk("age-seconds")
            client.reply.double(Double(Swift.max(engine.nowMs - entry.atMs, 0)) / 1000)
            client.reply.bulk("client-info")
            client.reply.bulk(entry.client)
        }
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help(
            "ACL",
            [
                "CAT [<category>]",
                "    List all commands that belong to <category>, or all command categories",
                "    when no category is specified.",
                "DELUSER <username> [<username> ...]",
                "    Delete a list of users.",
                "DRYRUN <username> <command> [<arg> ...]",
                "    Returns whether the user can execute the given command without executing the "
                    + "command.",
                "GETUSER <username>",
                "    Get the user's details.",
                "GENPASS [<bits>]",
                "    Generate a secure 256-bit user password. The optional `bits` argument can",
                "    be used to specify a different size.",
                "LIST",
                "    Show users details in config file format.",
                "LOAD",
                "    Reload users from the ACL file.",
                "LOG [<count> | RESET]",
                "    Show the ACL log entries.",
                "SAVE",
                "    Save the current config to the ACL file.",
                "SETUSER <username> <attribute> [<attribute> ...]",
                "    Create or modify a user with the specified attributes.",
                "USERS",
                "    List all the registered usernames.",
                "WHOAMI",
                "    Return the current connection username.",
            ])
    }
}
