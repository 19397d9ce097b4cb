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
    /// Its own command runs: what is pushed meanwhile waits for the end of the reply, which may be
    /// an aggregate, or be dropped.
    private(set) var isAnswering = false
    /// CLIENT REPLY silenced that command when it began.
    private var dropsAnswer = false
    private var heldPushes: [UInt8] = []

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

    // MARK: Replies, and what is pushed

    /// A command of this client begins: returns where its reply will.
    @inline(__always)
    func beginAnswer() -> (start: Int, mode: ReplyMode) {
        isAnswering = true
        dropsAnswer = replyMode != .on
        return (reply.count, replyMode)
    }

    /// Its reply is complete: drops it when CLIENT REPLY says so, and puts what was pushed
    /// meanwhile behind it.
    @inline(__always)
    func endAnswer(_ begin: (start: Int, mode: ReplyMode)) {
        isAnswering = false
        if dropsAnswer { silence(begin) }
        if !heldPushes.isEmpty { releasePushes() }
    }

    @inline(never)
    private func silence(_ begin: (start: Int, mode: ReplyMode)) {
        // The command may have been the CLIENT REPLY that turns replies on again.
        guard replyMode == begin.mode, !isBlocked else { return }
        dropReply(from: begin.start)
    }

    /// CLIENT REPLY OFF and SKIP: takes back a reply that begins at `start`.
    func dropReply(from start: Int) {
        reply.truncate(to: start)
        if replyMode != .off { replyMode = .on }
    }

    /// Sends a message that was subscribed to. No CLIENT REPLY silences it.
    @inline(__always)
    func push(_ write: (inout ReplyWriter) -> Void) {
        if isAnswering { hold(write) } else { write(&reply) }
    }

    /// Tells that a subscription began or ended: what SUBSCRIBE and its kin reply, in its place among
    /// other replies; but no CLIENT REPLY silences it.
    func confirm(_ write: (inout ReplyWriter) -> Void) {
        let isDropped = isAnswering && dropsAnswer && replyMode != .on
        if isDropped { hold(write) } else { write(&reply) }
    }

    @inline(never)
    private func hold(_ write: (inout ReplyWriter) -> Void) {
        var pushed = ReplyWriter(version: reply.version, capacity: 512)
        write(&pushed)
        pushed.withBytes { heldPushes.append(contentsOf: $0) }
    }

    @inline(never)
    private func releasePushes() {
        heldPushes.withUnsafeBytes { reply.raw($0) }
        heldPushes.removeAll()
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

struct Transaction {
    var commands: [(spec: Int, arguments: OwnedArguments)] = []
    /// A command was refused while queueing: EXEC answers EXECABORT.
    var isSpoiled = false
    /// All flags of the queued commands.
    var flags: CommandFlags = []
    var byteCount = 0
}
