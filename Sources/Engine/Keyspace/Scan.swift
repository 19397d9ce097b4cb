// The walk over all keys of a database, hot and cold, in the order of their hashes.
//
// SCAN, KEYS and RANDOMKEY see one keyspace. Both tiers are sorted by the same hash, so a walk is
// a merge of two ranges of hash space: each call fixes an upper bound below which it visits
// everything, and returns it as the place to go on from. Nothing is remembered between calls,
// and what happens between them (resizing, spilling, fetching, merging of runs, a restart) does
// not matter: a key that is there throughout is visited, for at each moment it is in one of the
// tiers, under its hash.
//
// A hot entry wins over the cold record of the same key, and a tombstone hides it: so each cold
// key is looked up in the hot table before it is visited.
//
// Positions returned are multiples of 2^11. A cursor is a position without those bits, a number
// below 2^53 that every client can parse; keys that share their first 53 bits come together.

/// What the walk knows of a key without fetching its value.
struct KeyFacts {
    let type: ValueType
    /// Unix milliseconds.
    let expiry: Int64?
}

enum ScanPosition {
    /// Bits of a hash that a cursor leaves out.
    static let droppedBits: UInt64 = 11

    /// The first position at or behind `hash` that a cursor can name; nil behind the last.
    static func align(_ hash: UInt64) -> UInt64? {
        let mask: UInt64 = (1 << droppedBits) - 1
        if hash & mask == 0 { return hash }
        let (up, overflow) = (hash & ~mask).addingReportingOverflow(mask + 1)
        return overflow ? nil : up
    }

    /// The position that a cursor names; nil when no cursor of ours is so large.
    static func position(cursor: UInt64) -> UInt64? {
        cursor < 1 << (64 - droppedBits) ? cursor << droppedBits : nil
    }

    static func cursor(_ position: UInt64?) -> UInt64 { position.map { $0 >> droppedBits } ?? 0 }
}

extension Engine {
    /// Visits the live keys from a position on, about `n` of them (tombstones and expired keys
    /// count, so that a call's work is bounded), and returns the position to go on from, nil at
    /// the end: every key whose hash lies between the two was visited exactly once. `position`
    /// is 0 or what a call returned; `body` must not change the keyspace. O(n) expected.
    func scan(
        _ database: Int, from position: UInt64, atLeast n: Int,
        _ body: (_ key: Bytes, _ facts: KeyFacts) -> Void
    ) -> UInt64? {
        // How far n hot entries reach: slots are counted, entries are not looked at.
        var end = databases[database].table.visit(from: position, atLeast: n) { _ in }
        if let hotEnd = end { end = ScanPosition.align(hotEnd) }
        end = scanCold(database, from: position, below: end, atMost: n, body)
        let now = expiryClockMs
        databases[database].table.visit(from: position, below: end) { raw in
            let entry = Entry(raw)
            let expiry = entry.expiry
            if entry.type == .tombstone || expiry ?? .max < now || isEmptyByNow(entry) { return }
            body(entry.key, KeyFacts(type: entry.type, expiry: expiry))
        }
        return end
    }

    /// The cold side of `scan`, the only place that asks the tier for a walk. Lends the live
    /// cold keys from `position` on, below `end` (nil: no bound), that no hot entry stands for;
    /// returns how far it got: `end`, or less after about `n` rows.
    ///
    /// `Tier.visitCold` visits, of one namespace, the newest row of each key that is no
    /// tombstone, with `from <= hash < below`, at most about `atMost` of them but always all
    /// that share the first 53 bits of their hash; it returns the position (a multiple of 2^11,
    /// beyond `from`) below which it has visited everything, or `below`. The views are good
    /// during the call of `body`.
    private func scanCold(
        _ database: Int, from position: UInt64, below end: UInt64?, atMost n: Int,
        _ body: (_ key: Bytes, _ facts: KeyFacts) -> Void
    ) -> UInt64? {
        guard let tier, databases[database].coldOnlyCount > 0 else { return end }
        let now = expiryClockMs
        return tier.visitCold(
            namespace: databases[database].namespace, from: position, below: end, atMost: n
        ) { hash, key, facts in
            if databases[database].table.find(hash, key) != nil { return }
            if facts.expiry ?? .max < now { return }
            body(key, facts)
        }
    }

    /// A copy of the name of some live key, nearly uniform; nil when the database is empty.
    /// O(1) expected; one read of a cold run where the choice falls on a cold key.
    func randomKey(_ database: Int) -> [UInt8]? {
        let total = databases[database].keyCount
        let cold = databases[database].coldOnlyCount
        guard total > 0 else { return nil }
        if cold == 0 || Int(random.next() % UInt64(total)) >= cold {
            for _ in 0..<64 {
                guard let raw = databases[database].table.randomEntry(random: random.next())
                else { break }
                let entry = Entry(raw)
                if entry.type != .tombstone, entry.expiry ?? .max >= expiryClockMs,
                    !isEmptyByNow(entry)
                {
                    return Array(entry.key)
                }
            }
        }
        // From a random place on, the keys of one step; over the end once.
        var position: UInt64? = ScanPosition.align(random.next())
        var wrapped = position == nil
        var chosen: [UInt8]?
        while chosen == nil {
            var seen: UInt64 = 0
            position = scan(database, from: position ?? 0, atLeast: 16) { key, _ in
                seen += 1
                if random.next() % seen == 0 { chosen = Array(key) }
            }
            if position == nil {
                if wrapped { break }
                wrapped = true
            }
        }
        return chosen
    }
}
