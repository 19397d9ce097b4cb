// A set: distinct members without order.
//
// Two encodings, as in Redis 7.0. While all members are integers and few, an intset: a sorted
// array, smaller than anything with pointers, copied as it is when it is spilled. Above
// `set-max-intset-entries`, or with a member that is no canonical integer, a `MemberTable` in
// hash order, whose order is also that of SSCAN cursors. The way back is never taken.
//
// A `SetValue` is a handle to a value that an entry, a `DetachedValue` or a command owns. It
// holds the encoding and the pointer, which changes may replace: whoever changes the set of an
// entry stores the handle again (`save`). Whoever removes the last member deletes the key.

/// When a set stops being an intset, and what keys its table.
struct SetLimits {
    /// Most members of an intset: `set-max-intset-entries`.
    let intSetCountMax: Int
    let secret: HashSecret
}

extension ListPackElement {
    /// The integer that the element spells, if it does.
    @inline(__always)
    var spelledInteger: Int64? {
        switch self {
        case .integer(let value): value
        case .bytes(let bytes): Numbers.parseInt64(bytes)
        }
    }
}

struct SetValue {
    private(set) var encoding: Encoding
    private(set) var pointer: UnsafeMutableRawPointer

    @inline(__always)
    init(_ entry: Entry) {
        encoding = entry.encoding
        pointer = entry.pointer
    }

    private init(encoding: Encoding, pointer: UnsafeMutableRawPointer) {
        self.encoding = encoding
        self.pointer = pointer
    }

    /// A new, empty set in the encoding that suits its first member; the caller owns it.
    static func create(for first: ListPackElement, _ limits: SetLimits) -> SetValue {
        if first.spelledInteger != nil {
            return SetValue(encoding: .intSet, pointer: IntSet.create().raw)
        }
        return createTable(limits)
    }

    /// A new, empty set that is a table whatever its members; the caller owns it.
    static func createTable(_ limits: SetLimits) -> SetValue {
        SetValue(encoding: .table, pointer: Box.create(MemberTable(secret: limits.secret)))
    }

    /// Hands the set to an entry, after a change or for the first time.
    @inline(__always)
    func save(to entry: Entry) {
        entry.encoding = encoding
        entry.pointer = pointer
    }

    /// The set between two owners.
    var detached: DetachedValue {
        DetachedValue(type: .set, encoding: encoding, storage: .pointer(pointer))
    }

    /// Frees a set that nobody owns any more. O(n).
    func destroy() { detached.destroy() }

    @inline(__always)
    var isIntSet: Bool { encoding == .intSet }

    @inline(__always)
    var intSet: IntSet { IntSet(pointer) }

    @inline(__always)
    var table: UnsafeMutablePointer<MemberTable> {
        Box.lend(pointer, MemberTable.self)
    }

    // MARK: Reading

    /// Number of members. O(1).
    @inline(__always)
    var count: Int { isIntSet ? intSet.count : table.pointee.count }

    /// O(1); O(log n) in an intset.
    @inline(__always)
    func contains(_ member: Bytes) -> Bool {
        if isIntSet {
            guard let integer = Numbers.parseInt64(member) else { return false }
            return intSet.contains(integer)
        }
        return table.pointee.contains(member)
    }

    @inline(__always)
    func contains(_ member: ListPackElement) -> Bool {
        switch member {
        case .bytes(let bytes): return contains(bytes)
        case .integer(let value):
            if isIntSet { return intSet.contains(value) }
            return Numbers.withFormatted(value) { table.pointee.contains($0) }
        }
    }

    /// Lends every member. O(n).
    @inline(__always)
    func forEach(_ body: (ListPackElement) -> Void) {
        if isIntSet {
            intSet.forEach { body(.integer($0)) }
        } else {
            table.pointee.forEach { body(.bytes($0)) }
        }
    }

