// Streams as RDB bytes.
//
//     nodes | (ID, 16 bytes big-endian, as a string | listpack as a string)*
//     length | last ID | [first ID | greatest deleted ID | entries added]             from type 19
//     groups | group*
//     group:    name | last ID | [entries read] | pending | (ID, 16 bytes | delivered, ms i64le |
//               deliveries)* | consumers | consumer*
//     consumer: name | seen, ms i64le | [active, ms i64le] | pending | ID*            from type 21
//
// An ID but for those of 16 bytes is two numbers in the form of lengths. Redis 7.0 writes type 19,
// 7.2 type 21; Firn does not keep when a consumer was last active and writes when it was seen, as
// Redis does of an older file.
//
// What is decoded may be hostile: nodes are walked (`StreamPack.validate`) and their counts compared
// with those of the stream, every pending entry must have exactly one consumer, names and IDs
// may not repeat, and nothing is allocated for a number alone.

extension ValueCodec {
    /// Appends a stream as `type`, 19 or 21. O(bytes).
    static func encodeStream(
        _ stream: UnsafeMutablePointer<Stream>, _ type: UInt8, _ out: inout ByteSink,
        _ compress: Bool
    ) {
        out.putLength(stream.pointee.nodes.count)
        stream.pointee.nodes.forEach { found in
            out.putLength(16)
            put(found.id, &out)
            out.putString(found.node.pointee.pack.bytes, compress: compress)
        }
        out.putLength(stream.pointee.length)
        putNumbers(stream.pointee.lastID, &out)
        putNumbers(stream.pointee.firstID, &out)
        putNumbers(stream.pointee.maxDeletedID, &out)
        out.putNumber(stream.pointee.entriesAdded)
        out.putLength(stream.pointee.groups.count)
        stream.pointee.groups.forEach { encode($0, type, &out, compress) }
    }

    private static func encode(
        _ group: StreamGroup.Node, _ type: UInt8, _ out: inout ByteSink, _ compress: Bool
    ) {
        out.putString(group.pointee.name.bytes, compress: compress)
        putNumbers(group.pointee.lastID, &out)
        out.putNumber(UInt64(bitPattern: group.pointee.entriesRead))
        out.putLength(group.pointee.pending.count)
        group.pointee.pending.forEach { found in
            put(found.id, &out)
            out.putLittle(found.node.pointee.deliveredMs)
            out.putNumber(found.node.pointee.deliveryCount)
        }
        out.putLength(group.pointee.consumers.count)
        group.pointee.consumers.forEach { consumer in
            out.putString(consumer.pointee.name.bytes, compress: compress)
            out.putLittle(consumer.pointee.seenMs)
            if type == RDBType.stream3 { out.putLittle(consumer.pointee.seenMs) }
            out.putLength(consumer.pointee.pending.count)
            consumer.pointee.pending.forEach { put($0.id, &out) }
        }
    }

    private static func put(_ id: StreamID, _ out: inout ByteSink) {
        out.putBig(id.ms)
        out.putBig(id.seq)
    }

    private static func putNumbers(_ id: StreamID, _ out: inout ByteSink) {
        out.putNumber(id.ms)
        out.putNumber(id.seq)
    }

    // MARK: Decoding

    static func decodeStream(
        _ cursor: inout RDBCursor, _ type: UInt8, _ context: DecodingContext
    ) -> DetachedValue? {
        var stream = Stream()
        guard readEntries(&cursor, type, context, &stream), let groups = cursor.length() else {
            return nil
        }
        for _ in 0..<groups {
            guard readGroup(&cursor, type, &stream) else { return nil }
        }
        return DetachedValue(
            type: .stream, encoding: .stream, storage: .pointer(Box.create(stream)))
    }

