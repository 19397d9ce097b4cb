// Where serializations are written: one growing buffer of plain memory, reused.

import Glibc

/// A growable run of bytes. Not the hot tier's memory: background threads use it too.
package struct ByteSink: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    package private(set) var count = 0

    package init(capacity: Int = 256) {
        self.capacity = Swift.max(capacity, 64)
        guard let raw = malloc(self.capacity) else { fatalError("out of memory") }
        base = raw
    }

    deinit { free(base) }

    /// What has been written; valid until the next change.
    package var bytes: Bytes { Bytes(start: base, count: count) }

    /// Forgets the contents; a buffer that had grown beyond a megabyte is given back.
    package mutating func removeAll() {
        count = 0
        if capacity > 1 << 20 {
            free(base)
            capacity = 4096
            base = malloc(capacity)!
        }
    }

    package mutating func truncate(to count: Int) {
        precondition(count <= self.count)
        self.count = count
    }

    @inline(__always)
    package mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        capacity = Swift.max(capacity * 2, count + more)
        guard let moved = realloc(base, capacity) else { fatalError("out of memory") }
        base = moved
    }

    @inline(__always)
    package mutating func put(_ byte: UInt8) {
        reserve(1)
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    @inline(__always)
    package mutating func put(_ bytes: Bytes) {
        reserve(bytes.count)
        if bytes.count > 0 { memcpy(base + count, bytes.baseAddress!, bytes.count) }
        count += bytes.count
    }

    package mutating func put(_ text: StaticString) { put(text.bytes) }

    package mutating func put(_ text: String) {
        var text = text
        text.withUTF8 { put(Bytes($0)) }
    }

    /// An integer, little-endian.
    @inline(__always)
    package mutating func putLittle<T: FixedWidthInteger>(_ value: T) {
        reserve(MemoryLayout<T>.size)
        base.storeBytes(of: value.littleEndian, toByteOffset: count, as: T.self)
        count += MemoryLayout<T>.size
    }

    /// An integer, big-endian.
    @inline(__always)
    package mutating func putBig<T: FixedWidthInteger>(_ value: T) {
        reserve(MemoryLayout<T>.size)
        base.storeBytes(of: value.bigEndian, toByteOffset: count, as: T.self)
        count += MemoryLayout<T>.size
    }

    /// Up to `most` bytes written in place; `body` returns how many it wrote.
    package mutating func put(
        atMost most: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Int {
        reserve(most)
        let written = body(UnsafeMutableRawBufferPointer(start: base + count, count: most))
        precondition(written >= 0 && written <= most)
        count += written
        return written
    }
}
