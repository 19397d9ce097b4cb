// Metadata rows carry checksums; those of older stores get them.

import LMDB
import Testing

@testable import Engine

@Suite struct ColdMetadataTests {
    private let directory = ColdDirectory()
    private let value = Array("a small fact".utf8)
    private let key = Array("fact".utf8)

    init() throws {
        let store = try directory.open()
        let batch = ColdBatch()
        batch.put(0, [1], [2], lsn: 3)
        batch.setMetadata(key, value)
        try store.commit(batch)
    }

    /// The rows as they are in the file.
    private func rows() throws -> [(key: [UInt8], value: [UInt8])] {
        let environment = try Environment(directory: directory.path, mapBytes: 1 << 32)
        let transaction = try WriteTransaction(environment)
        let meta = try #require(try transaction.view.open("meta"))
        var rows: [(key: [UInt8], value: [UInt8])] = []
        do {
            var cursor = try Cursor(transaction.view, meta)
            while try cursor.move(.next) { rows.append((Array(cursor.key), Array(cursor.value))) }
        }
        try transaction.commit()
        return rows
    }

    /// Replaces all rows.
    private func replace(_ rows: [(key: [UInt8], value: [UInt8])]) throws {
        let environment = try Environment(directory: directory.path, mapBytes: 1 << 32)
        let transaction = try WriteTransaction(environment)
        let meta = try #require(try transaction.view.open("meta"))
        try transaction.empty(meta)
        for row in rows { try ColdStore.put(transaction, meta, row.key, row.value) }
        try transaction.commit()
    }

    /// Why the store does not open; empty if it does.
    private func refusal(_ change: (inout ColdOptions) -> Void = { _ in }) -> String {
        do throws(ColdError) {
            var options = ColdOptions()
            options.mapBytes = 1 << 32
            change(&options)
            _ = try ColdStore.open(directory: directory.path, options: options)
            return ""
        } catch { return error.description }
    }

    /// A store as the first version made it.
    private func makeOld() throws {
        try replace(
            try rows().map { row in
                let value = Array(row.value.dropLast(4))
                return (row.key, row.key == ColdStore.MetaKey.format ? [1] : value)
            })
    }

    @Test func everyFlippedBitIsNoticed() throws {
        let sound = try rows()
        #expect(sound.count >= 4)
        for number in sound.indices {
            let name = String(decoding: sound[number].key, as: UTF8.self)
            for bit in 0..<sound[number].value.count * 8 {
                var rows = sound
                rows[number].value[bit >> 3] ^= 1 << UInt8(bit & 7)
                try replace(rows)
                let text = refusal()
                #expect(
                    text.contains("its metadata row '\(name)' fails its check"), "\(bit): \(text)")
            }
            for bit in stride(from: 0, to: sound[number].key.count * 8, by: 5) {
                var rows = sound
                rows[number].key[bit >> 3] ^= 1 << UInt8(bit & 7)
                try replace(rows)
                #expect(!refusal().isEmpty, "\(name), bit \(bit) of the key")
            }
        }
        try replace(sound)
        #expect(refusal().isEmpty)
        #expect(try directory.open().metadata(key) == value)
    }

    @Test func damageIsToldOfBesideAServerToo() throws {
        var rows = try rows()
        let number = try #require(rows.firstIndex { $0.key == key })
        rows[number].value[0] ^= 1
        try replace(rows)
        #expect(refusal { $0.readOnly = true }.contains("'fact' fails its check"))
        #expect(refusal { $0.toleratesDamage = true }.isEmpty)
        let store = try directory.open { $0.toleratesDamage = true }
        #expect(throws: ColdError.self) { try store.metadata(key) }
    }

    @Test func anOldStoreGetsChecksums() throws {
        try makeOld()
        let old = try rows()
        #expect(refusal { $0.readOnly = true }.isEmpty)
        do {
            let store = try directory.open { $0.readOnly = true }
            #expect(try store.metadata(key) == value)
            #expect(!store.meta.isSealed)
        }
        #expect(try rows().map(\.value) == old.map(\.value))
        let id: [UInt8]
        do {
            let store = try directory.open()
            id = store.storeID
            #expect(store.meta.isSealed)
            #expect(try store.metadata(key) == value)
            #expect(try store.value(0, [1])?.payload == [2])
        }
        #expect(old.contains { $0.value == id })
        #expect(
            try rows().allSatisfy { row in old.contains { $0.value.count + 4 == row.value.count } })
        let store = try directory.open()
        #expect(store.storeID == id)
        #expect(try store.metadata(key) == value)
    }

    @Test func rowsAreReplacedAndRemoved() throws {
        let store = try directory.open()
        for value in [[], [1], [UInt8](repeating: 5, count: 9000)] {
            let batch = ColdBatch()
            batch.setMetadata(key, value)
            try store.commit(batch)
            #expect(try store.metadata(key) == value)
        }
        let batch = ColdBatch()
        batch.setMetadata(key, nil)
        try store.commit(batch)
        #expect(try store.metadata(key) == nil)
    }
}
