// A value between two owners: taken from one key for another (RENAME), copied (COPY), or just
// decoded from a cold record, a DUMP payload or a snapshot.
//
// Whoever holds one must either store it in an entry or destroy it.

import Glibc

/// A string in its own allocation, with room to grow: what APPEND and SETRANGE make.
struct RawString {
    var pointer: UnsafeMutableRawPointer
    var count: UInt32
    var capacity: UInt32

    var bytes: Bytes { Bytes(start: pointer, count: Int(count)) }

    /// An allocation of at least `capacity` bytes holding a copy of `bytes`.
    init(_ bytes: Bytes, capacity: Int) {
        let room = Swift.max(bytes.count, capacity, 16)
        pointer = Heap.allocate(room)
        if bytes.count > 0 { memcpy(pointer, bytes.baseAddress!, bytes.count) }
        count = UInt32(bytes.count)
        self.capacity = UInt32(room)
    }

    /// An allocation of `count` zero bytes, without room to grow.
    init(zeros count: Int) {
        let room = Swift.max(count, 16)
        pointer = Heap.allocate(room)
        memset(pointer, 0, count)
        self.count = UInt32(count)
        capacity = UInt32(room)
    }

    func free() { Heap.free(pointer, Int(capacity)) }
}

struct DetachedValue {
    enum Storage {
        /// Lent bytes of an embedded string; they are copied when the value is stored.
        case bytes(Bytes)
        /// An embedded string in an allocation of its own, which is freed when it is stored.
        case owned(RawString)
        case integer(Int64)
        case raw(RawString)
        /// A collection, by its encoding.
        case pointer(UnsafeMutableRawPointer)
    }

    let type: ValueType
    let encoding: Encoding
    let storage: Storage

    init(type: ValueType, encoding: Encoding, storage: Storage) {
        self.type = type
        self.encoding = encoding
        self.storage = storage
    }

    /// The string with these bytes in the encoding that SET would give it.
    static func string(_ bytes: Bytes) -> DetachedValue {
        if bytes.count <= 20, let number = Numbers.parseInt64(bytes) {
            return DetachedValue(type: .string, encoding: .integer, storage: .integer(number))
        }
        if bytes.count <= StringLayout.embeddedCountMax {
            return DetachedValue(type: .string, encoding: .embedded, storage: .bytes(bytes))
        }
        return DetachedValue(
            type: .string, encoding: .raw, storage: .raw(RawString(bytes, capacity: bytes.count)))
    }

    /// The value of `entry`, which is freed by the caller without its value. An embedded
    /// string is moved to an allocation of its own, for it lives in the entry.
    init(takenFrom entry: Entry) {
        type = entry.type
        switch entry.encoding {
        case .embedded:
            encoding = .raw
            storage = .raw(RawString(entry.bodyBytes, capacity: entry.bodyCount))
        case .integer:
            encoding = .integer
            storage = .integer(entry.integer)
        case .raw:
            encoding = .raw
            storage = .raw(entry.body.loadUnaligned(as: RawString.self))
        case .listPack, .listPackEx, .intSet, .table, .tableEx, .quickList, .tree, .stream:
            encoding = entry.encoding
            storage = .pointer(entry.pointer)
        }
    }

    /// Bytes the value needs in an entry's body.
    var bodyCount: Int {
        switch storage {
        case .bytes(let bytes): bytes.count
        case .owned(let string): string.bytes.count
        case .integer, .pointer: 8
        case .raw: MemoryLayout<RawString>.size
        }
    }

    /// Hands the value to an entry's body of `bodyCount` bytes.
    func store(in body: UnsafeMutableRawPointer) {
        switch storage {
        case .bytes(let bytes):
            if bytes.count > 0 { memcpy(body, bytes.baseAddress!, bytes.count) }
        case .owned(let string):
            if string.count > 0 { memcpy(body, string.pointer, string.bytes.count) }
            string.free()
        case .integer(let number): body.storeBytes(of: number, as: Int64.self)
        case .raw(let string): body.storeBytes(of: string, as: RawString.self)
        case .pointer(let pointer):
            body.storeBytes(of: pointer, as: UnsafeMutableRawPointer.self)
        }
    }
}

/// Sizes at which a string changes its layout.
enum StringLayout {
    /// Longer strings get an allocation of their own, so that moving the entry stays cheap.
    static let embeddedCountMax = 1024
    /// Longest string that OBJECT ENCODING calls "embstr".
    static let embstrCountMax = 44
}
