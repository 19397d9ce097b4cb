// What a command answers when it cannot do what it was asked: Redis's own texts.

package enum CommandError: Error {
    /// The whole line after the dash, prefix included.
    case message(StaticString)
    /// The same, made at run time.
    case text(String)

    static let wrongType = CommandError.message(
        "WRONGTYPE Operation against a key holding the wrong kind of value")
    static let syntax = CommandError.message("ERR syntax error")
    static let notAnInteger = CommandError.message(
        "ERR value is not an integer or out of range")
    static let notAFloat = CommandError.message("ERR value is not a valid float")
    static let outOfRange = CommandError.message("ERR index out of range")
    static let noSuchKey = CommandError.message("ERR no such key")
    static let overflow = CommandError.message("ERR increment or decrement would overflow")
    static let outOfMemory = CommandError.message(
        "OOM command not allowed when used memory > 'maxmemory'.")
    static let stringTooLong = CommandError.message(
        "ERR string exceeds maximum allowed size (proto-max-bulk-len)")
    static let damagedRecord = CommandError.message(
        """
        ERR a record of the cold tier that the command needs cannot be read (see INFO tiering); \
        DEL removes the key
        """)

    /// The line without "ERR ", as it is quoted within another error.
    var textWithoutGenericCode: String {
        let line: String
        switch self {
        case .message(let text): line = text.description
        case .text(let text): line = text
        }
        return line.hasPrefix("ERR ") ? String(line.dropFirst(4)) : line
    }

    static func wrongArity(_ name: String) -> CommandError {
        .text("ERR wrong number of arguments for '\(name)' command")
    }

    static func invalidExpireTime(_ name: StaticString) -> CommandError {
        .text("ERR invalid expire time in '\(name)' command")
    }

    static func unknownSubcommand(_ sub: Bytes, _ command: StaticString) -> CommandError {
        .text("ERR unknown subcommand '\(sub.prefixText(128))'. Try \(command) HELP.")
    }
}

extension UnsafeRawBufferPointer {
    /// The first bytes as text, for error messages.
    func prefixText(_ limit: Int) -> String { slice(0, Swift.min(limit, count)).text }
}
