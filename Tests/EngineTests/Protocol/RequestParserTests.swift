import Testing

@testable import Engine

/// What a stream came to: its requests, then how it ended.
private struct Outcome: Equatable {
    var requests: [[[UInt8]]] = []
    var error: ProtocolError?
    /// Bytes that no request has taken up yet.
    var rest = 0

    var texts: [[String]] {
        requests.map { $0.map { String(decoding: $0, as: UTF8.self) } }
    }
}

/// A connection: a buffer that grows at the end and is consumed from the front, moved each time
/// so that a stale view would show.
private func feed(
    _ pieces: [ArraySlice<UInt8>], limits: RequestParser.Limits = .init(), requestsMax: Int = .max
) -> Outcome {
    var parser = RequestParser()
    var batch = RequestBatch()
    var buffer: [UInt8] = []
    var outcome = Outcome()
    for piece in pieces {
        buffer = buffer + piece
        while true {
            batch.removeAll()
            let result = buffer.withUnsafeBytes { input in
                let result = parser.parse(
                    input, into: &batch, limits: limits, requestsMax: requestsMax)
                for i in 0..<batch.count {
                    outcome.requests.append(batch.resolve(i, in: input).map { Array($0) })
                    for j in 0..<batch.requests[i].count {
                        #expect(
                            Array(batch.argument(j, of: i, in: input))
                                == outcome.requests.last![j])
                    }
                }
                return result
            }
            #expect(batch.count <= requestsMax)
            buffer = Array(buffer[batch.consumed...])
            if case .failed(let error) = result {
                outcome.error = error
                return outcome
            }
            if case .needMore(let hint) = result {
                #expect(hint >= 1)
                break
            }
        }
    }
    outcome.rest = buffer.count
    return outcome
}

private func whole(_ bytes: [UInt8], limits: RequestParser.Limits = .init()) -> Outcome {
    feed([bytes[...]], limits: limits)
}

private func parse(_ text: String, limits: RequestParser.Limits = .init()) -> Outcome {
    whole(Array(text.utf8), limits: limits)
}

private func encode(_ arguments: [[UInt8]]) -> [UInt8] {
    arguments.reduce(into: Array("*\(arguments.count)\r\n".utf8)) {
        $0 += Array("$\($1.count)\r\n".utf8) + $1 + [13, 10]
    }
}

@Suite struct RequestParserTests {
    @Test func requestsAsRedisReadsThem() {
        let cases: [(String, [[String]])] = [
            ("*1\r\n$4\r\nPING\r\n", [["PING"]]),
            ("*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n", [["GET", "k"], ["PING"]]),
            ("*1\r\n$0\r\n\r\n", [[""]]),
            ("*0\r\n*-1\r\n*-5\r\n\r\n\n  \r\nPING\n", [["PING"]]),
            ("*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPONG\r\n", [["PING"], ["PONG"]]),
            ("*1\rX$4\rXPINGxx", [["PING"]]),
            ("*1\r\n$12\r\nabcdefghijkl\r\n", [["abcdefghijkl"]]),
            ("   PING   \r\n", [["PING"]]),
            ("PING \"a b\"\r\n", [["PING", "a b"]]),
            ("PING \"a\\x41\\n\\q\\\"\"\r\n", [["PING", "aA\nq\""]]),
            ("PING \"\\r\\t\\b\\a\\\\\" x\r\n", [["PING", "\r\t\u{8}\u{7}\\", "x"]]),
            ("PING \"\\xZ1\\x4\"\r\n", [["PING", "xZ1x4"]]),
            ("PING 'a\\'b\\x41'\r\n", [["PING", "a'b\\x41"]]),
            ("PING a\"b c\" ''\r\n", [["PING", "ab c", ""]]),
            ("\"\"\r\nPING\r\n", [[""], ["PING"]]),
            ("PING \ta\u{b}b\u{c}c\r\n", [["PING", "a\u{b}b\u{c}c"]]),
            ("PING a\rb\r\n", [["PING", "a", "b"]]),
            ("PING a\r\r\n", [["PING", "a"]]),
        ]
        for (text, requests) in cases {
            let outcome = parse(text)
            #expect(outcome.texts == requests, "\(text)")
            #expect(outcome.error == nil && outcome.rest == 0, "\(text)")
        }
    }

