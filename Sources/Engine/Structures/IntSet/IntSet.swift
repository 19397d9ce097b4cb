// A small set of integers: a sorted array at the narrowest width that holds all of them.
//
// In the byte layout of Redis, exactly, because RDB files, DUMP payloads and cold records
// contain it: spilling a small set of integers is a copy.
//
//     width u32le (2, 4 or 8 bytes) | count u32le | integers, little-endian, ascending
//
// Membership is a binary search in one or two cache lines; that beats hashing at the sizes
// that `set-max-intset-entries` allows. Adding an integer that does not fit the width widens
// all of them; nothing narrows them again, as in Redis.
//
// `IntSet` is a handle, not an owner, on the same terms as `ListPack`: whoever stores the
// address owns the memory and calls `destroy`, mutating calls may move it, the memory spans the
// allocator's size class, bytes from outside go through `validate` first.

import Glibc

/// Handle to an intset; see the head of this file for ownership.
struct IntSet {
    /// Where the set is; changes when a mutating call moves it.
    private(set) var raw: UnsafeMutableRawPointer

    static let headerBytes = 8

    /// A handle to the intset at `raw`, which must be valid.
    @inline(__always)
    init(_ raw: UnsafeMutableRawPointer) { self.raw = raw }

    /// A handle for reading only, over bytes that someone else owns and that are valid.
    @inline(__always)
    init(reading bytes: Bytes) {
        raw = UnsafeMutableRawPointer(mutating: bytes.baseAddress.unsafelyUnwrapped)
    }

    /// A new, empty set, which the caller owns.
    static func create() -> IntSet {
        let set = IntSet(Heap.allocate(Heap.footprint(headerBytes)))
        set.setHeader(width: 2, count: 0)
        return set
    }

    /// A new set with the content of `bytes`, which must be valid. O(bytes).
    static func copy(_ bytes: Bytes) -> IntSet {
        let raw = Heap.allocate(Heap.footprint(bytes.count))
        memcpy(raw, bytes.baseAddress.unsafelyUnwrapped, bytes.count)
        return IntSet(raw)
    }

    /// Frees the memory; the handle and all copies of it are dead.
    @inline(__always)
    func destroy() { Heap.free(raw, totalBytes) }

    // MARK: Reading

    /// Bytes per integer: 2, 4 or 8.
    @inline(__always)
    var width: Int { Int(UInt32(littleEndian: raw.loadUnaligned(as: UInt32.self))) }

