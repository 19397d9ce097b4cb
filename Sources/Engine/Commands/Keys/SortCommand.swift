// SORT: the elements of a list, set or sorted set in order, by themselves or by other keys.
//
// The elements are copied into one buffer first, because looking at other keys (BY, GET) may
// fetch or expire keys. What is sorted are small items that point into the buffer.

/// Elements to sort, with what they are sorted by.
private struct SortItems {
    struct Item {
        var start: Int
        var count: Int
        /// Numeric weight.
        var score = 0.0
        /// Alphabetic weight: where it stands in the buffer; -1 when there is none.
        var weightStart = -1
        var weightCount = 0
    }

    var bytes: [UInt8] = []
    var items: [Item] = []

    mutating func append(_ element: Bytes) {
        items.append(Item(start: bytes.count, count: element.count))
        bytes.append(contentsOf: element)
    }

    /// O(n log n); O(n) moves besides.
    mutating func sort(alphabetic: Bool, byWeight: Bool, descending: Bool) {
        bytes.withUnsafeBytes { raw in
            func text(_ item: Item) -> Bytes { raw.slice(item.start, item.count) }
            func order(_ a: Item, _ b: Item) -> Int {
                if alphabetic, byWeight {
                    if a.weightStart < 0 || b.weightStart < 0 {
                        return a.weightStart < 0 ? (b.weightStart < 0 ? 0 : -1) : 1
                    }
                    return raw.slice(a.weightStart, a.weightCount)
                        .compare(raw.slice(b.weightStart, b.weightCount))
                }
                if !alphabetic, a.score != b.score { return a.score < b.score ? -1 : 1 }
                // Equal weights: the elements decide, so that the order is always the same.
                return text(a).compare(text(b))
            }
            if descending {
                items.sort { order($0, $1) > 0 }
            } else {
                items.sort { order($0, $1) < 0 }
            }
        }
    }
}

extension KeysCommands {
    static func sort(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try sort(engine, client, args, mayStore: true) }

    static func sortReadOnly(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) { try sort(engine, client, args, mayStore: false) }

    private static func sort(
        _ engine: Engine, _ client: Client, _ args: Arguments, mayStore: Bool
    ) throws(CommandError) {
        var options = try SortOptions(args, mayStore: mayStore)
        let key = engine.key(args[1], client)
        let source = engine.read(key)
        if let source, ![.list, .set, .sortedSet].contains(source.type) { throw .wrongType }
        if let source, source.type == .sortedSet { unpack(engine, key, source) }
        if options.keepsOrder, source?.type == .set, options.destination != nil {
            options.sortByElement()
        }
        var items = SortItems()
        if let source { collect(source, options, &items) }
        if !options.keepsOrder {
            try weigh(engine, client, options, &items)
            items.sort(
                alphabetic: options.isAlphabetic, byWeight: options.by != nil,
                descending: options.isDescending)
        }
        let range = options.range(count: items.items.count)
        if let destination = options.destination {
            try store(engine, client, engine.key(destination, client), items, range, options)
        } else {
            client.reply.array(range.count * Swift.max(options.gets.count, 1))
            forEachResult(engine, client, items, range, options) { value in
                if let value { client.reply.bulk(value) } else { client.reply.null() }
            }
        }
    }

    /// Redis sorts no packed sorted set: it makes a skip list of it first, which the key keeps.
    /// The value is the same, so nobody is told; its record is not, so it is dirty.
    private static func unpack(_ engine: Engine, _ key: Key, _ entry: Entry) {
        var value = SortedSetValue(entry)
        guard value.isPacked else { return }
        value.convertToTree(engine.sortedSetLimits)
        value.save(to: entry)
        engine.markDirty(entry, database: key.database)
    }

    /// Copies the elements in the order of the collection; where nothing is sorted, DESC turns
    /// that of lists and sorted sets around.
    private static func collect(_ entry: Entry, _ options: SortOptions, _ items: inout SortItems) {
        let reversed = options.keepsOrder && options.isDescending
        switch entry.type {
        case .list:
            let list = Box.lend(entry.pointer, QuickList.self)
            if reversed {
                list.pointee.forEachReversed(from: list.pointee.count - 1) { items.append($0) }
            } else {
                list.pointee.forEach { items.append($0) }
            }
        case .set:
            SetValue(entry).forEach { $0.withBytes { items.append($0) } }
        default:
            let value = SortedSetValue(entry)
            value.forEach(0..<value.count, reversed: reversed) { member, _ in
                member.withBytes { items.append($0) }
            }
        }
    }

    /// Looks up what each element is sorted by. Redis looks at all keys before it says that
    /// something was no number.
    private static func weigh(
        _ engine: Engine, _ client: Client, _ options: SortOptions, _ items: inout SortItems
    ) throws(CommandError) {
        if options.by == nil, options.isAlphabetic { return }
        var element: [UInt8] = []
        var scratch: [UInt8] = []
        let elementItself: StaticString = "#"
        let by = options.by ?? SortPattern(elementItself.bytes)
        var isNumeric = true
        for index in items.items.indices {
            let item = items.items[index]
            element.removeAll(keepingCapacity: true)
            element.append(contentsOf: items.bytes[item.start..<item.start + item.count])
            var weight: [UInt8]?
            var score: Double? = 0
            element.withUnsafeBytes { element in
                by.withValue(of: element, engine, database: client.database, &scratch) { value in
                    guard let value else { return }
                    if options.isAlphabetic {
                        weight = Array(value)
                    } else {
                        score = Numbers.parseWeight(value)
                    }
                }
            }
            isNumeric = isNumeric && score != nil
            items.items[index].score = score ?? 0
            if let weight {
                items.items[index].weightStart = items.bytes.count
                items.items[index].weightCount = weight.count
                items.bytes.append(contentsOf: weight)
            }
        }
        if !isNumeric {
            throw .message("ERR One or more scores can't be converted into double")
        }
    }

    /// Lends what is replied or stored: the elements, or for each what every GET yields.
    private static func forEachResult(
        _ engine: Engine, _ client: Client, _ items: SortItems, _ range: Range<Int>,
        _ options: SortOptions, _ body: (Bytes?) -> Void
    ) {
        var scratch: [UInt8] = []
        items.bytes.withUnsafeBytes { raw in
            for item in items.items[range] {
                let element = raw.slice(item.start, item.count)
                if options.gets.isEmpty {
                    body(element)
                    continue
                }
                for get in options.gets {
                    get.withValue(
                        of: element, engine, database: client.database, &scratch, body)
                }
            }
        }
    }

    private static func store(
        _ engine: Engine, _ client: Client, _ key: Key, _ items: SortItems, _ range: Range<Int>,
        _ options: SortOptions
    ) throws(CommandError) {
        var list = QuickList()
        let limit = engine.configuration.listListpackSizeMax
        let empty = Bytes(start: nil, count: 0)
        forEachResult(engine, client, items, range, options) { value in
            list.pushBack(value ?? empty, limit: limit)
        }
        let count = list.count
        client.reply.integer(count)
        let old = try engine.write(key)
        if count == 0 {
            guard let old else { return }
            engine.remove(key, old)
            return engine.effect(key, "DEL")
        }
        if let old { engine.removeSilently(key, old) }
        let entry = engine.insert(key, .list, .quickList, isNew: old == nil)
        entry.pointer = Box.create(list)
        engine.changed(key, entry, "sortstore", .list)
        engine.logRestore(key, entry)
    }
}
