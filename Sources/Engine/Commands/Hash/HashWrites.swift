// HSET and its kin: the commands that change a hash.
//
// Arguments are judged before anything is created, so that a refused command leaves no empty
// hash behind.

enum HashWrites {
    /// HSET and HMSET, which differ in the reply alone.
    static func hset(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let created = try setPairs(engine, client, args, name: "hset")
        client.reply.integer(created)
    }

    static func hmset(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        _ = try setPairs(engine, client, args, name: "hmset")
        client.reply.ok()
    }

    @inline(__always)
    private static func setPairs(
        _ engine: Engine, _ client: Client, _ args: Arguments, name: StaticString
    ) throws(CommandError) -> Int {
        guard args.count & 1 == 0 else { throw .wrongArity(name.description) }
        let key = engine.key(args[1], client)
        let hash = try engine.writeOrCreateHash(key)
        let limits = engine.hashLimits
        let before = engine.fieldExpiry(hash.entry)
        var created = 0
        var index = 2
        while index < args.count {
            if hash.set(args[index], args[index &+ 1], limits) { created &+= 1 }
            index &+= 2
        }
        engine.fieldsChanged(key, hash.entry, since: before)
        engine.changed(key, hash.entry, "hset", .hash)
        engine.propagate(client, args)
        return created
    }

    static func hsetnx(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let hash = try engine.writeOrCreateHash(key)
        if hash.value(of: args[2]) != nil { return client.reply.integer(0) }
        hash.set(args[2], args[3], engine.hashLimits)
        engine.changed(key, hash.entry, "hset", .hash)
        engine.propagate(client, args)
        client.reply.integer(1)
    }

    static func hdel(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let entry = try engine.write(key, .hash) else { return client.reply.integer(0) }
        let hash = HashValue(entry)
        let before = engine.fieldExpiry(entry)
        var removed = 0
        var isEmpty = false
        for index in 2..<args.count where hash.remove(args[index]) {
            removed += 1
            if hash.count == 0 {
                isEmpty = true
                break
            }
        }
        if removed > 0 {
            engine.propagate(client, args)
            engine.fieldsChanged(key, entry, since: before)
            engine.changed(key, entry, "hdel", .hash)
            if isEmpty { engine.remove(key, entry) }
        }
        client.reply.integer(removed)
    }

    // MARK: Counting

    static func hincrby(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let increment = try args.integer(3)
        let key = engine.key(args[1], client)
        let entry = try engine.write(key, .hash)
        var old: Int64 = 0
        if let entry, let value = HashValue(entry).value(of: args[2]) {
            guard let number = value.integer else {
                throw .message("ERR hash value is not an integer")
            }
            old = number
        }
        let (sum, overflow) = old.addingReportingOverflow(increment)
        if overflow { throw .overflow }
        let hash = entry.map { HashValue($0) } ?? engine.createHash(key)
        Numbers.withFormatted(sum) { hash.setKeepingExpiry(args[2], $0, engine.hashLimits) }
        engine.changed(key, hash.entry, "hincrby", .hash)
        engine.propagate(client, args)
        client.reply.integer(sum)
    }

    /// Adds in C's `long double`, as Redis does. Logged as the HSET that it comes to, for the sum
    /// must not depend on the machine that replays it.
    static func hincrbyfloat(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let increment = Numbers.parseFloat80(args[3]) else { throw .notAFloat }
        guard increment.isFinite else { throw .message("ERR value is NaN or Infinity") }
        let key = engine.key(args[1], client)
        let entry = try engine.write(key, .hash)
        var sum: LongDouble = 0
        if let entry, let value = HashValue(entry).value(of: args[2]) {
            guard let number = value.float80 else {
                throw .message("ERR hash value is not a float")
            }
            sum = number
        }
        sum += increment
        guard sum.isFinite else { throw .message("ERR increment would produce NaN or Infinity") }
        let hash = entry.map { HashValue($0) } ?? engine.createHash(key)
        withUnsafeTemporaryAllocation(
            of: UInt8.self, capacity: Numbers.longDoubleCharsMax
        ) { room in
            let count = Numbers.formatFloat80Human(sum, into: room.baseAddress!)
            let text = Bytes(start: room.baseAddress!, count: count)
            hash.setKeepingExpiry(args[2], text, engine.hashLimits)
            engine.changed(key, hash.entry, "hincrbyfloat", .hash)
            if hash.expiry(of: args[2]) == nil {
                engine.effect(key, "HSET", .bytes(args[2]), .bytes(text))
            } else {
                engine.effect(
                    key, "HSETEX", .literal("KEEPTTL"), .literal("FIELDS"), .integer(1),
                    .bytes(args[2]), .bytes(text))
            }
            client.reply.bulk(text)
        }
    }
}

extension Engine {
    /// The thresholds in force.
    @inline(__always)
    var hashLimits: HashLimits {
        HashLimits(
            entriesMax: configuration.hashListpackEntriesMax,
            elementBytesMax: configuration.hashListpackValueBytesMax, secret: secret)
    }

    /// The hash of `key` for a command that is sure to put something into it.
    @inline(__always)
    fileprivate func writeOrCreateHash(_ key: Key) throws(CommandError) -> HashValue {
        if let entry = try write(key, .hash) { return HashValue(entry) }
        return createHash(key)
    }

    func createHash(_ key: Key) -> HashValue {
        HashValue.create(in: insert(key, .hash, .listPack))
    }
}

extension ListPackElement {
    /// The integer that the element spells, or nil.
    var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .bytes(let bytes): Numbers.parseInt64(bytes)
        }
    }

    /// The floating-point number that the element spells, or nil.
    fileprivate var float80: LongDouble? {
        switch self {
        case .integer(let value): LongDouble(value)
        case .bytes(let bytes): Numbers.parseFloat80(bytes)
        }
    }

    /// Length of the element's text.
    var textLength: Int {
        switch self {
        case .integer(let value): Numbers.textLength(value)
        case .bytes(let bytes): bytes.count
        }
    }

    /// Lends the element's text.
    @inline(__always)
    func withBytes<R>(_ body: (Bytes) throws -> R) rethrows -> R {
        switch self {
        case .integer(let value): try Numbers.withFormatted(value, body)
        case .bytes(let bytes): try body(bytes)
        }
    }
}
