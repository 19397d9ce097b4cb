// What OBJECT ENCODING calls a value, and what MEMORY USAGE estimates of it.

import Glibc

extension Entry {
    /// Redis's name for how the value is kept.
    var objectEncodingName: StaticString {
        switch encoding {
        case .integer: "int"
        case .embedded: bodyCount <= StringLayout.embstrCountMax ? "embstr" : "raw"
        case .raw: "raw"
        case .listPack: "listpack"
        case .listPackEx: "listpackex"
        case .intSet: "intset"
        case .table, .tableEx: "hashtable"
        case .quickList: "quicklist"
        case .tree: "skiplist"
        case .stream: "stream"
        }
    }

    /// Whether Redis has one object for all keys with this value, and says so with a count of
    /// references that is without bounds: the integers below 10000. Here none is shared.
    var isSharedInRedis: Bool {
        encoding == .integer && 0..<10_000 ~= integer
    }

    /// Bytes that key and value occupy, allocator size classes included. Exact, but for the share
    /// of the table's slot. O(1).
    var memoryUsage: Int {
        // A slot in the hot table; with an expiry one in its index as well, and so for fields.
        let slots =
            11 + (flags.contains(.expires) ? 24 : 0) + (flags.contains(.fieldsExpire) ? 24 : 0)
        return Heap.footprint(totalCount) + slots + valueMemory
    }

    private var valueMemory: Int {
        switch encoding {
        case .embedded, .integer: return 0
        case .raw: return Heap.footprint(Int(StringValue.raw(self).capacity))
        case .listPack, .listPackEx: return Heap.footprint(ListPack(pointer).totalBytes)
        case .intSet: return Heap.footprint(IntSet(pointer).totalBytes)
        case .tableEx:
            return Heap.footprint(ExpiringFieldTable.byteCount)
                + ExpiringFieldTable.memoryBytes(pointer)
        case .table where type == .hash: return boxed(FieldTable.self) { $0.memoryBytes }
        case .table: return boxed(MemberTable.self) { $0.memoryBytes }
        case .quickList: return boxed(QuickList.self) { $0.memoryBytes }
        case .tree: return boxed(SortedSet.self) { $0.memoryBytes }
        case .stream: return boxed(Stream.self) { $0.memoryBytes }
        }
    }

    private func boxed<T: ~Copyable>(_ type: T.Type, _ bytes: (borrowing T) -> Int) -> Int {
        Heap.footprint(MemoryLayout<T>.size) + bytes(Box.lend(pointer, type).pointee)
    }
}
