// Counters that INFO reports. Plain integers under the engine's lock.

struct Statistics {
    var commandsProcessed = 0
    var connectionsReceived = 0
    var rejectedConnections = 0
    var keyspaceHits = 0
    var keyspaceMisses = 0
    var expiredKeys = 0
    /// Hash fields that went at their time.
    var expiredFields = 0
    var evictedKeys = 0
    /// Changes since the last snapshot: what `save` points count.
    var changesSinceSave = 0
    var netInputBytes = 0
    var netOutputBytes = 0
    var errorReplies = 0
    var peakMemoryBytes = 0
    /// Calls, microseconds, rejected and failed calls by command, in the table's order.
    var byCommand: [CommandStatistics] = []
    /// Error replies by their first word.
    var byError: [String: Int] = [:]
    var bySubcommand: [Subcommand: CommandStatistics] = [:]
    /// Calls by command and duration: bucket `k` counts those of at most 2^k microseconds that
    /// are in no lower bucket. A call of a subcommand counts there, and not with its container.
    private(set) var latencyBuckets: [UInt64] = []
    private(set) var latencyBucketsBySubcommand: [Subcommand: [UInt64]] = [:]
    /// The command whose latency is to be noted next was a container's, and this was called.
    var subcommandCalled: Subcommand?
    static let bucketsPerCommand = 32
    var reads = 0
    var writes = 0

    /// Gives each command its counters.
    mutating func prepare(commandCount: Int) {
        byCommand = Array(repeating: CommandStatistics(), count: commandCount)
        latencyBuckets = Array(repeating: 0, count: commandCount * Statistics.bucketsPerCommand)
    }

    @inline(__always)
    static func bucket(_ microseconds: Int64) -> Int {
        if microseconds <= 1 { return 0 }
        return Swift.min(64 - (microseconds - 1).leadingZeroBitCount, bucketsPerCommand - 1)
    }

    @inline(__always)
    mutating func noteLatency(_ index: Int, _ microseconds: Int64) {
        if let subcommandCalled { return noteLatency(subcommandCalled, microseconds) }
        latencyBuckets[index * Statistics.bucketsPerCommand + Statistics.bucket(microseconds)] &+= 1
    }

    @inline(never)
    private mutating func noteLatency(_ subcommand: Subcommand, _ microseconds: Int64) {
        subcommandCalled = nil
        let none = Array(repeating: UInt64(0), count: Statistics.bucketsPerCommand)
        latencyBucketsBySubcommand[subcommand, default: none][Statistics.bucket(microseconds)] += 1
    }

    mutating func noteSubcommand(_ id: Subcommand, _ microseconds: Int64, failed: Bool) {
        var counts = bySubcommand[id] ?? CommandStatistics()
        counts.calls += 1
        counts.microseconds += microseconds
        if failed { counts.failedCalls += 1 }
        bySubcommand[id] = counts
    }

    /// CONFIG RESETSTAT.
    mutating func reset() {
        let changes = changesSinceSave
        let commandCount = byCommand.count
        let subcommandCalled = subcommandCalled
        self = Statistics()
        self.subcommandCalled = subcommandCalled
        changesSinceSave = changes
        prepare(commandCount: commandCount)
    }
}

/// A subcommand, by its container's row and its own.
struct Subcommand: Hashable {
    let container: Int
    let place: Int
}

struct CommandStatistics {
    var calls = 0
    var microseconds: Int64 = 0
    var rejectedCalls = 0
    var failedCalls = 0
}
