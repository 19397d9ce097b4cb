// Blocking and being served.
//
// A blocking command that finds nothing calls `block` and returns without a reply; the client's
// further requests wait in its connection. When a key that somebody waits for has changed, the
// clients are served after the command or transaction that changed it, in Redis's order: keys
// in the order of their changes, for each key the clients in the order of their arrival. Each
// serving is a unit of the log of its own. It may make further keys ready (BLMOVE pushes), which
// are then served too.

extension Engine {
    /// Whether a command may make this client wait: not inside EXEC, and not in a replay.
    func mayBlock(_ client: Client) -> Bool { !client.isExecuting && !client.isReplay }

    /// Makes `client` wait for any of `keys` until `deadlineMs` (nil: forever). Its command
    /// must not have replied.
    func block(
        _ client: Client, _ arguments: Arguments, on keys: [WatchedKey], until deadlineMs: Int64?,
        _ request: BlockedRequest
    ) {
        let before = blocking.nextDeadlineMs
        client.wait = blocking.add(
            client, OwnedArguments(arguments), keys: keys, deadlineMs: deadlineMs, request)
        countObservedKeys()
        // Redis counts a call when it is answered.
        stats.byCommand[client.lastCommand].calls -= 1
        if let deadlineMs, deadlineMs < before ?? .max { maintenance?.wake() }
    }

    /// The client waits no more; nobody answers it. For connections that end.
    func stopBlocking(_ client: Client) {
        guard let wait = client.wait else { return }
        client.wait = nil
        blocking.remove(client, wait)
        countObservedKeys()
    }

    /// CLIENT UNBLOCK; false when the client does not wait.
    func unblock(_ client: Client, withError: Bool) -> Bool {
        guard client.isBlocked else { return false }
        if withError {
            answer(client) { () throws(CommandError) in
                throw .message("UNBLOCKED client unblocked via CLIENT UNBLOCK")
            }
        } else {
            timeOut(client)
        }
        return true
    }

    /// Who waits for the key looks again, though nothing changed that a transaction watches.
    func signalBlocked(_ key: Key) {
        guard blocking.keyCount > 0 else { return }
        blocking.noteReady(WatchedKey(database: key.database, bytes: Array(key.bytes)))
    }

    // MARK: Serving

    /// Serves those who wait for keys that have changed.
    @inline(never)
    func serveBlockedClients() {
        commandStartedUs = clock.monotonicUs()
        while blocking.hasReadyKeys {
            for watched in blocking.takeReady() {
                blocking.beginServing(watched)
                watched.bytes.withUnsafeBytes { raw in
                    serve(watched, key(raw, database: watched.database))
                }
            }
            if spillsEveryCommand { spillEverything() }
        }
    }

    private func serve(_ watched: WatchedKey, _ key: Key) {
        let latest = blocking.latestSequence
        var last: UInt64 = 0
        while let (client, sequence) = blocking.next(watched, after: last), sequence <= latest {
            last = sequence
            guard let wait = client.wait else { continue }
            coldReadFailed = false
            let type = lookup(key)?.type
            if coldReadFailed || type == nil && !blocking.minds(theLossOf: watched) { return }
            if type == wait.request.type {
                offer(key, to: client, wait)
            } else if let error = wait.request.goneError {
                answer(client) { () throws(CommandError) in throw error }
            }
        }
    }

    /// Lets the client take from the key what it waits for, if that is there.
    private func offer(_ key: Key, to client: Client, _ wait: BlockedWait) {
        let begin = client.beginAnswer()
        log.beginUnit()
        defer {
            log.endUnit()
            client.endAnswer(begin)
        }
        do throws(CommandError) {
            guard try wait.request.serve(self, client, key) else { return }
            answer(client, from: begin.start) {}
        } catch {
            client.reply.truncate(to: begin.start)
            answer(client, from: begin.start) { () throws(CommandError) in throw error }
        }
    }

    /// Ends the wait with the reply that `body` writes, or has written since `mark`.
    private func answer(
        _ client: Client, from mark: Int? = nil, _ body: () throws(CommandError) -> Void
    ) {
        guard let wait = client.wait else { return }
        let mark = mark ?? client.reply.count
        stopBlocking(client)
        do throws(CommandError) {
            try body()
        } catch {
            stats.byCommand[wait.command].failedCalls += 1
            write(error, to: client)
        }
        if client.replyMode != .on { client.dropReply(from: mark) }
        let end = clock.monotonicUs()
        let spentUs = end &- commandStartedUs
        stats.byCommand[wait.command].calls += 1
        stats.byCommand[wait.command].microseconds &+= spentUs
        if latencyIsTracked { stats.noteLatency(wait.command, spentUs) }
        commandStartedUs = end
        if spentUs >= slowCommandUs {
            wait.arguments.withArguments { commandWasSlow(client, wait.command, $0, spentUs) }
        }
        client.connection?.wake()
    }

    // MARK: Time

    /// Answers the clients whose time is up.
    func timeOutBlockedClients() {
        while let id = blocking.due(nowMs), let client = clients.byID[id] {
            commandStartedUs = clock.monotonicUs()
            timeOut(client)
        }
    }

    private func timeOut(_ client: Client) {
        guard let wait = client.wait else { return }
        answer(client) {
            switch wait.request.timeoutReply {
            case .nullArray: client.reply.nullArray()
            case .zero: client.reply.integer(0)
            }
        }
    }
}
