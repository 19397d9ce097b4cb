// A small hash of which some fields expire: a listpack of triples, field, value and time.
//
// Redis's `listpackex`, byte for byte. Times are Unix milliseconds, 0 for a field that never
// expires. The triples stand in the order of their times, those that never expire last, so that
// the first triple tells when something is due next, and what is due is a prefix. Of equal times
// the one set last comes first, as in Redis; fields that never expire keep their order.
// Source: Redis `listpackEx`, `t_hash.c`.

struct ExpiringPack {
    /// Elements of a triple.
    static let width = 3
    /// No time is later: 48 bits, Redis's `EB_EXPIRE_TIME_MAX`.
    static let timeMax: Int64 = 0xFFFF_FFFF_FFFF

    private(set) var pack: ListPack

    @inline(__always)
    init(_ pack: ListPack) { self.pack = pack }

    var count: Int { pack.count / Self.width }

    /// The time of the triple whose value is at `value`; nil: never.
    @inline(__always)
    private func time(behind value: ListPack.Position) -> Int64? {
        guard let at = pack.next(value), case .integer(let time) = pack.element(at: at) else {
            preconditionFailure("a field without a time")
        }
        return time == 0 ? nil : time
    }

    private func time(of field: ListPack.Position) -> Int64? {
        time(behind: pack.after(field))
    }

    /// The earliest time of all; nil when nothing expires. O(1).
    var earliest: Int64? { pack.first.flatMap { time(of: $0) } }

    /// When `field` expires; nil when it never does, or is absent. O(bytes).
    func expiry(of field: Bytes) -> Int64? {
        pack.find(field, skip: Self.width - 1).flatMap { time(of: $0) }
    }

    /// Visits all triples, the due ones first. O(n).
    @inline(__always)
    func forEach(
        _ body: (_ field: ListPackElement, _ value: ListPackElement, _ expiry: Int64?) -> Void
    ) {
        var position = pack.first
        while let field = position {
            let value = pack.after(field)
            body(pack.element(at: field), pack.element(at: value), time(behind: value))
            position = pack.next(pack.after(value))
        }
    }

    // MARK: Changing

    /// A triple at the end, of a field that is new; its time (0: it never expires) is at or behind
    /// all others. Amortized O(bytes added).
    mutating func append(_ field: Bytes, _ value: Bytes, _ time: Int64 = 0) {
        pack.append(field)
        pack.append(value)
        pack.append(time)
    }

    /// Sets a field's value and time; true when the field is new. O(bytes).
    mutating func set(_ field: Bytes, _ value: Bytes, expiry: Int64?) -> Bool {
        guard let at = pack.find(field, skip: Self.width - 1) else {
            insert(field, value, expiry)
            return true
        }
        if time(of: at) == expiry {
            pack.replace(at: pack.after(at), with: value)
        } else {
            pack.delete(at: at, count: Self.width)
            insert(field, value, expiry)
        }
        return false
    }

    /// Gives a field, which is there, another time. O(bytes).
    mutating func setExpiry(_ field: Bytes, _ expiry: Int64?) {
        guard let at = pack.find(field, skip: Self.width - 1) else {
            preconditionFailure("expiry for a field that is absent")
        }
        if time(of: at) == expiry { return }
        let value = pack.withBytes(at: pack.after(at)) { Array($0) }
        pack.delete(at: at, count: Self.width)
        value.withUnsafeBytes { insert(field, $0, expiry) }
    }

    private mutating func insert(_ field: Bytes, _ value: Bytes, _ expiry: Int64?) {
        guard let expiry else { return append(field, value) }
        var place = pack.first
        while let at = place, let time = time(of: at), time < expiry {
            place = pack.next(pack.after(pack.after(at)))
        }
        let at = pack.insert(field, before: place ?? pack.endOffset)
        let behind = pack.insert(value, after: at)
        pack.insert(expiry, before: pack.after(behind))
    }

    /// Removes a field; false when it was absent. O(bytes).
    mutating func remove(_ field: Bytes) -> Bool {
        guard let at = pack.find(field, skip: Self.width - 1) else { return false }
        pack.delete(at: at, count: Self.width)
        return true
    }

    /// How many fields have a time before `ms`. O(as many).
    func dueCount(before ms: Int64) -> Int {
        var count = 0
        var position = pack.first
        while let at = position, let time = time(of: at), time < ms {
            count += 1
            position = pack.next(pack.after(pack.after(at)))
        }
        return count
    }

    /// Removes up to `max` fields with a time before `ms`, the earliest first, lending each.
    /// O(bytes).
    mutating func removeDue(before ms: Int64, max: Int, _ body: (ListPackElement) -> Void) {
        let due = min(dueCount(before: ms), max)
        guard due > 0, let first = pack.first else { return }
        var position = first
        for _ in 0..<due {
            body(pack.element(at: position))
            position = pack.after(pack.after(pack.after(position)))
        }
        pack.delete(at: first, count: due * Self.width)
    }

    // MARK: Between a listpack of pairs and one of triples

    /// The pairs as triples that never expire; the pairs are freed. O(bytes).
    static func create(fromPairs pairs: ListPack) -> ExpiringPack {
        var made = ExpiringPack(ListPack.create())
        var position = pairs.first
        while let field = position {
            let value = pairs.after(field)
            pairs.withBytes(at: field) { field in
                pairs.withBytes(at: value) { made.append(field, $0) }
            }
            position = pairs.next(value)
        }
        pairs.destroy()
        return made
    }

    /// The triples as pairs; the triples are freed. O(bytes).
    consuming func makePairs() -> ListPack {
        var pairs = ListPack.create()
        forEach { field, value, _ in
            for element in [field, value] {
                switch element {
                case .integer(let number): pairs.append(number)
                case .bytes(let bytes): pairs.append(bytes)
                }
            }
        }
        pack.destroy()
        return pairs
    }
}
