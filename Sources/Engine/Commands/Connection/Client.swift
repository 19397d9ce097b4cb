// A client's session: what the engine knows of one connection. Touched under the engine's lock.

/// The server's side of a connection, as far as commands need it.
package protocol ClientConnection: AnyObject, Sendable {
    /// Closes the connection from outside its own requests (CLIENT KILL, limits).
    func close()
    /// The cold keys that the client was parked for are at hand. Any thread.
    func resume()
    /// Tells the event loop that there is a reply to write (published messages), or that a
    /// blocked client goes on.
    func wake()
    /// "127.0.0.1:50310" of the peer, and of our end.
    var peerAddress: String { get }
    var localAddress: String { get }
    /// Bytes read and not executed yet, and bytes of replies not sent yet.
    var inputBytes: Int { get }
    var outputBytes: Int { get }
    /// The socket's number; -1 when there is none.
    var descriptor: Int { get }
}

extension ClientConnection {
    package var descriptor: Int { -1 }
}

package final class Client {
    package let id: Int64
    /// Strong, and cleared at the end: an object with weak references counts them at a third of
    /// the speed.
    package var connection: (any ClientConnection)?
    package var reply = ReplyWriter()
    var database = 0
    var isAuthenticated = false
    /// No more requests are read; the connection closes once the reply is sent.
    package internal(set) var closesAfterReply = false
    var name = ""
    let createdMs: Int64
    var lastRequestMs: Int64
    var lastCommand: Int = -1
    /// The subcommand last called of a container such as CONFIG.
    var lastSubcommand: Subcommand?
    var replyMode = ReplyMode.on
    /// While a command runs whose reply will be dropped: what is pushed meanwhile, for that is sent
    /// nevertheless.
    var heldPushes: [UInt8]?

    // MARK: MULTI

    /// The queued commands between MULTI and EXEC; nil outside.
    var transaction: Transaction?
    var watchedKeys: [(key: WatchedKey, wasAbsent: Bool)] = []
    var watchIsBroken = false
    /// Its next request waits for cold keys, which `fetchWait` names.
    package internal(set) var isParked = false
    var fetchWait: FetchWait?
    /// Its next request waits for the end of CLIENT PAUSE.
    var isPostponed = false
    /// What it waits for in a blocking command; its further requests stay in the connection.
    var wait: BlockedWait?
    package var isBlocked: Bool { wait != nil }
    /// Inside EXEC: blocking commands do not block.
    var isExecuting = false

    // MARK: Publish and subscribe

    var channels: Set<[UInt8]> = []
    var patterns: Set<[UInt8]> = []
    /// MONITOR: sees every command.
    var isMonitor = false

    // MARK: What CLIENT keeps and shows

    /// CLIENT NO-EVICT ON.
    var isNotEvicted = false
    /// CLIENT SETINFO.
    var libraryName = ""
    var libraryVersion = ""

    var subscriptionCount: Int { channels.count + patterns.count }

    /// Effects replayed from the log come from a client that is never refused.
    let isReplay: Bool

    package init(id: Int64, nowMs: Int64, isReplay: Bool = false) {
        self.id = id
        createdMs = nowMs
        lastRequestMs = nowMs
        self.isReplay = isReplay
    }
}

/// CLIENT REPLY.
enum ReplyMode {
    case on
    case off
    /// The next command's reply is dropped, then the mode is `on` again. Two names for it, so
    /// that a SKIP after a SKIP is seen as a change.
    case skipping
    case skippingAgain
}

extension Client {
    /// Writes a message that no CLIENT REPLY silences: one that was subscribed to, or tells that
    /// a subscription began or ended.
    @inline(__always)
    func push(_ write: (inout ReplyWriter) -> Void) {
        if heldPushes == nil { write(&reply) } else { hold(write) }
    }

    @inline(never)
    private func hold(_ write: (inout ReplyWriter) -> Void) {
        var pushed = ReplyWriter(version: reply.version, capacity: 512)
        write(&pushed)
        pushed.withBytes { heldPushes!.append(contentsOf: $0) }
    }

    /// Puts what was held behind the replies.
    func releasePushes() {
        guard let held = heldPushes else { return }
        heldPushes = nil
        held.withUnsafeBytes { reply.raw($0) }
    }
}

struct Transaction {
    var commands: [(spec: Int, arguments: OwnedArguments)] = []
    /// A command was refused while queueing: EXEC answers EXECABORT.
    var isSpoiled = false
    /// All flags of the queued commands.
    var flags: CommandFlags = []
    var byteCount = 0
}
