// A connection's unread bytes, in one contiguous run.
//
// The parser wants contiguous input and remembers how far it got, so bytes are appended at the
// end and dropped at the front; what remains is moved only when that is cheaper than growing.
// An idle connection holds no buffer at all: when everything has been consumed, a block of the
// usual size goes back to the event loop's pool, a larger one to the system.
//
// What must never happen: memory claimed on the word of a length that a client sent. Growth is
// by what has arrived: at most doubling.

import Engine
import Glibc

/// Growable bytes with one owner; plain memory, because it lives outside the engine's lock.
struct InputBuffer: ~Copyable {
    /// Size of the blocks that are pooled.
    static let blockBytes = 16 << 10

    private var base: UnsafeMutableRawPointer?
    private(set) var capacity = 0
    private var start = 0
    private var end = 0

    init() {}

    deinit { free(base) }

    @inline(__always)
    var count: Int { end &- start }

    /// The unread bytes, until the next change.
    @inline(__always)
    var bytes: Bytes { Bytes(start: base.map { $0 + start }, count: end &- start) }

    /// Appends; amortized O(bytes).
    @inline(__always)
    mutating func append(_ more: Bytes, _ pool: inout BlockPool) {
        if more.count == 0 { return }
        if more.count > capacity &- end { makeRoom(more.count, &pool) }
        memcpy(base.unsafelyUnwrapped + end, more.baseAddress!, more.count)
        end &+= more.count
    }

    @inline(never)
    private mutating func makeRoom(_ more: Int, _ pool: inout BlockPool) {
        let kept = end - start
        if base == nil, more <= InputBuffer.blockBytes {
            base = pool.take()
            capacity = InputBuffer.blockBytes
            return
        }
        // Moving what is unread pays when it is at most as much as what was read.
        if start >= kept, kept + more <= capacity {
            memmove(base!, base! + start, kept)
        } else {
            let wanted = max(kept + more, capacity * 2, InputBuffer.blockBytes)
            guard let memory = malloc(wanted) else { fatalError("out of memory for requests") }
            if kept > 0 { memcpy(memory, base! + start, kept) }
            free(base)
            base = memory
            capacity = wanted
        }
        start = 0
        end = kept
    }

    /// Forgets `count` bytes at the front.
    @inline(__always)
    mutating func drop(_ count: Int, _ pool: inout BlockPool) {
        assert(count >= 0 && count <= end - start)
        start &+= count
        if start == end { release(&pool) }
    }

    /// Gives the memory back.
    mutating func release(_ pool: inout BlockPool) {
        if capacity == InputBuffer.blockBytes { pool.give(base!) } else { free(base) }
        base = nil
        capacity = 0
        start = 0
        end = 0
    }
}

/// Spare blocks of one event loop.
struct BlockPool: ~Copyable {
    private static let spareMax = 128
    private var spare: [UnsafeMutableRawPointer] = []

    deinit { for block in spare { free(block) } }

    @inline(__always)
    mutating func take() -> UnsafeMutableRawPointer {
        if let block = spare.popLast() { return block }
        guard let block = malloc(InputBuffer.blockBytes) else {
            fatalError("out of memory for requests")
        }
        return block
    }

    @inline(__always)
    mutating func give(_ block: UnsafeMutableRawPointer) {
        if spare.count < BlockPool.spareMax { spare.append(block) } else { free(block) }
    }
}
