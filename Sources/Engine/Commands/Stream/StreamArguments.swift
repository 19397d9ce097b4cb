// IDs and options among the arguments of the stream commands, as Redis reads them.

extension StreamID {
    /// An ID as clients write it: `ms-seq`, or `ms` alone, which means `missingSeq` in it.
    init?(_ text: Bytes, missingSeq: UInt64) {
        guard let parts = StreamID.parts(text) else { return nil }
        ms = parts.ms
        guard let rest = parts.seq else {
            seq = missingSeq
            return
        }
        guard let number = StreamID.number(rest) else { return nil }
        seq = number
    }

    /// The millisecond, and what stands behind the dash if there is one.
    fileprivate static func parts(_ text: Bytes) -> (ms: UInt64, seq: Bytes?)? {
        if text.count > 127 { return nil }
        // As in Redis, a zero byte ends the text.
        let text = text.slice(0, text.firstIndex(of: 0) ?? text.count)
        guard let dash = text.firstIndex(of: 0x2D) else { return number(text).map { ($0, nil) } }
        return number(text.slice(0, dash)).map {
            ($0, text.slice(dash + 1, text.count - dash - 1))
        }
    }

    /// A number as C's `strtoull` reads it, which Redis falls back to: spaces in front, a sign,
    /// zeros in front; a negative one only where it is not in the shortest form.
    private static func number(_ text: Bytes) -> UInt64? {
        if let number = Numbers.parseUInt64(text) { return number }
        if Numbers.parseInt64(text) != nil { return nil }
        var at = 0
        while at < text.count, text[at] == 0x20 || (0x09...0x0D).contains(text[at]) { at += 1 }
        let isNegative = at < text.count && text[at] == 0x2D
        if isNegative || at < text.count && text[at] == 0x2B { at += 1 }
        if at == text.count { return nil }
        var value: UInt64 = 0
        while at < text.count {
            guard (0x30...0x39).contains(text[at]) else { return nil }
            let (tens, isOver) = value.multipliedReportingOverflow(by: 10)
            let (sum, isPast) = tens.addingReportingOverflow(UInt64(text[at] - 0x30))
            if isOver || isPast { return nil }
            value = sum
            at += 1
        }
        return isNegative ? 0 &- value : value
    }
}

extension Arguments {
    static let invalidID = CommandError.message(
        "ERR Invalid stream ID specified as stream command argument")

    /// The ID at `index`; `-` and `+` are none.
    func streamID(_ index: Int, missingSeq: UInt64 = 0) throws(CommandError) -> StreamID {
        guard let id = StreamID(self[index], missingSeq: missingSeq) else {
            throw Self.invalidID
        }
        return id
    }

    /// The ID at `index`, where `-` and `+` are the least and the greatest.
    func streamIDOrEdge(_ index: Int, missingSeq: UInt64 = 0) throws(CommandError) -> StreamID {
        if self[index].equals("-") { return .zero }
        if self[index].equals("+") { return .max }
        return try streamID(index, missingSeq: missingSeq)
    }

    /// The IDs from `index` to the end.
    func streamIDs(from index: Int) throws(CommandError) -> [StreamID] {
        var ids: [StreamID] = []
        ids.reserveCapacity(count - index)
        for index in index..<count { ids.append(try streamID(index)) }
        return ids
    }

    /// The first ID of an interval; `(` in front leaves the ID itself out.
    func intervalStart(_ index: Int) throws(CommandError) -> StreamID {
        guard let rest = exclusive(index) else { return try streamIDOrEdge(index) }
        guard let id = StreamID(rest, missingSeq: 0) else { throw Self.invalidID }
        guard let next = id.next else {
            throw .message("ERR invalid start ID for the interval")
        }
        return next
    }

    /// The last ID of an interval.
    func intervalEnd(_ index: Int) throws(CommandError) -> StreamID {
        guard let rest = exclusive(index) else {
            return try streamIDOrEdge(index, missingSeq: .max)
        }
        guard let id = StreamID(rest, missingSeq: .max) else { throw Self.invalidID }
        guard let previous = id.previous else {
            throw .message("ERR invalid end ID for the interval")
        }
        return previous
    }

