// SETBIT and BITOP: strings changed or made bit by bit.

import Glibc

extension Engine {
    /// The string that `write` found under a key, or a new one, made long enough for a bit and
    /// lent for changing; whether that made the key or made it longer.
    func growString(
        _ key: Key, _ old: Entry?, toHoldBit offset: Int
    ) -> (entry: Entry, bytes: UnsafeMutableRawBufferPointer, hasGrown: Bool) {
        let before = old.map(StringValue.count) ?? -1
        let start = old ?? insert(key, .string, .embedded, bodyCount: 0)
        let (entry, bytes) = growString(key, start, toCount: offset >> 3 + 1)
        return (entry, bytes, bytes.count != before)
    }
}

enum BitmapWrites {
    static func setbit(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let offset = try BitmapArguments.offset(engine, args, 2)
        let on = try args.integer(
            3, in: 0...1, else: "ERR bit is not an integer or out of range")
        let key = engine.key(args[1], client)
        let (entry, bytes, hasGrown) = engine.growString(
            key, try engine.write(key, .string), toHoldBit: offset)
        let mask: UInt8 = 0x80 >> UInt8(offset & 7)
        let before: Int64 = bytes[offset >> 3] & mask == 0 ? 0 : 1
        if hasGrown || before != on {
            bytes[offset >> 3] ^= before == on ? 0 : mask
            engine.changed(key, entry, "setbit", .string)
            engine.propagate(client, args)
        }
        client.reply.integer(before)
    }

    /// BITOP AND | OR | XOR | NOT destkey key [key ...]
    static func bitop(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let operation = try operation(args[1])
        if operation == .not, args.count != 4 {
            throw .message("ERR BITOP NOT must be called with a single source key.")
        }
        var sources: [Entry?] = []
        for index in 3..<args.count {
            sources.append(try engine.read(engine.key(args[index], client), .string))
        }
        let result = combine(operation, sources)
        let key = engine.key(args[2], client)
        guard let result else {
            try engine.storeNothing(under: key)
            return client.reply.integer(0)
        }
        let old: Entry?
        do throws(CommandError) {
            old = try engine.write(key)
        } catch {
            result.free()
            throw error
        }
        let entry = engine.setString(key, old, raw: result)
        engine.changed(key, entry, "set", .string)
        engine.effect(key, "SET", .bytes(result.bytes))
        client.reply.integer(Int(result.count))
    }

    private static func operation(_ name: Bytes) throws(CommandError) -> Bits.Operation {
        if name.equalsIgnoringCase("and") { return .and }
        if name.equalsIgnoringCase("or") { return .or }
        if name.equalsIgnoringCase("xor") { return .xor }
        if name.equalsIgnoringCase("not") { return .not }
        throw .syntax
    }

    /// A new string, nil if it would be empty. Nothing may have changed since the sources were
    /// looked up.
    private static func combine(
        _ operation: Bits.Operation, _ sources: [Entry?]
    ) -> RawString? {
        let room = Numbers.integerCharsMax
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room * sources.count) {
            texts in
            var views: [Bytes] = []
            for (number, entry) in sources.enumerated() {
                guard let entry else {
                    views.append(Bytes(start: nil, count: 0))
                    continue
                }
                if entry.encoding == .integer {
                    // Has no bytes of its own.
                    let text = texts.baseAddress! + number * room
                    let count = Numbers.formatInt64(entry.integer, into: text)
                    views.append(Bytes(start: text, count: count))
                } else {
                    views.append(StringValue.withBytes(entry) { $0 })
                }
            }
            let count = views.map(\.count).max() ?? 0
            if count == 0 { return nil }
            let result = RawString(zeros: count)
            Bits.combine(operation, views, into: result.pointer, count: count)
            return result
        }
    }
}
