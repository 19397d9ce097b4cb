// One client's connection, on its event loop: bytes in, requests to the turn, replies out.
//
// What NIO reads is appended to `input`, and the connection queues for the reactor's next turn.
// The turn parses (`parse`), executes under the engine's lock (`executeBatch`, `take`), and
// then, with the lock released, lets the connection send and go on (`finishTurn`). Everything
// here runs on the connection's event loop, except `wake`, `close` and the properties of
// `ClientConnection`, which others call while they hold the engine's lock.
//
// Back-pressure: a connection whose replies pile up executes nothing more until they have gone
// down, and past a further bound it is not read either. It is read on for so long because a
// client may well send a large pipeline whole before it reads the first reply.

import Engine
import NIOCore
import Synchronization

final class Connection: ChannelInboundHandler, ClientConnection, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Unparsed input that stops reading: while requests wait for the next turn, and while they
    /// wait for replies to go down. The latter is much, whatever the budget: a client that sends a
    /// long pipeline before it reads would wait for ever.
    static let inputQueuedBytesMax = 1 << 20
    static let inputStalledBytesMax = 256 << 20
    /// The same while the next request is held up.
    static let inputHeldBytesMax = 64 << 10
    /// Replies of one connection in one turn after which the others come first.
    static let turnReplyBytesMax = 1 << 20

    let reactor: Reactor
    var context: ChannelHandlerContext?
    /// The engine's side; nil before the connection is up, after its end, or when refused.
    var client: Client?
    private let remote: SocketAddress?
    private let local: SocketAddress?
    /// The socket's number.
    let descriptor: Int
    /// Index in the reactor's list of connections.
    var slot = -1

    // MARK: Input

    var input = InputBuffer()
    private var parser = RequestParser()
    private var batch: BatchBox?
    /// Its requests are part of the turn at hand.
    var isInTurn: Bool { batch != nil }
    private var result = ParseResult.full
    private var executed = 0
    /// Malformed input stands behind a request that blocks: its error comes after the answer.
    private var parsesAgain = false
    /// The next request waits for the end of CLIENT PAUSE, or for memory.
    private var mustWait = false
    /// How many bytes must be at hand before parsing can get any further.
    private var inputWanted = 1
    /// Waits for a turn.
    var isQueued = false
    /// Waits for its replies to go down.
    private var isStalled = false
    /// Waits for cold keys.
    private var isParked = false
    /// Waits in a blocking command.
    private(set) var isBlocked = false
    /// Was served, or its time was up, since the last turn.
    private var isUnblocked = false
    /// Nothing is executed until others let it go on.
    private var isWaiting: Bool { isParked || isBlocked }
    private var readingIsPaused = false
    private var inputHasEnded = false
    private var discardsInput = false
    var lastInputUs: Int64

    // MARK: Output

    var output = OutputQueue()
    /// Replies of the turn at hand.
    private var outgoing: ReplyBox?
    var isWritable = true
    /// Writes that the socket would not take whole.
    var writesAtNIO = 0
    /// In the reactor's list of connections whose replies wait for the log.
    var isHeld = false
    private var closesWhenFlushed = false
    private(set) var isFinishing = false
    var isClosed = false
    /// Since when the soft output limit is exceeded; 0: it is not.
    private var overSoftLimitSinceUs: Int64 = 0

    // MARK: Under the engine's lock

    var isWoken = false
    private var isKilled = false
    /// Copies of the client's state, taken at the end of each turn.
    private var mustClose = false
    private var closesAfterReply = false
    private var isUnauthenticated = false
    private(set) var isSubscriber = false

    private let inputCount = Atomic(0)
    private let outputCount = Atomic(0)
    /// What the reactor's sum of buffers holds of this connection.
    private var accountedBytes = 0

    init(
        _ reactor: Reactor, remote: SocketAddress?, local: SocketAddress?, descriptor: Int
    ) {
        self.descriptor = descriptor
        self.reactor = reactor
        self.remote = remote
        self.local = local
        lastInputUs = Clock.monotonicUs()
    }

    // MARK: What the engine sees

    var peerAddress: String { Addresses.text(remote, unixSocket: local) }
    var localAddress: String { Addresses.text(local, unixSocket: local) }
    var inputBytes: Int { inputCount.load(ordering: .relaxed) }
    var outputBytes: Int { outputCount.load(ordering: .relaxed) }

    func wake() {
        if isWoken { return }
        isWoken = true
        reactor.wake(self)
    }

    func resume() {
        reactor.eventLoop.execute { [self] in
            isParked = false
            if client != nil && !isQueued && !isStalled { reactor.enqueue(self) }
        }
    }

    func close() {
        isKilled = true
        wake()
    }

    // MARK: Events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelActive(context: ChannelHandlerContext) {
        reactor.add(self)
        let isLocal = Addresses.isLocal(remote)
        let admission = reactor.engine.withLock { $0.admit(self, isLocal: isLocal) }
        switch admission {
        case .client(let client, let needsPassword):
            self.client = client
            isUnauthenticated = needsPassword
        case .refused(let text):
            reactor.log.debug("Error accepting a client connection: \(text)")
            let box = reactor.takeBox()
            box.writer.error(text)
            send(box)
            finish(failed: true)
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if discardsInput { return }
        unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
            reactor.traffic.inputBytes &+= bytes.count
            reactor.traffic.reads &+= 1
            input.append(bytes, &reactor.blocks)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if isQueued || isStalled || isWaiting {
            regulateReading()
        } else if input.count >= inputWanted && !discardsInput {
            reactor.enqueue(self)
        } else if input.count > reactor.limits.queryBufferBytesMax {
            tooMuchInput()
        }
        account()
    }

    @inline(never)
    private func tooMuchInput() {
        reactor.log.warning(
            "Closing client that reached max query buffer length: \(peerAddress)")
        context?.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            inputHasEnded = true
            if discardsInput {
                if closesWhenFlushed, output.isEmpty { context.close(promise: nil) }
            } else if isBlocked {
                // Nobody is there to take what it waits for.
                finish(failed: false)
            } else if !isQueued && !isStalled && !isParked {
                // What came before the end is executed and answered first.
                reactor.enqueue(self)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable && !isInPump { pump() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        reactor.log.info("Connection \(peerAddress): \(error)")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        reactor.remove(self)
        // Requests that have arrived whole are executed although nobody waits for the reply.
        if !isQueued && !isInTurn { end() }
    }

    /// Ends the session; the connection is gone.
    func end() {
        if let client {
            reactor.engine.withLock { $0.disconnect(client) }
            self.client = nil
        }
        input.release(&reactor.blocks)
        output.removeAll()
        account()
    }

    // MARK: A turn

    /// Takes complete requests out of the input, at most `requestsMax`; returns how many.
    @inline(__always)
    func parse(_ requestsMax: Int) -> Int {
        let box = reactor.takeBatch()
        let limits = RequestParser.Limits(
            bulkBytesMax: reactor.limits.bulkBytesMax, unauthenticated: isUnauthenticated)
        result = parser.parse(
            input.bytes, into: &box.batch, limits: limits, requestsMax: requestsMax)
        batch = box
        return box.batch.count
    }

    /// The place of a single request in a group, nil when it is no single request or the group
    /// is full. Engine lock.
    @inline(__always)
    func foresee(_ engine: Engine) -> Int? {
        guard let client, let batch, batch.batch.count == 1 else { return nil }
        return engine.foresee(client, &batch.batch, in: input.bytes)
    }

    /// Executes what was parsed. Engine lock.
    @inline(__always)
    func executeBatch(_ engine: Engine, foreseenAt slot: Int? = nil) {
        guard let client, let batch, !isKilled else { return }
        (executed, mustWait) = engine.execute(
            client, &batch.batch, in: input.bytes,
            replyBytesMax: min(Connection.turnReplyBytesMax, reactor.limits.stallBytes),
            foreseenAt: slot)
        // What comes behind a QUIT is not looked at.
        if executed == batch.batch.count, !client.closesAfterReply,
            case .failed(let error) = result
        {
            parsesAgain = client.isBlocked
            if !parsesAgain { client.reply.error(error) }
        }
    }

    /// Takes the replies, those of others' commands included. Engine lock.
    @inline(__always)
    func take(_ engine: Engine) {
        isWoken = false
        mustClose = isKilled
        guard let client else { return }
        if client.reply.count > 0 {
            let box = reactor.takeBox()
            client.takeReply(into: &box.writer)
            outgoing = box
        }
        closesAfterReply = client.closesAfterReply
        isParked = client.isParked
        isUnblocked = isBlocked && !client.isBlocked
        isBlocked = client.isBlocked
        isSubscriber = client.isSubscriber
        isUnauthenticated = engine.needsPassword(client)
    }

    /// Sends the turn's replies, or keeps them until `gate` opens, and goes on.
    func finishTurn(_ gate: Gate) {
        if let box = outgoing {
            outgoing = nil
            box.gate = gate
            reactor.traffic.outputBytes &+= box.writer.count
            send(box)
        }
        let hasMore = finishBatch()
        if isClosed {
            // Woken while its requests wait for their turn.
            if isQueued { return }
            // What CLIENT PAUSE holds up is dropped, as Redis does.
            if hasMore && !mustClose && !isWaiting && !mustWait {
                reactor.enqueue(self)
            } else {
                end()
            }
            return
        }
        if mustClose {
            context?.close(promise: nil)
            return
        }
        if case .failed(let error) = result, !hasMore, !isFinishing {
            reactor.log.info("\(error.reply) from \(peerAddress)")
            return finish(failed: true)
        }
        if closesAfterReply || inputHasEnded && isBlocked { return finish(failed: false) }
        if hasMore {
            if isWaiting {
                // `resume`, or the turn that finds it unblocked, queues it again.
            } else if output.byteCount > reactor.limits.stallBytes {
                isStalled = true
                mustWait = false
            } else if mustWait {
                isStalled = true
                reactor.retryLater(self)
            } else {
                reactor.enqueue(self)
            }
        } else if inputHasEnded && !isStalled && !isQueued && !isParked {
            return finish(failed: false)
        } else if isUnblocked && !isStalled && !isParked {
            reactor.enqueue(self)
        }
        if hasMore || readingIsPaused { regulateReading() }
        account()
    }

    /// Drops the input that was executed; true when there is more to do right now.
    @inline(__always)
    private func finishBatch() -> Bool {
        guard let box = batch else { return false }
        batch = nil
        defer { reactor.giveBatch(box) }
        lastInputUs = reactor.nowUs
        if executed < box.batch.count || parsesAgain {
            // Stopped early: what follows is parsed again, from its first byte.
            parsesAgain = false
            let consumed = executed > 0 ? box.batch.requests[executed - 1].endOffset : 0
            executed = 0
            parser = RequestParser()
            inputWanted = 1
            result = .full
            input.drop(consumed, &reactor.blocks)
            return client != nil && input.count > 0
        }
        executed = 0
        let consumed = box.batch.consumed
        if case .needMore(let bytes) = result {
            inputWanted = input.count - consumed + bytes
            if consumed > 0 { input.drop(consumed, &reactor.blocks) }
            return false
        }
        inputWanted = 1
        input.drop(consumed, &reactor.blocks)
        return result == .full && input.count > 0
    }

    // MARK: Flow

    /// Stops reading while unexecuted input piles up, and starts again.
    private func regulateReading() {
        let most =
            mustWait && isStalled
            ? Connection.inputHeldBytesMax
            : isStalled
                ? Connection.inputStalledBytesMax
                : isQueued || isWaiting ? Connection.inputQueuedBytesMax : Int.max
        let pauses = input.count > most
        if pauses != readingIsPaused { setReading(!pauses) }
    }

    @inline(never)
    private func setReading(_ reads: Bool) {
        readingIsPaused = !reads
        guard let context, !isClosed else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: reads)
    }

    /// What held the next request up may be over.
    func retry() {
        isStalled = false
        mustWait = false
        if isClosed { end() } else if !isFinishing { reactor.enqueue(self) }
    }

    /// Called when replies have gone down.
    func outputDrained() {
        if isStalled && !mustWait && output.byteCount <= reactor.limits.stallBytes / 2 {
            isStalled = false
            if !isWaiting { reactor.enqueue(self) }
            regulateReading()
        }
        if closesWhenFlushed && output.isEmpty { finalClose() }
    }

    /// Whether the output limits ask for the connection's end. `nowUs` is monotonic.
    func exceedsOutputLimit(_ nowUs: Int64) -> Bool {
        let limit = isSubscriber ? reactor.limits.output.pubsub : reactor.limits.output.normal
        let count = output.byteCount
        if limit.hardBytes > 0 && count > limit.hardBytes { return true }
        if limit.softBytes > 0 && count > limit.softBytes {
            if overSoftLimitSinceUs == 0 { overSoftLimitSinceUs = nowUs }
            return nowUs - overSoftLimitSinceUs > Int64(limit.softSeconds) * 1_000_000
        }
        overSoftLimitSinceUs = 0
        return false
    }

    // MARK: Closing

    /// Closes once every reply has been sent; nothing more is executed. `failed`: the client may
    /// still be sending, so its input is read and thrown away for a moment, or the reset that an
    /// unread byte causes could overtake the error reply.
    func finish(failed: Bool) {
        guard !isFinishing else { return }
        isFinishing = true
        closesWhenFlushed = true
        discardsInput = true
        lingers = failed && !inputHasEnded
        input.release(&reactor.blocks)
        if readingIsPaused { setReading(true) }
        if output.isEmpty { finalClose() }
        account()
    }

    private var lingers = false
    private static let lingerMs: Int64 = 500

    private func finalClose() {
        guard let context, !isClosed else { return }
        closesWhenFlushed = false
        let flushed = context.eventLoop.makePromise(of: Void.self)
        let lingers = lingers
        flushed.futureResult.whenComplete { [self] _ in
            guard let context = self.context, !isClosed else { return }
            guard lingers else { return context.close(promise: nil) }
            closesWhenFlushed = true
            context.close(mode: .output, promise: nil)
            context.eventLoop.scheduleTask(in: .milliseconds(Connection.lingerMs)) { [self] in
                self.context?.close(promise: nil)
            }
        }
        let nothing = context.channel.allocator.buffer(capacity: 0)
        context.writeAndFlush(wrapOutboundOut(nothing), promise: flushed)
    }

    // MARK: Accounting

    /// Tells the reactor, and whoever asks, what the buffers hold.
    @inline(__always)
    func account() {
        let inputs = input.count
        let outputs = output.byteCount
        inputCount.store(inputs, ordering: .relaxed)
        outputCount.store(outputs, ordering: .relaxed)
        let now = input.capacity &+ outputs
        reactor.traffic.bufferBytesDelta &+= now &- accountedBytes
        accountedBytes = now
        if inputs > reactor.traffic.inputBytesMax { reactor.traffic.inputBytesMax = inputs }
        if outputs > reactor.traffic.outputBytesMax { reactor.traffic.outputBytesMax = outputs }
    }

    var isInPump = false
}
