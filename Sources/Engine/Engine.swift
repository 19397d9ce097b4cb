// The engine: one keyspace, one lock, commands one at a time.
//
// Everything in this module that changes belongs to the engine and is touched only by the
// thread that holds its lock (`withLock`). Event loops take the lock once per batch of requests;
// background threads take it for slices of a millisecond at most. Nobody waits for a disk while
// holding it, except where a command needs a cold key that could not be fetched beforehand.

import Glibc
import Synchronization

package final class Engine: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// Event loops that wait for the lock with a turn.
    private let waitingTurns = Atomic<Int>(0)

    package internal(set) var configuration: Configuration
    /// Counts changes, for those who keep copies of settings.
    package private(set) var configurationVersion = 0
    /// Keys every hash; part of the store's identity, for cold keys and SCAN cursors are hashes.
    let secret: HashSecret
    let databases: UnsafeMutablePointer<HotDatabase>
    let databaseCount: Int
    let commands = CommandTable()
    var random: Random
    var stats = Statistics()

    // MARK: Time, taken once per batch

    let clock: Clock
    /// Monotonic, when the command at hand began.
    var commandStartedUs: Int64 = 0
    var turnStartedUs: Int64 = 0

    /// Unix milliseconds.
    var nowMs: Int64 = 0
    /// What expiries are compared with: `nowMs`, or the far past while the log is replayed, when
    /// keys go only by the DEL that the log holds.
    var expiryClockMs: Int64 = 0
    /// The LRU clock.
    var accessClock: UInt32 = 0
    let startedMs: Int64

    // MARK: The parts behind the keyspace

    let world: World
    let disk: any Disk
    /// Where effects go; they reach the file at the end of the turn.
    var log: LogBuffer
    /// Up to where replies of earlier turns wait for the log, with `appendfsync always`.
    var coveredLSN: LSN = 0
    /// Nil with `appendonly no`: effects go nowhere.
    var logWriter: LogWriter?
    var logSyncer: LogSyncer?
    /// Whether effects are worth encoding.
    var logIsEnabled = false
    var persistence = PersistenceState()
    /// The cold tier; nil with `cold-tier no`.
    var tier: Tier?
    var namespaces: Namespaces
    /// The mapping differs from the one that the last batch stored.
    var namespacesChanged = false
    var libraries = FunctionLibraries()
    /// The store does not have them yet.
    var librariesChanged = false
    /// Live records by namespace, as the store's last commit before the start counted them.
    var storedCounts: [UInt32: Int] = [:]
    var checkpoint = CheckpointState()
    var rewriting = LogRewriting()
    var snapshots = SnapshotState()
    var snapshotIsRunning = false
    var snapshotThread: BackgroundThread?
    var backup = BackupState()
    var maintenance: Maintenance?
    var lazyFree = LazyFree()
    /// Held for as long as the engine has its directory open.
    var directoryLock: DirectoryLock?

    // MARK: States that the hot path asks for

    var foresight = HashForesight()
    /// Keys that are watched or waited for.
    var observedKeyCount = 0
    var watchers: [WatchedKey: [Client]] = [:]
    var blocking = BlockedClients()
    var notifiedEvents: KeyspaceEvents = []
    var policyIsLFU = false
    var spillsEveryCommand = false
    var needsAuthentication = false
    /// Clients must have given the password, or wait for the data: not every command may run.
    var isGuarded = false
    /// The command at hand met a cold record that could not be read: it is answered with an error.
    var coldReadFailed = false
    /// Nothing can leave and the budget is spent: commands that need memory are refused.
    var isOutOfMemory = false
    /// The budget is spent and a commit will make room: commands that need memory wait for it.
    var holdsWriters = false
    /// Memory used when the budget was last looked at.
    var lookedAtBytes = 0
    /// More is to leave than one look takes.
    var reductionGoesOn = false
    /// How much memory may be used before writers are held up, while the budget is exceeded.
    var memoryCeiling = Int.max
    /// When eviction looks for something to free again after it found nothing.
    var nextSweepMs: Int64 = 0
    /// When the process's memory is looked at next, for an automatic budget.
    var nextMemoryLookMs: Int64 = 0
    var isReplaying = false
    /// Position after the effect being replayed.
    var replayLSN: UInt64 = 0
    /// No record of the cold tier had an effect behind this position when the replay began.
    var guardedLSN: LSN = .max
    /// When and how a replay reads ahead.
    var readAheadMode = ReplayAhead.Mode()
    /// Reads the cold tier ahead of a replay.
    var replayAhead: ReplayAhead?
    /// Size of the string that the effect being replayed puts in place of what its key holds; nil if
    /// it does something else.
    var replacedBodyCount: Int?
    /// What is replayed is a log of Redis. Its positions mean nothing here: all that comes from
    /// it counts as position 0, where Firn's own log begins.
    var isImporting = false
    /// How far the loading at the start is; nil once that is over (`beginLoading`).
    var loading: LoadProgress?
    /// Where the eviction sweep goes on: database and position in hash space.
    var sweptDatabase = 0
    var sweepPosition: UInt64 = 0
    var victimScores = VictimScores()

    /// Commands that take at least so long are shown to the slow log and the latency monitor.
    var slowCommandUs = Int64.max
    var latencyIsTracked = true
    var hasMonitors = false
    /// DEBUG SET-ACTIVE-EXPIRE: keys past their time go before somebody meets them.
    var expiresActively = true

    // MARK: Clients

    /// What the commands on the server as a whole keep.
    package var server: ServerState
    var clients = ClientRegistry()
    var pubsub = PubSub()
    /// Bytes in the clients' buffers, by the event loops' last count.
    package var clientBufferBytes = 0
    /// What to call, on any thread, when the log has been written or synced further: replies
    /// may be waiting for that.
    package var onLogProgress: (@Sendable () -> Void)?
    /// What to call, on any thread, when requests that were held up for want of memory may run.
    package var onRoom: (@Sendable () -> Void)?

    /// - Parameters:
    ///   - configuration: validated settings.
    ///   - secret: the store's hash secret, or a fresh one.
    ///   - seed: of the engine's randomness.
    ///   - world: its clock, disk and threads.
    package init(
        configuration: Configuration, secret: HashSecret, seed: UInt64, world: World = World()
    ) {
        self.world = world
        clock = world.clock
        disk = world.disk
        log = LogBuffer()
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        self.configuration = configuration
        self.secret = secret
        random = Random(seed: seed)
        databaseCount = configuration.databases
        namespaces = Namespaces(databaseCount: databaseCount)
        databases = .allocate(capacity: databaseCount)
        for index in 0..<databaseCount {
            (databases + index).initialize(
                to:
                    HotDatabase(namespace: UInt32(index + 1), secret: secret))
        }
        startedMs = clock.wallMs()
        stats.prepare(commandCount: commands.specs.count)
        server = ServerState(runID: ServerState.makeRunID(&random), configuration)
        advanceClock()
        configurationChanged()
    }

    deinit {
        for index in 0..<databaseCount { freeAll(database: index) }
        databases.deinitialize(count: databaseCount)
        databases.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` as the one that may touch the engine.
    @inline(__always)
    package func withLock<R, E: Error>(_ body: (Engine) throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(self)
    }

    /// The same for an event loop's turn: background work gives way to it.
    @inline(__always)
    package func withTurnLock<R>(_ body: (Engine) -> R) -> R {
        waitingTurns.wrappingAdd(1, ordering: .relaxed)
        pthread_mutex_lock(mutex)
        waitingTurns.wrappingSubtract(1, ordering: .relaxed)
        defer { pthread_mutex_unlock(mutex) }
        return body(self)
    }

    /// Whether an event loop waits for the lock.
    var turnIsWaiting: Bool { waitingTurns.load(ordering: .relaxed) > 0 }

    /// Lets event loops that wait have the lock, between two slices of background work; without
    /// the lock. A mutex that is released and taken again at once is seldom another's.
    func giveWay() {
        for _ in 0..<Engine.giveWayTriesMax where turnIsWaiting { usleep(20) }
    }

    private static let giveWayTriesMax = 20

    /// Takes the time for the requests to come.
    @inline(__always)
    func advanceClock() {
        nowMs = clock.wallMs()
        expiryClockMs = isReplaying ? Int64.min : nowMs
        accessClock = Access.lruClock(nowMs)
    }

    /// Takes over settings that the hot path keeps copies of.
    func configurationChanged() {
        configurationVersion += 1
        policyIsLFU = configuration.maxmemoryPolicy.isLFU
        notifiedEvents = loading == nil ? configuration.notifyKeyspaceEvents : []
        spillsEveryCommand = configuration.debugSpillEveryCommand
        needsAuthentication = !configuration.requirePass.isEmpty
        isGuarded = needsAuthentication || loading != nil
        latencyIsTracked = configuration.latencyTracking
        tier?.store.quotaBytes = configuration.coldBytesMax
        tier?.store.partitionBytesMax = configuration.coldPartitionBytes
        logWriter?.keepSegments(in: logArchiveDirectory)
        observeSlowCommands()
    }
}
