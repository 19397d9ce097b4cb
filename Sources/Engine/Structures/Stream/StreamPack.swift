// One node of a stream: a listpack of entries, in Redis's layout, so that RDB files, DUMP payloads
// and cold records contain the very bytes that lie in memory.
//
//     live entries | deleted entries | fields | field * | 0                   the master entry
//     flags | ms | seq | value * | elements before this                       like the master
//     flags | ms | seq | fields | (field | value) * | elements before this    any other
//
// The master entry is no entry: it holds the field names of the first one, which most of a stream's
// entries repeat and need not spell (flag 2). IDs are differences to the node's own ID. A deleted
// entry stays where it is, with flag 1, and is counted. The last element of an entry says how many
// elements it has, so that a node can be walked backwards.
// Source: Redis, `t_stream.c`, `streamAppendItem`.
//
// What is walked here was either made here or found good by `StreamPack.validate`.

/// How large a node may become.
struct StreamLimits {
    let nodeBytesMax: Int
    /// 0: as many as there is room for.
    let nodeEntriesMax: Int

    /// - Parameters: `stream-node-max-bytes` and `stream-node-max-entries`; 0 is no bound.
    init(nodeBytesMax: Int, nodeEntriesMax: Int) {
        self.nodeBytesMax =
            nodeBytesMax == 0
            ? ListPack.totalBytesMax : Swift.min(nodeBytesMax, ListPack.totalBytesMax)
        self.nodeEntriesMax = nodeEntriesMax
    }
}

/// A node's listpack with its ID; a handle, as `ListPack` is.
struct StreamPack {
    var pack: ListPack
    /// The node's ID, from which its entries count.
    let master: StreamID

    static let deletedFlag: Int64 = 1
    static let sameFieldsFlag: Int64 = 2

    /// Elements of the master entry beside the names.
    private static let livePosition = ListPack.headerBytes

    init(_ pack: ListPack, _ master: StreamID) {
        self.pack = pack
        self.master = master
    }

    // MARK: The master entry

    @inline(__always)
    func integer(_ position: ListPack.Position) -> Int64 { pack.integer(at: position) ?? 0 }

    private var deletedPosition: ListPack.Position { pack.after(Self.livePosition) }
    private var fieldCountPosition: ListPack.Position { pack.after(deletedPosition) }

    /// Entries that are not deleted. O(1).
    var liveCount: Int { Int(integer(Self.livePosition)) }
    var deletedCount: Int { Int(integer(deletedPosition)) }
    var masterFieldCount: Int { Int(integer(fieldCountPosition)) }
    /// Where the first of the master's names is.
    var masterFields: ListPack.Position { pack.after(fieldCountPosition) }

    /// Where the first entry is. O(fields).
    var firstEntry: ListPack.Position {
        pack.after(skip(masterFields, masterFieldCount))
    }

    /// The position `count` elements behind `position`.
    @inline(__always)
    func skip(_ position: ListPack.Position, _ count: Int) -> ListPack.Position {
        var position = position
        for _ in 0..<count { position = pack.after(position) }
        return position
    }

    // MARK: Entries

    /// The entry at `position`. O(1).
    @inline(__always)
    func entry(at position: ListPack.Position, _ fields: MasterFields) -> StreamEntry {
        let flags = integer(position)
        var at = pack.after(position)
        let ms = master.ms &+ UInt64(bitPattern: integer(at))
        at = pack.after(at)
        let seq = master.seq &+ UInt64(bitPattern: integer(at))
        at = pack.after(at)
        let isLikeMaster = flags & Self.sameFieldsFlag != 0
        var count = fields.count
        if !isLikeMaster {
            count = Int(integer(at))
            at = pack.after(at)
        }
        return StreamEntry(
            pack: pack, position: position, id: StreamID(ms: ms, seq: seq),
            isDeleted: flags & Self.deletedFlag != 0, fieldCount: count, start: at,
            masterFields: isLikeMaster ? fields.start : nil)
    }

    /// The master's names, looked up once a walk.
    struct MasterFields {
        let count: Int
        let start: ListPack.Position
    }

    var fields: MasterFields { MasterFields(count: masterFieldCount, start: masterFields) }

    /// Visits the entries, deleted ones too, until `body` returns false; false if it did.
    /// O(elements).
    @inline(__always)
    func visit(reversed: Bool, while body: (StreamEntry) -> Bool) -> Bool {
        let fields = self.fields
        if reversed {
            guard var last = pack.last else { return true }
            // The master ends in a 0: no elements before.
            while case let count = integer(last), count > 0 {
                var position = last
                for _ in 0..<count { position = pack.previous(position) ?? position }
                if !body(entry(at: position, fields)) { return false }
                guard let before = pack.previous(position) else { return true }
                last = before
            }
            return true
        }
        var position = pack.after(skip(fields.start, fields.count))
        while position < pack.endOffset {
            let entry = entry(at: position, fields)
            if !body(entry) { return false }
            position = entry.end
        }
        return true
    }

