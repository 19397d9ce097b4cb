// The name and place of a stream's entry: a millisecond and a number within it, 128 bits that
// order as one number.

/// An entry's ID, written `ms-seq`.
struct StreamID: Hashable, Comparable {
    var ms: UInt64
    var seq: UInt64

    static let zero = StreamID(ms: 0, seq: 0)
    static let max = StreamID(ms: .max, seq: .max)

    /// The longest text: two numbers of 20 digits and the dash.
    static let textCountMax = 41

    @inline(__always)
    static func < (a: StreamID, b: StreamID) -> Bool {
        a.ms == b.ms ? a.seq < b.seq : a.ms < b.ms
    }

    /// The ID right behind this one; nil for the greatest.
    var next: StreamID? {
        if seq < .max { return StreamID(ms: ms, seq: seq + 1) }
        return ms < .max ? StreamID(ms: ms + 1, seq: 0) : nil
    }

    /// The ID right before this one; nil for the least.
    var previous: StreamID? {
        if seq > 0 { return StreamID(ms: ms, seq: seq - 1) }
        return ms > 0 ? StreamID(ms: ms - 1, seq: .max) : nil
    }

    /// Lends the text, with another separator for the digest.
    @inline(__always)
    func withText<R>(separator: UInt8 = 0x2D, _ body: (Bytes) -> R) -> R {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.textCountMax) { room in
            let out = room.baseAddress.unsafelyUnwrapped
            var count = Numbers.formatUInt64(ms, into: out)
            out[count] = separator
            count += 1
            count += Numbers.formatUInt64(seq, into: out + count)
            return body(Bytes(start: out, count: count))
        }
    }

    /// The 16 bytes of RDB files, big-endian.
    init(bigEndian bytes: Bytes) {
        ms = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        seq = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }

    init(ms: UInt64, seq: UInt64) {
        self.ms = ms
        self.seq = seq
    }
}
