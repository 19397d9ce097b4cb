// Sets and their algebra against Swift's own sets, across both encodings.

import Testing

@testable import Engine

@Suite(.serialized) struct SetValueTests {
    private static let secret = HashSecret(k0: 7, k1: 11)
    private static let limits = SetLimits(intSetCountMax: 8, secret: secret)

    /// Calls `body` with a view of the text.
    private func lend<R>(_ text: String, _ body: (Bytes) -> R) -> R {
        Array(text.utf8).withUnsafeBytes(body)
    }

    private func members(_ set: SetValue) -> Set<String> {
        var seen: Set<String> = []
        set.forEach { member in
            let isNew = member.withBytes { seen.insert($0.text).inserted }
            #expect(isNew)
        }
        return seen
    }

    private func make(_ texts: some Collection<String>) -> SetValue {
        var set = SetValue.create(for: .integer(0), Self.limits)
        for text in texts { _ = lend(text) { set.add($0, Self.limits) } }
        return set
    }

    @Test func encodingChangesAtTheLimits() {
        var set = SetValue.create(for: .integer(1), Self.limits)
        func add(_ number: Int64) -> Bool { set.add(.integer(number), Self.limits) }
        for number in 1...8 { #expect(add(Int64(number))) }
        #expect(set.isIntSet)
        #expect(!add(8))
        #expect(set.isIntSet)
        #expect(add(9))
        #expect(!set.isIntSet)
        #expect(set.count == 9)
        #expect(lend("9") { set.contains($0) })
        #expect(!lend("09") { set.contains($0) })
        set.destroy()

        var other = make(["1", "2"])
        #expect(other.isIntSet)
        #expect(lend("01") { other.add($0, Self.limits) })
        #expect(!other.isIntSet)
        #expect(members(other) == ["1", "2", "01"])
        other.destroy()

        let text = lend("a") { SetValue.create(for: .bytes($0), Self.limits) }
        #expect(!text.isIntSet)
        text.destroy()
    }

    @Test func agreesWithTheModel() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Random(seed: seed)
        for _ in 0..<60 {
            var model: Set<String> = []
            var set = SetValue.create(for: .integer(0), Self.limits)
            let span = [6, 20, 400].randomElement(using: &random)!
            let textual = Bool.random(using: &random)
            for _ in 0..<300 {
                let number = Int.random(in: -span...span, using: &random)
                let text = textual && number % 3 == 0 ? "m\(number)" : "\(number)"
                if Int.random(in: 0..<3, using: &random) == 0 {
                    #expect(
                        lend(text) { set.remove(.bytes($0)) } == (model.remove(text) != nil),
                        "seed \(seed)")
                } else {
                    #expect(
                        lend(text) { set.add($0, Self.limits) } == model.insert(text).inserted,
                        "seed \(seed)")
                }
                #expect(lend(text) { set.contains($0) } == model.contains(text), "seed \(seed)")
                #expect(set.count == model.count, "seed \(seed)")
            }
            #expect(members(set) == model, "seed \(seed)")
            let copy = set.copy()
            #expect(members(copy) == model, "seed \(seed)")
            copy.destroy()
            set.destroy()
        }
    }

    @Test func samplesAreDistinctMembers() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Random(seed: seed)
        for texts in [(0..<8).map { "\($0)" }, (0..<100).map { "m\($0)" }] {
            var set = make(texts)
            for wanted in [0, 1, 2, texts.count / 4, texts.count - 1, texts.count, 1000] {
                let sample = set.sample(wanted, &random)
                let distinct = Set(sample.map { $0.withBytes { $0.text } })
                #expect(sample.count == min(wanted, texts.count), "seed \(seed)")
                #expect(distinct.count == sample.count, "seed \(seed)")
                #expect(distinct.isSubset(of: Set(texts)), "seed \(seed)")
            }
            let leaving = set.sample(texts.count / 2, &random)
            let names = Set(leaving.map { $0.withBytes { $0.text } })
            set.removeAll(leaving)
            #expect(members(set) == Set(texts).subtracting(names), "seed \(seed)")
            set.destroy()
        }
    }

    /// Every member comes about equally often, alone and in samples of a third and of most.
    @Test func choiceIsEven() {
        var random = Random(seed: 42)
        for texts in [(0..<8).map { "\($0)" }, (0..<40).map { "m\($0)" }] {
            let set = make(texts)
            for wanted in [1, texts.count / 4, texts.count - 2] {
                var times: [String: Int] = [:]
                let rounds = 400 * texts.count / wanted
                for _ in 0..<rounds {
                    for member in set.sample(wanted, &random) {
                        times[member.withBytes { $0.text }, default: 0] += 1
                    }
                }
                #expect(times.count == texts.count)
                #expect(times.values.allSatisfy { $0 > 280 && $0 < 520 }, "\(wanted) \(times)")
            }
            set.destroy()
        }
    }

    @Test func scanLendsEverythingThatStays() {
        let texts = (0..<500).map { "m\($0)" }
        var set = make(texts)
        var seen: Set<String> = []
        var cursor: UInt64 = 0
        var calls = 0
        repeat {
            cursor = set.scan(from: cursor, count: 10) { member in
                _ = member.withBytes { seen.insert($0.text) }
            }
            #expect(cursor < 1 << 53)
            calls += 1
            // The table grows and shrinks meanwhile; the first half of the members stays.
            for extra in 0..<40 {
                _ = lend("x\(calls)-\(extra)") { set.add($0, Self.limits) }
                if calls > 5 {
                    _ = lend("x\(calls - 5)-\(extra)") { set.remove(.bytes($0)) }
                }
            }
        } while cursor != 0 && calls < 1000
        #expect(cursor == 0)
        #expect(seen.isSuperset(of: texts))
        set.destroy()
    }

    @Test func algebraAgreesWithTheModel() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Random(seed: seed)
        for _ in 0..<300 {
            let models: [Set<String>] = (0..<Int.random(in: 1...7, using: &random)).map { _ in
                let count = [0, 1, 5, 60].randomElement(using: &random)!
                let textual = Bool.random(using: &random)
                return Set(
                    (0..<count).map { _ in
                        let number = Int.random(in: 0..<30, using: &random)
                        return textual && number % 2 == 0 ? "m\(number)" : "\(number)"
                    })
            }
            var sets = models.map { make($0) }
            var inputs = models
            if Int.random(in: 0..<4, using: &random) == 0 {
                sets.append(sets[0])
                inputs.append(models[0])
            }
            var union: [String] = []
            SetAlgebra.union(sets, Self.limits) { $0.withBytes { union.append($0.text) } }
            #expect(Set(union).count == union.count, "seed \(seed)")
            #expect(
                Set(union) == inputs.reduce(into: []) { $0.formUnion($1) }, "seed \(seed)")

            var intersection: [String] = []
            SetAlgebra.intersection(sets) {
                $0.withBytes { intersection.append($0.text) }
                return true
            }
            #expect(Set(intersection).count == intersection.count, "seed \(seed)")
            #expect(
                Set(intersection) == inputs.dropFirst().reduce(inputs[0]) { $0.intersection($1) },
                "seed \(seed)")
            var first: [String] = []
            SetAlgebra.intersection(sets) {
                $0.withBytes { first.append($0.text) }
                return first.count < 2
            }
            #expect(first.count == min(2, intersection.count), "seed \(seed)")

            var difference: [String] = []
            SetAlgebra.difference(sets[0], Array(sets.dropFirst())) {
                $0.withBytes { difference.append($0.text) }
            }
            #expect(Set(difference).count == difference.count, "seed \(seed)")
            #expect(
                Set(difference) == inputs.dropFirst().reduce(inputs[0]) { $0.subtracting($1) },
                "seed \(seed)")
            for set in sets.prefix(models.count) { set.destroy() }
        }
    }
}