    /// The last entry, deleted or not.
    var last: StreamEntry? {
        var found: StreamEntry?
        _ = visit(reversed: true) {
            found = $0
            return false
        }
        return found
    }

    /// The entry with this ID that is not deleted. O(elements).
    func find(_ id: StreamID) -> StreamEntry? {
        var found: StreamEntry?
        _ = visit(reversed: false) { entry in
            if entry.isDeleted { return true }
            if entry.id == id { found = entry }
            return entry.id < id
        }
        return found
    }

    // MARK: Changing; whoever holds the node stores the listpack again

    /// A node with its master entry and nothing in it. `part` lends fields and values in turn.
    static func create(
        _ master: StreamID, fieldCount: Int, _ part: (Int) -> Bytes
    ) -> StreamPack {
        var pack = ListPack.create()
        pack.append(0)
        pack.append(0)
        pack.append(Int64(fieldCount))
        for index in 0..<fieldCount { pack.append(part(index * 2)) }
        pack.append(0)
        return StreamPack(pack, master)
    }

    private func isLikeMaster(_ fieldCount: Int, _ part: (Int) -> Bytes) -> Bool {
        guard fieldCount == masterFieldCount else { return false }
        var position = masterFields
        for index in 0..<fieldCount {
            if !pack.equals(at: position, part(index * 2)) { return false }
            position = pack.after(position)
        }
        return true
    }

    /// Adds an entry at the end.
    mutating func append(_ id: StreamID, fieldCount: Int, _ part: (Int) -> Bytes) {
        let isLikeMaster = isLikeMaster(fieldCount, part)
        pack.replace(at: Self.livePosition, with: Int64(liveCount) &+ 1)
        pack.append(isLikeMaster ? Self.sameFieldsFlag : 0)
        pack.append(Int64(bitPattern: id.ms &- master.ms))
        pack.append(Int64(bitPattern: id.seq &- master.seq))
        if !isLikeMaster { pack.append(Int64(fieldCount)) }
        for index in 0..<fieldCount {
            if !isLikeMaster { pack.append(part(index * 2)) }
            pack.append(part(index * 2 + 1))
        }
        pack.append(Int64(fieldCount) + 3 + (isLikeMaster ? 0 : Int64(fieldCount) + 1))
    }

    /// Marks the entry as deleted, which it was not, without counting it.
    mutating func markDeleted(at position: ListPack.Position) {
        pack.replace(at: position, with: integer(position) | Self.deletedFlag)
    }

    /// Counts `number` live entries as deleted.
    mutating func countDeleted(_ number: Int) {
        pack.replace(at: deletedPosition, with: Int64(deletedCount) &+ Int64(number))
        pack.replace(at: Self.livePosition, with: Int64(liveCount) &- Int64(number))
    }
}

/// An entry, as it lies in its node. Valid until the node changes.
struct StreamEntry {
    let pack: ListPack
    /// Its first element, the flags.
    let position: ListPack.Position
    let id: StreamID
    let isDeleted: Bool
    let fieldCount: Int
    /// The first value, or where the names are its own the first name.
    fileprivate let start: ListPack.Position
    fileprivate let masterFields: ListPack.Position?

    fileprivate init(
        pack: ListPack, position: ListPack.Position, id: StreamID, isDeleted: Bool,
        fieldCount: Int, start: ListPack.Position, masterFields: ListPack.Position?
    ) {
        self.pack = pack
        self.position = position
        self.id = id
        self.isDeleted = isDeleted
        self.fieldCount = fieldCount
        self.start = start
        self.masterFields = masterFields
    }

    /// Where the next entry begins. O(fields).
    @inline(__always)
    var end: ListPack.Position {
        var position = start
        let count = masterFields == nil ? fieldCount &* 2 : fieldCount
        for _ in 0..<count { position = pack.after(position) }
        return pack.after(position)
    }

    /// Lends names and values. O(fields).
    @inline(__always)
    func forEach(_ body: (_ field: ListPackElement, _ value: ListPackElement) -> Void) {
        var value = start
        if var field = masterFields {
            for _ in 0..<fieldCount {
                body(pack.element(at: field), pack.element(at: value))
                field = pack.after(field)
                value = pack.after(value)
            }
            return
        }
        for _ in 0..<fieldCount {
            let field = value
            value = pack.after(value)
            body(pack.element(at: field), pack.element(at: value))
            value = pack.after(value)
        }
    }
}
