// XLEN, XRANGE and XREVRANGE: the commands that only read a stream, and know all that they read.

enum StreamReads {
    static func xlen(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(try engine.readStream(args[1], client)?.length ?? 0)
    }

    static func xrange(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let start = try args.intervalStart(2)
        let end = try args.intervalEnd(3)
        try range(engine, client, args, start, end, reversed: false)
    }

    static func xrevrange(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let start = try args.intervalStart(3)
        let end = try args.intervalEnd(2)
        try range(engine, client, args, start, end, reversed: true)
    }

    private static func range(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ start: StreamID, _ end: StreamID,
        reversed: Bool
    ) throws(CommandError) {
        var count: Int64?
        var index = 4
        while index < args.count {
            guard args[index].equalsIgnoringCase("count"), index + 1 < args.count else {
                throw .syntax
            }
            count = try args.integer(index + 1)
            index += 2
        }
        guard let stream = try engine.readStream(args[1], client) else {
            return client.reply.emptyArray()
        }
        if let count, count <= 0 { return client.reply.nullArray() }
        client.reply.streamEntries(
            stream, start, end, reversed: reversed, countMax: Int(count ?? .max))
    }
}

extension ReplyWriter {
    /// An array of the live entries from `start` through `end`, at most `countMax`.
    mutating func streamEntries(
        _ stream: StreamValue, _ start: StreamID = .zero, _ end: StreamID = .max,
        reversed: Bool = false, countMax: Int
    ) {
        let mark = deferred()
        var count = 0
        if countMax > 0 {
            stream.stream.pointee.visit(start, end, reversed: reversed) {
                streamEntry($0)
                count += 1
                return count < countMax
            }
        }
        closeArray(mark, count)
    }
}
