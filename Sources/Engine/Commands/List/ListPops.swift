// LPOP, RPOP, LMPOP, and LMOVE, which pops from one list and pushes to another. The steps that
// the blocking commands repeat when they are served stand here too.

/// What LMPOP and BLMPOP are asked for: `numkeys key [key ...] <LEFT | RIGHT> [COUNT count]`.
struct ListMultiPop {
    /// The arguments that are keys.
    let keys: Range<Int>
    let end: ListEnd
    let count: Int

    /// - Parameter index: the argument that counts the keys.
    init(_ args: Arguments, at index: Int) throws(CommandError) {
        let keyCount = try args.integer(
            index, in: 1...Int64.max, else: "ERR numkeys should be greater than 0")
        guard keyCount < Int64(args.count - index - 1) else { throw .syntax }
        let endIndex = Int(keyCount) + index + 1
        keys = index + 1..<endIndex
        end = try ListEnd(args[endIndex])
        guard args.count > endIndex + 1 else {
            count = 1
            return
        }
        guard args[endIndex + 1].equalsIgnoringCase("count"), args.count > endIndex + 2 else {
            throw .syntax
        }
        // Redis reads the number before it sees that there is more.
        count = Int(
            try args.integer(
                endIndex + 2, in: 1...Int64.max, else: "ERR count should be greater than 0"))
        if args.count > endIndex + 3 { throw .syntax }
    }
}

enum ListPops {
    // MARK: One list

    static func lpop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try pop(engine, client, args, .head, name: "lpop")
    }

    static func rpop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try pop(engine, client, args, .tail, name: "rpop")
    }

    @inline(__always)
    private static func pop(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ end: ListEnd, name: StaticString
    ) throws(CommandError) {
        if args.count > 2 { return try popSeveral(engine, client, args, end, name: name) }
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .list) else { return client.reply.null() }
        let list = ListValue(entry)
        list.pop(end) { client.reply.bulk($0) }
        engine.propagate(client, args)
        engine.elementsRemoved(key, list, end.popEvent)
    }

    @inline(never)
    private static func popSeveral(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ end: ListEnd, name: StaticString
    ) throws(CommandError) {
        guard args.count == 3 else { throw .wrongArity(name.description) }
        let count = try args.integer(
            2, in: 0...Int64.max, else: "ERR value is out of range, must be positive")
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .list) else { return client.reply.nullArray() }
        if count == 0 { return client.reply.emptyArray() }
        engine.propagate(client, args)
        _ = popRange(engine, client, key, ListValue(entry), end, Int(count))
    }

    /// Replies the outermost `count` elements, from the end inwards, and removes them; returns
    /// how many there were.
    private static func popRange(
        _ engine: Engine, _ client: Client, _ key: Key, _ list: ListValue, _ end: ListEnd,
        _ count: Int
    ) -> Int {
        let length = list.count
        let taken = Swift.min(count, length)
        client.reply.array(taken)
        list.forEach(from: end, taken) { client.reply.bulk($0) }
        list.removeRange(end == .head ? 0..<taken : length - taken..<length)
        engine.elementsRemoved(key, list, end.popEvent)
        return taken
    }

    // MARK: The first of several

    static func lmpop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let pop = try ListMultiPop(args, at: 1)
        for index in pop.keys
        where try popSeveralWithKey(engine, client, engine.key(args[index], client), pop) {
            return
        }
        client.reply.nullArray()
    }

    /// Replies key and elements of a list that exists; false when there is none.
    static func popSeveralWithKey(
        _ engine: Engine, _ client: Client, _ key: Key, _ pop: ListMultiPop
    ) throws(CommandError) -> Bool {
        guard let entry = try engine.write(key, .list) else { return false }
        client.reply.array(2)
        client.reply.bulk(key.bytes)
        let taken = popRange(engine, client, key, ListValue(entry), pop.end, pop.count)
        engine.effect(key, pop.end.popCommand, .integer(Int64(taken)))
        return true
    }

    /// The same with one element, for BLPOP and BRPOP.
    static func popWithKey(
        _ engine: Engine, _ client: Client, _ key: Key, _ end: ListEnd
    ) throws(CommandError) -> Bool {
        guard let entry = try engine.write(key, .list) else { return false }
        let list = ListValue(entry)
        client.reply.array(2)
        client.reply.bulk(key.bytes)
        list.pop(end) { client.reply.bulk($0) }
        engine.effect(key, end.popCommand)
        engine.elementsRemoved(key, list, end.popEvent)
        return true
    }

    // MARK: From list to list

    static func lmove(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let from = try ListEnd(args[3])
        let to = try ListEnd(args[4])
        try moveOrNull(engine, client, args, from, to)
    }

    static func rpoplpush(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        try moveOrNull(engine, client, args, .tail, .head)
    }

    @inline(__always)
    static func moveOrNull(
        _ engine: Engine, _ client: Client, _ args: Arguments, _ from: ListEnd, _ to: ListEnd
    ) throws(CommandError) {
        if try !move(engine, client, engine.key(args[1], client), args[2], from, to) {
            client.reply.null()
        }
    }

    /// Replies the element that is moved; false when there is no source. Push and pop are
    /// announced in Redis's order, and logged in it too: a list of one element that is rotated
    /// onto itself must not be empty in between, or replay would delete it and lose its expiry.
    static func move(
        _ engine: Engine, _ client: Client, _ sourceKey: Key, _ target: Bytes, _ from: ListEnd,
        _ to: ListEnd
    ) throws(CommandError) -> Bool {
        guard let sourceEntry = try engine.write(sourceKey, .list) else { return false }
        let source = ListValue(sourceEntry)
        if sourceKey.bytes.equals(target) {
            // The element would be a view of the list that it is pushed to.
            var copy: [UInt8] = []
            source.pop(from) { copy = Array($0) }
            copy.withUnsafeBytes { element in
                source.push(element, at: to, fill: engine.listFill)
                pushed(engine, client, sourceKey, source, to, element)
            }
        } else {
            let targetKey = engine.key(target, client)
            let target =
                try engine.write(targetKey, .list).map { ListValue($0) }
                ?? engine.createList(targetKey)
            source.pop(from) { element in
                target.push(element, at: to, fill: engine.listFill)
                pushed(engine, client, targetKey, target, to, element)
            }
        }
        engine.effect(sourceKey, from.popCommand)
        engine.elementsRemoved(sourceKey, source, from.popEvent)
        return true
    }

    @inline(__always)
    private static func pushed(
        _ engine: Engine, _ client: Client, _ key: Key, _ list: ListValue, _ end: ListEnd,
        _ element: Bytes
    ) {
        engine.changed(key, list.entry, end.pushEvent, .list)
        engine.effect(key, end.pushCommand, .bytes(element))
        client.reply.bulk(element)
    }
}
