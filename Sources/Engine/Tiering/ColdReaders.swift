// Threads that read cold records, so that a client waits for the disk and nobody else does.
//
// A pipeline's keys come as one job, in the order in which they are stored. A thread takes a few
// keys of the job at the head of the queue and puts the rest of it behind the others, so that
// jobs take turns: a client that asks for many cold keys delays others by a few reads.

import Synchronization

/// The pool of reading threads.
final class ColdReaders: @unchecked Sendable {
    /// Keys that a thread reads before another job has its turn, and before it delivers.
    static let portionMax = 32

    private final class Job {
        let fetches: [ColdFetch]
        var next = 0

        init(_ fetches: [ColdFetch]) { self.fetches = fetches }
    }

    private let store: ColdStore
    private let deliver: @Sendable (ArraySlice<ColdFetch>, [FetchOutcome]) -> Void
    private let monitor = Monitor()
    /// Nil where a job was taken out: what it has read may be large, and somebody else's by then.
    private var queue: [Job?] = []
    private var head = 0
    private var isStopping = false
    private var threads: [BackgroundThread] = []
    /// What a read is taken for until some were timed: as slow as one of the disk's.
    private static let presumedUs = 100
    /// Microseconds a read, a moving average in 1/16; atomic, because several threads add.
    private let averageUs16 = Atomic(ColdReaders.presumedUs * 16)

    /// `deliver` is called on the reading threads with what a few fetches came to.
    init(
        _ store: ColdStore, threads count: Int,
        deliver: @escaping @Sendable (ArraySlice<ColdFetch>, [FetchOutcome]) -> Void
    ) {
        self.store = store
        self.deliver = deliver
        for _ in 0..<Swift.max(count, 1) {
            threads.append(BackgroundThread { [self] in run() })
        }
    }

    /// Jobs that wait for a thread.
    var queueLength: Int { monitor.withLock { queue.count - head } }
    /// Microseconds that a read takes of late.
    var averageUs: Int { averageUs16.load(ordering: .relaxed) / 16 }

    /// Notes how long a read by a thread took.
    func noteReadTime(microseconds: Int) {
        let old = averageUs16.load(ordering: .relaxed)
        averageUs16.store(old + microseconds - old / 16, ordering: .relaxed)
    }

    /// What reads took before says nothing of those to come. While reads are made elsewhere nothing
    /// is timed here, and an old average would send them away for ever.
    func forgetAverage() {
        averageUs16.store(ColdReaders.presumedUs * 16, ordering: .relaxed)
    }

    /// Queues the keys of one pipeline. Never waits.
    func submit(_ fetches: [ColdFetch]) {
        monitor.withLock {
            queue.append(Job(fetches))
            monitor.notifyAll()
        }
    }

    func stop() {
        monitor.withLock {
            isStopping = true
            monitor.notifyAll()
        }
        for thread in threads { thread.join() }
        threads = []
    }

    private func run() {
        while let portion = take() {
            let start = Clock.monotonicUs()
            let outcomes = portion.map(read)
            noteReadTime(microseconds: Int(Clock.monotonicUs() - start) / portion.count)
            deliver(portion, outcomes)
        }
    }

    private func take() -> ArraySlice<ColdFetch>? {
        monitor.withLock {
            while head == queue.count && !isStopping { monitor.wait() }
            if isStopping { return nil }
            let job = queue[head]!
            queue[head] = nil
            head += 1
            let end = Swift.min(job.next + ColdReaders.portionMax, job.fetches.count)
            let portion = job.fetches[job.next..<end]
            job.next = end
            if end < job.fetches.count { queue.append(job) }
            if head > 64, head * 2 > queue.count {
                queue.removeFirst(head)
                head = 0
            }
            return portion
        }
    }

    private func read(_ fetch: ColdFetch) -> FetchOutcome {
        if fetch.isForgotten.load(ordering: .acquiring) { return .failed }
        do {
            let record = try fetch.key.withUnsafeBytes { key in
                try store.read(namespace: fetch.namespace, hash: fetch.hash, key: key) { record in
                    FetchedRecord(
                        type: record.type, access: record.access, expiry: record.expiry,
                        payload: Array(record.payload))
                }
            }
            return .read(record)
        } catch {
            return .failed
        }
    }
}
