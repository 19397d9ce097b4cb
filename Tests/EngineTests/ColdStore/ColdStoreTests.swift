// Opening, recovery, damage, expiry and space: the store's promises one by one.

import Glibc
import LMDB
import Testing

@testable import Engine

@Suite struct ColdStoreTests {
    @Test func aNewStoreHasAnIdentityThatStays() throws {
        let directory = ColdDirectory()
        var identity: [[UInt8]] = []
        do {
            let store = try directory.open()
            identity = [store.storeID, store.hashSecret]
            #expect(store.storeID.count == 16 && store.storeID != store.hashSecret)
            #expect(try store.value(0, Array("k".utf8)) == nil)
            #expect(!store.mayContain(namespace: 0, hash: 1))
            #expect(try store.rows(namespace: 0, from: 0, atMost: 10) { _ in } == nil)
            #expect(try !store.mergeStep())
        }
        let store = try directory.open()
        #expect([store.storeID, store.hashSecret] == identity)
    }

    @Test func metadataIsCommittedWithItsBatch() throws {
        let directory = ColdDirectory()
        do {
            let store = try directory.open()
            let batch = ColdBatch()
            batch.setMetadata([1], [2, 3])
            batch.setMetadata([9], [9])
            batch.setMetadata([9], nil)
            #expect(!batch.isEmpty)
            try store.commit(batch)
            #expect(try store.stats().runs == 0)
        }
        let store = try directory.open()
        #expect(try store.metadata([1]) == [2, 3])
        #expect(try store.metadata([9]) == nil)
    }

    @Test func theLastOfABatchWinsAndTombstonesAreTold() throws {
        let store = try ColdDirectory().open()
        let batch = ColdBatch()
        batch.put(0, [1], [1], lsn: 1)
        batch.put(0, [1], [2], lsn: 2)
        batch.put(0, [2], [1], lsn: 3)
        batch.remove(0, [2], lsn: 4)
        try store.commit(batch)
        #expect(try store.value(0, [1])?.payload == [2])
        let result = try [UInt8]([2]).withUnsafeBytes {
            try store.lookup(namespace: 0, hash: coldHash([2]), key: $0) { _ in }
        }
        guard case .tombstone(let lsn) = result else {
            Issue.record("not a tombstone")
            return
        }
        #expect(lsn == 4)
        #expect(try store.stats().records == 2)
    }

    @Test(arguments: [0, 20, 40, 58])
    func batchesOfAnyHashesAreSorted(_ shift: Int) throws {
        // from uniform hashes to ones that share nearly every bit
        let store = try ColdDirectory().open()
        var random = ColdRandom(state: 3)
        var expected: [[UInt8]: ColdValue] = [:]
        let batch = ColdBatch()
        for lsn in UInt64(1)...3000 {
            let key = Array("\(random.next() % 2000)".utf8)
            let value = ColdValue(payload: [UInt8(lsn & 255)], lsn: lsn)
            batch.put(0, key, value.payload, lsn: lsn, hash: coldHash(key) >> UInt64(shift))
            expected[key] = value
        }
        try store.commit(batch)
        for (key, value) in expected {
            #expect(try store.value(0, key, hash: coldHash(key) >> UInt64(shift)) == value)
        }
        #expect(try store.stats().records == expected.count)
    }

    @Test func foreignAndNewerStoresAreRefused() throws {
        let directory = ColdDirectory()
        do {
            let environment = try Environment(directory: directory.path, mapBytes: 1 << 30)
            let transaction = try WriteTransaction(environment)
            _ = try transaction.view.open("something", .create)
            try transaction.commit()
        }
        expectForeign(directory)
        let newer = ColdDirectory()
        do {
            let store = try newer.open()
            let transaction = try WriteTransaction(store.environment)
            try store.meta.put(transaction, ColdStore.MetaKey.format, [3])
            try transaction.commit()
        }
        expectForeign(newer)
        let text = ColdDirectory()
        let file = fopen(text.path + "/data.mdb", "w")!
        fputs(String(repeating: "text ", count: 4000), file)
        fclose(file)
        do {
            _ = try text.open()
            Issue.record("opened a text file")
        } catch let error as ColdError {
            guard case .damagedStore = error else {
                Issue.record(error)
                return
            }
        }
    }

