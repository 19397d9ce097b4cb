// Which namespace each database has, and had.
//
// A namespace is the first part of every cold key of a database. FLUSHDB gives the database a
// fresh one and SWAPDB exchanges two, in constant time; rows of a namespace that no database has
// any more go when runs are merged.
//
// The log is replayed from the last checkpoint on, through flushes and swaps that the stored
// mapping may know already. An effect must act on the namespace that its database had at the
// effect's own position, so the mapping is stored as a history: what it was at the checkpoint,
// and each change since, with its LSN. Replay starts with the oldest and, at a flush, takes the
// numbers that were given then, if they were stored, or fresh ones.

struct Namespaces: Equatable {
    struct Version: Equatable {
        /// Position after the effect that made it.
        var lsn: UInt64
        /// By database.
        var numbers: [UInt32]
    }

    /// Oldest first, never empty.
    private(set) var history: [Version]
    private(set) var next: UInt32

    init(databaseCount: Int) {
        history = [Version(lsn: 0, numbers: (1...UInt32(databaseCount)).map { $0 })]
        next = UInt32(databaseCount) + 1
    }

    var current: [UInt32] { history[history.count - 1].numbers }

    /// A number that no database ever had.
    mutating func fresh() -> UInt32 {
        defer { next += 1 }
        return next
    }

    /// Notes the mapping after an effect that ends at `lsn`.
    mutating func note(_ numbers: [UInt32], at lsn: UInt64) {
        if history[history.count - 1].lsn == lsn {
            history[history.count - 1].numbers = numbers
        } else {
            history.append(Version(lsn: lsn, numbers: numbers))
        }
    }

    /// Forgets versions that replay from `lsn` on cannot need.
    mutating func forget(before lsn: UInt64) {
        while history.count > 1, history[1].lsn <= lsn { history.removeFirst() }
    }

    /// The version in force at `lsn`.
    func version(at lsn: UInt64) -> Version {
        history.last { $0.lsn <= lsn } ?? history[0]
    }

    /// The stored numbers that the effect ending at `lsn` made, if it is known.
    func made(at lsn: UInt64) -> [UInt32]? { history.first { $0.lsn == lsn }?.numbers }

    /// Continues the mapping with fresh numbers, or cuts it: the server is started with another
    /// number of databases.
    mutating func resize(to databaseCount: Int) {
        let more = (current.count..<max(current.count, databaseCount)).map { _ in fresh() }
        for index in history.indices {
            history[index].numbers = Array((history[index].numbers + more).prefix(databaseCount))
        }
    }

    /// Position of the newest change that is remembered.
    var changedLSN: UInt64 { history[history.count - 1].lsn }

    /// Forgets versions from behind the log's end: changes that a crash took back.
    mutating func forget(after lsn: UInt64) {
        while history.count > 1, changedLSN > lsn { history.removeLast() }
    }

    /// The numbers that some version maps to, against all that were given once.
    var live: LiveNamespaces {
        LiveNamespaces(numbers: Set(history.flatMap(\.numbers)), next: next)
    }

    // MARK: Stored form: next u32, count u32, databases u32, then each version: lsn u64, numbers

    var encoded: [UInt8] {
        var out: [UInt8] = []
        func put<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { out.append(contentsOf: $0) }
        }
        put(next)
        put(UInt32(history.count))
        put(UInt32(current.count))
        for version in history {
            put(version.lsn)
            for number in version.numbers { put(number) }
        }
        return out
    }

    /// Nil when the bytes are not what `encoded` gives.
    init?(_ bytes: Bytes) {
        guard bytes.count >= 12 else { return nil }
        func u32(_ at: Int) -> UInt32 {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        }
        next = u32(0)
        let versions = Int(u32(4))
        let stored = Int(u32(8))
        guard versions > 0, stored > 0, stored <= 1 << 20, versions <= 1 << 24,
            bytes.count == 12 + versions * (8 + 4 * stored)
        else { return nil }
        history = []
        var at = 12
        for _ in 0..<versions {
            let lsn = UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            history.append(Version(lsn: lsn, numbers: (0..<stored).map { u32(at + 8 + 4 * $0) }))
            at += 8 + 4 * stored
        }
    }
}

/// Which namespaces are in use; rows of any other that was given once may go.
package struct LiveNamespaces: Equatable, Sendable {
    package var numbers: Set<UInt32>
    /// The first number that was never given.
    package var next: UInt32

    package init(numbers: Set<UInt32>, next: UInt32) {
        self.numbers = numbers
        self.next = next
    }

    /// All that is not known to be dead is alive.
    package static let all = LiveNamespaces(numbers: [], next: 0)

    @inline(__always)
    package func isDead(_ number: UInt32) -> Bool { number < next && !numbers.contains(number) }
}
