// How an `OrderTree` changes its shape: splits, shifts to a neighbour, merges, and the counts and
// first items that inner nodes keep about their children.

extension OrderTree {
    // MARK: Insertion

    /// Adds `item` at the end of a path made by `locate`. O(log n).
    mutating func insert(_ item: OrderItem, at path: Path) {
        count += 1
        if root == nil {
            let leaf = makeLeaf(6)
            root = leaf.raw
            lastLeaf = leaf
            leaf.insert(item, at: 0)
            return
        }
        var carry: OrderInner.Child?
        if OrderLeaf(raw: path[height].node).count == OrderLeaf(raw: path[height].node).capacity {
            carry = makeRoom(path)
        }
        // `makeRoom` has set the path right unless the place is in the new leaf.
        let step = path[height]
        let leaf = OrderLeaf(raw: step.node)
        if let right = carry, step.index > leaf.count || leaf.count == OrderLeaf.capacityMax {
            OrderLeaf(raw: right.node).insert(item, at: step.index - leaf.count)
        } else {
            leaf.insert(item, at: step.index)
        }
        if let right = carry { carry = describe(OrderLeaf(raw: right.node)) }
        climb(path, carry)
    }

    /// Brings the ancestors up to date after one item was added, and adds the new leaf `carry`.
    private mutating func climb(_ path: Path, _ new: OrderInner.Child?) {
        var carry = new
        var level = height - 1
        while level >= 0 {
            let inner = OrderInner(raw: path[level].node)
            let index = path[level].index
            let node = inner.children[index]
            let isLeaf = level == height - 1
            if carry == nil {
                inner.totals[index] &+= 1
            } else {
                inner.totals[index] =
                    isLeaf ? OrderLeaf(raw: node).count : OrderInner(raw: node).total
            }
            inner.setItem(
                index, isLeaf ? OrderLeaf(raw: node).items[0] : OrderInner(raw: node).item(0))
            if let child = carry { carry = add(child, to: inner, at: index + 1) }
            level -= 1
        }
        guard let right = carry else { return }
        let top = makeInner()
        let old = root.unsafelyUnwrapped
        top.insert(
            height == 0 ? describe(OrderLeaf(raw: old)) : describe(OrderInner(raw: old)), at: 0)
        top.insert(right, at: 1)
        root = top.raw
        height += 1
        precondition(height < Self.stepsMax)
    }

    /// Adds a child; returns the new right half when the node had to split.
    private mutating func add(
        _ child: OrderInner.Child, to inner: OrderInner, at index: Int
    ) -> OrderInner.Child? {
        if inner.count < OrderInner.capacity {
            inner.insert(child, at: index)
            return nil
        }
        let right = makeInner()
        // Appending leaves the node full, as with leaves; two of it move to be no stump.
        let keep = index == inner.count ? inner.count - 1 : inner.count / 2
        inner.move(from: keep, toEndOf: right)
        if index > keep {
            right.insert(child, at: index - keep)
        } else {
            inner.insert(child, at: index)
        }
        return describe(right)
    }

    /// The leaf at the end of the path is full: makes it larger, shifts some of it to the left
    /// neighbour, or splits it and returns the new right leaf.
    private mutating func makeRoom(_ path: Path) -> OrderInner.Child? {
        let leaf = OrderLeaf(raw: path[height].node)
        if leaf.capacity < OrderLeaf.capacityMax {
            growRootLeaf(path)
            return nil
        }
        let atEnd = leaf.next == nil && path[height].index == leaf.count
        if !atEnd && (shiftLeft(path) || shiftRight(path)) { return nil }
        let keep = atEnd ? leaf.count : leaf.count / 2
        let right = makeLeaf(OrderLeaf.capacityMax)
        leaf.move(leaf.count - keep, from: keep, toEndOf: right)
        leaf.count = keep
        right.next = leaf.next
        right.previous = leaf
        leaf.next?.previous = right
        leaf.next = right
        if right.next == nil { lastLeaf = right }
        return OrderInner.Child(node: right.raw, first: OrderItem(key: 0, value: 0), total: 0)
    }

    /// Only a root that is a leaf is smaller than full size: 6, 14, 30, then 62 items.
    private mutating func growRootLeaf(_ path: Path) {
        precondition(height == 0)
        let old = OrderLeaf(raw: path[0].node)
        let new = makeLeaf(min(old.capacity * 2 + 2, OrderLeaf.capacityMax))
        old.move(old.count, from: 0, toEndOf: new)
        free(old)
        root = new.raw
        lastLeaf = new
        path[0].node = new.raw
    }

    /// Free places that make it worth to move items to a neighbour instead of splitting.
    private static var freeMin: Int { 6 }

    /// Moves items of a full leaf to its left neighbour under the same parent, if that has free
    /// places, and follows with the path. This and `shiftRight` keep leaves about 80 % full.
    private func shiftLeft(_ path: Path) -> Bool {
        if height == 0 || path[height - 1].index == 0 { return false }
        let parent = OrderInner(raw: path[height - 1].node)
        let index = path[height - 1].index
        let leaf = OrderLeaf(raw: path[height].node)
        let left = OrderLeaf(raw: parent.children[index - 1])
        let end = left.count
        let number = (OrderLeaf.capacityMax - end) / 2
        if number * 2 < Self.freeMin { return false }
        leaf.move(number, from: 0, toEndOf: left)
        leaf.remove(number, at: 0)
        parent.totals[index - 1] += number
        parent.totals[index] -= number
        parent.setItem(index, leaf.items[0])
        if path[height].index <= number {
            path[height - 1].index -= 1
            path[height] = Step(node: left.raw, index: end + path[height].index)
        } else {
            path[height].index -= number
        }
        return true
    }

