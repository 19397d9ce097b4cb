// A string: bytes, or an integer that prints as them.
//
// Three layouts. An integer in canonical decimal is kept as 8 bytes, so that INCR is an addition.
// Up to `StringLayout.embeddedCountMax` bytes live in the entry itself: one allocation for key
// and value, one cache line for both. Longer ones, and all that APPEND, SETRANGE and SETBIT have
// touched, are a `RawString`: an allocation of their own with room to grow, so that a string
// built piece by piece costs amortized O(1) a piece.
//
// Nothing here changes an entry's size: that may move it, which its database must know of
// (StringValue+Storing.swift).

import Glibc

enum StringValue {
    /// Longest string that the layouts can hold, whatever `proto-max-bulk-len` allows.
    static let countMax = Int(UInt32.max) - growthStepMax
    /// A growing string doubles up to this much spare room at once.
    static let growthStepMax = 1 << 20

    @inline(__always)
    static func raw(_ entry: Entry) -> RawString { entry.body.loadUnaligned(as: RawString.self) }

    @inline(__always)
    static func setRaw(_ entry: Entry, _ string: RawString) {
        entry.body.storeBytes(of: string, as: RawString.self)
    }

    /// Length in bytes of what GET would return. O(1).
    static func count(_ entry: Entry) -> Int {
        switch entry.encoding {
        case .embedded: entry.bodyCount
        case .integer: Numbers.textLength(entry.integer)
        default: Int(raw(entry).count)
        }
    }

    /// Lends the value's bytes; an integer is formatted on the stack. O(1).
    @inline(__always)
    static func withBytes<R>(_ entry: Entry, _ body: (Bytes) -> R) -> R {
        switch entry.encoding {
        case .embedded: return body(entry.bodyBytes)
        case .integer: return Numbers.withFormatted(entry.integer, body)
        default: return body(raw(entry).bytes)
        }
    }

    /// The integer that the string is in canonical decimal, or nil. O(1).
    @inline(__always)
    static func integer(_ entry: Entry) -> Int64? {
        if entry.encoding == .integer { return entry.integer }
        return withBytes(entry) { Numbers.parseInt64($0) }
    }

    /// The number for INCRBYFLOAT, or nil.
    static func longDouble(_ entry: Entry) -> LongDouble? {
        withBytes(entry) { Numbers.parseFloat80($0) }
    }

    /// The range that GETRANGE's inclusive bounds name, negative ones counting from the end;
    /// nil when it is empty.
    static func range(_ start: Int64, _ end: Int64, count: Int) -> (start: Int, count: Int)? {
        if start < 0 && end < 0 && start > end { return nil }
        let length = Int64(count)
        // `length` is not negative, so these sums cannot overflow.
        let first = start < 0 ? Swift.max(start + length, 0) : start
        let wanted = end < 0 ? Swift.max(end + length, 0) : end
        let last = Swift.min(wanted, length - 1)
        if first > last { return nil }
        return (Int(first), Int(last - first + 1))
    }

    /// Room to give a string that has grown to `count` bytes.
    static func roomyCapacity(_ count: Int) -> Int {
        Swift.max(count + Swift.min(count, growthStepMax), 32)
    }
}
