// Elements of packed collections, written without a detour over text.

extension ReplyWriter {
    /// A listpack's element as a bulk string.
    @inline(__always)
    mutating func bulk(_ element: ListPackElement) {
        switch element {
        case .bytes(let bytes): bulk(bytes)
        case .integer(let value): bulkInteger(value)
        }
    }
}
