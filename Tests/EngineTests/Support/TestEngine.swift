// An engine without sockets: a test sends it requests and reads the replies and the effects as
// text. See `Reply.description` for how replies are written.

import Glibc

@testable import Engine

final class TestEngine {
    let engine: Engine
    let client: Client
    private var clientCount: Int64 = 1

    /// An engine without cold tier and log file, its effects kept for `effects()`.
    init(
        seed: UInt64 = 1, resp: Int = 2, clock: Clock = .system,
        _ configure: (inout Configuration) -> Void = { _ in }
    ) {
        var configuration = Configuration()
        configuration.coldTier = false
        configure(&configuration)
        engine = Engine(
            configuration: configuration, secret: HashSecret(k0: seed, k1: ~seed), seed: seed,
            world: World(clock: clock))
        engine.logIsEnabled = true
        client = Client(id: 1, nowMs: engine.nowMs)
        client.reply.version = resp
    }

    /// Another connection to the same engine.
    func makeClient(resp: Int = 2) -> Client {
        clientCount += 1
        let other = Client(id: clientCount, nowMs: engine.nowMs)
        other.reply.version = resp
        return other
    }

    /// Executes one request of the first client and returns its reply as text.
    @discardableResult
    func run(_ words: String...) -> String { send(words.map { Array($0.utf8) }).description }

    /// The same for words in a row, separated by single spaces: `run(line: "SET a b")`.
    @discardableResult
    func run(line: String, _ other: Client? = nil) -> String {
        send(line.split(separator: " ").map { Array($0.utf8) }, other).description
    }

    /// Executes one request and returns its reply, decoded.
    @discardableResult
    func send(_ words: [[UInt8]], _ other: Client? = nil) -> Reply {
        let replies = sendRaw(words, other)
        var decoder = ReplyDecoder(replies)
        let reply = decoder.next()
        precondition(decoder.isAtEnd, "more than one reply")
        return reply
    }

    /// Executes one request and returns the bytes of its reply.
    func sendRaw(_ words: [[UInt8]], _ other: Client? = nil) -> [UInt8] {
        let client = other ?? client
        engine.advanceClock()
        OwnedArguments(words).withArguments { engine.execute(client, $0) }
        let bytes = client.reply.withBytes { Array($0) }
        client.reply.removeAll()
        return bytes
    }

    /// What was logged since this was last asked: one line an effect, SELECT left out.
    func effects() -> [String] {
        var bytes: [UInt8] = []
        engine.log.forEachStreamPart { bytes.append(contentsOf: $0) }
        engine.log.removeAll()
        var decoder = ReplyDecoder(bytes)
        var lines: [String] = []
        while !decoder.isAtEnd {
            guard case .array(let words) = decoder.next() else { fatalError("no command") }
            let line = words.map(\.description).joined(separator: " ")
            if !line.hasPrefix("SELECT ") { lines.append(line) }
        }
        return lines
    }

    // MARK: Keyspace events

    private var listener: Client?

    /// The keyspace events since this was last asked, such as "hset key"; the first call turns
    /// them on.
    func events() -> [String] {
        guard let listener else {
            let listener = makeClient()
            engine.notifiedEvents = KeyspaceEvents.all.union(.keyevent)
            engine.pubsub.patterns[Array("__keyevent@*".utf8)] = [listener]
            self.listener = listener
            return []
        }
        var decoder = ReplyDecoder(listener.reply.withBytes { Array($0) })
        listener.reply.removeAll()
        var events: [String] = []
        while !decoder.isAtEnd {
            let message = decoder.next().items
            let event = message[2].description.split(separator: ":", maxSplits: 1)[1]
            events.append("\(event) \(message[3])")
        }
        return events
    }

    /// OBJECT ENCODING of a key, without its command.
    func encoding(_ name: String) -> String? {
        let bytes = Array(name.utf8)
        return bytes.withUnsafeBytes {
            engine.lookup(engine.key($0, client))?.objectEncodingName.description
        }
    }
}

/// A decoded reply of either protocol version.
enum Reply: Equatable, CustomStringConvertible {
    case simple(String)
    case error(String)
    case integer(Int64)
    case bulk([UInt8])
    case null
    case nullArray
    case array([Reply])
    case map([Reply])
    case set([Reply])
    case push([Reply])
    case double(String)
    case other(String)

    /// `+OK`, `-ERR text`, `:1`, bulk strings bare, `nil`, `nil[]`, `[a b]`, `{key value}`,
    /// `~[a b]` for sets, `>[a b]` for pushed messages, `,1.5` for doubles.
    var description: String {
        switch self {
        case .simple(let text): "+" + text
        case .error(let text): "-" + text
        case .integer(let value): ":\(value)"
        case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
        case .null: "nil"
        case .nullArray: "nil[]"
        case .array(let items): "[" + Reply.join(items) + "]"
        case .map(let items): "{" + Reply.join(items) + "}"
        case .set(let items): "~[" + Reply.join(items) + "]"
        case .push(let items): ">[" + Reply.join(items) + "]"
        case .double(let text): "," + text
        case .other(let text): text
        }
    }

    private static func join(_ items: [Reply]) -> String {
        items.map(\.description).joined(separator: " ")
    }

    /// The elements of any aggregate.
    var items: [Reply] {
        switch self {
        case .array(let items), .map(let items), .set(let items), .push(let items): items
        default: []
        }
    }

    /// The bytes of a bulk string.
    var bytes: [UInt8]? {
        if case .bulk(let bytes) = self { bytes } else { nil }
    }
}

/// Reads replies back; traps on bytes that are none.
struct ReplyDecoder {
    private let bytes: [UInt8]
    private var at = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    mutating func next() -> Reply {
        let type = bytes[at]
        at += 1
        let line = self.line()
        switch type {
        case UInt8(ascii: "+"): return .simple(line)
        case UInt8(ascii: "-"): return .error(line)
        case UInt8(ascii: ":"): return .integer(Int64(line)!)
        case UInt8(ascii: ","): return .double(line)
        case UInt8(ascii: "_"): return .null
        case UInt8(ascii: "#"), UInt8(ascii: "("):
            return .other(String(UnicodeScalar(type)) + line)
        case UInt8(ascii: "$"), UInt8(ascii: "="):
            if line == "-1" { return .null }
            let count = Int(line)!
            let text = Array(bytes[at..<at + count])
            at += count + 2
            return .bulk(text)
        case UInt8(ascii: "*"): return line == "-1" ? .nullArray : .array(items(Int(line)!))
        case UInt8(ascii: "~"): return .set(items(Int(line)!))
        case UInt8(ascii: ">"): return .push(items(Int(line)!))
        case UInt8(ascii: "%"): return .map(items(Int(line)! * 2))
        default: fatalError("no reply begins with \(type)")
        }
    }

    private mutating func items(_ count: Int) -> [Reply] { (0..<count).map { _ in next() } }

    private mutating func line() -> String {
        let start = at
        while bytes[at] != 0x0D { at += 1 }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        at += 2
        return text
    }
}
