// One of the numbered databases: the hot keys, their expiries, and the count over both tiers.

struct HotDatabase: ~Copyable {
    /// Every hot entry, tombstones included, in hash order.
    var table: HashTable<EntryLayout>
    /// The hot keys with an expiry, by time.
    var expiries = ExpiryIndex()
    /// The hot hashes of which fields expire, by the time of the first.
    var fieldExpiries = ExpiryIndex()
    /// First part of every cold key of this database. A flush gives a fresh one.
    var namespace: UInt32
    /// Live keys in both tiers: what DBSIZE answers.
    var keyCount = 0
    /// Entries in the table that are tombstones.
    var tombstoneCount = 0
    /// Entries that differ from their cold record, tombstones included.
    var dirtyCount = 0
    /// Live keys without a hot entry.
    var coldOnlyCount: Int { keyCount - (table.count - tombstoneCount) }

    /// Live records of this namespace in the cold tier, those on their way included: what the
    /// next commit stores, and what DBSIZE starts with after a restart.
    var coldLiveCount = 0

    init(namespace: UInt32, secret: HashSecret) {
        self.namespace = namespace
        table = HashTable(secret: secret)
    }
}

/// A key as a command names it, hashed once.
struct Key {
    let bytes: Bytes
    let hash: UInt64
    let database: Int
}
