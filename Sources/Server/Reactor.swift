// One event loop's share of the server: turns.
//
// Connections that have read something queue here, and the first one in a tick of the loop
// schedules a turn, which runs when every ready socket has been read:
//
//     parse          every queued connection's input, within bounds
//     engine lock    execute; end the turn (one write to the log); take the replies
//     send           each connection's replies, one write each, unless they wait for the log
//
// So the lock is taken once for many requests, and is not held while sockets are written. A
// turn is bounded (requests, bytes), so that other loops and the background threads get the
// lock within a millisecond; what is left comes in the next turn.
//
// Replies of a turn whose effects are not durable yet (`appendfsync always`), or could not be
// written yet, are held in their connections until the log says so (`logProgressed`), while
// further turns serve others.
//
// Other threads reach a connection only under the engine's lock: they append replies to its
// client and call `wake`, which notes the connection in `woken` (guarded by that lock) and
// schedules a turn.

import Engine
import Logging
import NIOCore
import Synchronization

/// A parsed batch on its way through a turn.
final class BatchBox {
    var batch = RequestBatch()
}

final class Reactor: @unchecked Sendable {
    static let turnRequestsMax = 1024
    static let turnBytesMax = 1 << 20
    /// Turns in a row before the loop looks at its sockets again.
    private static let turnsInRowMax = 8
    private static let spareMax = 256
    /// A reply buffer that has grown past this is not kept.
    private static let spareBoxBytesMax = 64 << 10

    let engine: Engine
    let eventLoop: any EventLoop
    let log: Logger
    var limits = ServingLimits()
    private var limitsVersion = -1

    /// Monotonic time of the last turn.
    var nowUs = Clock.monotonicUs()
    var blocks = BlockPool()
    private var spareBatches: [BatchBox] = []
    private var spareBoxes: [ReplyBox] = []

    private(set) var connections: [Connection] = []
    /// Retained, so that a turn's four walks over them count no references.
    private var queue: [Unmanaged<Connection>] = []
    private var queueHead = 0
    /// The connections of the turn at hand.
    private var turnConnections: [Unmanaged<Connection>] = []
    /// Replies wait for the log.
    private var held: [Connection] = []
    /// More to send than one burst.
    private var continuing: [Connection] = []
    /// Held up by CLIENT PAUSE, or for want of memory.
    private var waiting: [Connection] = []
    private let hasWaiting = Atomic(false)
    private var isScheduled = false
    private var isPaused = false
    private var turnsInRow = 0
    private var turnTask: @Sendable () -> Void = {}

    /// Counted since the last turn.
    var traffic = Traffic()

    /// The log's positions at the end of the last turn.
    private var positions = LogPositions()
    /// Whether progress of the log may matter to this loop.
    private let awaitsLog = Atomic(false)

    // Guarded by the engine's lock.
    private var woken: [Connection] = []
    private var isInTurn = false
    private var turnIsRequested = false
    private var isStopped = false

    init(_ engine: Engine, _ eventLoop: any EventLoop, _ log: Logger) {
        self.engine = engine
        self.eventLoop = eventLoop
        self.log = log
        turnTask = { [unowned self] in turn() }
        engine.withLock { refreshLimits($0) }
    }

