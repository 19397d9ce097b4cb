// BITFIELD: any number of reads and writes of small integers in one string.
//
// All arguments are read before the first operation runs, so that an error changes nothing. The
// string is grown once, to what the farthest write needs.

enum BitFieldCommands {
    private enum Action {
        case get
        case set(Int64)
        case increment(Int64)
    }

    private struct Operation {
        let field: BitField
        let offset: Int
        let action: Action
        let overflow: BitField.Overflow

        var writes: Bool {
            if case .get = action { false } else { true }
        }
    }

    private struct Request {
        var operations: [Operation] = []
        /// The farthest bit that is written, nil if none is.
        var lastWritten: Int?

        init(_ engine: Engine, _ args: Arguments) throws(CommandError) {
            var overflow = BitField.Overflow.wrap
            var index = 2
            while index < args.count {
                let name = args[index]
                let left = args.count - index - 1
                if left >= 1, name.equalsIgnoringCase("overflow") {
                    overflow = try Request.overflow(args[index + 1])
                    index += 2
                    continue
                }
                let writes = left >= 3 && name.equalsIgnoringCase("set")
                let increments = left >= 3 && name.equalsIgnoringCase("incrby")
                guard writes || increments || (left >= 2 && name.equalsIgnoringCase("get")) else {
                    throw .syntax
                }
                let field = try BitmapArguments.field(args[index + 1])
                let offset = try BitmapArguments.offset(
                    engine, args, index + 2, width: field.width)
                var action = Action.get
                if writes || increments {
                    let value = try args.integer(index + 3)
                    action = writes ? .set(value) : .increment(value)
                    lastWritten = Swift.max(lastWritten ?? 0, offset + field.width - 1)
                }
                operations.append(
                    Operation(field: field, offset: offset, action: action, overflow: overflow))
                index += writes || increments ? 4 : 3
            }
        }

        private static func overflow(_ name: Bytes) throws(CommandError) -> BitField.Overflow {
            if name.equalsIgnoringCase("wrap") { return .wrap }
            if name.equalsIgnoringCase("sat") { return .saturate }
            if name.equalsIgnoringCase("fail") { return .fail }
            throw .message("ERR Invalid OVERFLOW type specified")
        }
    }

    /// BITFIELD key [GET type offset] [OVERFLOW WRAP | SAT | FAIL] [SET type offset value]
    /// [INCRBY type offset increment] ...
    static func bitfield(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let request = try Request(engine, args)
        guard let lastWritten = request.lastWritten else {
            return try read(engine, client, args, request)
        }
        let key = engine.key(args[1], client)
        let (entry, bytes, hasGrown) = engine.growString(
            key, try engine.write(key, .string), toHoldBit: lastWritten)
        client.reply.array(request.operations.count)
        var isChanged = false
        for operation in request.operations {
            switch perform(operation, bytes) {
            case .value(let value, let changed):
                client.reply.integer(value)
                if changed || (hasGrown && operation.writes) { isChanged = true }
            case .refused: client.reply.null()
            }
        }
        if isChanged {
            engine.changed(key, entry, "setbit", .string)
        } else if hasGrown {
            // Redis announces nothing then, but the key is another all the same.
            engine.changedQuietly(key, entry)
        } else {
            return
        }
        engine.propagate(client, args)
    }

    /// BITFIELD_RO key [GET type offset ...]
    static func readOnly(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let request = try Request(engine, args)
        if request.lastWritten != nil {
            throw .message("ERR BITFIELD_RO only supports the GET subcommand")
        }
        try read(engine, client, args, request)
    }

    private static func read(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ request: Request
    ) throws(CommandError) {
        let entry = try engine.read(engine.key(args[1], client), .string)
        client.reply.array(request.operations.count)
        for operation in request.operations {
            let value =
                entry.map {
                    StringValue.withBytes($0) { operation.field.load($0, at: operation.offset) }
                } ?? 0
            client.reply.integer(value)
        }
    }

    private enum Outcome {
        case value(Int64, changed: Bool)
        case refused
    }

    private static func perform(
        _ operation: Operation, _ bytes: UnsafeMutableRawBufferPointer
    ) -> Outcome {
        let field = operation.field
        let before = field.load(Bytes(bytes), at: operation.offset)
        let after: Int64?
        switch operation.action {
        case .get: return .value(before, changed: false)
        case .set(let value): after = field.sum(value, 0, operation.overflow)
        case .increment(let amount): after = field.sum(before, amount, operation.overflow)
        }
        guard let after else { return .refused }
        field.store(after, bytes, at: operation.offset)
        if case .set = operation.action { return .value(before, changed: before != after) }
        return .value(after, changed: before != after)
    }
}
