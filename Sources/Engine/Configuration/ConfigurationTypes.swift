// The types of settings that are neither numbers nor text.
//
// Raw values are the words of redis.conf; the order of cases is the order in which Redis's
// error texts list them.

/// A setting that is one of a few words.
package protocol ConfigurationChoice: RawRepresentable, CaseIterable, Sendable
where RawValue == String {}

package enum AppendFsync: String, ConfigurationChoice { case everysec, always, no }

package enum LogLevel: String, ConfigurationChoice { case debug, verbose, notice, warning }

package enum PubsubDefault: String, ConfigurationChoice { case allchannels, resetchannels }

package enum SanitizePayload: String, ConfigurationChoice { case no, yes, clients }

/// Whether something dangerous is allowed: never, always, or to local connections.
package enum LocalAccess: String, ConfigurationChoice {
    case no, yes, local

    package func allows(isLocal: Bool) -> Bool { self == .yes || (self == .local && isLocal) }
}

/// Which keys leave the hot tier. With the cold tier on they are spilled, else dropped.
package enum MaxmemoryPolicy: String, ConfigurationChoice {
    case volatileLRU = "volatile-lru"
    case volatileLFU = "volatile-lfu"
    case volatileRandom = "volatile-random"
    case volatileTTL = "volatile-ttl"
    case allkeysLRU = "allkeys-lru"
    case allkeysLFU = "allkeys-lfu"
    case allkeysRandom = "allkeys-random"
    case noEviction = "noeviction"

    package var isLFU: Bool { self == .volatileLFU || self == .allkeysLFU }
    package var isLRU: Bool { self == .volatileLRU || self == .allkeysLRU }
    package var isVolatile: Bool {
        switch self {
        case .volatileLRU, .volatileLFU, .volatileRandom, .volatileTTL: true
        case .allkeysLRU, .allkeysLFU, .allkeysRandom, .noEviction: false
        }
    }
}

/// `maxmemory`: so many bytes, or a share of the machine's memory.
package struct MemoryBudget: Sendable, Equatable {
    package var bytes: Int
    package var isAutomatic = false

    /// Follows what the machine or its control group has: Tiering/AutomaticBudget.swift.
    package static let automatic = automatic(limitBytes: MachineMemory.limitBytes)
}

/// After `seconds` with at least `changes` changes a snapshot is due.
package struct SavePoint: Sendable, Equatable {
    package var seconds: Int
    package var changes: Int
}

package struct RenamedCommand: Sendable, Equatable {
    package var name: String
    package var newName: String
}

/// When a client that does not read its replies is disconnected. 0: no limit.
package struct ClientOutputBufferLimit: Sendable, Equatable {
    package var hardBytes: Int
    package var softBytes: Int
    package var softSeconds: Int
}

package struct ClientOutputBufferLimits: Sendable, Equatable {
    package var normal = ClientOutputBufferLimit(hardBytes: 0, softBytes: 0, softSeconds: 0)
    package var replica = ClientOutputBufferLimit(
        hardBytes: 256 << 20, softBytes: 64 << 20, softSeconds: 60)
    package var pubsub = ClientOutputBufferLimit(
        hardBytes: 32 << 20, softBytes: 8 << 20, softSeconds: 60)
}

/// What a signal that ends the server implies; empty: the default.
package struct ShutdownOptions: OptionSet, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let save = ShutdownOptions(rawValue: 1)
    package static let noSave = ShutdownOptions(rawValue: 2)
    package static let now = ShutdownOptions(rawValue: 4)
    package static let force = ShutdownOptions(rawValue: 8)

    static let words: [(String, ShutdownOptions)] = [
        ("default", []), ("save", .save), ("nosave", .noSave), ("now", .now), ("force", .force),
    ]
}

/// The classes of keyspace events that are published: `notify-keyspace-events`.
package struct KeyspaceEvents: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let keyspace = KeyspaceEvents(rawValue: 1 << 0)
    package static let keyevent = KeyspaceEvents(rawValue: 1 << 1)
    package static let generic = KeyspaceEvents(rawValue: 1 << 2)
    package static let string = KeyspaceEvents(rawValue: 1 << 3)
    package static let list = KeyspaceEvents(rawValue: 1 << 4)
    package static let set = KeyspaceEvents(rawValue: 1 << 5)
    package static let hash = KeyspaceEvents(rawValue: 1 << 6)
    package static let sortedSet = KeyspaceEvents(rawValue: 1 << 7)
    package static let expired = KeyspaceEvents(rawValue: 1 << 8)
    package static let evicted = KeyspaceEvents(rawValue: 1 << 9)
    package static let stream = KeyspaceEvents(rawValue: 1 << 10)
    package static let keyMiss = KeyspaceEvents(rawValue: 1 << 11)
    package static let module = KeyspaceEvents(rawValue: 1 << 13)
    package static let new = KeyspaceEvents(rawValue: 1 << 14)
    /// `A`: everything but key misses and new keys.
    package static let all: KeyspaceEvents = [
        .generic, .string, .list, .set, .hash, .sortedSet, .expired, .evicted, .stream, .module,
    ]

    /// In the order in which Redis prints them.
    static let letters: [(Character, KeyspaceEvents)] = [
        ("g", .generic), ("$", .string), ("l", .list), ("s", .set), ("h", .hash),
        ("z", .sortedSet), ("x", .expired), ("e", .evicted), ("t", .stream), ("d", .module),
        ("n", .new), ("K", .keyspace), ("E", .keyevent), ("m", .keyMiss),
    ]

    /// The letters of redis.conf; nil when one is unknown.
    package init?(letters text: String) {
        var events: KeyspaceEvents = []
        for letter in text {
            if letter == "A" {
                events.formUnion(.all)
            } else if let found = Self.letters.first(where: { $0.0 == letter }) {
                events.formUnion(found.1)
            } else {
                return nil
            }
        }
        self = events
    }

    package var text: String {
        var text = ""
        var rest = self
        if isSuperset(of: .all) {
            text = "A"
            rest.subtract(.all)
        }
        for (letter, events) in Self.letters where rest.contains(events) { text.append(letter) }
        return text
    }
}