    @Test func errorsAsRedisNamesThem() {
        let long = String(repeating: "1", count: 70000)
        let cases: [(String, String)] = [
            ("*2147483648\r\n", "invalid multibulk length"), ("*a\r\n", "invalid multibulk length"),
            ("*\r\n", "invalid multibulk length"), ("*+1\r\n", "invalid multibulk length"),
            ("*01\r\n", "invalid multibulk length"), ("*-0\r\n", "invalid multibulk length"),
            ("*1 \r\n", "invalid multibulk length"), ("*-\r\n", "invalid multibulk length"),
            ("*\(long.prefix(40))\r\n", "invalid multibulk length"),
            ("*9223372036854775808\r\n", "invalid multibulk length"),
            ("*1\r\nx4\r\n", "expected '$', got 'x'"), ("*1\r\n\r\n", "expected '$', got '\r'"),
            ("*1\r\nxy\r\n", "expected '$', got 'x'"),
            ("*1\r\n$-1\r\n", "invalid bulk length"), ("*1\r\n$a\r\n", "invalid bulk length"),
            ("*1\r\n$00\r\n", "invalid bulk length"), ("*1\r\n$ 4\r\n", "invalid bulk length"),
            ("*1\r\n$536870913\r\n", "invalid bulk length"),
            ("*1\r\n$9223372036854775807\r\n", "invalid bulk length"),
            ("*\(long)", "too big mbulk count string"),
            ("*1\r\n$\(long)", "too big bulk count string"), (long, "too big inline request"),
            ("PING \"a\"b\r\n", "unbalanced quotes in request"),
            ("PING \"a\r\n", "unbalanced quotes in request"),
            ("PING 'a\\'\r\n", "unbalanced quotes in request"),
            ("PING \"a\\\r\n", "unbalanced quotes in request"),
        ]
        for (text, message) in cases {
            let outcome = parse("PING\r\n" + text)
            #expect(outcome.texts == [["PING"]])
            #expect(outcome.error?.reply == "ERR Protocol error: " + message, "\(text.prefix(30))")
        }
        var limits = RequestParser.Limits(bulkBytesMax: .max)
        #expect(parse("*1\r\n$9223372036854775807\r\n", limits: limits).error != nil)
        #expect(parse("*1\r\n$4294967296\r\n", limits: limits).error == nil)
        limits = .init(unauthenticated: true)
        #expect(parse("*11\r\n", limits: limits).error == .unauthenticatedMultibulkLength)
        #expect(parse("*10\r\n", limits: limits).error == nil)
        #expect(parse("*1\r\n$16385\r\n", limits: limits).error == .unauthenticatedBulkLength)
        #expect(parse("*1\r\n$16384\r\n", limits: limits).error == nil)
    }

    /// However a stream is cut, the outcome is the same: every cut in two, every byte alone.
    @Test func everyCutOfEveryStream() {
        let streams = [
            "*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n*0\r\nPING 'a b' \"c\\x20\"\r\n"
                + "*1\r\n$0\r\n\r\n",
            "*-1\r\n\r\nPING\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n*1\r\n$x\r\n",
            "SET k \"v\r\n", "*12\r\n$1\r\n*\r\n", "*1\r\n\r\n", "*1\r\n$4\r\nPING",
            "*1\r\n$4\r\nPING\r\n*x\r\n", "a\rb\n*2\rX$1\rXaYY$0\rXYYb c\n",
        ]
        for stream in streams {
            let bytes = Array(stream.utf8)
            let expected = whole(bytes)
            for cut in 0...bytes.count {
                #expect(feed([bytes[..<cut], bytes[cut...]]) == expected, "\(stream) at \(cut)")
            }
            #expect(feed(bytes.indices.map { bytes[$0...$0] }) == expected, "\(stream) by byte")
            #expect(feed([bytes[...]], requestsMax: 1) == expected, "\(stream) one at a time")
        }
    }

