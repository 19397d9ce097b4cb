// The end of a value, its copy, and what OBJECT and MEMORY say of it: the few places that must
// know every type and every encoding.
//
// A collection of more than `LazyFree.elementsMax` elements is not freed at once: whoever
// deletes it holds the engine's lock, and freeing a million elements takes a tenth of a second.
// It is handed to `engine.lazyFree`, which frees slices of it between requests. DEL is therefore
// as quick as UNLINK.

import Glibc

extension Engine {
    /// Frees the value of an entry, which is about to be overwritten or freed itself. O(1).
    @inline(__always)
    func discardValue(_ entry: Entry) {
        if entry.encoding.rawValue >= Encoding.raw.rawValue { discardOwned(entry) }
    }

    @inline(never)
    private func discardOwned(_ entry: Entry) {
        if entry.encoding == .raw {
            StringValue.raw(entry).free()
            return
        }
        discard(
            DetachedValue(
                type: entry.type, encoding: entry.encoding, storage: .pointer(entry.pointer)))
    }

    /// Frees a value that nobody owns any more. O(1).
    func discard(_ value: DetachedValue) {
        if value.elementCount > LazyFree.elementsMax, value.canBeFreedInSlices {
            lazyFree.add(value)
        } else {
            value.destroy()
        }
    }

    /// A deep copy of an entry's value, for COPY; an embedded string is lent, not copied.
    /// O(elements).
    func copyValue(_ entry: Entry) -> DetachedValue {
        switch entry.encoding {
        case .embedded:
            return DetachedValue(
                type: .string, encoding: .embedded, storage: .bytes(entry.bodyBytes))
        case .integer:
            return DetachedValue(
                type: .string, encoding: .integer, storage: .integer(entry.integer))
        case .raw:
            let bytes = StringValue.raw(entry).bytes
            return DetachedValue(
                type: .string, encoding: .raw, storage: .raw(RawString(bytes, capacity: 0)))
        case .listPack, .listPackEx:
            return copied(entry, ListPack.copy(ListPack(entry.pointer).bytes).raw)
        case .intSet:
            return copied(entry, IntSet.copy(IntSet(entry.pointer).bytes).raw)
        case .tableEx: return copied(entry, ExpiringFieldTable.copy(entry.pointer))
        case .table where entry.type == .hash:
            return copied(
                entry, Box.create(Box.lend(entry.pointer, FieldTable.self).pointee.copy()))
        case .table:
            return copied(
                entry, Box.create(Box.lend(entry.pointer, MemberTable.self).pointee.copy()))
        case .quickList:
            return copied(
                entry, Box.create(Box.lend(entry.pointer, QuickList.self).pointee.copy()))
        case .tree:
            return copied(
                entry, Box.create(Box.lend(entry.pointer, SortedSet.self).pointee.copy()))
        case .stream:
            return copied(
                entry, Box.create(Box.lend(entry.pointer, Stream.self).pointee.copy()))
        }
    }

    private func copied(_ entry: Entry, _ pointer: UnsafeMutableRawPointer) -> DetachedValue {
        DetachedValue(type: entry.type, encoding: entry.encoding, storage: .pointer(pointer))
    }

    /// Frees every value and every entry of a database, whose other fields the caller resets.
    /// O(elements).
    func freeAll(database index: Int) {
        let table = databases[index].table.count
        databases[index].table.removeSome(max: table) { raw in
            let entry = Entry(raw)
            entry.detachedForFreeing?.destroy()
            entry.deallocate()
        }
    }
}

/// Collections that an entry points to live in an accounted allocation of their own.
enum Box {
    /// Moves `value` into the heap.
    static func create<T: ~Copyable>(_ value: consuming T) -> UnsafeMutableRawPointer {
        let raw = Heap.allocate(MemoryLayout<T>.size)
        raw.bindMemory(to: T.self, capacity: 1).initialize(to: value)
        return raw
    }

    @inline(__always)
    static func lend<T: ~Copyable>(
        _ raw: UnsafeMutableRawPointer, _ type: T.Type
    ) -> UnsafeMutablePointer<T> {
        raw.assumingMemoryBound(to: type)
    }

