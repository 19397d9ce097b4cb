// Hashes of which some fields expire.
//
// Small ones are listpacks of triples (`ExpiringPack`), large ones tables with an order of times
// (`ExpiringFieldTable`). A hash takes the form that has times when the first field gets one, and
// is given the plain form again when the last is gone (`leaveExpiring`), so that a hash whose
// fields never expire costs nothing for the possibility.
//
// Here fields are only told apart by their times. What is due, and that nobody sees it, is the
// keyspace's business (Keyspace/FieldExpiry.swift).

extension Encoding {
    /// The forms of a hash of which fields may expire.
    @inline(__always)
    var expiresFields: Bool { self == .listPackEx || self == .tableEx }
}

extension HashValue {
    private var expiringPack: ExpiringPack { ExpiringPack(pack) }

    // MARK: Reading

    /// When the first field expires; nil when none does. O(1); O(log n) in a table.
    var earliestExpiry: Int64? {
        switch entry.encoding {
        case .listPackEx: expiringPack.earliest
        case .tableEx: ExpiringFieldTable.order(entry.pointer).pointee.first?.timeMs
        default: nil
        }
    }

    /// When `field` expires; nil when it never does, or is absent. O(1); O(bytes) while packed.
    func expiry(of field: Bytes) -> Int64? {
        switch entry.encoding {
        case .listPackEx: expiringPack.expiry(of: field)
        case .tableEx: table.pointee.expiry(of: field)
        default: nil
        }
    }

    /// Lends every field with its value and its time. O(n).
    func forEachExpiring(
        _ body: (_ field: ListPackElement, _ value: ListPackElement, _ expiry: Int64?) -> Void
    ) {
        switch entry.encoding {
        case .listPackEx: expiringPack.forEach(body)
        case .tableEx:
            table.pointee.forEachExpiring { body(.bytes($0), .bytes($1), $2) }
        default: forEach { body($0, $1, nil) }
        }
    }

    /// How many fields have a time before `ms`. O(log n); O(as many) while packed.
    func dueCount(before ms: Int64) -> Int {
        switch entry.encoding {
        case .listPackEx: expiringPack.dueCount(before: ms)
        case .tableEx: ExpiringFieldTable.dueCount(entry.pointer, before: ms)
        default: 0
        }
    }

    // MARK: Changing

    /// Gives `field` a value and a time (nil: it never expires); true if the field is new.
    /// O(log n); O(bytes) while packed.
    @discardableResult
    func set(_ field: Bytes, _ value: Bytes, expiry: Int64?, _ limits: HashLimits) -> Bool {
        if !entry.encoding.expiresFields {
            if expiry == nil { return set(field, value, limits) }
            makeExpiring()
        }
        if isPacked {
            if field.count <= limits.elementBytesMax, value.count <= limits.elementBytesMax,
                pack.canAdd(field.count + value.count + Numbers.integerCharsMax)
            {
                var pack = expiringPack
                let isNew = pack.set(field, value, expiry: expiry)
                entry.pointer = pack.pack.raw
                if pack.count > limits.entriesMax { convertToTable(pack, limits) }
                return isNew
            }
            convertToTable(expiringPack, limits)
        }
        return ExpiringFieldTable.set(entry.pointer, field, value, expiry: expiry)
    }

    /// Gives `field` a value; its expiry, if it has one, stays. O(1); O(bytes) while packed.
    @inline(__always)
    func setKeepingExpiry(_ field: Bytes, _ value: Bytes, _ limits: HashLimits) {
        if entry.encoding.expiresFields {
            set(field, value, expiry: expiry(of: field), limits)
        } else {
            set(field, value, limits)
        }
    }

