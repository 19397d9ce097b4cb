// All keys of both tiers and the log's tail, one at a time.
//
// For each part of hash space that the tail was replayed for (InspectionTail.swift), and each
// database: the rows of the cold snapshot, except those that the tail has changed or deleted;
// then what the tail made. Memory: one part of the tail, one row.

/// A key with its value in RDB form; valid during the call that receives it.
package struct InspectedKey {
    package let database: Int
    package let key: Bytes
    package let type: ValueType
    /// The RDB type byte of `payload`.
    package let rdbType: UInt8
    /// Empty when a walk did not ask for payloads and it is large.
    package let payload: Bytes
    package let payloadBytes: Int
    /// Unix milliseconds.
    package let expiry: Int64?
    package let access: UInt32
    /// Log position at which the record was written; nil: the key was changed by the tail.
    package let lsn: UInt64?
    package let isExpired: Bool
}

/// What a walk passes over.
package struct InspectionDamage {
    package let key: [UInt8]
    package let reason: String
}

extension Inspection {
    /// Visits every key, expired ones included, in no order beyond that the keys of one
    /// database come together within a part. O(keys).
    ///
    /// - Parameters:
    ///   - database: only this one; nil: all.
    ///   - payloads: whether large payloads are read.
    ///   - damaged: told of records that fail their check; they are passed over.
    ///   - progress: told now and then how many rows of `coldRowsMax` were read.
    package func forEachKey(
        database only: Int? = nil, payloads: Bool = true,
        damaged: (InspectionDamage) -> Void, progress: (Int) -> Void = { _ in },
        _ body: (InspectedKey) throws -> Void
    ) throws {
        var rows = 0
        try forEachPart { engine, range in
            for database in 0..<databaseCount where only == nil || database == only {
                try walkCold(engine, database, range, payloads, damaged, &rows, progress, body)
                try walkTail(engine, database, range, body)
            }
        }
        progress(coldRowsMax)
    }

    private func walkCold(
        _ engine: Engine, _ database: Int, _ range: ClosedRange<UInt64>, _ payloads: Bool,
        _ damaged: (InspectionDamage) -> Void, _ rows: inout Int, _ progress: (Int) -> Void,
        _ body: (InspectedKey) throws -> Void
    ) throws {
        guard let snapshot else { return }
        let namespace = engine.databases[database].namespace
        let limit: (UInt32, UInt64) =
            range.upperBound == .max ? (namespace + 1, 0) : (namespace, range.upperBound + 1)
        snapshot.seek(namespace: namespace, hash: range.lowerBound)
        while true {
            var visited = 0
            do throws(ColdError) {
                let hasMore = try snapshot.next(atMost: 1024, before: limit, payloads: payloads) {
                    record in
                    visited += 1
                    guard let key = inspected(record, engine, database) else { return }
                    try body(key)
                }
                rows += visited
                progress(rows)
                if !hasMore { return }
            } catch {
                rows += visited
                switch error {
                case .damaged(let key):
                    damaged(InspectionDamage(key: key, reason: error.description))
                case .caller(let error): throw error
                default: throw InspectionError(error.description)
                }
            }
        }
    }

    /// A cold row as a key, nil where the tail knows better.
    private func inspected(
        _ record: ColdRecord, _ engine: Engine, _ database: Int
    ) -> InspectedKey? {
        if let raw = engine.databases[database].table.find(record.hash, record.key) {
            let entry = Entry(raw)
            if entry.type == .tombstone || entry.flags.contains(.dirty) { return nil }
        }
        guard let type = RDBType.valueType(record.type) else { return nil }
        let expiry = record.expiry == ColdRecord.noExpiry ? nil : record.expiry
        return InspectedKey(
            database: database, key: record.key, type: type, rdbType: record.type,
            payload: record.payload, payloadBytes: record.payloadLength, expiry: expiry,
            access: record.access, lsn: record.lsn, isExpired: expiry.map { $0 < nowMs } ?? false)
    }

