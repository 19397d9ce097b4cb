// Large values and flushed databases, freed in slices between requests.
//
// What is here is already gone for every client: nothing looks it up, counts it or writes it.
// Each slice is bounded by elements, so that the engine's lock is never held long for it; memory
// is given back at some millions of elements a second.

struct LazyFree: ~Copyable {
    /// Larger collections are freed here and not at once.
    static let elementsMax = 64

    private var values: [DetachedValue] = []
    /// Tables of flushed databases, with all their entries.
    private var tables: [UnsafeMutablePointer<HashTable<EntryLayout>>] = []
    /// Values and keys freed since CONFIG RESETSTAT: `lazyfreed_objects`.
    var freedCount = 0

    init() {}

    deinit {
        for value in values { value.destroy() }
        for table in tables {
            let count = table.pointee.count
            table.pointee.removeSome(max: count) { raw in
                Entry(raw).detachedForFreeing?.destroy()
                Entry(raw).deallocate()
            }
            table.deinitialize(count: 1)
            table.deallocate()
        }
    }

    var isEmpty: Bool { values.isEmpty && tables.isEmpty }

    /// Values and keys that wait to be freed: `lazyfree_pending_objects`.
    var pendingCount: Int { tables.reduce(values.count) { $0 + $1.pointee.count } }

    /// Takes over a collection. O(1).
    mutating func add(_ value: DetachedValue) { values.append(value) }

    /// Takes the table of a database, which is left with an empty one. O(1).
    mutating func take(_ database: inout HotDatabase) {
        var table = HashTable<EntryLayout>(secret: database.table.secret)
        swap(&table, &database.table)
        if table.count == 0 { return }
        let box = UnsafeMutablePointer<HashTable<EntryLayout>>.allocate(capacity: 1)
        box.initialize(to: table)
        tables.append(box)
    }

    /// Frees up to about `maxElements` elements; true if more is left.
    mutating func step(maxElements: Int) -> Bool {
        var budget = maxElements
        while budget > 0, let value = values.last {
            let freed = value.destroySome(max: budget)
            budget -= Swift.max(freed, 1)
            if value.elementCount == 0 {
                value.destroy()
                freedCount += 1
                values.removeLast()
            }
        }
        while budget > 0, let table = tables.last {
            budget -= freeKeys(table, Swift.min(budget, 256))
            if table.pointee.count == 0 {
                table.deinitialize(count: 1)
                table.deallocate()
                tables.removeLast()
            }
        }
        return !isEmpty
    }

    /// Frees up to `max` keys; their large values join the queue.
    private mutating func freeKeys(
        _ table: UnsafeMutablePointer<HashTable<EntryLayout>>, _ max: Int
    ) -> Int {
        var work = 0
        var large: [DetachedValue] = []
        let taken = table.pointee.removeSome(max: max) { raw in
            let entry = Entry(raw)
            if let value = entry.detachedForFreeing {
                if value.canBeFreedInSlices, value.elementCount > LazyFree.elementsMax {
                    large.append(value)
                } else {
                    work += value.elementCount
                    value.destroy()
                }
            }
            entry.deallocate()
        }
        values.append(contentsOf: large)
        freedCount += taken - large.count
        return taken + work
    }
}
