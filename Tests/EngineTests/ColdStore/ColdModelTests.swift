// The store against a dictionary: random batches, merges, reopenings, every way of reading.

import Testing

@testable import Engine

/// SplitMix64: a failing seed replays.
struct ColdRandom: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var x = state
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        return x ^ (x >> 31)
    }
}

struct ColdModelKey: Hashable {
    var namespace: UInt32
    var key: [UInt8]
    /// Few distinct hashes for some keys, so that equal hashes occur.
    var hash: UInt64 { key.first == 0x63 ? UInt64(key.count % 3) << 60 : coldHash(key) }
    var row: [UInt8] {
        key.withUnsafeBytes { ColdKey.with(namespace, hash, $0) { Array($0) } }
    }
}

final class ColdModel {
    var random: ColdRandom
    var values: [ColdModelKey: ColdValue] = [:]
    /// When anything in a value is due; -1: never.
    var dues: [ColdModelKey: Int64] = [:]
    var known: [ColdModelKey] = []
    var dead: Set<UInt32> = []
    var lsn: UInt64 = 1

    init(seed: UInt64) {
        random = ColdRandom(state: seed)
        for number in 0..<260 {
            var key = Array("\(number % 5 == 0 ? "c" : "k")\(number)".utf8)
            switch number % 13 {
            case 1: key = []
            case 2: key += [UInt8](repeating: 0, count: number)
            case 3: key += [UInt8](repeating: 0xFF, count: 470 + number % 40)
            case 4: key += [UInt8](repeating: 1, count: 480 + number)
            default: break
            }
            let entry = ColdModelKey(namespace: UInt32(number % 4), key: key)
            if !known.contains(entry) { known.append(entry) }
        }
    }

