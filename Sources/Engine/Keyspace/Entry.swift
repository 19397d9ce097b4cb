// A key of the hot tier: one compact allocation for metadata, key and small value.
//
//   offset  size  field
//        0     1  kind: value type (low 4 bits), encoding (high 4 bits)
//        1     1  flags (EntryFlags)
//        2     1  batch: the cold batch that carries this very value, 0 for none
//        3     1  spare
//        4     4  access: LRU clock, or LFU minutes and counter (as in Redis, see Access.swift)
//        8     4  key length
//       12     4  body length
//       16     8  expiry, Unix milliseconds; only with the flag `.expires`
//             key bytes
//             body: a string's bytes, an 8-byte integer, or a pointer to the value
//
// A 16-byte key with a 64-byte value takes 96 bytes; Redis spends an entry, a key string, an
// object and a value string on it. The fields are read unaligned, so nothing is padded.
//
// An `Entry` is a handle: it neither owns nor counts. The database that holds it owns it, and
// whatever changes its size (a new string, an expiry coming or going) may move it, so that a
// handle is good until the next change of that key. Collections change behind their pointer
// and do not move.

import Glibc

/// The type of a value. The numbers are Redis's object types; they reach the disk only through
/// the RDB type byte and may not change all the same.
package enum ValueType: UInt8, Sendable {
    case string = 0
    case list = 1
    case set = 2
    case sortedSet = 3
    case hash = 4
    case stream = 6
    /// A deleted key of which an older record is still in the cold tier.
    case tombstone = 15

    /// What TYPE replies.
    var name: StaticString {
        switch self {
        case .string: "string"
        case .list: "list"
        case .set: "set"
        case .sortedSet: "zset"
        case .hash: "hash"
        case .stream: "stream"
        case .tombstone: "none"
        }
    }
}

/// How a value is laid out in memory; what the body holds.
enum Encoding: UInt8 {
    /// String bytes in the body.
    case embedded = 0
    /// A string that is an integer: 8 bytes in the body.
    case integer = 1
    /// A string in its own allocation with room to grow: `RawString` in the body.
    case raw = 2
    /// Pointer to listpack bytes (hash, sorted set).
    case listPack = 3
    /// Pointer to intset bytes (set).
    case intSet = 4
    /// Pointer to a `FieldTable` (hash) or `MemberTable` (set).
    case table = 5
    /// Pointer to a `QuickList` (list).
    case quickList = 6
    /// Pointer to a `SortedSet`.
    case tree = 7
    /// Pointer to a `Stream`.
    case stream = 8
    /// Pointer to listpack bytes (hash of which some fields expire, see ExpiringPack).
    case listPackEx = 10
    /// Pointer to an `ExpiringFieldTable` (the same hash, when it is large).
    case tableEx = 11
}

struct EntryFlags: OptionSet {
    let rawValue: UInt8
    /// An expiry field is present.
    static let expires = EntryFlags(rawValue: 1)
    /// Changed since its last cold record was handed to the writer (or has none).
    static let dirty = EntryFlags(rawValue: 2)
    /// A record of this key, current or older, is in the cold tier or on its way there.
    static let hasCold = EntryFlags(rawValue: 4)
    /// Leaves the hot tier as soon as its batch is committed.
    static let leaving = EntryFlags(rawValue: 8)
    /// Fetched for one request only; leaves after it unless it was changed or kept.
    static let visiting = EntryFlags(rawValue: 16)
    /// The newest record handed to the cold tier is a live one (no tombstone): the key is
    /// counted in `HotDatabase.coldLiveCount`.
    static let coldIsLive = EntryFlags(rawValue: 32)
    /// A hash of which some field expires: its earliest time stands in the database's index.
    static let fieldsExpire = EntryFlags(rawValue: 64)
    /// Time may have passed over it, or over a part.
    static let timed: EntryFlags = [.expires, .fieldsExpire]
}

struct Entry: Equatable {
    let raw: UnsafeMutableRawPointer

    private static let headerBytes = 16

    @inline(__always) init(_ raw: UnsafeMutableRawPointer) { self.raw = raw }

    /// A new entry with its key in place; the body is left for the caller to fill.
    static func allocate(
        key: Bytes, type: ValueType, encoding: Encoding, bodyCount: Int, expiry: Int64?
    ) -> Entry {
        let keyOffset = headerBytes + (expiry == nil ? 0 : 8)
        let raw = Heap.allocate(keyOffset + key.count + bodyCount)
        raw.storeBytes(of: type.rawValue | encoding.rawValue << 4, as: UInt8.self)
        raw.storeBytes(
            of: expiry == nil ? 0 : EntryFlags.expires.rawValue, toByteOffset: 1, as: UInt8.self)
        raw.storeBytes(of: 0, toByteOffset: 2, as: UInt16.self)
        raw.storeBytes(of: 0, toByteOffset: 4, as: UInt32.self)
        raw.storeBytes(of: UInt32(key.count), toByteOffset: 8, as: UInt32.self)
        raw.storeBytes(of: UInt32(bodyCount), toByteOffset: 12, as: UInt32.self)
        if let expiry { raw.storeBytes(of: expiry, toByteOffset: 16, as: Int64.self) }
        if key.count > 0 { memcpy(raw + keyOffset, key.baseAddress!, key.count) }
        return Entry(raw)
    }

