// Parts of strings: APPEND, SETRANGE, GETRANGE.

import Glibc

extension StringCommands {
    static func append(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[1], client)
        let value = args[2]
        let entry: Entry
        if let old = try engine.write(key, .string) {
            try checkLength(engine, StringValue.count(old) + value.count)
            entry = engine.appendString(key, old, value)
        } else {
            try checkLength(engine, value.count)
            entry = engine.setString(key, nil, value, expiry: nil)
        }
        engine.changed(key, entry, "append", .string)
        engine.propagate(client, args)
        client.reply.integer(StringValue.count(entry))
    }

    static func setrange(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let offset = try args.integer(2)
        if offset < 0 { throw .message("ERR offset is out of range") }
        let value = args[3]
        let key = engine.key(args[1], client)
        let old = try engine.write(key, .string)
        if value.isEmpty { return client.reply.integer(old.map(StringValue.count) ?? 0) }
        let (end, overflow) = Int(offset).addingReportingOverflow(value.count)
        if overflow { throw .stringTooLong }
        try checkLength(engine, end)
        let start = old ?? engine.insert(key, .string, .embedded, bodyCount: 0)
        let (entry, bytes) = engine.growString(key, start, toCount: end)
        memcpy(bytes.baseAddress! + Int(offset), value.baseAddress!, value.count)
        engine.changed(key, entry, "setrange", .string)
        engine.propagate(client, args)
        client.reply.integer(bytes.count)
    }

    static func getrange(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let start = try args.integer(2)
        let end = try args.integer(3)
        guard let entry = try engine.read(engine.key(args[1], client), .string) else {
            return client.reply.bulk("")
        }
        StringValue.withBytes(entry) { bytes in
            if let range = StringValue.range(start, end, count: bytes.count) {
                client.reply.bulk(bytes.slice(range.start, range.count))
            } else {
                client.reply.bulk("")
            }
        }
    }
}
