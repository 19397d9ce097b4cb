// The fields of a hash that has outgrown its listpack: a hash table of small allocations, one
// for each field with its value. A value is overwritten in place when the new one fits the same
// allocator size class, which is the common case of counters and flags.
//
//   [fieldLength u31, expires u1 | valueLength u32 | field | value | expiry i64 if it expires]
//
// A field that expires carries its time behind its value, in Unix milliseconds; one that does not
// pays nothing for the possibility. The table only keeps the times; who is due first is known to
// whoever also keeps their order (ExpiringFieldTable.swift).

/// How fields are laid out.
enum FieldTableLayout: HashTableLayout {
    static let headerBytes = 8
    private static let expires: UInt32 = 1 << 31

    @inline(__always)
    private static func fieldCount(_ entry: UnsafeMutableRawPointer) -> Int {
        Int(entry.load(as: UInt32.self) & ~expires)
    }

    @inline(__always)
    static func field(_ entry: UnsafeMutableRawPointer) -> Bytes {
        Bytes(start: entry + headerBytes, count: fieldCount(entry))
    }

    @inline(__always)
    static func value(_ entry: UnsafeMutableRawPointer) -> Bytes {
        let count = Int(entry.load(fromByteOffset: 4, as: UInt32.self))
        return Bytes(start: entry + (headerBytes &+ fieldCount(entry)), count: count)
    }

    @inline(__always)
    static func byteCount(_ entry: UnsafeMutableRawPointer) -> Int {
        let word = entry.load(as: UInt32.self)
        return headerBytes &+ Int(word & ~expires)
            &+ Int(entry.load(fromByteOffset: 4, as: UInt32.self)) &+ Int((word &>> 31) &<< 3)
    }

    /// When the field expires; nil: never.
    @inline(__always)
    static func expiry(_ entry: UnsafeMutableRawPointer) -> Int64? {
        guard entry.load(as: UInt32.self) & expires != 0 else { return nil }
        return entry.loadUnaligned(fromByteOffset: byteCount(entry) &- 8, as: Int64.self)
    }

    @inline(__always)
    static func keyMatches(_ entry: UnsafeMutableRawPointer, _ key: Bytes) -> Bool {
        field(entry).equals(key)
    }

    @inline(__always)
    static func hash(_ entry: UnsafeMutableRawPointer, _ secret: HashSecret) -> UInt64 {
        secret.hash(field(entry))
    }

    static func make(
        _ field: Bytes, _ value: Bytes, expiry: Int64? = nil
    ) -> UnsafeMutableRawPointer {
        precondition(field.count <= Int(Int32.max) && value.count <= Int(UInt32.max), "too long")
        let entry = Heap.allocate(
            headerBytes + field.count + value.count + (expiry == nil ? 0 : 8))
        entry.storeBytes(of: UInt32(field.count), as: UInt32.self)
        if let base = field.baseAddress {
            (entry + headerBytes).copyMemory(from: base, byteCount: field.count)
        }
        setValue(entry, value, expiry: expiry)
        return entry
    }

    /// Writes value and expiry, which are known to fit. `value` may be the entry's own.
    @inline(__always)
    static func setValue(_ entry: UnsafeMutableRawPointer, _ value: Bytes, expiry: Int64?) {
        let count = fieldCount(entry)
        entry.storeBytes(of: UInt32(count) | (expiry == nil ? 0 : expires), as: UInt32.self)
        entry.storeBytes(of: UInt32(value.count), toByteOffset: 4, as: UInt32.self)
        let skip = headerBytes + count
        if let base = value.baseAddress {
            (entry + skip).copyMemory(from: base, byteCount: value.count)
        }
        if let expiry {
            entry.storeBytes(of: expiry, toByteOffset: skip + value.count, as: Int64.self)
        }
    }
}

/// A map of byte strings in hash order. Views that it lends are valid until it next changes.
struct FieldTable: ~Copyable {
    typealias Layout = FieldTableLayout
    private var table: HashTable<FieldTableLayout>
    private var entryBytes = 0

    init(secret: HashSecret) { table = HashTable(secret: secret) }

    deinit { table.forEach { Heap.free($0, Layout.byteCount($0)) } }

    var count: Int { table.count }

    /// What fields and table occupy, allocator size classes included.
    var memoryBytes: Int { table.memoryBytes + entryBytes }

    /// The value of `field`, or nil. O(1).
    func get(_ field: Bytes) -> Bytes? {
        table.find(table.secret.hash(field), field).map(Layout.value)
    }

    /// Sets `field` to a copy of `value`, which must not be a view lent by this table, and takes
    /// away its expiry; true when the field is new. O(1).
    @discardableResult
    @inline(__always)
    mutating func set(_ field: Bytes, _ value: Bytes) -> Bool {
        set(field, value, expiry: nil)
    }

    /// The same with an expiry.
    @discardableResult
    mutating func set(_ field: Bytes, _ value: Bytes, expiry: Int64?) -> Bool {
        let hash = table.secret.hash(field)
        guard let old = table.find(hash, field) else {
            let entry = Layout.make(field, value, expiry: expiry)
            entryBytes += Heap.footprint(Layout.byteCount(entry))
            table.insert(hash, entry)
            return true
        }
        write(hash, old, value, expiry)
        return false
    }

