// Changing the middle: LSET, LINSERT, LREM, LTRIM. `limit` is `list-max-listpack-size`.

import Glibc

extension QuickList {
    /// Replaces the element number `index` (negative: from the end); false when out of range.
    /// O(nodes to the nearer end + node).
    mutating func set(_ index: Int, _ bytes: Bytes, limit: Int) -> Bool {
        guard let index = resolve(index) else { return false }
        let bound = QuickListLimit(limit)
        let place = self.place(index)
        let slot = ring.slot(place.node)
        if slot.pointee.count == 1 {
            slot.pointee.destroy()
            slot.initialize(to: QuickListNode(bytes, bound))
            return true
        }
        var pack = slot.pointee.pack
        let old = pack.after(place.position) - place.position
        if bound.allows(bytes: pack.totalBytes - old + bytes.count + 8, count: 0) {
            pack.replace(at: place.position, with: bytes)
            slot.pointee.update(pack, 0)
            return true
        }
        // It no longer fits: out with the old one, in with the new, which may split the node.
        remove(place)
        insert(bytes, at: index, limit: limit)
        return true
    }

    /// Makes `bytes` the element number `index`, in 0...count. O(nodes to the nearer end + node).
    mutating func insert(_ bytes: Bytes, at index: Int, limit: Int) {
        precondition(index >= 0 && index <= count)
        if index == count {
            pushBack(bytes, limit: limit)
        } else {
            insert(bytes, at: place(index), after: false, QuickListLimit(limit))
        }
    }

    /// Inserts before or after the first element that equals `pivot`; false when there is none.
    /// O(n).
    mutating func insert(_ bytes: Bytes, pivot: Bytes, after: Bool, limit: Int) -> Bool {
        guard let place = find(pivot) else { return false }
        insert(bytes, at: place, after: after, QuickListLimit(limit))
        return true
    }

    private mutating func insert(
        _ bytes: Bytes, at place: QuickListPlace, after: Bool, _ limit: QuickListLimit
    ) {
        count += 1
        let number = place.node
        let slot = ring.slot(number)
        if slot.pointee.admits(bytes.count, limit) {
            var pack = slot.pointee.pack
            if after {
                pack.insert(bytes, after: place.position)
            } else {
                pack.insert(bytes, before: place.position)
            }
            return slot.pointee.update(pack, 1)
        }
        let node = slot.pointee
        var gap = ListPack.headerBytes  // where in the listpack the element would go
        var atEnd = after
        if !node.isPlain {
            gap = after ? node.pack.after(place.position) : place.position
            atEnd = gap == node.pack.endOffset
        }
        if atEnd || gap == ListPack.headerBytes {
            insertBetween(bytes, before: atEnd ? number + 1 : number, limit)
        } else {
            var pack = node.pack
            let tail = pack.split(at: gap)
            let moved = countElements(tail, total: node.count, head: pack)
            slot.pointee.update(pack, -moved)
            ring.insert(QuickListNode(tail, moved), at: number + 1)
            insertBetween(bytes, before: number + 1, limit)
            var at = Swift.min(number + 2, ring.count - 2)
            while at >= Swift.max(number - 1, 0) {
                merge(at, limit)
                at -= 1
            }
        }
    }

    private func countElements(_ tail: ListPack, total: Int, head: ListPack) -> Int {
        // One of the two may be too long to know its count; the other tells.
        tail.headerCount != ListPack.countUnknown ? tail.headerCount : total - head.count
    }

    /// Puts an element between two nodes: into either, if it fits, or into a node of its own.
    private mutating func insertBetween(
        _ bytes: Bytes, before number: Int, _ limit: QuickListLimit
    ) {
        if number > 0, ring[number - 1].admits(bytes.count, limit) {
            let slot = ring.slot(number - 1)
            var pack = slot.pointee.pack
            pack.append(bytes)
            slot.pointee.update(pack, 1)
        } else if number < ring.count, ring[number].admits(bytes.count, limit) {
            let slot = ring.slot(number)
            var pack = slot.pointee.pack
            pack.prepend(bytes)
            slot.pointee.update(pack, 1)
        } else {
            ring.insert(QuickListNode(bytes, limit), at: number)
        }
    }

