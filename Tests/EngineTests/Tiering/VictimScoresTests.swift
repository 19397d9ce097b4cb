import Testing

@testable import Engine

/// Which scores count as the worst of all.
@Suite struct VictimScoresTests {
    private let entries = 1000

    private func scores(_ samples: [UInt64]...) -> VictimScores {
        var scores = VictimScores()
        _ = scores.mustSample(.allkeysLRU, nowMs: 0)
        for sample in samples { scores.add(sample) }
        return scores
    }

    @Test func withoutASampleEverythingIsAdmitted() {
        #expect(VictimScores().admits(0))
        #expect(scores([]).admits(0))
    }

    /// Where scores are counted singly, and where buckets get wider and wider.
    @Test(arguments: [UInt64(1), 1000, 50_000])
    func theWorstEighthIsAdmitted(_ scale: UInt64) {
        let all = (0..<400).map { UInt64($0) * scale }
        let admitted = all.filter(scores(all).admits)
        #expect((50...75).contains(admitted.count), "\(admitted.count)")
        #expect(admitted.last == all.last)
    }

    @Test func equalsAreAdmittedTogether() {
        #expect(scores(Array(repeating: 7, count: 500)).admits(7))
        let mixed = scores(Array(repeating: 7, count: 10) + Array(repeating: 3, count: 400))
        #expect(mixed.admits(3) && !mixed.admits(2))
    }

    @Test func aTableOfOneKeyHasAWorst() {
        let one = scores([9])
        #expect(one.admits(9) && one.admits(10) && !one.admits(8))
        #expect(scores([.max]).admits(.max))
    }

    @Test func olderSamplesFade() {
        var scores = scores(Array(repeating: 100_000, count: VictimScores.weightMax))
        let sample = Array(repeating: UInt64(10), count: VictimScores.weightMax / 8)
        scores.add(sample)
        #expect(!scores.admits(10))
        for _ in 0..<40 { scores.add(sample) }
        #expect(scores.admits(10))
        #expect(scores.weight <= VictimScores.weightMax)
    }

    @Test func aRoundThatYieldsTooLittleMakesTheSampleVoid() {
        var scores = scores([100, 200, 300])
        scores.swept(passed: 999, eligible: 999, left: 2, of: entries)
        #expect(!scores.admits(0))
        scores.swept(passed: 1, eligible: 1, left: 0, of: entries)
        #expect(scores.admits(0) && scores.weight == 0)
        // The next sample is due at once.
        let isDue = scores.mustSample(.allkeysLRU, nowMs: 0)
        #expect(isDue)
    }

    @Test func aRoundThatYieldsEnoughDoesNot() {
        var scores = scores([100, 200, 300])
        for _ in 0..<10 { scores.swept(passed: 500, eligible: 400, left: 10, of: entries) }
        #expect(!scores.admits(0) && scores.admits(300))
    }

    @Test func itSamplesNowAndThenWhatThePolicyOrders() {
        var scores = VictimScores()
        func isDue(_ policy: MaxmemoryPolicy, _ nowMs: Int64) -> Bool {
            scores.mustSample(policy, nowMs: nowMs)
        }
        #expect(isDue(.allkeysLRU, 1000))
        #expect(!isDue(.allkeysLRU, 1050))
        #expect(isDue(.allkeysLRU, 1100))
        // A wall clock may be set back.
        #expect(isDue(.allkeysLRU, 10))
        scores.add([300])
        #expect(!scores.admits(0))
        #expect(isDue(.volatileLFU, 11))
        #expect(scores.admits(0))
        for policy in [MaxmemoryPolicy.allkeysRandom, .volatileRandom, .volatileTTL, .noEviction] {
            #expect(!isDue(policy, 5000))
        }
    }
}
