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
        reply.bulk(command.name)
        reply.map(4 + (arguments.isEmpty ? 0 : 1) + (spec.subcommands.isEmpty ? 0 : 1))
        reply.bulk("summary")
        reply.bulk(spec.summary)
        reply.bulk("since")
        reply.bulk(spec.since)
        reply.bulk("group")
        reply.bulk(spec.groupName)
        reply.bulk("complexity")
        reply.bulk(spec.complexity)
        if !arguments.isEmpty {
            reply.bulk("arguments")
            write(arguments, &reply)
        }
        if !spec.subcommands.isEmpty {
            reply.bulk("subcommands")
            reply.map(spec.subcommands.count)
            for sub in spec.subcommands {
                docs(&reply, NamedCommand(name: "\(command.name)|\(sub.name)", spec: sub))
            }
        }
    }

    private static func write(_ arguments: [CommandArgument], _ reply: inout ReplyWriter) {
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
                reply.integer(0)
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
                write(argument.arguments, &reply)
            }
        }
    }
}