    func payload() -> [UInt8] {
        let size =
            switch Int.random(in: 0..<40, using: &random) {
            case 0: 0
            case 1: Int.random(in: 1900...2100, using: &random)
            case 2: Int.random(in: 4000...4200, using: &random)
            case 3: Int.random(in: 0...9000, using: &random)
            default: Int.random(in: 0...120, using: &random)
            }
        let byte = UInt8.random(in: 0...255, using: &random)
        return (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7) ^ byte }
    }

    func batch() -> ColdBatch {
        let batch = ColdBatch()
        for _ in 0..<Int.random(in: 1...80, using: &random) {
            let key = known[Int.random(in: 0..<known.count, using: &random)]
            lsn += 1
            if Int.random(in: 0..<4, using: &random) == 0 {
                batch.remove(key.namespace, key.key, lsn: lsn, hash: key.hash)
                values[key] = nil
            } else {
                let expiry =
                    Bool.random(using: &random) ? -1 : Int64.random(in: 0...2000, using: &random)
                let value = ColdValue(payload: payload(), lsn: lsn, expiry: expiry)
                let part =
                    Int.random(in: 0..<3, using: &random) == 0
                    ? Int64.random(in: 0...2000, using: &random) : nil
                batch.put(
                    key.namespace, key.key, value.payload, lsn: lsn, expiry: expiry,
                    partsDue: part, hash: key.hash)
                values[key] = value
                dues[key] = [expiry, part ?? -1].filter { $0 >= 0 }.min() ?? -1
            }
        }
        #expect(batch.newestLSN == lsn)
        return batch
    }

    /// Everything that can be read, against the model.
    func check(_ store: ColdStore) throws {
        checkBounds(store.current)
        for key in known where !dead.contains(key.namespace) {
            #expect(try store.value(key.namespace, key.key, hash: key.hash) == values[key])
            if values[key] != nil {
                #expect(store.mayContain(namespace: key.namespace, hash: key.hash))
            }
        }
        try checkScan(store)
        try checkSnapshot(try store.snapshot())
    }

    /// Every run of a partition keeps to its bounds.
    private func checkBounds(_ list: RunList) {
        for (number, partition) in list.partitions.enumerated() {
            let next = number + 1 < list.partitions.count ? list.partitions[number + 1] : nil
            for run in list.runs[partition.runs] {
                let least = run.info.minKey.withUnsafeBytes { KeyBound($0) }
                let most = run.info.maxKey.withUnsafeBytes { KeyBound($0) }
                #expect(number == 0 || least >= partition.bound)
                if let next { #expect(most < next.bound) }
            }
        }
    }

    private func checkScan(_ store: ColdStore) throws {
        for namespace in UInt32(0)..<4 where !dead.contains(namespace) {
            let expected = values.filter { $0.key.namespace == namespace }
                .sorted { $0.key.row.lexicographicallyPrecedes($1.key.row) }
            var seen: [(UInt64, [UInt8], ColdValue)] = []
            var from: UInt64? = 0
            let slice = Int.random(in: 1...30, using: &random)
            let loose = [0, 0, 11, 62].randomElement(using: &random)!
            while let start = from {
                let before = seen.count
                from = try store.rows(
                    namespace: namespace, from: start, atMost: slice, looseBits: loose,
                    payloads: true
                ) { seen.append(($0.hash, Array($0.key), ColdValue($0))) }
                if let from { #expect(from > start || seen.count > before) }
            }
            #expect(seen.map(\.1) == expected.map(\.key.key))
            #expect(seen.map(\.2) == expected.map(\.value))
            var keys = 0
            _ = try store.rows(namespace: namespace, from: 0, atMost: .max) { _ in keys += 1 }
            #expect(keys == expected.count)
        }
    }

    func checkSnapshot(_ snapshot: ColdSnapshot) throws {
        let expected = values.sorted { $0.key.row.lexicographicallyPrecedes($1.key.row) }
            .filter { !dead.contains($0.key.namespace) }
        var seen: [([UInt8], ColdValue)] = []
        let slice = Int.random(in: 1...50, using: &random)
        while try snapshot.next(
            atMost: slice,
            { record in
                if !dead.contains(record.namespace) {
                    seen.append((Array(record.key), ColdValue(record)))
                }
            })
        {}
        #expect(seen.map(\.0) == expected.map(\.key.key))
        #expect(seen.map(\.1) == expected.map(\.value))
    }
}

@Suite struct ColdModelTests {
    /// One partition, a few that are filled by cutting at once, and some for which layers are
    /// merged first.
    static let cases: [(seed: UInt64, partitionBytes: Int)] = [
        (1, 1 << 30), (2, 1 << 30), (3, 6000), (4, 6000), (5, 30_000), (6, 30_000),
    ]

    /// `consumes`: merging does without a second copy.
    @Test(arguments: cases, [false, true])
    func randomHistories(_ which: (seed: UInt64, partitionBytes: Int), _ consumes: Bool) throws {
        let seed = which.seed
        let model = ColdModel(seed: seed)
        let directory = ColdDirectory()
        func open() throws -> ColdStore {
            try directory.open { options in
                options.mergeWidth = 3
                options.alwaysConsumes = consumesNow
                options.partitionBytes = which.partitionBytes
            }
        }
        // Only merges with a second copy make partitions.
        var consumesNow = false
        var store: ColdStore! = try open()
        let secret = store.hashSecret
        var kept: (ColdSnapshot, ColdModel)?
        for step in 0..<36 {
            switch Int.random(in: 0..<12, using: &model.random) {
            case 0..<6: try store.commit(model.batch(), durable: false)
            case 6..<9:
                for _ in 0..<Int.random(in: 1...6, using: &model.random) {
                    if try !store.mergeStep(
                        budgetBytes: Int.random(in: 1...100_000, using: &model.random))
                    {
                        break
                    }
                }
            case 9:
                store.tombstoneFloor = UInt64.random(in: 0...model.lsn, using: &model.random)
                store.requestFullMerge()
            case 10:
                if kept == nil {
                    let copy = ColdModel(seed: seed &+ 1000)
                    copy.values = model.values
                    copy.dead = model.dead
                    copy.known = model.known
                    kept = (try store.snapshot(), copy)
                } else if let (snapshot, copy) = kept {
                    copy.dead.formUnion(model.dead)
                    try copy.checkSnapshot(snapshot)
                    kept = nil
                }
            default:
                kept = nil
                // LMDB must not be open twice in a process: the old store goes first.
                store = nil
                consumesNow = consumes && Int.random(in: 0..<3, using: &model.random) > 0
                store = try open()
                store.deadNamespaces = model.dead
                #expect(store.hashSecret == secret)
            }
            if step == 24 {
                model.dead.insert(2)
                store.deadNamespaces = model.dead
            }
            if step % 12 == 11 { try model.check(store) }
        }
        if let (snapshot, copy) = kept {
            copy.dead.formUnion(model.dead)
            try copy.checkSnapshot(snapshot)
        }
        kept = nil
        store.tombstoneFloor = model.lsn
        try store.mergeAll()
        try model.check(store)
        let stats = try store.stats()
        #expect(stats.runs == stats.partitions)
        if which.partitionBytes == 1 << 30 { #expect(stats.runs <= 1) }
        if which.partitionBytes == 6000 && !consumes { #expect(stats.partitions > 3) }
        #expect(stats.tombstones == 0)
        #expect(stats.records == model.values.filter { $0.key.namespace != 2 }.count)
        #expect(try !store.holdsRows(namespace: 2))
        try checkExpiry(store, model)
    }

    /// Every record with an expiry, of its own or of a part, is handed out exactly once, at its
    /// time.
    private func checkExpiry(_ store: ColdStore, _ model: ColdModel) throws {
        var due: Set<ColdModelKey> = []
        for now in stride(from: Int64(0), through: 2100, by: 150) {
            while try store.dueKeys(
                before: now, atMost: 7,
                { record in
                    let key = ColdModelKey(namespace: record.namespace, key: Array(record.key))
                    #expect(model.dues[key]! < now)
                    #expect(due.insert(key).inserted)
                    #expect(ColdValue(record) == model.values[key])
                })
            {}
            let expected = model.values.filter {
                $0.key.namespace != 2 && 0..<now ~= model.dues[$0.key]!
            }
            #expect(due == Set(expected.keys))
        }
    }
}
