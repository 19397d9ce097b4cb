// A listpack: a sequence of short strings and integers in one allocation.
//
// Small hashes, sets and sorted sets, and the nodes of lists and streams, are listpacks, in the
// byte layout of Redis, exactly. The layout is worth copying for itself (two bytes of overhead
// per short element, integers at their natural width, walkable both ways), and more so because
// RDB files, DUMP payloads and cold records contain the very same bytes: spilling a small
// collection is a copy, and so is bringing it back.
//
//     total bytes u32le | elements u16le | element* | 0xFF
//     element: encoding byte and payload | length of those, 7 bits a byte, readable backwards
//
//     0xxxxxxx             integer 0...127           1110xxxx x    string, 12-bit length
//     10xxxxxx             string, 6-bit length      11110000 xxxx string, 32-bit length (le)
//     110xxxxx x           13-bit integer            1111 0001 / 0010 / 0011 / 0100
//                                                    16-, 24-, 32-, 64-bit integer (le)
//
// 65535 elements means "unknown, count them". An element that spells a canonical integer is
// stored as one. Source of the layout: antirez's "Listpack specification".
//
// `ListPack` is a handle, not an owner: it holds the address, whoever stores the address owns
// the memory and calls `destroy`. Mutating calls may move it; the owner stores `raw` again. The
// memory always spans the whole allocator size class of `totalBytes`, which therefore is all
// that freeing must know, and growing inside the class moves nothing.
//
// Nothing here checks bytes that come from outside: `validate` does, once, and everything else
// trusts its answer. Reading never writes, so a handle may also be laid over borrowed bytes (a
// mapped page) for reading. Bytes passed in must not lie inside the listpack being changed.

import Glibc

/// Handle to a listpack; see the head of this file for ownership.
struct ListPack {
    /// Where the listpack is; changes when a mutating call moves it.
    private(set) var raw: UnsafeMutableRawPointer

    /// An element's place: the offset of its encoding byte. Valid until the next change, save
    /// where a mutating call says otherwise.
    typealias Position = Int

    static let headerBytes = 6
    static let countUnknown = 65535
    /// Redis refuses to grow a listpack beyond this (`LISTPACK_MAX_SAFETY_LIMIT`).
    static let totalBytesMax = 1 << 30

    /// A handle to the listpack at `raw`, which must be valid.
    @inline(__always)
    init(_ raw: UnsafeMutableRawPointer) { self.raw = raw }

    /// A handle for reading only, over bytes that someone else owns and that are valid.
    @inline(__always)
    init(reading bytes: Bytes) {
        raw = UnsafeMutableRawPointer(mutating: bytes.baseAddress.unsafelyUnwrapped)
    }

    /// A new, empty listpack, which the caller owns.
    static func create() -> ListPack {
        let raw = Heap.allocate(Heap.footprint(headerBytes + 1))
        raw.storeBytes(of: UInt32(headerBytes + 1).littleEndian, as: UInt32.self)
        raw.storeBytes(of: 0, toByteOffset: 4, as: UInt16.self)
        raw.storeBytes(of: 0xFF, toByteOffset: headerBytes, as: UInt8.self)
        return ListPack(raw)
    }

    /// A new listpack with one element, which the caller owns. O(length).
    static func create(_ bytes: Bytes) -> ListPack {
        let element = ListPackEncoding(bytes)
        let total = headerBytes + element.entryBytes + 1
        precondition(total <= totalBytesMax, "listpack over its size limit")
        let made = ListPack(Heap.allocate(Heap.footprint(total)))
        made.setTotalBytes(total)
        made.setHeaderCount(1)
        element.write(to: made.raw + headerBytes)
        made.raw.storeBytes(of: 0xFF, toByteOffset: total - 1, as: UInt8.self)
        return made
    }

    /// A new listpack with the content of `bytes`, which must be valid. O(bytes).
    static func copy(_ bytes: Bytes) -> ListPack {
        let raw = Heap.allocate(Heap.footprint(bytes.count))
        memcpy(raw, bytes.baseAddress.unsafelyUnwrapped, bytes.count)
        let made = ListPack(raw)
        assert(made.totalBytes == bytes.count)
        return made
    }

    /// Frees the memory; the handle and all copies of it are dead.
    @inline(__always)
    func destroy() { Heap.free(raw, totalBytes) }

    // MARK: Header

    /// Length of the whole, header and end included.
    @inline(__always)
    var totalBytes: Int { Int(UInt32(littleEndian: raw.loadUnaligned(as: UInt32.self))) }

    /// The serialized form, which is the memory itself.
    @inline(__always)
    var bytes: Bytes { Bytes(start: raw, count: totalBytes) }

    /// Number of elements. O(1) below 65535 elements, O(n) from there.
    @inline(__always)
    var count: Int {
        let known = headerCount
        return known == Self.countUnknown ? countByWalking() : known
    }

    @inline(__always)
    var isEmpty: Bool { raw.load(fromByteOffset: Self.headerBytes, as: UInt8.self) == 0xFF }

    @inline(__always)
    var headerCount: Int {
        Int(UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 4, as: UInt16.self)))
    }

    /// Offset of the end byte: where an append goes.
    @inline(__always)
    var endOffset: Int { totalBytes &- 1 }

    @inline(never)
    private func countByWalking() -> Int {
        var count = 0
        var p = UnsafeRawPointer(raw) + Self.headerBytes
        while p.load(as: UInt8.self) != 0xFF {
            p += ListPackEncoding.entryBytes(p)
            count += 1
        }
        return count
    }

    // MARK: What writing rests on

    @inline(__always)
    func setTotalBytes(_ total: Int) {
        raw.storeBytes(of: UInt32(truncatingIfNeeded: total).littleEndian, as: UInt32.self)
    }

    @inline(__always)
    func setHeaderCount(_ count: Int) {
        let stored = UInt16(truncatingIfNeeded: Swift.min(count, Self.countUnknown))
        raw.storeBytes(of: stored.littleEndian, toByteOffset: 4, as: UInt16.self)
    }

    /// Notes that elements came or went; from 65535 on the number stays unknown until a range is
    /// deleted.
    @inline(__always)
    func adjustCount(by delta: Int) {
        let known = headerCount
        if known != Self.countUnknown { setHeaderCount(known &+ delta) }
    }

    /// Gives the listpack of `before` bytes room for `room`.
    @inline(never)
    mutating func move(from before: Int, to room: Int) {
        raw = Heap.reallocate(raw, from: before, to: room)
    }

    /// Replaces `old` bytes at `offset` by a gap of `new` bytes, moving the tail and, when the
    /// size class changes, the whole. The total is updated, the gap's content is not.
    @inline(__always)
    mutating func splice(_ offset: Int, _ old: Int, _ new: Int) {
        let before = totalBytes
        let after = before &- old &+ new
        precondition(after <= Self.totalBytesMax, "listpack over its size limit")
        let tail = before &- offset &- old
        let room = Heap.footprint(after)
        let moves = room != Heap.footprint(before)
        if new > old {
            if moves { move(from: before, to: room) }
            memmove(raw + (offset &+ new), raw + (offset &+ old), tail)
        } else {
            if new < old { memmove(raw + (offset &+ new), raw + (offset &+ old), tail) }
            if moves { move(from: before, to: room) }
        }
        setTotalBytes(after)
    }
}
