import Testing

@testable import Engine

/// Entries that carry their own hash, so that tests choose collisions: [hash u64 | key u64].
enum TestLayout: HashTableLayout {
    static func keyMatches(_ entry: UnsafeMutableRawPointer, _ key: Bytes) -> Bool {
        Bytes(start: entry + 8, count: 8).equals(key)
    }
    static func hash(_ entry: UnsafeMutableRawPointer, _ secret: HashSecret) -> UInt64 {
        entry.load(as: UInt64.self)
    }
    static func make(_ hash: UInt64, _ key: UInt64) -> UnsafeMutableRawPointer {
        let entry = Heap.allocate(16)
        entry.storeBytes(of: hash, as: UInt64.self)
        entry.storeBytes(of: key, toByteOffset: 8, as: UInt64.self)
        return entry
    }
    static func key(_ entry: UnsafeMutableRawPointer) -> UInt64 {
        entry.load(fromByteOffset: 8, as: UInt64.self)
    }
}

/// SplitMix64, so that a printed seed replays.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A table and its model.
struct TableUnderTest: ~Copyable {
    var table = HashTable<TestLayout>(secret: HashSecret(k0: 1, k1: 2))
    var model: [UInt64: UInt64] = [:]  // key -> hash

    deinit { table.forEach { Heap.free($0, 16) } }

    func find(_ hash: UInt64, _ key: UInt64) -> UnsafeMutableRawPointer? {
        withUnsafeBytes(of: key) { table.find(hash, $0) }
    }
    mutating func insert(_ hash: UInt64, _ key: UInt64) {
        if model[key] != nil { return }
        table.insert(hash, TestLayout.make(hash, key))
        model[key] = hash
    }
    mutating func remove(_ key: UInt64, byEntry: Bool) {
        let hash = model.removeValue(forKey: key)!
        if byEntry {
            let entry = find(hash, key)!
            let removed = table.remove(hash, entry: entry)
            #expect(removed)
            Heap.free(entry, 16)
        } else {
            let entry = withUnsafeBytes(of: key) { table.remove(hash, $0) }
            #expect(entry.map { TestLayout.key($0) } == key)
            Heap.free(entry!, 16)
        }
    }

    /// Structure, every entry, and every walk.
    func check(_ comment: Comment) {
        #expect(table.count == model.count, comment)
        // The directory covers hash space once; slots are sorted, homes respected, no gaps.
        var total = 0
        var bytes = 0
        var segments = 0
        var deepest = 0
        var place = 0
        let places = 1 << Int(table.depth)
        while place < places {
            let segment = HashSegment(word: table.directory[place])
            let span = 1 << (Int(table.depth) - Int(segment.depth))
            if place % span != 0 { Issue.record("misaligned segment: \(comment)") }
            for i in place..<place + span where table.directory[i] != segment.word {
                Issue.record("directory place differs: \(comment)")
            }
            segments += 1
            if segment.depth == UInt64(table.depth) { deepest += 1 }
            if !segment.isShared { bytes += Heap.footprint(segment.byteCount) }
            var previous: UInt64 = 0
            var inSegment = 0
            for i in 0..<segment.capacity where segment.slots[i] != 0 {
                let entry = HashSegment.entry(segment.slots[i])
                let tag = segment.slots[i] >> 48
                let hash = TestLayout.hash(entry, table.secret)
                let home = segment.home(tag)
                if tag < previous || home > i || tag != segment.tag(hash) {
                    Issue.record("slot out of order: \(comment)")
                }
                if i > home && segment.slots[i - 1] == 0 { Issue.record("gap: \(comment)") }
                previous = tag
                inSegment += 1
            }
            if inSegment != segment.count { Issue.record("wrong count: \(comment)") }
            if segment.slots[segment.capacity - 1] != 0 { Issue.record("no end: \(comment)") }
            total += inSegment
            place += span
        }
        #expect(total == model.count, comment)
        #expect(segments == Int(table.segments) && deepest == Int(table.deepest), comment)
        if table.count > 0 {
            #expect(table.memoryBytes == bytes + Heap.footprint(places * 8), comment)
        } else {
            #expect(table.memoryBytes == 0, comment)
        }
        for (key, hash) in model where find(hash, key).map({ TestLayout.key($0) }) != key {
            Issue.record("lost key \(key): \(comment)")
        }
    }

