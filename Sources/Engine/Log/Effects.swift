// What commands write to the log: effects, one key each, as commands that any Redis accepts.
//
// A command that is deterministic and has one key logs itself (`propagate`); any other logs what
// it came to: SPOP its SREMs, INCRBYFLOAT a SET, a relative expiry an absolute one. Several
// effects of one command, or of one transaction, are framed by MULTI and EXEC when the unit
// ends (`Engine.call`).

/// One argument of an effect.
enum EffectArgument {
    case literal(StaticString)
    case bytes(Bytes)
    case integer(Int64)
}

extension Engine {
    /// Logs the command as it came, in the client's database.
    @inline(__always)
    func propagate(_ client: Client, _ arguments: Arguments) {
        guard logIsEnabled else { return }
        log.beginCommand(database: client.database, argumentCount: arguments.count)
        for index in 0..<arguments.count { log.argument(arguments[index]) }
        log.endCommand()
    }

    /// Logs `name key arguments…`.
    func effect(_ key: Key, _ name: StaticString, _ arguments: EffectArgument...) {
        guard logIsEnabled else { return }
        log.beginCommand(database: key.database, argumentCount: arguments.count + 2)
        log.argument(name)
        log.argument(key.bytes)
        for argument in arguments {
            switch argument {
            case .literal(let text): log.argument(text)
            case .bytes(let bytes): log.argument(bytes)
            case .integer(let number): log.argument(number)
            }
        }
        log.endCommand()
    }

    /// Logs `name key` and `count` more arguments, which `body` appends to `log`.
    func effect(
        _ key: Key, _ name: StaticString, argumentCount count: Int,
        _ body: (inout LogBuffer) -> Void
    ) {
        guard logIsEnabled, count > 0 else { return }
        log.beginCommand(database: key.database, argumentCount: count + 2)
        log.argument(name)
        log.argument(key.bytes)
        body(&log)
        log.endCommand()
    }

    /// Logs the DEL of a key that has expired, so marked that recovery archives the value.
    func logExpiry(_ key: Key) {
        guard logIsEnabled else { return }
        log.annotateExpiry()
        log.beginCommand(database: key.database, argumentCount: 2)
        log.argument("DEL")
        log.argument(key.bytes)
        log.endCommand()
    }

    /// Logs that something leaves the archive, without any other effect.
    func logRemoval(_ removal: ArchiveRemoval, database: Int) {
        guard logIsEnabled else { return }
        log.remove(removal, database: database)
    }

    /// Logs an effect on whole databases: FLUSHALL, FLUSHDB, SWAPDB. `database` -1: none is
    /// selected.
    func effect(database: Int, _ name: StaticString, _ arguments: EffectArgument...) {
        guard logIsEnabled else { return }
        log.beginCommand(database: database, argumentCount: arguments.count + 1)
        log.argument(name)
        for argument in arguments {
            switch argument {
            case .literal(let text): log.argument(text)
            case .bytes(let bytes): log.argument(bytes)
            case .integer(let number): log.argument(number)
            }
        }
        log.endCommand()
    }
}
