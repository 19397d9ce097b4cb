// A sorted set: distinct members, each with a score, in order of score, then of member.
//
// Two encodings, as in Redis. While it is small, a listpack of alternating members and scores in
// that order (SortedSetPack.swift): a few hundred bytes in one piece, spilled by copying. Above
// `zset-max-listpack-entries` elements, or with a member longer than `zset-max-listpack-value`,
// a `SortedSet`: an order-statistic tree with a hash table from member to score. The way back is
// never taken, save for results of ZUNIONSTORE and its like, which choose afresh.
//
// Ranges of every kind come down to ranges of ranks, for both encodings find them quickly and
// both walk them either way.
//
// A `SortedSetValue` is a handle to a value that an entry, a `DetachedValue` or a command owns.
// It holds the encoding and the pointer, which changes may replace: whoever changes the set of
// an entry stores the handle again (`save`). Whoever removes the last member deletes the key.

/// When a sorted set stops being a listpack, and what keys its table.
struct SortedSetLimits {
    /// Most elements of a listpack: `zset-max-listpack-entries`.
    let packedCountMax: Int
    /// Longest member in a listpack: `zset-max-listpack-value`.
    let packedMemberBytesMax: Int
    let secret: HashSecret
}

struct SortedSetValue {
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

    /// A new, empty sorted set in the encoding that suits `count` members of at most
    /// `memberBytes` each; the caller owns it.
    static func create(
        count: Int, memberBytes: Int, _ limits: SortedSetLimits
    ) -> SortedSetValue {
        if count <= limits.packedCountMax, memberBytes <= limits.packedMemberBytesMax,
            memberBytes < ListPack.totalBytesMax / 4,
            count < ListPack.totalBytesMax / 2 / (memberBytes + Numbers.doubleCharsMax + 16)
        {
            return SortedSetValue(encoding: .listPack, pointer: ListPack.create().raw)
        }
        return SortedSetValue(
            encoding: .tree,
            pointer: Box.create(SortedSet(secret: limits.secret)))
    }

    /// Hands the sorted set to an entry, after a change or for the first time.
    @inline(__always)
    func save(to entry: Entry) {
        entry.encoding = encoding
        entry.pointer = pointer
    }

    /// The sorted set between two owners.
    var detached: DetachedValue {
        DetachedValue(type: .sortedSet, encoding: encoding, storage: .pointer(pointer))
    }

    /// Frees a sorted set that nobody owns any more. O(n).
    func destroy() { detached.destroy() }

    @inline(__always)
    var isPacked: Bool { encoding == .listPack }

    @inline(__always)
    var pack: SortedSetPack { SortedSetPack(pointer) }

    @inline(__always)
    var tree: UnsafeMutablePointer<SortedSet> {
        Box.lend(pointer, SortedSet.self)
    }

    // MARK: Reading

    /// Number of members. O(1).
    @inline(__always)
    var count: Int { isPacked ? pack.count : tree.pointee.count }

    /// The score of a member, nil if it is not there. O(1); O(bytes) while packed.
    @inline(__always)
    func score(of member: Bytes) -> Double? {
        isPacked ? pack.find(member)?.score : tree.pointee.score(of: member)
    }

    /// How many elements come before the member, nil if it is not there. O(log n); O(bytes)
    /// while packed.
    func rank(of member: Bytes) -> Int? {
        isPacked ? pack.rank(of: member) : tree.pointee.rank(of: member)
    }

    /// The ranks of the elements in a range of scores. O(log n); O(bytes) while packed.
    func ranks(in range: ScoreRange) -> Range<Int> {
        if isPacked {
            let pack = pack
            return pack.ranks(
                isBefore: { range.isAfter(pack.score(at: pack.list.after($0))) },
                isInside: { range.endsAfter(pack.score(at: pack.list.after($0))) })
        }
        return tree.pointee.ranks(from: range.min, to: range.max)
    }

    /// The ranks of the elements in a range of members. O(log n); O(bytes) while packed.
    func ranks(in range: LexRange) -> Range<Int> {
        if isPacked {
            let list = pack.list
            return pack.ranks(
                isBefore: { list.withBytes(at: $0) { range.isAfter($0) } },
                isInside: { list.withBytes(at: $0) { range.endsAfter($0) } })
        }
        return tree.pointee.ranks(from: range.min, to: range.max)
    }

    /// Lends the elements of the given ranks, which lie within the count, in ascending or
    /// descending order. O(log n + ranks); O(bytes) while packed.
    @inline(__always)
    func forEach(
        _ ranks: Range<Int>, reversed: Bool = false,
        _ body: (_ member: ListPackElement, _ score: Double) -> Void
    ) {
        if isPacked {
            pack.forEach(ranks, reversed: reversed, body)
        } else {
            tree.pointee.visit(ranks, reversed: reversed) { body(.bytes($0), $1) }
        }
    }