    /// Moves the value out and frees its allocation.
    static func take<T: ~Copyable>(_ raw: UnsafeMutableRawPointer, _ type: T.Type) -> T {
        let value = raw.assumingMemoryBound(to: type).move()
        Heap.free(raw, MemoryLayout<T>.size)
        return value
    }

    /// Ends the value and frees its allocation.
    static func destroy<T: ~Copyable>(_ raw: UnsafeMutableRawPointer, _ type: T.Type) {
        raw.assumingMemoryBound(to: type).deinitialize(count: 1)
        Heap.free(raw, MemoryLayout<T>.size)
    }
}

extension Entry {
    /// The value that this entry owns outside itself, or nil.
    var detachedForFreeing: DetachedValue? {
        switch encoding {
        case .embedded, .integer: nil
        case .raw:
            DetachedValue(type: type, encoding: .raw, storage: .raw(StringValue.raw(self)))
        default:
            DetachedValue(type: type, encoding: encoding, storage: .pointer(pointer))
        }
    }

    /// Elements of a collection (pairs of a hash or sorted set, parts to be freed of a stream);
    /// 1 for a string. O(1).
    var elementCount: Int {
        switch encoding {
        case .embedded, .integer, .raw: 1
        default:
            DetachedValue(type: type, encoding: encoding, storage: .pointer(pointer)).elementCount
        }
    }
}

extension DetachedValue {
    /// As `Entry.elementCount`.
    var elementCount: Int {
        guard case .pointer(let raw) = storage else { return 1 }
        switch encoding {
        case .listPack:
            let count = ListPack(raw).count
            return type == .hash || type == .sortedSet ? count / 2 : count
        case .listPackEx: return ExpiringPack(ListPack(raw)).count
        case .tableEx: return ExpiringFieldTable.fields(raw).pointee.count
        case .intSet: return IntSet(raw).count
        case .table where type == .hash: return Box.lend(raw, FieldTable.self).pointee.count
        case .table: return Box.lend(raw, MemberTable.self).pointee.count
        case .quickList: return Box.lend(raw, QuickList.self).pointee.count
        case .tree: return Box.lend(raw, SortedSet.self).pointee.count
        case .stream: return Box.lend(raw, Stream.self).pointee.partCount
        case .embedded, .integer, .raw: return 1
        }
    }

    /// Packed encodings are one allocation, however many elements they hold.
    var canBeFreedInSlices: Bool {
        switch encoding {
        case .table, .tableEx, .quickList, .tree, .stream: true
        default: false
        }
    }

    /// Frees the value. O(elements).
    func destroy() {
        switch storage {
        case .bytes, .integer: return
        case .raw(let string), .owned(let string): string.free()
        case .pointer(let raw):
            switch encoding {
            case .listPack, .listPackEx: ListPack(raw).destroy()
            case .tableEx: ExpiringFieldTable.destroy(raw)
            case .intSet: IntSet(raw).destroy()
            case .table where type == .hash: Box.destroy(raw, FieldTable.self)
            case .table: Box.destroy(raw, MemberTable.self)
            case .quickList: Box.destroy(raw, QuickList.self)
            case .tree: Box.destroy(raw, SortedSet.self)
            case .stream: Box.destroy(raw, Stream.self)
            case .embedded, .integer, .raw: return
            }
        }
    }

    /// Frees up to `max` elements (nodes of a list); returns how many. The value itself is still
    /// there after the last.
    func destroySome(max: Int) -> Int {
        guard case .pointer(let raw) = storage else { return 0 }
        switch encoding {
        case .tableEx: return ExpiringFieldTable.removeSome(raw, max: max)
        case .table where type == .hash:
            return Box.lend(raw, FieldTable.self).pointee.removeSome(max: max)
        case .table: return Box.lend(raw, MemberTable.self).pointee.removeSome(max: max)
        case .quickList:
            // A node is one allocation, whatever it holds.
            let list = Box.lend(raw, QuickList.self)
            let before = list.pointee.nodeCount
            _ = list.pointee.dropNodes(max: max)
            return before - list.pointee.nodeCount
        case .tree: return Box.lend(raw, SortedSet.self).pointee.removeSome(max: max)
        case .stream: return Box.lend(raw, Stream.self).pointee.removeSome(max: max)
        default: return 0
        }
    }
}
