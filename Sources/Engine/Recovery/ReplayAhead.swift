// Reading the log and the cold tier ahead of the replay.
//
// Most effects of a log's tail are on keys that are cold, and each of those costs a search through
// LMDB's tree: two thirds of the time of a replay, spent waiting for memory. So the replay takes
// some thousand effects at a time out of the log, and their keys are looked up in the order in which
// the records lie, so that neighbours share the upper pages of the tree and the filters. A second
// thread does that while the replay executes what came before. What it has not begun when the replay
// comes there, the replay looks up itself: neither waits while there is work, and where there is no
// second thread, the replay does all of it.
//
// What was read ahead may be out of date. A key's record changes only while the key is hot, and
// while it is hot nobody asks for its record. So what was read is valid unless its key has left the
// hot tier since: every leave is counted, by the key's hash, and what was read before it is void.

import Glibc
import Synchronization

/// The effects of a log, with what the cold tier has of their keys. The replay's thread's, but for
/// `noteLeave`. Under the engine's lock: `next`, `find` and `noteLeave`; without it: `refill`, `stop`.
final class ReplayAhead: @unchecked Sendable {
    struct Mode {
        /// A shorter log is not worth it.
        var logBytesMin = 4 << 20
        /// There is no second thread. For tests, like the next.
        var isAlone = false
        /// The replay waits until all that can be is read ahead.
        var isAwaited = false
    }

    /// What the cold tier has of one effect's key.
    struct Found {
        enum State: UInt8 { case unknown, absent, tombstone, live }

        var state = State.unknown
        /// Whether the effect puts another value in the place of what the key has.
        var replaces = false
        var type: UInt8 = 0
        var namespace: UInt32 = 0
        var hash: UInt64 = 0
        /// Without an address: the effect has no key.
        var key = Bytes(start: nil, count: 0)
        var payload = Bytes(start: nil, count: 0)
        var recordLSN: LSN = 0
        var expiry: Int64 = 0
        var access: UInt32 = 0
    }

    private static let portionsMax = 3
    private static let leaveBits = 16

    private let engine: Engine
    private let store: ColdStore
    private let guardedLSN: LSN
    private let mode: Mode
    private var thread: BackgroundThread?

    private let monitor = Monitor()
    /// In the log's order. Who takes look-ups out of them or adds to them holds the monitor.
    private var queue: [ReplayPortion] = []
    private var isStopping = false
    /// How many keys the thread has looked up.
    private var threadCount = 0
    private let leaveCount = Atomic<UInt64>(0)

    /// By the top bits of a key's hash: how many keys had left when the last of those did.
    private let lastLeave = UnsafeMutablePointer<UInt64>.allocate(capacity: 1 << leaveBits)
    private var idle = (1..<portionsMax).map { _ in ReplayPortion() }
    private var portion = ReplayPortion()
    /// What it holds.
    private var commands: UnsafeMutablePointer<LogCommand>
    private var found: UnsafeMutablePointer<Found>
    private var count = 0
    /// Of the effect at hand, in its portion.
    private var index = -1
    /// Read, and without room in the last portion.
    private var pending: LogCommand?
    /// The last command of the queue lies where the reader has it.
    private var isLent = false
    private var isAtEnd = false
    /// What is wrong with the log behind the queue.
    private var failure: LogError?
    /// How often something was known.
    private(set) var servedCount = 0

    /// Begins, under the engine's lock.
    init(_ engine: Engine, _ store: ColdStore) {
        self.engine = engine
        self.store = store
        guardedLSN = engine.guardedLSN
        mode = engine.readAheadMode
        commands = portion.commands
        found = portion.found
        lastLeave.initialize(repeating: 0, count: 1 << ReplayAhead.leaveBits)
        if !mode.isAlone {
            thread = try? BackgroundThread(patient: false) { [unowned self] in run() }
        }
    }

    deinit { lastLeave.deallocate() }

    /// Ends the thread; returns how many keys that has looked up.
    func stop() -> Int {
        monitor.withLock {
            isStopping = true
            monitor.notifyAll()
        }
        thread?.join()
        thread = nil
        return threadCount
    }

    // MARK: Effects

    /// The next effect; nil when those that were read ahead are through.
    @inline(__always)
    func next() -> LogCommand? {
        if index + 1 >= count { return nil }
        index += 1
        return commands[index]
    }

    /// Has `next` go on; false at the log's end. What is wrong with the log is thrown when all
    /// before it has been executed.
    func refill(_ reader: inout LogReader) throws(LogError) -> Bool {
        if index + 1 < count { return true }
        count = 0
        index = -1
        if queue.isEmpty { isLent = false }
        idle.append(portion)
        while !isAtEnd, !isLent, let portion = idle.popLast() { fill(portion, &reader) }
        guard let first = queue.first else {
            if let failure { throw failure }
            return false
        }
        finish(first)
        portion = first
        commands = first.commands
        found = first.found
        count = first.count
        return true
    }

