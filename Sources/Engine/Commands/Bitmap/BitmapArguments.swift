// Offsets, units and types of fields among the arguments of bit commands.

enum BitmapArguments {
    /// The bit offset at `index`. With `width`, the form `#n` is allowed, too: the n-th field of
    /// that many bits. Offsets end where strings do, at `proto-max-bulk-len`.
    static func offset(
        _ engine: Engine, _ args: Arguments, _ index: Int, width: Int? = nil
    ) throws(CommandError) -> Int {
        var text = args[index]
        var factor: Int64 = 1
        if let width, text.first == UInt8(ascii: "#") {
            text = text.slice(1, text.count - 1)
            factor = Int64(width)
        }
        // Replaying the log, the limit of the day does not matter.
        let configured = engine.isReplaying ? Int.max : engine.configuration.bulkBytesMax
        // A field that begins there may reach eight bytes further.
        let bytesMax = Swift.min(configured, StringValue.countMax - 8)
        if let number = Numbers.parseInt64(text) {
            let (offset, overflow) = number.multipliedReportingOverflow(by: factor)
            if !overflow, offset >= 0, offset >> 3 < bytesMax { return Int(offset) }
        }
        throw .message("ERR bit offset is not an integer or out of range")
    }

    /// A field's type, such as `u8` or `i64`.
    static func field(_ text: Bytes) throws(CommandError) -> BitField {
        let isSigned = text.first == UInt8(ascii: "i")
        if isSigned || text.first == UInt8(ascii: "u"),
            let width = Numbers.parseInt64(text.slice(1, text.count - 1)),
            width >= 1, width <= (isSigned ? 64 : 63)
        {
            return BitField(isSigned: isSigned, width: Int(width))
        }
        throw .message(
            """
            ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported \
            but i64 is.
            """)
    }

    /// What the bounds of BITCOUNT and BITPOS count.
    enum Unit {
        case bytes
        case bits

        init(_ text: Bytes) throws(CommandError) {
            if text.equalsIgnoringCase("bit") {
                self = .bits
            } else if text.equalsIgnoringCase("byte") {
                self = .bytes
            } else {
                throw .syntax
            }
        }

        /// The bits between two inclusive bounds, negative ones counting from the end of a string
        /// of `byteCount` bytes; nil if there are none.
        func range(_ start: Int64, _ end: Int64, byteCount: Int) -> ClosedRange<Int>? {
            let total = Int64(byteCount) << (self == .bits ? 3 : 0)
            // `total` is not negative, so these sums cannot overflow.
            let first = Swift.max(start < 0 ? start + total : start, 0)
            let wanted = Swift.max(end < 0 ? end + total : end, 0)
            let last = Swift.min(wanted, total - 1)
            if first > last { return nil }
            switch self {
            case .bits: return Int(first)...Int(last)
            case .bytes: return Int(first) << 3...Int(last) << 3 + 7
            }
        }
    }
}
