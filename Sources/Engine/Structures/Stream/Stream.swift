// A stream: entries by ascending IDs, added at the end and read from anywhere, and the consumer
// groups that read it together.
//
// The entries lie in nodes of some kilobytes (`StreamPack`), which stand in a tree by the ID of
// their first entry: finding a place is a search of the tree and a walk of one node. Redis keeps
// them in a radix tree; ours needs 16 bytes a node and knows ranks, so that ranges are cut whole.
//
// A deleted entry stays in its node, marked, until the node goes: with its last live entry when
// that is deleted, or when the stream is trimmed past it. Trimming can leave a node of which
// nothing is alive, as in Redis. What holds always: the live entries ascend from node to node, none
// comes before its node's ID, none is past `lastID`.
//
// Source for what is counted and how: Redis, `t_stream.c`.

/// A node, by the first half of its ID; the tree knows the other.
struct StreamNode: IDNode {
    let seq: UInt64
    var pack: ListPack
}

/// Where streams are kept: behind an entry's pointer.
struct Stream: ~Copyable {
    /// Entries that are not deleted. O(1).
    var length = 0
    /// The ID of the first of them; zero when there is none.
    var firstID = StreamID.zero
    /// The greatest ID ever given; nothing is added at or before it.
    var lastID = StreamID.zero
    /// The greatest ID that XDEL has deleted.
    var maxDeletedID = StreamID.zero
    /// How many entries were ever added.
    var entriesAdded: UInt64 = 0
    var nodes = IDTree<StreamNode>()
    private(set) var groups = NameTree<StreamGroup>()

    init() {}

    deinit {
        nodes.forEach { Stream.free($0.node) }
        groups.forEach { HeapNode.free($0) }
    }

    static func free(_ node: UnsafeMutablePointer<StreamNode>) {
        node.pointee.pack.destroy()
        HeapNode.free(node)
    }

    @inline(__always)
    static func pack(_ found: IDTree<StreamNode>.Found) -> StreamPack {
        StreamPack(found.node.pointee.pack, found.id)
    }

    // MARK: Groups

    /// A new group, whose name is not taken. O(log n).
    @discardableResult
    mutating func createGroup(
        _ name: Bytes, lastID: StreamID, entriesRead: Int64
    ) -> StreamGroup.Node {
        let group = HeapNode.make(StreamGroup(name, lastID: lastID, entriesRead: entriesRead))
        groups.insert(group)
        return group
    }

    /// Takes a group out, into a stream of its own, which the caller gives up at its leisure.
    mutating func removeGroup(_ group: StreamGroup.Node) -> Stream {
        groups.remove(group)
        return Stream(holding: group)
    }

    /// A stream of nothing but a group, to be freed in slices.
    init(holding group: StreamGroup.Node) { groups.insert(group) }

    // MARK: Whole

    /// What the stream occupies, without the struct itself. O(nodes + consumers).
    var memoryBytes: Int {
        var sum = nodes.memoryBytes + groups.memoryBytes
        sum += nodes.count * Heap.footprint(MemoryLayout<StreamNode>.size)
        nodes.forEach { sum += Heap.footprint($0.node.pointee.pack.totalBytes) }
        groups.forEach {
            sum += Heap.footprint(MemoryLayout<StreamGroup>.size) + $0.pointee.memoryBytes
        }
        return sum
    }

    /// A deep copy. O(bytes + pending entries).
    func copy() -> Stream {
        var made = Stream()
        made.length = length
        made.firstID = firstID
        made.lastID = lastID
        made.maxDeletedID = maxDeletedID
        made.entriesAdded = entriesAdded
        nodes.forEach { made.appendNode($0.id, ListPack.copy($0.node.pointee.pack.bytes)) }
        groups.forEach { group in
            let twin = made.createGroup(
                group.pointee.name.bytes, lastID: group.pointee.lastID,
                entriesRead: group.pointee.entriesRead)
            group.pointee.consumers.forEach { consumer in
                let holder = twin.pointee.createConsumer(
                    consumer.pointee.name.bytes, seenMs: consumer.pointee.seenMs)
                consumer.pointee.pending.forEach { found in
                    let entry = found.node.pointee
                    let copied = twin.pointee.createPending(
                        found.id, deliveredMs: entry.deliveredMs,
                        deliveryCount: entry.deliveryCount)
                    if let copied { twin.pointee.assign(found.id, copied, to: holder) }
                }
            }
        }
        return made
    }

    /// Adds a listpack, now the stream's, as the last node; false where its ID is taken or not
    /// the greatest, then it is the caller's to free.
    @discardableResult
    mutating func appendNode(_ id: StreamID, _ pack: ListPack) -> Bool {
        if let last = nodes.last, id <= last.id { return false }
        return nodes.insert(id, HeapNode.make(StreamNode(seq: id.seq, pack: pack)))
    }

    // MARK: Freeing in slices

    /// What is left to free, at least 1 while there is anything: nodes, groups and, where those are
    /// few, what they hold. O(1).
    var partCount: Int {
        var sum = nodes.count + groups.count
        if groups.count > 16 { return sum }
        groups.forEach { sum += $0.pointee.pending.count + $0.pointee.consumers.count }
        return sum
    }

    /// Frees up to `max` parts; returns how many. Once begun, nothing else may be asked of the
    /// stream but `partCount`.
    mutating func removeSome(max: Int) -> Int {
        var freed = 0
        while freed < max, let group = groups.last {
            freed += group.pointee.removeSome(max: max - freed)
            if !group.pointee.isEmpty { return freed }
            groups.remove(group)
            HeapNode.free(group)
            freed += 1
        }
        let taken = Swift.max(0, Swift.min(nodes.count, max - freed))
        nodes.remove(nodes.count - taken..<nodes.count) { Stream.free($0.node) }
        return freed + taken
    }
}
