// The cursor and the options that HSCAN, SSCAN and ZSCAN share with SCAN.

struct ScanOptions {
    /// About how many elements one call looks at.
    private(set) var count = 10
    /// Nil when every name matches.
    private(set) var pattern: Bytes?

    /// MATCH and COUNT from argument `start` on. Throws a syntax error for anything else.
    init(_ args: Arguments, from start: Int) throws(CommandError) {
        var index = start
        while index < args.count {
            guard index + 1 < args.count else { throw .syntax }
            let option = args[index]
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
