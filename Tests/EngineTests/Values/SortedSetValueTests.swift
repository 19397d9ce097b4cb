// Sorted sets and their algebra against a plain array, across both encodings.

import Testing

@testable import Engine

@Suite(.serialized) struct SortedSetValueTests {
    private static let secret = HashSecret(k0: 3, k1: 5)
    private static let limits = SortedSetLimits(
        packedCountMax: 16, packedMemberBytesMax: 10, secret: secret)

    private struct Element: Equatable {
        var member: String
        var score: Double

        static func precedes(_ one: Element, _ other: Element) -> Bool {
            if one.score != other.score { return one.score < other.score }
            return Array(one.member.utf8).lexicographicallyPrecedes(Array(other.member.utf8))
        }
    }

    private func lend<R>(_ text: String, _ body: (Bytes) -> R) -> R {
        Array(text.utf8).withUnsafeBytes(body)
    }

    private func empty() -> SortedSetValue {
        SortedSetValue.create(count: 1, memberBytes: 1, Self.limits)
    }

    private func elements(
        _ value: SortedSetValue, _ ranks: Range<Int>? = nil, reversed: Bool = false
    ) -> [Element] {
        var seen: [Element] = []
        value.forEach(ranks ?? 0..<value.count, reversed: reversed) { member, score in
            member.withBytes { seen.append(Element(member: $0.text, score: score)) }
        }
        return seen
    }

    @Test func encodingChangesAtTheLimits() {
        var value = empty()
        for number in 1...16 {
            let outcome = lend("m\(number)") { value.update($0, 1, [], Self.limits) }
            #expect(outcome == .added(1))
        }
        #expect(value.isPacked)
        #expect(lend("m1") { value.update($0, 2, [], Self.limits) } == .updated(2))
        #expect(value.isPacked)
        #expect(lend("m17") { value.update($0, 0, [], Self.limits) } == .added(0))
        #expect(!value.isPacked)
        #expect(elements(value).first == Element(member: "m17", score: 0))
        #expect(elements(value).last == Element(member: "m1", score: 2))
        value.destroy()

        var long = empty()
        #expect(lend("0123456789") { long.update($0, 1, [], Self.limits) } == .added(1))
        #expect(long.isPacked)
        #expect(lend("0123456789a") { long.update($0, 1, [], Self.limits) } == .added(1))
        #expect(!long.isPacked)
        long.destroy()
    }

    @Test func scoresAreStoredAsRedisStoresThem() {
        var value = empty()
        let scores: [(Double, String)] = [
            (-.infinity, "-inf"), (-1.5, "-1.5"), (-0.0, "0"), (0.1, "0.10000000000000001"),
            (3, "3"), (1e17, "100000000000000000"), (0x1p62, "4611686018427387904"),
            (1e20, "1e+20"), (.infinity, "inf"),
        ]
        for (index, (score, _)) in scores.enumerated() {
            _ = lend("m\(index)") { value.update($0, score, [], Self.limits) }
        }
        var texts: [String] = []
        let cursor = value.scan(from: 0, count: 1) { _, score in
            score.withBytes { texts.append($0.text) }
        }
        #expect(cursor == 0)
        #expect(texts == scores.map { $0.1 })
        for (index, (score, _)) in scores.enumerated() {
            #expect(lend("m\(index)") { value.score(of: $0) } == score)
        }
        value.destroy()
    }

    @Test func conditionsDecideAsInRedis() {
        func outcome(
            _ conditions: ScoreUpdate, _ number: Double, _ current: Double?
        ) -> ScoreUpdate.Outcome { conditions.outcome(number, current: current) }
        #expect(outcome([], 2, nil) == .added(2))
        #expect(outcome([], 2, 1) == .updated(2))
        #expect(outcome([], 2, 2) == .unchanged(2))
        #expect(outcome(.onlyNew, 2, 1) == .refused)
        #expect(outcome(.onlyNew, 2, nil) == .added(2))
        #expect(outcome(.onlyExisting, 2, nil) == .refused)
        #expect(outcome(.onlyExisting, 2, 1) == .updated(2))
        #expect(outcome(.onlyGreater, 2, nil) == .added(2))
        #expect(outcome(.onlyGreater, 2, 1) == .updated(2))
        #expect(outcome(.onlyGreater, 2, 2) == .refused)
        #expect(outcome(.onlyGreater, 2, 3) == .refused)
        #expect(outcome(.onlyLess, 2, 3) == .updated(2))
        #expect(outcome(.onlyLess, 2, 2) == .refused)
        #expect(outcome(.increments, 2, nil) == .added(2))
        #expect(outcome(.increments, 2, 3) == .updated(5))
        #expect(outcome(.increments, 0, 3) == .unchanged(3))
        #expect(outcome([.increments, .onlyLess], 2, 3) == .refused)
        #expect(outcome([.increments, .onlyNew], 2, 3) == .refused)
        #expect(outcome(.increments, .infinity, -.infinity) == .notANumber)
    }

