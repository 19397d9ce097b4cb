// The merge of several runs' rows: ascending keys, of equal keys the newest run's.
//
// One cursor per run; the smallest of their keys is found by comparing (namespace, hash) as
// integers first, which decides nearly always, among the dozen or so runs that there are. A walk
// over a whole list of runs has cursors of the layers and of the partition that it is in.

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
        /// Which of the caller's databases, or of the list's runs.
        let number: Int
        /// Bytes 0-7 and 4-11 of the key, as numbers: ordered as the key is.
        var high: UInt64 = 0
        var low: UInt64 = 0
        var live = false
        /// The row was used (or hidden by a newer one); step before comparing again.
        var used = false

        init(_ cursor: consuming Cursor, _ number: Int) {
            self.cursor = cursor
            self.number = number
        }

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

    private let view: TransactionView
    private let sources: UnsafeMutablePointer<Source>
    private var count = 0
    /// Of a walk over a list: the list, the partition that it is in, and where that ends.
    private let list: RunList?
    private var partition = 0
    private var endHigh = UInt64.max
    private var endLow = UInt64.max
    /// The source of the current row, which `next` found.
    private var current = 0

    /// Walks over `databases`, which are ordered newest run first. Starts at the first row at or
    /// after `from`, or behind the row `after`.
    init(
        _ view: TransactionView, _ databases: [Database], from: [UInt8]? = nil,
        after: [UInt8]? = nil
    ) throws {
        self.view = view
        list = nil
        sources = .allocate(capacity: max(databases.count, 1))
        for (number, database) in databases.enumerated() {
            try add(database, number, from, after)
        }
    }

    /// Walks over the rows of all runs of a list.
    init(
        _ view: TransactionView, _ list: RunList, from: [UInt8]? = nil, after: [UInt8]? = nil
    ) throws {
        self.view = view
        self.list = list
        let most = list.partitions.reduce(0) { max($0, $1.runs.count) }
        sources = .allocate(capacity: max(list.layerCount + most, 1))
        for number in 0..<list.layerCount {
            try add(list.views[number].slot.rows, number, from, after)
        }
        if let start = after ?? from {
            partition = start.withUnsafeBytes {
                list.partition(ColdKey.namespace($0), ColdKey.hash($0))
            }
        }
        try enterPartition(from, after)
    }

    deinit {
        sources.deinitialize(count: count)
        sources.deallocate()
    }

    private mutating func add(
        _ database: Database, _ number: Int, _ from: [UInt8]?, _ after: [UInt8]?
    ) throws {
        (sources + count).initialize(to: Source(try Cursor(view, database), number))
        count += 1
        let source = sources + (count - 1)
        guard let start = after ?? from else {
            return try source.pointee.note(source.pointee.cursor.move(.first))
        }
        try start.withUnsafeBytes { start in
            var found = try source.pointee.cursor.seek(atOrAfter: start)
            if after != nil && found && source.pointee.cursor.key.equals(start) {
                found = try source.pointee.cursor.move(.next)
            }
            try source.pointee.note(found)
        }
    }

    /// Opens the runs of `partition` in place of those of another.
    private mutating func enterPartition(_ from: [UInt8]?, _ after: [UInt8]?) throws {
        guard let list, partition < list.partitions.count else { return }
        (sources + list.layerCount).deinitialize(count: count - list.layerCount)
        count = list.layerCount
        for number in list.partitions[partition].runs {
            try add(list.views[number].slot.rows, number, from, after)
        }
        (endHigh, endLow) = (.max, .max)
        guard partition + 1 < list.partitions.count else { return }
        let end = list.partitions[partition + 1].bound
        endHigh = UInt64(end.namespace) << 32 | end.hash >> 32
        endLow = end.hash
    }

    /// Skips to the first row at or after `key`, when that lies ahead. Not over a list.
    mutating func skip(to key: Bytes) throws {
        for index in 0..<count where sources[index].live {
            if sources[index].cursor.key.compare(key) < 0 {
                try sources[index].note(sources[index].cursor.seek(atOrAfter: key))
            }
        }
    }

    /// The number of the current row's database, or of its run in the list.
    var winner: Int { sources[current].number }
    var key: Bytes { sources[current].cursor.key }
    var value: Bytes { sources[current].cursor.value }

    /// Steps to the next row. `hidden` is told of each older row of the same key, by source.
    @inline(__always)
    mutating func next(_ hidden: (Bytes) -> Void = { _ in }) throws -> Bool {
        var best = try least()
        if let list {
            while partition + 1 < list.partitions.count {
                if best >= 0 {
                    let found = sources + best
                    if found.pointee.high < endHigh { break }
                    if found.pointee.high == endHigh, found.pointee.low < endLow { break }
                }
                partition += 1
                try enterPartition(nil, nil)
                best = try least()
            }
        }
        if best < 0 { return false }
        current = best
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

    /// The source with the smallest key, of equal ones the newest; -1 when all are at their end.
    @inline(__always)
    private func least() throws -> Int {
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
        return best
    }
}
