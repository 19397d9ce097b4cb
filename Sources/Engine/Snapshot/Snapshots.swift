// SAVE, BGSAVE and save points: when snapshots are made, and what is told of them.

/// Figures and state of snapshots. Engine lock.
struct SnapshotState {
    /// The one that is being written: `dump.rdb`, or a base of the log (Log/Rewriting.swift).
    var job: SnapshotJob?
    /// The thread of a job, perhaps of an abandoned one, has not ended.
    var threadIsRunning = false
    /// BGSAVE SCHEDULE, or a snapshot that became void: make one when possible.
    var isScheduled = false
    var lastSaveMs: Int64 = 0
    var lastTryMs: Int64 = 0
    var lastError: String?
    var lastDurationMs: Int64 = -1
    var startedMs: Int64 = 0
    /// Changes when the running snapshot began: they are in it.
    var changesAtStart = 0
    var saves = 0
    /// Names temporary files.
    var fileCount = 0
}

extension Engine {
    /// Keeps what a running snapshot needs of a key that is about to change.
    @inline(never)
    func keepForSnapshot(_ key: Key, _ entry: Entry?) {
        guard let job = snapshots.job, !job.isVoid else { return }
        job.keep(key, entry)
    }

    /// The keyspace changes as a whole: a running snapshot is void and will be made anew.
    func snapshotMustRestart() {
        guard let job = snapshots.job else { return }
        job.isVoid = true
        snapshotIsRunning = false
        if !job.isBase { snapshots.isScheduled = true }
    }

    /// Whether `dump.rdb` is being written in the background.
    var isSavingSnapshot: Bool { snapshots.job.map { !$0.isBase } ?? false }

    var snapshotErrorRefusesWrites: Bool {
        snapshots.lastError != nil && configuration.stopWritesOnBgsaveError
            && !configuration.savePoints.isEmpty
    }

    /// Gives up a running snapshot: its file never takes its place.
    func abandonSnapshot() {
        snapshots.job?.isVoid = true
        snapshots.job = nil
        snapshotIsRunning = false
    }

    /// Starts a snapshot in the background; false if one is running, or it cannot start.
    @discardableResult
    func startSnapshot() -> Bool {
        guard snapshots.job == nil, !snapshots.threadIsRunning, let job = beginSnapshot() else {
            return false
        }
        let options = SnapshotOptions(self)
        do {
            try startSnapshotThread(patient: true) { [self] in
                var result: Result<Int, SnapshotError>
                do throws(SnapshotError) {
                    result = .success(try job.run(options) { body in withLock { body($0) } })
                } catch {
                    result = .failure(error)
                }
                withLock { engine in
                    engine.endSnapshot(job, result)
                    engine.snapshots.threadIsRunning = false
                }
            }
        } catch {
            logLine("Can't save in background: \(error)")
            endSnapshot(job, .failure(.io(error)))
            return false
        }
        return true
    }

    /// Gives a job its thread, which says when it has ended. The one before has done so.
    func startSnapshotThread(
        patient: Bool, _ body: @escaping @Sendable () -> Void
    ) throws(IOError) {
        snapshotThread?.join()
        snapshotThread = nil
        snapshotThread = try BackgroundThread(patient: patient, body)
        snapshots.threadIsRunning = true
    }

    /// SAVE: the snapshot is made before the call returns, with the lock held throughout. A base
    /// that is being written waits meanwhile: nothing changes that it would have to keep.
    func saveNow() throws(SnapshotError) {
        let base = snapshots.job.flatMap { $0.isBase ? $0 : nil }
        let isRunning = base != nil && snapshotIsRunning
        if base == nil { abandonSnapshot() }
        defer {
            snapshots.job = base
            snapshotIsRunning = isRunning
        }
        guard let job = beginSnapshot() else {
            throw .io(IOError(errno: 0, operation: snapshots.lastError ?? "start", path: ""))
        }
        do throws(SnapshotError) {
            let keys = try job.run(SnapshotOptions(self)) { $0(self) }
            endSnapshot(job, .success(keys))
        } catch {
            endSnapshot(job, .failure(error))
            throw error
        }
    }

    private func beginSnapshot() -> SnapshotJob? {
        snapshots.lastTryMs = nowMs
        snapshots.startedMs = nowMs
        snapshots.changesAtStart = stats.changesSinceSave
        do {
            let job = try SnapshotJob(self)
            snapshots.job = job
            snapshots.isScheduled = false
            snapshotIsRunning = true
            return job
        } catch {
            snapshots.lastError = error.description
            return nil
        }
    }

    private func endSnapshot(_ job: SnapshotJob, _ result: Result<Int, SnapshotError>) {
        // An abandoned job has nothing to say: another may be running.
        guard snapshots.job === job else { return }
        advanceClock()
        snapshots.job = nil
        snapshotIsRunning = false
        switch result {
        case .success:
            snapshots.lastError = nil
            snapshots.lastSaveMs = nowMs
            snapshots.lastDurationMs = nowMs - snapshots.startedMs
            snapshots.saves += 1
            stats.changesSinceSave -= snapshots.changesAtStart
        case .failure(.void): break
        case .failure(let error):
            snapshots.lastError = error.description
            snapshots.lastDurationMs = nowMs - snapshots.startedMs
        }
    }

    /// Starts the snapshot that a save point or BGSAVE SCHEDULE asks for. After a failure it
    /// is tried again every five seconds.
    func startDueSnapshot() {
        guard snapshots.job == nil, loading == nil else { return }
        if snapshots.isScheduled {
            startSnapshot()
            return
        }
        if snapshots.lastError != nil, nowMs - snapshots.lastTryMs < 5000 { return }
        for point in configuration.savePoints
        where stats.changesSinceSave >= point.changes
            && nowMs - snapshots.lastSaveMs > Int64(point.seconds) * 1000
        {
            startSnapshot()
            return
        }
    }
}
