// The archive: rows by key and by time, limits, totals.

import Testing

@testable import Engine

@Suite struct ColdArchiveTests {
    private func add(
        _ batch: ColdBatch, _ database: UInt32, _ key: [UInt8], _ payload: [UInt8], at: Int64
    ) {
        _ = key.withUnsafeBytes { keyBytes in
            batch.appendArchive(
                database: database, hash: coldHash(key), key: keyBytes, type: 4, access: 5,
                lsn: 6, expiry: at - 1, expiredAt: at
            ) { batch in payload.withUnsafeBytes { batch.write($0) } }
        }
    }

    private func listing(_ store: ColdStore) throws -> [(ArchiveID, [UInt8], [UInt8])] {
        var rows: [(ArchiveID, [UInt8], [UInt8])] = []
        var after: ArchiveID?
        repeat {
            after = try store.listArchive(after: after, atMost: 3) {
                rows.append(($0.id, Array($0.record.key), Array($0.record.payload)))
            }
        } while after != nil
        return rows
    }

    @Test func rowsAreFoundByKeyAndByTime() throws {
        let directory = ColdDirectory()
        let big = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
        let longKey = [UInt8](repeating: 7, count: 5000)
        do {
            let store = try directory.open()
            let batch = ColdBatch()
            add(batch, 0, [1], [10], at: 1000)
            add(batch, 0, [2], big, at: 900)
            add(batch, 1, [1], [30], at: 800)
            add(batch, 0, [1], [40], at: 1100)
            add(batch, 0, longKey, [50], at: 1200)
            #expect(batch.archiveCount == 5 && batch.recordCount == 0)
            try store.commit(batch)
            #expect(try store.stats().runs == 0)
        }
        let store = try directory.open()
        #expect(try listing(store).map(\.2) == [[30], big, [10], [40], [50]])
        var found: [ArchiveEntryCopy] = []
        try [UInt8]([1]).withUnsafeBytes {
            try store.archived(database: 0, hash: coldHash([1]), key: $0) {
                found.append(ArchiveEntryCopy($0))
            }
        }
        #expect(found.map(\.payload) == [[10], [40]])
        #expect(found[0].id.expiredAt == 1000 && found[0].expiry == 999)
        #expect(found[0].database == 0 && found[0].type == 4)
        try longKey.withUnsafeBytes { key in
            var hits = 0
            try store.archived(database: 0, hash: coldHash(longKey), key: key) { entry in
                #expect(entry.record.key.equals(key))
                hits += 1
            }
            #expect(hits == 1)
        }
        let totals = store.archiveUsage
        #expect(totals.count == 5 && totals.bytes > 105_000 && totals.bytes < 106_000)

        let deletion = ColdBatch()
        let ids = try listing(store).map(\.0)
        deletion.deleteArchive(ids[1])
        deletion.deleteArchive(ids[1])
        deletion.deleteArchive(ids[3])
        try store.commit(deletion)
        #expect(try listing(store).map(\.2) == [[30], [10], [50]])
        #expect(try store.archived(ids[1]) { _ in } == nil)
        #expect(try store.archived(ids[0]) { Array($0.record.payload) } == [30])
        #expect(store.archiveUsage.count == 3)
    }

    @Test func trimmingByAgeAndSize() throws {
        let store = try ColdDirectory().open()
        let batch = ColdBatch()
        for number in 0..<100 {
            add(batch, 0, [UInt8(number)], [UInt8](repeating: 1, count: 3000), at: Int64(number))
        }
        try store.commit(batch)
        #expect(try store.trimArchive(before: 30, bytesMax: .max, atMost: 20))
        #expect(try store.trimArchive(before: 30, bytesMax: .max, atMost: 20) == false)
        #expect(store.archiveUsage.count == 70)
        #expect(try listing(store).first?.0.expiredAt == 30)
        while try store.trimArchive(before: 0, bytesMax: 100_000, atMost: 7) {}
        #expect(store.archiveUsage.bytes <= 100_000)
        let left = try listing(store)
        #expect(left.count == store.archiveUsage.count && left.count == 32)
        #expect(left.last?.0.expiredAt == 99)
        #expect(try !store.trimArchive(before: .max, bytesMax: 0, atMost: 1000))
        #expect(store.archiveUsage.count == 0 && store.archiveUsage.bytes == 0)
        #expect(try store.trimArchive(before: .max, bytesMax: 0) == false)
    }
}

private struct ArchiveEntryCopy {
    let id: ArchiveID
    let database: UInt32
    let type: UInt8
    let expiry: Int64
    let payload: [UInt8]

    init(_ entry: ArchiveEntry) {
        id = entry.id
        database = entry.record.namespace
        type = entry.record.type
        expiry = entry.record.expiry
        payload = Array(entry.record.payload)
    }
}
