// What the list commands share: the two ends, and what ends every change.

extension ListEnd {
    /// LEFT or RIGHT in any case. Throws a syntax error for anything else.
    init(_ word: Bytes) throws(CommandError) {
        if word.equalsIgnoringCase("left") {
            self = .head
        } else if word.equalsIgnoringCase("right") {
            self = .tail
        } else {
            throw .syntax
        }
    }

    var pushEvent: StaticString { self == .head ? "lpush" : "rpush" }
    var popEvent: StaticString { self == .head ? "lpop" : "rpop" }
    var pushCommand: StaticString { self == .head ? "LPUSH" : "RPUSH" }
    var popCommand: StaticString { self == .head ? "LPOP" : "RPOP" }
}

extension Engine {
    /// `list-max-listpack-size` in force.
    @inline(__always)
    var listFill: Int { configuration.listListpackSizeMax }

    /// The list of a command's key for reading, nil when there is none.
    @inline(__always)
    func readList(_ bytes: Bytes, _ client: Client) throws(CommandError) -> ListValue? {
        try read(key(bytes, client), .list).map { ListValue($0) }
    }

    /// Announces that elements left a list, and deletes the key with the last of them.
    @inline(__always)
    func elementsRemoved(_ key: Key, _ list: ListValue, _ event: StaticString) {
        changed(key, list.entry, event, .list)
        if list.count == 0 { remove(key, list.entry) }
    }

    /// An empty list under a key that does not exist; the caller pushes at once.
    func createList(_ key: Key) -> ListValue {
        ListValue.create(in: insert(key, .list, .quickList))
    }
}
