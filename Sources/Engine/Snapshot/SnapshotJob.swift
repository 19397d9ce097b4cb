// One point in time of the whole keyspace, without a fork.
//
// At one instant, under the lock, the job notes the LSN and opens a snapshot of the cold tier.
// What is missing in it are the keys that are dirty in the hot tier at that instant. The job
// walks both tiers in the order of (namespace, hash), a slice at a time: cold rows are read
// without the lock; then, with the lock, the dirty entries of the same range of hash space are
// serialized, and override them.
//
// A key that is about to change before the walk has come to it is kept first, by `keep`: its
// value if it is dirty, the fact that it does not exist, or the fact that the cold row is
// right. So is an entry that is about to become clean or to leave, for the snapshot's cold view
// does not hold the commit that made it so. The walk prefers what was kept. Only the first
// keeping of a key counts, so the memory this takes is that of the keys written meanwhile.

import Synchronization

/// The state of a snapshot that is being written. Engine lock, except what `run` says.
final class SnapshotJob: @unchecked Sendable {
    enum Kept {
        case absent
        /// The key was clean: the row in the cold view is its value.
        case coldRow
        case value(type: UInt8, access: UInt32, expiry: Int64?, payload: [UInt8])
    }

    private static let bucketBits: UInt64 = 12
    /// What a slice of the walk holds at most, but for the last key: values may be large, and a
    /// slice's dirty ones are serialized under the lock.
    static let sliceKeys = 256
    static let sliceBytes = 4 << 20

    let lsn: UInt64
    /// The log in which `lsn` is a position; nil without one.
    let stream: [UInt8]?
    /// It becomes the base of the log, not `dump.rdb`.
    let isBase: Bool
    let cold: ColdSnapshot?
    /// Progress, for INFO.
    private let keysDone = Atomic(0)
    var keysWritten: Int {
        get { keysDone.load(ordering: .relaxed) }
        set { keysDone.store(newValue, ordering: .relaxed) }
    }
    var keysTotal: Int { sizes.reduce(0) { $0 + $1.keys } }
    let libraries: [[UInt8]]
    /// The databases in the order of the walk, that of their namespaces.
    let order: [(namespace: UInt32, database: Int)]
    /// Keys and keys with an expiry in the hot tier, by database, at that instant.
    let sizes: [(keys: Int, expires: Int)]
    /// Where the walk is: everything before is written.
    private(set) var place = 0
    private(set) var position: UInt64 = 0
    private let placeOf: [Int]
    private var kept: [[[UInt8]: Kept]]
    private(set) var keptBytes = 0
    /// Set when a database was flushed or exchanged: what was written is void.
    var isVoid = false

    init(_ engine: Engine, isBase: Bool = false) throws(ColdError) {
        lsn = engine.currentLSN
        stream = engine.logWriter?.stream
        libraries = engine.libraries.codes
        self.isBase = isBase
        if let tier = engine.tier { cold = try tier.store.snapshot() } else { cold = nil }
        let databases = engine.databases
        order = (0..<engine.databaseCount).map { (databases[$0].namespace, $0) }
            .sorted { $0.0 < $1.0 }
        sizes = (0..<engine.databaseCount).map {
            (databases[$0].keyCount, databases[$0].expiries.count)
        }
        var places = [Int](repeating: 0, count: engine.databaseCount)
        for (place, item) in order.enumerated() { places[item.database] = place }
        placeOf = places
        kept = Array(
            repeating: [:], count: engine.databaseCount << Int(SnapshotJob.bucketBits))
    }

    private func bucket(_ database: Int, _ hash: UInt64) -> Int {
        database << Int(SnapshotJob.bucketBits) | Int(hash >> (64 - SnapshotJob.bucketBits))
    }

    /// Whether the walk has written this place of the keyspace already.
    func hasPassed(_ database: Int, _ hash: UInt64) -> Bool {
        let other = placeOf[database]
        return other < place || (other == place && hash < position)
    }

    /// Keeps what the snapshot needs of a key that is about to change. `entry` nil: it does not
    /// exist. O(1), plus the value's serialization.
    func keep(_ key: Key, _ entry: Entry?) {
        if hasPassed(key.database, key.hash) { return }
        let bucket = bucket(key.database, key.hash)
        let bytes = Array(key.bytes)
        if kept[bucket][bytes] != nil { return }
        let value = SnapshotJob.value(entry)
        if case .value(_, _, _, let payload) = value { keptBytes += payload.count }
        keptBytes += bytes.count + 64
        kept[bucket][bytes] = value
    }

    private static func value(_ entry: Entry?) -> Kept {
        guard let entry, entry.type != .tombstone else { return .absent }
        guard entry.flags.contains(.dirty) else { return .coldRow }
        var sink = ByteSink()
        let type = ValueCodec.encodePayload(entry, into: &sink)
        return .value(
            type: type, access: entry.access, expiry: entry.expiry, payload: Array(sink.bytes))
    }

    /// Where a slice of the hot tier ends that is not too large; nil: with the database.
    private func hotEnd(_ engine: Engine, _ database: Int) -> UInt64? {
        var end: UInt64? = position
        var keys = 0
        var bytes = 0
        while let from = end, keys < SnapshotJob.sliceKeys, bytes < SnapshotJob.sliceBytes {
            end = engine.databases[database].table.visit(from: from, atLeast: 16) { raw in
                keys += 1
                if Entry(raw).flags.contains(.dirty) { bytes += Entry(raw).memoryUsage }
            }
        }
        return end
    }

    /// With the lock: what overrides the cold rows from the walk's position to `end` (nil: the
    /// end of the database). The range may have to be cut; the second value is its real end.
    func takeSlice(_ engine: Engine, to end: UInt64?) -> (overrides: [[UInt8]: Kept], end: UInt64?)
    {
        let database = order[place].database
        var end = end
        if let hotEnd = hotEnd(engine, database) {
            end = end.map { Swift.min($0, hotEnd) } ?? hotEnd
        }
        var overrides: [[UInt8]: Kept] = [:]
        engine.databases[database].table.visit(from: position, below: end) { raw in
            let entry = Entry(raw)
            if entry.flags.contains(.dirty) {
                overrides[Array(entry.key)] = SnapshotJob.value(entry)
            }
        }
        let first = bucket(database, position)
        let last = bucket(database, end.map { $0 == 0 ? 0 : $0 - 1 } ?? .max)
        for bucket in first...last where !kept[bucket].isEmpty {
            for (key, value) in kept[bucket] {
                let hash = key.withUnsafeBytes { engine.secret.hash($0) }
                if hash < position || end.map({ hash >= $0 }) ?? false { continue }
                overrides[key] = value
            }
        }
        if let end {
            position = end
        } else {
            place += 1
            position = 0
        }
        return (overrides, end)
    }
}
