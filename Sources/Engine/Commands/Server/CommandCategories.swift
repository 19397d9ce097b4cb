// ACL categories, flags and names of commands, all derived from their rows.

/// The categories in Redis's order.
enum CommandCategories {
    static let all: [StaticString] = [
        "keyspace", "read", "write", "set", "sortedset", "list", "hash", "string", "bitmap",
        "hyperloglog", "geo", "stream", "pubsub", "admin", "fast", "slow", "blocking",
        "dangerous", "connection", "transaction", "scripting",
    ]

    static func isKnown(_ name: Bytes) -> Bool { all.contains { name.equalsIgnoringCase($0) } }
}

extension CommandSpec {
    private static func category(of group: CommandGroup) -> String? {
        switch group {
        case .string: "string"
        case .list: "list"
        case .set: "set"
        case .sortedSet: "sortedset"
        case .hash: "hash"
        case .generic: "keyspace"
        case .connection: "connection"
        case .transactions: "transaction"
        case .scripting: "scripting"
        case .stream: "stream"
        case .geo: "geo"
        case .hyperloglog: "hyperloglog"
        case .bitmap: "bitmap"
        case .server, .pubsub, .cluster, .tier: nil
        }
    }

    /// Generic commands that Redis does not count among those on the keyspace.
    private static func isNotAboutKeys(_ name: StaticString) -> Bool {
        name.bytes.equals("wait") || name.bytes.equals("sort") || name.bytes.equals("sort_ro")
    }

    /// Names without the "@", in Redis's order. O(1).
    var categoryNames: [String] {
        var names: Set<String> = []
        // A container is only a name; what it contains has the group's category.
        if subcommands.isEmpty, let own = CommandSpec.category(of: group) {
            if group != .generic || !CommandSpec.isNotAboutKeys(name) { names.insert(own) }
        }
        if flags.contains(.write) { names.insert("write") }
        if flags.contains(.readonly), group != .scripting { names.insert("read") }
        if flags.contains(.admin) { names.formUnion(["admin", "dangerous"]) }
        if flags.contains(.pubsub) { names.insert("pubsub") }
        if flags.contains(.blocking) { names.insert("blocking") }
        names.insert(flags.contains(.fast) ? "fast" : "slow")
        for category in categories {
            names.insert(category.description.filter { $0 != "@" })
        }
        return CommandCategories.all.map(\.description).filter(names.contains)
    }

    private static let flagNames: [(CommandFlags, StaticString)] = [
        (.write, "write"), (.readonly, "readonly"), (.denyOOM, "denyoom"), (.admin, "admin"),
        (.pubsub, "pubsub"), (.noScript, "noscript"), (.blocking, "blocking"),
        (.loading, "loading"), (.stale, "stale"), (.skipMonitor, "skip_monitor"),
        (.skipSlowlog, "skip_slowlog"), (.asking, "asking"), (.fast, "fast"),
        (.noAuth, "no_auth"),
        (.noAsyncLoading, "no_async_loading"), (.noMulti, "no_multi"),
        (.noMandatoryKeys, "no_mandatory_keys"), (.movableKeys, "movablekeys"),
        (.allowBusy, "allow_busy"),
    ]

    /// As COMMAND names them; `mayReplicate` is not told.
    var flagNames: [StaticString] {
        CommandSpec.flagNames.filter { flags.contains($0.0) }.map(\.1)
    }

    /// First, last and step, zeros where the keys are not in a fixed range.
    var keyRange: (first: Int, last: Int, step: Int) {
        switch keys {
        case .range(let first, let last, let step): return (first, last, step)
        case .counted(_, let destination?): return (destination, destination, 1)
        default: return (0, 0, 0)
        }
    }

    var groupName: String { group == .tier ? "server" : group.rawValue }
}

/// A command or subcommand with its whole name.
struct NamedCommand {
    let name: String
    let spec: CommandSpec
}

extension CommandTable {
    /// Every command, each container followed by its subcommands.
    var named: [NamedCommand] {
        specs.flatMap { spec in
            [NamedCommand(name: spec.name.description, spec: spec)]
                + spec.subcommands.map {
                    NamedCommand(name: "\(spec.name)|\($0.name)", spec: $0)
                }
        }
    }

    /// The command of this name, which may be `container|subcommand`.
    func named(_ name: Bytes) -> NamedCommand? {
        if let index = find(name) {
            return NamedCommand(name: specs[index].name.description, spec: specs[index])
        }
        guard let bar = name.firstIndex(of: 0x7C), let index = find(name.slice(0, bar)) else {
            return nil
        }
        let rest = name.slice(bar + 1, name.count - bar - 1)
        guard let sub = specs[index].subcommands.first(where: { rest.equalsIgnoringCase($0.name) })
        else { return nil }
        return NamedCommand(name: "\(specs[index].name)|\(sub.name)", spec: sub)
    }

    /// The row that these arguments would run: a container's subcommand where there is one.
    func resolve(_ arguments: Arguments) -> NamedCommand? {
        guard let index = find(arguments[0]) else { return nil }
        let spec = specs[index]
        if !spec.subcommands.isEmpty, arguments.count > 1 {
            guard
                let sub = spec.subcommands.first(where: {
                    arguments[1].equalsIgnoringCase($0.name)
                })
            else { return nil }
            return NamedCommand(name: "\(spec.name)|\(sub.name)", spec: sub)
        }
        return NamedCommand(name: spec.name.description, spec: spec)
    }
}
