// The rows of the commands on the server as a whole; texts and flags are those of Redis 7.0.

let serverCommands: [CommandSpec] = persistenceRows + keyspaceRows + clusterRows + containerRows

private let persistenceRows: [CommandSpec] = [
    CommandSpec(
        "bgrewriteaof", 1, [.admin, .noScript, .noAsyncLoading], .server, since: "1.0.0",
        "Asynchronously rewrite the append-only file",
        PersistenceCommands.bgrewriteaof),
    CommandSpec(
        "backup", -1, [.admin, .noScript, .noAsyncLoading], .server, since: "0.1.0",
        "Copy the whole store into a directory of its own, in the background",
        syntax: "[name | CANCEL]",
        complexity: "O(N) in the background, N being the size of the store",
        BackupCommand.backup),
    CommandSpec(
        "bgsave", -1, [.admin, .noScript, .noAsyncLoading], .server, since: "1.0.0",
        "Asynchronously save the dataset to disk",
        syntax: "[SCHEDULE]",
        PersistenceCommands.bgsave),
    CommandSpec(
        "lastsave", 1, [.loading, .stale, .fast], .server, since: "1.0.0",
        "Get the UNIX time stamp of the last successful save to disk",
        categories: ["@admin", "@dangerous"],
        PersistenceCommands.lastsave),
    CommandSpec(
        "save", 1, [.admin, .noScript, .noAsyncLoading, .noMulti], .server, since: "1.0.0",
        "Synchronously save the dataset to disk",
        complexity: "O(N) where N is the total number of keys in all databases",
        PersistenceCommands.save),
    CommandSpec(
        "shutdown", -1, [.admin, .noScript, .loading, .stale, .noMulti, .allowBusy], .server,
        since: "1.0.0",
        "Synchronously save the dataset to disk and then shut down the server",
        syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        complexity: """
            O(N) when saving, where N is the total number of keys in all databases \
            when saving data, otherwise O(1)
            """,
        PersistenceCommands.shutdown),
    CommandSpec(
        "failover", -1, [.admin, .noScript, .stale], .server, since: "6.2.0",
        "Start a coordinated failover between this server and one of its replicas.",
        syntax: "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
        ReplicationCommands.failover),
    CommandSpec(
        "psync", -3, [.admin, .noScript, .noAsyncLoading, .noMulti], .server, since: "2.8.0",
        "Internal command used for replication",
        syntax: "replicationid offset",
        complexity: "", ReplicationCommands.psync),
    CommandSpec(
        "replconf", -1, [.admin, .noScript, .loading, .stale, .allowBusy], .server,
        since: "3.0.0",
        "An internal command for configuring the replication stream",
        ReplicationCommands.replconf),
    CommandSpec(
        "replicaof", 3, [.admin, .noScript, .stale, .noAsyncLoading], .server, since: "5.0.0",
        "Make the server a replica of another instance, or promote it as master.",
        syntax: "<host port | NO ONE>",
        ReplicationCommands.replicaof),
    CommandSpec(
        "role", 1, [.noScript, .loading, .stale, .fast], .server, since: "2.8.12",
        "Return the role of the instance in the context of replication",
        categories: ["@admin", "@dangerous"],
        ReplicationCommands.role),
    CommandSpec(
        "slaveof", 3, [.admin, .noScript, .stale, .noAsyncLoading], .server, since: "1.0.0",
        "Make the server a replica of another instance, or promote it as master.",
        syntax: "<host port | NO ONE>",
        ReplicationCommands.replicaof),
    CommandSpec(
        "sync", 1, [.admin, .noScript, .noAsyncLoading, .noMulti], .server, since: "1.0.0",
        "Internal command used for replication",
        complexity: "", ReplicationCommands.sync),
    CommandSpec(
        "wait", 3, [.noScript], .generic, since: "3.0.0",
        """
        Wait for the synchronous replication of all the write commands sent in the context \
        of the current connection
        """,
        syntax: "numreplicas timeout",
        categories: ["@connection"],
        ReplicationCommands.wait),
]

