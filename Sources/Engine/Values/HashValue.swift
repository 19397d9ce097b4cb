// A hash: fields and their values.
//
// Two encodings, as in Redis. While it is small, a listpack of alternating fields and values in
// the order of insertion: searching a few hundred bytes in one piece beats any index, and
// spilling it is a copy. Above `hash-max-listpack-entries` pairs, or with a field or value longer
// than `hash-max-listpack-value`, a `FieldTable`. The way back is never taken.
//
// A `HashValue` is a view of its entry and owns nothing. Whoever removes the last field deletes
// the key; an empty hash exists only between `create` and the first `set`. A view to read from may
// hide fields that are past their time and still there (HashValue+Hiding.swift).

/// When a hash stops being a listpack.
struct HashLimits {
    /// Most pairs in a listpack: `hash-max-listpack-entries`.
    let entriesMax: Int
    /// Longest field or value in a listpack: `hash-max-listpack-value`.
    let elementBytesMax: Int
    /// Keys the table's hash, whose order HSCAN walks.
    let secret: HashSecret
}

struct HashValue {
    let entry: Entry
    /// Fields with a time before this are hidden from whoever reads; `.min`: none is.
    let hiddenBefore: Int64

    @inline(__always)
    init(_ entry: Entry, hidingBefore ms: Int64 = .min) {
        self.entry = entry
        hiddenBefore = ms
    }

    /// Whether this view may leave fields out.
    @inline(__always)
    var hidesFields: Bool { hiddenBefore != .min }

    /// Makes the entry, just allocated with the encoding `.listPack`, an empty hash.
    static func create(in entry: Entry) -> HashValue {
        entry.pointer = ListPack.create().raw
        return HashValue(entry)
    }

    @inline(__always)
    var isPacked: Bool {
        let encoding = entry.encoding
        return encoding == .listPack || encoding == .listPackEx
    }

    /// Elements of a listpack that belong to a field: a pair, or a triple with its time.
    @inline(__always)
    var packedWidth: Int { entry.encoding == .listPack ? 2 : ExpiringPack.width }

    /// Reading only; a change must store `raw` again.
    @inline(__always)
    var pack: ListPack { ListPack(entry.pointer) }

    /// The fields of a large hash, whether some expire or none.
    @inline(__always)
    var table: UnsafeMutablePointer<FieldTable> {
        Box.lend(entry.pointer, FieldTable.self)
    }

    /// Number of fields. O(1).
    var count: Int {
        if hidesFields { return visibleCount }
        return isPacked ? pack.count / packedWidth : table.pointee.count
    }

    // MARK: Reading

    /// The value of `field`, a view of the hash, or nil. O(1); O(bytes) while packed.
    @inline(__always)
    func value(of field: Bytes) -> ListPackElement? {
        if hidesFields, hides(field) { return nil }
        if isPacked {
            let pack = pack
            guard let at = pack.find(field, skip: packedWidth - 1), let value = pack.next(at)
            else { return nil }
            return pack.element(at: value)
        }
        return table.pointee.get(field).map { .bytes($0) }
    }

    /// Lends every field with its value. O(n).
    @inline(__always)
    func forEach(_ body: (_ field: ListPackElement, _ value: ListPackElement) -> Void) {
        if hidesFields {
            forEachVisible(body)
        } else if isPacked {
            let pack = pack
            let hasTimes = packedWidth == ExpiringPack.width
            var position = pack.first
            while let field = position, let value = pack.next(field) {
                body(pack.element(at: field), pack.element(at: value))
                position = pack.next(hasTimes ? pack.after(value) : value)
            }
        } else {
            table.pointee.forEach { body(.bytes($0), .bytes($1)) }
        }
    }

    /// Lends the pairs at or behind a position in hash space, about `count` of them; returns the
    /// position to continue at, 0 at the end. A packed hash is lent whole at once.
    ///
    /// Every field that is in the hash from the first call to the last is lent. Positions stay
    /// below 2^53 and outlive any change of the encoding but the one, from listpack to table,
    /// which can only have been scanned to its end.
    func scan(
        from cursor: UInt64, count: Int,
        _ body: (_ field: ListPackElement, _ value: ListPackElement) -> Void
    ) -> UInt64 {
        if isPacked {
            forEach(body)
            return 0
        }
        guard cursor < 1 << 53 else { return 0 }
        let next = table.pointee.visit(from: cursor << 11, atLeast: count) {
            if !hides($2) { body(.bytes($0), .bytes($1)) }
        }
        return next.map { $0 >> 11 } ?? 0
    }

    // MARK: Changing

    /// Gives `field` a value, and takes away its expiry; true if the field is new. O(1); O(bytes)
    /// while packed.
    @discardableResult
    func set(_ field: Bytes, _ value: Bytes, _ limits: HashLimits) -> Bool {
        if entry.encoding == .listPack {
            var pack = pack
            if field.count <= limits.elementBytesMax, value.count <= limits.elementBytesMax,
                pack.canAdd(field.count + value.count)
            {
                return setPacked(&pack, field, value, limits)
            }
            convertToTable(limits)
        } else if entry.encoding != .table {
            return set(field, value, expiry: nil, limits)
        }
        return table.pointee.set(field, value)
    }

    @inline(__always)
    private func setPacked(
        _ pack: inout ListPack, _ field: Bytes, _ value: Bytes, _ limits: HashLimits
    ) -> Bool {
        if let at = pack.find(field, skip: 1), let old = pack.next(at) {
            pack.replace(at: old, with: value)
            entry.pointer = pack.raw
            return false
        }
        pack.append(field)
        pack.append(value)
        entry.pointer = pack.raw
        if pack.count / 2 > limits.entriesMax { convertToTable(limits) }
        return true
    }

    /// Removes `field`; false if there is none. O(1); O(bytes) while packed.
    func remove(_ field: Bytes) -> Bool {
        guard entry.encoding == .listPack else {
            return entry.encoding == .table
                ? table.pointee.remove(field) : removeExpiring(field)
        }
        var pack = pack
        guard let at = pack.find(field, skip: 1) else { return false }
        pack.delete(at: at, count: 2)
        entry.pointer = pack.raw
        return true
    }

    /// Moves the pairs of a listpack into a table. O(n).
    @inline(never)
    private func convertToTable(_ limits: HashLimits) {
        let pack = pack
        let raw = Box.create(FieldTable(secret: limits.secret))
        let table = Box.lend(raw, FieldTable.self)
        var fieldRoom: (UInt64, UInt64, UInt64) = (0, 0, 0)
        var valueRoom: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &fieldRoom) { fieldScratch in
            withUnsafeMutableBytes(of: &valueRoom) { valueScratch in
                let first = fieldScratch.baseAddress!.assumingMemoryBound(to: UInt8.self)
                let second = valueScratch.baseAddress!.assumingMemoryBound(to: UInt8.self)
                var position = pack.first
                while let field = position, let value = pack.next(field) {
                    table.pointee.set(
                        pack.bytes(at: field, scratch: first),
                        pack.bytes(at: value, scratch: second))
                    position = pack.next(value)
                }
            }
        }
        pack.destroy()
        entry.encoding = .table
        entry.pointer = raw
    }
}
