// Random commands whose results are known.
//
// Three things can be checked without asking the engine what it should hold: registers, whose
// values only grow; accounts, between which transactions move money, so that their sum never
// changes; and the refusals that are allowed. Beside them every type of value is written a bit.

/// A request, and what it may change.
struct Request {
    var words: [String]
    /// Nil: anything.
    var touched: [Slot]?
}

struct Workload {
    static let registers = 8
    static let accounts = 8
    static let sum = 1000
    /// Never flushed alone, never swapped.
    static let ledger = 3

    private var counter = 0
    var hasLargeValues = false

    static func account(_ number: Int) -> Slot { Slot(database: ledger, key: "account:\(number)") }
    static func register(_ number: Int) -> Slot {
        Slot(database: ledger, key: "register:\(number)")
    }

    /// Creates the accounts.
    static var opening: [Request] {
        let slots = (0..<accounts).map(account)
        return [
            Request(words: ["SELECT", "\(ledger)"], touched: []),
            Request(words: ["MULTI"], touched: []),
        ]
            + slots.map {
                Request(words: ["SET", $0.key, "\(sum / accounts)"], touched: [$0])
            } + [Request(words: ["EXEC"], touched: slots)]
    }

    /// A transfer between two accounts.
    static func transfer(_ random: inout some RandomNumberGenerator) -> [Request] {
        let from = account(Int.random(in: 0..<accounts, using: &random))
        let to = account(Int.random(in: 0..<accounts, using: &random))
        let amount = Int.random(in: 1...50, using: &random)
        return [
            Request(words: ["SELECT", "\(ledger)"], touched: []),
            Request(words: ["MULTI"], touched: []),
            Request(words: ["DECRBY", from.key, "\(amount)"], touched: [from]),
            Request(words: ["INCRBY", to.key, "\(amount)"], touched: [to]),
            Request(words: ["EXEC"], touched: [from, to]),
        ]
    }

    /// The next value of a register.
    mutating func write(_ random: inout some RandomNumberGenerator) -> [Request] {
        counter += 1
        let slot = Self.register(Int.random(in: 0..<Self.registers, using: &random))
        return [
            Request(words: ["SELECT", "\(Self.ledger)"], touched: []),
            Request(words: ["SET", slot.key, "\(counter)"], touched: [slot]),
        ]
    }

    static func read(_ random: inout some RandomNumberGenerator) -> [Request] {
        let slot = register(Int.random(in: 0..<registers, using: &random))
        return [
            Request(words: ["SELECT", "\(ledger)"], touched: []),
            Request(words: ["GET", slot.key], touched: []),
        ]
    }

