// CLIENT: what a connection may know and set of itself, and what an administrator may of all.

enum ClientCommands {
    static func id(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.integer(client.id)
    }

    static func info(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.verbatim(client.line(engine) + "\n")
    }

    static func list(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        var shown: [Client]
        if args.count == 2 {
            shown = engine.clients.all
        } else if args.count == 4, args[2].equalsIgnoringCase("type") {
            guard let kind = ClientKind(args[3]) else {
                throw .quoting("ERR Unknown client type '\(args[3])'")
            }
            shown = engine.clients.all.filter { $0.kind == kind }
        } else if args.count > 3, args[2].equalsIgnoringCase("id") {
            shown = []
            for index in 3..<args.count {
                let id = try args.integer(
                    index, in: .min ... .max, else: "ERR Invalid client ID")
                if let found = engine.clients.byID[id] { shown.append(found) }
            }
        } else {
            throw .syntax
        }
        client.reply.verbatim(shown.map { $0.line(engine) + "\n" }.joined())
    }

    // MARK: Name and library

    /// A name without spaces and control characters.
    static func validated(name: Bytes) throws(CommandError) -> String {
        guard name.allSatisfy({ $0 >= 0x21 && $0 <= 0x7E }) else {
            throw .message(
                "ERR Client names cannot contain spaces, newlines or special characters.")
        }
        return name.text
    }

    static func getname(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if client.name.isEmpty { client.reply.null() } else { client.reply.bulk(client.name) }
    }

    static func setname(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.name = try validated(name: args[2])
        client.reply.ok()
    }

    static func setinfo(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let isName = args[2].equalsIgnoringCase("lib-name")
        guard isName || args[2].equalsIgnoringCase("lib-ver") else {
            throw .quoting("ERR Unrecognized option '\(args[2])'")
        }
        guard args[3].allSatisfy({ $0 >= 0x21 && $0 <= 0x7E }) else {
            throw .text(
                "ERR \(isName ? "lib-name" : "lib-ver") cannot contain spaces, newlines or "
                    + "special characters.")
        }
        if isName {
            client.libraryName = args[3].text
        } else {
            client.libraryVersion = args[3].text
        }
        client.reply.ok()
    }

    // MARK: Switches

    private static func isOn(_ word: Bytes) throws(CommandError) -> Bool {
        if word.equalsIgnoringCase("on") { return true }
        guard word.equalsIgnoringCase("off") else { throw .syntax }
        return false
    }

    static func noEvict(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.isNotEvicted = try isOn(args[2])
        client.reply.ok()
    }

    static func reply(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        if args[2].equalsIgnoringCase("on") {
            client.replyMode = .on
            client.reply.ok()
        } else if args[2].equalsIgnoringCase("off") {
            client.replyMode = .off
        } else if args[2].equalsIgnoringCase("skip") {
            switch client.replyMode {
            case .off: break
            case .skipping: client.replyMode = .skippingAgain
            case .on, .skippingAgain: client.replyMode = .skipping
            }
        } else {
            throw .syntax
        }
    }

    // MARK: Blocking and pausing

    static func unblock(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard args.count <= 4 else { throw .wrongSubcommand(args) }
        var withError = false
        if args.count == 4 {
            if args[3].equalsIgnoringCase("error") {
                withError = true
            } else if !args[3].equalsIgnoringCase("timeout") {
                throw .message("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
            }
        }
        let id = try args.integer(2)
        let isUnblocked =
            engine.clients.byID[id].map { engine.unblock($0, withError: withError) } ?? false
        client.reply.integer(isUnblocked ? 1 : 0)
    }

    static func pause(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard args.count <= 4 else { throw .wrongSubcommand(args) }
        var mode = PauseMode.all
        if args.count == 4 {
            if args[3].equalsIgnoringCase("write") {
                mode = .writes
            } else if !args[3].equalsIgnoringCase("all") {
                throw .message("ERR CLIENT PAUSE mode must be WRITE or ALL")
            }
        }
        guard let timeout = Numbers.parseInt64(args[2]) else {
            throw .message("ERR timeout is not an integer or out of range")
        }
        guard timeout >= 0 else { throw .message("ERR timeout is negative") }
        let (end, overflow) = engine.nowMs.addingReportingOverflow(timeout)
        guard !overflow else { throw .message("ERR timeout is out of range") }
        // A pause that is in force is never shortened, nor weakened.
        let isPaused = engine.server.pauseEndsMs > engine.nowMs
        engine.server.pauseEndsMs = isPaused ? Swift.max(engine.server.pauseEndsMs, end) : end
        if !isPaused || mode == .all { engine.server.pauseMode = mode }
        client.reply.ok()
    }

    static func unpause(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        engine.server.pauseEndsMs = 0
        client.reply.ok()
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help(
            "CLIENT",
            [
                "CACHING (YES|NO)",
                "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
                "GETREDIR",
                "    Return the client ID we are redirecting to when tracking is enabled.",
                "GETNAME",
                "    Return the name of the current connection.",
                "ID",
                "    Return the ID of the current connection.",
                "INFO",
                "    Return information about the current client connection.",
                "KILL <ip:port>",
                "    Kill connection made from <ip:port>.",
                "KILL <option> <value> [<option> <value> [...]]",
                "    Kill connections. Options are:",
                "    * ADDR (<ip:port>|<unixsocket>:0)",
                "      Kill connections made from the specified address",
                "    * LADDR (<ip:port>|<unixsocket>:0)",
                "      Kill connections made to specified local address",
                "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
                "      Kill connections by type.",
                "    * USER <username>",
                "      Kill connections authenticated by <username>.",
                "    * SKIPME (YES|NO)",
                "      Skip killing current connection (default: yes).",
                "LIST [options ...]",
                "    Return information about client connections. Options:",
                "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
                "      Return clients of specified type.",
                "UNPAUSE",
                "    Stop the current client pause, resuming traffic.",
                "PAUSE <timeout> [WRITE|ALL]",
                "    Suspend all, or just write, clients for <timeout> milliseconds.",
                "REPLY (ON|OFF|SKIP)",
                "    Control the replies sent to the current connection.",
                "SETNAME <name>",
                "    Assign the name <name> to the current connection.",
                "SETINFO (LIB-NAME|LIB-VER) <value>",
                "    Note the client library's name or version for CLIENT LIST.",
                "UNBLOCK <clientid> [TIMEOUT|ERROR]",
                "    Unblock the specified blocked client.",
                "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
                "         [OPTIN] [OPTOUT] [NOLOOP]",
                "    Control server assisted client side caching.",
                "TRACKINGINFO",
                "    Report tracking status for the current connection.",
                "NO-EVICT (ON|OFF)",
                "    Protect current client connection from eviction.",
            ])
    }
}
