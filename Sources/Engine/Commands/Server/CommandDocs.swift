// COMMAND DOCS: what redis-cli and documentation tools show of each command.

enum CommandDocs {
    static func docs(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let shown: [NamedCommand]
        if args.count == 2 {
            shown = engine.commands.specs.map {
                NamedCommand(name: $0.name.description, spec: $0)
            }
        } else {
            // Unknown names are left out.
            shown = (2..<args.count).compactMap { engine.commands.named(args[$0]) }
        }
        client.reply.map(shown.count)
        for command in shown { docs(&client.reply, command) }
    }

    private static func docs(_ reply: inout ReplyWriter, _ command: NamedCommand) {
        let spec = command.spec
        let arguments = CommandSyntax.arguments(spec.syntax)
        let changes = CommandHistory.changes(command.name)
        let deprecation = CommandHistory.deprecation(command.name)
        let isInternal = CommandHistory.isInternal(command.name)
        let complexity = spec.complexity.description
        let optional = [
            !complexity.isEmpty, isInternal || deprecation != nil, deprecation != nil,
            deprecation != nil,
            !changes.isEmpty, !arguments.isEmpty, !spec.subcommands.isEmpty,
        ]
        reply.bulk(command.name)
        reply.map(3 + optional.count { $0 })
        reply.bulk("summary")
        reply.bulk(spec.summary)
        reply.bulk("since")
        reply.bulk(spec.since)
        reply.bulk("group")
        reply.bulk(spec.groupName)
        if !complexity.isEmpty {
            reply.bulk("complexity")
            reply.bulk(complexity)
        }
        if isInternal || deprecation != nil {
            reply.bulk("doc_flags")
            reply.set(1)
            reply.simple(isInternal ? "syscmd" : "deprecated")
        }
        if let deprecation {
            reply.bulk("deprecated_since")
            reply.bulk(deprecation.since)
            reply.bulk("replaced_by")
            reply.bulk(deprecation.text)
        }
        if !changes.isEmpty { write(changes, &reply) }
        if !arguments.isEmpty {
            reply.bulk("arguments")
            var keys = KeyCount(specifications: CommandTips.keys(command.name)?.count ?? 1)
            write(arguments, &keys, &reply)
        }
        if !spec.subcommands.isEmpty {
            reply.bulk("subcommands")
            reply.map(spec.subcommands.count)
            for sub in spec.subcommands {
                docs(&reply, NamedCommand(name: "\(command.name)|\(sub.name)", spec: sub))
            }
        }
    }

    private static func write(_ changes: [CommandHistory.Event], _ reply: inout ReplyWriter) {
        reply.bulk("history")
        reply.set(changes.count)
        for change in changes {
            reply.array(2)
            reply.bulk(change.since)
            reply.bulk(change.text)
        }
    }

    /// Which specification describes the next argument that is a key: each its own, the last
    /// all the rest.
    private struct KeyCount {
        let specifications: Int
        private var seen = 0

        init(specifications: Int) { self.specifications = specifications }

        mutating func next() -> Int {
            defer { seen += 1 }
            return Swift.max(Swift.min(seen, specifications - 1), 0)
        }
    }

    private static func write(
        _ arguments: [CommandArgument], _ keys: inout KeyCount, _ reply: inout ReplyWriter
    ) {
        reply.array(arguments.count)
        for argument in arguments {
            var flags: [StaticString] = []
            if argument.isOptional { flags.append("optional") }
            if argument.isMultiple { flags.append("multiple") }
            if argument.repeatsToken { flags.append("multiple_token") }
            let fields =
                2 + (argument.type == "key" ? 1 : 0) + (argument.token == nil ? 0 : 1)
                + (flags.isEmpty ? 0 : 1) + (argument.arguments.isEmpty ? 0 : 1)
            reply.map(fields)
            reply.bulk("name")
            reply.bulk(argument.name)
            reply.bulk("type")
            reply.bulk(argument.type)
            if argument.type == "key" {
                reply.bulk("key_spec_index")
                reply.integer(keys.next())
            }
            if let token = argument.token {
                reply.bulk("token")
                reply.bulk(token)
            }
            if !flags.isEmpty {
                reply.bulk("flags")
                reply.set(flags.count)
                for flag in flags { reply.simple(flag) }
            }
            if !argument.arguments.isEmpty {
                reply.bulk("arguments")
                write(argument.arguments, &keys, &reply)
            }
        }
    }
}
