// The arguments of XREAD and XREADGROUP.

extension StreamRead {
    /// The options; what `$` and `>` mean is for `resolve`.
    init(_ args: Arguments, inGroup: Bool) throws(CommandError) {
        var index = 1
        while index < args.count, firstKey == 0 {
            let option = args[index]
            let more = args.count - index - 1
            if option.equalsIgnoringCase("block"), more > 0 {
                index += 1
                blockMs = try args.timeoutMilliseconds(index)
            } else if option.equalsIgnoringCase("count"), more > 0 {
                index += 1
                count = Int(Swift.max(try args.integer(index), 0))
            } else if option.equalsIgnoringCase("streams"), more > 0 {
                if more % 2 != 0 { throw Self.unbalanced }
                firstKey = index + 1
            } else if option.equalsIgnoringCase("group"), more >= 2 {
                if !inGroup { throw Self.onlyInGroups("GROUP") }
                group = (index + 1, index + 2)
                index += 2
            } else if option.equalsIgnoringCase("noack") {
                if !inGroup { throw Self.onlyInGroups("NOACK") }
                keepsNothing = true
            } else {
                throw .syntax
            }
            index += 1
        }
        if firstKey == 0 { throw .syntax }
        if inGroup, group == nil { throw .message("ERR Missing GROUP option for XREADGROUP") }
    }

    private static let unbalanced = CommandError.message(
        """
        ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.
        """)

    private static func onlyInGroups(_ option: String) -> CommandError {
        .text(
            "ERR The \(option) option is only supported by XREADGROUP. You called XREAD instead.")
    }

    /// Finds keys and groups and what `$` means now; errors come in Redis's order, key by key.
    mutating func resolve(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let count = (args.count - firstKey) / 2
        positions.reserveCapacity(count)
        for index in firstKey..<firstKey + count {
            let key = engine.key(args[index], client)
            var stream: StreamValue?
            if let group {
                // It is going to change, so what cannot be read must not pass for missing.
                stream = try engine.writeCounted(key, .stream).map { StreamValue($0) }
                if stream?.group(args[group.name]) == nil {
                    throw .quoting(
                        """
                        NOGROUP No such key '\(args[index], max: .max)' or consumer group \
                        '\(args[group.name], max: .max)' in XREADGROUP with GROUP option
                        """)
                }
            } else {
                stream = try engine.read(key, .stream).map { StreamValue($0) }
            }
            positions.append(try position(args, index + count, stream))
        }
    }

    private func position(
        _ args: Arguments, _ index: Int, _ stream: StreamValue?
    ) throws(CommandError) -> Position {
        let word = args[index]
        if word.equals("$") {
            if group != nil {
                throw .message(
                    """
                    ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the \
                    history of this consumer by specifying a proper ID, or use the > ID to get new \
                    messages. The $ ID would just return an empty result set.
                    """)
            }
            return .after(stream?.stream.pointee.lastID ?? .zero)
        }
        if word.equals(">") {
            if group == nil {
                throw .message(
                    """
                    ERR The > ID can be specified only when calling XREADGROUP using the GROUP \
                    <group> <consumer> option.
                    """)
            }
            return .undelivered
        }
        let id = try args.streamID(index)
        // The greatest ID is how Redis writes `>` down.
        return group != nil && id == .max ? .undelivered : .after(id)
    }

    /// Where the keys are, for whoever wants to know before the command runs: the first half of
    /// what stands behind the word STREAMS, looked for behind the group's names.
    static func keyPositions(_ args: Arguments) -> [Int] {
        var index = args[0].count == "xreadgroup".utf8.count ? 4 : 1
        while index < args.count - 1 {
            if args[index].equalsIgnoringCase("streams") {
                let count = (args.count - index - 1) / 2
                return Array(index + 1..<index + 1 + count)
            }
            index += 1
        }
        return []
    }
}