    private func expectForeign(_ directory: ColdDirectory) {
        do {
            _ = try directory.open()
            Issue.record("opened a foreign store")
        } catch {
            guard case ColdError.foreign = error else {
                Issue.record(error)
                return
            }
        }
    }

    @Test func damagedRecordsAreReportedAndOthersServed() throws {
        let directory = ColdDirectory()
        do {
            let store = try directory.open()
            let batch = ColdBatch()
            for number in UInt8(0)..<20 {
                batch.put(0, [number], [UInt8](repeating: number, count: 3000), lsn: 1)
                batch.put(1, [number], Array("needle\(number)!".utf8), lsn: 1)
            }
            try store.commit(batch)
        }
        try ColdDirectory.overwrite(directory.path + "/data.mdb", "needle7!", "needle8?")
        let store = try directory.open()
        #expect(throws: ColdError.self) { try store.value(1, [7]) }
        do { _ = try store.value(1, [7]) } catch {
            guard case ColdError.damaged(let key) = error else { throw error }
            #expect(key == [7])
        }
        #expect(try store.value(1, [8])?.payload == Array("needle8!".utf8))
        #expect(try store.value(0, [7])?.payload.count == 3000)
        // a snapshot reports it and goes on
        let snapshot = try store.snapshot()
        var seen = 0
        var damaged = 0
        while !snapshot.isAtEnd {
            do { try snapshot.next(atMost: 5) { _ in seen += 1 } } catch { damaged += 1 }
        }
        #expect(seen == 39 && damaged == 1)
        // and merging keeps it as it is
        try store.mergeAll()
        #expect(throws: ColdError.self) { try store.value(1, [7]) }
        #expect(try store.value(1, [8])?.payload == Array("needle8!".utf8))
    }