    /// Starts what happens once a second.
    func start() {
        eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) {
            [self] _ in housekeeping()
        }
    }

    /// Nothing is executed any more. Any thread.
    func stop() {
        engine.withLock { _ in isStopped = true }
    }

    /// The end was called off. Any thread.
    func resume() {
        engine.withLock { _ in isStopped = false }
        eventLoop.execute { [self] in
            isPaused = false
            schedule()
        }
    }

    // MARK: Who takes part

    func add(_ connection: Connection) {
        connection.slot = connections.count
        connections.append(connection)
    }

    func remove(_ connection: Connection) {
        let slot = connection.slot
        guard slot >= 0, let last = connections.popLast() else { return }
        if last !== connection {
            connections[slot] = last
            last.slot = slot
        }
        connection.slot = -1
    }

    /// Has a part in the next turn.
    @inline(__always)
    func enqueue(_ connection: Connection) {
        if connection.isQueued { return }
        connection.isQueued = true
        queue.append(.passRetained(connection))
        schedule()
    }

    @inline(__always)
    private func schedule() {
        if isScheduled || isPaused { return }
        isScheduled = true
        eventLoop.execute(turnTask)
    }

    /// Engine lock, any thread: a connection has replies that no request of its own made.
    func wake(_ connection: Connection) {
        woken.append(connection)
        if isInTurn || turnIsRequested { return }
        turnIsRequested = true
        eventLoop.execute(turnTask)
    }

    /// Any thread: the log has been written or synced further.
    func logProgressed() {
        if awaitsLog.load(ordering: .acquiring) { eventLoop.execute(turnTask) }
    }

    // MARK: The turn

    private func turn() {
        isScheduled = false
        nowUs = Clock.monotonicUs()
        if !isPaused { parseQueued() }
        let end = engine.withTurnLock { engine -> TurnEnd in
            turnIsRequested = false
            if isStopped {
                // What was parsed is put back, in case the end is called off.
                isPaused = true
                return TurnEnd()
            }
            isInTurn = true
            engine.beginTurn()
            executeTurn(engine)
            // Before the log is asked to sync, or its answer could be missed.
            awaitsLog.store(true, ordering: .releasing)
            var end = engine.endTurn()
            if !woken.isEmpty {
                takeWoken()
                engine.cover(&end)
            }
            for connection in turnConnections {
                connection._withUnsafeGuaranteedRef { $0.take(engine) }
            }
            positions = engine.logPositions
            account(engine)
            if limitsVersion != engine.configurationVersion { refreshLimits(engine) }
            isInTurn = false
            return end
        }
        let gate = Gate(durableLSN: end.durableLSN ?? 0, writtenLSN: end.writtenLSN ?? 0)
        for connection in turnConnections {
            connection._withUnsafeGuaranteedRef { $0.finishTurn(gate) }
            connection.release()
        }
        turnConnections.removeAll(keepingCapacity: true)
        if !held.isEmpty { releaseHeld() }
        if held.isEmpty { awaitsLog.store(false, ordering: .releasing) }
        goOn()
    }

    /// Executes what was parsed, single requests in groups whose keys are looked up together.
    /// Engine lock.
    @inline(__always)
    private func executeTurn(_ engine: Engine) {
        var next = 0
        while next < turnConnections.count {
            let first = next
            engine.beginGroup()
            while next < turnConnections.count,
                turnConnections[next]._withUnsafeGuaranteedRef({ $0.foresee(engine) }) != nil
            {
                next += 1
            }
            guard next > first else {
                turnConnections[next]._withUnsafeGuaranteedRef { $0.executeBatch(engine) }
                next += 1
                continue
            }
            turnConnections[first]._withUnsafeGuaranteedRef {
                if let client = $0.client { engine.endGroup(client) }
            }
            for index in first..<next {
                turnConnections[index]._withUnsafeGuaranteedRef {
                    $0.executeBatch(engine, foreseenAt: index - first)
                }
            }
        }
    }

    @inline(__always)
    private func parseQueued() {
        var requestsLeft = Reactor.turnRequestsMax
        var bytesLeft = Reactor.turnBytesMax
        while queueHead < queue.count, requestsLeft > 0, bytesLeft > 0 {
            let queued = queue[queueHead]
            queueHead += 1
            let takesPart = queued._withUnsafeGuaranteedRef { connection -> Bool in
                connection.isQueued = false
                if connection.isFinishing {
                    if connection.isClosed { connection.end() }
                    return false
                }
                requestsLeft -= connection.parse(requestsLeft)
                bytesLeft -= connection.input.count
                return true
            }
            if takesPart { turnConnections.append(queued) } else { queued.release() }
        }
        if queueHead == queue.count {
            queue.removeAll(keepingCapacity: true)
            queueHead = 0
        } else if queueHead > 1024, queueHead * 2 > queue.count {
            queue.removeFirst(queueHead)
            queueHead = 0
        }
    }

    /// Lets connections that others have written to take part. Engine lock.
    @inline(never)
    private func takeWoken() {
        // One that parsed as well is there already: taking twice is harmless, being there twice
        // is not, because it may close in between.
        for connection in woken where !connection.isInTurn {
            turnConnections.append(.passRetained(connection))
        }
        woken.removeAll(keepingCapacity: true)
    }

    private func account(_ engine: Engine) {
        engine.note(traffic)
        traffic = Traffic()
    }

    /// Schedules what is left, now and then behind the sockets.
    private func goOn() {
        if queueHead == queue.count || isPaused {
            turnsInRow = 0
            return
        }
        isScheduled = false
        turnsInRow += 1
        if turnsInRow < Reactor.turnsInRowMax { return schedule() }
        turnsInRow = 0
        isScheduled = true
        eventLoop.scheduleTask(in: .microseconds(20), turnTask)
    }

    // MARK: Replies that wait

    @inline(__always)
    func isOpen(_ gate: Gate) -> Bool {
        gate == .open || gate.isOpen(written: positions.written, durable: positions.durable)
    }

    func hold(_ connection: Connection) {
        if connection.isHeld { return }
        connection.isHeld = true
        held.append(connection)
    }

    private func releaseHeld() {
        var waiting: [Connection] = []
        swap(&waiting, &held)
        for connection in waiting {
            connection.isHeld = false
            connection.pump()
        }
    }

    /// The connection goes on sending after the others had their turn.
    func continueLater(_ connection: Connection) {
        continuing.append(connection)
        if continuing.count > 1 { return }
        eventLoop.scheduleTask(in: .microseconds(20)) { [self] in
            var connections: [Connection] = []
            swap(&connections, &continuing)
            for connection in connections { connection.pump() }
        }
    }

    /// The connection's next request is held up: it tries again a little later, or when there
    /// is room.
    func retryLater(_ connection: Connection) {
        waiting.append(connection)
        if waiting.count > 1 { return }
        hasWaiting.store(true, ordering: .releasing)
        eventLoop.scheduleTask(in: .milliseconds(5)) { [self] in retryWaiting() }
    }

    private func retryWaiting() {
        hasWaiting.store(false, ordering: .releasing)
        var connections: [Connection] = []
        swap(&connections, &waiting)
        for connection in connections { connection.retry() }
    }

    /// Any thread: requests that were held up for want of memory may run.
    func roomMade() {
        if hasWaiting.load(ordering: .acquiring) { eventLoop.execute { [self] in retryWaiting() } }
    }

    // MARK: Once a second

    private func housekeeping() {
        nowUs = Clock.monotonicUs()
        for connection in connections {
            if !connection.output.isEmpty, connection.exceedsOutputLimit(nowUs) {
                connection.closeForOutputLimit()
            } else if limits.timeoutSeconds > 0, !connection.isSubscriber, !connection.isBlocked,
                nowUs - connection.lastInputUs > Int64(limits.timeoutSeconds) * 1_000_000
            {
                log.info("Closing idle client")
                connection.context?.close(promise: nil)
            }
        }
        if traffic.bufferBytesDelta != 0 { engine.withLock { account($0) } }
    }

    /// Takes over settings that have changed. Engine lock.
    private func refreshLimits(_ engine: Engine) {
        limitsVersion = engine.configurationVersion
        limits = ServingLimits(engine.configuration)
        ServerLog.level = engine.configuration.logLevel
    }

    // MARK: Pools

    @inline(__always)
    func takeBatch() -> BatchBox { spareBatches.popLast() ?? BatchBox() }

    @inline(__always)
    func giveBatch(_ box: BatchBox) {
        box.batch.removeAll()
        if spareBatches.count < Reactor.spareMax { spareBatches.append(box) }
    }

    @inline(__always)
    func takeBox() -> ReplyBox { spareBoxes.popLast() ?? ReplyBox() }

    @inline(__always)
    func giveBox(_ box: ReplyBox) {
        if box.writer.capacityBytes > Reactor.spareBoxBytesMax { return }
        box.writer.removeAll()
        box.sent = 0
        box.gate = .open
        if spareBoxes.count < Reactor.spareMax { spareBoxes.append(box) }
    }
}

