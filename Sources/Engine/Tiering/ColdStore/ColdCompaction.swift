// Compaction: the store moves into a new data file while it serves, and the old one's space comes back.
//
// A thread of its own makes the copy (StoreCopy.swift), a few megabytes a transaction; commits, reads
// and snapshots go on in the store. What is committed meanwhile is copied in further rounds, and each
// leaves less to the next. When little is left, the writer thread does the rest in one go, ahead of
// what is queued: nothing is committed meanwhile, so both files hold the same then, and the copy takes
// the store's place (ColdSwitch.swift). For commits that is a pause in which `lastBytesMax` are
// copied, metadata and one sync; clients notice nothing of it but a longer queue.
//
// Before that a merge of everything that is under way ends, because rows that are deleted are not worth
// copying; if the tombstones are more than an eighth of the rows, one is asked for. While the copy is
// made, the runs that it holds are not merged, newer ones are. When those become many all the same, or
// if the disk gets short, the compaction gives up and leaves nothing behind.
//
// The old file, without a name by then, is there until its last reader ends: a long snapshot keeps it.
// The compaction waits for that, to close the file on its own thread, and is in progress until then.

import Glibc
import LMDB
import Synchronization

/// Why a compaction was given up.
package enum CompactionError: Error, CustomStringConvertible {
    case aborted
    case noRoom(neededBytes: Int, freeBytes: Int)
    case shortOfRoom
    case noQuota(neededBytes: Int, freeBytes: Int)
    case outrun
    case unwritable(ColdError)

    package var description: String {
        switch self {
        case .aborted: "aborted"
        case .noRoom(let needed, let free):
            "not enough disk space for a second copy of the cold tier: \(needed) bytes are needed, "
                + "\(free) are free"
        case .shortOfRoom: "the disk is nearly full"
        case .noQuota(let needed, let free):
            "cold-max-bytes leaves no room for a second copy of the cold tier: \(needed) bytes are "
                + "needed, \(free) are free"
        case .outrun: "keys are spilled faster than the cold tier can be copied"
        case .unwritable(let error): error.description
        }
    }
}

/// How far a compaction is.
package struct CompactionProgress: Sendable {
    package enum Phase: Sendable {
        case merging, copying, closing
    }

    package var phase = Phase.merging
    package var doneBytes = 0
    package var totalBytes = 0
    /// By how much the data file has become smaller; known when the copy is in its place.
    package var freedBytes = 0
    /// How long nothing could be committed for it.
    package var pauseUs: Int64 = 0
}

