// The cursor and the options that HSCAN, SSCAN and ZSCAN share with SCAN.

struct ScanOptions {
    /// About how many elements one call looks at.
    private(set) var count = 10
    /// Nil when every name matches.
    private(set) var pattern: Bytes?
    /// NOVALUES: only the fields of a hash, without their values.
    private(set) var omitsValues = false

    static let valuesRefused = CommandError.message(
        "ERR NOVALUES option can only be used in HSCAN")

    /// MATCH and COUNT from argument `start` on, for a hash NOVALUES, too. Throws a syntax error for
    /// anything else. `type`: what is scanned.
    init(_ args: Arguments, from start: Int, of type: ValueType? = nil) throws(CommandError) {
        var index = start
        while index < args.count {
            let option = args[index]
            if let type, option.equalsIgnoringCase("novalues") {
                guard type == .hash else { throw Self.valuesRefused }
                omitsValues = true
                index += 1
                continue
            }
            guard index + 1 < args.count else { throw .syntax }
            if option.equalsIgnoringCase("count") {
                let value = try args.integer(index + 1)
                guard value >= 1 else { throw .syntax }
                count = Int(value)
            } else if option.equalsIgnoringCase("match") {
                let glob = args[index + 1]
                pattern = glob.equals("*") ? nil : glob
            } else {
                throw .syntax
            }
            index += 2
        }
    }

    /// Whether MATCH, if given, admits `name`.
    @inline(__always)
    func admits(_ name: Bytes) -> Bool {
        guard let pattern else { return true }
        return Glob.matches(pattern, name)
    }

    /// Replies the cursor to go on from and the items that `scan` writes. The cursor comes first
    /// in the reply and last out of the scan.
    func reply(
        to client: Client, _ scan: (inout ReplyWriter) -> (next: UInt64, count: Int)
    ) {
        var items = ReplyWriter(version: client.reply.version, capacity: 1024)
        let (next, count) = scan(&items)
        client.reply.array(2)
        client.reply.bulkInteger(Int64(bitPattern: next))
        client.reply.array(count)
        client.reply.append(items)
    }

    /// The reply for a key that does not exist: the end, and nothing.
    static func replyNothing(to client: Client) {
        client.reply.array(2)
        client.reply.bulk("0")
        client.reply.emptyArray()
    }

    /// A cursor as `strtoul` reads it: an empty one is 0, a negative one wraps.
    static func cursor(_ bytes: Bytes) throws(CommandError) -> UInt64 {
        var digits = bytes
        var isNegative = false
        if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            digits = bytes.slice(1, bytes.count - 1)
        } else if bytes.isEmpty {
            return 0
        }
        guard let value = Numbers.parseUInt64(digits) else {
            throw .message("ERR invalid cursor")
        }
        return isNegative ? 0 &- value : value
    }
}
