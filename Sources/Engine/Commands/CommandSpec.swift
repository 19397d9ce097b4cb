// The form of a command's row. COMMAND, COMMAND DOCS, ACL categories, the fetching of cold keys
// before a command runs, and the docs all derive from these rows.

package struct CommandFlags: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let write = CommandFlags(rawValue: 1 << 0)
    package static let readonly = CommandFlags(rawValue: 1 << 1)
    /// Refused when the memory budget is exhausted and nothing can be spilled.
    package static let denyOOM = CommandFlags(rawValue: 1 << 2)
    package static let admin = CommandFlags(rawValue: 1 << 3)
    package static let pubsub = CommandFlags(rawValue: 1 << 4)
    package static let noScript = CommandFlags(rawValue: 1 << 5)
    package static let blocking = CommandFlags(rawValue: 1 << 6)
    package static let loading = CommandFlags(rawValue: 1 << 7)
    package static let stale = CommandFlags(rawValue: 1 << 8)
    package static let skipMonitor = CommandFlags(rawValue: 1 << 9)
    package static let skipSlowlog = CommandFlags(rawValue: 1 << 10)
    package static let fast = CommandFlags(rawValue: 1 << 11)
    package static let noAuth = CommandFlags(rawValue: 1 << 12)
    package static let mayReplicate = CommandFlags(rawValue: 1 << 13)
    package static let noMulti = CommandFlags(rawValue: 1 << 14)
    package static let movableKeys = CommandFlags(rawValue: 1 << 15)
    package static let allowBusy = CommandFlags(rawValue: 1 << 16)
    /// The command never looks at the values of its keys (EXISTS-like work is not meant): no
    /// fetching before it runs.
    package static let noFetch = CommandFlags(rawValue: 1 << 17)
    package static let noAsyncLoading = CommandFlags(rawValue: 1 << 18)
    package static let asking = CommandFlags(rawValue: 1 << 19)
    package static let noMandatoryKeys = CommandFlags(rawValue: 1 << 20)
}

package enum CommandGroup: String, Sendable {
    case string, list, set
    case sortedSet = "sorted-set"
    case hash, generic, connection, server
    case transactions, pubsub, scripting, stream, geo, hyperloglog, bitmap, cluster
    /// Firn's own: TIER and ARCHIVE.
    case tier
}

/// Where a command's keys stand among its arguments.
package enum KeyPositions: Sendable {
    case none
    /// First, last (negative: from the end) and step, as COMMAND reports them.
    case range(first: Int, last: Int, step: Int)
    /// A count of keys at this position, the keys behind it; optionally a destination key.
    case counted(at: Int, destination: Int?)
    /// A count at `at`; like `.counted`, for commands whose keyword search differs.
    case custom(@Sendable (Arguments) -> [Int])

    package static let first = KeyPositions.range(first: 1, last: 1, step: 1)
    package static let all = KeyPositions.range(first: 1, last: -1, step: 1)
    package static let firstTwo = KeyPositions.range(first: 1, last: 2, step: 1)

    /// Calls `body` with the position of each key. Arguments come from outside: a count that
    /// makes no sense yields no keys.
    func forEach(_ arguments: Arguments, _ body: (Int) -> Void) {
        switch self {
        case .none: return
        case .range(let first, let last, let step):
            let end = last < 0 ? arguments.count + last : Swift.min(last, arguments.count - 1)
            var index = first
            while index <= end {
                body(index)
                index += step
            }
        case .counted(let at, let destination):
            if let destination, destination < arguments.count { body(destination) }
            guard at < arguments.count, let count = Numbers.parseInt64(arguments[at]),
                count > 0, count < arguments.count - at
            else { return }
            for index in (at + 1)...(at + Int(count)) { body(index) }
        case .custom(let find):
            for index in find(arguments) where index < arguments.count { body(index) }
        }
    }
}

package typealias CommandHandler =
    @Sendable (_ engine: Engine, _ client: Client, _ arguments: Arguments) throws(CommandError)
    -> Void

/// One row of the command table.
package struct CommandSpec: Sendable {
    /// Lower case; a subcommand's row has only its own name.
    package let name: StaticString
    /// As Redis counts: the name included, negative for "at least".
    package let arity: Int
    package let flags: CommandFlags
    package let keys: KeyPositions
    package let group: CommandGroup
    package let since: StaticString
    package let summary: StaticString
    /// The arguments in the notation of the Redis documentation, such as
    /// `key value [NX | XX] [GET] [EX seconds | PX milliseconds]`.
    package let syntax: StaticString
    /// ACL categories beside those that flags and group imply, such as "@dangerous".
    package let categories: [StaticString]
    package let complexity: StaticString
    package let subcommands: [CommandSpec]
    package let handler: CommandHandler

    package init(
        _ name: StaticString, _ arity: Int, _ flags: CommandFlags, keys: KeyPositions = .none,
        _ group: CommandGroup, since: StaticString, _ summary: StaticString,
        syntax: StaticString = "", complexity: StaticString = "O(1)",
        categories: [StaticString] = [], subcommands: [CommandSpec] = [],
        _ handler: @escaping CommandHandler
    ) {
        self.name = name
        self.arity = arity
        self.flags = flags
        self.keys = keys
        self.group = group
        self.since = since
        self.summary = summary
        self.syntax = syntax
        self.complexity = complexity
        self.categories = categories
        self.subcommands = subcommands
        self.handler = handler
    }
}