/// One compaction of a store that has a writer.
package final class ColdCompaction: @unchecked Sendable {
    /// Runs newer than those that are being copied: beyond this it gives up.
    static let newRunsMax = 128
    /// So often a merge of everything is asked for, should more be deleted meanwhile.
    private static let mergeRequestsMax = 3

    private let store: ColdStore
    private let writer: ColdWriter
    private let lastBytesMax: Int
    private let bandwidth: @Sendable () -> Int

    private let monitor = Monitor()
    private var isAborted = false
    /// It is too late to abort: the copy takes the store's place.
    private var isOver = false
    private var progressNow = CompactionProgress()

    /// - Parameters:
    ///   - lastBytesMax: what the last round may copy while nothing is committed.
    ///   - bandwidth: bytes a second that are copied at most; 0: no limit.
    package init(
        _ store: ColdStore, _ writer: ColdWriter, lastBytesMax: Int = 16 << 20,
        bandwidth: @escaping @Sendable () -> Int = { 0 }
    ) {
        self.store = store
        self.writer = writer
        self.lastBytesMax = lastBytesMax
        self.bandwidth = bandwidth
    }

    package var progress: CompactionProgress { monitor.withLock { progressNow } }

    /// Gives it up, soon; false when it is too late. Any thread.
    package func abort() -> Bool {
        monitor.withLock {
            if isOver { return false }
            isAborted = true
            monitor.notifyAll()
            return true
        }
    }

    /// Also ends the wait for readers of the old file. Any thread.
    package func end() {
        monitor.withLock {
            isAborted = true
            monitor.notifyAll()
        }
    }

    /// Does it all, on the thread that calls; not the writer's.
    package func run() throws(CompactionError) {
        do {
            try store.checkRoomForCopy()
            try waitForMerging()
            close(try makeCopy())
        } catch let error as CompactionError {
            throw error
        } catch {
            throw .unwritable(ColdError(error))
        }
    }

    // MARK: before

    /// Returns when no merge is under way that a copy should wait for, and the runs are held.
    private func waitForMerging() throws {
        let failures = writer.stats.failures
        var requestsLeft = ColdCompaction.mergeRequestsMax
        while true {
            let isHeld = try onWriter { store in
                if store.isMergingAll { return false }
                // A merge that was under way has left out what was deleted since it began.
                if requestsLeft > 0, store.isMuchBuried {
                    requestsLeft -= 1
                    store.requestFullMerge()
                    return false
                }
                store.holdRuns()
                return true
            }
            if isHeld { return }
            let stats = writer.stats
            if stats.failures > failures, let error = stats.lastError { throw error }
            try pause(microseconds: 20_000)
        }
    }

    // MARK: the copy

    private func makeCopy() throws -> Environment {
        defer { store.releaseRuns() }
        do {
            try ColdStore.removeCopyFiles(store.directory)
            let copy = try StoreCopy(store, path: ColdStore.copyPath(store.directory))
            let startedUs = Clock.monotonicUs()
            while true {
                try copyAll(copy, startedUs)
                let former = try onWriter { [self] _ in try finish(copy) }
                if let former { return former }
                store.holdNewRuns()
            }
        } catch {
            try? ColdStore.removeCopyFiles(store.directory)
            throw error
        }
    }

    /// Copies until little is left.
    private func copyAll(_ copy: StoreCopy, _ startedUs: Int64) throws {
        while true {
            try checkAbort()
            try store.checkCopying()
            let hasCopied = try copy.step(writer.mergeStepBytes)
            try store.options.compactionStep?(.copied)
            let left = copy.bytesLeft
            monitor.withLock {
                progressNow.phase = .copying
                progressNow.doneBytes = copy.bytesDone
                progressNow.totalBytes = copy.bytesDone + left
            }
            if !hasCopied || left <= lastBytesMax / 2 { return }
            let rate = bandwidth()
            if rate > 0 {
                let dueUs = Double(copy.bytesDone) / Double(rate) * 1e6
                let aheadUs = Int64(dueUs) - (Clock.monotonicUs() - startedUs)
                if aheadUs > 0 { try pause(microseconds: aheadUs) }
            }
        }
    }

    /// The last round, on the writer thread; nil when too much is left for it. Otherwise the file
    /// that the store has left.
    private func finish(_ copy: StoreCopy) throws -> Environment? {
        if copy.bytesLeft > lastBytesMax { return nil }
        let startedUs = Clock.monotonicUs()
        store.abandonMerges { _ in true }
        while try copy.step(writer.mergeStepBytes) {}
        try copy.complete()
        try store.options.compactionStep?(.completed)
        let isTime = monitor.withLock {
            isOver = !isAborted
            return isOver
        }
        if !isTime { throw CompactionError.aborted }
        let former = store.environment
        let bytes = former.info.fileBytes - copy.environment.info.fileBytes
        do {
            try store.renameCopy()
        } catch {
            monitor.withLock { isOver = false }
            throw error
        }
        // What goes wrong from here on does not keep the store from going on in the new file.
        try? {
            try store.options.compactionStep?(.dataRenamed)
            try store.syncName()
        }()
        _ = store.change(to: copy.environment)
        try? store.options.compactionStep?(.switched)
        store.measureSpace()
        monitor.withLock {
            progressNow.pauseUs = Clock.monotonicUs() - startedUs
            progressNow.phase = .closing
            progressNow.doneBytes = copy.bytesDone
            progressNow.totalBytes = copy.bytesDone
            progressNow.freedBytes = bytes
        }
        return former
    }

    // MARK: after

    /// Waits for the readers of the old file and closes it, unless `end` comes before.
    private func close(_ former: consuming Environment) {
        var former = Optional(former)
        while !isKnownUniquelyReferenced(&former!) {
            let isEnded = monitor.withLock {
                if !isAborted { monitor.wait(microseconds: 20_000) }
                return isAborted
            }
            if isEnded { return }
        }
        former = nil
    }

    // MARK: waiting

    private func checkAbort() throws(CompactionError) {
        if monitor.withLock({ isAborted }) { throw .aborted }
    }

    private func pause(microseconds: Int64) throws {
        try store.checkCopying()
        let end = Clock.monotonicUs() + microseconds
        try monitor.withLock {
            while true {
                if isAborted { throw CompactionError.aborted }
                let left = end - Clock.monotonicUs()
                if left <= 0 { return }
                monitor.wait(microseconds: left)
            }
        }
    }

    /// Has the writer thread do something, next, and waits for it. What has not begun when the
    /// compaction is aborted does not begin any more.
    private func onWriter<R>(_ body: @escaping (ColdStore) throws -> R) throws -> R {
        let errand = Errand(body)
        let isTaken = writer.perform(isNext: true) { [self] store in
            let begins = monitor.withLock {
                guard case .waiting = errand.state else { return false }
                errand.state = .begun
                return true
            }
            if !begins { return }
            let result = Result { try errand.body(store) }
            monitor.withLock {
                errand.state = .done(result)
                monitor.notifyAll()
            }
        }
        if !isTaken { throw CompactionError.aborted }
        return try monitor.withLock {
            while true {
                switch errand.state {
                case .done(let result): return try result.get()
                case .waiting where isAborted:
                    errand.state = .cancelled
                    throw CompactionError.aborted
                default: monitor.wait()
                }
            }
        }
    }
}