    /// Anything else, in databases 0 to 2.
    mutating func next(_ random: inout some RandomNumberGenerator) -> [Request] {
        let database = Int.random(in: 0..<3, using: &random)
        var requests = [Request(words: ["SELECT", "\(database)"], touched: [])]
        let n = Int.random(in: 0..<6, using: &random)
        counter += 1
        func slot(_ kind: String) -> Slot { Slot(database: database, key: "\(kind):\(n)") }
        func add(_ kind: String, _ words: (String) -> [String]) {
            let slot = slot(kind)
            requests.append(Request(words: words(slot.key), touched: [slot]))
        }
        let element = "\(Int.random(in: 0..<20, using: &random))"
        switch Int.random(in: 0..<34, using: &random) {
        case 0...2: add("s") { ["SET", $0, "v\(element)"] }
        case 3: add("s") { ["APPEND", $0, element] }
        case 4:
            add("s") { ["SET", $0, element, "PX", "\(Int.random(in: 1...4000, using: &random))"] }
        case 5: add("s") { ["GETEX", $0, "PERSIST"] }
        case 6...7: add("n") { ["INCRBYFLOAT", $0, "0.\(element)"] }
        case 8...9: add("l") { ["RPUSH", $0, element, "x\(element)"] }
        case 10: add("l") { ["LPOP", $0] }
        case 11:
            let (a, b) = (slot("l"), Slot(database: database, key: "l:\(5 - n)"))
            requests.append(
                Request(words: ["LMOVE", a.key, b.key, "LEFT", "RIGHT"], touched: [a, b]))
        case 12...13: add("set") { ["SADD", $0, element, "m\(element)"] }
        case 14: add("set") { ["SPOP", $0] }
        case 15...16: add("z") { ["ZADD", $0, element, "m\(element)"] }
        case 17: add("z") { ["ZPOPMIN", $0] }
        case 18...19: add("h") { ["HSET", $0, "f\(element)", element] }
        case 20: add("h") { ["HDEL", $0, "f\(element)"] }
        case 21:
            add("h") {
                [
                    "HPEXPIRE", $0, "\(Int.random(in: 1...9000, using: &random))", "FIELDS", "1",
                    "f\(element)",
                ]
            }
        case 22...23: add("x") { ["XADD", $0, "*", "f", element] }
        case 24: add("x") { ["XTRIM", $0, "MAXLEN", "3"] }
        case 25: add("bits") { ["SETBIT", $0, element, "1"] }
        case 26: add("pf") { ["PFADD", $0, element] }
        case 27:
            add(["s", "l", "set", "z", "h", "x"].randomElement(using: &random)!) { ["DEL", $0] }
        case 28:
            add(["s", "l", "set", "z", "h"].randomElement(using: &random)!) {
                ["PEXPIRE", $0, "\(Int.random(in: 1...5000, using: &random))"]
            }
        case 29:
            let (a, b) = (slot("s"), Slot(database: database, key: "s:\(5 - n)"))
            requests.append(Request(words: ["RENAME", a.key, b.key], touched: [a, b]))
        case 30:
            let (a, b) = (slot("set"), Slot(database: database, key: "set:\(5 - n)"))
            requests.append(
                Request(words: ["SUNIONSTORE", a.key, a.key, b.key], touched: [a, b]))
        case 31:
            let to = (database + 1) % 3
            let name = slot("z").key
            requests.append(
                Request(
                    words: ["MOVE", name, "\(to)"],
                    touched: [slot("z"), Slot(database: to, key: name)]))
        case 32:
            if hasLargeValues {
                add("large") {
                    [
                        "SET", $0,
                        String(
                            repeating: element,
                            count: Int.random(in: 1000...300_000, using: &random)),
                    ]
                }
            } else {
                add("s") { ["SETRANGE", $0, element, "range"] }
            }
        default:
            let slot = slot("l")
            requests += [
                Request(words: ["MULTI"], touched: []),
                Request(words: ["RPUSH", slot.key, "a\(element)", "b"], touched: [slot]),
                Request(words: ["LTRIM", slot.key, "-6", "-1"], touched: [slot]),
                Request(words: ["EXPIRE", slot.key, "100"], touched: [slot]),
                Request(words: ["EXEC"], touched: [slot]),
            ]
        }
        return requests
    }

    /// What concerns whole databases, the log or snapshots; alone in its turn, so that the state
    /// before and after it is known.
    static func rare(_ random: inout some RandomNumberGenerator, switchesLog: Bool) -> [Request] {
        let words: [String]
        switch Int.random(in: 0..<14, using: &random) {
        case 0: words = ["FLUSHDB"]
        case 1...2: words = ["SWAPDB", "0", "\(Int.random(in: 1..<3, using: &random))"]
        case 3...5: words = ["BGREWRITEAOF"]
        case 6...7: words = ["BGSAVE"]
        case 8: words = ["SAVE"]
        case 9: words = ["DEBUG", "RELOAD"]
        case 10:
            words = [
                "CONFIG", "SET", "appendfsync",
                ["always", "always", "everysec", "no"].randomElement(using: &random)!,
            ]
        case 11...12:
            if !switchesLog { fallthrough }
            words = ["CONFIG", "SET", "appendonly", Bool.random(using: &random) ? "yes" : "no"]
        default: words = ["FLUSHALL"]
        }
        return [
            Request(words: ["SELECT", "\(Int.random(in: 0..<3, using: &random))"], touched: []),
            Request(words: words, touched: nil),
        ]
    }
}
