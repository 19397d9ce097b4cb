// Reading the cold tier ahead of the replay.
//
// Most effects of a log's tail are on keys that are cold, and each of those costs a search through
// LMDB's tree: two thirds of the time of a replay, spent waiting for memory. So a second thread
// reads the same log, ahead, and looks the keys up: some thousand effects at a time, in the order in
// which the records lie, so that neighbours share the upper pages of the tree and the filters. What
// it finds stands ready when the effect is executed. Nobody waits for it: where the replay catches
// up, it reads the rest of these keys in place, while the thread goes on in front of it.
//
// What was read ahead may be out of date. A key's record changes only while the key is hot, and
// while it is hot nobody asks for its record. So what was read is valid unless its key has left the
// hot tier since: every leave is counted, by the key's hash, and what was read before it is void.

import Glibc
import Synchronization

/// The reading thread, and what it has read. `next`, `find`, `noteLeave` and `stop` are the
/// replay's, under the engine's lock.
final class ReplayAhead: @unchecked Sendable {
    struct Mode {
        /// A shorter log is not worth a thread.
        var logBytesMin = 4 << 20
        /// The replay waits for what is read ahead. For tests, which want it read early.
        var isAwaited = false
    }

    /// What the cold tier has of one effect's key.
    struct Found {
        enum State: UInt8 { case unknown, wanted, absent, tombstone, live }

        var state = State.unknown
        /// Whether the effect puts another value in the place of what the key has.
        var replaces = false
        var type: UInt8 = 0
        var namespace: UInt32 = 0
        var hash: UInt64 = 0
        /// Position behind the effect.
        var endLSN: LSN = 0
        var recordLSN: LSN = 0
        var expiry: Int64 = 0
        var access: UInt32 = 0
        /// In the portion's bytes.
        var keyStart: UInt32 = 0
        var keyCount: UInt32 = 0
        var payloadStart: UInt32 = 0
        var payloadCount: UInt32 = 0
    }

    /// Effects that are looked up together.
    final class Portion {
        static let effectsMax = 2048
        /// For the keys and values of a portion; what has no room is read in place.
        static let bytesMax = 1 << 19
        /// A longer key or value is not worth copying.
        static let partBytesMax = 1024

        let effects = UnsafeMutablePointer<Found>.allocate(capacity: effectsMax)
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: bytesMax, alignment: 16)
        /// The number of the first effect in the log.
        var first = 0
        var count = 0
        var byteCount = 0
        /// How many keys had left the hot tier when the reading began.
        var stamp: UInt64 = 0

        deinit {
            effects.deallocate()
            bytes.deallocate()
        }

        func begin(at first: Int) {
            self.first = first
            count = 0
            byteCount = 0
        }

        /// Copies a part and returns where it is; nil if it has no room.
        func keep(_ part: Bytes) -> UInt32? {
            guard part.count <= Portion.partBytesMax, part.count <= Portion.bytesMax - byteCount
            else { return nil }
            let start = byteCount
            if let source = part.baseAddress { memcpy(bytes + start, source, part.count) }
            byteCount += part.count
            return UInt32(start)
        }

        func key(_ found: Found) -> Bytes {
            Bytes(start: bytes + Int(found.keyStart), count: Int(found.keyCount))
        }

