import Testing

@testable import Engine

/// Hashes of which very many fields are due at once.
@Suite(.serialized) struct ManyDueFieldTests {
    private static let dueCount = 5000

    /// A hash "h" of a live field and many that have just come due.
    private func make() -> TestEngine {
        let time = ManualTime()
        let test = TestEngine(clock: Clock(time))
        test.run(line: "HSET h live 1")
        for start in stride(from: 0, to: Self.dueCount, by: 500) {
            let pairs = (start..<start + 500).map { "f\($0) \($0)" }.joined(separator: " ")
            test.run(line: "HSETEX h PX 10 FIELDS 500 \(pairs)")
        }
        time.advance(us: 20_000)
        _ = test.effects()
        return test
    }

    private func removed(_ effects: [String]) -> Int {
        effects.reduce(0) { sum, effect in
            let words = effect.split(separator: " ")
            return sum + (words[0] == "HDEL" ? words.count - 2 : 0)
        }
    }

    /// Each read removes a few; none sees the others.
    @Test func aReadRemovesAFew() {
        let test = make()
        for (request, reply) in [
            ("HLEN h", ":1"), ("HGET h f4999", "nil"), ("HGET h live", "1"),
            ("HGETALL h", "[live 1]"), ("HKEYS h", "[live]"), ("HRANDFIELD h", "live"),
            ("HRANDFIELD h 10", "[live]"), ("HEXISTS h f4000", ":0"),
            ("HTTL h FIELDS 2 f4999 live", "[:-2 :-1]"), ("TYPE h", "+hash"), ("EXISTS h", ":1"),
        ] {
            #expect(test.run(line: request) == reply, "\(request)")
            let count = removed(test.effects())
            #expect(count > 0 && count <= LazyFree.elementsMax)
        }
        let left = test.engine.stats.expiredFields
        #expect(left < 1000)
        // So does a copy, which has its own times.
        #expect(test.run(line: "COPY h i") == ":1")
        #expect(test.run(line: "HLEN i") == ":1")
        var rounds = 0
        while test.engine.expireDue(limit: 64) { rounds += 1 }
        #expect(rounds > 50)
        #expect(test.run(line: "HGETALL h") == "[live 1]")
        #expect(test.run(line: "HGETALL i") == "[live 1]")
        #expect(test.engine.databases[0].fieldExpiries.count == 0)
    }

    /// Whoever writes finds none, nor does a replay.
    @Test func aWriteRemovesAll() {
        for (request, reply, left) in [
            ("HSETNX h f1 new", ":1", "[f1 live]"), ("HINCRBY h f2 5", ":5", "[f2 live]"),
            ("HDEL h live", ":1", "[]"), ("HGETDEL h FIELDS 1 f3", "[nil]", "[live]"),
        ] {
            let test = make()
            #expect(test.run(line: request) == reply)
            #expect(removed(test.effects()) >= Self.dueCount)
            let fields = test.send(["HKEYS", "h"].map { Array($0.utf8) }).items
            #expect("[" + fields.map(\.description).sorted().joined(separator: " ") + "]" == left)
        }
    }
}
