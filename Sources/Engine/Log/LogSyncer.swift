// The thread that makes the log durable: once a second, and whenever somebody waits for it.
//
// Group commit: a request names a position; one sync serves every request up to the position
// that had been written when it started. While it runs further requests gather for the next.
// A position that has not been written yet (its effects still wait in a buffer) is looked at
// again every millisecond until it has been.

import Glibc

/// Runs `LogWriter.sync` on a thread of its own.
package final class LogSyncer: @unchecked Sendable {
    static let intervalUs: Int64 = 1_000_000
    static let retryUs: Int64 = 100_000
    /// With `everysec`, a sync that runs for longer holds up the replies of writes until it is
    /// done, as it holds up redis-server.
    static let stallUs: Int64 = 2_000_000
    static let unwrittenUs: Int64 = 1_000

    package let writer: LogWriter
    private let onSync: @Sendable (LSN, LogError?) -> Void
    private let monitor = Monitor()
    private var requested: LSN = 0
    private var syncRuns = false
    private var isStopping = false
    private var isComplete = false
    /// Counts attempts, so that `waitDurable` can tell a failure of its own time.
    private var attempts: UInt64 = 0
    private var failure: LogError?
    private var thread: BackgroundThread?
    private let isStepped: Bool

    /// Starts the thread. `onSync` is called on it after every sync, with the durable position
    /// and, if the sync failed, the error; it must not block. `isStepped`: there is no thread, the
    /// caller uses `step`. Throws when there is no thread to be had.
    package init(
        _ writer: LogWriter, isStepped: Bool = false,
        onSync: @escaping @Sendable (LSN, LogError?) -> Void = { _, _ in }
    ) throws(LogError) {
        self.writer = writer
        self.onSync = onSync
        self.isStepped = isStepped
        thread = nil
        if isStepped { return }
        do {
            thread = try BackgroundThread(patient: false) { [unowned self] in run() }
        } catch {
            throw .io(error)
        }
    }

    /// Asks for the log to become durable up to `lsn`; `onSync` tells when. Does not wait.
    package func requestSync(_ lsn: LSN) {
        monitor.withLock {
            if lsn > requested { requested = lsn }
            // Also for a position that is known: it may have been written only now.
            monitor.notifyAll()
        }
    }

    /// A sync is running: what is written now waits for the next. `onSync` comes after it has
    /// ended.
    package var isSyncing: Bool { monitor.withLock { syncRuns } }

    /// Waits until the log is durable up to `lsn`, syncing it if need be: log before data.
    /// Throws when a sync failed meanwhile. Background threads.
    package func waitDurable(_ lsn: LSN) throws(LogError) {
        if writer.syncedLSN >= lsn { return }
        if isStepped { step() }
        try monitor.withLock { () throws(LogError) in
            if lsn > requested { requested = lsn }
            monitor.notifyAll()
            let first = attempts
            while writer.syncedLSN < lsn {
                if isStepped, let failure { throw failure }
                if isStepped || isStopping || isComplete && lsn > writer.writtenLSN {
                    throw .io(
                        IOError(
                            errno: ECANCELED, operation: "sync", path: writer.files.directory))
                }
                if attempts > first, let failure { throw failure }
                monitor.wait()
            }
        }
    }

    /// Says that the log is whole: who waits for a position behind its end gets an error.
    package func noteEnd() {
        monitor.withLock {
            isComplete = true
            monitor.notifyAll()
        }
    }

    /// Syncs what has been written and ends the thread. Once, before the syncer is released.
    package func stop() {
        monitor.withLock {
            isStopping = true
            monitor.notifyAll()
        }
        if isStepped { step() }
        thread?.join()
        thread = nil
    }

    deinit { precondition(thread == nil, "LogSyncer released without stop()") }

    private func run() {
        var lastUs = writer.clock.monotonicUs()
        while true {
            let isLast = waitForWork(lastUs)
            let startedUs = writer.clock.monotonicUs()
            if step() { lastUs = startedUs }
            if isLast { return }
        }
    }

    /// Syncs what has been written, if anything has or the last sync failed.
    @discardableResult
    package func step() -> Bool {
        let isDue = monitor.withLock {
            syncRuns =
                failure != nil || writer.syncedLSN < writer.writtenLSN || writer.isRotationStuck
            return syncRuns
        }
        if !isDue { return false }
        var error: LogError?
        do { try writer.sync() } catch let caught { error = caught }
        monitor.withLock {
            attempts += 1
            syncRuns = false
            failure = error
            monitor.notifyAll()
        }
        onSync(writer.syncedLSN, error)
        return true
    }

    /// Sleeps until a sync is due; true when it is to be the last.
    private func waitForWork(_ lastUs: Int64) -> Bool {
        monitor.withLock {
            var mayRetryNow = failure == nil
            while !isStopping {
                let written = writer.writtenLSN
                let synced = writer.syncedLSN
                let sinceUs = writer.clock.monotonicUs() - lastUs
                if !mayRetryNow {
                    // After a failure the disk gets a moment, however urgent the request.
                    monitor.wait(microseconds: LogSyncer.retryUs)
                    mayRetryNow = true
                    if requested > synced || writer.policy != .no { return isStopping }
                    continue
                }
                if requested > synced && written > synced { return false }
                if written > synced && writer.policy == .everysec
                    && sinceUs >= LogSyncer.intervalUs
                {
                    return false
                }
                if writer.isRotationStuck && sinceUs >= LogSyncer.intervalUs { return false }
                if requested > synced {
                    monitor.wait(microseconds: LogSyncer.unwrittenUs)
                } else if written > synced && writer.policy == .everysec {
                    monitor.wait(microseconds: LogSyncer.intervalUs - sinceUs)
                } else {
                    monitor.wait(microseconds: LogSyncer.intervalUs)
                }
            }
            return true
        }
    }
}