        func payload(_ found: Found) -> Bytes {
            Bytes(start: bytes + Int(found.payloadStart), count: Int(found.payloadCount))
        }
    }

    private static let portionsMax = 8
    private static let leaveBits = 14
    /// Effects after which it is asked again whether something has been read.
    private static let lookInterval = 64

    private let engine: Engine
    private let store: ColdStore
    private let guardedLSN: LSN
    private let isAwaited: Bool
    private let makeReader: @Sendable () throws(LogError) -> LogReader
    private var thread: BackgroundThread?

    private let monitor = Monitor()
    private var ready: [Portion] = []
    private var idle = (0..<portionsMax).map { _ in Portion() }
    private var isStopping = false
    private var isAtEnd = false
    /// By database, as the replay had them last.
    private var namespaces: [UInt32] = []
    /// The effect that the replay is at.
    private let reached = Atomic(0)
    private let leaveCount = Atomic<UInt64>(0)

    // MARK: The replay's

    /// By the top bits of a key's hash: how many keys had left when the last of those did.
    private let lastLeave = UnsafeMutablePointer<UInt64>.allocate(capacity: 1 << leaveBits)
    private var portion: Portion?
    private var number = -1
    /// What is known of the effect at hand.
    private var current: UnsafeMutablePointer<Found>?
    /// How often something was known.
    private(set) var servedCount = 0

    /// Begins, under the engine's lock, reading the log that `makeReader` opens.
    init(
        _ engine: Engine, _ store: ColdStore,
        _ makeReader: @escaping @Sendable () throws(LogError) -> LogReader
    ) {
        self.engine = engine
        self.store = store
        guardedLSN = engine.guardedLSN
        isAwaited = engine.readAheadMode.isAwaited
        self.makeReader = makeReader
        lastLeave.initialize(repeating: 0, count: 1 << ReplayAhead.leaveBits)
        namespaces = currentNamespaces
        thread = BackgroundThread { [unowned self] in run() }
    }

    deinit { lastLeave.deallocate() }

    /// Ends the reading.
    func stop() {
        monitor.withLock {
            isStopping = true
            monitor.notifyAll()
        }
        thread?.join()
        thread = nil
    }

    /// The replay turns to the next effect of the log, which ends at `endLSN`.
    @inline(__always)
    func next(_ endLSN: LSN) {
        number += 1
        current = nil
        if let portion, number < portion.first + portion.count {
            let found = portion.effects + (number - portion.first)
            if found.pointee.endLSN == endLSN { current = found }
        } else if portion != nil || number % ReplayAhead.lookInterval == 0 {
            turnPortion(endLSN)
        }
    }

    private var currentNamespaces: [UInt32] {
        (0..<engine.databaseCount).map { engine.databases[$0].namespace }
    }

    @inline(never)
    private func turnPortion(_ endLSN: LSN) {
        reached.store(number, ordering: .relaxed)
        monitor.withLock {
            namespaces = currentNamespaces
            if let portion {
                idle.append(portion)
                monitor.notifyAll()
            }
            portion = nil
            while let first = ready.first, first.first + first.count <= number {
                idle.append(ready.removeFirst())
                monitor.notifyAll()
            }
            while isAwaited, ready.isEmpty, !isAtEnd { monitor.wait() }
            if let first = ready.first, first.first <= number { portion = ready.removeFirst() }
        }
        guard let portion else { return }
        let found = portion.effects + (number - portion.first)
        if found.pointee.endLSN == endLSN { current = found }
    }

    /// The hashes of the effect at hand and of the one `distance` further on, as far as known.
    @inline(__always)
    func hash(after distance: Int) -> UInt64? {
        guard let portion, current != nil, number + distance < portion.first + portion.count
        else { return nil }
        return portion.effects[number + distance - portion.first].hash
    }

    /// What the cold tier has of the key of the effect at hand; nil if that is not known.
    func find(_ key: Key, _ namespace: UInt32) -> Found? {
        guard let current, let portion,
            current.pointee.state.rawValue > Found.State.wanted.rawValue,
            current.pointee.hash == key.hash, current.pointee.namespace == namespace,
            lastLeave[bucket(key.hash)] <= portion.stamp,
            portion.key(current.pointee).equals(key.bytes)
        else { return nil }
        servedCount += 1
        return current.pointee
    }

    /// The value that `find` has returned.
    func payload(_ found: Found) -> Bytes { portion!.payload(found) }

    /// A key has left the hot tier; its newest record is committed.
    func noteLeave(_ hash: UInt64) {
        let count = leaveCount.load(ordering: .relaxed) + 1
        lastLeave[bucket(hash)] = count
        leaveCount.store(count, ordering: .releasing)
    }

    private func bucket(_ hash: UInt64) -> Int { Int(hash >> UInt64(64 - ReplayAhead.leaveBits)) }

    // MARK: The thread's

    private func run() {
        // What is wrong with the log the replay will find, too.
        guard var reader = try? makeReader() else {
            return monitor.withLock {
                isAtEnd = true
                monitor.notifyAll()
            }
        }
        var number = 0
        while let portion = takeIdle() {
            portion.begin(at: number)
            let more = (try? fill(portion, &reader)) ?? false
            number += portion.count
            lookUp(portion)
            monitor.withLock {
                ready.append(portion)
                isAtEnd = !more
                monitor.notifyAll()
            }
            if !more { return }
        }
    }

    private func takeIdle() -> Portion? {
        monitor.withLock {
            while idle.isEmpty, !isStopping { monitor.wait() }
            return isStopping ? nil : idle.removeLast()
        }
    }

    /// Reads effects of the log until the portion is full; false when the log ends.
    private func fill(
        _ portion: Portion, _ reader: inout LogReader
    ) throws(LogError) -> Bool {
        let namespaces: [UInt32] = monitor.withLock { self.namespaces }
        while portion.count < Portion.effectsMax {
            guard let command = try reader.next() else { return false }
            var found = Found()
            found.endLSN = command.endLSN
            let arguments = Arguments(command.arguments)
            if command.database < namespaces.count,
                let index = engine.commands.find(arguments[0]),
                let place = engine.commands.keyOfEffect(index, arguments)
            {
                let key = arguments[place]
                found.namespace = namespaces[command.database]
                found.hash = engine.secret.hash(key)
                if let start = portion.keep(key) {
                    found.keyStart = start
                    found.keyCount = UInt32(key.count)
                    found.replaces = Engine.stringThatReplaces(arguments) != nil
                    found.state = .wanted
                }
            }
            portion.effects[portion.count] = found
            portion.count += 1
        }
        return true
    }

    private func isPassed(_ portion: Portion) -> Bool {
        !isAwaited && reached.load(ordering: .relaxed) >= portion.first
    }

    /// Looks the keys up, in the order of their records, until the replay comes to them: then both
    /// would read the same. What cannot be read that way is read in place, which reports why.
    private func lookUp(_ portion: Portion) {
        portion.stamp = leaveCount.load(ordering: .acquiring)
        let effects = portion.effects
        let order = (0..<portion.count).filter { effects[$0].state == .wanted }
            .map { (hash: effects[$0].hash, index: $0) }.sorted { $0.hash < $1.hash }
        try? store.withLookUps { lookUps in
            for (place, (hash, index)) in order.enumerated() {
                if place & 15 == 0, isPassed(portion) { return }
                let found = effects + index
                // Where records may be newer than the effect, their positions must be right.
                let checked = !found.pointee.replaces || found.pointee.endLSN <= guardedLSN
                try lookUps.peek(
                    found.pointee.namespace, hash, portion.key(found.pointee), checked: checked
                ) { portion.note($0, $1, in: found) }
            }
        }
    }
}

extension ReplayAhead.Portion {
    /// Takes what a look-up has found; the record is nil if there is none.
    fileprivate func note(
        _ record: ColdRecord?, _ isTombstone: Bool,
        in found: UnsafeMutablePointer<ReplayAhead.Found>
    ) {
        guard let record else {
            found.pointee.state = .absent
            return
        }
        found.pointee.recordLSN = record.lsn
        if isTombstone {
            found.pointee.state = .tombstone
            return
        }
        found.pointee.type = record.type
        found.pointee.access = record.access
        found.pointee.expiry = record.expiry
        if !found.pointee.replaces {
            guard let start = keep(record.payload) else { return }
            found.pointee.payloadStart = start
            found.pointee.payloadCount = UInt32(record.payload.count)
        }
        found.pointee.state = .live
    }
}
