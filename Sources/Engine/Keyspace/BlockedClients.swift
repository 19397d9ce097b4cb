// Who waits for which key: BLPOP, BZPOPMIN, XREAD BLOCK and their kin.
//
// A client that found nothing is entered in a queue for each of its keys, in the order of
// arrival, which a running number stands for: a queue is sorted by it, so that leaving from the
// middle (a timeout, a disconnect, another of its keys) is a binary search, however many wait.
// Keys that changed while somebody waits for them are noted as ready, once each and in the order
// of the changes; `Engine.serveBlockedClients` goes through them when the command or transaction
// that changed them is over.
//
// Waiting is by name, like watching: a key that is spilled or fetched meanwhile is the same key.

/// What a blocked client is to be given.
struct BlockedRequest {
    /// The type of key that can serve it; any other leaves it waiting.
    let type: ValueType
    /// The answer when a key is no longer of that type, or is gone; nil: the client goes on
    /// waiting.
    var goneError: CommandError?
    /// What the client is answered when its time is up.
    var timeoutReply = BlockedTimeoutReply.nullArray
    /// Answers the client from `key`, which exists and has that type; false when it holds
    /// nothing for it. An error is an answer too.
    let serve: (_ engine: Engine, _ client: Client, _ key: Key) throws(CommandError) -> Bool
}

enum BlockedTimeoutReply {
    case nullArray
    case zero
}

/// One client's wait.
final class BlockedWait {
    fileprivate let keys: [WatchedKey]
    fileprivate let sequence: UInt64
    /// Unix milliseconds; nil: forever.
    let deadlineMs: Int64?
    let request: BlockedRequest
    /// The command that waits: its row, and how it came.
    let command: Int
    let arguments: OwnedArguments

    fileprivate init(
        keys: [WatchedKey], sequence: UInt64, deadlineMs: Int64?, request: BlockedRequest,
        command: Int, arguments: OwnedArguments
    ) {
        self.keys = keys
        self.sequence = sequence
        self.deadlineMs = deadlineMs
        self.request = request
        self.command = command
        self.arguments = arguments
    }
}

/// All clients that wait, by key and by deadline. Engine lock.
struct BlockedClients: ~Copyable {
    private var queues: [WatchedKey: BlockedQueue] = [:]
    private var deadlines = ExpiryIndex()
    private var lastSequence: UInt64 = 0
    private(set) var count = 0
    /// Keys that changed, in order, and the same as a set.
    private var ready: [WatchedKey] = []
    private var readySet: Set<WatchedKey> = []

    var keyCount: Int { queues.count }
    var deadlineCount: Int { deadlines.count }
    var hasReadyKeys: Bool { !ready.isEmpty }
    /// When the next wait ends by itself: Unix milliseconds.
    var nextDeadlineMs: Int64? { deadlines.first?.timeMs }

    /// Enters `client` in the queue of each key; a key named twice counts once. O(keys).
    mutating func add(
        _ client: Client, _ arguments: OwnedArguments, keys: [WatchedKey], deadlineMs: Int64?,
        _ request: BlockedRequest
    ) -> BlockedWait {
        lastSequence += 1
        var own: [WatchedKey] = []
        for key in keys
        where queues[key, default: BlockedQueue()].append(client, lastSequence, request) {
            own.append(key)
        }
        if let deadlineMs { deadlines.insert(deadlineMs, UInt64(bitPattern: client.id)) }
        count += 1
        return BlockedWait(
            keys: own, sequence: lastSequence, deadlineMs: deadlineMs, request: request,
            command: client.lastCommand, arguments: arguments)
    }

    /// Takes `client` out of all queues. O(keys · log waiting).
    mutating func remove(_ client: Client, _ wait: BlockedWait) {
        for key in wait.keys {
            queues[key]?.remove(wait.sequence, wait.request)
            if queues[key]?.isEmpty == true { queues[key] = nil }
        }
        if let deadline = wait.deadlineMs {
            deadlines.remove(deadline, UInt64(bitPattern: client.id))
        }
        count -= 1
    }

    /// Notes that `key` has changed, if anybody waits for it. O(1).
    mutating func noteReady(_ key: WatchedKey) {
        guard queues[key] != nil, readySet.insert(key).inserted else { return }
        ready.append(key)
    }

    /// Notes every key of a database that somebody waits for.
    mutating func noteReady(database: Int) {
        for key in queues.keys where key.database == database { noteReady(key) }
    }

    /// The keys noted since, in order.
    mutating func takeReady() -> [WatchedKey] {
        var taken: [WatchedKey] = []
        swap(&taken, &ready)
        return taken
    }

    /// From now on a change of `key` is noted again.
    mutating func beginServing(_ key: WatchedKey) { readySet.remove(key) }

    /// The last arrival so far: who comes later is not served in this round.
    var latestSequence: UInt64 { lastSequence }

    /// Who waits for `key` and came after `sequence`; 0 for the first. O(log waiting).
    func next(_ key: WatchedKey, after sequence: UInt64) -> (client: Client, sequence: UInt64)? {
        queues[key]?.next(after: sequence)
    }

    /// Whether somebody wants to be told when `key` is gone.
    func minds(theLossOf key: WatchedKey) -> Bool { (queues[key]?.mindingCount ?? 0) > 0 }

    /// The id of a client whose deadline is at or before `nowMs`.
    func due(_ nowMs: Int64) -> Int64? {
        guard let first = deadlines.first, first.timeMs <= nowMs else { return nil }
        return Int64(bitPattern: first.hash)
    }
}

/// Clients in the order of their arrival.
struct BlockedQueue {
    private var entries: [(sequence: UInt64, client: Client?)] = []
    /// Everything before it has left.
    private var head = 0
    private var liveCount = 0
    /// How many want to be told when the key is gone.
    private(set) var mindingCount = 0

    var isEmpty: Bool { liveCount == 0 }

    /// False when the client with this number, the newest, is in it already.
    mutating func append(
        _ client: Client, _ sequence: UInt64, _ request: BlockedRequest
    ) -> Bool {
        if let last = entries.last, last.sequence == sequence { return false }
        entries.append((sequence, client))
        liveCount += 1
        if request.goneError != nil { mindingCount += 1 }
        return true
    }

    mutating func remove(_ sequence: UInt64, _ request: BlockedRequest) {
        let place = firstPlace(after: sequence - 1)
        guard place < entries.count, entries[place].sequence == sequence,
            entries[place].client != nil
        else { return }
        entries[place].client = nil
        liveCount -= 1
        if request.goneError != nil { mindingCount -= 1 }
        while head < entries.count, entries[head].client == nil { head += 1 }
        if entries.count > 32, liveCount * 2 < entries.count {
            entries.removeAll { $0.client == nil }
            head = 0
        }
    }

    func next(after sequence: UInt64) -> (client: Client, sequence: UInt64)? {
        var place = firstPlace(after: sequence)
        while place < entries.count {
            if let client = entries[place].client { return (client, entries[place].sequence) }
            place += 1
        }
        return nil
    }

    private func firstPlace(after sequence: UInt64) -> Int {
        var low = head
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
