// Threads that read cold records, so that a client waits for the disk and nobody else does.
//
// A job is the cold keys of one connection's pipeline. Its records are copied out of the store
// and wait in the job until the connection executes again; they are good only as long as no
// batch has been committed since the job began (`epoch`), because a newer record may be there
// then. Whoever finds them void reads in place.

import Synchronization

/// The cold keys that a parked client waits for, and then their records.
final class FetchJob: @unchecked Sendable {
    struct Wanted {
        let namespace: UInt32
        let hash: UInt64
        let key: [UInt8]
    }

    struct Record {
        let type: UInt8
        let access: UInt32
        /// Unix milliseconds, or `ColdRecord.noExpiry`.
        let expiry: Int64
        let payload: [UInt8]
    }

    let wanted: [Wanted]
    /// The tier's epoch when the job was made.
    let epoch: UInt64
    /// By position in `wanted`; nil: there is no live record. Written by the reading thread,
    /// read under the engine's lock after `isDone`.
    fileprivate(set) var records: [Record?]
    /// Keys whose record could not be read: they are read in place, which reports why.
    fileprivate(set) var unread: Set<Int> = []
    private let done = Atomic(false)
    /// Lets the client go on; any thread.
    let resume: @Sendable () -> Void

    init(_ wanted: [Wanted], epoch: UInt64, resume: @escaping @Sendable () -> Void) {
        self.wanted = wanted
        self.epoch = epoch
        self.resume = resume
        records = Array(repeating: nil, count: wanted.count)
    }

    var isDone: Bool { done.load(ordering: .acquiring) }

    fileprivate func finish() {
        done.store(true, ordering: .releasing)
        resume()
    }

    /// Where `key` stands in the job, if it does. O(keys).
    func position(_ namespace: UInt32, _ key: Key) -> Int? {
        wanted.firstIndex { item in
            item.hash == key.hash && item.namespace == namespace
                && item.key.withUnsafeBytes { $0.equals(key.bytes) }
        }
    }
}

/// The pool of reading threads.
final class ColdReaders: @unchecked Sendable {
    private let store: ColdStore
    private let monitor = Monitor()
    private var queue: [FetchJob] = []
    private var head = 0
    private var isStopping = false
    private var threads: [BackgroundThread] = []
    /// Microseconds a read, a moving average in 1/16; atomic, because several threads add.
    private let averageUs16 = Atomic(0)

    init(_ store: ColdStore, threads count: Int) {
        self.store = store
        for _ in 0..<Swift.max(count, 1) {
            threads.append(BackgroundThread { [self] in run() })
        }
    }

    /// Jobs that wait for a thread.
    var queueLength: Int { monitor.withLock { queue.count - head } }
    /// Microseconds that a read takes of late.
    var averageUs: Int { averageUs16.load(ordering: .relaxed) / 16 }

    func submit(_ job: FetchJob) {
        monitor.withLock {
            queue.append(job)
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
        while let job = take() {
            let start = Clock.monotonicUs()
            read(job)
            let each = Int(Clock.monotonicUs() - start) / Swift.max(job.wanted.count, 1)
            let old = averageUs16.load(ordering: .relaxed)
            averageUs16.store(old + each - old / 16, ordering: .relaxed)
            job.finish()
        }
    }

    private func take() -> FetchJob? {
        monitor.withLock {
            while head == queue.count && !isStopping { monitor.wait() }
            if isStopping { return nil }
            let job = queue[head]
            head += 1
            if head == queue.count {
                queue.removeAll(keepingCapacity: true)
                head = 0
            }
            return job
        }
    }

    /// Reads all keys of a job in the order in which they are stored.
    private func read(_ job: FetchJob) {
        for (index, wanted) in job.wanted.enumerated() {
            do {
                job.records[index] = try wanted.key.withUnsafeBytes { key in
                    try store.read(
                        namespace: wanted.namespace, hash: wanted.hash, key: key
                    ) { record in
                        FetchJob.Record(
                            type: record.type, access: record.access, expiry: record.expiry,
                            payload: Array(record.payload))
                    }
                }
            } catch {
                job.unread.insert(index)
            }
        }
    }
}
