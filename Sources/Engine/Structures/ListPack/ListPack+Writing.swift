// Changing a listpack. Each call may move it: the owner stores `raw` again afterwards.

import Glibc

extension ListPack {
    /// Whether `added` more bytes of elements stay within Redis's limit for a listpack; whoever
    /// adds without asking traps there. Ask with the lengths of the elements.
    @inline(__always)
    func canAdd(_ added: Int) -> Bool {
        added < Self.totalBytesMax && totalBytes &+ added &+ 64 <= Self.totalBytesMax
    }

    // MARK: Adding

    /// Adds an element at the end. O(length), amortized.
    @inline(__always)
    mutating func append(_ bytes: Bytes) { append(ListPackEncoding(bytes)) }

    /// Adds an integer at the end. O(1), amortized.
    @inline(__always)
    mutating func append(_ integer: Int64) { append(ListPackEncoding(integer)) }

    /// Adds an element at the front. O(total bytes), one move.
    mutating func prepend(_ bytes: Bytes) {
        insert(ListPackEncoding(bytes), at: Self.headerBytes)
    }

    /// Adds an integer at the front. O(total bytes), one move.
    mutating func prepend(_ integer: Int64) {
        insert(ListPackEncoding(integer), at: Self.headerBytes)
    }

    /// Inserts before the element at `position`, or at the end if that is `endOffset`. Returns
    /// the new element's position, which is `position`. O(total bytes), one move.
    @discardableResult
    mutating func insert(_ bytes: Bytes, before position: Position) -> Position {
        insert(ListPackEncoding(bytes), at: position)
        return position
    }

    /// Inserts an integer before the element at `position`, as above.
    @discardableResult
    mutating func insert(_ integer: Int64, before position: Position) -> Position {
        insert(ListPackEncoding(integer), at: position)
        return position
    }

    /// Inserts after the element at `position`. Returns the new element's position.
    @discardableResult
    mutating func insert(_ bytes: Bytes, after position: Position) -> Position {
        insert(bytes, before: after(position))
    }

    /// Inserts an integer after the element at `position`. Returns the new element's position.
    @discardableResult
    mutating func insert(_ integer: Int64, after position: Position) -> Position {
        insert(integer, before: after(position))
    }

    // MARK: Replacing

    /// Puts another element at `position`, which stays its position. O(total bytes), one move at
    /// most.
    mutating func replace(at position: Position, with bytes: Bytes) {
        replace(at: position, ListPackEncoding(bytes))
    }

    /// Puts an integer at `position`, as above.
    mutating func replace(at position: Position, with integer: Int64) {
        replace(at: position, ListPackEncoding(integer))
    }

    // MARK: Deleting

    /// Removes the element at `position`. Returns the position of the one that followed, nil at
    /// the end. O(total bytes), one move.
    @discardableResult
    mutating func delete(at position: Position) -> Position? {
        splice(position, after(position) &- position, 0)
        adjustCount(by: -1)
        return raw.load(fromByteOffset: position, as: UInt8.self) == 0xFF ? nil : position
    }

    /// Removes `count` elements starting with the one at `position`, fewer at the end. Returns
    /// the position of the one that followed, nil at the end. O(total bytes), one move.
    @discardableResult
    mutating func delete(at position: Position, count: Int) -> Position? {
        var end = position
        var deleted = 0
        while deleted < count, raw.load(fromByteOffset: end, as: UInt8.self) != 0xFF {
            end = after(end)
            deleted += 1
        }
        let unknown = headerCount == Self.countUnknown
        splice(position, end - position, 0)
        if unknown { recount() } else { adjustCount(by: -deleted) }
        return raw.load(fromByteOffset: position, as: UInt8.self) == 0xFF ? nil : position
    }

    /// Removes `count` elements from number `index` on (negative: from the end), fewer when there
    /// are fewer. O(total bytes), one move.
    mutating func deleteRange(_ index: Int, _ count: Int) {
        guard count > 0, let position = seek(index) else { return }
        delete(at: position, count: count)
    }

    // MARK: Whole

    /// Adds all elements of `other` at the end. O(bytes of other).
    mutating func append(contentsOf other: ListPack) {
        let added = other.totalBytes - Self.headerBytes - 1
        let elements = other.count
        let at = endOffset
        splice(at, 0, added)
        memcpy(raw + at, other.raw + Self.headerBytes, added)
        adjustCount(by: elements)
    }

    /// Moves the elements from `position` on into a new listpack, which the caller owns.
    /// O(total bytes).
    mutating func split(at position: Position) -> ListPack {
        let moved = totalBytes - position  // with the end byte
        let raw = Heap.allocate(Heap.footprint(Self.headerBytes + moved))
        memcpy(raw + Self.headerBytes, self.raw + position, moved)
        let tail = ListPack(raw)
        tail.setTotalBytes(Self.headerBytes + moved)
        tail.recount()
        let unknown = headerCount == Self.countUnknown
        splice(position, moved - 1, 0)
        if unknown { recount() } else { adjustCount(by: -tail.count) }
        return tail
    }

    // MARK: Below

    @inline(__always)
    private mutating func append(_ element: ListPackEncoding) {
        let entry = element.entryBytes
        let before = totalBytes
        let after = before &+ entry
        precondition(after <= Self.totalBytesMax, "listpack over its size limit")
        let room = Heap.footprint(after)
        if room != Heap.footprint(before) { move(from: before, to: room) }
        element.write(to: raw + (before &- 1))
        raw.storeBytes(of: 0xFF, toByteOffset: after &- 1, as: UInt8.self)
        setTotalBytes(after)
        adjustCount(by: 1)
    }

    private mutating func insert(_ element: ListPackEncoding, at position: Position) {
        splice(position, 0, element.entryBytes)
        element.write(to: raw + position)
        adjustCount(by: 1)
    }

    private mutating func replace(at position: Position, _ element: ListPackEncoding) {
        let old = after(position) - position
        let new = element.entryBytes
        if old != new { splice(position, old, new) }
        element.write(to: raw + position)
    }

    /// Sets the header's count by walking, where the number of elements was unknown.
    private func recount() {
        setHeaderCount(Self.countUnknown)
        setHeaderCount(count)
    }
}
