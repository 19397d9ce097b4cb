// What the keyspace was after every turn, and what of it a crash must leave.
//
// The engine's states form a line; each belongs to a position of the log. Whatever happens, a start
// must find one of them, whole: that alone says that no transaction is halved and nothing is made
// up. Which of them it may be: none before the last one that was durable.

@testable import Engine

struct Moment {
    let lsn: UInt64
    /// Whether effects went to the log then.
    let isLogged: Bool
    let keyspace: Keyspace
    /// The ledger, as the requests make it.
    let registers: [String: Int]
    let hasAccounts: Bool
}

struct History {
    private(set) var moments: [Moment]

    init(
        _ first: Moment = Moment(
            lsn: 0, isLogged: true, keyspace: [:], registers: [:], hasAccounts: false)
    ) {
        moments = [first]
    }

    var last: Moment { moments[moments.count - 1] }
    var lastIndex: Int { moments.count - 1 }

    mutating func append(_ moment: Moment) { moments.append(moment) }

    /// A start found moment `index`: what came after it has not happened.
    mutating func rewind(to index: Int) { moments.removeLast(moments.count - index - 1) }

    /// The last moment whose effects all stand before `lsn` in the log.
    func lastIndex(upTo lsn: UInt64) -> Int {
        moments.lastIndex { $0.isLogged && $0.lsn <= lsn } ?? 0
    }

    /// The moment that a log which ends at `lsn` leads to, if it leads to `keyspace`.
    func find(_ lsn: UInt64, _ keyspace: Keyspace, from floor: Int) -> Result<Int, Mismatch> {
        let candidates = moments.indices.filter { index in
            index >= floor && moments[index].lsn == lsn
                && (moments[index].isLogged || index + 1 == moments.count
                    || moments[index + 1].isLogged || moments[index + 1].lsn != lsn)
        }
        if let index = candidates.last(where: { moments[$0].keyspace == keyspace }) {
            return .success(index)
        }
        guard let nearest = candidates.last else {
            let reached = moments[floor].lsn
            return .failure(
                Mismatch("the log ends at \(lsn), no known moment from \(floor) (\(reached)) on"))
        }
        return .failure(
            Mismatch(
                "at \(lsn), moment \(nearest): "
                    + moments[nearest].keyspace.difference(keyspace)))
    }
}

struct Mismatch: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
