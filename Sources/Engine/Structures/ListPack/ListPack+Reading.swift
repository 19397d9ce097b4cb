// Walking, reading and searching a listpack.

import Glibc

/// What is looked for: the bytes, and the integer that they spell, parsed once per search.
struct ListPackNeedle {
    let bytes: Bytes
    let integer: Int64?

    @inline(__always)
    init(_ bytes: Bytes) {
        self.bytes = bytes
        integer = Numbers.parseInt64(bytes)
    }

    /// Whether the element at `p` is this value. O(length).
    @inline(__always)
    func matches(_ p: UnsafeRawPointer) -> Bool {
        switch ListPackEncoding.decode(p) {
        case .integer(let value): return value == integer
        case .bytes(let other): return other.equals(bytes)
        }
    }
}

extension ListPack {
    // MARK: Positions

    /// The first element, nil when there is none.
    @inline(__always)
    var first: Position? { isEmpty ? nil : Self.headerBytes }

    /// The last element, nil when there is none.
    @inline(__always)
    var last: Position? { previous(endOffset) }

    /// The element after the one at `position`.
    @inline(__always)
    func next(_ position: Position) -> Position? {
        let after = self.after(position)
        return raw.load(fromByteOffset: after, as: UInt8.self) == 0xFF ? nil : after
    }

    /// The element before the one at `position`, which may be `endOffset`.
    @inline(__always)
    func previous(_ position: Position) -> Position? {
        if position == Self.headerBytes { return nil }
        let (encoded, backlen) = ListPackEncoding.readBacklen(before: raw + position)
        return position &- encoded &- backlen
    }

    /// Where the element at `position` ends: the next one, or `endOffset`.
    @inline(__always)
    func after(_ position: Position) -> Position {
        position &+ ListPackEncoding.entryBytes(raw + position)
    }

    /// The element number `index`, counted from the end (-1 is the last) when negative; nil when
    /// out of range. O(distance from the nearer end).
    func seek(_ index: Int) -> Position? {
        var index = index
        let known = headerCount
        if known != Self.countUnknown {
            if index < 0 { index += known }
            guard index >= 0, index < known else { return nil }
            if index > known / 2 { index -= known }
        }
        if index >= 0 {
            var position = first
            while index > 0, let at = position {
                position = next(at)
                index -= 1
            }
            return position
        }
        var position = last
        while index < -1, let at = position {
            position = previous(at)
            index += 1
        }
        return position
    }

    // MARK: Elements

    /// The element at `position`; a string is a view of the listpack. O(1).
    @inline(__always)
    func element(at position: Position) -> ListPackElement {
        ListPackEncoding.decode(raw + position)
    }

    /// The element at `position` as bytes: a view of the listpack, or of `scratch` (room for
    /// `Numbers.integerCharsMax`), into which an integer is formatted.
    @inline(__always)
    func bytes(at position: Position, scratch: UnsafeMutablePointer<UInt8>) -> Bytes {
        switch ListPackEncoding.decode(raw + position) {
        case .bytes(let bytes):
            return bytes
        case .integer(let value):
            return Bytes(start: scratch, count: Numbers.formatInt64(value, into: scratch))
        }
    }

    /// Lends the element at `position` as bytes, integers as decimal text.
    @inline(__always)
    func withBytes<R>(at position: Position, _ body: (Bytes) throws -> R) rethrows -> R {
        switch ListPackEncoding.decode(raw + position) {
        case .bytes(let bytes): return try body(bytes)
        case .integer(let value): return try Numbers.withFormatted(value, body)
        }
    }

    /// The integer at `position`, also when it is stored as a string; nil for anything else.
    @inline(__always)
    func integer(at position: Position) -> Int64? {
        switch ListPackEncoding.decode(raw + position) {
        case .integer(let value): return value
        case .bytes(let bytes): return Numbers.parseInt64(bytes)
        }
    }

    /// Length of the element's text.
    @inline(__always)
    func textLength(at position: Position) -> Int {
        switch ListPackEncoding.decode(raw + position) {
        case .bytes(let bytes): return bytes.count
        case .integer(let value): return Numbers.textLength(value)
        }
    }

    /// Whether the element at `position` is `bytes`.
    @inline(__always)
    func equals(at position: Position, _ bytes: Bytes) -> Bool {
        ListPackNeedle(bytes).matches(raw + position)
    }

    /// Lends every element from the first to the last, integers as decimal text. O(n).
    @inline(__always)
    func forEach(_ body: (Bytes) throws -> Void) rethrows {
        var scratch: (UInt64, UInt64, UInt64) = (0, 0, 0)
        try withUnsafeMutableBytes(of: &scratch) { room in
            let out = room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            var position = first
            while let at = position {
                try body(bytes(at: at, scratch: out))
                position = next(at)
            }
        }
    }

    // MARK: Search

    /// The first element that equals `bytes`, comparing only every (`skip` + 1)th one: with
    /// `skip` 1 the fields of field/value pairs. Starts at `start`, or at the first. O(n).
    func find(_ bytes: Bytes, skip: Int = 0, from start: Position? = nil) -> Position? {
        let base = UnsafeRawPointer(raw)
        var p = base + (start ?? Self.headerBytes)
        let needle = ListPackNeedle(bytes)
        let length = bytes.count
        if needle.integer == nil && length < 64 && length > 0 {
            // The usual case: a short string, whose encoding byte contains its length.
            let code = 0x80 | UInt8(truncatingIfNeeded: length)
            let text = bytes.baseAddress.unsafelyUnwrapped
            let head = text.load(as: UInt8.self)
            while true {
                let found = p.load(as: UInt8.self)
                if found == code {
                    if p.load(fromByteOffset: 1, as: UInt8.self) == head,
                        memcmp(p + 1, text, length) == 0
                    {
                        return p - base
                    }
                } else if found >= 0xE0 {
                    // The end; or a string in a longer form than it needs, from a foreign writer.
                    if found == 0xFF { return nil }
                    if needle.matches(p) { return p - base }
                }
                p += ListPackEncoding.entryBytes(p)
                if !Self.advance(&p, skip) { return nil }
            }
        }
        while p.load(as: UInt8.self) != 0xFF {
            if needle.matches(p) { return p - base }
            p += ListPackEncoding.entryBytes(p)
            if !Self.advance(&p, skip) { return nil }
        }
        return nil
    }

    /// Steps over `count` elements; false at the end.
    @inline(__always)
    private static func advance(_ p: inout UnsafeRawPointer, _ count: Int) -> Bool {
        var left = count
        while left > 0 {
            if p.load(as: UInt8.self) == 0xFF { return false }
            p += ListPackEncoding.entryBytes(p)
            left &-= 1
        }
        return true
    }
}
