// COMMAND: the command table as clients read it. Everything is derived from the rows.

enum CommandCommand {
    static func command(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if args.count > 1 { return try Container.dispatch(engine, client, args) }
        client.reply.array(engine.commands.specs.count)
        for spec in engine.commands.specs {
            info(&client.reply, NamedCommand(name: spec.name.description, spec: spec))
        }
    }

    static func count(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.integer(engine.commands.specs.count)
    }

    static func info(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        if args.count == 2 {
            client.reply.array(engine.commands.specs.count)
            for spec in engine.commands.specs {
                info(&client.reply, NamedCommand(name: spec.name.description, spec: spec))
            }
            return
        }
        client.reply.array(args.count - 2)
        for index in 2..<args.count {
            if let found = engine.commands.named(args[index]) {
                info(&client.reply, found)
            } else {
                client.reply.null()
            }
        }
    }

    /// Name, arity, flags, first key, last key, step, categories, tips, key specifications,
    /// subcommands.
    private static func info(_ reply: inout ReplyWriter, _ command: NamedCommand) {
        let spec = command.spec
        let range = spec.keyRange
        reply.array(10)
        reply.bulk(command.name)
        reply.integer(spec.arity)
        let flags = spec.flagNames
        reply.set(flags.count)
        for flag in flags { reply.simple(flag) }
        reply.integer(range.first)
        reply.integer(range.last)
        reply.integer(range.step)
        let categories = spec.categoryNames
        reply.set(categories.count)
        for category in categories { reply.simple("@" + category) }
        reply.set(0)
        keySpecifications(&reply, spec)
        reply.set(spec.subcommands.count)
        for sub in spec.subcommands {
            info(&reply, NamedCommand(name: "\(command.name)|\(sub.name)", spec: sub))
        }
    }

    private static func keySpecifications(_ reply: inout ReplyWriter, _ spec: CommandSpec) {
        let flags = keyFlags(spec)
        switch spec.keys {
        case .none: reply.set(0)
        case .range(let first, let last, let step):
            reply.set(1)
            specification(&reply, flags, begin: first) { reply in
                reply.bulk("range")
                reply.bulk("spec")
                reply.map(3)
                reply.bulk("lastkey")
                reply.integer(last < 0 ? last : last - first)
                reply.bulk("keystep")
                reply.integer(step)
                reply.bulk("limit")
                reply.integer(0)
            }
        case .counted(let at, let destination):
            reply.set(destination == nil ? 1 : 2)
            if let destination {
                specification(&reply, ["OW", "update"], begin: destination) { reply in
                    reply.bulk("range")
                    reply.bulk("spec")
                    reply.map(3)
                    reply.bulk("lastkey")
                    reply.integer(0)
                    reply.bulk("keystep")
                    reply.integer(1)
                    reply.bulk("limit")
                    reply.integer(0)
                }
            }
            specification(&reply, destination == nil ? flags : ["RO", "access"], begin: at) {
                reply in
                reply.bulk("keynum")
                reply.bulk("spec")
                reply.map(3)
                reply.bulk("keynumidx")
                reply.integer(0)
                reply.bulk("firstkey")
                reply.integer(1)
                reply.bulk("keystep")
                reply.integer(1)
            }
        case .custom:
            reply.set(1)
            reply.map(3)
            reply.bulk("flags")
            reply.set(flags.count)
            for flag in flags { reply.simple(flag) }
            for part: StaticString in ["begin_search", "find_keys"] {
                reply.bulk(part)
                reply.map(2)
                reply.bulk("type")
                reply.bulk("unknown")
                reply.bulk("spec")
                reply.map(0)
            }
        }
    }

    private static func specification(
        _ reply: inout ReplyWriter, _ flags: [StaticString], begin: Int,
        _ findKeys: (inout ReplyWriter) -> Void
    ) {
        reply.map(3)
        reply.bulk("flags")
        reply.set(flags.count)
        for flag in flags { reply.simple(flag) }
        reply.bulk("begin_search")
        reply.map(2)
        reply.bulk("type")
        reply.bulk("index")
        reply.bulk("spec")
        reply.map(1)
        reply.bulk("index")
        reply.integer(begin)
        reply.bulk("find_keys")
        reply.map(2)
        reply.bulk("type")
        findKeys(&reply)
    }

    /// What a command does with its keys, as far as its flags tell.
    private static func keyFlags(_ spec: CommandSpec) -> [StaticString] {
        spec.flags.contains(.write) ? ["RW", "update"] : ["RO", "access"]
    }

    // MARK: GETKEYS

    static func getkeys(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let (_, positions) = try keys(engine, args)
        client.reply.array(positions.count)
        for position in positions { client.reply.bulk(args[position]) }
    }

    static func getkeysandflags(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let (spec, positions) = try keys(engine, args)
        client.reply.array(positions.count)
        for position in positions {
            client.reply.array(2)
            client.reply.bulk(args[position])
            let flags = keyFlags(spec)
            client.reply.set(flags.count)
            for flag in flags { client.reply.simple(flag) }
        }
    }

    /// Positions, in `args`, of the keys of the command that begins at position 2.
    private static func keys(
        _ engine: Engine, _ args: Arguments
    ) throws(CommandError) -> (CommandSpec, [Int]) {
        let inner = args.dropFirst(2)
        guard let spec = engine.commands.resolve(inner)?.spec else {
            throw .message("ERR Invalid command specified")
        }
        if case .none = spec.keys { throw .message("ERR The command has no key arguments") }
        guard spec.arity > 0 ? inner.count == spec.arity : inner.count >= -spec.arity else {
            throw .message("ERR Invalid number of arguments specified for command")
        }
        var positions: [Int] = []
        spec.keys.forEach(inner) { positions.append($0 + 2) }
        if positions.isEmpty, case .counted = spec.keys, spec.group != .scripting {
            throw .message("ERR Invalid arguments specified for command")
        }
        return (spec, positions)
    }

    static func list(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        var shown = engine.commands.named
        if args.count == 5, args[2].equalsIgnoringCase("filterby") {
            let wanted = args[4]
            if args[3].equalsIgnoringCase("module") {
                shown = []
            } else if args[3].equalsIgnoringCase("aclcat") {
                let name = wanted.text.lowercased()
                shown = shown.filter { $0.spec.categoryNames.contains(name) }
            } else if args[3].equalsIgnoringCase("pattern") {
                let pattern = Array(wanted.text.lowercased().utf8)
                shown = shown.filter { command in
                    pattern.withUnsafeBytes { pattern in
                        Array(command.name.utf8).withUnsafeBytes { Glob.matches(pattern, $0) }
                    }
                }
            } else {
                throw .syntax
            }
        } else if args.count != 2 {
            throw .syntax
        }
        client.reply.array(shown.count)
        for command in shown { client.reply.bulk(command.name) }
    }

    static func help(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.help(
            "COMMAND",
            [
                "(no subcommand)",
                "    Return details about all Redis commands.",
                "COUNT",
                "    Return the total number of commands in this Redis server.",
                "LIST",
                "    Return a list of all commands in this Redis server.",
                "INFO [<command-name> ...]",
                "    Return details about multiple Redis commands.",
                "    If no command names are given, documentation details for all",
                "    commands are returned.",
                "DOCS [<command-name> ...]",
                "    Return documentation details about multiple Redis commands.",
                "    If no command names are given, documentation details for all",
                "    commands are returned.",
                "GETKEYS <full-command>",
                "    Return the keys from a full Redis command.",
                "GETKEYSANDFLAGS <full-command>",
                "    Return the keys and the access flags from a full Redis command.",
            ])
    }
}
