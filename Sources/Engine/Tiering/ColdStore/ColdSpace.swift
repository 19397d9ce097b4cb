// How much room the cold tier has, and what that permits.
//
// Three things bound the data file: the quota (`cold-max-bytes`), the address space of the map,
// and the disk, which the log shares. What counts against them are the pages in use; free pages
// of the file are used again first. The narrowest of the three decides.
//
// A reserve is kept below the limit, in two halves. When room falls below the reserve, values no
// longer spill: what is left is for batches that are under way, for checkpoints, for deletions,
// and for the merges that turn deletions into room. When it falls below half of it, checkpoints
// stop as well and commands that need memory are refused. Nothing has to be done when room
// returns: it is measured again.
//
// The log cannot use the data file's free pages, and the file never shrinks. So the file leaves
// a reserve of its own to the log. When the log has come into that, a checkpoint shortens it;
// when half of it is used, commands that need memory are refused, so that deletions can still
// be logged.

import Glibc
import LMDB

/// The room of a store at one moment.
package struct ColdSpace: Sendable, Equatable {
    package enum Level: Sendable {
        case ample
        /// Values do not spill.
        case short
        /// Only deletions are committed.
        case full
    }

    /// What bounds the room.
    package enum Bound: Sendable {
        case quota, map, disk
    }

    package var level = Level.ample
    package var bound = Bound.disk
    /// Bytes of the data file's pages in use.
    package var usedBytes = 0
    /// Bytes that may still be added, the reserve included.
    package var roomBytes = Int.max
    /// Of these, what values may not use.
    package var reserveBytes = 0
    /// The same for the log.
    package var logLevel = Level.ample
    package var logRoomBytes = Int.max
    package var logReserveBytes = 0

    static let reserveBytesMin = 1 << 20
    static let logReserveBytesMin = 4 << 20
    static let reserveBytesMax = 256 << 20

    package init() {}

    /// - Parameters:
    ///   - freeBytes: free pages of the data file that can be used again.
    ///   - disk: what the file system has left and its size; nil when it does not say.
    init(
        usedBytes: Int, freeBytes: Int, quotaRoom: Int?, mapRoom: Int, disk: DiskRoom?,
        last: ColdSpace
    ) {
        self.usedBytes = usedBytes
        bound = .map
        roomBytes = mapRoom
        if let quotaRoom, quotaRoom < roomBytes { (bound, roomBytes) = (.quota, quotaRoom) }
        if let disk {
            logRoomBytes = disk.freeBytes
            logReserveBytes = Swift.min(
                Swift.max(disk.totalBytes / 16, ColdSpace.logReserveBytesMin),
                ColdSpace.reserveBytesMax)
            logLevel = ColdSpace.level(logRoomBytes, logReserveBytes, last.logLevel)
            let diskRoom = freeBytes + Swift.max(disk.freeBytes - logReserveBytes, 0)
            if diskRoom < roomBytes { (bound, roomBytes) = (.disk, diskRoom) }
        }
        let total = usedBytes + Swift.max(roomBytes, 0)
        reserveBytes = Swift.min(
            Swift.max(total / 16, ColdSpace.reserveBytesMin), ColdSpace.reserveBytesMax)
        level = ColdSpace.level(roomBytes, reserveBytes, last.level)
    }

    /// What has become short must have a little more before it counts as ample again.
    private static func level(_ room: Int, _ reserve: Int, _ last: Level) -> Level {
        if room >= (last == .ample ? reserve : reserve / 4 * 5) { return .ample }
        return room >= (last == .full ? reserve / 8 * 5 : reserve / 2) ? .short : .full
    }

    /// So much of the reserve one batch, or one step of a merge, may take.
    var portionBytesMax: Int { Swift.max(reserveBytes / 16, 64 << 10) }

    /// So ample that measuring now and then is enough.
    var isVast: Bool {
        level == .ample && roomBytes - reserveBytes > 1 << 30
            && logRoomBytes - logReserveBytes > 1 << 30
    }

    /// The worse of the two levels.
    package var worst: Level {
        if level == .full || logLevel == .full { return .full }
        return level == .short ? .short : logLevel
    }

    /// What there is too little of.
    package var reason: String {
        switch (worst, level, bound) {
        case (.ample, _, _): ""
        case (_, .ample, _), (_, _, .disk): "the disk is nearly full"
        case (_, _, .quota): "cold-max-bytes is reached"
        case (_, _, .map): "the cold tier's map is full"
        }
    }
}

/// What a file system has.
package struct DiskRoom: Sendable {
    package var freeBytes: Int
    package var totalBytes: Int
}

extension ColdStore {
    private static let vastIntervalUs: Int64 = 200_000

    /// The room as it was measured last. Any thread.
    package var space: ColdSpace { state.withLock { spaceNow } }

    /// `cold-max-bytes`; 0: no quota. Any thread.
    package var quotaBytes: Int {
        get { state.withLock { quotaBytesNow } }
        set {
            state.withLock {
                quotaBytesNow = newValue
                measuredUs = 0
            }
        }
    }

    /// Measures the room, unless it was vast a moment ago. Any thread; O(entries of LMDB's free
    /// list).
    package func measureSpace() {
        let now = Clock.monotonicUs()
        let isDue = state.withLock {
            if spaceNow.isVast, measuredUs > 0, now - measuredUs < ColdStore.vastIntervalUs {
                return false
            }
            measuredUs = now
            return true
        }
        let environment = self.environment
        let oldest = environment.oldestReader ?? .max
        guard isDue,
            let free = try? withReader({ try $0.transaction.view.freePages(upTo: oldest) })
        else { return }
        let info = environment.info
        let fileBytes = (info.lastPage + 1) * info.pageBytes
        let usedBytes = fileBytes - free.all * info.pageBytes
        // Pages that a long reader still sees are free, but of no use yet.
        let freeBytes = free.usable * info.pageBytes
        let disk = diskRoom
        state.withLock {
            commitTimes.forget(upTo: oldest)
            spaceNow = ColdSpace(
                usedBytes: usedBytes, freeBytes: freeBytes,
                quotaRoom: quotaBytesNow > 0 ? quotaBytesNow - usedBytes : nil,
                mapRoom: info.mapBytes - fileBytes + freeBytes, disk: disk, last: spaceNow)
        }
    }

    /// What the disk has now; nil when the file system does not say.
    var diskRoom: DiskRoom? { options.diskRoom?() ?? ColdStore.diskRoom(directory) }

    private static func diskRoom(_ directory: String) -> DiskRoom? {
        var facts = statvfs()
        guard statvfs(directory, &facts) == 0 else { return nil }
        func bytes(_ blocks: some BinaryInteger) -> Int {
            let (bytes, overflow) = Int(clamping: blocks)
                .multipliedReportingOverflow(by: Int(clamping: facts.f_frsize))
            return overflow ? .max >> 1 : Swift.min(bytes, .max >> 1)
        }
        return DiskRoom(freeBytes: bytes(facts.f_bavail), totalBytes: bytes(facts.f_blocks))
    }
}
