// MONITOR: every command that is executed, shown to whoever asked for it.
//
// A command is shown after it has run, in the words of the request; administrative ones and
// secrets are not. Without monitors this costs one test of a flag a command.

enum Monitoring {
    static func monitor(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if client.isExecuting {
            throw .message("ERR MONITOR isn't allowed for DENY BLOCKING client")
        }
        client.reply.ok()
        if client.isMonitor { return }
        client.isMonitor = true
        engine.server.monitors.append(client)
        engine.hasMonitors = true
    }

    /// A request as one line: time, database, address, then each argument quoted.
    static func line(_ client: Client, _ arguments: Arguments, wallUs: Int64) -> String {
        let fraction = String(wallUs % 1_000_000)
        let padding = String(repeating: "0", count: 6 - fraction.utf8.count)
        var line = "\(wallUs / 1_000_000).\(padding)\(fraction) [\(client.database) "
        line += "\(client.connection?.peerAddress ?? "?:0")]"
        for index in 0..<arguments.count {
            if Redaction.isSecret(arguments, index) {
                line += " \"(redacted)\""
            } else {
                line += " "
                quote(arguments[index], into: &line)
            }
        }
        return line
    }

    /// Bytes between double quotes; what does not print is escaped as in C.
    static func quote(_ bytes: Bytes, into text: inout String) {
        text += "\""
        for byte in bytes {
            switch byte {
            case 0x22: text += "\\\""
            case 0x5C: text += "\\\\"
            case 0x0A: text += "\\n"
            case 0x0D: text += "\\r"
            case 0x09: text += "\\t"
            case 0x07: text += "\\a"
            case 0x08: text += "\\b"
            case 0x20...0x7E: text.unicodeScalars.append(UnicodeScalar(byte))
            default: text += "\\x" + Hex.text(CollectionOfOne(byte))
            }
        }
        text += "\""
    }
}

extension Engine {
    /// Shows an executed command to the monitors.
    @inline(never)
    func feedMonitors(_ client: Client, _ index: Int, _ arguments: Arguments) {
        if client.isReplay { return }
        var flags = commands[index].pointee.flags
        if let sub = client.lastSubcommand, sub.container == index, arguments.count > 1,
            !commands[index].pointee.subcommands.isEmpty
        {
            flags.formUnion(commands[index].pointee.subcommands[sub.place].flags)
        }
        if !flags.isDisjoint(with: [.admin, .skipMonitor]) { return }
        let line = Monitoring.line(client, arguments, wallUs: clock.wallUs())
        for monitor in server.monitors {
            monitor.reply.simple(line)
            if monitor !== client { monitor.connection?.wake() }
        }
    }

    func stopMonitoring(_ client: Client) {
        guard client.isMonitor else { return }
        client.isMonitor = false
        server.monitors.removeAll { $0 === client }
        hasMonitors = !server.monitors.isEmpty
    }
}
