// A lock with a condition, and threads: what background work needs of the system.
//
// Blocking here is for background threads (log syncing, the cold writer) and for short
// critical sections; the engine's lock never waits on a condition.

import Glibc

/// A mutex and one condition variable, whose timeouts are monotonic.
package final class Monitor: @unchecked Sendable {
    // Their addresses must not change, so they live on the heap.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` while holding the lock. Not reentrant.
    @inline(__always)
    package func withLock<Result, Failure>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Inside `withLock`: sleeps until notified, or until `microseconds` have passed. May wake
    /// for no reason; the caller checks its condition again.
    package func wait(microseconds: Int64? = nil) {
        guard let microseconds else {
            pthread_cond_wait(condition, mutex)
            return
        }
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let nanoseconds = Int64(until.tv_nsec) + max(microseconds, 0) * 1000
        until.tv_sec += Int(nanoseconds / 1_000_000_000)
        until.tv_nsec = Int(nanoseconds % 1_000_000_000)
        pthread_cond_timedwait(condition, mutex, &until)
    }

    /// Wakes everyone who waits.
    package func notifyAll() { pthread_cond_broadcast(condition) }
}

/// A joinable system thread that runs one closure.
package final class BackgroundThread: @unchecked Sendable {
    private var thread = pthread_t()

    /// Starts the thread. A `patient` one gives way to the others when they want its core: work
    /// that nobody waits for, such as a snapshot, does not show in the latency of commands then.
    /// Throws when the system has none to spare.
    package init(
        patient: Bool, _ body: @escaping @Sendable () -> Void
    ) throws(IOError) {
        let failure = start(ThreadStart(patient, body))
        if failure != 0 { throw IOError(errno: failure, operation: "start", path: "a thread") }
    }

    /// Starts a thread that a server cannot be without: ends the process if there is none.
    package init(_ body: @escaping @Sendable () -> Void) {
        let failure = start(ThreadStart(false, body))
        if failure != 0 {
            fatalError("cannot start a thread: \(String(cString: strerror(failure)))")
        }
    }

    private func start(_ start: ThreadStart) -> CInt {
        let start = Unmanaged.passRetained(start)
        let failure = pthread_create(
            &thread, nil,
            { raw in
                let start = Unmanaged<ThreadStart>.fromOpaque(raw!).takeRetainedValue()
                // Linux: of this thread alone. It may fail; that costs latency only.
                if start.patient { setpriority(CInt(PRIO_PROCESS.rawValue), 0, patientNice) }
                start.body()
                return nil
            }, start.toOpaque())
        if failure != 0 { start.release() }
        return failure
    }

    /// Waits for the closure to return. Once.
    package func join() { pthread_join(thread, nil) }
}

/// A tenth of a usual thread's weight.
private let patientNice: CInt = 10

private final class ThreadStart {
    let patient: Bool
    let body: @Sendable () -> Void
    init(_ patient: Bool, _ body: @escaping @Sendable () -> Void) {
        self.patient = patient
        self.body = body
    }
}
