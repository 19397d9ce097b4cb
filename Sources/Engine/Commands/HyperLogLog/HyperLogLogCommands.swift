// PFADD, PFCOUNT, PFMERGE.
//
// When a HyperLogLog turns dense depends on `hll-sparse-max-bytes`, which may be another when the
// log is replayed. So replay never turns one dense by itself; the command that did is logged as
// the SET it came to.

extension CommandError {
    static let notAHyperLogLog = CommandError.message(
        "WRONGTYPE Key is not a valid HyperLogLog string value.")
    static let damagedHyperLogLog = CommandError.message(
        "INVALIDOBJ Corrupted HLL object detected")
}

extension Engine {
    /// Refuses an entry that is no HyperLogLog; its registers may be damaged all the same.
    func checkHyperLogLog(_ entry: Entry) throws(CommandError) {
        guard entry.type == .string else { throw .wrongType }
        let isValid = StringValue.withBytes(entry) { HyperLogLog.encoding(of: $0) != nil }
        if !isValid { throw .notAHyperLogLog }
    }

    /// The HyperLogLog that `write` found under a key, or a new one, ready for changes.
    func openHyperLogLog(_ key: Key, _ old: Entry?) -> (entry: Entry, value: HyperLogLogValue) {
        if let old {
            let entry = growString(key, old, toCount: 0).entry
            return (entry, HyperLogLogValue(entry))
        }
        let value = HyperLogLogValue()
        return (setString(key, nil, raw: value.string), value)
    }

    /// Logs the whole of a HyperLogLog as it is now.
    func logHyperLogLog(_ key: Key, _ value: HyperLogLogValue) {
        effect(key, "SET", .bytes(value.string.bytes), .literal("KEEPTTL"))
    }

    /// Up to which length a HyperLogLog stays sparse.
    fileprivate var sparseBytesMax: Int {
        isReplaying && !isImporting ? .max : configuration.hllSparseBytesMax
    }
}

enum HyperLogLogCommands {
    /// PFADD key [element [element ...]]
    static func pfadd(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let old = try engine.write(key)
        if let old { try engine.checkHyperLogLog(old) }
        var (entry, value) = engine.openHyperLogLog(key, old)
        var isChanged = old == nil
        var isPromoted = false
        var isDamaged = false
        let sparseBytesMax = engine.sparseBytesMax
        for index in 2..<args.count where !isDamaged {
            let (register, rank) = HyperLogLog.register(of: args[index])
            switch value.raise(register, to: rank, sparseBytesMax: sparseBytesMax) {
            case .unchanged: break
            case .changed: isChanged = true
            case .promoted: isPromoted = true
            case .damaged: isDamaged = true
            }
        }
        if isChanged || isPromoted { value.forgetCount() }
        value.save(to: entry)
        if isChanged || isPromoted {
            // Redis leaves what came before the damage in place and tells nobody.
            if isDamaged {
                engine.markDirty(entry, database: key.database)
            } else {
                engine.changed(key, entry, "pfadd", .string)
            }
            if isPromoted || isDamaged {
                engine.logHyperLogLog(key, value)
            } else {
                engine.propagate(client, args)
            }
        }
        if isDamaged { throw .damagedHyperLogLog }
        client.reply.integer(isChanged || isPromoted ? 1 : 0)
    }

    /// PFCOUNT key [key ...]
    static func pfcount(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        if args.count == 2 { return try countOne(engine, client, args) }
        let registers = try merge(engine, client, args, from: 1)
        client.reply.integer(Int64(bitPattern: registers.count()))
    }

    /// A single count is kept in the value until the next element comes. This is a change of the
    /// key, though the command only reads; so in Redis.
    private static func countOne(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        guard let found = engine.read(key) else { return client.reply.integer(0) }
        try engine.checkHyperLogLog(found)
        if let count = StringValue.withBytes(found, { HyperLogLog.cachedCount($0) }) {
            return client.reply.integer(Int64(bitPattern: count))
        }
        guard let count = StringValue.withBytes(found, { HyperLogLogValue.count($0) }) else {
            throw .damagedHyperLogLog
        }
        client.reply.integer(Int64(bitPattern: count))
        // Where nothing may be written now, it is counted anew the next time.
        guard engine.writesAreRefused == nil else { return }
        let (entry, value) = engine.openHyperLogLog(key, try engine.write(key))
        HyperLogLog.setCachedCount(count, value.string.pointer)
        engine.changedQuietly(key, entry)
        engine.effect(
            key, "SETRANGE", .integer(Int64(HyperLogLog.countOffset)),
            .bytes(value.string.bytes.slice(HyperLogLog.countOffset, 8)))
    }

    /// PFMERGE destkey [sourcekey [sourcekey ...]]
    static func pfmerge(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        // The destination is a source, too.
        let registers = try merge(engine, client, args, from: 1)
        let key = engine.key(args[1], client)
        var (entry, value) = engine.openHyperLogLog(key, try engine.write(key))
        if registers.sawDense, value.isSparse { _ = value.makeDense() }
        let sparseBytesMax = engine.sparseBytesMax
        for (index, rank) in registers.ranks.enumerated() where rank > 0 {
            _ = value.raise(index, to: rank, sparseBytesMax: sparseBytesMax)
        }
        value.forgetCount()
        value.save(to: entry)
        engine.changed(key, entry, "pfadd", .string)
        engine.logHyperLogLog(key, value)
        client.reply.ok()
    }

    /// The union of the keys from argument `start` on.
    private static func merge(
        _ engine: Engine, _ client: Client, _ args: Arguments, from start: Int
    ) throws(CommandError) -> MergedRegisters {
        var registers = MergedRegisters()
        for index in start..<args.count {
            guard let entry = engine.read(engine.key(args[index], client)) else { continue }
            try engine.checkHyperLogLog(entry)
            guard StringValue.withBytes(entry, { registers.merge($0) }) else {
                throw .damagedHyperLogLog
            }
        }
        return registers
    }
}
