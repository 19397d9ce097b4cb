// ROLE, WAIT and the commands of replication and of cluster mode, neither of which Firn has
// yet: a master without replicas says so truthfully, and what would need them is refused clearly.

enum ReplicationCommands {
    private static let unsupported = CommandError.message(
        "ERR Replication is not supported by this server")

    static func role(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.array(3)
        client.reply.bulk("master")
        client.reply.integer(Int64(clamping: engine.currentLSN))
        client.reply.emptyArray()
    }

    static func replicaof(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if args[1].equalsIgnoringCase("no"), args[2].equalsIgnoringCase("one") {
            return client.reply.ok()
        }
        guard let port = Numbers.parseInt64(args[2]), (0...65535).contains(port) else {
            throw .message("ERR Invalid master port")
        }
        throw unsupported
    }

    static func failover(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if args.count == 2, args[1].equalsIgnoringCase("abort") {
            throw .message("ERR No failover in progress.")
        }
        throw .message("ERR FAILOVER requires connected replicas.")
    }

    static func psync(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        throw unsupported
    }

    static func sync(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        throw unsupported
    }

    static func replconf(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard args.count % 2 == 1 else { throw .syntax }
        throw unsupported
    }

    /// There are no replicas: who waits for one waits until the time is up.
    static func wait(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let replicaCount = try args.integer(1)
        let deadline = Arguments.deadline(try args.timeoutMilliseconds(2), engine)
        guard replicaCount > 0, engine.mayBlock(client) else { return client.reply.integer(0) }
        engine.block(
            client, args, on: [], until: deadline,
            BlockedRequest(type: .string, timeoutReply: .zero) { _, _, _ in false })
    }
}

enum ClusterCommands {
    private static let disabled = CommandError.message(
        "ERR This instance has cluster support disabled")

    static func cluster(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        throw disabled
    }

    static func readonly(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        throw disabled
    }

    static func readwrite(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        throw disabled
    }

    static func asking(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        throw disabled
    }
}

enum ModuleCommands {
    private static let refused = CommandError.message(
        "ERR MODULE command not allowed: this server does not load Redis modules.")

    static func list(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.emptyArray()
    }

    static func load(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        throw refused
    }

    static func loadex(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        throw refused
    }

    static func unload(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        throw refused
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help("MODULE", ["LIST", "    Return a list of loaded modules."])
    }
}
