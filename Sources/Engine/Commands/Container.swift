// Commands that are only a name for their subcommands: CONFIG, CLIENT, OBJECT and the like.
//
// A container's row lists its subcommands' rows; `Container.dispatch` is its handler. A
// subcommand's handler receives all arguments, the container's name first.

enum Container {
    static func dispatch(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let index = engine.commands.find(args[0]) else { throw .syntax }
        let place: Int
        do {
            place = try find(engine, index, args)
        } catch {
            // Redis does not know whose call it was.
            engine.stats.byCommand[index].calls -= 1
            engine.stats.byCommand[index].failedCalls -= 1
            throw error
        }
        let sub = engine.commands[index].pointee.subcommands[place]
        let id = Subcommand(container: index, place: place)
        client.lastSubcommand = id
        let startUs = engine.clock.monotonicUs()
        defer { if engine.latencyIsTracked { engine.stats.subcommandCalled = id } }
        do {
            try sub.handler(engine, client, args)
        } catch {
            engine.stats.noteSubcommand(id, engine.clock.monotonicUs() - startUs, failed: true)
            throw error
        }
        engine.stats.noteSubcommand(id, engine.clock.monotonicUs() - startUs, failed: false)
    }

    /// Why no subcommand can be called with these arguments, or nil. Asked when a request is
    /// queued, so that such a one spoils the transaction.
    @inline(never)
    static func refusal(_ engine: Engine, _ index: Int, _ args: Arguments) -> CommandError? {
        do {
            _ = try find(engine, index, args)
            return nil
        } catch {
            return error
        }
    }

    private static func find(
        _ engine: Engine, _ index: Int, _ args: Arguments
    ) throws(CommandError) -> Int {
        let container = engine.commands[index]
        guard
            let place = container.pointee.subcommands.firstIndex(where: {
                args[1].equalsIgnoringCase($0.name)
            })
        else {
            let name = container.pointee.name.description
            throw .quoting(
                "ERR unknown subcommand '\(args[1])'. Try \(name.uppercased()) HELP.")
        }
        let sub = container.pointee.subcommands[place]
        guard sub.arity > 0 ? args.count == sub.arity : args.count >= -sub.arity else {
            let id = Subcommand(container: index, place: place)
            engine.stats.bySubcommand[id, default: .init()].rejectedCalls += 1
            throw .wrongArity("\(container.pointee.name)|\(sub.name)")
        }
        return place
    }
}

extension ReplyWriter {
    /// The reply of a container's HELP: usage line, the lines, and HELP itself.
    mutating func help(_ container: String, _ lines: [String]) {
        array(lines.count + 3)
        simple("\(container) <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
        for line in lines { simple(line) }
        simple("HELP")
        simple("    Prints this help.")
    }
}
