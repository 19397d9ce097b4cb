// The hot tier's memory, every byte accounted.
//
// Keys, values and their structures are allocated here and nowhere else, so that `maxmemory`
// and INFO speak of what is really used. jemalloc answers what a request of n bytes costs
// (its size class), and freeing with the size skips a look-up. The counter is not atomic:
// the heap belongs to whoever holds the engine's lock. Background threads that need memory of
// their own (readers, the cold writer) use ordinary Swift arrays or `malloc`.

import CJemalloc
import Glibc

public enum Heap {
    /// Bytes in use, rounded up to allocator size classes. Engine lock.
    nonisolated(unsafe) public private(set) static var usedBytes = 0

    /// What an allocation of `count` bytes really occupies.
    @inline(__always)
    public static func footprint(_ count: Int) -> Int {
        // jemalloc's classes: multiples of 16 up to 128 (its class of 8 is never asked for, see
        // below), then four per doubling. Above the small classes the library itself is asked.
        if count <= 128 { return Swift.max((count + 15) & ~15, 16) }
        if count <= 14336 {
            let shift = (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) - 2
            let mask = (1 << shift) - 1
            return (count + mask) & ~mask
        }
        return nallocx(count, 0)
    }

    /// At least `count` bytes, aligned to 16. Traps when the system has no memory left.
    @inline(__always)
    public static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        usedBytes &+= footprint(count)
        guard let raw = malloc(Swift.max(count, 16)) else { fatalError("out of memory") }
        return raw
    }

    /// Frees what `allocate(count)` or `reallocate(…, to: count)` returned.
    @inline(__always)
    public static func free(_ raw: UnsafeMutableRawPointer, _ count: Int) {
        check(raw, count)
        usedBytes &-= footprint(count)
        sdallocx(raw, Swift.max(count, 16), 0)
    }

    /// Grows or shrinks an allocation, keeping the bytes both sizes share.
    @inline(__always)
    public static func reallocate(
        _ raw: UnsafeMutableRawPointer, from old: Int, to new: Int
    ) -> UnsafeMutableRawPointer {
        check(raw, old)
        usedBytes &+= footprint(new) &- footprint(old)
        guard let moved = realloc(raw, Swift.max(new, 16)) else { fatalError("out of memory") }
        return moved
    }

    /// In debug builds, traps when `raw` was not allocated with a size of `count`'s class. Freeing
    /// with a wrong size puts the memory on the wrong free list, and what is allocated next
    /// overlaps a neighbour: seen long after, somewhere else.
    @inline(__always)
    private static func check(_ raw: UnsafeMutableRawPointer, _ count: Int) {
        assert(
            sallocx(raw, 0) == footprint(count),
            "freed as \(count) bytes, but \(sallocx(raw, 0)) were allocated")
    }
}
