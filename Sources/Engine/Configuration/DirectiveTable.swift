// Every directive that has an effect, one row each.
//
// A row gives the name in redis.conf, the field of `Configuration` (whose initial value is the
// default), the kind of value with its range, an older name if there is one, and flags. To add a
// setting: a field, a row, and a reaction through `LiveConfiguration.onChange` if it cannot
// simply be read where it is used.

enum DirectiveTable {
    static let int32 = Int(Int32.max)
    static let int64 = Int.max

    static let rows: [Directive] = [
        // Network.
        .field("bind", \.bind, Codecs.addresses),
        .field("port", \.port, Codecs.int(0...65535)),
        .field("unixsocket", \.unixSocket, Codecs.text, .immutable),
        .field("unixsocketperm", \.unixSocketPerm, Codecs.octal, .immutable),
        .field("tcp-backlog", \.tcpBacklog, Codecs.int(0...int32), .immutable),
        .field("tcp-keepalive", \.tcpKeepaliveSeconds, Codecs.int(0...int32)),
        .field("timeout", \.timeoutSeconds, Codecs.int(0...int32)),
        .field("protected-mode", \.protectedMode, Codecs.bool),
        .field("io-threads", \.ioThreads, Codecs.int(1...128), .immutable),
        // Process.
        .field("daemonize", \.daemonize, Codecs.bool, .immutable),
        .field("pidfile", \.pidFile, Codecs.text, .immutable),
        .field("loglevel", \.logLevel, Codecs.choice(LogLevel.self)),
        .field("logfile", \.logFile, Codecs.text, .immutable),
        .field("databases", \.databases, Codecs.int(1...int32), .immutable),
        .field("dir", \.dir, Codecs.directory, .protected),
        .field("shutdown-timeout", \.shutdownTimeoutSeconds, Codecs.int(0...int32)),
        .field("shutdown-on-sigint", \.shutdownOnSigint, Codecs.shutdown),
        .field("shutdown-on-sigterm", \.shutdownOnSigterm, Codecs.shutdown),
        .field("hz", \.hz, Codecs.hertz),
        .field("dynamic-hz", \.dynamicHz, Codecs.bool),
        // Security.
        .field("requirepass", \.requirePass, Codecs.text, .sensitive),
        .field("aclfile", \.aclFile, Codecs.text, .immutable),
        .field("acllog-max-len", \.aclLogLengthMax, Codecs.int(0...int64)),
        .field("acl-pubsub-default", \.aclPubsubDefault, Codecs.choice(PubsubDefault.self)),
        .field(
            "enable-debug-command", \.enableDebugCommand,
            Codecs.choice(LocalAccess.self), .immutable),
        .field(
            "enable-protected-configs", \.enableProtectedConfigs,
            Codecs.choice(LocalAccess.self), .immutable),
        // Clients.
        .field("maxclients", \.maxClients, Codecs.int(1...4_294_967_295)),
        .field(
            "client-query-buffer-limit", \.clientQueryBufferBytesMax,
            Codecs.memory(1_048_576...int64)),
        .field("client-output-buffer-limit", \.clientOutputBufferLimits, Codecs.outputBufferLimits),
        .field("maxmemory-clients", \.maxmemoryClients, Codecs.memoryOrPercent),
        .field("proto-max-bulk-len", \.bulkBytesMax, Codecs.memory(1_048_576...int64)),
        .field("tracking-table-max-keys", \.trackingTableKeysMax, Codecs.int(0...int64)),
        // Memory.
        .field("maxmemory", \.memoryBudget, Codecs.memoryBudget),
        .field("maxmemory-policy", \.maxmemoryPolicy, Codecs.choice(MaxmemoryPolicy.self)),
        .field("maxmemory-samples", \.maxmemorySamples, Codecs.int(1...int32)),
        .field("maxmemory-eviction-tenacity", \.maxmemoryEvictionTenacity, Codecs.int(0...100)),
        .field("active-expire-effort", \.activeExpireEffort, Codecs.int(1...10)),
        .field("activerehashing", \.activeRehashing, Codecs.bool),
        .field("lfu-log-factor", \.lfuLogFactor, Codecs.int(0...int32)),
        .field("lfu-decay-time", \.lfuDecayMinutes, Codecs.int(0...int32)),
        // Tiers.
        .field("cold-tier", \.coldTier, Codecs.bool, .immutable),
        .field("cold-max-bytes", \.coldBytesMax, Codecs.memory(0...int64)),
        .field("cold-partition-bytes", \.coldPartitionBytes, Codecs.memory(4096...int64)),
        .field("cold-reader-threads", \.coldReaderThreads, Codecs.int(1...64), .immutable),
        .field("promotion-window", \.promotionWindowMs, Codecs.int(0...int32)),
        .field("archive-retention", \.archiveRetentionSeconds, Codecs.int(0...int32)),
        .field("archive-max-bytes", \.archiveBytesMax, Codecs.memory(0...int64)),
        .field("debug-spill-every-command", \.debugSpillEveryCommand, Codecs.bool),
        .field("key-load-delay", \.keyLoadDelayUs, Codecs.int(-int32 - 1...int32), .hidden),
        // Log and snapshots.
        .field("appendonly", \.appendOnly, Codecs.bool),
        .field("appendfsync", \.appendFsync, Codecs.choice(AppendFsync.self)),
        .field("appendfilename", \.appendFilename, Codecs.filename("appendfilename"), .immutable),
        .field(
            "appenddirname", \.appendDirname,
            Codecs.filename("appenddirname", "dirname"), .immutable),
        .field("aof-timestamp-enabled", \.aofTimestampEnabled, Codecs.bool),
        .field("aof-load-truncated", \.aofLoadTruncated, Codecs.bool),
        .field("auto-aof-rewrite-percentage", \.autoAofRewritePercentage, Codecs.int(0...int32)),
        .field("auto-aof-rewrite-min-size", \.autoAofRewriteMinBytes, Codecs.memory(0...int64)),
        .field("checkpoint-bandwidth", \.checkpointBytesPerSecond, Codecs.memory(0...int64)),
        .field("checkpoint-interval", \.checkpointIntervalSeconds, Codecs.int(0...int32)),
        .field("backup-dir", \.backupDirectory, Codecs.text, .protected),
        .field("log-archive-dir", \.logArchiveDirectory, Codecs.text, .protected),
        .field("save", \.savePoints, Codecs.save),
        .field("stop-writes-on-bgsave-error", \.stopWritesOnBgsaveError, Codecs.bool),
        .field("rdb-version", \.rdbVersion, Codecs.int(10...12)),
        .field("rdbcompression", \.rdbCompression, Codecs.bool),
        .field("rdbchecksum", \.rdbChecksum, Codecs.bool, .immutable),
        .field("rdb-save-incremental-fsync", \.rdbSaveIncrementalFsync, Codecs.bool),
        .field("dbfilename", \.dbFilename, Codecs.filename("dbfilename"), .protected),
        .field("sanitize-dump-payload", \.sanitizeDumpPayload, Codecs.choice(SanitizePayload.self)),
        // Commands and observation.
        .field(
            "busy-reply-threshold", \.busyReplyThresholdMs,
            Codecs.int(0...int64), alias: "lua-time-limit"),
        .field(
            "slowlog-log-slower-than", \.slowlogLogSlowerThanMicroseconds, Codecs.int(-1...int64)),
        .field("slowlog-max-len", \.slowlogLengthMax, Codecs.int(0...int64)),
        .field("latency-monitor-threshold", \.latencyMonitorThresholdMs, Codecs.int(0...int64)),
        .field("latency-tracking", \.latencyTracking, Codecs.bool),
        .field(
            "latency-tracking-info-percentiles", \.latencyTrackingPercentiles, Codecs.percentiles),
        .field("notify-keyspace-events", \.notifyKeyspaceEvents, Codecs.keyspaceEvents),
        // Encodings.
        .field(
            "hash-max-listpack-entries", \.hashListpackEntriesMax,
            Codecs.int(0...int64), alias: "hash-max-ziplist-entries"),
        .field(
            "hash-max-listpack-value", \.hashListpackValueBytesMax,
            Codecs.memory(0...int64), alias: "hash-max-ziplist-value"),
        .field(
            "list-max-listpack-size", \.listListpackSizeMax,
            Codecs.int(-int32 - 1...int32), alias: "list-max-ziplist-size"),
        .field("list-compress-depth", \.listCompressDepth, Codecs.int(0...int32)),
        .field("set-max-intset-entries", \.setIntsetEntriesMax, Codecs.int(0...int64)),
        .field(
            "zset-max-listpack-entries", \.zsetListpackEntriesMax,
            Codecs.int(0...int64), alias: "zset-max-ziplist-entries"),
        .field(
            "zset-max-listpack-value", \.zsetListpackValueBytesMax,
            Codecs.memory(0...int64), alias: "zset-max-ziplist-value"),
        .field("hll-sparse-max-bytes", \.hllSparseBytesMax, Codecs.memory(0...int64)),
        .field("stream-node-max-bytes", \.streamNodeBytesMax, Codecs.memory(0...int64)),
        .field("stream-node-max-entries", \.streamNodeEntriesMax, Codecs.int(0...int64)),
    ]
}
