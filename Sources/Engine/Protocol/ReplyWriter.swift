// Replies, written as they are computed.
//
// A command never builds a reply and then encodes it: it calls one method per element and the
// bytes go straight to the end of one growing buffer, which a connection keeps from request to
// request. RESP2 and RESP3 differ only in the first byte of some headers, so a command says
// what it means (`map`, `set`, `double`, `null`) and the writer says it in the version that the
// client asked for with HELLO.
//
// The buffer is plain memory from malloc, not accounted memory of the hot tier: it is emptied
// after each flush and must outlive the engine's lock. Each method makes one bounds check for
// all that it writes. What must never happen: a line break inside a simple string or an error,
// which would let a client's own bytes forge a second reply.
//
// Source of the formats: the RESP2 and RESP3 specifications.

import Glibc

/// A growable buffer of encoded replies. Amortized O(bytes) throughout.
package struct ReplyWriter: ~Copyable {
    /// The RESP version in which the next element is written: 2 or 3.
    package var version: Int

    /// Bytes pending.
    package private(set) var count = 0

    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int

    /// What `removeAll(keepingCapacity:)` keeps at most.
    private static let capacityKeptBytesMax = 256 * 1024
    private static let capacityBytesMin = 512
    /// The longest header: a type byte, a signed number, a line break.
    private static let headerBytesMax = Numbers.integerCharsMax + 3

    package init(version: Int = 2, capacity: Int = 4096) {
        self.version = version
        self.capacity = max(capacity, Self.capacityBytesMin)
        base = Self.allocate(self.capacity)
    }

    deinit { free(base) }

    private static func allocate(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
        guard let memory = malloc(bytes) else { fatalError("out of memory for replies") }
        return memory.assumingMemoryBound(to: UInt8.self)
    }

    // MARK: Room

    /// Makes room for `bytes` more and returns where they go; the caller then adds to `count`.
    @inline(__always)
    private mutating func reserve(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
        if bytes > capacity &- count { grow(bytes) }
        return base + count
    }

    @inline(never)
    private mutating func grow(_ bytes: Int) {
        let wanted = max(count + bytes, capacity + capacity / 2, Self.capacityBytesMin)
        guard let memory = realloc(base, wanted) else { fatalError("out of memory for replies") }
        base = memory.assumingMemoryBound(to: UInt8.self)
        capacity = wanted
    }

    /// How many bytes the buffer holds on to, for `CLIENT LIST` and `INFO memory`.
    package var capacityBytes: Int { capacity }

    /// Forgets everything written. A buffer that had grown huge is given back even when its
    /// capacity is to be kept.
    package mutating func removeAll(keepingCapacity: Bool = true) {
        count = 0
        if keepingCapacity && capacity <= Self.capacityKeptBytesMax { return }
        guard capacity > Self.capacityBytesMin else { return }
        free(base)
        capacity = Self.capacityBytesMin
        base = Self.allocate(capacity)
    }

    /// Drops what was written since `count` was `mark`.
    package mutating func truncate(to mark: Int) {
        precondition(mark >= 0 && mark <= count, "truncation past the end of the replies")
        count = mark
    }

    /// Lends the pending bytes.
    @inline(__always)
    package borrowing func withBytes<R: ~Copyable, E: Error>(
        _ body: (Bytes) throws(E) -> R
    ) throws(E) -> R {
        try body(Bytes(start: base, count: count))
    }

    // MARK: Pieces

    /// Bytes that are already encoded.
    @inline(__always)
    package mutating func raw(_ bytes: Bytes) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        memcpy(reserve(bytes.count), source, bytes.count)
        count &+= bytes.count
    }

    /// Everything that another writer holds.
    package mutating func append(_ other: borrowing ReplyWriter) {
        raw(Bytes(start: other.base, count: other.count))
    }

    @inline(__always)
    private mutating func literal(_ text: StaticString) { raw(text.bytes) }

    /// A type byte, a number, a line break.
    @inline(__always)
    private mutating func header(_ type: UInt8, _ value: Int64) {
        let target = reserve(Self.headerBytesMax)
        target[0] = type
        let end = 1 &+ Numbers.formatInt64(value, into: target + 1)
        target[end] = 0x0D
        target[end &+ 1] = 0x0A
        count &+= end &+ 2
    }

    /// A type byte, text without line breaks, a line break.
    private mutating func line(_ type: UInt8, _ text: Bytes) {
        let target = reserve(text.count + 3)
        target[0] = type
        for i in 0..<text.count {
            let byte = text[i]
            target[i + 1] = byte == 0x0D || byte == 0x0A ? 0x20 : byte
        }
        target[text.count + 1] = 0x0D
        target[text.count + 2] = 0x0A
        count += text.count + 3
    }

    // MARK: Strings

    @inline(__always)
    package mutating func ok() { literal("+OK\r\n") }

    package mutating func simple(_ text: StaticString) { line(0x2B, text.bytes) }

    package mutating func simple(_ text: String) {
        var text = text
        text.withUTF8 { line(0x2B, Bytes($0)) }
    }

    /// An error; `text` begins with its code, such as `ERR syntax error`. Line breaks in it
    /// become spaces.
    package mutating func error(_ text: StaticString) { line(0x2D, text.bytes) }

    package mutating func error(_ text: String) {
        var text = text
        text.withUTF8 { line(0x2D, Bytes($0)) }
    }

    /// Why the stream is broken.
    package mutating func error(_ failure: ProtocolError) {
        let line = failure.reply.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        line.withUnsafeBytes { error($0) }
    }

    /// The same, of bytes that need not be text.
    package mutating func error(_ text: Bytes) { line(0x2D, text) }

    @inline(__always)
    package mutating func bulk(_ bytes: Bytes) {
        let length = bytes.count
        let target = reserve(Self.headerBytesMax &+ length &+ 2)
        target[0] = 0x24
        var end: Int
        if length < 10 {
            target[1] = 0x30 &+ UInt8(truncatingIfNeeded: length)
            end = 2
        } else if length < 100 {
            let tens = (length &* 205) >> 11
            target[1] = 0x30 &+ UInt8(truncatingIfNeeded: tens)
            target[2] = 0x30 &+ UInt8(truncatingIfNeeded: length &- tens &* 10)
            end = 3
        } else {
            end = 1 &+ Numbers.formatUInt64(UInt64(length), into: target + 1)
        }
        target[end] = 0x0D
        target[end &+ 1] = 0x0A
        end &+= 2
        if length > 0 { memcpy(target + end, bytes.baseAddress!, length) }
        end &+= length
        target[end] = 0x0D
        target[end &+ 1] = 0x0A
        count &+= end &+ 2
    }

    package mutating func bulk(_ text: StaticString) { bulk(text.bytes) }

    package mutating func bulk(_ text: String) {
        var text = text
        text.withUTF8 { bulk(Bytes($0)) }
    }

    /// An integer's decimal text as a bulk string.
    @inline(__always)
    package mutating func bulkInteger(_ value: Int64) {
        let target = reserve(Numbers.integerCharsMax + 8)
        let length = Numbers.textLength(value)
        target[0] = 0x24
        var end = 1 &+ Numbers.formatUInt64(UInt64(length), into: target + 1)
        target[end] = 0x0D
        target[end &+ 1] = 0x0A
        end &+= 2
        end &+= Numbers.formatInt64(value, into: target + end)
        target[end] = 0x0D
        target[end &+ 1] = 0x0A
        count &+= end &+ 2
    }

    /// Text with a three-letter format for RESP3; a plain bulk string in RESP2.
    package mutating func verbatim(_ text: String, format: StaticString = "txt") {
        var text = text
        text.withUTF8 { verbatim(Bytes($0), format: format) }
    }

    package mutating func verbatim(_ text: Bytes, format: StaticString = "txt") {
        precondition(format.utf8CodeUnitCount == 3, "a verbatim format has three letters")
        guard version >= 3 else { return bulk(text) }
        header(0x3D, Int64(text.count + 4))
        raw(format.bytes)
        literal(":")
        raw(text)
        literal("\r\n")
    }

    // MARK: Numbers

    @inline(__always)
    package mutating func integer(_ value: Int) { header(0x3A, Int64(value)) }

    @inline(__always)
    package mutating func integer(_ value: Int64) { header(0x3A, value) }

    /// RESP3 has a type for it; RESP2 gets 1 or 0.
    package mutating func bool(_ value: Bool) {
        if version >= 3 {
            literal(value ? "#t\r\n" : "#f\r\n")
        } else {
            literal(value ? ":1\r\n" : ":0\r\n")
        }
    }

    /// Seventeen significant digits, as `%.17g` prints them; `inf` and `-inf`.
    package mutating func double(_ value: Double) {
        let room = Numbers.doubleCharsMax
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { text in
            let length = Numbers.formatDouble(value, into: text.baseAddress!)
            number(Bytes(start: text.baseAddress!, count: length))
        }
    }

    /// A number whose text the caller has made: a double in RESP3, a bulk string in RESP2.
    package mutating func number(_ text: Bytes) {
        if version >= 3 { line(0x2C, text) } else { bulk(text) }
    }

    package mutating func number(_ text: StaticString) { number(text.bytes) }

    /// The decimal text of an integer of any size.
    package mutating func bigNumber(_ digits: Bytes) {
        if version >= 3 { line(0x28, digits) } else { bulk(digits) }
    }

    package mutating func bigNumber(_ digits: String) {
        var digits = digits
        digits.withUTF8 { bigNumber(Bytes($0)) }
    }

    // MARK: Nothing

    @inline(__always)
    package mutating func null() { literal(version >= 3 ? "_\r\n" : "$-1\r\n") }

    package mutating func nullArray() { literal(version >= 3 ? "_\r\n" : "*-1\r\n") }

    // MARK: Aggregates

    @inline(__always)
    package mutating func array(_ count: Int) { header(0x2A, Int64(count)) }

    package mutating func emptyArray() { literal("*0\r\n") }

    /// `pairs` keys and values; an array of twice as many elements in RESP2.
    package mutating func map(_ pairs: Int) { header(.map, pairs) }

    package mutating func set(_ count: Int) { header(.set, count) }

    /// A message outside the order of replies; an array in RESP2.
    package mutating func push(_ count: Int) {
        header(version >= 3 ? 0x3E : 0x2A, Int64(count))
    }

    /// Attributes of the reply that follows; RESP3 only.
    package mutating func attribute(_ pairs: Int) {
        precondition(version >= 3, "RESP2 has no attributes")
        header(0x7C, Int64(pairs))
    }

    private enum Aggregate { case array, map, set }

    @inline(__always)
    private mutating func header(_ kind: Aggregate, _ count: Int) {
        switch kind {
        case .array: header(0x2A, Int64(count))
        case .map where version >= 3: header(0x25, Int64(count))
        case .map: header(0x2A, Int64(count) * 2)
        case .set: header(version >= 3 ? 0x7E : 0x2A, Int64(count))
        }
    }

    // MARK: Aggregates of unknown length

    /// Where the header of an aggregate goes whose length is not known yet.
    package struct Deferred {
        fileprivate let offset: Int
    }

    /// Room left for the header: type, one digit, line break. Longer headers move the elements
    /// once, at memory speed.
    private static let deferredBytes = 4

    /// Begins an aggregate of unknown length. Its elements are written next; then it is closed.
    /// Aggregates that contain each other are closed innermost first.
    package mutating func deferred() -> Deferred {
        let mark = Deferred(offset: count)
        _ = reserve(Self.deferredBytes)
        count += Self.deferredBytes
        return mark
    }

    package mutating func closeArray(_ mark: Deferred, _ count: Int) { close(mark, .array, count) }

    package mutating func closeMap(_ mark: Deferred, _ pairs: Int) { close(mark, .map, pairs) }

    package mutating func closeSet(_ mark: Deferred, _ count: Int) { close(mark, .set, count) }

    /// Drops the aggregate and all its elements: something else is to be replied.
    package mutating func cancel(_ mark: Deferred) { truncate(to: mark.offset) }

    /// O(bytes of the elements) when the header outgrows its room, else O(1).
    private mutating func close(_ mark: Deferred, _ kind: Aggregate, _ elements: Int) {
        let body = mark.offset + Self.deferredBytes
        let bodyCount = count - body
        precondition(bodyCount >= 0, "a deferred reply was truncated before it was closed")
        let number = kind == .map && version < 3 ? elements * 2 : elements
        let header = Numbers.decimalDigits(UInt64(number)) + 3
        if header != Self.deferredBytes {
            _ = reserve(header)
            memmove(base + mark.offset + header, base + body, bodyCount)
        }
        count = mark.offset
        self.header(kind, elements)
        assert(count == mark.offset + header)
        count += bodyCount
    }
}