    @Test func agreesWithTheModel() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Random(seed: seed)
        for round in 0..<40 {
            var model: [String: Double] = [:]
            var value = empty()
            let span = round % 2 == 0 ? 12 : 120
            for _ in 0..<300 {
                let name = "\(Int.random(in: 0..<span, using: &random))"
                let score = Double(Int.random(in: -6...6, using: &random)) / 2
                switch Int.random(in: 0..<10, using: &random) {
                case 0...1:
                    #expect(
                        lend(name) { value.remove($0) } == (model.removeValue(forKey: name) != nil),
                        "seed \(seed)")
                case 2:
                    let count = value.count
                    let start = Int.random(in: 0...count, using: &random)
                    let end = min(start + Int.random(in: 0...3, using: &random), count)
                    for gone in elements(value, start..<end) { model[gone.member] = nil }
                    value.remove(start..<end)
                case 3:
                    let expected = ScoreUpdate.increments.outcome(score, current: model[name])
                    let outcome = lend(name) {
                        value.update($0, score, .increments, Self.limits)
                    }
                    #expect(outcome == expected, "seed \(seed)")
                    model[name] = score + (model[name] ?? 0)
                default:
                    let expected = ScoreUpdate([]).outcome(score, current: model[name])
                    let outcome = lend(name) { value.update($0, score, [], Self.limits) }
                    #expect(outcome == expected, "seed \(seed)")
                    model[name] = score
                }
                #expect(value.count == model.count, "seed \(seed)")
            }
            let sorted = model.map { Element(member: $0.key, score: $0.value) }
                .sorted(by: Element.precedes)
            check(value, sorted, &random, seed)
            value.destroy()
        }
    }

    private func check(
        _ value: SortedSetValue, _ sorted: [Element], _ random: inout Random, _ seed: UInt64
    ) {
        #expect(elements(value) == sorted, "seed \(seed)")
        #expect(elements(value, reversed: true) == sorted.reversed(), "seed \(seed)")
        for (rank, element) in sorted.enumerated() {
            #expect(lend(element.member) { value.rank(of: $0) } == rank, "seed \(seed)")
            #expect(lend(element.member) { value.score(of: $0) } == element.score, "seed \(seed)")
        }
        #expect(lend("none") { value.rank(of: $0) } == nil)
        for _ in 0..<30 {
            let start = Int.random(in: 0...sorted.count, using: &random)
            let end = Int.random(in: start...sorted.count, using: &random)
            let reversed = Bool.random(using: &random)
            let expected = Array(sorted[start..<end])
            #expect(
                elements(value, start..<end, reversed: reversed)
                    == (reversed ? expected.reversed() : expected), "seed \(seed)")
            let low = Double(Int.random(in: -8...8, using: &random)) / 2
            let high = Double(Int.random(in: -8...8, using: &random)) / 2
            for (min, max) in [
                (ScoreBound.inclusive(low), ScoreBound.inclusive(high)),
                (.exclusive(low), .exclusive(high)), (.inclusive(low), .exclusive(high)),
                (.exclusive(-.infinity), .inclusive(.infinity)),
            ] {
                let range = ScoreRange(min: min, max: max)
                let inside = sorted.filter {
                    !range.isAfter($0.score) && range.endsAfter($0.score)
                }
                #expect(elements(value, value.ranks(in: range)) == inside, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [10, 200]) func lexRangesAgreeWithTheModel(count: Int) {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Random(seed: seed)
        func name() -> String { "\(Int.random(in: 0..<1000, using: &random))" }
        var value = empty()
        var names: Set<String> = []
        while names.count < count {
            let text = name()
            names.insert(text)
            _ = lend(text) { value.update($0, 1, [], Self.limits) }
        }
        #expect(value.isPacked == (count <= 16))
        let all = names.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
        for _ in 0..<200 {
            let low = Array(name().utf8)
            let high = Array(name().utf8)
            low.withUnsafeBytes { low in
                high.withUnsafeBytes { high in
                    let lows: [LexBound] = [
                        .minimum, .maximum, .inclusive(low), .exclusive(low),
                    ]
                    let highs: [LexBound] = [
                        .minimum, .maximum, .inclusive(high), .exclusive(high),
                    ]
                    for min in lows {
                        for max in highs {
                            let range = LexRange(min: min, max: max)
                            let inside = all.filter { text in
                                lend(text) { !range.isAfter($0) && range.endsAfter($0) }
                            }
                            let found = elements(value, value.ranks(in: range)).map(\.member)
                            #expect(found == inside, "seed \(seed)")
                        }
                    }
                }
            }
        }
        value.destroy()
    }

    // MARK: Algebra

    private func make(_ model: [String: Double], asSet: Bool) -> ScoredSource {
        if asSet {
            let limits = SetLimits(intSetCountMax: 4, secret: Self.secret)
            var set = SetValue.create(for: .integer(0), limits)
            for name in model.keys { _ = lend(name) { set.add($0, limits) } }
            return .set(set)
        }
        var value = empty()
        for (name, score) in model {
            _ = lend(name) { value.update($0, score, [], Self.limits) }
        }
        return .sortedSet(value)
    }

    private func elements(_ members: borrowing ScoredMembers) -> [Element] {
        var seen: [Element] = []
        members.forEach { seen.append(Element(member: $0.text, score: $1)) }
        return seen
    }

    @Test func algebraAgreesWithTheModel() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = Random(seed: seed)
        for _ in 0..<200 {
            let aggregate = [ScoreAggregate.sum, .min, .max].randomElement(using: &random)!
            var models: [[String: Double]] = []
            var sources: [WeightedSource] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let asSet = Int.random(in: 0..<3, using: &random) == 0
                var model: [String: Double] = [:]
                for _ in 0..<([0, 3, 12, 60].randomElement(using: &random)!) {
                    let name = "\(Int.random(in: 0..<40, using: &random))"
                    model[name] = asSet ? 1 : Double(Int.random(in: -8...8, using: &random)) / 4
                }
                let weight = Double(Int.random(in: -4...4, using: &random)) / 2
                models.append(model)
                sources.append(
                    WeightedSource(source: make(model, asSet: asSet), weight: weight))
            }
            let weighted = zip(models, sources).map { model, source in
                model.mapValues { $0 * source.weight }
            }
            func sorted(_ model: [String: Double]) -> [Element] {
                model.map { Element(member: $0.key, score: $0.value) }.sorted(by: Element.precedes)
            }

            var union = ScoredMembers(secret: Self.secret)
            SortedSetAlgebra.union(sources, aggregate, into: &union)
            union.sort()
            let all = weighted.reduce(into: [:]) {
                $0.merge($1, uniquingKeysWith: aggregate.combine)
            }
            #expect(elements(union) == sorted(all), "seed \(seed)")
            if union.count > 0 {
                let value = union.makeValue(Self.limits)
                #expect(value.isPacked == (union.count <= 16))
                #expect(elements(value) == sorted(all), "seed \(seed)")
                value.destroy()
            }

            var intersection = ScoredMembers(secret: Self.secret)
            SortedSetAlgebra.intersection(sources, aggregate) {
                intersection.append($0, $1)
                return true
            }
            intersection.sort()
            let common = all.filter { name, _ in models.allSatisfy { $0[name] != nil } }
            #expect(elements(intersection) == sorted(common), "seed \(seed)")

            var difference = ScoredMembers(secret: Self.secret)
            let others = sources.dropFirst().map(\.source)
            SortedSetAlgebra.difference(sources[0].source, Array(others), into: &difference)
            difference.sort()
            let rest = models[0].filter { name, _ in
                models.dropFirst().allSatisfy { $0[name] == nil }
            }
            #expect(elements(difference) == sorted(rest), "seed \(seed)")
            for source in sources {
                switch source.source {
                case .set(let set): set.destroy()
                case .sortedSet(let value): value.destroy()
                }
            }
        }
    }

    @Test func infinitiesOfBothSignsMeetAtZero() {
        #expect(ScoreAggregate.sum.combine(.infinity, -.infinity) == 0)
        #expect(ScoreAggregate.min.combine(1, .nan) == 1)
        let source = make(["a": .infinity], asSet: false)
        #expect(WeightedSource(source: source, weight: 0).weighted(.infinity) == 0)
        if case .sortedSet(let value) = source { value.destroy() }
    }
}