    /// Number of members.
    @inline(__always)
    var count: Int {
        Int(UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    }

    @inline(__always)
    var totalBytes: Int { Self.headerBytes &+ width &* count }

    /// The serialized form, which is the memory itself.
    @inline(__always)
    var bytes: Bytes { Bytes(start: raw, count: totalBytes) }

    /// The member at `index` in ascending order; the index must be in range. O(1).
    @inline(__always)
    func get(_ index: Int) -> Int64 {
        assert(index >= 0 && index < count)
        return load(index, width)
    }

    /// A member at random; the set must not be empty. O(1).
    @inline(__always)
    func random(using generator: inout some RandomNumberGenerator) -> Int64 {
        get(Int.random(in: 0..<count, using: &generator))
    }

    /// The smallest and the largest member; the set must not be empty. O(1).
    var bounds: (Int64, Int64) { (get(0), get(count - 1)) }

    /// O(log n).
    @inline(__always)
    func contains(_ value: Int64) -> Bool {
        guard Self.width(for: value) <= width else { return false }
        return search(value).found
    }

    /// Calls `body` with each member, ascending. O(n).
    @inline(__always)
    func forEach(_ body: (Int64) throws -> Void) rethrows {
        let width = self.width
        for i in 0..<count { try body(load(i, width)) }
    }

    // MARK: Changing

    /// Adds `value`; false when it was there. O(n), one move.
    mutating func add(_ value: Int64) -> Bool {
        let width = self.width
        let count = self.count
        precondition(count < Int(UInt32.max), "intset over its size limit")
        if Self.width(for: value) > width {
            widen(Self.width(for: value), adding: value)
            return true
        }
        let (found, index) = search(value)
        if found { return false }
        resize(from: totalBytes, to: totalBytes + width)
        let place = raw + (Self.headerBytes &+ index &* width)
        memmove(place + width, place, (count &- index) &* width)
        store(value, index, width)
        setHeader(width: width, count: count + 1)
        return true
    }

    /// Removes `value`; false when it was not there. O(n), one move.
    mutating func remove(_ value: Int64) -> Bool {
        let width = self.width
        let count = self.count
        guard Self.width(for: value) <= width else { return false }
        let (found, index) = search(value)
        if !found { return false }
        let place = raw + (Self.headerBytes &+ index &* width)
        memmove(place, place + width, (count &- index &- 1) &* width)
        let before = totalBytes
        setHeader(width: width, count: count - 1)
        resize(from: before, to: before - width)
        return true
    }

    /// Rewrites all integers at a greater width, back to front. The new value is out of the old
    /// width's range, so it becomes the first or the last.
    @inline(never)
    private mutating func widen(_ new: Int, adding value: Int64) {
        let old = width
        let count = self.count
        resize(from: totalBytes, to: Self.headerBytes + new * (count + 1))
        let shift = value < 0 ? 1 : 0
        for i in stride(from: count - 1, through: 0, by: -1) {
            store(load(i, old), i + shift, new)
        }
        store(value, value < 0 ? 0 : count, new)
        setHeader(width: new, count: count + 1)
    }

    // MARK: Below

    /// Whether `value` is a member, and its index or where it would go.
    @inline(__always)
    private func search(_ value: Int64) -> (found: Bool, index: Int) {
        switch width {
        case 2: return halve(Int16(truncatingIfNeeded: value))
        case 4: return halve(Int32(truncatingIfNeeded: value))
        default: return halve(value)
        }
    }

    @inline(__always)
    private func halve<T: FixedWidthInteger & BitwiseCopyable>(
        _ value: T
    ) -> (found: Bool, index: Int) {
        let base = UnsafeRawPointer(raw) + Self.headerBytes
        let size = MemoryLayout<T>.size
        var low = 0
        var length = count
        // Halving without a branch that depends on the data.
        while length > 1 {
            let half = length / 2
            let middle = T(
                littleEndian: base.loadUnaligned(
                    fromByteOffset: (low &+ half) &* size, as: T.self))
            low = middle <= value ? low &+ half : low
            length &-= half
        }
        guard length == 1 else { return (false, 0) }
        let at = T(littleEndian: base.loadUnaligned(fromByteOffset: low &* size, as: T.self))
        return (at == value, at < value ? low &+ 1 : low)
    }

    @inline(__always)
    private static func width(for value: Int64) -> Int {
        if value == Int64(Int16(truncatingIfNeeded: value)) { return 2 }
        if value == Int64(Int32(truncatingIfNeeded: value)) { return 4 }
        return 8
    }

    @inline(__always)
    private func load(_ index: Int, _ width: Int) -> Int64 {
        let offset = Self.headerBytes &+ index &* width
        switch width {
        case 2:
            let stored = raw.loadUnaligned(fromByteOffset: offset, as: Int16.self)
            return Int64(Int16(littleEndian: stored))
        case 4:
            let stored = raw.loadUnaligned(fromByteOffset: offset, as: Int32.self)
            return Int64(Int32(littleEndian: stored))
        default:
            return Int64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: Int64.self))
        }
    }

    @inline(__always)
    private func store(_ value: Int64, _ index: Int, _ width: Int) {
        let offset = Self.headerBytes &+ index &* width
        switch width {
        case 2:
            let stored = Int16(truncatingIfNeeded: value).littleEndian
            raw.storeBytes(of: stored, toByteOffset: offset, as: Int16.self)
        case 4:
            let stored = Int32(truncatingIfNeeded: value).littleEndian
            raw.storeBytes(of: stored, toByteOffset: offset, as: Int32.self)
        default:
            raw.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Int64.self)
        }
    }

    @inline(__always)
    private func setHeader(width: Int, count: Int) {
        raw.storeBytes(of: UInt32(truncatingIfNeeded: width).littleEndian, as: UInt32.self)
        let stored = UInt32(truncatingIfNeeded: count).littleEndian
        raw.storeBytes(of: stored, toByteOffset: 4, as: UInt32.self)
    }

    @inline(__always)
    private mutating func resize(from before: Int, to after: Int) {
        let room = Heap.footprint(after)
        if room != Heap.footprint(before) { raw = Heap.reallocate(raw, from: before, to: room) }
    }

    // MARK: Validation

    /// Whether `bytes` is an intset with at least one member (Redis writes no empty ones); with
    /// `deep` also that it ascends. Never traps, whatever the bytes. O(1) or O(n).
    /// Source: Redis `intsetValidateIntegrity`.
    static func validate(_ bytes: Bytes, deep: Bool) -> Bool {
        guard bytes.count > headerBytes else { return false }
        let set = IntSet(reading: bytes)
        let width = set.width
        guard width == 2 || width == 4 || width == 8 else { return false }
        guard set.count > 0, set.totalBytes == bytes.count else { return false }
        guard deep else { return true }
        for i in 1..<set.count where set.load(i - 1, width) >= set.load(i, width) {
            return false
        }
        return true
    }
}
