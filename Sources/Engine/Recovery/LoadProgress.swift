// How far the loading at the start is: a line every few seconds, so that whoever waits for a large
// restore knows for how long.

/// Tells what has been read, how quickly, and the share of it.
struct LoadProgress {
    private static let intervalUs: Int64 = 5_000_000

    private let note: (String) -> Void
    private var toldUs = Clock.monotonicUs()
    private var toldCount = 0
    private var calls = 0

    init(_ note: @escaping (String) -> Void) { self.note = note }

    /// `count` keys or effects have been read, `done` of `total` bytes.
    mutating func reached(_ count: Int, _ what: String, done: Int, of total: Int) {
        calls &+= 1
        if calls & 63 != 0 { return }
        let nowUs = Clock.monotonicUs()
        if nowUs - toldUs < LoadProgress.intervalUs { return }
        // From one kind to the next the count begins anew.
        let more = count >= toldCount ? count - toldCount : count
        let rate = Int(Double(more) * 1e6 / Double(nowUs - toldUs))
        let share = total > 0 ? Int(Double(done) * 100 / Double(total)) : 100
        note("Loading: \(count) \(what), \(Swift.min(share, 100)) %, \(rate) a second")
        toldUs = nowUs
        toldCount = count
    }
}