    /// Frees the allocation; the value behind a pointer must have been destroyed before.
    func deallocate() { Heap.free(raw, totalCount) }

    // MARK: Fields

    var type: ValueType {
        @inline(__always) get {
            ValueType(rawValue: raw.load(as: UInt8.self) & 15).unsafelyUnwrapped
        }
    }

    var encoding: Encoding {
        @inline(__always) get {
            Encoding(rawValue: raw.load(as: UInt8.self) >> 4).unsafelyUnwrapped
        }
        nonmutating set {
            raw.storeBytes(of: type.rawValue | newValue.rawValue << 4, as: UInt8.self)
        }
    }

    var flags: EntryFlags {
        @inline(__always) get {
            EntryFlags(rawValue: raw.load(fromByteOffset: 1, as: UInt8.self))
        }
        nonmutating set { raw.storeBytes(of: newValue.rawValue, toByteOffset: 1, as: UInt8.self) }
    }

    var batch: UInt8 {
        @inline(__always) get { raw.load(fromByteOffset: 2, as: UInt8.self) }
        nonmutating set { raw.storeBytes(of: newValue, toByteOffset: 2, as: UInt8.self) }
    }

    /// LRU clock or LFU data, by the policy in force.
    var access: UInt32 {
        @inline(__always) get { raw.load(fromByteOffset: 4, as: UInt32.self) }
        nonmutating set { raw.storeBytes(of: newValue, toByteOffset: 4, as: UInt32.self) }
    }

    var keyCount: Int {
        @inline(__always) get { Int(raw.load(fromByteOffset: 8, as: UInt32.self)) }
    }

    /// Bytes of the body; only a string's own code changes it.
    var bodyCount: Int {
        @inline(__always) get { Int(raw.load(fromByteOffset: 12, as: UInt32.self)) }
    }

    private var keyOffset: Int {
        @inline(__always) get { Self.headerBytes + (flags.contains(.expires) ? 8 : 0) }
    }

    var key: Bytes {
        @inline(__always) get { Bytes(start: raw + keyOffset, count: keyCount) }
    }

    var body: UnsafeMutableRawPointer {
        @inline(__always) get { raw + keyOffset + keyCount }
    }

    /// The body's bytes: the value of an `.embedded` string.
    var bodyBytes: Bytes {
        @inline(__always) get { Bytes(start: body, count: bodyCount) }
    }

    /// Absolute expiry in Unix milliseconds, nil for none.
    var expiry: Int64? {
        @inline(__always) get {
            flags.contains(.expires) ? raw.loadUnaligned(fromByteOffset: 16, as: Int64.self) : nil
        }
    }

    /// Overwrites an expiry that is there.
    func overwriteExpiry(_ expiry: Int64) {
        precondition(flags.contains(.expires))
        raw.storeBytes(of: expiry, toByteOffset: 16, as: Int64.self)
    }

    /// Bytes of the whole allocation.
    var totalCount: Int { keyOffset + keyCount + bodyCount }

    /// The pointer to the value of a collection, or of a raw string.
    var pointer: UnsafeMutableRawPointer {
        @inline(__always) get {
            body.loadUnaligned(as: UnsafeMutableRawPointer.self)
        }
        nonmutating set { body.storeBytes(of: newValue, as: UnsafeMutableRawPointer.self) }
    }

    /// The value of an `.integer` string.
    var integer: Int64 {
        @inline(__always) get { body.loadUnaligned(as: Int64.self) }
        nonmutating set { body.storeBytes(of: newValue, as: Int64.self) }
    }

    // MARK: Moving

    /// A copy of this entry with another body size or with an expiry added, changed or taken
    /// away. The body's first bytes are copied as far as both sizes go; access data and flags
    /// are kept. This entry's allocation is freed; the value it points to now belongs to the
    /// copy.
    func resized(
        type: ValueType, encoding: Encoding, bodyCount: Int, expiry: Int64?
    ) -> Entry {
        let copy = Entry.allocate(
            key: key, type: type, encoding: encoding, bodyCount: bodyCount, expiry: expiry)
        memcpy(copy.body, body, Swift.min(bodyCount, self.bodyCount))
        copy.access = access
        copy.flags = flags.subtracting(.expires).union(copy.flags)
        copy.batch = batch
        deallocate()
        return copy
    }
}

/// How the keyspace's table sees entries.
enum EntryLayout: HashTableLayout {
    @inline(__always)
    static func keyMatches(_ entry: UnsafeMutableRawPointer, _ key: Bytes) -> Bool {
        Entry(entry).key.equals(key)
    }

    @inline(__always)
    static func hash(_ entry: UnsafeMutableRawPointer, _ secret: HashSecret) -> UInt64 {
        secret.hash(Entry(entry).key)
    }
}
