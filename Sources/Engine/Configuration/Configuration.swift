// The settings, as plain stored fields.
//
// Whoever needs a setting on a hot path reads a field: no dictionary, no text, no conversion.
// The initial values below are the defaults; the directive table (DirectiveTable.swift) joins
// each field to its name in redis.conf and to the rules for its text. Settings of Redis that
// mean nothing to Firn yet have no field: their checked text is kept in `inert`, so that an
// existing redis.conf loads, reads back through CONFIG GET and survives CONFIG REWRITE.

/// All settings. A value: CONFIG SET changes a copy and replaces the original when all is well.
package struct Configuration: Sendable {
    // MARK: Network
    package var bind = ["127.0.0.1", "-::1"]
    package var port = 6379
    package var unixSocket = ""
    package var unixSocketPerm = 0
    package var tcpBacklog = 511
    package var tcpKeepaliveSeconds = 300
    package var timeoutSeconds = 0
    package var protectedMode = true
    package var ioThreads = 1

    // MARK: Process
    package var daemonize = false
    package var pidFile = ""
    package var logLevel = LogLevel.notice
    package var logFile = ""
    package var databases = 16
    /// The working directory, absolute.
    package var dir = WorkingDirectory.atStart
    package var shutdownTimeoutSeconds = 10
    package var shutdownOnSigint = ShutdownOptions()
    package var shutdownOnSigterm = ShutdownOptions()
    package var hz = 10
    package var dynamicHz = true

    // MARK: Security
    package var requirePass = ""
    package var aclFile = ""
    package var aclLogLengthMax = 128
    package var aclPubsubDefault = PubsubDefault.resetchannels
    package var enableDebugCommand = LocalAccess.no
    package var enableProtectedConfigs = LocalAccess.no

    // MARK: Clients
    package var maxClients = 10000
    package var clientQueryBufferBytesMax = 1 << 30
    package var clientOutputBufferLimits = ClientOutputBufferLimits()
    /// Bytes; negative: percent of `maxmemory`; 0: no limit.
    package var maxmemoryClients = 0
    package var bulkBytesMax = 512 << 20
    package var trackingTableKeysMax = 1_000_000

    // MARK: Memory
    package var memoryBudget = MemoryBudget.automatic
    /// The budget of the hot tier in bytes; 0: no limit.
    package var maxmemory: Int { memoryBudget.bytes }
    package var maxmemoryPolicy = MaxmemoryPolicy.allkeysLRU
    package var maxmemorySamples = 5
    package var maxmemoryEvictionTenacity = 10
    package var activeExpireEffort = 1
    package var activeRehashing = true
    package var lfuLogFactor = 10
    package var lfuDecayMinutes = 1

    // MARK: Tiers
    package var coldTier = true
    /// Quota of the cold tier; 0: the disk is the limit.
    package var coldBytesMax = 0
    /// What the base of a partition of the cold tier should hold at most.
    package var coldPartitionBytes = ColdOptions.partitionBytesDefault
    package var coldReaderThreads = 8
    /// A second read of a cold key within so many milliseconds promotes it; 0: the first does.
    package var promotionWindowMs = 60_000
    package var archiveRetentionSeconds = 86_400
    package var archiveBytesMax = 1 << 30
    /// For tests: spills every key after every command.
    package var debugSpillEveryCommand = false
    /// For tests: microseconds that loading takes a key; negative: one in so many keys takes one.
    package var keyLoadDelayUs = 0

    // MARK: Log and snapshots
    package var appendOnly = true
    package var appendFsync = AppendFsync.everysec
    package var appendFilename = "appendonly.aof"
    package var appendDirname = "appendonlydir"
    package var aofTimestampEnabled = false
    package var aofLoadTruncated = true
    package var autoAofRewritePercentage = 100
    package var autoAofRewriteMinBytes = 64 << 20
    /// Bytes a second that a checkpoint moves into the cold tier at most; 0: no limit.
    package var checkpointBytesPerSecond = 100 << 20
    /// A checkpoint is made when the last is so old and something has been logged since; 0: never
    /// for its age.
    package var checkpointIntervalSeconds = 3600
    /// Where BACKUP makes its directories.
    package var backupDirectory = "backup"
    /// Where segments go that the log no longer needs; empty: they are removed.
    package var logArchiveDirectory = ""
    package var savePoints = [
        SavePoint(seconds: 3600, changes: 1), SavePoint(seconds: 300, changes: 100),
        SavePoint(seconds: 60, changes: 10000),
    ]
    package var stopWritesOnBgsaveError = true
    /// The version in the first line of snapshots: 10, 11 or 12.
    package var rdbVersion = 10
    package var rdbCompression = true
    package var rdbChecksum = true
    package var rdbSaveIncrementalFsync = true
    package var dbFilename = "dump.rdb"
    /// Told only: payloads are checked in full whatever it says, for nothing checks them later.
    package var sanitizeDumpPayload = SanitizePayload.yes

    // MARK: Commands and observation
    package var busyReplyThresholdMs = 5000
    /// Negative: nothing is logged; 0: everything.
    package var slowlogLogSlowerThanMicroseconds = 10_000
    package var slowlogLengthMax = 128
    package var latencyMonitorThresholdMs = 0
    package var latencyTracking = true
    package var latencyTrackingPercentiles = [50, 99, 99.9]
    package var notifyKeyspaceEvents: KeyspaceEvents = []

    // MARK: Encodings
    package var hashListpackEntriesMax = 512
    package var hashListpackValueBytesMax = 64
    package var listListpackSizeMax = -2
    package var listCompressDepth = 0
    package var setIntsetEntriesMax = 512
    package var zsetListpackEntriesMax = 128
    package var zsetListpackValueBytesMax = 64
    package var hllSparseBytesMax = 3000
    package var streamNodeBytesMax = 4096
    package var streamNodeEntriesMax = 100

    // MARK: Lines of the configuration file that are no settings
    /// `rename-command`: old name, new name (empty: the command is disabled).
    package var renamedCommands: [RenamedCommand] = []
    /// `user`: the words after the directive.
    package var users: [[String]] = []
    /// `loadmodule`: accepted and not acted upon.
    package var modules: [[String]] = []

    /// Text of the settings without a field that were set, by canonical name.
    var inert: [String: String] = [:]

    package init() {}

    static let initial = Configuration()

    /// Whether the log notes the time: an archived log that does not cannot be restored to one.
    var logIsDated: Bool { aofTimestampEnabled || !logArchiveDirectory.isEmpty }

    /// A setting's text as CONFIG GET shows it; nil for an unknown name. O(1).
    package func text(_ name: String) -> String? { Directive.named(name)?.text(self) }

    /// Settings that were given a value other than the default although Firn does not act on
    /// them; a start-up note names them.
    package var inertNonDefault: [String] {
        Directive.all.filter { $0.flags.contains(.inert) && !$0.isDefault(self) }.map(\.name)
            + (modules.isEmpty ? [] : ["loadmodule"])
    }
}