    @Test func damagedFiltersAreReplacedByMaybe() throws {
        let directory = ColdDirectory()
        do {
            let store = try directory.open()
            let batch = ColdBatch()
            for number in 0..<500 { batch.put(0, Array("\(number)".utf8), [1], lsn: 1) }
            try store.commit(batch)
            let transaction = try WriteTransaction(store.environment)
            do {
                var cursor = try Cursor(transaction.view, store.slots[0].chunks)
                #expect(try cursor.move(.first))
                var content = Array(cursor.value)
                content[7] ^= 1
                let key = Array(cursor.key)
                try key.withUnsafeBytes { key in
                    try content.withUnsafeBytes { try cursor.put(key, $0) }
                }
            }
            try transaction.commit()
        }
        let store = try directory.open()
        #expect(try store.stats().counters.damagedFilters == 1)
        for number in 0..<500 { #expect(try store.value(0, Array("\(number)".utf8)) != nil) }
        #expect(store.mayContain(namespace: 0, hash: store.current.runs[0].view.minHash + 1))
    }

    @Test func anInterruptedMergeLeavesNoTrace() throws {
        let directory = ColdDirectory()
        for interruption in 1...4 {
            do {
                let store = try directory.open()
                for part in 0..<3 {
                    let batch = ColdBatch()
                    for number in 0..<300 {
                        batch.put(
                            0, Array("\(part * 100 + number)".utf8),
                            [UInt8](repeating: UInt8(part), count: 100),
                            lsn: UInt64(interruption * 10 + part))
                    }
                    try store.commit(batch)
                }
                store.requestFullMerge()
                for _ in 0..<interruption {
                    #expect(try store.mergeStep(budgetBytes: 10_000))
                }
                #expect(store.merge != nil)
            }
            let store = try directory.open()
            let used = Set(store.current.runs.map(\.info.slot))
            let reader = try ReadTransaction(store.environment)
            for (number, slot) in store.slots.enumerated() where !used.contains(number) {
                for database in [slot.rows, slot.chunks, slot.expiries] {
                    #expect(try reader.view.stat(database).entries == 0)
                }
            }
            for number in 0..<500 {
                let part = min(number / 100, 2)
                #expect(try store.value(0, Array("\(number)".utf8))?.payload.first == UInt8(part))
            }
        }
    }

    @Test func tombstonesStayAboveTheFloor() throws {
        let store = try ColdDirectory().open()
        let first = ColdBatch()
        for number in UInt8(0)..<10 { first.put(0, [number], [1], lsn: 1) }
        try store.commit(first)
        let second = ColdBatch()
        for number in UInt8(0)..<10 { second.remove(0, [number], lsn: 100 + UInt64(number)) }
        try store.commit(second)
        store.tombstoneFloor = 104
        try store.mergeAll()
        var stats = try store.stats()
        #expect(stats.records == 5 && stats.tombstones == 5 && stats.runs == 1)
        store.tombstoneFloor = 200
        try store.mergeAll()
        stats = try store.stats()
        #expect(stats.records == 0 && stats.runs == 0)
        #expect(stats.counters.tombstonesDropped == 10)
    }

    /// A slice of a walk ends behind so many tombstones, and the walk goes on from there.
    @Test func tombstonesEndASlice() throws {
        let store = try ColdDirectory().open()
        let batch = ColdBatch()
        let names = (0..<10_000).map { Array("key \($0)".utf8) }
        for name in names { batch.remove(0, name, lsn: 1) }
        for number in 0..<5 { batch.put(0, Array("live \(number)".utf8), [1], lsn: 1) }
        try store.commit(batch)
        var seen = 0
        var slices = 0
        var from: UInt64? = 0
        while let start = from {
            from = try store.rows(namespace: 0, from: start, atMost: 10, looseBits: 11) { _ in
                seen += 1
            }
            if let from { #expect(from > start) }
            slices += 1
        }
        #expect(seen == 5)
        #expect(slices >= 10_000 / (ColdStore.deadRowsMax + 1) && slices < 14, "\(slices)")
    }

    @Test func deadRunsGoWhole() throws {
        let store = try ColdDirectory().open()
        for namespace in UInt32(5)...6 {
            let batch = ColdBatch()
            for number in 0..<2000 { batch.put(namespace, Array("\(number)".utf8), [1], lsn: 1) }
            try store.commit(batch)
        }
        store.deadNamespaces = [5]
        #expect(try store.holdsRows(namespace: 5))
        #expect(try store.mergeStep())
        #expect(try !store.holdsRows(namespace: 5))
        #expect(try store.stats().records == 2000)
        #expect(try store.stats().counters.bytesMerged == 0)
        #expect(try store.value(6, Array("17".utf8)) != nil)
    }

    @Test func spaceComesBack() throws {
        let store = try ColdDirectory().open { $0.mergeWidth = 4 }
        var pages: [Int] = []
        for round in 0..<12 {
            for part in 0..<4 {
                let batch = ColdBatch()
                for number in 0..<500 {
                    batch.put(
                        0, Array("\(part)-\(number)".utf8), [UInt8](repeating: 1, count: 300),
                        lsn: UInt64(round + 1))
                }
                try store.commit(batch, durable: false)
                while try store.mergeStep() {}
            }
            try store.mergeAll()
            pages.append(try store.stats().pages)
        }
        #expect(pages[11] <= pages[4] + 20, "\(pages)")
        #expect(try store.stats().counters.writeAmplification > 1)
    }

    @Test func staleExpiriesAreIgnored() throws {
        let store = try ColdDirectory().open()
        let first = ColdBatch()
        for number in UInt8(0)..<6 { first.put(0, [number], [number], lsn: 1, expiry: 100) }
        try store.commit(first)
        let second = ColdBatch()
        second.put(0, [0], [10], lsn: 2)  // PERSIST
        second.put(0, [1], [11], lsn: 2, expiry: 500)  // later
        second.put(0, [2], [12], lsn: 2, expiry: 100)  // changed, same time
        second.remove(0, [3], lsn: 2)
        try store.commit(second)
        var seen: [[UInt8]] = []
        #expect(try !store.dueKeys(before: 200, atMost: 100) { seen.append(Array($0.payload)) })
        #expect(seen.sorted { $0[0] < $1[0] } == [[4], [5], [12]])
        // handed out once
        #expect(try !store.dueKeys(before: 200, atMost: 100) { _ in Issue.record("twice") })
        #expect(try !store.dueKeys(before: 500, atMost: 100) { _ in Issue.record("too early") })
        // a merge drops the stale rows and keeps the others
        try store.mergeAll()
        #expect(try store.stats().expiryRows == 4)
        seen = []
        #expect(try !store.dueKeys(before: 501, atMost: 100) { seen.append(Array($0.payload)) })
        #expect(seen.sorted { $0[0] < $1[0] } == [[4], [5], [11], [12]])
    }

    @Test func aReaderBesideTheWriterSeesEachCommit() throws {
        // Another process, as far as LMDB is concerned, is a second environment on a copy of
        // the path; LMDB forbids the same file twice in one process, so a child looks.
        let directory = ColdDirectory()
        do {
            let store = try directory.open()
            for part in 0..<6 {
                let batch = ColdBatch()
                batch.put(0, [UInt8(part)], [UInt8](repeating: 9, count: 5000), lsn: 1)
                try store.commit(batch)
            }
        }
        let reader = try directory.open { $0.readOnly = true }
        for part in 0..<6 { #expect(try reader.value(0, [UInt8(part)])?.payload.count == 5000) }
        let snapshot = try reader.snapshot()
        var count = 0
        while try snapshot.next(atMost: 4, { _ in count += 1 }) {}
        #expect(count == 6)
        #expect(try reader.stats().runs == 6)
    }

    @Test func aRunInASlotThatIsNotThereIsDamage() throws {
        let directory = ColdDirectory()
        do {
            let store = try directory.open()
            let batch = ColdBatch()
            batch.put(0, [1], [2], lsn: 1)
            try store.commit(batch)
            var info = store.current.runs[0].info
            info.slot = 77
            let transaction = try WriteTransaction(store.environment)
            try store.putManifest(transaction, info)
            try transaction.commit()
        }
        #expect(throws: ColdError.self) { try directory.open() }
        #expect(throws: ColdError.self) {
            try directory.open {
                $0.readOnly = true
                $0.pinsSnapshot = true
            }
        }
    }

    @Test func aReaderIsAsOldAsTheFirstCommitThatItDoesNotSee() throws {
        var times = CommitTimes()
        #expect(times.first(after: 0) == nil)
        for number in 1...10_000 { times.add(number * 2, Int64(number) * 100) }
        #expect(times.first(after: 1) == 100)
        #expect(times.first(after: 19_999) == 1_000_000)
        #expect(times.first(after: 20_000) == nil)
        times.forget(upTo: 19_997)
        #expect(times.first(after: 0) == 999_900)

        let store = try ColdDirectory().open()
        func commit(_ lsn: UInt64) throws {
            let batch = ColdBatch()
            batch.put(0, Array("key:\(lsn % 10)".utf8), [1, 2, 3], lsn: lsn)
            try store.commit(batch)
        }
        try commit(1)
        var snapshot: ColdSnapshot? = try store.snapshot()
        #expect(try store.stats().oldestReaderAgeMs == 0)
        for lsn in 2..<100 as Range<UInt64> {
            try commit(lsn)
            try store.mergeStep()
        }
        usleep(3000)
        let stats = try store.stats()
        #expect(stats.oldestReaderAgeMs >= 3 && stats.pagesPinned > 0)
        #expect(snapshot != nil)
        snapshot = nil
        #expect(try store.stats().oldestReaderAgeMs == 0)
        #expect(try store.stats().pagesPinned == 0)
    }
}
