// BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH: as their namesakes without the B, but where those
// find nothing these wait.

enum BlockingListPops {
    static func blpop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try pop(engine, client, args, .head)
    }

    static func brpop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try pop(engine, client, args, .tail)
    }

    private static func pop(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ end: ListEnd
    ) throws(CommandError) {
        let last = args.count - 1
        try engine.serveOrBlock(
            client, args, 1..<last, until: args.deadlineAfterSeconds(last, engine),
            BlockedRequest(type: .list) { engine, client, key throws(CommandError) in
                try ListPops.popWithKey(engine, client, key, end)
            })
    }

    /// BLMPOP timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]
    static func blmpop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let pop = try ListMultiPop(args, at: 2)
        try engine.serveOrBlock(
            client, args, pop.keys, until: args.deadlineAfterSeconds(1, engine),
            BlockedRequest(type: .list) { engine, client, key throws(CommandError) in
                try ListPops.popSeveralWithKey(engine, client, key, pop)
            })
    }

    /// BLMOVE source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout
    static func blmove(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let from = try ListEnd(args[3])
        let to = try ListEnd(args[4])
        try move(engine, client, args, from, to, until: args.deadlineAfterSeconds(5, engine))
    }

    /// BRPOPLPUSH source destination timeout
    static func brpoplpush(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let deadline = try args.deadlineAfterSeconds(3, engine)
        try move(engine, client, args, .tail, .head, until: deadline)
    }

    private static func move(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ from: ListEnd, _ to: ListEnd,
        until deadlineMs: Int64?
    ) throws(CommandError) {
        // Where it must not wait Redis answers a null string here, though a null array in time.
        if !engine.mayBlock(client) {
            return try ListPops.moveOrNull(engine, client, args, from, to)
        }
        let target = Array(args[2])
        try engine.serveOrBlock(
            client, args, 1..<2, until: deadlineMs,
            BlockedRequest(type: .list) { engine, client, key throws(CommandError) in
                try target.withUnsafeBufferPointer { target throws(CommandError) in
                    try ListPops.move(engine, client, key, Bytes(target), from, to)
                }
            })
    }
}
