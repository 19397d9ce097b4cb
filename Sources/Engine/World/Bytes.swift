// Keys, values and arguments are bytes.
//
// Inside the engine a run of bytes is lent as `Bytes`, an unowned view: the owner (a request's
// buffer, an entry, a listpack, a mapped page) outlives the call that receives it, and nobody
// stores a view past that call. Views cost nothing to make and to slice, which `Array`, `Data`
// and `String` do not; whoever must keep bytes copies them (`Array(bytes)`).

import Glibc

/// A lent run of bytes; valid for the duration of the call that receives it.
public typealias Bytes = UnsafeRawBufferPointer

extension UnsafeRawBufferPointer {
    /// The bytes of `range`, as a view of the same memory.
    @inline(__always)
    public func slice(_ start: Int, _ count: Int) -> Bytes {
        assert(start >= 0 && count >= 0 && start + count <= self.count)
        return Bytes(start: baseAddress.map { $0 + start }, count: count)
    }

    /// Byte-wise equality.
    @inline(__always)
    public func equals(_ other: Bytes) -> Bool {
        if count != other.count { return false }
        if count == 0 { return true }
        return memcmp(baseAddress!, other.baseAddress!, count) == 0
    }

    /// Equality with a literal.
    @inline(__always)
    public func equals(_ literal: StaticString) -> Bool {
        count == literal.utf8CodeUnitCount
            && (count == 0 || memcmp(baseAddress!, literal.utf8Start, count) == 0)
    }

    /// Equality with a lower-case ASCII literal, ignoring the case of these bytes: how Redis
    /// compares command names and options.
    public func equalsIgnoringCase(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        let other = literal.utf8Start
        for i in 0..<count {
            var byte = self[i]
            if byte >= 0x41 && byte <= 0x5A { byte |= 0x20 }
            if byte != other[i] { return false }
        }
        return true
    }

    /// Order of `memcmp`, shorter first when one is a prefix of the other: -1, 0 or 1.
    public func compare(_ other: Bytes) -> Int {
        let shared = Swift.min(count, other.count)
        if shared > 0 {
            let order = memcmp(baseAddress!, other.baseAddress!, shared)
            if order != 0 { return order < 0 ? -1 : 1 }
        }
        return count == other.count ? 0 : (count < other.count ? -1 : 1)
    }

    /// The bytes as text for messages; invalid UTF-8 is replaced.
    public var text: String { String(decoding: self, as: UTF8.self) }
}

extension StaticString {
    /// The literal's bytes; they live as long as the process.
    @inline(__always)
    public var bytes: Bytes { Bytes(start: utf8Start, count: utf8CodeUnitCount) }
}
