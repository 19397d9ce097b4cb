// DEBUG RELOAD and DEBUG LOADAOF; what they do stands in Recovery/Reloading.swift.

extension DebugCommands {
    /// DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]
    static func reload(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        var saves = true
        var flushes = true
        var merges = false
        for index in 2..<args.count {
            if args[index].equalsIgnoringCase("merge") {
                merges = true
            } else if args[index].equalsIgnoringCase("noflush") {
                flushes = false
            } else if args[index].equalsIgnoringCase("nosave") {
                saves = false
            } else {
                throw .message(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
            }
        }
        if saves {
            if engine.isSavingSnapshot {
                throw .message("ERR Background save already in progress")
            }
            do throws(SnapshotError) {
                try engine.saveNow()
            } catch {
                throw .text("ERR \(error)")
            }
        }
        do throws(RDBError) {
            if saves && flushes {
                try engine.reloadSameSnapshot()
            } else {
                try engine.loadSnapshot(flushes: flushes, merges: merges)
            }
        } catch {
            engine.logLine("DEBUG RELOAD failed: \(error)")
            throw .message("ERR Error trying to load the RDB dump")
        }
        client.reply.ok()
    }

    /// DEBUG LOADAOF
    static func loadLog(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if client.isExecuting {
            throw .message("ERR DEBUG LOADAOF is not possible inside a transaction")
        }
        if let failure = engine.reloadLog() { throw .text(failure) }
        client.reply.ok()
    }
}
