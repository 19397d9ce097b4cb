// LRANGE and its kin: the commands that only read a list.

enum ListReads {
    static func llen(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        client.reply.integer(try engine.readList(args[1], client)?.count ?? 0)
    }

    static func lindex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let list = try engine.readList(args[1], client) else { return client.reply.null() }
        let index = try args.integer(2)
        let found: Void? = list.withElement(at: Int(index)) { client.reply.bulk($0) }
        if found == nil { client.reply.null() }
    }

    static func lrange(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let start = try args.integer(2)
        let stop = try args.integer(3)
        guard let list = try engine.readList(args[1], client) else {
            return client.reply.emptyArray()
        }
        let range = ListValue.range(Int(start), Int(stop), of: list.count)
        client.reply.array(range.count)
        list.forEach(in: range) { client.reply.bulk($0) }
    }

    // MARK: LPOS

    private struct PositionOptions {
        var rank: Int64 = 1
        /// Nil: a single position is wanted. 0: all.
        var count: Int64?
        /// Elements to look at, 0 for all.
        var maxLength: Int64 = 0

        init(_ args: Arguments) throws(CommandError) {
            var index = 3
            while index < args.count {
                let option = args[index]
                guard index + 1 < args.count else { throw .syntax }
                if option.equalsIgnoringCase("rank") {
                    rank = try args.integer(index + 1)
                    if rank == 0 { throw PositionOptions.zeroRank }
                    // Redis negates it; what cannot be negated is passed by every match.
                    if rank == .min { rank = -1 }
                } else if option.equalsIgnoringCase("count") {
                    count = try args.integer(
                        index + 1, in: 0...Int64.max, else: "ERR COUNT can't be negative")
                } else if option.equalsIgnoringCase("maxlen") {
                    maxLength = try args.integer(
                        index + 1, in: 0...Int64.max, else: "ERR MAXLEN can't be negative")
                } else {
                    throw .syntax
                }
                index += 2
            }
        }

        private static let zeroRank = CommandError.message(
            """
            ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... \
            or use negative to start from the end of the list
            """)
    }

    static func lpos(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let options = try PositionOptions(args)
        guard let list = try engine.readList(args[1], client) else {
            return options.count == nil ? client.reply.null() : client.reply.emptyArray()
        }
        var found = 0
        let mark = options.count == nil ? nil : client.reply.deferred()
        list.positions(
            of: args[2], rank: Int(options.rank), limit: Int(options.count ?? 1),
            comparisonsMax: Int(options.maxLength)
        ) { index in
            client.reply.integer(index)
            found += 1
        }
        if let mark {
            client.reply.closeArray(mark, found)
        } else if found == 0 {
            client.reply.null()
        }
    }
}
