// Builds a hash from decoded pairs, which may be hostile: duplicates are noticed.

/// A hash in the making: a listpack while it is small, then a table.
struct HashBuilder {
    private let limits: HashLimits
    private var pointer: UnsafeMutableRawPointer
    private(set) var isTable: Bool

    /// - Parameters:
    ///   - count: how many pairs are announced.
    ///   - asTable: a table, however few they are.
    init(count: Int, asTable: Bool = false, _ limits: HashLimits) {
        self.limits = limits
        isTable = asTable || count > limits.entriesMax
        pointer =
            isTable ? Box.create(FieldTable(secret: limits.secret)) : ListPack.create().raw
    }

    /// Adds a pair; false if the field is there already.
    mutating func add(_ field: Bytes, _ value: Bytes) -> Bool {
        if !isTable {
            var pack = ListPack(pointer)
            if field.count <= limits.elementBytesMax, value.count <= limits.elementBytesMax {
                if pack.find(field, skip: 1) != nil { return false }
                pack.append(field)
                pack.append(value)
                pointer = pack.raw
                return true
            }
            convert(pack)
        }
        return Box.lend(pointer, FieldTable.self).pointee.set(field, value)
    }

    private mutating func convert(_ pack: ListPack) {
        isTable = true
        pointer = Box.create(FieldTable(secret: limits.secret))
        let table = Box.lend(pointer, FieldTable.self)
        var position = pack.first
        while let field = position, let value = pack.next(field) {
            pack.withBytes(at: field) { field in
                pack.withBytes(at: value) { _ = table.pointee.set(field, $0) }
            }
            position = pack.next(value)
        }
        pack.destroy()
    }

    /// The hash; the builder is done.
    var value: DetachedValue {
        DetachedValue(
            type: .hash, encoding: isTable ? .table : .listPack, storage: .pointer(pointer))
    }

    func destroy() { value.destroy() }
}
