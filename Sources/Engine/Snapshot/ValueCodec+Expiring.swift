// Decoding of hashes of which fields expire; see ValueCodec+Decode.swift.
//
// Redis 7.4's two layouts, and those of its release candidates:
//
//     24  first time i64 LE, count, then for each field: time, field, value. A time is a length:
//         0 for none, else its difference to the first time, plus 1.
//     22  the same without the first time; a time is the time itself.
//     25  first time i64 LE, then a string: the listpack of triples (ExpiringPack.swift).
//     23  the same without the first time.
//
// Times are Unix milliseconds below 2^48. A time that is past is kept: only the keyspace decides
// what is due, and a log that is replayed must find what it removed.

extension ValueCodec {
    static func decodeExpiringHash(
        _ cursor: inout RDBCursor, _ context: DecodingContext, isGA: Bool
    ) -> DetachedValue? {
        var first: Int64 = 0
        if isGA {
            guard let time = cursor.little(Int64.self), 0...ExpiringPack.timeMax ~= time else {
                return nil
            }
            first = time
        }
        guard let count = cursor.length(), count > 0 else { return nil }
        var builder = ExpiringHashBuilder(asTable: context.isOwn, context.hash)
        for _ in 0..<count {
            guard let length = cursor.length(), let time = time(length, first, isGA),
                let field = cursor.stringArray(),
                cursor.string({ builder.add(field, $0, time) }) == true
            else { return nil }
        }
        return builder.finish()
    }

    /// The time that a length stands for, 0 for none; nil when there can be no such time.
    private static func time(_ length: Int, _ first: Int64, _ isGA: Bool) -> Int64? {
        if length == 0 { return 0 }
        // Lengths are below 2^62 and the first time below 2^48.
        let time = isGA ? Int64(length) - 1 + first : Int64(length)
        return time <= ExpiringPack.timeMax ? time : nil
    }

    static func decodeExpiringPack(
        _ cursor: inout RDBCursor, _ context: DecodingContext, isGA: Bool
    ) -> DetachedValue? {
        // The listpack itself tells what is due first.
        if isGA, cursor.little(Int64.self) == nil { return nil }
        return cursor.string { bytes -> DetachedValue? in
            guard ListPack.validate(bytes, deep: !context.isOwn) else { return nil }
            if context.isOwn {
                return DetachedValue(
                    type: .hash, encoding: .listPackEx, storage: .pointer(ListPack.copy(bytes).raw))
            }
            return rebuild(ListPack(reading: bytes), context)
        }
    }

    /// A hash of triples that may be hostile: times that are none, duplicates, no order.
    private static func rebuild(_ pack: ListPack, _ context: DecodingContext) -> DetachedValue? {
        let count = pack.count
        guard count > 0, count % ExpiringPack.width == 0 else { return nil }
        var builder = ExpiringHashBuilder(context.hash)
        var position = pack.first
        while let at = position {
            let value = pack.after(at)
            let last = pack.after(value)
            guard case .integer(let time) = pack.element(at: last),
                0...ExpiringPack.timeMax ~= time
            else { return nil }
            let field = pack.withBytes(at: at) { Array($0) }
            guard pack.withBytes(at: value, { builder.add(field, $0, time) }) else { return nil }
            position = pack.next(last)
        }
        return builder.finish()
    }
}

/// Builds a hash from decoded triples, in whatever order they come. Frees what it has when it is
/// not finished.
struct ExpiringHashBuilder: ~Copyable {
    private let limits: HashLimits
    private var fields: FieldTable
    private var hasTimes = false
    /// The triples, while they may make a listpack; nil: it is to be a table.
    private var triples: [(time: Int64, field: [UInt8], value: [UInt8])]?
    private var bytes = 0

    /// - Parameter asTable: a table, however few they are.
    init(asTable: Bool = false, _ limits: HashLimits) {
        self.limits = limits
        fields = FieldTable(secret: limits.secret)
        triples = asTable ? nil : []
    }

    /// Adds a field; `time` 0: it never expires. False if the field is there already.
    mutating func add(_ field: [UInt8], _ value: Bytes, _ time: Int64) -> Bool {
        if time != 0 { hasTimes = true }
        guard field.withUnsafeBytes({ fields.set($0, value, expiry: time == 0 ? nil : time) })
        else { return false }
        bytes += field.count + value.count + 32
        if triples == nil { return true }
        if fields.count <= limits.entriesMax, field.count <= limits.elementBytesMax,
            value.count <= limits.elementBytesMax, bytes < ListPack.totalBytesMax
        {
            triples!.append((time, field, Array(value)))
        } else {
            triples = nil
        }
        return true
    }

    /// The hash, of which there is at least one field.
    consuming func finish() -> DetachedValue {
        guard let triples else {
            return hasTimes
                ? Self.wrap(.tableEx, ExpiringFieldTable.create(ordering: fields))
                : Self.wrap(.table, Box.create(fields))
        }
        var pack = ExpiringPack(ListPack.create())
        // A stable order: fields that never expire stay as they came, behind the others.
        let order = triples.indices.sorted { a, b in
            let first = UInt64(bitPattern: triples[a].time &- 1)
            let second = UInt64(bitPattern: triples[b].time &- 1)
            return first < second || first == second && a < b
        }
        for index in order {
            let (time, field, value) = triples[index]
            field.withUnsafeBytes { field in
                value.withUnsafeBytes { pack.append(field, $0, time) }
            }
        }
        return hasTimes
            ? Self.wrap(.listPackEx, pack.pack.raw) : Self.wrap(.listPack, pack.makePairs().raw)
    }

    private static func wrap(_ encoding: Encoding, _ raw: UnsafeMutableRawPointer) -> DetachedValue
    {
        DetachedValue(type: .hash, encoding: encoding, storage: .pointer(raw))
    }
}
