// A list: elements in order, pushed and popped at both ends.
//
// One encoding: a `QuickList`, a row of listpacks of bounded size. It serves lists of one element
// and of millions alike, for a list with a single node is that node and 40 bytes around it.
//
// A `ListValue` is a view of its entry and owns nothing. Whoever removes the last element deletes
// the key; an empty list exists only between `create` and the first `push`. Elements are lent as
// bytes, valid within the closure only, which must not change this list. `fill` is
// `list-max-listpack-size`, the bound on a node.

enum ListEnd {
    case head
    case tail
}

struct ListValue {
    let entry: Entry

    @inline(__always)
    init(_ entry: Entry) { self.entry = entry }

    /// Makes the entry, just allocated with the encoding `.quickList`, an empty list.
    static func create(in entry: Entry) -> ListValue {
        entry.pointer = Box.create(QuickList())
        return ListValue(entry)
    }

    @inline(__always)
    private var list: UnsafeMutablePointer<QuickList> { Box.lend(entry.pointer, QuickList.self) }

    /// Number of elements. O(1).
    @inline(__always)
    var count: Int { list.pointee.count }

    /// The indexes that `start` and `stop` (inclusive, negative: from the end) mean in a list of
    /// `count` elements. They may be any numbers.
    static func range(_ start: Int, _ stop: Int, of count: Int) -> Range<Int> {
        let first = Swift.max(start < 0 ? start + count : start, 0)
        let last = Swift.min(stop < 0 ? stop + count : stop, count - 1)
        return first <= last ? first..<last + 1 : 0..<0
    }

    // MARK: Ends

    /// O(length) at the tail, O(node) at the head; amortized.
    @inline(__always)
    func push(_ element: Bytes, at end: ListEnd, fill: Int) {
        switch end {
        case .head: list.pointee.pushFront(element, limit: fill)
        case .tail: list.pointee.pushBack(element, limit: fill)
        }
    }

    /// Lends the outermost element and removes it. The list must not be empty. O(node).
    @inline(__always)
    func pop(_ end: ListEnd, _ body: (Bytes) -> Void) {
        switch end {
        case .head: _ = list.pointee.popFront(body)
        case .tail: _ = list.pointee.popBack(body)
        }
    }

    // MARK: Reading

    /// Lends the element number `index` (negative: from the end); nil when out of range.
    /// O(nodes to the nearer end).
    @inline(__always)
    func withElement<R>(at index: Int, _ body: (Bytes) -> R) -> R? {
        list.pointee.withElement(at: index, body)
    }

    /// Lends the elements of `range`, which lies within the list. O(nodes to it + elements).
    @inline(__always)
    func forEach(in range: Range<Int>, _ body: (Bytes) -> Void) {
        list.pointee.forEach(from: range.lowerBound, count: range.count, body)
    }

    /// Lends the `wanted` outermost elements from an end inwards. O(elements).
    @inline(__always)
    func forEach(from end: ListEnd, _ wanted: Int, _ body: (Bytes) -> Void) {
        switch end {
        case .head: list.pointee.forEach(from: 0, count: wanted, body)
        case .tail: list.pointee.forEachReversed(from: count - 1, count: wanted, body)
        }
    }

    /// Calls `body` with the index of each element that equals `element`, from the `rank`-th match
    /// on (negative: from the end, backwards; not 0), at most `limit` of them and looking at no
    /// more than `comparisonsMax` elements (0 for either: no bound). O(n).
    func positions(
        of element: Bytes, rank: Int, limit: Int, comparisonsMax: Int, _ body: (Int) -> Void
    ) {
        list.pointee.positions(
            of: element, rank: rank, limit: limit, comparisonsMax: comparisonsMax, body)
    }

    // MARK: Changing

    /// Replaces the element number `index` (negative: from the end); false when out of range.
    func replace(at index: Int, with element: Bytes, fill: Int) -> Bool {
        list.pointee.set(index, element, limit: fill)
    }

    /// Inserts beside the first element that equals `pivot`; false when there is none. O(n).
    func insert(_ element: Bytes, pivot: Bytes, after: Bool, fill: Int) -> Bool {
        list.pointee.insert(element, pivot: pivot, after: after, limit: fill)
    }

    /// Removes elements that equal `element`: the first `wanted`, or the last when negative, or
    /// all for 0. Returns how many. O(n).
    func remove(_ wanted: Int, equalTo element: Bytes) -> Int {
        list.pointee.remove(wanted, equalTo: element)
    }

    /// Removes the elements of `range`, which lies within the list. O(nodes).
    func removeRange(_ range: Range<Int>) {
        list.pointee.removeRange(range.lowerBound, range.count)
    }
}
