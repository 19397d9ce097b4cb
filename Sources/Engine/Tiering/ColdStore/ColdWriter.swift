// The cold writer: the one thread that commits and merges.
//
// It takes batches from a bounded queue, in order. For each: the caller's `beforeCommit` makes
// the log durable up to the batch's newest position (log before data), the batch is committed,
// `afterCommit` lets the engine drop what is now safe in the cold tier. Between commits it does
// as much merging as keeps pace with spilling, in bounded transactions, and never more for what
// it could not do earlier; when idle it merges until nothing is due.
//
// A batch that cannot be committed, because the disk is full or the log cannot be synced, stays
// at the head of the queue and is tried again every `retryMs`; the error is in `stats` until a
// commit succeeds. Nothing is lost: until `afterCommit` the engine keeps the values in memory.

import Glibc
import LMDB
import Synchronization

/// What the writer calls, on its thread.
package struct ColdWriterHooks {
    /// Makes the log durable up to this position; throws to have the batch tried again later.
    package var beforeCommit: @Sendable (UInt64) throws -> Void
    /// The batch is durable and visible.
    package var afterCommit: @Sendable (ColdBatch) -> Void

    package init(
        beforeCommit: @escaping @Sendable (UInt64) throws -> Void = { _ in },
        afterCommit: @escaping @Sendable (ColdBatch) -> Void = { _ in }
    ) {
        self.beforeCommit = beforeCommit
        self.afterCommit = afterCommit
    }
}

/// The state of the writer at one moment.
package struct ColdWriterStats: Sendable {
    package var queuedBatches = 0
    package var queuedBytes = 0
    package var committedBatches = 0
    package var lastCommitMicroseconds = 0
    package var maxCommitMicroseconds = 0
    package var totalCommitMicroseconds = 0
    /// The newest log position that is in the cold tier.
    package var committedLSN: UInt64 = 0
    /// Why the head of the queue, or merging, is stuck; nil when it is not.
    package var lastError: ColdError?
    package var failures = 0
}