    private func fill(_ portion: ReplayPortion, _ reader: inout LogReader) {
        portion.clear()
        let namespaces = engine.withLock { engine in
            (0..<engine.databaseCount).map { engine.databases[$0].namespace }
        }
        do throws(LogError) {
            while !portion.isFull {
                guard let command = try pending != nil ? pending : reader.next() else {
                    isAtEnd = true
                    break
                }
                pending = command
                if !portion.append(command) {
                    if portion.count > 0 { break }
                    portion.lend(command)
                    isLent = true
                }
                pending = nil
                describe(portion, namespaces)
                if isLent { break }
            }
        } catch {
            failure = error
            isAtEnd = true
        }
        portion.sort()
        if portion.count == 0 { return }
        monitor.withLock {
            queue.append(portion)
            monitor.notifyAll()
        }
    }

    /// Finds the key of the portion's last effect.
    private func describe(_ portion: ReplayPortion, _ namespaces: [UInt32]) {
        let command = portion.commands[portion.count - 1]
        let arguments = Arguments(command.arguments)
        var found = Found()
        if command.database < namespaces.count, let name = engine.commands.find(arguments[0]),
            let place = engine.commands.keyOfEffect(name, arguments)
        {
            found.key = arguments[place]
            found.hash = engine.secret.hash(found.key)
            found.namespace = namespaces[command.database]
            found.replaces = Engine.stringThatReplaces(arguments) != nil
        }
        portion.found[portion.count - 1] = found
    }

    /// The key of the effect at hand, with its hash.
    @inline(__always)
    var key: (bytes: Bytes, hash: UInt64) {
        (found[index].key, found[index].hash)
    }

    /// The hash of the effect `distance` further on, as far as known.
    @inline(__always)
    func hash(after distance: Int) -> UInt64? {
        index + distance < count ? found[index + distance].hash : nil
    }

    /// What the cold tier has of the key of the effect at hand; nil if that is not known.
    func find(_ key: Key, _ namespace: UInt32) -> UnsafePointer<Found>? {
        guard index >= 0 else { return nil }
        let found = found + index
        guard found.pointee.state != .unknown, found.pointee.hash == key.hash,
            found.pointee.namespace == namespace, lastLeave[bucket(key.hash)] <= portion.stamp,
            found.pointee.key.equals(key.bytes)
        else { return nil }
        servedCount += 1
        return UnsafePointer(found)
    }

    /// A key has left the hot tier; its newest record is committed.
    func noteLeave(_ hash: UInt64) {
        let count = leaveCount.load(ordering: .relaxed) + 1
        lastLeave[bucket(hash)] = count
        leaveCount.store(count, ordering: .releasing)
    }

    private func bucket(_ hash: UInt64) -> Int { Int(hash >> UInt64(64 - ReplayAhead.leaveBits)) }

    // MARK: Look-ups

    private func run() {
        while let (portion, places) = monitor.withLock({ nextLookUps() }) {
            lookUp(portion, places)
            monitor.withLock { threadCount += places.count }
        }
    }

    private func nextLookUps() -> (ReplayPortion, Range<Int>)? {
        while !isStopping {
            for portion in queue {
                if let places = claim(portion) { return (portion, places) }
            }
            monitor.wait()
        }
        return nil
    }

    /// Takes on look-ups, holding the monitor.
    private func claim(_ portion: ReplayPortion) -> Range<Int>? {
        if portion.claimed == 0 { portion.stamp = leaveCount.load(ordering: .acquiring) }
        return portion.claim()
    }

    /// Takes the first portion out of the queue when its look-ups are done.
    private func finish(_ portion: ReplayPortion) {
        let waits = mode.isAwaited && thread != nil
        while !waits, let places = monitor.withLock({ claim(portion) }) { lookUp(portion, places) }
        monitor.withLock {
            let awaited = waits ? queue : [portion]
            while awaited.contains(where: { !$0.isFinished }) { monitor.wait() }
            queue.removeFirst()
        }
    }

    /// What cannot be read this way is read in place, which reports why.
    private func lookUp(_ portion: ReplayPortion, _ places: Range<Int>) {
        var room = portion.payloads(of: places)
        try? store.withLookUps { lookUps in
            for place in places {
                let index = Int(portion.order[place])
                let found = portion.found + index
                // Where records may be newer than the effect, their positions must be right.
                let checked =
                    !found.pointee.replaces || portion.commands[index].endLSN <= guardedLSN
                try lookUps.peek(
                    found.pointee.namespace, found.pointee.hash, found.pointee.key,
                    checked: checked
                ) { found.pointee.note($0, isTombstone: $1, &room) }
            }
        }
        monitor.withLock {
            portion.finished += places.count
            if portion.isFinished { monitor.notifyAll() }
        }
    }
}

extension ReplayAhead.Found {
    /// Takes what a look-up has found; the record is nil if there is none.
    fileprivate mutating func note(
        _ record: ColdRecord?, isTombstone: Bool, _ room: inout UnsafeMutableRawBufferPointer
    ) {
        guard let record else {
            state = .absent
            return
        }
        recordLSN = record.lsn
        if isTombstone {
            state = .tombstone
            return
        }
        type = record.type
        access = record.access
        expiry = record.expiry
        if !replaces {
            let count = record.payload.count
            if count > Swift.min(room.count, ReplayPortion.payloadBytesMax) { return }
            room.copyMemory(from: record.payload)
            payload = Bytes(rebasing: room[0..<count])
            room = UnsafeMutableRawBufferPointer(rebasing: room[count...])
        }
        state = .live
    }
}