    /// Joins the node and the next if one node may hold both.
    private mutating func merge(_ number: Int, _ limit: QuickListLimit) {
        guard number + 1 < ring.count else { return }
        let slot = ring.slot(number)
        let next = ring[number + 1]
        guard !slot.pointee.isPlain, !next.isPlain else { return }
        var pack = slot.pointee.pack
        let together = pack.totalBytes + next.pack.totalBytes - ListPack.headerBytes - 1
        guard limit.allows(bytes: together, count: slot.pointee.count + next.count) else { return }
        pack.append(contentsOf: next.pack)
        slot.pointee.update(pack, next.count)
        next.destroy()
        ring.remove(number + 1, 1)
    }

    // MARK: Removing

    /// Removes `removed` elements from number `start` on, fewer at the end; `start` must not be
    /// negative. O(nodes): whole nodes go without being looked at.
    mutating func removeRange(_ start: Int, _ removed: Int) {
        guard start >= 0, start < count, removed > 0 else { return }
        var left = Swift.min(removed, count - start)
        count -= left
        var (number, offset) = locate(before: left, start)
        if offset > 0 {
            let here = Swift.min(left, ring[number].count - offset)
            removeElements(number, offset, here)
            left -= here
            number += 1
        }
        let first = number
        while left > 0, ring[number].count <= left {
            left -= ring[number].count
            ring[number].destroy()
            number += 1
        }
        if left > 0 { removeElements(number, 0, left) }
        ring.remove(first, number - first)
    }

    /// `locate`, while `count` is already without the `removed` elements.
    private mutating func locate(before removed: Int, _ start: Int) -> (Int, Int) {
        count += removed
        defer { count -= removed }
        return locate(start)
    }

    private mutating func removeElements(_ number: Int, _ offset: Int, _ removed: Int) {
        let slot = ring.slot(number)
        var pack = slot.pointee.pack
        // A negative offset spares the listpack counting itself.
        let held = slot.pointee.count
        pack.deleteRange(offset > held / 2 ? offset - held : offset, removed)
        slot.pointee.update(pack, -removed)
    }

    /// Removes elements that equal `value`: the first `wanted`, or the last when negative, or all
    /// for 0. Returns how many. O(n).
    mutating func remove(_ wanted: Int, equalTo value: Bytes) -> Int {
        let needle = ListPackNeedle(value)
        var left = wanted == 0 ? UInt.max : wanted.magnitude
        let backward = wanted < 0
        var removed = 0
        var emptied = false
        let nodes = ring.count
        for step in 0..<nodes where left > 0 {
            let slot = ring.slot(backward ? nodes - 1 - step : step)
            let gone: Int
            if slot.pointee.isPlain {
                gone = slot.pointee.bytes.equals(value) ? 1 : 0
                if gone == 1 { emptyPlain(slot) }
            } else {
                gone = Self.remove(needle, slot, left, backward)
            }
            left -= UInt(gone)
            removed += gone
            emptied = emptied || slot.pointee.count == 0
        }
        count -= removed
        if emptied { ring.removeEmpty() }
        return removed
    }

    /// Leaves an empty listpack, which `removeEmpty` takes away.
    private func emptyPlain(_ slot: UnsafeMutablePointer<QuickListNode>) {
        slot.pointee.destroy()
        slot.initialize(to: QuickListNode(ListPack.create(), 0))
    }

    private static func remove(
        _ needle: ListPackNeedle, _ slot: UnsafeMutablePointer<QuickListNode>, _ wanted: UInt,
        _ backward: Bool
    ) -> Int {
        var pack = slot.pointee.pack
        var gone = 0
        var position = backward ? pack.last : pack.first
        while let at = position, UInt(gone) < wanted {
            if backward {
                position = pack.previous(at)
                guard needle.matches(pack.raw + at) else { continue }
                pack.delete(at: at)
                gone += 1
            } else if needle.matches(pack.raw + at) {
                position = pack.delete(at: at)
                gone += 1
            } else {
                position = pack.next(at)
            }
        }
        slot.pointee.update(pack, -gone)
        return gone
    }
}
