// An engine on a simulated disk, driven step by step as a server's threads would drive it, and what
// its clients have been told.

import Glibc
import TestSupport

@testable import Engine

final class SimulatedServer {
    let disk: SimulatedDisk
    let time: ManualTime
    let engine: Engine
    let report: RecoveryReport
    let client: Client
    /// Replies that wait for the log, oldest first: the moment they tell of.
    private var waiting: [(index: Int, end: TurnEnd)] = []
    /// The last moment that a client was told of while `appendfsync` was `always`.
    private(set) var toldIndex = 0
    /// Moments at which snapshots may have begun, and the last one that was finished.
    private(set) var snapshotStarts: [Int] = []
    private(set) var snapshotFloor: Int?
    private var lastJob: SnapshotJob?
    private var savesSeen = 0

    init(
        _ disk: SimulatedDisk, _ time: ManualTime, _ configuration: Configuration,
        seed: UInt64
    ) throws(StartError) {
        self.disk = disk
        self.time = time
        let random = Shared(Random(seed: seed))
        // A base and a dump are written in the background: the gate stops where no lock is held.
        disk.gate = BackgroundGate { call, path in
            path.contains("/temp-") && path.hasSuffix(".rdb")
                && (call == .open || call == .write || call == .syncData)
        }
        let world = World(
            disk: disk, clock: Clock(time), isStepped: true, entropy: { random.next() })
        (engine, report) = try Engine.open(configuration, in: world) { _ in }
        client = Client(id: 1, nowMs: engine.nowMs)
    }

    private final class Shared: @unchecked Sendable {
        private let monitor = Monitor()
        private var random: Random
        init(_ random: Random) { self.random = random }
        func next() -> UInt64 { monitor.withLock { random.next() } }
    }

    // MARK: Turns

    /// Executes requests in one turn; their replies. The caller records the moment it leads to,
    /// whose number is `index`.
    func turn(_ requests: [Request], index: Int) -> [String] {
        var replies: [String] = []
        let end = engine.withLock { engine in
            engine.beginTurn()
            for request in requests {
                OwnedArguments(request.words.map { Array($0.utf8) }).withArguments {
                    engine.execute(client, $0)
                }
                replies.append(client.reply.withBytes { String(decoding: $0, as: UTF8.self) })
                client.reply.removeAll()
            }
            return engine.endTurn()
        }
        waiting.append((index, end))
        noteSnapshots(index)
        settle()
        deliver()
        return replies
    }

    /// Sends the replies whose positions the log has reached.
    private func deliver() {
        let positions = engine.withLock { $0.logPositions }
        while let first = waiting.first, (first.end.durableLSN ?? 0) <= positions.durable,
            (first.end.writtenLSN ?? 0) <= positions.written
        {
            if first.end.durableLSN != nil, engine.logWriter != nil { toldIndex = first.index }
            waiting.removeFirst()
        }
    }

    var waitingCount: Int { waiting.count }

    // MARK: Background work

    func sync(index: Int) {
        engine.logSyncer?.step()
        deliver()
    }

    func maintain(index: Int) {
        _ = engine.maintenance!.step()
        noteSnapshots(index)
        settle()
        deliver()
    }

    /// Lets the snapshot that is being written go on by one call of the disk.
    func stepSnapshot(index: Int) {
        guard disk.isHoldingBackground else { return }
        disk.letThrough()
        settle()
        noteSnapshots(index)
        deliver()
    }

    /// Waits until no thread runs but this one.
    private func settle() {
        while engine.withLock({ $0.snapshots.threadIsRunning }), !disk.isHoldingBackground {
            sched_yield()
        }
    }

    private func noteSnapshots(_ index: Int) {
        engine.withLock { engine in
            if let job = engine.snapshots.job, !job.isBase, job !== lastJob {
                lastJob = job
                noteSnapshotStart(index)
            }
            if engine.snapshots.saves > savesSeen {
                savesSeen = engine.snapshots.saves
                snapshotFloor = snapshotStarts.last
            }
        }
    }

    /// A snapshot begins between the moments `index` - 1 and `index`.
    func noteSnapshotStart(_ index: Int) {
        snapshotStarts += [Swift.max(index - 1, 0), index]
    }

    /// SAVE has returned.
    func snapshotIsWhole() { snapshotFloor = snapshotStarts.last }

    /// Whether a start with `appendonly yes` finds what clients were told.
    var logIsData: Bool {
        engine.withLock { engine in
            engine.configuration.appendOnly && engine.logIsEnabled
                && !(engine.logWriter?.isAwaitingBase ?? true) && !engine.rewriting.logEnds
        }
    }

    /// Whether nothing is left to do in the background.
    private var isQuiet: Bool {
        engine.withLock { engine in
            let isOn = engine.logWriter.map { !$0.isAwaitingBase } ?? false
            return engine.configuration.appendOnly == isOn && !engine.rewriting.isRunning
                && !engine.rewriting.isWanted && !engine.rewriting.logEnds
                && engine.snapshots.job == nil && !engine.snapshots.threadIsRunning
                && !engine.snapshots.isScheduled && engine.checkpoint.phase == .idle
                && engine.log.isEmpty
        } && waiting.isEmpty
    }

    /// Lets everything come to rest; false if it does not.
    func quiesce(index: Int) -> Bool {
        for _ in 0..<400 {
            sync(index: index)
            if isQuiet { return true }
            time.advance(us: 100_000)
            maintain(index: index)
            while disk.isHoldingBackground { stepSnapshot(index: index) }
            if engine.rewriting.nextTryMs > engine.nowMs { time.advance(us: 60_000_000) }
            if engine.tier != nil { usleep(1000) }
        }
        return isQuiet
    }

    // MARK: The end

    /// Ends an engine whose disk is gone.
    func abandon() {
        disk.powerOff()
        disk.openGate()
        engine.snapshotThread?.join()
        engine.snapshotThread = nil
        engine.logSyncer?.noteEnd()
        engine.tier?.writer.stop()
        engine.tier?.readers?.stop()
        engine.logSyncer?.stop()
        engine.directoryLock = nil
    }
}

extension SimulatedServer {
    /// What keeps it from coming to rest.
    var state: String {
        engine.withLock { engine in
            """
            log empty \(engine.log.isEmpty), error \(engine.persistence.logError ?? "none"), sync \
            error \(engine.logWriter?.lastSyncError?.description ?? "none"), waiting \
            \(waitingCount), rewriting \(engine.rewriting), checkpoint \(engine.checkpoint.phase), \
            snapshot \(engine.snapshots.job != nil) \(engine.snapshots.lastError ?? "fine")
            """
        }
    }
}
