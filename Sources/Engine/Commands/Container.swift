// Commands that are only a name for their subcommands: CONFIG, CLIENT, OBJECT and the like.
//
// A container's row lists its subcommands' rows; `Container.dispatch` is its handler. A
// subcommand's handler receives all arguments, the container's name first.

enum Container {
    static func dispatch(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let index = engine.commands.find(args[0]) else { throw .syntax }
        let container = engine.commands[index]
        guard let sub = container.pointee.subcommands.first(where: {
            args[1].equalsIgnoringCase($0.name)
        }) else {
            let name = container.pointee.name.description
            throw .text(
                "ERR unknown subcommand '\(args[1].prefixText(128))'. "
                    + "Try \(name.uppercased()) HELP.")
        }
        guard sub.arity > 0 ? args.count == sub.arity : args.count >= -sub.arity else {
            throw .wrongArity("\(container.pointee.name)|\(sub.name)")
        }
        try sub.handler(engine, client, args)
    }
}

extension ReplyWriter {
    /// The reply of a container's HELP: usage line, the lines, and HELP itself.
    mutating func help(_ container: String, _ lines: [String]) {
        array(lines.count + 3)
        simple("\(container) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
        for line in lines { simple(line) }
        simple("HELP")
        simple("    Print this help.")
    }
}
