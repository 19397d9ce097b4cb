// The merge of several runs' rows: ascending keys, of equal keys the newest run's.
//
// One cursor per run; the smallest of their keys is found by comparing (namespace, hash) as
// integers first, which decides nearly always, among the dozen or so runs that there are.

import Glibc
import LMDB

/// Asks the kernel for what a walk will read next: the map is opened without read-ahead, for
/// the sake of random reads, and walks read in order.
struct Prefetch {
    /// Per source, and for chunks, the megabyte of the address space that it was last seen in.
    private var blocks: [UInt]

    init(sources: Int) { blocks = Array(repeating: 0, count: sources + 1) }

    @inline(__always)
    mutating func touch(_ source: Int, _ address: UnsafeRawPointer?) {
        let block = UInt(bitPattern: address) >> 20
        if blocks[source] == block { return }
        blocks[source] = block
        // An answer is not needed: at the ends of the map part of the range is not mapped.
        _ = madvise(UnsafeMutableRawPointer(bitPattern: block << 20), 2 << 20, MADV_WILLNEED)
    }
}

/// A walk over the rows (or expiry rows) of several runs. Ends before its transaction.
struct MergedRows: ~Copyable {
    struct Source: ~Copyable {
        var cursor: Cursor
        /// Bytes 0-7 and 4-11 of the key, as numbers: ordered as the key is.
        var high: UInt64 = 0
        var low: UInt64 = 0
        var live = false
        /// The row was used (or hidden by a newer one); step before comparing again.
        var used = false

        init(_ cursor: consuming Cursor) { self.cursor = cursor }

        @inline(__always)
        mutating func note(_ found: Bool) throws {
            live = found
            used = false
            if !found { return }
            let key = cursor.key
            guard key.count >= 12 else {
                throw ColdError.damagedStore("a run holds a row that is too short")
            }
            high = UInt64(bigEndian: key.loadUnaligned(as: UInt64.self))
            low = UInt64(bigEndian: key.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
        }
    }

    private let sources: UnsafeMutablePointer<Source>
    let count: Int
    /// The source of the current row, which `next` found.
    private(set) var winner = 0

    /// `databases` are ordered newest run first. Starts at the first row at or after `from`, or
    /// behind the row `after`.
    init(
        _ view: TransactionView, _ databases: [Database], from: [UInt8]? = nil,
        after: [UInt8]? = nil
    ) throws {
        let sources = UnsafeMutablePointer<Source>.allocate(capacity: max(databases.count, 1))
        var made = 0
        do {
            for database in databases {
                (sources + made).initialize(to: Source(try Cursor(view, database)))
                made += 1
            }
            for index in 0..<made {
                if let start = after ?? from {
                    try start.withUnsafeBytes { start in
                        var found = try sources[index].cursor.seek(atOrAfter: start)
                        if after != nil && found && sources[index].cursor.key.equals(start) {
                            found = try sources[index].cursor.move(.next)
                        }
                        try sources[index].note(found)
                    }
                } else {
                    try sources[index].note(sources[index].cursor.move(.first))
                }
            }
        } catch {
            sources.deinitialize(count: made)
            sources.deallocate()
            throw error
        }
        self.sources = sources
        count = made
    }

    deinit {
        sources.deinitialize(count: count)
        sources.deallocate()
    }

    /// Skips to the first row at or after `key`, when that lies ahead.
    mutating func skip(to key: Bytes) throws {
        for index in 0..<count where sources[index].live {
            if sources[index].cursor.key.compare(key) < 0 {
                try sources[index].note(sources[index].cursor.seek(atOrAfter: key))
            }
        }
    }

    var key: Bytes { sources[winner].cursor.key }
    var value: Bytes { sources[winner].cursor.value }

    /// Steps to the next row. `hidden` is told of each older row of the same key, by source.
    @inline(__always)
    mutating func next(_ hidden: (Bytes) -> Void = { _ in }) throws -> Bool {
        var best = -1
        for index in 0..<count {
            let source = sources + index
            if source.pointee.used {
                try source.pointee.note(source.pointee.cursor.move(.next))
            }
            if !source.pointee.live { continue }
            if best < 0 {
                best = index
                continue
            }
            let other = sources + best
            if source.pointee.high > other.pointee.high { continue }
            if source.pointee.high == other.pointee.high {
                if source.pointee.low > other.pointee.low { continue }
                if source.pointee.low == other.pointee.low {
                    let order = source.pointee.cursor.key.compare(other.pointee.cursor.key)
                    if order >= 0 { continue }
                }
            }
            best = index
        }
        if best < 0 { return false }
        winner = best
        let chosen = sources + best
        chosen.pointee.used = true
        for index in (best + 1)..<max(count, best + 1) {
            let source = sources + index
            guard source.pointee.live, source.pointee.high == chosen.pointee.high,
                source.pointee.low == chosen.pointee.low,
                source.pointee.cursor.key.equals(chosen.pointee.cursor.key)
            else { continue }
            hidden(source.pointee.cursor.value)
            source.pointee.used = true
        }
        return true
    }
}