    /// Gives a field, which is there, another time, or none. O(log n); O(bytes) while packed.
    func setExpiry(_ field: Bytes, _ expiry: Int64?, _ limits: HashLimits) {
        if !entry.encoding.expiresFields {
            if expiry == nil { return }
            makeExpiring()
        }
        if isPacked {
            if pack.canAdd(Numbers.integerCharsMax) {
                var pack = expiringPack
                pack.setExpiry(field, expiry)
                entry.pointer = pack.pack.raw
                return
            }
            convertToTable(expiringPack, limits)
        }
        ExpiringFieldTable.setExpiry(entry.pointer, field, expiry)
    }

    /// `remove` for the forms with times.
    @inline(never)
    func removeExpiring(_ field: Bytes) -> Bool {
        guard isPacked else { return ExpiringFieldTable.remove(entry.pointer, field) }
        var pack = expiringPack
        let isRemoved = pack.remove(field)
        entry.pointer = pack.pack.raw
        return isRemoved
    }

    /// Removes up to `max` fields with a time before `ms`, the earliest first, lending each.
    /// O(log n + fields); O(bytes) while packed.
    func removeDue(before ms: Int64, max: Int, _ body: (ListPackElement) -> Void) {
        guard entry.encoding.expiresFields else { return }
        guard isPacked else {
            return ExpiringFieldTable.removeDue(entry.pointer, before: ms, max: max) {
                body(.bytes($0))
            }
        }
        var pack = expiringPack
        pack.removeDue(before: ms, max: max, body)
        entry.pointer = pack.pack.raw
    }

    // MARK: From one form to the other

    /// O(1); O(bytes) while packed.
    @inline(never)
    private func makeExpiring() {
        if isPacked {
            entry.pointer = ExpiringPack.create(fromPairs: pack).pack.raw
            entry.encoding = .listPackEx
        } else {
            entry.pointer = ExpiringFieldTable.create(Box.take(entry.pointer, FieldTable.self))
            entry.encoding = .tableEx
        }
    }

    /// Gives a hash of which no field expires any more its plain form again. O(1); O(bytes)
    /// while packed.
    @inline(never)
    func leaveExpiring() {
        if isPacked {
            entry.pointer = expiringPack.makePairs().raw
            entry.encoding = .listPack
        } else {
            entry.pointer = Box.create(ExpiringFieldTable.release(entry.pointer))
            entry.encoding = .table
        }
    }

    /// Moves the triples of a listpack into a table. O(n log n).
    @inline(never)
    private func convertToTable(_ pack: ExpiringPack, _ limits: HashLimits) {
        var fields = FieldTable(secret: limits.secret)
        pack.forEach { field, value, expiry in
            field.withBytes { field in
                value.withBytes { _ = fields.set(field, $0, expiry: expiry) }
            }
        }
        pack.pack.destroy()
        entry.pointer = ExpiringFieldTable.create(ordering: fields)
        entry.encoding = .tableEx
    }
}

extension DetachedValue {
    /// Whether it is a hash of which every field has a time before `ms`. O(log n); O(fields) while
    /// packed.
    func isEmpty(by ms: Int64) -> Bool {
        guard case .pointer(let raw) = storage else { return false }
        switch encoding {
        case .listPackEx:
            let pack = ExpiringPack(ListPack(raw))
            return pack.dueCount(before: ms) == pack.count
        case .tableEx:
            return ExpiringFieldTable.dueCount(raw, before: ms)
                == ExpiringFieldTable.fields(raw).pointee.count
        default: return false
        }
    }

    /// The same value; of a hash, no field expires any more. O(n).
    consuming func withoutFieldTimes() -> DetachedValue {
        guard case .pointer(let raw) = storage else { return self }
        switch encoding {
        case .listPackEx:
            let pairs = ExpiringPack(ListPack(raw)).makePairs()
            return DetachedValue(type: .hash, encoding: .listPack, storage: .pointer(pairs.raw))
        case .tableEx:
            ExpiringFieldTable.removeTimes(raw)
            let plain = Box.create(ExpiringFieldTable.release(raw))
            return DetachedValue(type: .hash, encoding: .table, storage: .pointer(plain))
        default: return self
        }
    }
}