    private func walkTail(
        _ engine: Engine, _ database: Int, _ range: ClosedRange<UInt64>,
        _ body: (InspectedKey) throws -> Void
    ) throws {
        guard engine.databases[database].dirtyCount > 0 else { return }
        var sink = ByteSink()
        var failure: (any Error)?
        engine.databases[database].table.forEach { raw in
            let entry = Entry(raw)
            guard failure == nil, entry.flags.contains(.dirty), entry.type != .tombstone else {
                return
            }
            do { try lend(entry, database, &sink, body) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private func lend(
        _ entry: Entry, _ database: Int, _ sink: inout ByteSink,
        _ body: (InspectedKey) throws -> Void
    ) throws {
        sink.removeAll()
        let type = ValueCodec.encodePayload(entry, into: &sink)
        try body(
            InspectedKey(
                database: database, key: entry.key, type: entry.type, rdbType: type,
                payload: sink.bytes, payloadBytes: sink.count, expiry: entry.expiry,
                access: entry.access, lsn: nil,
                isExpired: entry.expiry.map { $0 < nowMs } ?? false))
    }

    // MARK: One key

    /// What is known of one key.
    package struct Finding {
        /// Log position of its record in the cold tier; nil: none, or it is not looked at.
        package var recordLSN: UInt64?
        /// The newest row in the cold tier is a deletion at this position.
        package var tombstoneLSN: UInt64?
        /// Effects of the log's tail on it, oldest first, those that the record has included.
        package var effects: [Effect] = []
        /// Whether the key exists.
        package var exists = false
    }

    /// Looks one key up; `body` gets it if it exists. O(log's tail + log n).
    package func find(
        _ key: [UInt8], database: Int, _ body: (InspectedKey) throws -> Void
    ) throws -> Finding {
        var finding = Finding()
        guard database >= 0, database < databaseCount else { return finding }
        let (engine, effects) = try replay(key: key, database: database)
        finding.effects = effects
        let hash = key.withUnsafeBytes { secret.hash($0) }
        var isDecided = false
        if let raw = key.withUnsafeBytes({ engine.databases[database].table.find(hash, $0) }) {
            let entry = Entry(raw)
            if entry.type == .tombstone {
                isDecided = true
            } else if entry.flags.contains(.dirty) {
                isDecided = true
                finding.exists = true
                var sink = ByteSink()
                try lend(entry, database, &sink, body)
            }
        }
        guard let snapshot else { return finding }
        let found = try key.withUnsafeBytes { bytes in
            do throws(ColdError) {
                return try snapshot.lookup(
                    namespace: engine.databases[database].namespace, hash: hash, key: bytes
                ) { record -> UInt64 in
                    if !isDecided, let key = inspected(record, engine, database) {
                        finding.exists = true
                        try body(key)
                    }
                    return record.lsn
                }
            } catch {
                if case .caller(let error) = error { throw error }
                if isDecided { return .absent }
                throw InspectionError(error.description)
            }
        }
        switch found {
        case .found(let lsn): finding.recordLSN = lsn
        case .tombstone(let lsn): finding.tombstoneLSN = lsn
        case .absent: break
        }
        return finding
    }

    // MARK: The archive

    /// Visits archived values in the order of their expiry; damaged ones are passed over.
    package func forEachArchived(
        damaged: (InspectionDamage) -> Void, _ body: (ArchiveEntry) throws -> Void
    ) throws {
        guard let store else { return }
        var after: ArchiveID?
        while true {
            let ids = try inspecting { () throws(ColdError) in
                try store.archiveIDs(after: after, atMost: 1024)
            }
            for id in ids {
                do throws(ColdError) {
                    _ = try store.archived(id) { try body($0) }
                } catch {
                    switch error {
                    case .damaged:
                        damaged(
                            InspectionDamage(
                                key: Array(id.text.utf8),
                                reason: "the archived value \(id.text) is damaged"))
                    case .caller(let error): throw error
                    default: throw InspectionError(error.description)
                    }
                }
            }
            guard let last = ids.last, ids.count == 1024 else { return }
            after = last
        }
    }
}