    /// Lends all elements in order. O(n).
    @inline(__always)
    func forEach(_ body: (_ member: ListPackElement, _ score: Double) -> Void) {
        forEach(0..<count, body)
    }

    /// Lends the elements at or behind a position in hash space, about `count` of them; returns
    /// the position to continue at, 0 at the end. A packed sorted set is lent whole at once, in
    /// order, its scores as it stores them.
    ///
    /// Every member that is in the set from the first call to the last is lent. Positions stay
    /// below 2^53, and outlive any change of the set, spilling included.
    func scan(
        from cursor: UInt64, count: Int,
        _ body: (_ member: ListPackElement, _ score: ListPackElement) -> Void
    ) -> UInt64 {
        if isPacked {
            pack.forEachStored(body)
            return 0
        }
        guard cursor < 1 << 53 else { return 0 }
        let next = tree.pointee.visit(from: cursor << 11, atLeast: count) { member, score in
            Numbers.withFormatted(score) { body(.bytes(member), .bytes($0)) }
        }
        return next.map { $0 >> 11 } ?? 0
    }

    // MARK: Changing

    /// Sets or increments the score of a member under conditions; `number` is not NaN. O(log n);
    /// O(bytes) while packed.
    mutating func update(
        _ member: Bytes, _ number: Double, _ conditions: ScoreUpdate, _ limits: SortedSetLimits
    ) -> ScoreUpdate.Outcome {
        if isPacked { return updatePacked(member, number, conditions, limits) }
        if conditions.isEmpty {
            switch tree.pointee.add(member, number) {
            case .added: return .added(number)
            case .updated: return .updated(number)
            case .unchanged: return .unchanged(number)
            }
        }
        let outcome = conditions.outcome(number, current: tree.pointee.score(of: member))
        switch outcome {
        case .added(let score), .updated(let score): tree.pointee.add(member, score)
        case .unchanged, .refused, .notANumber: break
        }
        return outcome
    }

    private mutating func updatePacked(
        _ member: Bytes, _ number: Double, _ conditions: ScoreUpdate, _ limits: SortedSetLimits
    ) -> ScoreUpdate.Outcome {
        var pack = pack
        let found = pack.find(member)
        let outcome = conditions.outcome(number, current: found?.score)
        switch outcome {
        case .added(let score):
            let fits =
                pack.count < limits.packedCountMax && member.count <= limits.packedMemberBytesMax
                && pack.list.canAdd(member.count + Numbers.doubleCharsMax)
            guard fits else {
                convertToTree(limits)
                tree.pointee.add(member, score)
                return outcome
            }
            pack.insert(member, score)
        case .updated(let score):
            guard pack.list.canAdd(Numbers.doubleCharsMax) else {
                convertToTree(limits)
                tree.pointee.add(member, score)
                return outcome
            }
            pack.remove(at: found!.position)
            pack.insert(member, score)
        case .unchanged, .refused, .notANumber:
            return outcome
        }
        pointer = pack.list.raw
        return outcome
    }

    /// Adds an element that comes behind all others. O(log n); O(member) while packed. The
    /// encoding stays: it was chosen by `create`.
    mutating func append(_ member: Bytes, _ score: Double) {
        if isPacked {
            var pack = pack
            pack.append(member, score)
            pointer = pack.list.raw
        } else {
            tree.pointee.add(member, score)
        }
    }

    /// Removes a member; false if it is not there. O(log n); O(bytes) while packed.
    mutating func remove(_ member: Bytes) -> Bool {
        if isPacked {
            var pack = pack
            guard let found = pack.find(member) else { return false }
            pack.remove(at: found.position)
            pointer = pack.list.raw
            return true
        }
        return tree.pointee.remove(member) != nil
    }

    /// Removes the elements of the given ranks, which lie within the count. O(log n + ranks);
    /// O(bytes) while packed.
    mutating func remove(_ ranks: Range<Int>) {
        if ranks.isEmpty { return }
        if isPacked {
            var pack = pack
            pack.list.deleteRange(ranks.lowerBound * 2, ranks.count * 2)
            pointer = pack.list.raw
        } else {
            tree.pointee.removeRange(ranks) { _, _ in }
        }
    }

    /// Moves the elements of a listpack into a tree. O(n log n).
    @inline(never)
    mutating func convertToTree(_ limits: SortedSetLimits) {
        let pack = pack
        encoding = .tree
        pointer = Box.create(SortedSet(secret: limits.secret))
        let tree = tree
        pack.forEach(0..<pack.count, reversed: false) { member, score in
            member.withBytes { _ = tree.pointee.add($0, score) }
        }
        pack.list.destroy()
    }
}
