// What a command answers when it cannot do what it was asked: Redis's own texts.

package enum CommandError: Error {
    /// The whole line after the dash, prefix included.
    case message(StaticString)
    /// The same, made at run time.
    case text(String)
    /// The same, with words of the client's in it.
    case quoting(QuotedText)

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

    static let notInTransaction = CommandError.message(
        "ERR Command not allowed inside a transaction")
    static let isLoading = CommandError.message("LOADING Redis is loading the dataset in memory")

    static func whileSubscribed(_ name: StaticString) -> CommandError {
        .text(
            "ERR Can't execute '\(name)': only (P|S)SUBSCRIBE / "
                + "(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context")
    }

    /// The line without "ERR ", as it is quoted within another error.
    var textWithoutGenericCode: String {
        let line: String
        switch self {
        case .message(let text): line = text.description
        case .text(let text): line = text
        case .quoting(let text): line = String(decoding: text.bytes, as: UTF8.self)
        }
        return line.hasPrefix("ERR ") ? String(line.dropFirst(4)) : line
    }

    static func wrongArity(_ name: String) -> CommandError {
        .text("ERR wrong number of arguments for '\(name)' command")
    }

    static func invalidExpireTime(_ name: StaticString) -> CommandError {
        .text("ERR invalid expire time in '\(name)' command")
    }

    /// For arguments that the subcommand's arity allows but nothing else does.
    static func wrongSubcommand(_ args: Arguments) -> CommandError {
        .quoting(
            """
            ERR unknown subcommand or wrong number of arguments for '\(args[1])'. \
            Try \(args[0].text.uppercased()) HELP.
            """)
    }

    static func unknownSubcommand(_ sub: Bytes, _ command: StaticString) -> CommandError {
        .quoting("ERR unknown subcommand '\(sub)'. Try \(command.description) HELP.")
    }
}

/// A line that quotes bytes of a client's as they are, text or not, the way Redis does with
/// `%.128s`: up to a zero byte, at most 128 of them.
package struct QuotedText: ExpressibleByStringInterpolation, Sendable {
    let bytes: [UInt8]

    package init(stringLiteral text: String) { bytes = Array(text.utf8) }
    package init(stringInterpolation parts: StringInterpolation) { bytes = parts.bytes }

    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var bytes: [UInt8] = []

        package init(literalCapacity: Int, interpolationCount: Int) {}

        package mutating func appendLiteral(_ text: String) { bytes += text.utf8 }

        package mutating func appendInterpolation(_ text: String) { bytes += text.utf8 }

        package mutating func appendInterpolation(_ quoted: Bytes, max: Int = 128) {
            bytes += quoted.prefix(max).prefix { $0 != 0 }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The first bytes as text, for error messages.
    func prefixText(_ limit: Int) -> String { slice(0, Swift.min(limit, count)).text }
}
