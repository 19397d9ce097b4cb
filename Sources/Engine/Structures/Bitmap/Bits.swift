// A string as an array of bits: counting, searching, combining.
//
// Bit 0 is the highest bit of the first byte, as SETBIT numbers them. Bitmaps are often
// megabytes, so whatever goes over all of one goes a word of eight bytes at a time, in loops
// plain enough for the compiler to widen further. The bytes need no alignment.

import Glibc

enum Bits {
    /// How many bits are set. O(bytes).
    static func count(_ bytes: Bytes) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        let words = bytes.count / 8
        var total = 0
        for word in 0..<words {
            total &+=
                base.loadUnaligned(fromByteOffset: word &* 8, as: UInt64.self).nonzeroBitCount
        }
        for index in (words * 8)..<bytes.count { total &+= bytes[index].nonzeroBitCount }
        return total
    }

    /// How many bits of a range within the string are set. O(bytes).
    static func count(_ bytes: Bytes, in range: ClosedRange<Int>) -> Int {
        let first = range.lowerBound >> 3
        let last = range.upperBound >> 3
        let before = bytes[first] & ~(0xFF >> UInt8(range.lowerBound & 7))
        let behind = bytes[last] & (0x7F >> UInt8(range.upperBound & 7))
        return count(bytes.slice(first, last - first + 1)) - before.nonzeroBitCount
            - behind.nonzeroBitCount
    }

    /// The first bit of this value in a range within the string. O(bytes).
    static func find(_ bit: Bool, _ bytes: Bytes, in range: ClosedRange<Int>) -> Int? {
        // What is looked for is a one in the string, or in its complement.
        let flip: UInt8 = bit ? 0 : 0xFF
        let last = range.upperBound >> 3
        var at = range.lowerBound >> 3
        var byte = (bytes[at] ^ flip) & (0xFF >> UInt8(range.lowerBound & 7))
        if byte == 0 {
            at = skip(bytes, from: at + 1, through: last, while: flip)
            if at > last { return nil }
            byte = bytes[at] ^ flip
        }
        let found = at << 3 + byte.leadingZeroBitCount
        return found <= range.upperBound ? found : nil
    }

    /// The first byte from `start` on that is not `value`, or `last + 1`.
    private static func skip(
        _ bytes: Bytes, from start: Int, through last: Int, while value: UInt8
    ) -> Int {
        let word: UInt64 = value == 0 ? 0 : .max
        var at = start
        while at + 8 <= last + 1,
            bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) == word
        { at += 8 }
        while at <= last, bytes[at] == value { at += 1 }
        return at
    }

    // MARK: Combining

    enum Operation { case and, or, xor, not }

    /// How much of the result is made at a time, so that it stays in the cache while source
    /// after source is combined with it.
    private static let blockBytes = 16 << 10

    /// Combines `sources`, of which there is at least one (for `not`: exactly one), into
    /// `count` bytes at `out`: the length of the longest. Shorter ones count as if zeros
    /// followed. `out` overlaps no source. O(bytes of all sources).
    static func combine(
        _ operation: Operation, _ sources: [Bytes], into out: UnsafeMutableRawPointer,
        count: Int
    ) {
        for start in stride(from: 0, to: count, by: blockBytes) {
            let size = Swift.min(blockBytes, count - start)
            let block = out + start
            func part(_ source: Bytes) -> Bytes {
                let from = Swift.min(start, source.count)
                return source.slice(from, Swift.min(size, source.count - from))
            }
            let first = part(sources[0])
            if let base = first.baseAddress, first.count > 0 { memcpy(block, base, first.count) }
            memset(block + first.count, 0, size - first.count)
            if operation == .not { complement(block, size) }
            for source in sources.dropFirst() {
                let next = part(source)
                switch operation {
                case .and:
                    merge(block, next) { $0 & $1 }
                    memset(block + next.count, 0, size - next.count)
                case .or: merge(block, next) { $0 | $1 }
                case .xor: merge(block, next) { $0 ^ $1 }
                case .not: break
                }
            }
        }
    }

    private static func complement(_ block: UnsafeMutableRawPointer, _ size: Int) {
        for index in 0..<size {
            let byte = block.load(fromByteOffset: index, as: UInt8.self)
            block.storeBytes(of: ~byte, toByteOffset: index, as: UInt8.self)
        }
    }

    @inline(__always)
    private static func merge(
        _ block: UnsafeMutableRawPointer, _ source: Bytes, _ combine: (UInt64, UInt64) -> UInt64
    ) {
        guard let base = source.baseAddress else { return }
        let words = source.count / 8
        for word in 0..<words {
            let offset = word &* 8
            let mine = block.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let other = base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            block.storeBytes(of: combine(mine, other), toByteOffset: offset, as: UInt64.self)
        }
        for offset in (words * 8)..<source.count {
            let mine = UInt64(block.load(fromByteOffset: offset, as: UInt8.self))
            let byte = UInt8(truncatingIfNeeded: combine(mine, UInt64(source[offset])))
            block.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
        }
    }
}
