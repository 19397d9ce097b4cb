// What the blocking commands share: reading the timeout, and serving at once or waiting.

extension Arguments {
    /// The deadline in Unix milliseconds that a timeout in seconds, fractions allowed, comes to; nil
    /// for 0, which means forever.
    func deadlineAfterSeconds(_ index: Int, _ engine: Engine) throws(CommandError) -> Int64? {
        guard let seconds = Numbers.parseFloat80(self[index]) else {
            throw .message("ERR timeout is not a float or out of range")
        }
        let milliseconds = (seconds * 1000).rounded(.up)
        // What does not fit is negative after Redis's conversion.
        guard milliseconds >= 0, milliseconds < 0x1p63 else {
            throw .message("ERR timeout is negative")
        }
        return Arguments.deadline(Int64(milliseconds), engine)
    }

    /// A timeout in milliseconds.
    func timeoutMilliseconds(_ index: Int) throws(CommandError) -> Int64 {
        guard let milliseconds = Numbers.parseInt64(self[index]) else {
            throw .message("ERR timeout is not an integer or out of range")
        }
        guard milliseconds >= 0 else { throw .message("ERR timeout is negative") }
        return milliseconds
    }

    /// The deadline in Unix milliseconds after a timeout; nil for 0, which means forever.
    static func deadline(_ milliseconds: Int64, _ engine: Engine) -> Int64? {
        if milliseconds == 0 { return nil }
        let (sum, overflows) = engine.nowMs.addingReportingOverflow(milliseconds)
        return overflows ? .max : sum
    }
}

extension Engine {
    /// Answers from the first of the keys, the arguments in `positions`, that has something;
    /// otherwise the client waits, or has the answer of a timeout where it must not.
    func serveOrBlock(
        _ client: Client, _ args: Arguments, _ positions: Range<Int>, until deadlineMs: Int64?,
        _ request: BlockedRequest
    ) throws(CommandError) {
        for position in positions where try request.serve(self, client, key(args[position], client))
        {
            return
        }
        guard mayBlock(client) else { return client.reply.nullArray() }
        let keys = positions.map {
            WatchedKey(database: client.database, bytes: Array(args[$0]))
        }
        block(client, args, on: keys, until: deadlineMs, request)
    }
}
