// What a keyspace holds, key by key, so that two of them can be compared and a difference named.
//
// Keys past their time that nobody has removed yet are part of it: whether they are there is a
// matter of the log, not of the moment at which one looks.

@testable import Engine

struct Slot: Hashable, Comparable, CustomStringConvertible {
    let database: Int
    let key: String

    var description: String { "\(database):\(key)" }

    static func < (a: Slot, b: Slot) -> Bool {
        (a.database, a.key) < (b.database, b.key)
    }
}

/// A key's value, as far as a comparison needs it.
struct Content: Equatable {
    let digest: ContentDigest
    let expiry: Int64?
    /// When the first of its fields is due.
    let fieldDue: Int64?
}

typealias Keyspace = [Slot: Content]

extension Engine {
    /// Runs `body` with nothing hidden that is past its time.
    private func hidingNothing<R>(_ body: () -> R) -> R {
        let held = expiryClockMs
        expiryClockMs = .min
        defer { expiryClockMs = held }
        return body()
    }

    func content(_ slot: Slot) -> Content? {
        hidingNothing {
            var content: Content?
            Array(slot.key.utf8).withUnsafeBytes { raw in
                _ = withValue(key(raw, database: slot.database)) { entry in
                    var digest = ContentDigest()
                    digest.mixValue(entry, exactly: true, now: .min)
                    var due: Int64?
                    if entry.type == .hash {
                        HashValue(entry).forEachExpiring { _, _, expiry in
                            if let expiry { due = Swift.min(due ?? .max, expiry) }
                        }
                    }
                    content = Content(digest: digest, expiry: entry.expiry, fieldDue: due)
                }
            }
            return content
        }
    }

    /// Every key, by a walk over both tiers.
    var keyspace: Keyspace {
        hidingNothing {
            var found: Keyspace = [:]
            for database in 0..<databaseCount {
                var position: UInt64? = 0
                while let from = position {
                    position = scan(database, from: from, atLeast: 256) { key, _ in
                        found[Slot(database: database, key: key.text)] = Content(
                            digest: ContentDigest(), expiry: nil, fieldDue: nil)
                    }
                }
            }
            for slot in found.keys { found[slot] = content(slot) }
            return found
        }
    }
}

extension Keyspace {
    /// Without what a snapshot leaves out that is loaded at `now`, and without hashes that lose
    /// fields then.
    func loaded(at now: Int64) -> Keyspace {
        filter { ($0.value.expiry ?? .max) >= now && ($0.value.fieldDue ?? .max) >= now }
    }

    /// The first few keys in which two keyspaces differ.
    func difference(_ other: Keyspace) -> String {
        let slots = Set(keys).union(other.keys).filter { self[$0] != other[$0] }.sorted()
        let names = slots.prefix(6).map { slot in
            let what =
                self[slot] == nil ? "unexpected" : other[slot] == nil ? "missing" : "differs"
            return "\(slot) \(what)"
        }
        return names.joined(separator: ", ") + (slots.count > 6 ? ", … (\(slots.count))" : "")
    }
}
