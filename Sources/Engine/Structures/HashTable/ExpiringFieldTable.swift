// The fields of a large hash of which some expire: a `FieldTable`, which keeps each field's time
// beside its value, and the order of those times.
//
//     [FieldTable | ExpiryIndex of (time, hash of the field)]
//
// The table comes first, so that whatever works on the fields of any large hash works on these
// without asking; only what changes a time must come through here. A table of which no field
// expires has no such companion, and one becomes the other without touching a field.

/// A large hash with times: static functions over the allocation that its entry points to.
enum ExpiringFieldTable {
    private static let orderOffset = (MemoryLayout<FieldTable>.size + 15) & ~15
    static let byteCount = orderOffset + MemoryLayout<ExpiryIndex>.size

    /// Takes over the fields of a table, none of which expires yet.
    static func create(_ fields: consuming FieldTable) -> UnsafeMutableRawPointer {
        let raw = Heap.allocate(byteCount)
        raw.bindMemory(to: FieldTable.self, capacity: 1).initialize(to: fields)
        (raw + orderOffset).bindMemory(to: ExpiryIndex.self, capacity: 1)
            .initialize(to: ExpiryIndex())
        return raw
    }

    /// The same with fields that have times. O(n log n).
    static func create(ordering fields: consuming FieldTable) -> UnsafeMutableRawPointer {
        let raw = create(fields)
        let table = self.fields(raw)
        let order = self.order(raw)
        table.pointee.forEachExpiring { field, _, expiry in
            if let expiry { order.pointee.insert(expiry, table.pointee.hash(of: field)) }
        }
        return raw
    }

    @inline(__always)
    static func fields(_ raw: UnsafeMutableRawPointer) -> UnsafeMutablePointer<FieldTable> {
        raw.assumingMemoryBound(to: FieldTable.self)
    }

    @inline(__always)
    static func order(_ raw: UnsafeMutableRawPointer) -> UnsafeMutablePointer<ExpiryIndex> {
        (raw + orderOffset).assumingMemoryBound(to: ExpiryIndex.self)
    }

    /// Gives the fields away, none of which expires any more, and frees the rest. O(1).
    static func release(_ raw: UnsafeMutableRawPointer) -> FieldTable {
        assert(order(raw).pointee.count == 0)
        order(raw).deinitialize(count: 1)
        let table = fields(raw).move()
        Heap.free(raw, byteCount)
        return table
    }

    /// Frees everything. O(n).
    static func destroy(_ raw: UnsafeMutableRawPointer) {
        order(raw).deinitialize(count: 1)
        fields(raw).deinitialize(count: 1)
        Heap.free(raw, byteCount)
    }

    /// A deep copy. O(n log n).
    static func copy(_ raw: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        create(ordering: fields(raw).pointee.copy())
    }

    /// What fields and times occupy beside the allocation itself.
    static func memoryBytes(_ raw: UnsafeMutableRawPointer) -> Int {
        fields(raw).pointee.memoryBytes + order(raw).pointee.memoryBytes
    }

    /// How many fields have a time before `ms`. O(log n).
    static func dueCount(_ raw: UnsafeMutableRawPointer, before ms: Int64) -> Int {
        ms == .min ? 0 : order(raw).pointee.dueCount(nowMs: ms - 1)
    }

    // MARK: Changing

    /// Sets a field's value and time; true when the field is new. O(log n).
    static func set(
        _ raw: UnsafeMutableRawPointer, _ field: Bytes, _ value: Bytes, expiry: Int64?
    ) -> Bool {
        let table = fields(raw)
        reorder(raw, field, from: table.pointee.expiry(of: field), to: expiry)
        return table.pointee.set(field, value, expiry: expiry)
    }

    /// Gives a field, which is there, another time. O(log n).
    static func setExpiry(_ raw: UnsafeMutableRawPointer, _ field: Bytes, _ expiry: Int64?) {
        let table = fields(raw)
        reorder(raw, field, from: table.pointee.expiry(of: field), to: expiry)
        table.pointee.setExpiry(field, expiry)
    }

    /// Removes a field; false when it was absent. O(log n).
    static func remove(_ raw: UnsafeMutableRawPointer, _ field: Bytes) -> Bool {
        let table = fields(raw)
        reorder(raw, field, from: table.pointee.expiry(of: field), to: nil)
        return table.pointee.remove(field)
    }

    private static func reorder(
        _ raw: UnsafeMutableRawPointer, _ field: Bytes, from old: Int64?, to new: Int64?
    ) {
        if old == new { return }
        let hash = fields(raw).pointee.hash(of: field)
        if let old { order(raw).pointee.remove(old, hash) }
        if let new { order(raw).pointee.insert(new, hash) }
    }

    /// Removes up to `max` fields with a time before `ms`, the earliest first, lending each.
    /// O(log n + fields).
    static func removeDue(
        _ raw: UnsafeMutableRawPointer, before ms: Int64, max: Int, _ body: (Bytes) -> Void
    ) {
        let table = fields(raw)
        order(raw).pointee.popDue(nowMs: ms - 1, max: max) { time, hash in
            table.pointee.remove(hash: hash, expiry: time, body)
        }
    }

    /// Takes their times from all fields. O(n).
    static func removeTimes(_ raw: UnsafeMutableRawPointer) {
        let table = fields(raw)
        order(raw).pointee.popDue(nowMs: .max, max: .max) { time, hash in
            table.pointee.removeExpiry(hash: hash, expiry: time)
        }
    }

    /// Frees up to `max` fields and as many times; returns how many fields.
    static func removeSome(_ raw: UnsafeMutableRawPointer, max: Int) -> Int {
        order(raw).pointee.removeSome(max: max)
        return fields(raw).pointee.removeSome(max: max)
    }
}