/// Owns the writer thread of a store.
package final class ColdWriter: @unchecked Sendable {
    private enum Item {
        case batch(ColdBatch)
        case work(@Sendable (ColdStore) throws -> Void)
    }

    package let store: ColdStore
    private let hooks: ColdWriterHooks
    private let queueBytesMax: Int
    private let retryMs: Int
    private let mergeStep: Atomic<Int>
    private let durableCommits: Bool

    private let latch = Monitor()
    private var queue: [Item] = []
    /// Work that goes before the queue.
    private var urgent: [@Sendable (ColdStore) throws -> Void] = []
    private var inFlight = false
    private var stopping = false
    private var finished = false
    private var figures = ColdWriterStats()
    private var thread: BackgroundThread?
    private let stuck = Atomic(false)
    private let full = Atomic(false)

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - queueBytesMax: batches beyond this are refused while others wait.
    ///   - retryMs: pause before a failed commit is tried again.
    ///   - mergeStepBytes: what one merge transaction may write.
    ///   - durableCommits: whether `afterCommit` means that an operating-system crash cannot undo
    ///     the batch. With false the last commit may be undone (never half of it), which is safe
    ///     while the log still holds the batch's effects: `ColdStore.sync` before it is cut.
    package init(
        store: ColdStore, hooks: ColdWriterHooks, queueBytesMax: Int = 64 << 20,
        retryMs: Int = 200, mergeStepBytes: Int = ColdWriter.mergeStepBytesMax,
        durableCommits: Bool = true
    ) {
        self.store = store
        self.hooks = hooks
        self.queueBytesMax = queueBytesMax
        self.retryMs = retryMs
        mergeStep = Atomic(mergeStepBytes)
        self.durableCommits = durableCommits
        // A read-only store has nothing to commit or merge.
        if store.options.readOnly { return }
        thread = BackgroundThread { [unowned(unsafe) self] in run() }
    }

    deinit { stop() }

    package static let mergeStepBytesMax = 16 << 20
    private static let mergeStepBytesMin = 1 << 20

    /// What one merge transaction may write. Its pages are in memory until it commits.
    var mergeStepBytes: Int { mergeStep.load(ordering: .relaxed) }

    /// Has the steps of merges fit a memory budget; 0: there is none. Any thread.
    package func adapt(toBudget bytes: Int) {
        let share = bytes > 0 ? bytes / 32 : .max
        mergeStep.store(
            min(max(share, ColdWriter.mergeStepBytesMin), ColdWriter.mergeStepBytesMax),
            ordering: .relaxed)
    }

    /// Whether `submit` would take a batch now.
    package var hasRoom: Bool { latch.withLock { figures.queuedBytes < queueBytesMax } }

    /// Whether the batch at the head of the queue could not be committed.
    package var isStuck: Bool { stuck.load(ordering: .relaxed) }

    /// Whether that was for want of room.
    package var isFull: Bool { full.load(ordering: .relaxed) }

    package var stats: ColdWriterStats { latch.withLock { figures } }

    /// Queues a batch and never waits; false when the queue is full (the caller keeps the batch)
    /// or the writer is stopping. A batch larger than the queue is taken when it is empty.
    package func submit(_ batch: ColdBatch) -> Bool {
        latch.withLock {
            if stopping || figures.queuedBytes >= queueBytesMax { return false }
            queue.append(.batch(batch))
            figures.queuedBatches += 1
            figures.queuedBytes += batch.byteCount
            latch.notifyAll()
            return true
        }
    }

    /// Queues work for the writer thread, such as trimming the archive; it is tried once. False
    /// when the writer is stopping.
    ///
    /// - Parameter isNext: goes before everything that is queued, a batch that cannot be committed
    ///   included.
    @discardableResult
    package func perform(
        isNext: Bool = false, _ work: @escaping @Sendable (ColdStore) throws -> Void
    ) -> Bool {
        latch.withLock {
            if stopping { return false }
            if isNext { urgent.append(work) } else { queue.append(.work(work)) }
            latch.notifyAll()
            return true
        }
    }

    /// Waits until everything queued before is done; false when a commit keeps failing for
    /// `timeoutMs`.
    @discardableResult
    package func drain(timeoutMs: Int = .max) -> Bool {
        latch.withLock {
            var waited = 0
            while !queue.isEmpty || !urgent.isEmpty || inFlight {
                if waited >= timeoutMs { return false }
                latch.wait(microseconds: 20_000)
                waited += 20
            }
            return true
        }
    }

    /// Commits what is queued and ends the thread. Batches that cannot be committed, after one
    /// more attempt, are returned: the log still holds what is in them.
    @discardableResult
    package func stop() -> [ColdBatch] {
        let thread: BackgroundThread? = latch.withLock {
            stopping = true
            latch.notifyAll()
            defer { self.thread = nil }
            return self.thread
        }
        thread?.join()
        return latch.withLock {
            queue.compactMap { if case .batch(let batch) = $0 { batch } else { nil } }
        }
    }

    // MARK: the thread

    private enum Turn {
        case urgent(@Sendable (ColdStore) throws -> Void)
        case item(Item)
        case idle
        case end
    }

    private func run() {
        while true {
            switch take() {
            case .end: return
            case .urgent(let work):
                perform(work)
                latch.withLock {
                    inFlight = false
                    latch.notifyAll()
                }
            case .item(.work(let work)):
                perform(work)
                complete()
            case .item(.batch(let batch)):
                if commit(batch) {
                    complete()
                    keepPace(batch.byteCount)
                } else {
                    // Merging may make the room that is missing.
                    if isFull { _ = mergeOnce(mergeStepBytes) }
                    if !pause() { return }
                }
            case .idle:
                store.measureSpace()
                if !mergeOnce(mergeStepBytes) { waitForWork() }
            }
        }
    }

    /// Merges as much as the commit of `bytes` makes necessary, in bounded transactions. Each
    /// record is merged once per level, of which there are two or three: three times what was
    /// committed keeps the runs few. Where they have become many all the same, more.
    private func keepPace(_ bytes: Int) {
        var left = bytes * (store.isCrowded ? 6 : 3)
        while left > 0, mergeOnce(min(left, mergeStepBytes)) { left -= mergeStepBytes }
    }

    private func perform(_ work: (ColdStore) throws -> Void) {
        do { try work(store) } catch { note(ColdError(error)) }
    }

    /// What is urgent, or the head of the queue, which stays there until `complete`.
    private func take() -> Turn {
        latch.withLock {
            if !urgent.isEmpty {
                inFlight = true
                return .urgent(urgent.removeFirst())
            }
            guard let head = queue.first else { return stopping ? .end : .idle }
            inFlight = true
            return .item(head)
        }
    }

    private func complete() {
        latch.withLock {
            if case .batch(let batch) = queue.removeFirst() {
                figures.queuedBatches -= 1
                figures.queuedBytes -= batch.byteCount
            }
            inFlight = false
            latch.notifyAll()
        }
    }

    private func waitForWork() {
        latch.withLock {
            if queue.isEmpty && urgent.isEmpty && !stopping { latch.wait(microseconds: 1_000_000) }
        }
    }

    /// After a failure: false when the writer is to end.
    private func pause() -> Bool {
        latch.withLock {
            inFlight = false
            latch.notifyAll()
            if stopping { return false }
            if urgent.isEmpty { latch.wait(microseconds: Int64(retryMs) * 1000) }
            return true
        }
    }

    private func commit(_ batch: ColdBatch) -> Bool {
        let start = ColdWriter.microseconds()
        do {
            try hooks.beforeCommit(batch.newestLSN)
            try store.commit(batch, durable: durableCommits)
        } catch {
            let error = ColdError(error)
            note(error)
            full.store(error.isFull, ordering: .relaxed)
            stuck.store(true, ordering: .relaxed)
            return false
        }
        full.store(false, ordering: .relaxed)
        stuck.store(false, ordering: .relaxed)
        let took = ColdWriter.microseconds() - start
        latch.withLock {
            figures.committedBatches += 1
            figures.lastCommitMicroseconds = took
            figures.maxCommitMicroseconds = max(figures.maxCommitMicroseconds, took)
            figures.totalCommitMicroseconds += took
            figures.committedLSN = max(figures.committedLSN, batch.newestLSN)
            figures.lastError = nil
        }
        hooks.afterCommit(batch)
        return true
    }

    /// One merge step; false when none is due or it failed.
    private func mergeOnce(_ bytes: Int) -> Bool {
        do {
            return try store.mergeStep(budgetBytes: bytes)
        } catch {
            note(error)
            return false
        }
    }

    private func note(_ error: ColdError) {
        latch.withLock {
            figures.lastError = error
            figures.failures += 1
        }
    }

    private static func microseconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    }
}
