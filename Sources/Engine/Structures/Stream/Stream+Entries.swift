// Adding entries to a stream, reading ranges of them, deleting and trimming.

extension Stream {
    // MARK: Adding

    /// What Redis refuses as too large, and what a listpack of one entry has room for.
    static func fits(partBytes: Int, fieldCount: Int) -> Bool {
        let (overhead, isTooMany) = fieldCount.multipliedReportingOverflow(by: 32)
        return !isTooMany && partBytes <= ListPack.totalBytesMax - 256
            && overhead <= ListPack.totalBytesMax - 256 - partBytes
    }

    /// Adds an entry, whose ID is greater than `lastID` and which `fits`. `part` lends names and
    /// values in turn. O(log n + fields), amortized.
    mutating func append(
        _ id: StreamID, fieldCount: Int, _ limits: StreamLimits, _ part: (Int) -> Bytes
    ) {
        precondition(id > lastID)
        // A node at or past the new ID has nothing alive in it.
        while let last = nodes.last, last.id >= id {
            nodes.remove(nodes.count - 1..<nodes.count) { Stream.free($0.node) }
        }
        var bytes = 0
        for index in 0..<fieldCount * 2 { bytes += part(index).count }
        if let last = nodes.last, Stream.admits(last, bytes, fieldCount, limits) {
            var pack = Stream.pack(last)
            pack.append(id, fieldCount: fieldCount, part)
            last.node.pointee.pack = pack.pack
        } else {
            var pack = StreamPack.create(id, fieldCount: fieldCount, part)
            pack.append(id, fieldCount: fieldCount, part)
            appendNode(id, pack.pack)
        }
        length += 1
        entriesAdded &+= 1
        lastID = id
        if length == 1 { firstID = id }
    }

    /// Whether a node takes one entry more.
    private static func admits(
        _ node: IDTree<StreamNode>.Found, _ bytes: Int, _ fieldCount: Int, _ limits: StreamLimits
    ) -> Bool {
        let pack = pack(node)
        let total = pack.pack.totalBytes
        if total + bytes >= limits.nodeBytesMax { return false }
        if total + bytes + fieldCount * 32 + 256 > ListPack.totalBytesMax { return false }
        return limits.nodeEntriesMax == 0
            || pack.liveCount + pack.deletedCount < limits.nodeEntriesMax
    }

    // MARK: Reading

    /// Visits the live entries from `first` through `last`, until `body` returns false.
    /// O(log n + entries walked).
    @inline(__always)
    func visit(
        _ first: StreamID = .zero, _ last: StreamID = .max, reversed: Bool = false,
        while body: (StreamEntry) -> Bool
    ) {
        if last < first || length == 0 { return }
        // The node that `first` lies in is the last that does not begin behind it.
        let low = Swift.max(nodes.rank(through: first) - 1, 0)
        let high = nodes.rank(through: last)
        guard low < high else { return }
        nodes.visit(low..<high, reversed: reversed) { found in
            Stream.pack(found).visit(reversed: reversed) { entry in
                if entry.isDeleted { return true }
                if reversed {
                    if entry.id > last { return true }
                    return entry.id >= first && body(entry)
                }
                if entry.id < first { return true }
                return entry.id <= last && body(entry)
            }
        }
    }

    /// Whether there is a live entry with this ID. O(log n + entries of a node).
    func contains(_ id: StreamID) -> Bool { node(of: id).map(Stream.pack)?.find(id) != nil }

    /// The node in which an entry with this ID would be. O(log n).
    private func node(of id: StreamID) -> IDTree<StreamNode>.Found? {
        let rank = nodes.rank(through: id)
        return rank == 0 ? nil : nodes[rank - 1]
    }

    /// The ID of the first or last live entry; nil when there is none.
    func edge(last: Bool) -> StreamID? {
        var found: StreamID?
        visit(reversed: last) {
            found = $0.id
            return false
        }
        return found
    }

    /// The ID of the first entry there is, deleted or not; the greatest of all when there is none.
    var firstOfAll: StreamID {
        var id = StreamID.max
        nodes.visit(0..<Swift.min(nodes.count, 1)) { found in
            _ = Stream.pack(found).visit(reversed: false) {
                id = $0.id
                return false
            }
            return false
        }
        return id
    }

    // MARK: Deleting

    /// Deletes an entry; false where there is none. O(log n + entries of a node).
    mutating func delete(_ id: StreamID) -> Bool {
        guard let found = node(of: id), let entry = Stream.pack(found).find(id) else {
            return false
        }
        var pack = Stream.pack(found)
        if pack.liveCount == 1 {
            if let node = nodes.remove(found.id) { Stream.free(node) }
        } else {
            pack.markDeleted(at: entry.position)
            pack.countDeleted(1)
            found.node.pointee.pack = pack.pack
        }
        length -= 1
        if id == firstID { updateFirst() }
        if id > maxDeletedID { maxDeletedID = id }
        return true
    }

    mutating func updateFirst() { firstID = edge(last: false) ?? .zero }

    // MARK: Trimming

    enum TrimRule {
        /// No more entries than this.
        case length(Int)
        /// None before this one.
        case id(StreamID)
    }

    /// Removes entries from the front; returns how many. `approximately`: only whole nodes.
    /// `limit`: no more than so many, 0 for any number. O(nodes removed + entries of a node).
    mutating func trim(_ rule: TrimRule, approximately: Bool, limit: Int) -> Int {
        let before = length
        removeNodes(rule, limit)
        if !approximately, let first = nodes.first, !isWithin(rule) {
            // An exact trim has no limit.
            trimNode(first, rule)
        }
        if length < before { updateFirst() }
        return before - length
    }

    private func isWithin(_ rule: TrimRule) -> Bool {
        if case .length(let wanted) = rule { length <= wanted } else { false }
    }

    /// Removes the nodes at the front that can go whole.
    private mutating func removeNodes(_ rule: TrimRule, _ limit: Int) {
        var gone = 0
        var removed = 0
        nodes.visit(0..<nodes.count) { found in
            let pack = Stream.pack(found)
            let live = pack.liveCount
            if limit > 0, removed + live > limit { return false }
            switch rule {
            case .length(let wanted):
                if length - removed <= wanted || length - removed - live < wanted { return false }
            case .id(let first):
                if let last = pack.last, last.id >= first { return false }
            }
            gone += 1
            removed += live
            return true
        }
        nodes.remove(0..<gone) { Stream.free($0.node) }
        length -= removed
    }

    /// Marks entries of the first node as deleted, as far as the rule says.
    private mutating func trimNode(_ found: IDTree<StreamNode>.Found, _ rule: TrimRule) {
        var pack = Stream.pack(found)
        var deleted = 0
        var position = pack.firstEntry
        while position < pack.pack.endOffset {
            let entry = pack.entry(at: position, pack.fields)
            switch rule {
            case .length(let wanted): if length <= wanted { position = .max }
            case .id(let first): if entry.id >= first { position = .max }
            }
            if position == .max { break }
            if !entry.isDeleted {
                pack.markDeleted(at: position)
                deleted += 1
                length -= 1
            }
            position = pack.entry(at: position, pack.fields).end
        }
        if deleted == 0 { return }
        pack.countDeleted(deleted)
        found.node.pointee.pack = pack.pack
    }
}