    func checkWalks(_ random: inout SeededRandom, _ comment: Comment) {
        let sorted = model.map { ($1, $0) }.sorted { $0 < $1 }
        // Steps of any size from any position.
        let from = Bool.random(using: &random) ? 0 : sorted.randomElement(using: &random)?.0 ?? 5
        let step = Int.random(in: 1...40, using: &random)
        var seen: [(UInt64, UInt64)] = []
        var position: UInt64? = from
        while let at = position {
            let before = seen.count
            position = table.visit(from: at, atLeast: step) {
                seen.append((TestLayout.hash($0, table.secret), TestLayout.key($0)))
            }
            for (hash, _) in seen[before...] where hash < at || hash >= position ?? .max {
                if hash < at || position != nil { Issue.record("outside: \(comment)") }
            }
            if position != nil && seen.count - before < step { Issue.record("few: \(comment)") }
        }
        let rest = sorted.filter { $0.0 >= from }
        #expect(seen.sorted { $0 < $1 }.elementsEqual(rest, by: ==), comment)
        // Exact ranges.
        let a = sorted.randomElement(using: &random)?.0 ?? 0
        let present = sorted.randomElement(using: &random)?.0 ?? 9
        let b = Bool.random(using: &random) ? present : random.next()
        let upper: UInt64? = Int.random(in: 0..<5, using: &random) == 0 ? nil : max(a, b)
        let lower = min(a, b)
        var range: [(UInt64, UInt64)] = []
        table.visit(from: lower, below: upper) {
            range.append((TestLayout.hash($0, table.secret), TestLayout.key($0)))
        }
        let expected = sorted.filter { $0.0 >= lower && (upper == nil || $0.0 < upper!) }
        #expect(range.sorted { $0 < $1 }.elementsEqual(expected, by: ==), comment)
        // Random choices belong to the table.
        for _ in 0..<5 {
            let chosen = table.randomEntry(random: random.next())
            #expect(chosen == nil ? model.isEmpty : model[TestLayout.key(chosen!)] != nil, comment)
        }
        withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: 30) { into in
            let n = table.sample(from: random.next(), max: 30, into: into.baseAddress!)
            #expect(n == min(30, model.count), comment)
            #expect(Set(into[..<n].map { TestLayout.key($0) }).count == n, comment)
        }
    }
}

@Suite struct HashTableTests {
    enum Hashes: CaseIterable {
        case uniform, sharedTop, fewValues, oneValue, ends
        func make(_ random: inout SeededRandom) -> UInt64 {
            let bits = random.next()
            switch self {
            case .uniform: return bits
            case .sharedTop: return 0xABCD_EF01_0000_0000 | bits >> 40
            case .fewValues: return [3, 1 << 63, .max, bits & 7][Int(bits >> 62)]
            case .oneValue: return .max
            case .ends: return bits & 1 == 0 ? bits >> 30 : ~(bits >> 30)
            }
        }
    }