/// Settings that event loops read often: copies, refreshed when the configuration changes.
struct ServingLimits {
    var bulkBytesMax = 512 << 20
    var queryBufferBytesMax = 1 << 30
    var output = Configuration().clientOutputBufferLimits
    var timeoutSeconds = 0
    var tcpKeepaliveSeconds = 300
    /// Unsent replies of one connection that stop execution, and half of which let it go on.
    var stallBytes = stallBytesMax

    static let stallBytesMax = 32 << 20
    private static let stallBytesMin = 128 << 10

    /// What one client may have waiting in replies, so that a few dozen slow ones do not take all of a small
    /// budget; 0: there is none.
    fileprivate mutating func fit(budget bytes: Int) {
        if bytes == 0 { return }
        stallBytes = min(max(bytes / 128, ServingLimits.stallBytesMin), stallBytes)
    }
}

extension ServingLimits {
    init(_ configuration: Configuration) {
        bulkBytesMax = configuration.bulkBytesMax
        queryBufferBytesMax = configuration.clientQueryBufferBytesMax
        output = configuration.clientOutputBufferLimits
        timeoutSeconds = configuration.timeoutSeconds
        tcpKeepaliveSeconds = configuration.tcpKeepaliveSeconds
        fit(budget: configuration.maxmemory)
    }
}
