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
        let tips = CommandTips.of(command.name)
        reply.set(tips.count)
        for tip in tips { reply.bulk(tip) }
        let specifications = keySpecifications(command.name, spec)
        reply.set(specifications.count)
        for specification in specifications { specification.write(&reply) }
        reply.set(spec.subcommands.count)
        for sub in spec.subcommands {
            info(&reply, NamedCommand(name: "\(command.name)|\(sub.name)", spec: sub))
        }
    }

    /// Redis's own where it has the command, else what the row tells.
    private static func keySpecifications(
        _ name: String, _ spec: CommandSpec
    ) -> [KeySpecification] {
        if let known = CommandTips.keys(name) { return known }
        let flags = spec.flags.contains(.write) ? ["RW", "update"] : ["RO", "access"]
        switch spec.keys {
        case .none: return []
        case .range(let first, let last, let step):
            return [
                KeySpecification(
                    flags: flags, begin: .index(first),
                    keys: .range(last: last < 0 ? last : last - first, step: step, limit: 0))
            ]
        case .counted(let at, _):
            return [
                KeySpecification(
                    flags: flags, begin: .index(at), keys: .counted(at: 0, first: 1, step: 1))
            ]
        case .custom: return [KeySpecification(flags: flags, begin: .unknown, keys: .unknown)]
        }
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
        let (command, positions) = try keys(engine, args)
        client.reply.array(positions.count)
        for position in positions {
            client.reply.array(2)
            client.reply.bulk(args[position])
            let flags = keyFlags(command, position - 2, args.dropFirst(2))
            client.reply.set(flags.count)
            for flag in flags { client.reply.simple(flag) }
        }
    }

    /// What the command does with the key at a position.
    private static func keyFlags(
        _ command: NamedCommand, _ position: Int, _ args: Arguments
    ) -> [String] {
        let specifications = keySpecifications(command.name, command.spec)
        if command.name == "set",
            !(3..<args.count).contains(where: {
                args[$0].equalsIgnoringCase("get") || ValueMatch.kind(args[$0]) != nil
            })
        {
            return ["OW", "update"]  // Only with these is it what the specification says.
        }
        if command.name == "bitfield", onlyGets(args) { return ["RO", "access"] }
        // What no specification finds is the destination behind a word, the last of them.
        let found = specifications.first { $0.covers(position, of: args) } ?? specifications.last
        return found?.flags.filter { $0 != "variable_flags" } ?? []
    }

    /// Whether a BITFIELD, with these words and no others, changes nothing.
    private static func onlyGets(_ args: Arguments) -> Bool {
        var index = 2
        while index < args.count {
            let left = args.count - index - 1
            if args[index].equalsIgnoringCase("get"), left >= 2 {
                index += 3
            } else if args[index].equalsIgnoringCase("overflow"), left >= 1 {
                index += 2
            } else {
                return false
            }
        }
        return true
    }

    /// Positions, in `args`, of the keys of the command that begins at position 2.
    private static func keys(
        _ engine: Engine, _ args: Arguments
    ) throws(CommandError) -> (NamedCommand, [Int]) {
        let inner = args.dropFirst(2)
        guard let command = engine.commands.resolve(inner) else {
            throw .message("ERR Invalid command specified")
        }
        let spec = command.spec
        if case .none = spec.keys { throw .message("ERR The command has no key arguments") }
        guard spec.arity > 0 ? inner.count == spec.arity : inner.count >= -spec.arity else {
            throw .message("ERR Invalid number of arguments specified for command")
        }
        var positions: [Int] = []
        spec.keys.forEach(inner) { positions.append($0 + 2) }
        if case .counted(_, let destination) = spec.keys, spec.group != .scripting,
            positions.count == (destination == nil ? 0 : 1)
        {
            throw .message("ERR Invalid arguments specified for command")
        }
        let isIncomplete = keySpecifications(command.name, spec).contains { $0.beginsBehind(inner) }
        if isIncomplete || spec.group == .stream && positions.isEmpty {
            throw .message("ERR Invalid arguments specified for command")
        }
        if command.name == "sort", let store = storePosition(inner) { positions.append(store + 2) }
        if spec.group == .geo {
            for position in positionsBehindWords(command, inner) { positions.append(position + 2) }
        }
        return (command, positions)
    }

    /// The keys that a specification finds behind a word: where it first stands (GEORADIUS).
    private static func positionsBehindWords(
        _ command: NamedCommand, _ args: Arguments
    ) -> [Int] {
        keySpecifications(command.name, command.spec).compactMap { specification in
            guard case .keyword(let word, let start) = specification.begin,
                let found = (start..<Swift.max(start, args.count)).first(where: {
                    args[$0].text.uppercased() == word
                })
            else { return nil }
            return found + 1 < args.count ? found + 1 : nil
        }
    }

    /// The last destination among the arguments of a SORT. What stands behind a STORE is looked at
    /// once more, as Redis does: of STORE STORE k the destination is k.
    private static func storePosition(_ args: Arguments) -> Int? {
        var found: Int?
        var index = 2
        while index < args.count {
            let word = args[index]
            if word.equalsIgnoringCase("limit") {
                index += 2
            } else if word.equalsIgnoringCase("get") || word.equalsIgnoringCase("by") {
                index += 1
            } else if word.equalsIgnoringCase("store"), index + 1 < args.count {
                found = index + 1
            }
            index += 1
        }
        return found
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
