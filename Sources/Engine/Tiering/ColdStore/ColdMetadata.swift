// The store's small facts: what it is called, what it counts, which log it belongs to.
//
//     key bytes -> value bytes, CRC-32C of key and value       formats from 2 on
//     key bytes -> value bytes                                 format 1
//
// LMDB keeps no checksums, and here one flipped bit has wide effects: another secret makes every key
// unfindable, a count is believed, and a store without a stream is taken for one that holds nothing.
// The key is covered too, for a flipped bit in it makes the row another one, and so a missing one;
// therefore all rows are looked at when the store is opened.
//
// A store of format 1 gets its checksums when it is first opened for writing; they vouch for what
// was found then. Where there is no room for that it stays as it is, until the next time.

import LMDB

struct MetaTable {
    /// Since this format rows carry their CRC.
    static let sealedSince: UInt8 = 2
    private static let crcBytes = 4

    let database: Database
    /// Rows carry their CRC.
    let isSealed: Bool

    /// The table as the row of the format says.
    static func open(_ view: TransactionView, _ database: Database) throws -> MetaTable {
        let key = ColdStore.MetaKey.format
        guard let row = try ColdStore.get(view, database, key), let format = row.first else {
            throw ColdError.foreign("the cold tier's format is not recorded")
        }
        let table = MetaTable(database: database, isSealed: row.count > 1)
        guard table.opened(key, row) != nil else { throw damage(key) }
        if format > ColdStore.formatVersion || format == 0 || !table.isSealed && format > 1 {
            throw ColdError.foreign(
                "the cold tier has format \(format), newer than this program")
        }
        return table
    }

    /// A row's value, nil when there is none. Throws if it fails its check.
    func get(_ view: TransactionView, _ key: [UInt8]) throws -> [UInt8]? {
        guard let raw = try ColdStore.get(view, database, key) else { return nil }
        guard let value = opened(key, raw) else { throw MetaTable.damage(key) }
        return value
    }

    /// The same, damaged or not; for who reports or mends damage.
    func getUnchecked(_ view: TransactionView, _ key: [UInt8]) throws -> [UInt8]? {
        guard let raw = try ColdStore.get(view, database, key) else { return nil }
        return isSealed ? raw.dropLast(MetaTable.crcBytes) : raw
    }

    func put(
        _ transaction: borrowing WriteTransaction, _ key: [UInt8], _ value: [UInt8]
    ) throws {
        let row = isSealed ? value + MetaTable.crc(key, value) : value
        try ColdStore.put(transaction, database, key, row)
    }

    func remove(_ transaction: borrowing WriteTransaction, _ key: [UInt8]) throws {
        _ = try key.withUnsafeBytes { try transaction.delete(database, $0) }
    }

    /// The keys of the rows that fail their check, as they are there.
    func damagedRows(_ view: TransactionView) throws -> [[UInt8]] {
        var keys: [[UInt8]] = []
        var cursor = try Cursor(view, database)
        while try cursor.move(.next) {
            let key = Array(cursor.key)
            if opened(key, Array(cursor.value)) == nil { keys.append(key) }
        }
        return keys
    }

    /// A row's value without its CRC; nil if that is wrong.
    private func opened(_ key: [UInt8], _ row: [UInt8]) -> [UInt8]? {
        if !isSealed { return row }
        if row.count < MetaTable.crcBytes { return nil }
        let value = Array(row.dropLast(MetaTable.crcBytes))
        return Array(row.suffix(MetaTable.crcBytes)) == MetaTable.crc(key, value) ? value : nil
    }

    private static func crc(_ key: [UInt8], _ value: [UInt8]) -> [UInt8] {
        let crc = key.withUnsafeBytes { key in
            value.withUnsafeBytes {
                CRC32C.checksum($0, seed: CRC32C.checksum(key))
            }
        }
        return withUnsafeBytes(of: crc.littleEndian) { Array($0) }
    }

    static func damage(_ key: [UInt8]) -> ColdError {
        .damagedStore("its metadata row '\(name(key))' fails its check; see firn-check")
    }

    /// A row's key for messages: it may be damaged.
    static func name(_ key: [UInt8]) -> String {
        key.prefix(64).map { byte in
            (0x20..<0x7F).contains(byte)
                ? String(UnicodeScalar(byte)) : "\\x" + String(byte, radix: 16)
        }.joined()
    }

    /// This table with checksums, unless there is no room for them. Durable with the next commit.
    func sealedIfRoom(_ environment: Environment) throws -> MetaTable {
        if isSealed { return self }
        do { return try sealed(environment) } catch let error as LMDBError where error.isFull {
            return self
        }
    }

    private func sealed(_ environment: Environment) throws -> MetaTable {
        let table = MetaTable(database: database, isSealed: true)
        let transaction = try WriteTransaction(environment)
        var rows: [(key: [UInt8], value: [UInt8])] = []
        do {
            var cursor = try Cursor(transaction.view, database)
            while try cursor.move(.next) { rows.append((Array(cursor.key), Array(cursor.value))) }
        }
        for row in rows {
            let value = row.key == ColdStore.MetaKey.format ? [ColdStore.formatVersion] : row.value
            try table.put(transaction, row.key, value)
        }
        try transaction.commit()
        return table
    }
}
