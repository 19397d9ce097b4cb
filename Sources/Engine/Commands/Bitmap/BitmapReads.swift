// GETBIT, BITCOUNT, BITPOS: looking at the bits of a string.

enum BitmapReads {
    static func getbit(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let offset = try BitmapArguments.offset(engine, args, 2)
        guard let entry = try engine.read(engine.key(args[1], client), .string) else {
            return client.reply.integer(0)
        }
        let bit = StringValue.withBytes(entry) { bytes in
            let byte = offset >> 3
            return byte < bytes.count && bytes[byte] & (0x80 >> UInt8(offset & 7)) != 0
        }
        client.reply.integer(bit ? 1 : 0)
    }

    /// BITCOUNT key [start end [BYTE | BIT]]
    static func bitcount(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        // As in Redis, what follows the name of a missing key is not looked at.
        guard let entry = try engine.read(engine.key(args[1], client), .string) else {
            return client.reply.integer(0)
        }
        if args.count == 2 {
            return client.reply.integer(StringValue.withBytes(entry) { Bits.count($0) })
        }
        guard args.count == 4 || args.count == 5 else { throw .syntax }
        let start = try args.integer(2)
        let end = try args.integer(3)
        if start < 0, end < 0, start > end { return client.reply.integer(0) }
        let unit =
            args.count == 5 ? try BitmapArguments.Unit(args[4]) : BitmapArguments.Unit.bytes
        let count = StringValue.withBytes(entry) { bytes in
            unit.range(start, end, byteCount: bytes.count).map { Bits.count(bytes, in: $0) } ?? 0
        }
        client.reply.integer(count)
    }

    /// BITPOS key bit [start [end [BYTE | BIT]]]
    static func bitpos(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let bit = try args.integer(2)
        if bit != 0, bit != 1 { throw .message("ERR The bit argument must be 1 or 0.") }
        guard let entry = try engine.read(engine.key(args[1], client), .string) else {
            // Nothing is an endless row of zeros.
            return client.reply.integer(bit == 1 ? -1 : 0)
        }
        if args.count > 6 { throw .syntax }
        let start = args.count > 3 ? try args.integer(3) : 0
        let unit =
            args.count == 6 ? try BitmapArguments.Unit(args[5]) : BitmapArguments.Unit.bytes
        let hasEnd = args.count > 4
        let end = hasEnd ? try args.integer(4) : -1
        let found = StringValue.withBytes(entry) { bytes in
            guard let range = unit.range(start, end, byteCount: bytes.count) else { return -1 }
            if let found = Bits.find(bit == 1, bytes, in: range) { return found }
            // Without an end, the string is taken to go on with zeros.
            return bit == 1 || hasEnd ? -1 : bytes.count << 3
        }
        client.reply.integer(found)
    }
}
