// A stream as the value of a key.
//
// One encoding: a `Stream`. A stream may be empty; its key is deleted by DEL only. A `StreamValue` is a
// view of its entry and owns nothing.

struct StreamValue {
    let entry: Entry

    @inline(__always)
    init(_ entry: Entry) { self.entry = entry }

    /// Makes the entry, just allocated with the encoding `.stream`, an empty stream.
    static func create(in entry: Entry) -> StreamValue {
        entry.pointer = Box.create(Stream())
        return StreamValue(entry)
    }

    @inline(__always)
    var stream: UnsafeMutablePointer<Stream> { Box.lend(entry.pointer, Stream.self) }

    /// Entries that are not deleted. O(1).
    var length: Int { stream.pointee.length }

    func group(_ name: Bytes) -> StreamGroup.Node? { stream.pointee.groups.find(name) }

    /// Which ID an entry is to get.
    enum Wish {
        /// The time, or what comes after the last.
        case automatic
        /// The next free one of this millisecond.
        case inMillisecond(UInt64)
        case exactly(StreamID)
    }

    /// The ID that a wish comes to in a stream whose last is `last`; nil where that would not be
    /// greater.
    static func resolve(_ wish: Wish, after last: StreamID, nowMs: Int64) -> StreamID? {
        switch wish {
        case .automatic:
            let now = UInt64(Swift.max(nowMs, 0))
            return now > last.ms ? StreamID(ms: now, seq: 0) : last.next
        case .inMillisecond(let ms):
            if ms != last.ms { return ms > last.ms ? StreamID(ms: ms, seq: 0) : nil }
            return last.seq < .max ? StreamID(ms: ms, seq: last.seq + 1) : nil
        case .exactly(let id): return id > last ? id : nil
        }
    }

    // MARK: Groups

    /// Takes a group out; its memory is the caller's to give up.
    func removeGroup(_ group: StreamGroup.Node) -> DetachedValue {
        detached(stream.pointee.removeGroup(group))
    }

    /// Takes a consumer out of its group, with all that it has; likewise.
    func removeConsumer(
        _ consumer: StreamConsumer.Node, of group: StreamGroup.Node
    ) -> DetachedValue {
        detached(Stream(holding: HeapNode.make(group.pointee.removeConsumer(consumer))))
    }

    private func detached(_ rest: consuming Stream) -> DetachedValue {
        DetachedValue(type: .stream, encoding: .stream, storage: .pointer(Box.create(rest)))
    }

    /// What the group has not read yet, moved on over: up to `countMax` entries behind the group's
    /// last ID are lent to `body`, and, unless `keepsNothing`, become pending for the consumer.
    func deliver(
        _ group: StreamGroup.Node, to consumer: StreamConsumer.Node, after: StreamID,
        countMax: Int, keepsNothing: Bool, nowMs: Int64, _ body: (StreamEntry) -> Void
    ) {
        guard let first = after.next else { return }
        var left = countMax
        stream.pointee.visit(first) { entry in
            if entry.id > group.pointee.lastID { stream.pointee.advance(group, to: entry.id) }
            if !keepsNothing {
                group.pointee.deliver(entry.id, to: consumer, nowMs: nowMs)
            }
            body(entry)
            left -= 1
            return left > 0
        }
    }

    /// Lends the entry with this ID; false where there is none.
    @discardableResult
    func withEntry(_ id: StreamID, _ body: (StreamEntry) -> Void) -> Bool {
        var isThere = false
        stream.pointee.visit(id, id) {
            isThere = true
            body($0)
            return false
        }
        return isThere
    }
}
