// Which entries are among the worst of all, so that eviction need not take what is only the worst of
// its neighbours.
//
// The sweep meets entries in hash order, a group at a time. Where it has passed lately there are few
// old ones left, and of those some may be on their way to the disk already: the worst quarter of such a
// group can be all in use. So the policy's scores of a sample of all tables are counted, and only
// entries among the worst eighth of those leave. What leaves is then nearer to what an order of all
// keys would say, at the cost of looking at more of them.
//
// The sample is small and taken anew all the time, for scores grow as time goes by: some hundred
// entries at random places, ten times a second at most and only while something has to leave. Older
// samples fade. An eighth is of use as long as there is an eighth; a sweep through all tables that finds
// next to nothing makes the sample void, and whatever comes next may leave, as without one. So eviction
// always goes on.

/// A histogram of scores, and the score beyond which the worst eighth lies. A score is how gladly the
/// policy lets an entry go.
struct VictimScores {
    /// Scores below are counted singly; above, sixteen buckets for each doubling.
    private static let exactCount = 512
    private static let bucketCount = exactCount + 16 * 24
    /// One in so many is among the worst.
    private static let share = 8
    /// So many scores count, about; with more, all count half.
    static let weightMax = 4096
    private static let sampleIntervalMs: Int64 = 100
    /// A round of the sweep in which fewer than one in so many left was in vain.
    private static let yieldShareMin = 64

    private var counts = [UInt16](repeating: 0, count: bucketCount)
    private(set) var weight = 0
    /// The first bucket of the worst.
    private var first = 0
    private var policy = MaxmemoryPolicy.noEviction
    private var sampledMs: Int64?
    // Of the sweep's present round: entries that it passed, those that might leave, those that did.
    private var passed = 0
    private var eligible = 0
    private var left = 0

    /// Whether an entry with this score is among the worst; always without a sample.
    func admits(_ score: UInt64) -> Bool { VictimScores.bucket(score) >= first }

    /// Whether the scores are to be sampled, which the caller then does. Forgets another policy's.
    mutating func mustSample(_ policy: MaxmemoryPolicy, nowMs: Int64) -> Bool {
        if policy != self.policy {
            forget()
            self.policy = policy
        }
        guard policy.isLRU || policy.isLFU else { return false }
        if let sampledMs, abs(nowMs - sampledMs) < VictimScores.sampleIntervalMs { return false }
        sampledMs = nowMs
        return true
    }

    /// Counts the scores of a sample, at most `weightMax`.
    mutating func add(_ scores: [UInt64]) {
        if weight + scores.count > VictimScores.weightMax {
            weight = 0
            for index in counts.indices {
                counts[index] /= 2
                weight += Int(counts[index])
            }
        }
        for score in scores { counts[VictimScores.bucket(score)] += 1 }
        weight += scores.count
        first = counts.count
        var beyond = 0
        while first > 0, beyond * VictimScores.share < weight || beyond == 0 {
            first -= 1
            beyond += Int(counts[first])
        }
    }

    /// The sweep has passed a group, in tables of `entries` altogether.
    mutating func swept(passed: Int, eligible: Int, left: Int, of entries: Int) {
        self.passed += passed
        self.eligible += eligible
        self.left += left
        guard self.passed >= entries else { return }
        if self.left * VictimScores.yieldShareMin < self.eligible { forget() }
        (self.passed, self.eligible, self.left) = (0, 0, 0)
    }

    /// Makes the sample void: everything is admitted until there is another.
    mutating func forget() {
        if weight > 0 { for index in counts.indices { counts[index] = 0 } }
        (weight, first, sampledMs) = (0, 0, nil)
    }

    private static func bucket(_ score: UInt64) -> Int {
        if score < exactCount { return Int(score) }
        let exponent = 63 - score.leadingZeroBitCount
        let sixteenth = Int(score >> UInt64(exponent - 4)) & 15
        return Swift.min(exactCount + (exponent - 9) * 16 + sixteenth, bucketCount - 1)
    }
}

extension Engine {
    /// Places and neighbours of a sample.
    private static let samplePlaces = 64
    private static let sampleNeighbours = 8

    /// Samples scores if that is due. `entries`: those of all tables.
    func sampleVictimScores(_ policy: MaxmemoryPolicy, of entries: Int) {
        guard entries > 0, victimScores.mustSample(policy, nowMs: nowMs) else { return }
        var scores: [UInt64] = []
        scores.reserveCapacity(2 * Engine.samplePlaces * Engine.sampleNeighbours)
        for _ in 0..<Engine.samplePlaces {
            var database = 0
            var number = Int(random.next() % UInt64(entries))
            while number >= databases[database].table.count {
                number -= databases[database].table.count
                database += 1
            }
            databases[database].table.visit(
                from: random.next(), atLeast: Engine.sampleNeighbours
            ) { raw in
                let entry = Entry(raw)
                if entry.type != .tombstone, let score = victimScore(entry, policy) {
                    scores.append(score)
                }
            }
        }
        victimScores.add(scores)
    }
}