    private static func readEntries(
        _ cursor: inout RDBCursor, _ type: UInt8, _ context: DecodingContext,
        _ stream: inout Stream
    ) -> Bool {
        guard let nodes = cursor.length() else { return false }
        var found = StreamPack.Contents()
        for _ in 0..<nodes {
            guard readNode(&cursor, context, &stream, &found) else { return false }
        }
        guard let length = cursor.length(), let last = readNumbers(&cursor) else { return false }
        stream.length = length
        stream.lastID = last
        stream.entriesAdded = UInt64(length)
        if type == RDBType.stream {
            // As Redis does, whose older versions did not count.
            stream.firstID = stream.edge(last: false) ?? .max
        } else {
            guard let first = readNumbers(&cursor), let deleted = readNumbers(&cursor),
                let added = cursor.number()
            else { return false }
            stream.firstID = first
            stream.maxDeletedID = deleted
            stream.entriesAdded = added
        }
        if context.isOwn { return true }
        let lastNode = length == 0 ? .zero : stream.nodes.last?.id ?? .zero
        return found.liveCount == length && found.lastLive ?? .zero <= last && lastNode <= last
            && stream.entriesAdded >= UInt64(length)
    }

    private static func readNode(
        _ cursor: inout RDBCursor, _ context: DecodingContext, _ stream: inout Stream,
        _ found: inout StreamPack.Contents
    ) -> Bool {
        guard
            let id = cursor.string({ $0.count == 16 ? StreamID(bigEndian: $0) : nil }),
            let made = cursor.string({ bytes -> (ListPack, StreamPack.Contents)? in
                if context.isOwn {
                    guard ListPack.validate(bytes, deep: false) else { return nil }
                    return (ListPack.copy(bytes), StreamPack.Contents())
                }
                return StreamPack.validate(bytes, id).map { (ListPack.copy(bytes), $0) }
            })
        else { return false }
        let (pack, contents) = made
        guard stream.appendNode(id, pack) else {
            pack.destroy()
            return false
        }
        // What is alive in a node lies at or behind its ID, and before the next node's.
        if let last = found.lastLive, last >= id { return false }
        found.lastLive = contents.lastLive ?? found.lastLive
        found.liveCount += contents.liveCount
        return true
    }

    private static func readNumbers(_ cursor: inout RDBCursor) -> StreamID? {
        guard let ms = cursor.number(), let seq = cursor.number() else { return nil }
        return StreamID(ms: ms, seq: seq)
    }

    private static func readID(_ cursor: inout RDBCursor) -> StreamID? {
        cursor.take(16).map { StreamID(bigEndian: $0) }
    }

    private static func readGroup(
        _ cursor: inout RDBCursor, _ type: UInt8, _ stream: inout Stream
    ) -> Bool {
        guard let name = cursor.stringArray(), let last = readNumbers(&cursor) else {
            return false
        }
        var read = stream.number(of: last)
        if type != RDBType.stream {
            guard let number = cursor.number() else { return false }
            read = Swift.max(Int64(bitPattern: number), StreamGroup.entriesReadUnknown)
        }
        let made = name.withUnsafeBytes { name -> StreamGroup.Node? in
            if stream.groups.find(name) != nil { return nil }
            return stream.createGroup(name, lastID: last, entriesRead: read)
        }
        guard let group = made, let pending = cursor.length() else { return false }
        for _ in 0..<pending {
            guard let id = readID(&cursor), let time = cursor.little(Int64.self),
                let count = cursor.number(),
                group.pointee.createPending(id, deliveredMs: time, deliveryCount: count) != nil
            else { return false }
        }
        guard let consumers = cursor.length() else { return false }
        var owned = 0
        for _ in 0..<consumers {
            guard let count = readConsumer(&cursor, type, group) else { return false }
            owned += count
        }
        // Each was given to one consumer, and to no other before: so all of them were.
        return owned == pending
    }

    /// How many pending entries the consumer has; nil where something is wrong.
    private static func readConsumer(
        _ cursor: inout RDBCursor, _ type: UInt8, _ group: StreamGroup.Node
    ) -> Int? {
        guard let name = cursor.stringArray(), let seen = cursor.little(Int64.self) else {
            return nil
        }
        if type == RDBType.stream3, cursor.little(Int64.self) == nil { return nil }
        let made = name.withUnsafeBytes { name -> StreamConsumer.Node? in
            if group.pointee.consumers.find(name) != nil { return nil }
            return group.pointee.createConsumer(name, seenMs: seen)
        }
        guard let consumer = made, let count = cursor.length() else { return nil }
        for _ in 0..<count {
            guard let id = readID(&cursor), let entry = group.pointee.pending.find(id),
                entry.pointee.consumer == nil
            else { return nil }
            group.pointee.assign(id, entry, to: consumer)
        }
        return count
    }
}
