import Testing

@testable import Engine

/// `HashValue` beside a dictionary.
@Suite(.serialized) struct HashValueTests {
    private static let secret = HashSecret(k0: 7, k1: 9)

    private func withHash(_ body: (HashValue) -> Void) {
        let name = Array("key".utf8)
        name.withUnsafeBytes {
            let entry = Entry.allocate(
                key: $0, type: .hash, encoding: .listPack, bodyCount: 8, expiry: nil)
            body(HashValue.create(in: entry))
            entry.detachedForFreeing?.destroy()
            entry.deallocate()
        }
    }

    private func set(_ hash: HashValue, _ field: String, _ value: String, _ limits: HashLimits)
        -> Bool
    {
        Array(field.utf8).withUnsafeBytes { field in
            Array(value.utf8).withUnsafeBytes { hash.set(field, $0, limits) }
        }
    }

    private func text(_ element: ListPackElement) -> String { element.withBytes { $0.text } }

    @Test(arguments: [0, 3, 16, 1000]) func behavesAsADictionary(_ entriesMax: Int) {
        let seed = UInt64.random(in: 0...(.max))
        print("HashValueTests.behavesAsADictionary \(entriesMax): seed \(seed)")
        var random = TestRandom(seed)
        let before = Heap.usedBytes
        let limits = HashLimits(
            entriesMax: entriesMax, elementBytesMax: 40, secret: Self.secret)
        withHash { hash in
            var model: [String: String] = [:]
            for step in 0..<4000 {
                let field = random.below(2) == 0 ? "\(random.below(60))" : "f\(random.below(60))"
                let bytes = Array(field.utf8)
                switch random.below(10) {
                case 0..<5:
                    let length = random.below(500) == 0 ? 100 : random.below(30)
                    let value =
                        random.below(2) == 0
                        ? "\(Int64(bitPattern: random.next()))"
                        : String(repeating: "v", count: length)
                    let isNew = model.updateValue(value, forKey: field) == nil
                    #expect(set(hash, field, value, limits) == isNew)
                case 5..<9:
                    let isThere = model.removeValue(forKey: field) != nil
                    #expect(bytes.withUnsafeBytes { hash.remove($0) } == isThere)
                default:
                    let value = bytes.withUnsafeBytes { hash.value(of: $0).map(text) }
                    #expect(value == model[field])
                }
                #expect(hash.count == model.count)
                if step % 250 == 0 {
                    var seen: [String: String] = [:]
                    hash.forEach { seen[text($0)] = text($1) }
                    #expect(seen == model)
                }
                if hash.isPacked { #expect(hash.count <= Swift.max(entriesMax, 0)) }
            }
        }
        #expect(Heap.usedBytes == before)
    }

    @Test func longElementsAndManyFieldsLeaveTheListpack() {
        let limits = HashLimits(entriesMax: 2, elementBytesMax: 4, secret: Self.secret)
        withHash { hash in
            #expect(set(hash, "a", "1234", limits))
            #expect(set(hash, "b", "1", limits))
            #expect(hash.isPacked)
            #expect(!set(hash, "b", "2", limits))
            #expect(hash.isPacked)
            #expect(set(hash, "c", "2", limits))
            #expect(!hash.isPacked)
        }
        withHash { hash in
            #expect(set(hash, "a", "12345", limits))
            #expect(!hash.isPacked)
        }
        withHash { hash in
            #expect(set(hash, "abcde", "", limits))
            #expect(!hash.isPacked)
        }
    }

    /// Every field present throughout comes at least once, whatever comes and goes meanwhile.
    @Test func scanReturnsWhatStays() {
        let seed = UInt64.random(in: 0...(.max))
        print("HashValueTests.scanReturnsWhatStays: seed \(seed)")
        var random = TestRandom(seed)
        let limits = HashLimits(entriesMax: 0, elementBytesMax: 64, secret: Self.secret)
        withHash { hash in
            for index in 0..<3000 { _ = set(hash, "stays\(index)", "\(index)", limits) }
            var seen: Set<String> = []
            var cursor: UInt64 = 0
            var turns = 0
            repeat {
                cursor = hash.scan(from: cursor, count: 1 + random.below(40)) { field, value in
                    let name = text(field)
                    if name.hasPrefix("stays") {
                        #expect(name == "stays" + text(value))
                        seen.insert(name)
                    }
                }
                #expect(cursor < 1 << 53)
                turns += 1
                for _ in 0..<20 {
                    let field = "goes\(random.below(4000))"
                    if random.below(2) == 0 {
                        _ = set(hash, field, "x", limits)
                    } else {
                        _ = Array(field.utf8).withUnsafeBytes { hash.remove($0) }
                    }
                }
            } while cursor != 0
            #expect(seen.count == 3000)
            #expect(turns > 50)
        }
    }

    @Test(arguments: [0, 1000]) func randomPicksAreFair(_ entriesMax: Int) {
        var random = Random(seed: 42)
        let limits = HashLimits(
            entriesMax: entriesMax, elementBytesMax: 64, secret: Self.secret)
        withHash { hash in
            for index in 0..<20 { _ = set(hash, "f\(index)", "\(index)", limits) }
            var single: [String: Int] = [:]
            for _ in 0..<20_000 {
                hash.random(&random) { field, _ in single[text(field), default: 0] += 1 }
            }
            #expect(single.count == 20)
            #expect(single.values.allSatisfy { $0 > 800 && $0 < 1200 }, "\(single)")
            for wanted in [1, 3, 6, 7, 12, 19, 20, 50] {
                var often: [String: Int] = [:]
                for _ in 0..<2000 {
                    var drawn: Set<String> = []
                    hash.randomDistinct(wanted, &random) { field, value in
                        #expect(text(field) == "f" + text(value))
                        drawn.insert(text(field))
                        often[text(field), default: 0] += 1
                    }
                    #expect(drawn.count == Swift.min(wanted, 20))
                }
                let expected = 2000 * Swift.min(wanted, 20) / 20
                #expect(
                    often.values.allSatisfy { abs($0 - expected) < 40 + expected / 3 },
                    "\(wanted): \(often)")
            }
        }
    }
}
