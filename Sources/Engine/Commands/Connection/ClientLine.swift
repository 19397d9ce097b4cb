// A client as CLIENT LIST, CLIENT INFO and ACL LOG describe it: one line of name=value fields.

/// The kinds of clients that CLIENT LIST TYPE and CLIENT KILL TYPE know.
enum ClientKind: String {
    case normal, master, replica, pubsub

    init?(_ word: Bytes) {
        switch word.text.lowercased() {
        case "normal": self = .normal
        case "master": self = .master
        case "replica", "slave": self = .replica
        case "pubsub": self = .pubsub
        default: return nil
        }
    }
}

extension Client {
    var kind: ClientKind { subscriptionCount > 0 && !isMonitor ? .pubsub : .normal }

    /// Whether the client is on this machine.
    var isLocal: Bool {
        guard let address = connection?.peerAddress else { return true }
        return address.hasPrefix("127.") || address.hasPrefix("[::1]") || address.hasPrefix("::1")
            || address.hasPrefix("/") || address.hasPrefix("unix:")
    }

    private var flagLetters: String {
        var flags = ""
        if isMonitor { flags += "O" }
        if subscriptionCount > 0 { flags += "P" }
        if transaction != nil { flags += "x" }
        if isBlocked || isPostponed { flags += "b" }
        if watchIsBroken { flags += "d" }
        if closesAfterReply { flags += "c" }
        if connection?.peerAddress.hasPrefix("/") == true { flags += "U" }
        if isNotEvicted { flags += "e" }
        return flags.isEmpty ? "N" : flags
    }

    /// Bytes of this session: buffers and queued commands.
    var memoryBytes: Int {
        reply.capacityBytes + (connection?.inputBytes ?? 0) + (connection?.outputBytes ?? 0)
            + (transaction?.byteCount ?? 0) + 512
    }

    func line(_ engine: Engine) -> String {
        var command = "NULL"
        if lastCommand >= 0 {
            let spec = engine.commands[lastCommand]
            command = spec.pointee.name.description
            if let sub = lastSubcommand, sub.container == lastCommand {
                command += "|\(spec.pointee.subcommands[sub.place].name)"
            }
        }
        let output = connection?.outputBytes ?? 0
        let fields: [(String, String)] = [
            ("id", "\(id)"), ("addr", connection?.peerAddress ?? "?:0"),
            ("laddr", connection?.localAddress ?? "?:0"), ("fd", "\(connection?.descriptor ?? -1)"),
            ("name", name), ("age", "\(Swift.max(engine.nowMs - createdMs, 0) / 1000)"),
            ("idle", "\(Swift.max(engine.nowMs - lastRequestMs, 0) / 1000)"),
            ("flags", flagLetters), ("db", "\(database)"), ("sub", "\(channels.count)"),
            ("psub", "\(patterns.count)"), ("ssub", "0"),
            ("multi", "\(transaction?.commands.count ?? -1)"),
            ("qbuf", "\(connection?.inputBytes ?? 0)"), ("qbuf-free", "0"), ("argv-mem", "0"),
            ("multi-mem", "\(transaction?.byteCount ?? 0)"), ("rbs", "\(reply.capacityBytes)"),
            ("rbp", "\(reply.capacityBytes)"), ("obl", "0"), ("oll", output > 0 ? "1" : "0"),
            ("omem", "\(output)"), ("tot-mem", "\(memoryBytes)"),
            ("events", output > 0 ? "rw" : "r"), ("cmd", command), ("user", "default"),
            ("redir", "-1"), ("resp", "\(reply.version)"),
        ]
        var text = fields.map { "\($0)=\($1)" }.joined(separator: " ")
        if !libraryName.isEmpty { text += " lib-name=\(libraryName)" }
        if !libraryVersion.isEmpty { text += " lib-ver=\(libraryVersion)" }
        return text
    }
}
