// A plain growable array for what a connection reuses from request to request.
//
// The parser appends a few small records per request and forgets them all after the batch.
// `Array` would check uniqueness at each append and be copied by a careless caller; this owner
// of one malloc'd block does neither. Its elements are trivial, so forgetting them is O(1).

import Glibc

/// A growable run of trivial elements with one owner. Appending is amortized O(1).
package struct FlatArray<Element: BitwiseCopyable>: ~Copyable {
    package private(set) var count = 0
    private var capacity = 0
    private var storage: UnsafeMutablePointer<Element>?

    package init() {}

    deinit { free(storage) }

    @inline(__always)
    package mutating func append(_ element: Element) {
        if count == capacity { grow(1) }
        storage.unsafelyUnwrapped[count] = element
        count &+= 1
    }

    package mutating func append(_ other: borrowing FlatArray<Element>, from start: Int = 0) {
        let more = other.count - start
        precondition(start >= 0 && more >= 0)
        if more == 0 { return }
        if more > capacity - count { grow(more) }
        (storage! + count).update(from: other.storage! + start, count: more)
        count += more
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        let wanted = max(count + more, capacity * 2, 16)
        let bytes = wanted * MemoryLayout<Element>.stride
        guard let memory = realloc(storage, bytes) else { fatalError("out of memory for requests") }
        storage = memory.assumingMemoryBound(to: Element.self)
        capacity = wanted
    }

    @inline(__always)
    package subscript(_ index: Int) -> Element {
        get {
            assert(index >= 0 && index < count)
            return storage.unsafelyUnwrapped[index]
        }
        set {
            assert(index >= 0 && index < count)
            storage.unsafelyUnwrapped[index] = newValue
        }
    }

    /// A view of the elements, until the next change.
    @inline(__always)
    package var elements: UnsafeBufferPointer<Element> {
        UnsafeBufferPointer(start: storage, count: count)
    }

    /// Forgets the elements from `length` on.
    @inline(__always)
    package mutating func truncate(to length: Int) {
        precondition(length >= 0 && length <= count)
        count = length
    }

    /// Forgets everything, and gives the memory back if it has grown past `keptBytesMax`.
    package mutating func removeAll(keptBytesMax: Int = 64 * 1024) {
        count = 0
        if capacity * MemoryLayout<Element>.stride > keptBytesMax {
            free(storage)
            storage = nil
            capacity = 0
        }
    }
}
