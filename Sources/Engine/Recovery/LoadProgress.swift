// How far the loading at the start is: figures for INFO, and a line every few seconds in the
// server's log, so that whoever waits for a large restore knows for how long.
//
// A load has stages, a snapshot and then the log that goes on from it, or only one of them. Their
// sizes are known beforehand where a manifest names the files (`expect`); a restore finds the
// segments when the snapshot is through, and the total grows then. When all has been read, what was
// imported is still moved to its place; that counts as loaded.

/// What has been read, how quickly, and the share of it. Under the engine's lock.
struct LoadProgress {
    private static let intervalUs: Int64 = 5_000_000
    /// After so long the event loops get the lock, when there are clients and when there are none yet.
    private static let turnUs: Int64 = 5_000
    private static let idleTurnUs: Int64 = 20_000

    let startedSeconds: Int64
    private(set) var totalBytes = 0
    private(set) var loadedBytes = 0
    /// Of the snapshot: the memory that its maker used.
    var usedMemory = 0
    /// Clients are let in meanwhile.
    var isShared = false

    private let note: (String) -> Void
    private var stageStart = 0
    private var stageBytes = 0
    private var toldUs = Clock.monotonicUs()
    private var toldCount = 0
    private var turnEndUs: Int64 = 0

    init(startedSeconds: Int64, _ note: @escaping (String) -> Void) {
        self.startedSeconds = startedSeconds
        self.note = note
    }

    /// So many bytes are going to be read, in all stages.
    mutating func expect(_ bytes: Int) { totalBytes = bytes }

    /// A file, or a log, of so many bytes is read next.
    mutating func beginStage(_ bytes: Int) {
        stageStart += stageBytes
        stageBytes = bytes
        loadedBytes = stageStart
        totalBytes = Swift.max(totalBytes, stageStart + bytes)
    }

    /// `count` keys or effects have been read, and `bytes` of the stage. What to do when the lock
    /// is given back: tell the line, let others have the lock.
    mutating func reached(
        _ count: Int, _ what: String, bytes: Int, clients: Int
    ) -> (tell: (() -> Void)?, gives: Bool) {
        loadedBytes = stageStart + Swift.min(bytes, stageBytes)
        let nowUs = Clock.monotonicUs()
        let gives = isShared && nowUs >= turnEndUs
        if gives {
            turnEndUs = nowUs + (clients > 0 ? LoadProgress.turnUs : LoadProgress.idleTurnUs)
        }
        if nowUs - toldUs < LoadProgress.intervalUs { return (nil, gives) }
        // From one kind to the next the count begins anew.
        let more = count >= toldCount ? count - toldCount : count
        let rate = Int(Double(more) * 1e6 / Double(nowUs - toldUs))
        let line = "Loading: \(count) \(what), \(Int(percent)) %, \(rate) a second"
        toldUs = nowUs
        toldCount = count
        return ({ [note] in note(line) }, gives)
    }

    var percent: Double {
        totalBytes > 0 ? Double(loadedBytes) * 100 / Double(totalBytes) : 0
    }

    /// Seconds that are left, as Redis reckons them: 1 while nothing can be said.
    func etaSeconds(nowSeconds: Int64) -> Int64 {
        let elapsed = nowSeconds - startedSeconds
        if elapsed <= 0 || totalBytes == 0 { return 1 }
        let left = Double(totalBytes - loadedBytes) / Double(loadedBytes + 1)
        return Int64(Swift.min(Double(elapsed) * left, 1e15))
    }
}
