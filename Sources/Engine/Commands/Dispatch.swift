// From a request to its command: look-up, the checks that Redis makes before any command, the
// call, and the bookkeeping after it.

import Glibc

extension Engine {
    /// Executes one request; its reply is appended to the client's.
    package func execute(_ client: Client, _ arguments: Arguments) {
        let name = arguments[0]
        guard let index = commands.find(name) else {
            return refuse(client, unknownCommand(arguments))
        }
        let spec = commands[index]
        client.lastRequestMs = nowMs
        client.lastCommand = index
        guard spec.pointee.takes(arguments.count) else {
            stats.byCommand[index].rejectedCalls += 1
            return refuse(client, .wrongArity(spec.pointee.name.description), spec)
        }
        if let refusal = refusal(client, index, arguments) {
            stats.byCommand[index].rejectedCalls += 1
            return refuse(client, refusal, spec)
        }
        if client.transaction != nil, !spec.pointee.isTransactionControl {
            if !spec.pointee.subcommands.isEmpty,
                let problem = Container.refusal(self, index, arguments)
            {
                return refuse(client, problem)
            }
            return queue(client, index, arguments)
        }
        call(client, index, arguments)
    }

    /// Runs a command whose checks have passed; its effects form one unit of the log.
    @inline(__always)
    func call(_ client: Client, _ index: Int, _ arguments: Arguments) {
        let answer = client.beginAnswer()
        log.beginUnit()
        callNested(client, index, arguments)
        log.endUnit()
        client.endAnswer(answer)
        if spillsEveryCommand, loading == nil { spillEverything() }
        if blocking.hasReadyKeys { serveBlockedClients() }
    }

    /// Runs a command within a unit that is open: one of a transaction's.
    @inline(__always)
    func callNested(_ client: Client, _ index: Int, _ arguments: Arguments) {
        let replyStart = client.reply.count
        coldReadFailed = false
        do throws(CommandError) {
            try commands[index].pointee.handler(self, client, arguments)
            if coldReadFailed { throw .damagedRecord }
        } catch {
            client.reply.truncate(to: replyStart)
            // It is answered here; an EXEC around this command is another's answer.
            coldReadFailed = false
            stats.byCommand[index].failedCalls += 1
            write(error, to: client)
        }
        stats.commandsProcessed &+= 1
        // One reading of the clock a command: the end of one is the start of the next.
        let end = clock.monotonicUs()
        let spentUs = end &- commandStartedUs
        stats.byCommand[index].calls &+= 1
        stats.byCommand[index].microseconds &+= spentUs
        if latencyIsTracked { stats.noteLatency(index, spentUs) }
        commandStartedUs = end
        if spentUs >= slowCommandUs { commandWasSlow(client, index, arguments, spentUs) }
        if hasMonitors { feedMonitors(client, index, arguments) }
    }

    /// Errors of the checks before a command. Inside MULTI they spoil the transaction.
    @inline(never)
    private func refuse(
        _ client: Client, _ error: CommandError, _ spec: UnsafeMutablePointer<CommandSpec>? = nil
    ) {
        var error = error
        if let spec, spec.pointee.name.bytes.equals("exec") {
            // EXEC itself was refused: the transaction is over.
            Transactions.end(self, client)
            error = .text(
                "EXECABORT Transaction discarded because of: \(error.textWithoutGenericCode)")
        }
        client.transaction?.isSpoiled = true
        let mark = client.reply.count
        write(error, to: client)
        if client.replyMode != .on { client.dropReply(from: mark) }
    }

    func write(_ error: CommandError, to client: Client) {
        stats.errorReplies += 1
        switch error {
        case .message(let text):
            noteError(text.description)
            client.reply.error(text)
        case .text(let text):
            noteError(text)
            client.reply.error(text)
        case .quoting(let text):
            text.bytes.withUnsafeBytes { line in
                noteError(line.text)
                client.reply.error(line)
            }
        }
    }

    private func noteError(_ text: String) {
        let word = String(text.prefix { $0 != " " })
        if stats.byError.count < 128 || stats.byError[word] != nil {
            stats.byError[word, default: 0] += 1
        }
    }

    private func unknownCommand(_ arguments: Arguments) -> CommandError {
        var list: [UInt8] = []
        for index in 1..<Swift.max(arguments.count, 1) where list.count < 128 {
            let word: QuotedText = "'\(arguments[index], max: 128 - list.count)' "
            list += word.bytes
        }
        return list.withUnsafeBytes {
            .quoting(
                """
                ERR unknown command '\(arguments[0])', with args beginning with: \
                \($0, max: .max)
                """)
        }
    }

    /// Why a command may not run now, or nil.
    @inline(__always)
    private func refusal(
        _ client: Client, _ index: Int, _ arguments: Arguments
    ) -> CommandError? {
        let spec = commands[index]
        var flags = spec.pointee.flags
        if isGuarded, !client.isReplay {
            if needsAuthentication, !client.isAuthenticated, !flags.contains(.noAuth) {
                return .message("NOAUTH Authentication required.")
            }
            if loading != nil { return refusalWhileLoading(client, index, arguments) }
        }
        if client.transaction != nil, flags.contains(.noMulti) { return .notInTransaction }
        if client.isReplay { return nil }
        if client.transaction != nil { flags = flagsInTransaction(client, spec) }
        if flags.contains(.denyOOM), isOutOfMemory { return .outOfMemory }
        if flags.contains(.write), let reason = writesAreRefused { return .text(reason) }
        if client.subscriptionCount > 0, client.reply.version == 2,
            !spec.pointee.isAllowedWhileSubscribed
        {
            return .whileSubscribed(spec.pointee.name)
        }
        return nil
    }

    /// What to reckon with inside MULTI: EXEC does what its commands do, and to queue a command
    /// takes memory.
    @inline(never)
    private func flagsInTransaction(
        _ client: Client, _ spec: UnsafeMutablePointer<CommandSpec>
    ) -> CommandFlags {
        let flags = spec.pointee.flags
        if spec.pointee.name.bytes.equals("exec"), let transaction = client.transaction {
            return flags.union(transaction.flags)
        }
        return spec.pointee.isTransactionControl ? flags : flags.union(.denyOOM)
    }

    private func queue(_ client: Client, _ index: Int, _ arguments: Arguments) {
        let owned = OwnedArguments(arguments)
        client.transaction!.byteCount += owned.byteCount
        client.transaction!.commands.append((index, owned))
        client.transaction!.flags.formUnion(commands[index].pointee.flags)
        client.reply.simple("QUEUED")
    }
}

extension CommandSpec {
    /// Whether the number of arguments, the name included, is one that the command takes.
    @inline(__always)
    func takes(_ argumentCount: Int) -> Bool {
        arity > 0 ? argumentCount == arity : argumentCount >= -arity
    }

    /// Commands that are not queued inside MULTI.
    var isTransactionControl: Bool {
        group == .transactions && !name.bytes.equals("unwatch")
            || name.bytes.equals("quit") || name.bytes.equals("reset")
    }

    /// What a RESP2 client may send while it has subscriptions.
    var isAllowedWhileSubscribed: Bool {
        group == .pubsub || name.bytes.equals("ping") || name.bytes.equals("quit")
            || name.bytes.equals("reset")
    }
}
