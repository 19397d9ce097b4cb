// SLOWLOG: the requests that took longest to execute, newest first, and SLOWLOG itself.
//
// Arguments are kept shortened, so that the log's size is bounded whatever is sent; secrets are
// not kept at all.

struct SlowLog {
    struct Entry {
        let id: Int64
        let unixSeconds: Int64
        let microseconds: Int64
        let arguments: [[UInt8]]
        let address: String
        let name: String
    }

    private static let argumentsMax = 32
    private static let argumentBytesMax = 128

    /// Oldest first.
    private(set) var entries: [Entry] = []
    private var nextID: Int64 = 0

    /// O(length of the log) when it is full.
    mutating func add(
        _ arguments: Arguments, _ microseconds: Int64, _ nowMs: Int64, _ client: Client,
        lengthMax: Int
    ) {
        entries.append(
            Entry(
                id: nextID, unixSeconds: nowMs / 1000, microseconds: microseconds,
                arguments: SlowLog.shortened(arguments),
                address: client.connection?.peerAddress ?? "?:0", name: client.name))
        nextID += 1
        if entries.count > lengthMax {
            entries.removeFirst(entries.count - Swift.max(lengthMax, 0))
        }
    }

    mutating func reset() { entries.removeAll() }

    private static func shortened(_ arguments: Arguments) -> [[UInt8]] {
        let kept = Swift.min(arguments.count, argumentsMax)
        return (0..<kept).map { index in
            if kept < arguments.count, index == kept - 1 {
                return Array("... (\(arguments.count - kept + 1) more arguments)".utf8)
            }
            if Redaction.isSecret(arguments, index) { return Array("(redacted)".utf8) }
            let bytes = arguments[index]
            if bytes.count <= argumentBytesMax { return Array(bytes) }
            let rest = bytes.count - argumentBytesMax
            return Array(bytes.slice(0, argumentBytesMax)) + Array("... (\(rest) more bytes)".utf8)
        }
    }
}

/// Arguments that no log and no monitor may show.
enum Redaction {
    static func isSecret(_ arguments: Arguments, _ index: Int) -> Bool {
        if index == 0 { return false }
        let name = arguments[0]
        if name.equalsIgnoringCase("auth") { return true }
        if name.equalsIgnoringCase("hello") {
            return (1...2).contains { back in
                index - back >= 2 && arguments[index - back].equalsIgnoringCase("auth")
            }
        }
        if name.equalsIgnoringCase("config"), arguments.count > 3,
            arguments[1].equalsIgnoringCase("set"), index >= 3, index % 2 == 1
        {
            return Directive.named(arguments[index - 1].text)?.flags.contains(.sensitive) ?? false
        }
        if name.equalsIgnoringCase("acl"), arguments.count > 1,
            arguments[1].equalsIgnoringCase("setuser")
        {
            return index >= 2
        }
        return false
    }
}

enum SlowLogCommands {
    static func get(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard args.count <= 3 else { throw .wrongSubcommand(args) }
        var wanted = 10
        if args.count == 3 {
            let count = try args.integer(
                2, in: -1...Int64(Int32.max),
                else: "ERR count should be greater than or equal to -1")
            wanted = count < 0 ? .max : Int(count)
        }
        let entries = engine.server.slowLog.entries.suffix(wanted).reversed()
        client.reply.array(entries.count)
        for entry in entries {
            client.reply.array(6)
            client.reply.integer(entry.id)
            client.reply.integer(entry.unixSeconds)
            client.reply.integer(entry.microseconds)
            client.reply.array(entry.arguments.count)
            for argument in entry.arguments {
                argument.withUnsafeBytes { client.reply.bulk($0) }
            }
            client.reply.bulk(entry.address)
            client.reply.bulk(entry.name)
        }
    }

    static func len(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.integer(engine.server.slowLog.entries.count)
    }

    static func reset(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        engine.server.slowLog.reset()
        client.reply.ok()
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help(
            "SLOWLOG",
            [
                "GET [<count>]",
                "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
                "    Entries are made of:",
                "    id, timestamp, time in microseconds, arguments array, client IP and port,",
                "    client name",
                "LEN",
                "    Return the length of the slowlog.",
                "RESET",
                "    Reset the slowlog.",
            ])
    }
}
