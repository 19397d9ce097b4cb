// MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//
// Between MULTI and EXEC requests are checked and queued. EXEC runs them one after the other
// under the engine's lock, so nobody comes between; their effects form one unit of the log and
// are replayed whole or not at all.

enum Transactions {
    static func multi(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard client.transaction == nil else {
            throw .message("ERR MULTI calls can not be nested")
        }
        client.transaction = Transaction()
        client.reply.ok()
    }

    static func discard(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard client.transaction != nil else { throw .message("ERR DISCARD without MULTI") }
        end(engine, client)
        client.reply.ok()
    }

    static func exec(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard let transaction = client.transaction else {
            throw .message("ERR EXEC without MULTI")
        }
        let isBroken = client.watchIsBroken || engine.watchedKeyExpired(client)
        end(engine, client)
        if transaction.isSpoiled {
            throw .message("EXECABORT Transaction discarded because of previous errors.")
        }
        if isBroken { return client.reply.nullArray() }
        client.reply.array(transaction.commands.count)
        client.isExecuting = true
        defer { client.isExecuting = false }
        for (index, arguments) in transaction.commands {
            arguments.withArguments { arguments in engine.callNested(client, index, arguments) }
        }
    }

    static func watch(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard client.transaction == nil else {
            throw .message("ERR WATCH inside MULTI is not allowed")
        }
        for index in 1..<args.count { engine.watch(engine.key(args[index], client), client) }
        client.reply.ok()
    }

    static func unwatch(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        engine.unwatchAll(client)
        client.watchIsBroken = false
        client.reply.ok()
    }

    /// Ends a transaction, run or not: RESET and a closing connection call it as well.
    static func end(_ engine: Engine, _ client: Client) {
        client.transaction = nil
        client.watchIsBroken = false
        engine.unwatchAll(client)
    }
}

let transactionCommands: [CommandSpec] = [
    CommandSpec(
        "multi", 1, [.noScript, .loading, .stale, .fast, .allowBusy], .transactions,
        since: "1.2.0", "Mark the start of a transaction block", Transactions.multi),
    CommandSpec(
        "exec", 1, [.noScript, .loading, .stale, .skipSlowlog], .transactions, since: "1.2.0",
        "Execute all commands issued after MULTI",
        complexity: "Depends on commands in the transaction",
        Transactions.exec),
    CommandSpec(
        "discard", 1, [.noScript, .loading, .stale, .fast, .allowBusy], .transactions,
        since: "2.0.0", "Discard all commands issued after MULTI",
        complexity: "O(N), when N is the number of queued commands", Transactions.discard),
    CommandSpec(
        "watch", -2, [.noScript, .loading, .stale, .fast, .allowBusy, .noFetch], keys: .all,
        .transactions, since: "2.2.0",
        "Watch the given keys to determine execution of the MULTI/EXEC block",
        syntax: "key [key ...]", complexity: "O(1) for every key.", Transactions.watch),
    CommandSpec(
        "unwatch", 1, [.noScript, .loading, .stale, .fast, .allowBusy], .transactions,
        since: "2.2.0", "Forget about all watched keys", Transactions.unwatch),
]
