// The one encoder: a value as RDB bytes, for DUMP, cold records, snapshots and, later, full
// synchronization.
//
// Collections that are small lie in memory in the byte layouts of the format (listpack,
// intset), so that encoding them is a copy.

/// Values to RDB bytes and back.
enum ValueCodec {
    /// The RDB type byte that `encodePayload` will use for an entry's value.
    static func type(of entry: Entry) -> UInt8 {
        switch (entry.type, entry.encoding) {
        case (.string, _): RDBType.string
        case (.list, _): RDBType.listQuickList2
        case (.set, .intSet): RDBType.setIntSet
        case (.set, _): RDBType.set
        case (.sortedSet, .listPack): RDBType.sortedSetListPack
        case (.sortedSet, _): RDBType.sortedSet
        case (.hash, .listPack): RDBType.hashListPack
        case (.hash, .listPackEx): RDBType.hashListPackEx
        case (.hash, .tableEx): RDBType.hashMetadata
        case (.hash, _): RDBType.hash
        case (.stream, _): RDBType.stream2
        case (.tombstone, _): preconditionFailure("no such value to encode")
        }
    }

    /// Appends the value without its type byte; returns that. O(size).
    @discardableResult
    static func encodePayload(
        _ entry: Entry, into out: inout ByteSink, compress: Bool = false
    ) -> UInt8 {
        switch entry.encoding {
        case .embedded: out.putString(entry.bodyBytes, compress: compress)
        case .integer: out.putString(entry.integer)
        case .raw:
            out.putString(
                entry.body.loadUnaligned(as: RawString.self).bytes, compress: compress)
        case .listPack:
            out.putString(ListPack(entry.pointer).bytes, compress: compress)
        case .listPackEx:
            out.putLittle(HashValue(entry).earliestExpiry ?? 0)
            out.putString(ListPack(entry.pointer).bytes, compress: compress)
        case .tableEx: encodeExpiringHash(HashValue(entry), &out, compress)
        case .intSet:
            out.putString(IntSet(entry.pointer).bytes, compress: compress)
        case .table where entry.type == .hash:
            encodeHash(entry.pointer.assumingMemoryBound(to: FieldTable.self), &out, compress)
        case .table:
            encodeSet(entry.pointer.assumingMemoryBound(to: MemberTable.self), &out, compress)
        case .quickList:
            encodeList(entry.pointer.assumingMemoryBound(to: QuickList.self), &out, compress)
        case .tree:
            encodeSortedSet(entry.pointer.assumingMemoryBound(to: SortedSet.self), &out, compress)
        case .stream:
            encodeStream(
                entry.pointer.assumingMemoryBound(to: Stream.self), RDBType.stream2, &out, compress)
        }
        return type(of: entry)
    }

    /// Appends type byte and value.
    static func encode(_ entry: Entry, into out: inout ByteSink, compress: Bool = false) {
        out.put(type(of: entry))
        encodePayload(entry, into: &out, compress: compress)
    }

    /// Appends what DUMP replies: type byte, value, RDB version (u16 LE), CRC-64 of all before.
    static func dump(_ entry: Entry, into out: inout ByteSink, compress: Bool = true) {
        let start = out.count
        encode(entry, into: &out, compress: compress)
        seal(&out, from: start)
    }

    /// Ends a DUMP payload that began at `start` with its type byte.
    static func seal(_ out: inout ByteSink, from start: Int) {
        out.putLittle(RDB.version(ofType: out.bytes[start]))
        out.putLittle(CRC64.checksum(out.bytes.slice(start, out.count - start)))
    }

    private static func encodeHash(
        _ table: UnsafeMutablePointer<FieldTable>, _ out: inout ByteSink, _ compress: Bool
    ) {
        out.putLength(table.pointee.count)
        table.pointee.forEach { field, value in
            out.putString(field, compress: compress)
            out.putString(value, compress: compress)
        }
    }

    /// First time, count, then each field's time as the difference to the first plus 1 (0: it
    /// never expires), field and value.
    private static func encodeExpiringHash(
        _ hash: HashValue, _ out: inout ByteSink, _ compress: Bool
    ) {
        let first = hash.earliestExpiry ?? 0
        out.putLittle(first)
        out.putLength(hash.count)
        hash.table.pointee.forEachExpiring { field, value, expiry in
            out.putLength(expiry.map { Int($0 - first) + 1 } ?? 0)
            out.putString(field, compress: compress)
            out.putString(value, compress: compress)
        }
    }

    private static func encodeSet(
        _ table: UnsafeMutablePointer<MemberTable>, _ out: inout ByteSink, _ compress: Bool
    ) {
        out.putLength(table.pointee.count)
        table.pointee.forEach { out.putString($0, compress: compress) }
    }

    private static func encodeList(
        _ list: UnsafeMutablePointer<QuickList>, _ out: inout ByteSink, _ compress: Bool
    ) {
        out.putLength(list.pointee.nodeCount)
        list.pointee.forEachNode { container, bytes in
            out.putLength(Int(container.rawValue))
            out.putString(bytes, compress: compress)
        }
    }

    private static func encodeSortedSet(
        _ set: UnsafeMutablePointer<SortedSet>, _ out: inout ByteSink, _ compress: Bool
    ) {
        out.putLength(set.pointee.count)
        // Descending, as Redis writes it: loading then always inserts at the front.
        let count = set.pointee.count
        set.pointee.visit(0..<count, reversed: true) { member, score in
            out.putString(member, compress: compress)
            out.putLittle(score.bitPattern)
        }
    }
}
