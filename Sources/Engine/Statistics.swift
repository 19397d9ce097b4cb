// Counters that INFO reports. Plain integers under the engine's lock.

struct Statistics {
    var commandsProcessed = 0
    var connectionsReceived = 0
    var rejectedConnections = 0
    var keyspaceHits = 0
    var keyspaceMisses = 0
    var expiredKeys = 0
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

    mutating func reset() {
        let changes = changesSinceSave
        let commandCount = byCommand.count
        self = Statistics()
        changesSinceSave = changes
        byCommand = Array(repeating: CommandStatistics(), count: commandCount)
    }
}

struct CommandStatistics {
    var calls = 0
    var microseconds: Int64 = 0
    var rejectedCalls = 0
    var failedCalls = 0
}
