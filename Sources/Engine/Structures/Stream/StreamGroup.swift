// Consumer groups: how far a group has read, and who has what of it and has not acknowledged it.
//
// A pending entry stands in two trees by its ID: the group's, which owns it, and that of the consumer
// who has it. So acknowledging needs only the ID, and what a consumer has is a walk of its own.
//
// Nothing here knows whether an entry of the stream still exists; a pending one may outlive it.

/// An entry that was delivered and not acknowledged.
struct PendingEntry: IDNode {
    let seq: UInt64
    /// When it was last delivered, Unix milliseconds.
    var deliveredMs: Int64
    var deliveryCount: UInt64
    /// Who has it; nil only while it is being made.
    var consumer: UnsafeMutablePointer<StreamConsumer>?

    typealias Node = UnsafeMutablePointer<PendingEntry>
}

struct StreamConsumer: ~Copyable, NamedNode {
    let name: HeapName
    /// When it last asked for something, Unix milliseconds.
    var seenMs: Int64
    /// What it has, which the group owns.
    var pending = IDTree<PendingEntry>()

    typealias Node = UnsafeMutablePointer<StreamConsumer>

    init(_ name: Bytes, seenMs: Int64) {
        self.name = HeapName(name)
        self.seenMs = seenMs
    }

    deinit { name.free() }
}

struct StreamGroup: ~Copyable, NamedNode {
    /// What Redis calls an invalid counter of entries read: nobody knows.
    static let entriesReadUnknown: Int64 = -1

    let name: HeapName
    /// The greatest ID that was delivered.
    var lastID: StreamID
    /// How many entries of all that were ever added come up to `lastID`.
    var entriesRead: Int64
    private(set) var pending = IDTree<PendingEntry>()
    private(set) var consumers = NameTree<StreamConsumer>()

    typealias Node = UnsafeMutablePointer<StreamGroup>

    init(_ name: Bytes, lastID: StreamID, entriesRead: Int64) {
        self.name = HeapName(name)
        self.lastID = lastID
        self.entriesRead = entriesRead
    }

    deinit {
        pending.forEach { HeapNode.free($0.node) }
        consumers.forEach { HeapNode.free($0) }
        name.free()
    }

    /// What the group occupies, without the struct itself. O(consumers).
    var memoryBytes: Int {
        var sum = name.memoryBytes + pending.memoryBytes + consumers.memoryBytes
        sum += pending.count * Heap.footprint(MemoryLayout<PendingEntry>.size)
        consumers.forEach { consumer in
            sum += Heap.footprint(MemoryLayout<StreamConsumer>.size)
            sum += consumer.pointee.name.memoryBytes + consumer.pointee.pending.memoryBytes
        }
        return sum
    }

    // MARK: Consumers

    /// A new consumer, whose name is not taken.
    mutating func createConsumer(_ name: Bytes, seenMs: Int64) -> StreamConsumer.Node {
        let consumer = HeapNode.make(StreamConsumer(name, seenMs: seenMs))
        consumers.insert(consumer)
        return consumer
    }

    /// Takes a consumer out with all that it has, into a group of its own, which the caller gives
    /// up at its leisure. O(log n) when nobody else has anything; otherwise one pass over what is
    /// pending, or O(its · log n) when that is less; nothing is freed yet.
    mutating func removeConsumer(_ consumer: StreamConsumer.Node) -> StreamGroup {
        var rest = StreamGroup(Bytes(start: nil, count: 0), lastID: .zero, entriesRead: 0)
        consumers.remove(consumer)
        rest.consumers.insert(consumer)
        let held = consumer.pointee.pending.count
        if held == pending.count {
            swap(&rest.pending, &pending)
            return rest
        }
        if held > pending.count / 16 {
            var kept = IDTree<PendingEntry>()
            pending.forEach { if $0.node.pointee.consumer != consumer { kept.append($0) } }
            swap(&kept, &pending)
        } else {
            consumer.pointee.pending.forEach { _ = pending.remove($0.id) }
        }
        swap(&rest.pending, &consumer.pointee.pending)
        return rest
    }

    // MARK: Pending entries

    /// Adds a pending entry that nobody has yet; nil where the ID is pending already. O(log n).
    mutating func createPending(
        _ id: StreamID, deliveredMs: Int64, deliveryCount: UInt64
    ) -> PendingEntry.Node? {
        let entry = HeapNode.make(
            PendingEntry(
                seq: id.seq, deliveredMs: deliveredMs, deliveryCount: deliveryCount, consumer: nil)
        )
        if pending.insert(id, entry) { return entry }
        HeapNode.free(entry)
        return nil
    }

    /// Gives a pending entry to a consumer, whoever had it before. O(log n).
    func assign(_ id: StreamID, _ entry: PendingEntry.Node, to consumer: StreamConsumer.Node) {
        if entry.pointee.consumer == consumer { return }
        _ = entry.pointee.consumer?.pointee.pending.remove(id)
        entry.pointee.consumer = consumer
        let isNew = consumer.pointee.pending.insert(id, entry)
        precondition(isNew)
    }

    /// Notes that an entry was delivered to a consumer now, for the first time or anew.
    /// O(log n).
    mutating func deliver(_ id: StreamID, to consumer: StreamConsumer.Node, nowMs: Int64) {
        if let entry = createPending(id, deliveredMs: nowMs, deliveryCount: 1) {
            return assign(id, entry, to: consumer)
        }
        guard let entry = pending.find(id) else { return }
        entry.pointee.deliveredMs = nowMs
        entry.pointee.deliveryCount = 1
        assign(id, entry, to: consumer)
    }

    /// Forgets a pending entry; false where there is none. O(log n).
    @discardableResult
    mutating func acknowledge(_ id: StreamID) -> Bool {
        guard let entry = pending.remove(id) else { return false }
        _ = entry.pointee.consumer?.pointee.pending.remove(id)
        HeapNode.free(entry)
        return true
    }

    // MARK: Freeing in slices

    /// Frees up to `max` consumers and pending entries; returns how many. Once begun, nothing else
    /// may be asked of the group.
    mutating func removeSome(max: Int) -> Int {
        var freed = 0
        // The consumers' views first: they point at the entries, but no longer look at them.
        while freed < max, let consumer = consumers.last {
            let held = consumer.pointee.pending.count
            let taken = Swift.min(held, max - freed)
            consumer.pointee.pending.remove(held - taken..<held) { _ in }
            freed += taken
            if taken < held { return freed }
            consumers.remove(consumer)
            HeapNode.free(consumer)
            freed += 1
        }
        let taken = Swift.max(0, Swift.min(pending.count, max - freed))
        pending.remove(pending.count - taken..<pending.count) { HeapNode.free($0.node) }
        return freed + taken
    }

    /// Whether `removeSome` has come to the end.
    var isEmpty: Bool { consumers.isEmpty && pending.isEmpty }
}
