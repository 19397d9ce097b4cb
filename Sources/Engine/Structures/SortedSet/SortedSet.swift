// A sorted set that has outgrown its listpack: members by name in a hash table, and by (score,
// member) in a counted B+tree. Both point at the same entries.
//
// Every range, by score, by member or by position, becomes a range of ranks; visiting, counting,
// removing and popping then need no further cases (SortedSet+Ranges.swift). Against Redis's
// skip list: about 32 bytes a member beside its entry instead of about 70, and O(log n) searches
// that touch three or four nodes.
//
// NaN never enters: the command layer refuses it.

/// Members with scores. Views that it lends are valid until it next changes.
struct SortedSet: ~Copyable {
    /// What `add` did.
    enum Change {
        case added, updated, unchanged
    }

    var table: HashTable<MemberEntry>
    var tree = OrderTree()
    var entryBytes = 0

    init(secret: HashSecret) { table = HashTable(secret: secret) }

    deinit { table.forEach { Heap.free($0, MemberEntry.byteCount($0)) } }

    var count: Int { table.count }

    /// What members, table and tree occupy, allocator size classes included.
    var memoryBytes: Int { table.memoryBytes + tree.memoryBytes + entryBytes }

    // MARK: By member

    /// The score of `member`, or nil. O(1).
    func score(of member: Bytes) -> Double? {
        table.find(table.secret.hash(member), member).map(MemberEntry.score)
    }

    /// The number of members before `member` in the order, or nil. O(log n).
    func rank(of member: Bytes) -> Int? {
        guard let entry = table.find(table.secret.hash(member), member) else { return nil }
        let key = MemberEntry.orderKey(MemberEntry.score(entry))
        return tree.rank { Self.isBefore($0, key, member) }
    }

    /// Sets the score of `member`, adding it if it is new. O(log n); O(1) comparisons when it is
    /// the new greatest, as in loading sorted input.
    @discardableResult
    mutating func add(_ member: Bytes, _ score: Double) -> Change {
        precondition(!score.isNaN)
        let hash = table.secret.hash(member)
        if let entry = table.find(hash, member) {
            let old = MemberEntry.score(entry)
            // Zero and minus zero are one score: the one that was there stays, as in Redis.
            if old == score { return .unchanged }
            move(entry, to: score)
            return .updated
        }
        let entry = MemberEntry.make(member, score)
        entryBytes += Heap.footprint(MemberEntry.byteCount(entry))
        table.insert(hash, entry)
        insert(entry)
        return .added
    }

    /// Removes `member`, which may be a view lent by this set; returns its score. O(log n).
    @discardableResult
    mutating func remove(_ member: Bytes) -> Double? {
        let hash = table.secret.hash(member)
        guard let entry = table.find(hash, member) else { return nil }
        let score = MemberEntry.score(entry)
        takeFromTree(entry)
        table.remove(hash, entry: entry)
        free(entry)
        return score
    }

    // MARK: Whole

    /// Frees up to `max` members; returns how many. For freeing a large set in slices: once
    /// begun, nothing else may be asked of the set but this and `count`.
    @discardableResult
    mutating func removeSome(max: Int) -> Int {
        var freed = 0
        let taken = table.removeSome(max: max) {
            let size = MemberEntry.byteCount($0)
            freed += Heap.footprint(size)
            Heap.free($0, size)
        }
        entryBytes -= freed
        // The tree's items now point nowhere in particular; by rank they are never followed.
        tree.removeRange(tree.count - taken..<tree.count) { _ in }
        return taken
    }

    /// A deep copy. O(n).
    func copy() -> SortedSet {
        var other = SortedSet(secret: table.secret)
        tree.visit(0..<tree.count) {
            let entry = MemberEntry.entry($0)
            other.add(MemberEntry.member(entry), MemberEntry.score(entry))
        }
        return other
    }

    /// Visits members in hash order; `HashTable.visit(from:atLeast:)`, for ZSCAN.
    @inline(__always)
    func visit(
        from lower: UInt64, atLeast: Int, _ body: (_ member: Bytes, _ score: Double) -> Void
    ) -> UInt64? {
        table.visit(from: lower, atLeast: atLeast) {
            body(MemberEntry.member($0), MemberEntry.score($0))
        }
    }

    /// A member chosen by random bits; nil when empty. See `HashTable.randomEntry`.
    func random(_ bits: UInt64) -> (member: Bytes, score: Double)? {
        table.randomEntry(random: bits).map { (MemberEntry.member($0), MemberEntry.score($0)) }
    }

    // MARK: The tree

    /// Order by score, then by member.
    @inline(__always)
    static func isBefore(_ item: OrderItem, _ key: UInt64, _ member: Bytes) -> Bool {
        if item.key != key { return item.key < key }
        return MemberEntry.member(MemberEntry.entry(item)).compare(member) < 0
    }

    private mutating func insert(_ entry: UnsafeMutableRawPointer) {
        let item = MemberEntry.item(entry)
        let member = MemberEntry.member(entry)
        if let last = tree.last, Self.isBefore(last, item.key, member) {
            tree.append(item)
        } else {
            tree.insert(item) { Self.isBefore($0, item.key, member) }
        }
    }

    private mutating func takeFromTree(_ entry: UnsafeMutableRawPointer) {
        let item = MemberEntry.item(entry)
        let member = MemberEntry.member(entry)
        let found = tree.remove(item) {
            $0 == item || Self.isBefore($0, item.key, member)
        }
        precondition(found, "sorted set's table and tree disagree")
    }

    /// Changes the score of an entry, in place when its neighbours allow.
    private mutating func move(_ entry: UnsafeMutableRawPointer, to score: Double) {
        let old = MemberEntry.item(entry)
        let member = MemberEntry.member(entry)
        let key = MemberEntry.orderKey(score)
        let stays = key == old.key || moveInPlace(old, member, key)
        if !stays { takeFromTree(entry) }
        entry.storeBytes(of: score, as: Double.self)
        if !stays { insert(entry) }
    }

    /// Gives the item of `member` another key if its neighbours in the leaf leave it where it
    /// is; false when not, or when it is at an edge of the leaf, where others describe it.
    private func moveInPlace(_ old: OrderItem, _ member: Bytes, _ key: UInt64) -> Bool {
        withUnsafeTemporaryAllocation(of: OrderTree.Step.self, capacity: OrderTree.stepsMax) {
            let path = $0.baseAddress!
            _ = tree.locate(path) { Self.isBefore($0, old.key, member) }
            let leaf = OrderLeaf(raw: path[tree.height].node)
            let i = path[tree.height].index
            guard i > 0 && i < leaf.count - 1,
                Self.isBefore(leaf.items[i - 1], key, member),
                !Self.isBefore(leaf.items[i + 1], key, member)
            else { return false }
            leaf.items[i].key = key
            return true
        }
    }

    mutating func free(_ entry: UnsafeMutableRawPointer) {
        let size = MemberEntry.byteCount(entry)
        entryBytes -= Heap.footprint(size)
        Heap.free(entry, size)
    }
}