    /// Every string of up to four bytes over the alphabet that matters, whole and by byte.
    @Test func everySmallInput() {
        let alphabet = Array("*$10-\r\n\"a".utf8)
        for length in 1...4 {
            var digits = [Int](repeating: 0, count: length)
            outer: while true {
                let tail = digits.map { alphabet[$0] }
                for prefix in ["", "*1\r\n$"] {
                    let bytes = Array(prefix.utf8) + tail
                    let expected = whole(bytes)
                    let pieces = feed(bytes.indices.map { bytes[$0...$0] })
                    if pieces != expected {
                        Issue.record("\(String(decoding: bytes, as: UTF8.self)) by byte")
                    }
                }
                for i in 0..<length {
                    digits[i] += 1
                    if digits[i] < alphabet.count { continue outer }
                    digits[i] = 0
                }
                break
            }
        }
    }

    @Test func randomPipelinesAgainstAModel() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(seed)
        for _ in 0..<150 {
            var requests: [[[UInt8]]] = []
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let request = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                    let length = Bool.random(using: &random) ? 5 : 300
                    return (0..<Int.random(in: 0...length, using: &random)).map { _ in
                        UInt8.random(in: 0...255, using: &random)
                    }
                }
                requests.append(request)
                if Int.random(in: 0..<4, using: &random) == 0 {
                    stream += inlined(request)
                } else {
                    stream += encode(request)
                }
            }
            let pieces = random.pieces(of: stream, largest: stream.count)
            let outcome = feed(pieces, requestsMax: Int.random(in: 1...5, using: &random))
            #expect(outcome.requests == requests, "seed \(seed)")
            #expect(outcome.error == nil && outcome.rest == 0, "seed \(seed)")
        }
    }

    private func inlined(_ request: [[UInt8]]) -> [UInt8] {
        let hex = Array("0123456789abcdef".utf8)
        return request.reduce(into: []) { line, argument in
            line.append(0x22)
            for byte in argument { line += [0x5C, 0x78, hex[Int(byte >> 4)], hex[Int(byte & 15)]] }
            line += [0x22, 0x20]
        } + [13, 10]
    }

    /// Noise and damaged pipelines: no trap, and cutting changes nothing.
    @Test func fuzz() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SplitMix(seed)
        let alphabet = Array("*$0123456789-\r\n\r\n\"'\\x ab".utf8)
        for round in 0..<1500 {
            var bytes: [UInt8]
            if round % 2 == 0 {
                bytes = (0..<Int.random(in: 1...80, using: &random)).map { _ in
                    Int.random(in: 0..<10, using: &random) == 0
                        ? UInt8.random(in: 0...255, using: &random)
                        : alphabet.randomElement(using: &random)!
                }
            } else {
                bytes = (0..<4).flatMap { i in
                    encode([[65, 66], [UInt8](repeating: 48, count: i * 4)])
                }
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let at = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[at] = alphabet.randomElement(using: &random)!
                    case 1: bytes.remove(at: at)
                    default: bytes.insert(alphabet.randomElement(using: &random)!, at: at)
                    }
                }
            }
            let expected = whole(bytes)
            let outcome = feed(random.pieces(of: bytes, largest: 8))
            #expect(outcome == expected, "seed \(seed) round \(round): \(bytes)")
        }
    }

    /// A length that is only claimed costs nothing; a body in many pieces is not searched again.
    @Test func claimedLengthsAndLongBodies() {
        #expect(parse("*2147483647\r\n$536870912\r\nabc").error == nil)
        var parser = RequestParser()
        var batch = RequestBatch()
        let header = "*2\r\n$1\r\nk\r\n$50000000\r\n"
        let bytes = Array(header.utf8) + [UInt8](repeating: 0x2A, count: 50_000_002)
        bytes.withUnsafeBytes { input in
            for end in stride(from: 0, to: bytes.count, by: 1000) {
                let result = parser.parse(input.slice(0, end), into: &batch)
                #expect(batch.count == 0)
                if end >= header.utf8.count {
                    #expect(result == .needMore(bytes: bytes.count - end))
                }
            }
            #expect(parser.parse(input, into: &batch) == .needMore(bytes: 1))
            #expect(batch.consumed == bytes.count && batch.count == 1)
            #expect(batch.argument(1, of: 0, in: input).count == 50_000_000)
        }
    }
}

/// A small reproducible generator.
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func pieces(of bytes: [UInt8], largest: Int) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var at = 0
        while at < bytes.count {
            let end = min(bytes.count, at + Int.random(in: 1...largest, using: &self))
            pieces.append(bytes[at..<end])
            at = end
        }
        return pieces
    }
}
