// How long a reply may be that a few bytes ask for.

/// Replies of unbounded length that a client may ask for with a few bytes (SRANDMEMBER with a
/// negative count) end here, before they end the process.
enum ReplyLimit {
    static let bytesMax = 512 << 20

    /// `$0`, two line breaks: what an element takes at least.
    private static let elementBytesMin = 6

    /// Refuses before anything is written what cannot end otherwise.
    static func check(elements: Int) throws(CommandError) {
        if elements > bytesMax / elementBytesMin { throw exceeded }
    }

    @inline(__always)
    static func check(_ client: Client) throws(CommandError) {
        if client.reply.count > bytesMax { throw exceeded }
    }

    private static let exceeded = CommandError.message(
        "ERR reply exceeds the maximum size of 512 MB")
}
