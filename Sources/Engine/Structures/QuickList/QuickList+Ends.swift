// Pushing and popping: what most lists see all day.

import Glibc

extension QuickList {
    /// Adds an element at the end; `limit` is `list-max-listpack-size`. O(length), amortized.
    mutating func pushBack(_ bytes: Bytes, limit: Int) {
        let limit = QuickListLimit(limit)
        count += 1
        if ring.count > 0 {
            let slot = ring.slot(ring.count &- 1)
            if slot.pointee.admits(bytes.count, limit) {
                var pack = slot.pointee.pack
                pack.append(bytes)
                slot.pointee.update(pack, 1)
                return
            }
        }
        ring.append(QuickListNode(bytes, limit))
    }

    /// Adds an element at the front; `limit` is `list-max-listpack-size`. O(node).
    mutating func pushFront(_ bytes: Bytes, limit: Int) {
        let limit = QuickListLimit(limit)
        count += 1
        if ring.count > 0 {
            let slot = ring.slot(0)
            if slot.pointee.admits(bytes.count, limit) {
                var pack = slot.pointee.pack
                pack.prepend(bytes)
                slot.pointee.update(pack, 1)
                return
            }
        }
        ring.prepend(QuickListNode(bytes, limit))
    }

    /// Lends the first element to `body`, then removes it; nil when the list is empty. If `body`
    /// throws the element stays. O(node).
    @inline(__always)
    mutating func popFront<R>(_ body: (Bytes) throws -> R) rethrows -> R? {
        guard count > 0 else { return nil }
        let result = try lend(ring[0], ListPack.headerBytes, body)
        remove(QuickListPlace(node: 0, position: ListPack.headerBytes))
        return result
    }

    /// Lends the last element to `body`, then removes it; nil when the list is empty. If `body`
    /// throws the element stays. O(length).
    @inline(__always)
    mutating func popBack<R>(_ body: (Bytes) throws -> R) rethrows -> R? {
        guard count > 0 else { return nil }
        let last = ring.count &- 1
        let node = ring[last]
        let position = node.isPlain ? 0 : node.pack.last.unsafelyUnwrapped
        let result = try lend(node, position, body)
        remove(QuickListPlace(node: last, position: position))
        return result
    }

    /// Lends one element of a node.
    @inline(__always)
    func lend<R>(
        _ node: QuickListNode, _ position: ListPack.Position, _ body: (Bytes) throws -> R
    ) rethrows -> R {
        node.isPlain ? try body(node.bytes) : try node.pack.withBytes(at: position, body)
    }

    /// Removes one element, and its node when it was the only one.
    mutating func remove(_ place: QuickListPlace) {
        let slot = ring.slot(place.node)
        count &-= 1
        if slot.pointee.count == 1 {
            slot.pointee.destroy()
            ring.remove(place.node, 1)
        } else {
            var pack = slot.pointee.pack
            pack.delete(at: place.position)
            slot.pointee.update(pack, -1)
        }
    }
}
