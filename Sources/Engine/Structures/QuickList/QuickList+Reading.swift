// Finding and lending elements: LINDEX, LRANGE, LPOS.

import Glibc

/// Where an element is: the node's number, and the position in its listpack (any, when plain).
struct QuickListPlace {
    var node: Int
    var position: ListPack.Position
}

extension QuickList {
    /// `index`, counted from the end when negative (-1 is the last), as 0..<count; else nil.
    @inline(__always)
    func resolve(_ index: Int) -> Int? {
        let index = index < 0 ? index &+ count : index
        return index >= 0 && index < count ? index : nil
    }

    /// Node and offset in the node of the element number `index`, which must be in range.
    /// O(nodes to the nearer end).
    func locate(_ index: Int) -> (node: Int, offset: Int) {
        assert(index >= 0 && index < count)
        if index < count / 2 {
            var left = index
            var node = 0
            while true {
                let held = ring[node].count
                if left < held { return (node, left) }
                left &-= held
                node &+= 1
            }
        }
        var left = count &- index  // the wanted one is the left-th from the end
        var node = ring.count &- 1
        while true {
            let held = ring[node].count
            if left <= held { return (node, held &- left) }
            left &-= held
            node &-= 1
        }
    }

    /// The place of the element number `index`, which must be in range.
    func place(_ index: Int) -> QuickListPlace {
        let (number, offset) = locate(index)
        return QuickListPlace(node: number, position: Self.seek(ring[number], offset))
    }

    @inline(__always)
    private static func seek(_ node: QuickListNode, _ offset: Int) -> ListPack.Position {
        if node.isPlain { return 0 }
        // From the nearer end, even where the listpack itself does not know its count.
        let fromEnd = offset > node.count / 2
        return node.pack.seek(fromEnd ? offset &- node.count : offset).unsafelyUnwrapped
    }

    /// Lends the element number `index` (negative: from the end), nil when out of range.
    /// O(nodes to the nearer end + elements of one node).
    @inline(__always)
    func withElement<R>(at index: Int, _ body: (Bytes) throws -> R) rethrows -> R? {
        guard let index = resolve(index) else { return nil }
        let found = place(index)
        return try lend(ring[found.node], found.position, body)
    }

    /// Lends up to `wanted` elements from number `start` on, in order; `start` must not be
    /// negative. O(nodes to the start + elements).
    @inline(__always)
    func forEach(
        from start: Int = 0, count wanted: Int = .max, _ body: (Bytes) throws -> Void
    ) rethrows {
        guard start >= 0, start < count, wanted > 0 else { return }
        var left = Swift.min(wanted, count &- start)
        var (number, offset) = locate(start)
        var scratch: (UInt64, UInt64, UInt64) = (0, 0, 0)
        try withUnsafeMutableBytes(of: &scratch) { room in
            let out = room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            while left > 0 {
                let node = ring[number]
                if node.isPlain {
                    try body(node.bytes)
                    left &-= 1
                } else {
                    let pack = node.pack
                    var position = Self.seek(node, offset)
                    var here = Swift.min(left, node.count &- offset)
                    left &-= here
                    while here > 0 {
                        try body(pack.bytes(at: position, scratch: out))
                        position = pack.after(position)
                        here &-= 1
                    }
                }
                number &+= 1
                offset = 0
            }
        }
    }

    /// Lends up to `wanted` elements from number `start` backwards; `start` must be below
    /// `count`. O(nodes to the start + elements).
    @inline(__always)
    func forEachReversed(
        from start: Int, count wanted: Int = .max, _ body: (Bytes) throws -> Void
    ) rethrows {
        guard start >= 0, start < count, wanted > 0 else { return }
        var left = Swift.min(wanted, start &+ 1)
        var (number, offset) = locate(start)
        var scratch: (UInt64, UInt64, UInt64) = (0, 0, 0)
        try withUnsafeMutableBytes(of: &scratch) { room in
            let out = room.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
            while left > 0 {
                let node = ring[number]
                if node.isPlain {
                    try body(node.bytes)
                    left &-= 1
                } else {
                    let pack = node.pack
                    var position = Optional(Self.seek(node, offset))
                    while left > 0, let at = position {
                        try body(pack.bytes(at: at, scratch: out))
                        position = pack.previous(at)
                        left &-= 1
                    }
                }
                number &-= 1
                if number >= 0 { offset = ring[number].count &- 1 }
            }
        }
    }

    // MARK: Search

    /// Calls `body` with the index of each element that equals `value`, as LPOS counts: from the
    /// `rank`-th match on (negative: from the end, and then backwards; not 0), at most `limit`
    /// of them and looking at no more than `comparisonsMax` elements (0: no bound). O(n).
    func positions(
        of value: Bytes, rank: Int = 1, limit: Int = 0, comparisonsMax: Int = 0,
        _ body: (Int) -> Void
    ) {
        precondition(rank != 0)
        var skip = rank.magnitude - 1
        var wanted = limit > 0 ? limit : Int.max
        var left = comparisonsMax > 0 ? comparisonsMax : Int.max
        let needle = ListPackNeedle(value)
        scan(needle, backward: rank < 0) { _, index, matches in
            left -= 1
            guard matches else { return left > 0 }
            if skip > 0 {
                skip -= 1
                return left > 0
            }
            body(index)
            wanted -= 1
            return wanted > 0 && left > 0
        }
    }

    /// The place of the first element that equals `value`. O(n).
    func find(_ value: Bytes) -> QuickListPlace? {
        var found: QuickListPlace?
        scan(ListPackNeedle(value), backward: false) { place, _, matches in
            if matches { found = place }
            return !matches
        }
        return found
    }

    /// Compares element after element, until `body` returns false.
    @inline(__always)
    private func scan(
        _ needle: ListPackNeedle, backward: Bool,
        _ body: (_ place: QuickListPlace, _ index: Int, _ matches: Bool) -> Bool
    ) {
        var index = backward ? count &- 1 : 0
        let step = backward ? -1 : 1
        var number = backward ? ring.count &- 1 : 0
        while number >= 0, number < ring.count {
            let node = ring[number]
            if node.isPlain {
                let matches = node.bytes.equals(needle.bytes)
                let place = QuickListPlace(node: number, position: 0)
                if !body(place, index, matches) { return }
                index &+= step
            } else {
                let pack = node.pack
                var position = backward ? pack.last : pack.first
                while let at = position {
                    let place = QuickListPlace(node: number, position: at)
                    if !body(place, index, needle.matches(pack.raw + at)) { return }
                    index &+= step
                    position = backward ? pack.previous(at) : pack.next(at)
                }
            }
            number &+= step
        }
    }
}