/// Something that the writer thread is to do. Behind the compaction's monitor.
private final class Errand<R>: @unchecked Sendable {
    enum State {
        case waiting, begun, cancelled
        case done(Result<R, any Error>)
    }

    let body: (ColdStore) throws -> R
    var state = State.waiting

    init(_ body: @escaping (ColdStore) throws -> R) { self.body = body }
}

extension EnvironmentInfo {
    fileprivate var fileBytes: Int { (lastPage + 1) * pageBytes }
}

extension ColdStore {
    private static let buriedShare = 8

    /// Whether so many rows are tombstones that the rows which they hide are worth a merge of
    /// everything. Writer thread only.
    fileprivate var isMuchBuried: Bool {
        let runs = current.runs
        let tombstones = current.runsAboveBases.reduce(0) { $0 + $1.info.tombstones }
        let rows = runs.reduce(0) { $0 + $1.info.records }
        return tombstones > 0 && tombstones * ColdStore.buriedShare >= rows
    }

    /// Whether a merge is under way or asked for that a copy should wait for, or must: one that
    /// consumes its sources changes runs. Writer thread only.
    fileprivate var isMergingAll: Bool {
        if merges.contains(where: { $0.isBottom || $0.consumes }) { return true }
        return state.withLock { fullMergeWanted } && !current.runs.isEmpty
            || current.runs.contains { $0.info.id < renewBelow }
    }

    /// Holds the runs that there are. Writer thread only.
    fileprivate func holdRuns() {
        archiveChanges = []
        state.withLock {
            compaction.archiveTouches = []
            compaction.heldRecency = current.newestRecency
        }
    }

    /// Holds those that were made meanwhile, too.
    fileprivate func holdNewRuns() {
        state.withLock { compaction.heldRecency = current.newestRecency }
    }

    /// Lets go of them, and of the archive's notes.
    fileprivate func releaseRuns() {
        state.withLock {
            compaction.heldRecency = nil
            compaction.archiveTouches = []
        }
    }

    /// Throws unless there is room for a second copy. Any thread.
    package func checkRoomForCopy() throws(CompactionError) {
        let space = self.space
        let quota = quotaBytes
        if quota > 0, quota - space.usedBytes < space.usedBytes {
            throw .noQuota(
                neededBytes: space.usedBytes, freeBytes: max(quota - space.usedBytes, 0))
        }
        let free = freeDiskBytes(space)
        if free < space.usedBytes {
            throw .noRoom(neededBytes: space.usedBytes, freeBytes: free)
        }
    }

    /// Throws when a copy in the making endangers others: their room on the disk, or the number of
    /// runs.
    fileprivate func checkCopying() throws(CompactionError) {
        if freeDiskBytes(space) == 0 { throw .shortOfRoom }
        let newRuns = state.withLock {
            guard let held = compaction.heldRecency else { return 0 }
            return current.newerLayers(than: held)
        }
        if newRuns > ColdCompaction.newRunsMax { throw .outrun }
    }

    /// What the disk has beyond the reserves of the log and of the store.
    private func freeDiskBytes(_ space: ColdSpace) -> Int {
        guard let disk = diskRoom else { return .max }
        return max(disk.freeBytes - space.logReserveBytes - space.reserveBytes, 0)
    }
}
