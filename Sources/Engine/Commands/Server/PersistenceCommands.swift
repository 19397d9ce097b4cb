// SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF, SHUTDOWN.

enum PersistenceCommands {
    private static let saveRuns = CommandError.message("ERR Background save already in progress")

    static func save(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        if engine.isSavingSnapshot { throw saveRuns }
        do throws(SnapshotError) {
            try engine.saveNow()
        } catch {
            engine.logLine("SAVE failed: \(error)")
            throw .text("ERR \(error)")
        }
        client.reply.ok()
    }

    static func bgsave(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        let isPatient = args.count > 1
        if isPatient {
            guard args.count == 2, args[1].equalsIgnoringCase("schedule") else { throw .syntax }
        }
        if engine.isSavingSnapshot { throw saveRuns }
        if engine.snapshots.job != nil {
            guard isPatient else {
                throw .message(
                    """
                    ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
                    SCHEDULE in order to schedule a BGSAVE whenever possible.
                    """)
            }
            engine.snapshots.isScheduled = true
            return client.reply.simple("Background saving scheduled")
        }
        guard engine.startSnapshot() else {
            throw .text("ERR \(engine.snapshots.lastError ?? "the snapshot could not be started")")
        }
        client.reply.simple("Background saving started")
    }

    static func lastsave(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(engine.lastSaveSeconds)
    }

    /// With a cold tier a checkpoint takes the place of rewriting: the log's effects move there, and
    /// its old segments go. Without one the log gets a new base, as in Redis.
    static func bgrewriteaof(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard engine.tier != nil else {
            if engine.rewritesLog {
                throw .message(
                    "ERR Background append only file rewriting already in progress")
            }
            let isLater = engine.snapshots.job != nil || client.isExecuting
            engine.requestRewrite(isLater: isLater)
            return client.reply.simple(
                isLater
                    ? "Background append only file rewriting scheduled"
                    : "Background append only file rewriting started")
        }
        let isRunning = engine.checkpoint.phase != .idle
        guard engine.startCheckpoint() else {
            throw .text(
                "ERR Can't execute an AOF background rewriting: "
                    + (engine.persistence.checkpointError ?? "the log cannot be written"))
        }
        client.reply.simple(
            isRunning
                ? "Background append only file rewriting scheduled"
                : "Background append only file rewriting started")
    }

    /// Leaves the request to the server's main loop; there is no reply unless it fails.
    static func shutdown(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var options: ShutdownOptions = []
        var aborts = false
        for index in 1..<Swift.max(args.count, 1) {
            if args[index].equalsIgnoringCase("nosave") {
                options.insert(.noSave)
            } else if args[index].equalsIgnoringCase("save") {
                options.insert(.save)
            } else if args[index].equalsIgnoringCase("now") {
                options.insert(.now)
            } else if args[index].equalsIgnoringCase("force") {
                options.insert(.force)
            } else if args[index].equalsIgnoringCase("abort") {
                aborts = true
            } else {
                throw .syntax
            }
        }
        if aborts && !options.isEmpty || options.isSuperset(of: [.save, .noSave]) { throw .syntax }
        if aborts {
            guard engine.server.shutdownRequest != nil else {
                throw .message("ERR No shutdown in progress.")
            }
            engine.server.shutdownRequest = nil
            return client.reply.ok()
        }
        engine.server.shutdownRequest = ShutdownRequest(options: options, clientID: client.id)
        engine.server.onShutdownRequest?()
    }
}

extension Engine {
    /// When the last snapshot was made, or the server started.
    var lastSaveSeconds: Int64 {
        (snapshots.lastSaveMs > 0 ? snapshots.lastSaveMs : startedMs) / 1000
    }
}