    private func exclusive(_ index: Int) -> Bytes? {
        let text = self[index]
        return text.count > 1 && text[0] == 0x28 ? text.slice(1, text.count - 1) : nil
    }
}

/// The options of XADD and XTRIM.
struct StreamTrimOptions {
    private(set) var rule: Stream.TrimRule?
    private(set) var isApproximate = false
    /// Most entries to trim, 0 for any number.
    private(set) var limit = 0
    private(set) var createsNothing = false
    private(set) var wish = StreamValue.Wish.automatic
    /// Where XADD's fields begin.
    private(set) var fieldsIndex: Int
    private var isLimited = false

    private static let twoRules = CommandError.message(
        """
        ERR syntax error, MAXLEN and MINID options at the same time are not compatible
        """)

    /// - Parameter obeys: the command comes from a log: it does what it says, whatever the limit.
    init(
        _ args: Arguments, isAdd: Bool, _ limits: StreamLimits, obeys: Bool
    ) throws(CommandError) {
        var index = 2
        fieldsIndex = args.count + 1
        while index < args.count {
            let option = args[index]
            let hasMore = index + 1 < args.count
            if isAdd, option.equals("*") {
                fieldsIndex = index + 1
                break
            } else if option.equalsIgnoringCase("maxlen"), hasMore {
                try readRule(args, &index)
                let length = try args.integer(index)
                if length < 0 { throw .message("ERR The MAXLEN argument must be >= 0.") }
                rule = .length(Int(length))
            } else if option.equalsIgnoringCase("minid"), hasMore {
                try readRule(args, &index)
                rule = .id(try args.streamID(index))
            } else if option.equalsIgnoringCase("limit"), hasMore {
                index += 1
                limit = Int(try args.integer(index))
                if limit < 0 { throw .message("ERR The LIMIT argument must be >= 0.") }
                isLimited = true
            } else if isAdd, option.equalsIgnoringCase("nomkstream") {
                createsNothing = true
            } else if isAdd {
                wish = try Self.wish(option)
                fieldsIndex = index + 1
                break
            } else {
                throw .syntax
            }
            index += 1
        }
        try settleLimit(isAdd: isAdd, limits, obeys: obeys)
    }

    /// Steps to the rule's argument over `~` or `=`.
    private mutating func readRule(_ args: Arguments, _ index: inout Int) throws(CommandError) {
        if rule != nil { throw Self.twoRules }
        index += 1
        isApproximate = false
        guard index + 1 < args.count else { return }
        if args[index].equals("~") {
            isApproximate = true
            index += 1
        } else if args[index].equals("=") {
            index += 1
        }
    }

    private static func wish(_ text: Bytes) throws(CommandError) -> StreamValue.Wish {
        if let parts = StreamID.parts(text), let seq = parts.seq, seq.equals("*") {
            return .inMillisecond(parts.ms)
        }
        guard let id = StreamID(text, missingSeq: 0) else { throw Arguments.invalidID }
        return .exactly(id)
    }

    private mutating func settleLimit(
        isAdd: Bool, _ limits: StreamLimits, obeys: Bool
    ) throws(CommandError) {
        if limit > 0, rule == nil {
            throw .message(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
        }
        if !isAdd, rule == nil {
            throw .message("ERR syntax error, XTRIM must be called with a trimming strategy")
        }
        if obeys {
            limit = 0
        } else if isLimited {
            if !isApproximate {
                throw .message(
                    "ERR syntax error, LIMIT cannot be used without the special ~ option")
            }
        } else if isApproximate {
            // A hundred nodes, so that no call takes long.
            let (wanted, isOver) = limits.nodeEntriesMax.multipliedReportingOverflow(by: 100)
            limit = isOver ? 1_000_000 : wanted <= 0 ? 10_000 : Swift.min(wanted, 1_000_000)
        }
    }
}