    /// The same towards the right neighbour.
    private func shiftRight(_ path: Path) -> Bool {
        if height == 0 { return false }
        let parent = OrderInner(raw: path[height - 1].node)
        let index = path[height - 1].index
        if index + 1 == parent.count { return false }
        let leaf = OrderLeaf(raw: path[height].node)
        let right = OrderLeaf(raw: parent.children[index + 1])
        let number = (OrderLeaf.capacityMax - right.count) / 2
        if number * 2 < Self.freeMin { return false }
        let keep = leaf.count - number
        right.makeGap(number)
        right.items.update(from: leaf.items + keep, count: number)
        leaf.count = keep
        parent.totals[index] -= number
        parent.totals[index + 1] += number
        parent.setItem(index + 1, right.items[0])
        if path[height].index > keep {
            path[height - 1].index += 1
            path[height] = Step(node: right.raw, index: path[height].index - keep)
        }
        return true
    }

    // MARK: Removal

    /// Removes `number` items of one leaf, from the end of a path. O(log n).
    mutating func removeRun(_ path: Path, _ number: Int) {
        let leaf = OrderLeaf(raw: path[height].node)
        leaf.remove(number, at: path[height].index)
        count -= number
        if count == 0 { return removeAll() }
        var level = height - 1
        while level >= 0 {
            let inner = OrderInner(raw: path[level].node)
            let index = path[level].index
            inner.totals[index] &-= number
            if level == height - 1 { tidyLeaf(inner, index) } else { tidyInner(inner, index) }
            level -= 1
        }
        while height > 0, let top = root.map(OrderInner.init), top.count == 1 {
            root = top.children[0]
            height -= 1
            free(top)
        }
    }

    /// Removes, merges or re-describes child `index`, a leaf that has lost items.
    private mutating func tidyLeaf(_ parent: OrderInner, _ index: Int) {
        let leaf = OrderLeaf(raw: parent.children[index])
        if leaf.count == 0 {
            unlink(leaf)
            parent.remove(at: index)
            return
        }
        parent.setItem(index, leaf.items[0])
        if leaf.count > OrderLeaf.capacityMax / 4 { return }
        let fits = OrderLeaf.capacityMax * 3 / 4
        for left in [index - 1, index] where left >= 0 && left + 1 < parent.count {
            let into = OrderLeaf(raw: parent.children[left])
            let from = OrderLeaf(raw: parent.children[left + 1])
            if into.count + from.count > fits { continue }
            from.move(from.count, from: 0, toEndOf: into)
            parent.totals[left] += parent.totals[left + 1]
            parent.remove(at: left + 1)
            unlink(from)
            return
        }
    }

    /// The same for a child that is an inner node.
    private mutating func tidyInner(_ parent: OrderInner, _ index: Int) {
        let child = OrderInner(raw: parent.children[index])
        if child.count == 0 {
            free(child)
            parent.remove(at: index)
            return
        }
        parent.setItem(index, child.item(0))
        if child.count > OrderInner.capacity / 4 { return }
        let fits = OrderInner.capacity * 3 / 4
        for left in [index - 1, index] where left >= 0 && left + 1 < parent.count {
            let into = OrderInner(raw: parent.children[left])
            let from = OrderInner(raw: parent.children[left + 1])
            if into.count + from.count > fits { continue }
            from.move(from: 0, toEndOf: into)
            parent.totals[left] += parent.totals[left + 1]
            parent.remove(at: left + 1)
            free(from)
            return
        }
    }

    /// Takes a leaf out of the chain and frees it.
    private mutating func unlink(_ leaf: OrderLeaf) {
        leaf.previous?.next = leaf.next
        leaf.next?.previous = leaf.previous
        if lastLeaf == leaf { lastLeaf = leaf.previous }
        free(leaf)
    }

    // MARK: Nodes' memory

    private func describe(_ leaf: OrderLeaf) -> OrderInner.Child {
        OrderInner.Child(node: leaf.raw, first: leaf.items[0], total: leaf.count)
    }

    private func describe(_ inner: OrderInner) -> OrderInner.Child {
        OrderInner.Child(node: inner.raw, first: inner.item(0), total: inner.total)
    }

    private mutating func makeLeaf(_ capacity: Int) -> OrderLeaf {
        memoryBytes += Heap.footprint(OrderLeaf.byteCount(capacity))
        return OrderLeaf.make(capacity: capacity)
    }

    private mutating func makeInner() -> OrderInner {
        memoryBytes += Heap.footprint(OrderInner.byteCount)
        return OrderInner.make()
    }

    private mutating func free(_ leaf: OrderLeaf) {
        memoryBytes -= Heap.footprint(leaf.byteCount)
        leaf.free()
    }

    private mutating func free(_ inner: OrderInner) {
        memoryBytes -= Heap.footprint(OrderInner.byteCount)
        inner.free()
    }
}
