// The fields of a hash that has outgrown its listpack: a hash table of small allocations, one
// for each field with its value. A value is overwritten in place when the new one fits the same
// allocator size class, which is the common case of counters and flags.
//
//   [fieldLength u32 | valueLength u32 | field | value]

/// How fields are laid out.
enum FieldTableLayout: HashTableLayout {
    static let headerBytes = 8

    @inline(__always)
    static func field(_ entry: UnsafeMutableRawPointer) -> Bytes {
        Bytes(start: entry + headerBytes, count: Int(entry.load(as: UInt32.self)))
    }

    @inline(__always)
    static func value(_ entry: UnsafeMutableRawPointer) -> Bytes {
        let skip = headerBytes &+ Int(entry.load(as: UInt32.self))
        let count = Int(entry.load(fromByteOffset: 4, as: UInt32.self))
        return Bytes(start: entry + skip, count: count)
    }

    @inline(__always)
    static func byteCount(_ entry: UnsafeMutableRawPointer) -> Int {
        headerBytes &+ Int(entry.load(as: UInt32.self))
            &+ Int(entry.load(fromByteOffset: 4, as: UInt32.self))
    }

    @inline(__always)
    static func keyMatches(_ entry: UnsafeMutableRawPointer, _ key: Bytes) -> Bool {
        field(entry).equals(key)
    }

    @inline(__always)
    static func hash(_ entry: UnsafeMutableRawPointer, _ secret: HashSecret) -> UInt64 {
        secret.hash(field(entry))
    }

    static func make(_ field: Bytes, _ value: Bytes) -> UnsafeMutableRawPointer {
        precondition(field.count <= Int(UInt32.max) && value.count <= Int(UInt32.max), "too long")
        let entry = Heap.allocate(headerBytes + field.count + value.count)
        entry.storeBytes(of: UInt32(field.count), as: UInt32.self)
        if let base = field.baseAddress {
            (entry + headerBytes).copyMemory(from: base, byteCount: field.count)
        }
        setValue(entry, value)
        return entry
    }

    /// Writes a value that is known to fit.
    static func setValue(_ entry: UnsafeMutableRawPointer, _ value: Bytes) {
        entry.storeBytes(of: UInt32(value.count), toByteOffset: 4, as: UInt32.self)
        let skip = headerBytes + Int(entry.load(as: UInt32.self))
        if let base = value.baseAddress {
            (entry + skip).copyMemory(from: base, byteCount: value.count)
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

    /// Sets `field` to a copy of `value`, which must not be a view lent by this table; true when
    /// the field is new. O(1).
    @discardableResult
    mutating func set(_ field: Bytes, _ value: Bytes) -> Bool {
        let hash = table.secret.hash(field)
        guard let old = table.find(hash, field) else {
            let entry = Layout.make(field, value)
            entryBytes += Heap.footprint(Layout.byteCount(entry))
            table.insert(hash, entry)
            return true
        }
        // The allocation keeps its class, and with it the size that frees it, as long as the
        // new size rounds up to the same.
        let oldSize = Layout.byteCount(old)
        let newSize = Layout.headerBytes + field.count + value.count
        let oldFootprint = Heap.footprint(oldSize)
        let newFootprint = Heap.footprint(newSize)
        if oldFootprint == newFootprint && (oldSize > 8) == (newSize > 8) {
            Layout.setValue(old, value)
        } else {
            let new = Layout.make(Layout.field(old), value)
            table.replace(hash, old, with: new)
            entryBytes += newFootprint - oldFootprint
            Heap.free(old, oldSize)
        }
        return false
    }

    /// Removes `field`; false when it was absent. O(1).
    @discardableResult
    mutating func remove(_ field: Bytes) -> Bool {
        guard let entry = table.remove(table.secret.hash(field), field) else { return false }
        let size = Layout.byteCount(entry)
        entryBytes -= Heap.footprint(size)
        Heap.free(entry, size)
        return true
    }

    /// Visits all fields and values in hash order.
    @inline(__always)
    func forEach(_ body: (_ field: Bytes, _ value: Bytes) -> Void) {
        table.forEach { body(Layout.field($0), Layout.value($0)) }
    }

    /// `HashTable.visit(from:atLeast:)`, for HSCAN.
    @inline(__always)
    func visit(
        from lower: UInt64, atLeast: Int, _ body: (_ field: Bytes, _ value: Bytes) -> Void
    ) -> UInt64? {
        table.visit(from: lower, atLeast: atLeast) { body(Layout.field($0), Layout.value($0)) }
    }

    /// A field chosen by random bits; nil when empty. See `HashTable.randomEntry`.
    func random(_ bits: UInt64) -> (field: Bytes, value: Bytes)? {
        table.randomEntry(random: bits).map { (Layout.field($0), Layout.value($0)) }
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

    /// A deep copy. O(n).
    func copy() -> FieldTable {
        var other = FieldTable(secret: table.secret)
        table.forEach { other.set(Layout.field($0), Layout.value($0)) }
        return other
    }
}