private let keyspaceRows: [CommandSpec] = [
    CommandSpec(
        "dbsize", 1, [.readonly, .fast], .server, since: "1.0.0",
        "Return the number of keys in the selected database",
        categories: ["@keyspace"],
        KeyspaceCommands.dbsize),
    CommandSpec(
        "debug", -2, [.admin, .noScript, .loading, .stale], .server, since: "1.0.0",
        "A container for debugging commands",
        complexity: "Depends on subcommand.",
        DebugCommands.debug),
    CommandSpec(
        "flushall", -1, [.write], .server, since: "1.0.0",
        "Remove all keys from all databases",
        syntax: "[ASYNC | SYNC]",
        complexity: "O(N) where N is the total number of keys in all databases",
        categories: ["@dangerous", "@keyspace"],
        KeyspaceCommands.flushall),
    CommandSpec(
        "flushdb", -1, [.write], .server, since: "1.0.0",
        "Remove all keys from the current database",
        syntax: "[ASYNC | SYNC]",
        complexity: "O(N) where N is the number of keys in the selected database",
        categories: ["@dangerous", "@keyspace"],
        KeyspaceCommands.flushdb),
    CommandSpec(
        "info", -1, [.loading, .stale], .server, since: "1.0.0",
        "Get information and statistics about the server",
        syntax: "[section [section ...]]",
        categories: ["@dangerous"],
        InfoCommand.info),
    CommandSpec(
        "lolwut", -1, [.readonly, .fast], .server, since: "5.0.0",
        "Display some computer art and the Redis version",
        syntax: "[VERSION version]",
        complexity: "", ServerCommands.lolwut),
    CommandSpec(
        "monitor", 1, [.admin, .noScript, .loading, .stale], .server, since: "1.0.0",
        "Listen for all requests received by the server in real time",
        complexity: "", Monitoring.monitor),
    CommandSpec(
        "swapdb", 3, [.write, .fast], .server, since: "4.0.0",
        "Swaps two Redis databases",
        syntax: "index1 index2",
        complexity: """
            O(N) where N is the count of clients watching or blocking on keys from \
            both databases.
            """,
        categories: ["@dangerous", "@keyspace"],
        KeyspaceCommands.swapdb),
    CommandSpec(
        "time", 1, [.loading, .stale, .fast], .server, since: "2.6.0",
        "Return the current server time",
        ServerCommands.time),
]

private let clusterRows: [CommandSpec] = [
    CommandSpec(
        "asking", 1, [.fast], .cluster, since: "3.0.0",
        "Sent by cluster clients after an -ASK redirect",
        categories: ["@connection"],
        ClusterCommands.asking),
    CommandSpec(
        "readonly", 1, [.loading, .stale, .fast], .cluster, since: "3.0.0",
        "Enables read queries for a connection to a cluster replica node",
        categories: ["@connection"],
        ClusterCommands.readonly),
    CommandSpec(
        "readwrite", 1, [.loading, .stale, .fast], .cluster, since: "3.0.0",
        "Disables read queries for a connection to a cluster replica node",
        categories: ["@connection"],
        ClusterCommands.readwrite),
    CommandSpec(
        "restore-asking", -4, [.write, .denyOOM, .asking], keys: .first, .server, since: "3.0.0",
        "An internal command for migrating keys in a cluster",
        syntax: """
            key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ \
            frequency]
            """,
        complexity: """
            O(1) to create the new key and additional O(N*M) to reconstruct the \
            serialized value, where N is the number of Redis objects composing the \
            value and M their average size. For small string values the time \
            complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However \
            for sorted set values the complexity is O(N*M*log(N)) because inserting \
            values into sorted sets is O(log(N)).
            """,
        categories: ["@dangerous", "@keyspace"],
        DumpCommands.restore),
    CommandSpec(
        "cluster", -2, [], .cluster, since: "3.0.0",
        "A container for cluster commands",
        complexity: "Depends on subcommand.",
        ClusterCommands.cluster),
]