    @Test(arguments: Hashes.allCases) func agreesWithAModel(_ hashes: Hashes) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed)
        let before = Heap.usedBytes
        do {
            var under = TableUnderTest()
            let large = hashes == .uniform
            var keys: [UInt64] = []
            for round in 0..<(large ? 14 : 10) {
                let comment: Comment = "\(hashes) seed \(seed) round \(round)"
                let operations = large ? 6000 : 400
                let growing = [0.95, 0.2, 0.6, 0.9, 0.05][round % 5]
                for _ in 0..<operations {
                    if Double.random(in: 0..<1, using: &random) < growing || keys.isEmpty {
                        let key = random.next()
                        under.insert(hashes.make(&random), key)
                        keys.append(key)
                    } else {
                        let i = Int.random(in: 0..<keys.count, using: &random)
                        keys.swapAt(i, keys.count - 1)
                        let key = keys.removeLast()
                        under.remove(key, byEntry: Bool.random(using: &random))
                    }
                }
                under.check(comment)
                under.checkWalks(&random, comment)
                for _ in 0..<50 {
                    #expect(under.find(hashes.make(&random), random.next()) == nil, comment)
                }
            }
            // The directory stays in proportion.
            #expect(1 << Int(under.table.depth) <= max(2, under.table.count), "seed \(seed)")
            while let key = keys.popLast() { under.remove(key, byEntry: false) }
            under.check("emptied, \(hashes) seed \(seed)")
        }
        #expect(Heap.usedBytes == before)
    }

    @Test func aWalkMissesNothingThatStaysWhileTheTableChanges() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed)
        var under = TableUnderTest()
        var permanent: Set<UInt64> = []
        for key in 0..<3000 as Range<UInt64> {
            under.insert(random.next(), key)
            permanent.insert(key)
        }
        for growing in [true, false, true] {
            var position: UInt64? = 0
            var seen: [UInt64: Int] = [:]
            while let at = position {
                position = under.table.visit(from: at, atLeast: 25) {
                    seen[TestLayout.key($0), default: 0] += 1
                }
                for _ in 0..<60 {
                    if growing {
                        under.insert(random.next(), random.next() | 1 << 60)
                    } else if let key = under.model.keys.first(where: { $0 >= 1 << 60 }) {
                        under.remove(key, byEntry: false)
                    }
                }
            }
            #expect(permanent.isSubset(of: Set(seen.keys)), "seed \(seed)")
            #expect(seen.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        }
        under.check("seed \(seed)")
    }

    @Test func removeSomeDrainsInSlicesAndLeavesAUsableTable() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed)
        var under = TableUnderTest()
        for key in 0..<5000 as Range<UInt64> { under.insert(random.next(), key) }
        for slice in [1, 7, 1500, 2, 900] {
            var gone: [UInt64] = []
            let taken = under.table.removeSome(max: slice) {
                gone.append(TestLayout.key($0))
                Heap.free($0, 16)
            }
            #expect(taken == slice && gone.count == slice)
            for key in gone { #expect(under.model.removeValue(forKey: key) != nil) }
            under.check("seed \(seed) slice \(slice)")
            under.checkWalks(&random, "seed \(seed)")
            for _ in 0..<20 { under.insert(random.next(), random.next()) }
            under.check("seed \(seed) after \(slice)")
        }
        while under.table.removeSome(max: 1000, { Heap.free($0, 16) }) > 0 {}
        under.model = [:]
        under.check("drained")
    }

    @Test func replaceMovesAnEntry() {
        var under = TableUnderTest()
        for key in 0..<100 as Range<UInt64> { under.insert(42, key) }
        let old = under.find(42, 77)!
        let new = TestLayout.make(42, 77)
        under.table.replace(42, old, with: new)
        #expect(under.find(42, 77) == new)
        Heap.free(old, 16)
        under.check("replaced")
    }

    @Test func randomEntriesAreFair() {
        var random = SeededRandom(7)
        for size in [20, 3000] {
            var under = TableUnderTest()
            for key in 0..<UInt64(size) { under.insert(random.next(), key) }
            var hits = [Int](repeating: 0, count: size)
            for _ in 0..<size * 40 {
                hits[Int(TestLayout.key(under.table.randomEntry(random: random.next())!))] += 1
            }
            #expect(hits.min()! > 8 && hits.max()! < 100)
        }
    }

    @Test func memoryPerEntryStaysLow() {
        var random = SeededRandom(11)
        var under = TableUnderTest()
        var sum = 0.0
        for key in 1...20000 as ClosedRange<UInt64> {
            under.insert(random.next(), key)
            if key % 100 == 0 && key > 5000 {
                sum += Double(under.table.memoryBytes) / Double(key) / 150
            }
        }
        #expect(sum < 12)
    }
}
