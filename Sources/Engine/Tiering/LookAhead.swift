// Which keys the requests of a pipeline are about to look at.
//
// The command table names each command's keys. What changes their meaning on the way is
// followed: SELECT, and MULTI, whose requests look at nothing until their EXEC. A walk does not
// go past `keysMax` keys, but always takes a request whole.

/// A walk over a pipeline's requests.
struct LookAhead {
    static let keysMax = 512

    /// The database of the requests to come.
    private var database: Int
    /// Requests that were queued by MULTI before this pipeline.
    private var queued: [(spec: Int, arguments: OwnedArguments)]
    /// The first request of this pipeline that is queued and not executed yet; nil outside MULTI.
    private var queuedFrom: Int?
    private var keyCount = 0

    init(_ client: Client) {
        database = client.database
        queued = client.transaction?.commands ?? []
        if client.transaction != nil { queuedFrom = 0 }
    }

    /// Calls `body` with each key and the index of the request that looks at it; returns the
    /// index of the first request that was not looked into.
    mutating func walk(
        _ engine: Engine, _ batch: inout RequestBatch, in input: Bytes,
        _ body: (_ request: Int, _ key: Key) -> Void
    ) -> Int {
        for index in 0..<batch.count {
            if keyCount >= LookAhead.keysMax { return index }
            let arguments = Arguments(batch.resolve(index, in: input))
            guard let command = engine.commands.find(arguments[0]) else { continue }
            if engine.commands[command].pointee.group == .transactions {
                let name = engine.commands[command].pointee.name.bytes
                if name.equals("multi"), queuedFrom == nil {
                    queuedFrom = index + 1
                } else if name.equals("discard") {
                    queued = []
                    queuedFrom = nil
                } else if name.equals("exec"), let first = queuedFrom {
                    walkTransaction(engine, &batch, first..<index, in: input, body)
                }
            } else if queuedFrom == nil {
                note(engine, command, arguments, for: index, body)
            }
        }
        return batch.count
    }

    /// What the EXEC at the end of `range` is about to run.
    private mutating func walkTransaction(
        _ engine: Engine, _ batch: inout RequestBatch, _ range: Range<Int>, in input: Bytes,
        _ body: (Int, Key) -> Void
    ) {
        for (command, arguments) in queued {
            arguments.withArguments { note(engine, command, $0, for: range.upperBound, body) }
        }
        for index in range {
            let arguments = Arguments(batch.resolve(index, in: input))
            guard let command = engine.commands.find(arguments[0]) else { continue }
            note(engine, command, arguments, for: range.upperBound, body)
        }
        queued = []
        queuedFrom = nil
    }

    /// The keys of one request, or the database that it selects.
    private mutating func note(
        _ engine: Engine, _ command: Int, _ arguments: Arguments, for index: Int,
        _ body: (Int, Key) -> Void
    ) {
        let spec = engine.commands[command]
        if spec.pointee.name.bytes.equals("select") {
            if arguments.count == 2, let number = Numbers.parseInt64(arguments[1]),
                number >= 0, number < engine.databaseCount
            {
                database = Int(number)
            }
            return
        }
        if !spec.pointee.subcommands.isEmpty {
            guard arguments.count > 1,
                let sub = spec.pointee.subcommands.first(where: {
                    arguments[1].equalsIgnoringCase($0.name)
                })
            else { return }
            return note(engine, sub, arguments, for: index, body)
        }
        note(engine, spec.pointee, arguments, for: index, body)
    }

    private mutating func note(
        _ engine: Engine, _ spec: CommandSpec, _ arguments: Arguments, for index: Int,
        _ body: (Int, Key) -> Void
    ) {
        if spec.flags.contains(.noFetch) { return }
        let database = database
        var count = 0
        spec.keys.forEach(arguments) { position in
            count += 1
            body(index, engine.key(arguments[position], database: database))
        }
        keyCount += count
    }
}
