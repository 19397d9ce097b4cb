// What the server's event loops need of the engine beside `beginTurn` and `endTurn`.
//
// The loop over a connection's requests stands here and not in the server, so that nothing
// crosses a module for each request.

/// Whether a new connection is served.
package enum Admission {
    case client(Client, needsPassword: Bool)
    /// With the error reply.
    case refused(StaticString)
}

/// How far the log has been written and made durable.
package struct LogPositions {
    package var written: LSN = .max
    package var durable: LSN = .max

    package init() {}
}

/// What an event loop has counted since its last turn.
package struct Traffic {
    package var inputBytes = 0
    package var outputBytes = 0
    package var reads = 0
    package var writes = 0
    /// By how much the buffers of its connections have grown.
    package var bufferBytesDelta = 0
    /// The largest buffers seen.
    package var inputBytesMax = 0
    package var outputBytesMax = 0

    package init() {}
}

extension Engine {
    /// A turn holds the lock for so long; then each further connection has one request executed.
    private static let turnUsMax: Int64 = 1000

    /// Executes the requests of a batch, in order, until the client is to be closed, its
    /// replies exceed `replyBytesMax`, the turn's time is up, CLIENT PAUSE lets the next one
    /// wait, or a command blocks. Returns how many were executed, and whether the next one waits. With
    /// `client.isParked` it waits for cold keys: go on when the connection's `resume` is called.
    ///
    /// - Parameter foreseenAt: what `foresee` returned for this batch, when the event loop has
    ///   called it for a whole group.
    package func execute(
        _ client: Client, _ batch: inout RequestBatch, in input: Bytes, replyBytesMax: Int,
        foreseenAt slot: Int? = nil
    ) -> (count: Int, mustWait: Bool) {
        client.isParked = false
        let end = park(client, &batch, in: input)
        var index = 0
        var foreseen = slot == nil ? 0 : batch.count
        var isPaused = false
        while index < end {
            if client.closesAfterReply || client.isBlocked { break }
            if client.reply.count > replyBytesMax { break }
            // The clock was read at the end of the last command.
            if commandStartedUs &- turnStartedUs > Engine.turnUsMax, index > 0 { break }
            if index == foreseen {
                foreseen = Swift.min(end, index + HashForesight.countMax)
                foresee(client, &batch, index..<foreseen, in: input)
            }
            foresight.turn(to: slot ?? index)
            let arguments = Arguments(batch.resolve(index, in: input))
            isPaused = mustWait(client, arguments)
            if isPaused { break }
            execute(client, arguments)
            index &+= 1
        }
        foresight.end(keepsGroup: slot != nil)
        if isPaused || client.isPostponed {
            client.isPostponed = isPaused && server.pauseEndsMs != 0
        }
        if index == batch.count, client.fetchWait != nil { stopWaiting(client) }
        return (index, isPaused)
    }

    /// Decides about a new connection. `isLocal`: through loopback or a Unix socket.
    package func admit(_ connection: any ClientConnection, isLocal: Bool) -> Admission {
        if configuration.protectedMode, !isLocal, configuration.requirePass.isEmpty {
            stats.rejectedConnections += 1
            return .refused(Engine.protectedModeRefusal)
        }
        guard let client = connect(connection) else {
            return .refused("ERR max number of clients reached")
        }
        return .client(client, needsPassword: needsPassword(client))
    }

    package func needsPassword(_ client: Client) -> Bool {
        needsAuthentication && !client.isAuthenticated
    }

    package var logPositions: LogPositions {
        var positions = LogPositions()
        if let logWriter {
            positions.written = logWriter.writtenLSN
            positions.durable = logWriter.syncedLSN
        }
        return positions
    }

    /// Adds what an event loop has counted since its last turn.
    package func note(_ traffic: Traffic) {
        noteTraffic(
            inputBytes: traffic.inputBytes, outputBytes: traffic.outputBytes,
            reads: traffic.reads, writes: traffic.writes)
        clientBufferBytes += traffic.bufferBytesDelta
        server.inputBufferBytesMax = Swift.max(server.inputBufferBytesMax, traffic.inputBytesMax)
        server.outputBufferBytesMax = Swift.max(
            server.outputBufferBytesMax, traffic.outputBytesMax)
    }

    /// The server's end was asked for by a command, and called off because something failed.
    package func shutdownFailed() {
        if let request = server.shutdownRequest, let client = clients.byID[request.clientID] {
            client.reply.error("ERR Errors trying to SHUTDOWN. Check logs.")
            client.connection?.wake()
        }
        server.shutdownRequest = nil
    }

    /// Makes the snapshot that belongs to the server's end: when it was asked for, or when
    /// snapshots are all that is kept. Nothing may be executed meanwhile. Returns why it failed.
    package func saveBeforeEnd(_ options: ShutdownOptions) -> String? {
        let isData = !configuration.appendOnly && !configuration.savePoints.isEmpty
        guard options.contains(.save) || isData && !options.contains(.noSave) else { return nil }
        advanceClock()
        do throws(SnapshotError) {
            try saveNow()
            return nil
        } catch {
            return error.description
        }
    }

    private static let protectedModeRefusal: StaticString = """
        DENIED Redis is running in protected mode because protected mode is enabled and no \
        password is set for the default user. In this mode connections are only accepted from \
        the loopback interface. If you want to connect from external computers to Redis you may \
        adopt one of the following solutions: 1) Just disable protected mode sending the command \
        'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from \
        the same host the server is running, however MAKE SURE Redis is not publicly accessible \
        from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) \
        Alternatively you can just disable the protected mode by editing the Redis configuration \
        file, and setting the protected mode option to 'no', and then restarting the server. 3) \
        If you started the server manually just for testing, restart it with the \
        '--protected-mode no' option. 4) Setup a an authentication password for the default user. \
        NOTE: You only need to do one of the above things in order for the server to start \
        accepting connections from the outside.
        """
}

extension Client {
    /// Exchanges the replies for an empty buffer: O(1). `buffer` must be empty.
    package func takeReply(into buffer: inout ReplyWriter) {
        let version = reply.version
        swap(&reply, &buffer)
        reply.version = version
    }

    /// Receives published messages, so it may be silent and read without limit on time.
    package var isSubscriber: Bool { subscriptionCount > 0 }
}