    /// Gives an entry another value and expiry; either may be what it has.
    @inline(__always)
    private mutating func write(
        _ hash: UInt64, _ old: UnsafeMutableRawPointer, _ value: Bytes, _ expiry: Int64?
    ) {
        // The allocation keeps its class, and with it the size that frees it, as long as the
        // new size rounds up to the same.
        let oldSize = Layout.byteCount(old)
        let field = Layout.field(old)
        let newSize = Layout.headerBytes + field.count + value.count + (expiry == nil ? 0 : 8)
        let oldFootprint = Heap.footprint(oldSize)
        let newFootprint = Heap.footprint(newSize)
        if oldFootprint == newFootprint && (oldSize > 8) == (newSize > 8) {
            Layout.setValue(old, value, expiry: expiry)
        } else {
            let new = Layout.make(field, value, expiry: expiry)
            table.replace(hash, old, with: new)
            entryBytes += newFootprint - oldFootprint
            Heap.free(old, oldSize)
        }
    }

    /// Removes `field`; false when it was absent. O(1).
    @discardableResult
    mutating func remove(_ field: Bytes) -> Bool {
        guard let entry = table.remove(table.secret.hash(field), field) else { return false }
        free(entry)
        return true
    }

    private mutating func free(_ entry: UnsafeMutableRawPointer) {
        let size = Layout.byteCount(entry)
        entryBytes -= Heap.footprint(size)
        Heap.free(entry, size)
    }

    // MARK: Expiry

    /// What a field's place in the order of times is made of. O(length).
    func hash(of field: Bytes) -> UInt64 { table.secret.hash(field) }

    /// When `field` expires; nil when it never does, or is absent. O(1).
    func expiry(of field: Bytes) -> Int64? {
        table.find(table.secret.hash(field), field).flatMap(Layout.expiry)
    }

    /// Gives a field, which is there, another expiry. O(1).
    mutating func setExpiry(_ field: Bytes, _ expiry: Int64?) {
        let hash = table.secret.hash(field)
        guard let entry = table.find(hash, field) else {
            preconditionFailure("expiry for a field that is absent")
        }
        write(hash, entry, Layout.value(entry), expiry)
    }

    /// The one field with this hash and this expiry. Of two such fields it is any.
    private func find(hash: UInt64, expiry: Int64) -> UnsafeMutableRawPointer {
        var found: UnsafeMutableRawPointer?
        table.visit(from: hash, below: hash == .max ? nil : hash + 1) { entry in
            if Layout.expiry(entry) == expiry { found = entry }
        }
        guard let found else { preconditionFailure("a time without its field") }
        return found
    }

    /// Takes its expiry from the one field with this hash and this expiry. O(1) expected.
    mutating func removeExpiry(hash: UInt64, expiry: Int64) {
        let entry = find(hash: hash, expiry: expiry)
        write(hash, entry, Layout.value(entry), nil)
    }

    /// Removes the one field with this hash and this expiry, lending it to `body` first. O(1)
    /// expected.
    mutating func remove(hash: UInt64, expiry: Int64, _ body: (_ field: Bytes) -> Void) {
        let found = find(hash: hash, expiry: expiry)
        body(Layout.field(found))
        table.remove(hash, entry: found)
        free(found)
    }

    /// Visits all fields, values and times in hash order.
    @inline(__always)
    func forEachExpiring(_ body: (_ field: Bytes, _ value: Bytes, _ expiry: Int64?) -> Void) {
        table.forEach { body(Layout.field($0), Layout.value($0), Layout.expiry($0)) }
    }

    /// Visits all fields and values in hash order.
    @inline(__always)
    func forEach(_ body: (_ field: Bytes, _ value: Bytes) -> Void) {
        table.forEach { body(Layout.field($0), Layout.value($0)) }
    }

    /// `HashTable.visit(from:atLeast:)`, for HSCAN.
    @inline(__always)
    func visit(
        from lower: UInt64, atLeast: Int,
        _ body: (_ field: Bytes, _ value: Bytes, _ expiry: Int64?) -> Void
    ) -> UInt64? {
        table.visit(from: lower, atLeast: atLeast) {
            body(Layout.field($0), Layout.value($0), Layout.expiry($0))
        }
    }

    /// A field chosen by random bits; nil when empty. See `HashTable.randomEntry`.
    func random(_ bits: UInt64) -> (field: Bytes, value: Bytes, expiry: Int64?)? {
        table.randomEntry(random: bits).map {
            (Layout.field($0), Layout.value($0), Layout.expiry($0))
        }
    }

    /// Frees up to `max` fields; returns how many. For freeing a large hash in slices.
    @discardableResult
    mutating func removeSome(max: Int) -> Int {
        var freed = 0
        let taken = table.removeSome(max: max) {
            let size = Layout.byteCount($0)
            freed += Heap.footprint(size)
            Heap.free($0, size)
        }
        entryBytes -= freed
        return taken
    }

    /// A deep copy, with the times. O(n).
    func copy() -> FieldTable {
        var other = FieldTable(secret: table.secret)
        table.forEach {
            other.set(Layout.field($0), Layout.value($0), expiry: Layout.expiry($0))
        }
        return other
    }
}
