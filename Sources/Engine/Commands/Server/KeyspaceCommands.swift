// DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.

enum KeyspaceCommands {
    static func dbsize(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        client.reply.integer(engine.databases[client.database].keyCount)
    }

    /// Whether the hot values are freed in slices afterwards, which is the default: nobody can
    /// tell, but for the memory that SYNC gives back before the reply.
    private static func isLazy(_ args: Arguments) throws(CommandError) -> Bool {
        if args.count == 1 { return true }
        guard args.count == 2 else { throw .syntax }
        if args[1].equalsIgnoringCase("async") { return true }
        guard args[1].equalsIgnoringCase("sync") else { throw .syntax }
        return false
    }

    static func flushdb(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        engine.flush(database: client.database, lazily: try isLazy(args))
        client.reply.ok()
    }

    static func flushall(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        engine.flushAll(lazily: try isLazy(args))
        client.reply.ok()
    }

    static func swapdb(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard let first = Numbers.parseInt64(args[1]),
            first == Int64(Int32(truncatingIfNeeded: first))
        else { throw .message("ERR invalid first DB index") }
        guard let second = Numbers.parseInt64(args[2]),
            second == Int64(Int32(truncatingIfNeeded: second))
        else { throw .message("ERR invalid second DB index") }
        let known = 0..<Int64(engine.databaseCount)
        guard known.contains(first), known.contains(second) else {
            throw .message("ERR DB index is out of range")
        }
        engine.swap(Int(first), Int(second))
        client.reply.ok()
    }
}
