// HGETEX, HSETEX and HGETDEL: fields read or written together with their expiry.
//
// The log gets what they come to: HPEXPIREAT, HPERSIST, HSET or HDEL. Only values set together
// with a time, or over one that stays, need HSETEX itself, with PXAT or KEEPTTL.

enum HashFieldAccess {
    // MARK: HGETEX

    static func hgetex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let entry = try engine.write(key, .hash)
        var time: Int64?
        var at = 2
        let persists = args[2].equalsIgnoringCase("persist")
        if let option = FieldTime(option: args[2]) {
            time = try option.read(engine, args, 3, "hgetex")
            at = 4
        } else if persists {
            at = 3
        }
        let fields = try args.fields(at: at)
        client.reply.array(fields.count)
        guard let entry else {
            for _ in fields { client.reply.null() }
            return
        }
        let hash = HashValue(entry)
        let limits = engine.hashLimits
        let before = engine.fieldExpiry(entry)
        let isPast = time.map { $0 <= engine.expiryClockMs } ?? false
        var done: [Int] = []
        for index in fields {
            guard let value = hash.value(of: args[index]) else {
                client.reply.null()
                continue
            }
            client.reply.bulk(value)
            if isPast {
                _ = hash.remove(args[index])
            } else if let time {
                hash.setExpiry(args[index], time, limits)
            } else if persists, hash.expiry(of: args[index]) != nil {
                hash.setExpiry(args[index], nil, limits)
            } else {
                continue
            }
            done.append(index)
        }
        if done.isEmpty { return }
        if isPast {
            engine.stats.expiredFields += done.count
            return engine.fieldsRemoved(key, entry, since: before, args, done)
        }
        engine.fieldsChanged(key, entry, since: before)
        engine.changed(key, entry, persists ? "hpersist" : "hexpire", .hash)
        engine.fieldsEffect(key, persists ? "HPERSIST" : "HPEXPIREAT", time: time, args, done)
    }

    // MARK: HGETDEL

    static func hgetdel(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let entry = try engine.write(key, .hash)
        let fields = try args.fields(at: 2)
        client.reply.array(fields.count)
        let before = entry.flatMap { engine.fieldExpiry($0) }
        var done: [Int] = []
        for index in fields {
            guard let entry, let value = HashValue(entry).value(of: args[index]) else {
                client.reply.null()
                continue
            }
            client.reply.bulk(value)
            _ = HashValue(entry).remove(args[index])
            done.append(index)
        }
        guard let entry, !done.isEmpty else { return }
        engine.fieldsRemoved(key, entry, since: before, args, done)
    }

    // MARK: HSETEX

    /// FNX, FXX, the time or KEEPTTL, and the pairs.
    private struct SetOptions {
        private(set) var condition: Bool?
        private(set) var time: Int64?
        private(set) var keepsExpiry = false
        private(set) var pairs = 0..<0

        init(_ engine: Engine, _ args: Arguments) throws(CommandError) {
            var index = 2
            while index < args.count {
                let option = args[index]
                if option.equalsIgnoringCase("fields") {
                    pairs = try SetOptions.pairs(args, index)
                    return
                } else if let form = FieldTime(option: option) {
                    try refuseSecondTime()
                    index += 1
                    guard index < args.count else { throw .message("ERR missing expire time") }
                    time = try form.read(engine, args, index, "hsetex")
                } else if option.equalsIgnoringCase("keepttl") {
                    try refuseSecondTime()
                    keepsExpiry = true
                } else if option.equalsIgnoringCase("fxx") || option.equalsIgnoringCase("fnx") {
                    if condition != nil {
                        throw .message("ERR Only one of FXX or FNX arguments can be specified")
                    }
                    condition = option.equalsIgnoringCase("fxx")
                } else {
                    throw .quoting("ERR unknown argument: \(option, max: .max)")
                }
                index += 1
            }
            // Redis has no answer to a command without FIELDS.
            throw .wrongArity("hsetex")
        }

        private func refuseSecondTime() throws(CommandError) {
            if time != nil || keepsExpiry {
                throw .message(
                    """
                    ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
                    """)
            }
        }

        private static func pairs(
            _ args: Arguments, _ at: Int
        ) throws(CommandError) -> Range<Int> {
            if at + 3 >= args.count { throw .wrongArity("hsetex") }
            let number = try args.integer(
                at + 1, in: 1...Int64(Int32.max), else: "ERR invalid number of fields")
            let left = args.count - at - 2
            guard left % 2 == 0, number == Int64(left / 2) else { throw .wrongArity("hsetex") }
            return at + 2..<args.count
        }
    }

    static func hsetex(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let options = try SetOptions(engine, args)
        let key = engine.key(args[1], client)
        let old = try engine.write(key, .hash)
        if let mustExist = options.condition {
            for index in stride(from: options.pairs.lowerBound, to: args.count, by: 2) {
                let exists = old.map { HashValue($0).value(of: args[index]) != nil } ?? false
                if exists != mustExist { return client.reply.integer(0) }
            }
        }
        client.reply.integer(1)
        if let time = options.time, time <= engine.expiryClockMs {
            return setPast(engine, key, old, args, options.pairs)
        }
        let hash = old.map { HashValue($0) } ?? engine.createHash(key)
        let limits = engine.hashLimits
        let before = engine.fieldExpiry(hash.entry)
        for index in stride(from: options.pairs.lowerBound, to: args.count, by: 2) {
            if options.keepsExpiry {
                hash.setKeepingExpiry(args[index], args[index + 1], limits)
            } else {
                hash.set(args[index], args[index + 1], expiry: options.time, limits)
            }
        }
        engine.fieldsChanged(key, hash.entry, since: before)
        engine.changed(key, hash.entry, "hset", .hash)
        if options.time != nil { engine.announce(key, "hexpire", .hash) }
        logSet(engine, key, hash, args, options)
    }

    private static func logSet(
        _ engine: Engine, _ key: Key, _ hash: HashValue, _ args: Arguments, _ options: SetOptions
    ) {
        let pairs = options.pairs
        let keeps = options.keepsExpiry && hash.entry.encoding.expiresFields
        guard options.time != nil || keeps else {
            return engine.effect(key, "HSET", argumentCount: pairs.count) { log in
                for index in pairs { log.argument(args[index]) }
            }
        }
        let count = pairs.count + (keeps ? 3 : 4)
        engine.effect(key, "HSETEX", argumentCount: count) { log in
            if let time = options.time {
                log.argument("PXAT")
                log.argument(time)
            } else {
                log.argument("KEEPTTL")
            }
            log.argument("FIELDS")
            log.argument(Int64(pairs.count / 2))
            for index in pairs { log.argument(args[index]) }
        }
    }

    /// Values that expire as they are set: what is left of them is that the fields are gone.
    private static func setPast(
        _ engine: Engine, _ key: Key, _ entry: Entry?, _ args: Arguments, _ pairs: Range<Int>
    ) {
        engine.stats.expiredFields += pairs.count / 2
        engine.announce(key, "hset", .hash)
        var removed: [Int] = []
        if let entry {
            let before = engine.fieldExpiry(entry)
            for index in stride(from: pairs.lowerBound, to: args.count, by: 2)
            where HashValue(entry).remove(args[index]) { removed.append(index) }
            if !removed.isEmpty {
                return engine.fieldsRemoved(key, entry, since: before, args, removed)
            }
        }
        engine.announce(key, "hdel", .hash)
        if entry == nil { engine.announce(key, "del", .generic) }
    }
}
