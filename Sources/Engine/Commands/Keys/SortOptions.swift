// The options of SORT, and the patterns of BY and GET.

/// A pattern of BY or GET: a key with a place for the element, perhaps a field of a hash.
struct SortPattern {
    private let before: Bytes
    private let after: Bytes
    private let field: Bytes?
    /// `#`: the element itself.
    let isElement: Bool
    /// Without a `*` it names one key for all elements; BY then means "do not sort".
    let hasPlace: Bool

    /// `prefix*suffix` or `prefix*suffix->field`; the first star counts, and the arrow behind it.
    init(_ pattern: Bytes) {
        isElement = pattern.equals("#")
        guard let star = pattern.firstIndex(of: UInt8(ascii: "*")) else {
            hasPlace = false
            before = pattern
            after = pattern.slice(pattern.count, 0)
            field = nil
            return
        }
        hasPlace = true
        before = pattern.slice(0, star)
        var end = pattern.count
        var field: Bytes?
        var index = star + 1
        // An arrow with nothing behind it is part of the key.
        while index + 2 < pattern.count {
            if pattern[index] == UInt8(ascii: "-"), pattern[index + 1] == UInt8(ascii: ">") {
                field = pattern.slice(index + 2, pattern.count - index - 2)
                end = index
                break
            }
            index += 1
        }
        after = pattern.slice(star + 1, end - star - 1)
        self.field = field
    }

    /// Lends what the pattern yields for `element`: a string, or a hash's field; nil if there is
    /// none. `scratch` is room for the key's name. `element` must not be a view of the keyspace.
    func withValue<R>(
        of element: Bytes, _ engine: Engine, database: Int, _ scratch: inout [UInt8],
        _ body: (Bytes?) -> R
    ) -> R {
        if isElement { return body(element) }
        guard hasPlace else { return body(nil) }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: before)
        scratch.append(contentsOf: element)
        scratch.append(contentsOf: after)
        return scratch.withUnsafeBytes { name in
            guard let entry = engine.read(engine.key(name, database: database)) else {
                return body(nil)
            }
            if let field {
                guard entry.type == .hash,
                    let value = engine.readable(entry).value(of: field)
                else { return body(nil) }
                return value.withBytes { body($0) }
            }
            guard entry.type == .string else { return body(nil) }
            return StringValue.withBytes(entry) { body($0) }
        }
    }
}

struct SortOptions {
    private(set) var isDescending = false
    private(set) var isAlphabetic = false
    private(set) var by: SortPattern?
    private(set) var gets: [SortPattern] = []
    private(set) var destination: Bytes?
    private var limitStart: Int64 = 0
    private var limitCount: Int64 = -1

    /// BY with a pattern that names no element's key.
    var keepsOrder: Bool { by.map { !$0.hasPlace } ?? false }

    init(_ args: Arguments, mayStore: Bool) throws(CommandError) {
        var index = 2
        while index < args.count {
            let option = args[index]
            let left = args.count - index - 1
            if option.equalsIgnoringCase("asc") {
                isDescending = false
            } else if option.equalsIgnoringCase("desc") {
                isDescending = true
            } else if option.equalsIgnoringCase("alpha") {
                isAlphabetic = true
            } else if option.equalsIgnoringCase("limit"), left >= 2 {
                limitStart = try args.integer(index + 1)
                limitCount = try args.integer(index + 2)
                index += 2
            } else if option.equalsIgnoringCase("store"), left >= 1, mayStore {
                destination = args[index + 1]
                index += 1
            } else if option.equalsIgnoringCase("by"), left >= 1 {
                by = SortPattern(args[index + 1])
                index += 1
            } else if option.equalsIgnoringCase("get"), left >= 1 {
                gets.append(SortPattern(args[index + 1]))
                index += 1
            } else {
                throw .syntax
            }
            index += 1
        }
    }

    /// The places of the sorted elements that LIMIT asks for.
    func range(count: Int) -> Range<Int> {
        let start = Int(Swift.min(Swift.max(limitStart, 0), Int64(count)))
        let length = limitCount < 0 ? count : Int(Swift.min(limitCount, Int64(count)))
        return start..<Swift.min(start + length, count)
    }

    /// The order of a set means nothing, so where the result is stored it is sorted all the same.
    mutating func sortByElement() {
        by = nil
        isAlphabetic = true
    }
}
