// What commands on sets and sorted sets leave behind beside their reply: whole results under a
// key, and effects of many elements.

/// Effects that name elements of one key, written in commands of bounded length. The number of
/// elements is known when it begins; the log is complete when as many were given.
struct ElementEffects {
    private static let elementsPerCommandMax = 1024

    private let engine: Engine
    private let key: Key
    private let name: StaticString
    /// Arguments per element: 1, or 2 with scores.
    private let width: Int
    private var elementsLeft: Int
    private var commandLeft = 0

    /// - Parameters:
    ///   - name: SADD, SREM, ZREM (elements alone) or ZADD (with scores).
    ///   - count: elements to come.
    init(_ engine: Engine, _ key: Key, _ name: StaticString, count: Int, withScores: Bool = false) {
        self.engine = engine
        self.key = key
        self.name = name
        width = withScores ? 2 : 1
        elementsLeft = engine.logIsEnabled ? count : 0
    }

    @inline(__always)
    mutating func element(_ member: ListPackElement) {
        if elementsLeft == 0 { return }
        begin()
        switch member {
        case .bytes(let bytes): engine.log.argument(bytes)
        case .integer(let value): engine.log.argument(value)
        }
        end()
    }

    @inline(__always)
    mutating func element(_ member: ListPackElement, score: Double) {
        if elementsLeft == 0 { return }
        begin()
        Numbers.withFormatted(score) { engine.log.argument($0) }
        switch member {
        case .bytes(let bytes): engine.log.argument(bytes)
        case .integer(let value): engine.log.argument(value)
        }
        end()
    }

    @inline(__always)
    private mutating func begin() {
        if commandLeft > 0 { return }
        commandLeft = Swift.min(elementsLeft, Self.elementsPerCommandMax)
        engine.log.beginCommand(
            database: key.database, argumentCount: 2 + commandLeft * width)
        engine.log.argument(name)
        engine.log.argument(key.bytes)
    }

    @inline(__always)
    private mutating func end() {
        commandLeft -= 1
        elementsLeft -= 1
        if commandLeft == 0 { engine.log.endCommand() }
    }
}

extension Engine {
    /// Makes `value` all that `key` holds, whatever it was before, without expiry; logs the
    /// deletion of what was there. The caller logs the elements. O(1) beside the freeing.
    func store(
        _ value: DetachedValue, under key: Key, _ event: StaticString, _ eventClass: KeyspaceEvents
    ) throws(CommandError) {
        let entry: Entry
        if let old = try write(key) {
            effect(key, "DEL")
            entry = reshape(
                key, old, value.type, value.encoding, bodyCount: value.bodyCount, expiry: nil)
            value.store(in: entry.body)
        } else {
            entry = insert(key, value)
        }
        changed(key, entry, event, eventClass)
    }

    /// A result with no elements: what `key` held is deleted, with the event and the effect.
    func storeNothing(under key: Key) throws(CommandError) {
        guard let old = try write(key) else { return }
        effect(key, "DEL")
        remove(key, old)
    }
}