    /// Lends members until `body` returns false. O(members lent).
    @inline(__always)
    func walk(_ body: (ListPackElement) -> Bool) {
        if isIntSet {
            let set = intSet
            var index = 0
            while index < set.count, body(.integer(set.get(index))) { index += 1 }
            return
        }
        var goesOn = true
        var position: UInt64? = 0
        while goesOn, let from = position {
            position = table.pointee.visit(from: from, atLeast: 64) {
                if goesOn { goesOn = body(.bytes($0)) }
            }
        }
    }

    /// Lends the members at or behind a position in hash space, about `count` of them; returns
    /// the position to continue at, 0 at the end. An intset is lent whole at once.
    ///
    /// Every member that is in the set from the first call to the last is lent. Positions stay
    /// below 2^53, and outlive any change of the set, spilling included.
    func scan(from cursor: UInt64, count: Int, _ body: (ListPackElement) -> Void) -> UInt64 {
        if isIntSet {
            forEach(body)
            return 0
        }
        guard cursor < 1 << 53 else { return 0 }
        let next = table.pointee.visit(from: cursor << 11, atLeast: count) { body(.bytes($0)) }
        return next.map { $0 >> 11 } ?? 0
    }

    // MARK: Changing

    /// Adds a member; false when it was there. O(1); O(n) in an intset.
    @inline(__always)
    mutating func add(_ member: Bytes, _ limits: SetLimits) -> Bool {
        if isIntSet {
            if let integer = Numbers.parseInt64(member) { return add(integer, limits) }
            convertToTable(limits)
        }
        return table.pointee.add(member)
    }

    mutating func add(_ member: ListPackElement, _ limits: SetLimits) -> Bool {
        switch member {
        case .bytes(let bytes): return add(bytes, limits)
        case .integer(let value):
            if isIntSet { return add(value, limits) }
            return Numbers.withFormatted(value) { table.pointee.add($0) }
        }
    }

    private mutating func add(_ integer: Int64, _ limits: SetLimits) -> Bool {
        var set = intSet
        let isNew = set.add(integer)
        pointer = set.raw
        if isNew, set.count > limits.intSetCountMax { convertToTable(limits) }
        return isNew
    }

    /// Removes a member, which may be a view of this very set; false if it is not there. O(1);
    /// O(n) in an intset.
    mutating func remove(_ member: ListPackElement) -> Bool {
        if isIntSet {
            guard let integer = member.spelledInteger else { return false }
            var set = intSet
            let removed = set.remove(integer)
            pointer = set.raw
            return removed
        }
        switch member {
        case .bytes(let bytes): return table.pointee.remove(bytes)
        case .integer(let value):
            return Numbers.withFormatted(value) { table.pointee.remove($0) }
        }
    }

    /// Removes members that were sampled from this very set. O(members); O(n) in an intset.
    mutating func removeAll(_ members: [ListPackElement]) {
        guard isIntSet else {
            for member in members { _ = remove(member) }
            return
        }
        // One pass instead of a move for each.
        let leaving = Set(members.compactMap { $0.spelledInteger })
        let old = intSet
        var rest = IntSet.create()
        old.forEach { if !leaving.contains($0) { _ = rest.add($0) } }
        old.destroy()
        pointer = rest.raw
    }

    /// A copy in the encoding of the original; the caller owns it. O(n).
    func copy() -> SetValue {
        if isIntSet {
            return SetValue(encoding: .intSet, pointer: IntSet.copy(intSet.bytes).raw)
        }
        return SetValue(encoding: .table, pointer: Box.create(table.pointee.copy()))
    }

    /// Moves the members of an intset into a table. O(n).
    @inline(never)
    private mutating func convertToTable(_ limits: SetLimits) {
        let set = intSet
        encoding = .table
        pointer = Box.create(MemberTable(secret: limits.secret))
        let table = table
        set.forEach { integer in
            Numbers.withFormatted(integer) { _ = table.pointee.add($0) }
        }
        set.destroy()
    }
}
