// DUMP and RESTORE: a value as one string of bytes, in Redis's own format (ValueCodec).

enum DumpCommands {
    static func dump(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = engine.read(engine.key(args[1], client)) else {
            return client.reply.null()
        }
        var payload = ByteSink()
        ValueCodec.dump(entry, into: &payload)
        client.reply.bulk(payload.bytes)
    }

    private struct Options {
        var replaces = false
        var isAbsolute = false
        var idleSeconds: Int64?
        var frequency: Int64?

        init(_ args: Arguments) throws(CommandError) {
            var index = 4
            while index < args.count {
                let option = args[index]
                let hasValue = index + 1 < args.count
                if option.equalsIgnoringCase("replace") {
                    replaces = true
                } else if option.equalsIgnoringCase("absttl") {
                    isAbsolute = true
                } else if option.equalsIgnoringCase("idletime"), hasValue, frequency == nil {
                    index += 1
                    let seconds = try args.integer(index)
                    if seconds < 0 { throw .message("ERR Invalid IDLETIME value, must be >= 0") }
                    idleSeconds = seconds
                } else if option.equalsIgnoringCase("freq"), hasValue, idleSeconds == nil {
                    index += 1
                    let counter = try args.integer(index)
                    guard 0...255 ~= counter else {
                        throw .message("ERR Invalid FREQ value, must be >= 0 and <= 255")
                    }
                    frequency = counter
                } else {
                    throw .syntax
                }
                index += 1
            }
        }
    }

    static func restore(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let options = try Options(args)
        let key = engine.key(args[1], client)
        let old = try engine.write(key)
        if old != nil, !options.replaces {
            throw .message("BUSYKEY Target key name already exists.")
        }
        var expiry = try args.integer(2)
        if expiry < 0 { throw .message("ERR Invalid TTL value, must be >= 0") }
        if expiry > 0, !options.isAbsolute {
            let (sum, overflow) = expiry.addingReportingOverflow(engine.nowMs)
            if overflow { throw .invalidExpireTime("restore") }
            expiry = sum
        }
        let payload = args[3]
        guard ValueCodec.isDump(payload) else {
            throw .message("ERR DUMP payload version or checksum are wrong")
        }
        guard let value = ValueCodec.restore(payload, engine.configuration, engine.secret) else {
            throw .message("ERR Bad data format")
        }
        if expiry > 0, expiry <= engine.expiryClockMs {
            value.destroy()
            if let old {
                engine.remove(key, old)
                engine.effect(key, "DEL")
            }
            return client.reply.ok()
        }
        if let old { engine.removeSilently(key, old) }
        let entry = engine.insert(key, value, expiry: expiry > 0 ? expiry : nil)
        setAccess(engine, entry, options)
        engine.changed(key, entry, "restore", .generic)
        engine.effect(
            key, "RESTORE", .integer(expiry), .bytes(payload), .literal("REPLACE"),
            .literal("ABSTTL"))
        client.reply.ok()
    }

    private static func setAccess(_ engine: Engine, _ entry: Entry, _ options: Options) {
        if engine.policyIsLFU {
            guard let frequency = options.frequency else { return }
            entry.access = Access.freshLFU(engine) & ~0xFF | UInt32(frequency)
        } else if let idle = options.idleSeconds {
            let seconds = UInt32(Swift.min(idle, Int64(Access.lruMask)))
            entry.access = (engine.accessClock &- seconds) & Access.lruMask
        }
    }
}
