import Glibc
import Testing

@testable import Engine

@Suite struct ReplyWriterTests {
    func written(_ version: Int, _ body: (inout ReplyWriter) -> Void) -> String {
        var writer = ReplyWriter(version: version)
        body(&writer)
        return writer.withBytes { $0.text }
    }

    /// What both versions write.
    func check(
        _ resp2: String, _ resp3: String? = nil, _ body: (inout ReplyWriter) -> Void,
        at location: SourceLocation = #_sourceLocation
    ) {
        #expect(written(2, body) == resp2, sourceLocation: location)
        #expect(written(3, body) == resp3 ?? resp2, sourceLocation: location)
    }

    @Test func everyElementInBothVersions() {
        check("+OK\r\n") { $0.ok() }
        check("+PONG\r\n") { $0.simple("PONG") }
        check("+a  b\r\n") { $0.simple(String("a\r\nb")) }
        check("-ERR no\r\n") { $0.error("ERR no") }
        check("-ERR a  +OK\r\n") { $0.error(String("ERR a\r\n+OK")) }
        check("$0\r\n\r\n") { $0.bulk("") }
        check("$0\r\n\r\n") { $0.bulk(Bytes(start: nil, count: 0)) }
        check("$4\r\na\r\nb\r\n") { $0.bulk("a\r\nb") }
        check("$2\r\nhé\r\n".replacing("$2", with: "$3")) { $0.bulk(String("hé")) }
        check("$-1\r\n", "_\r\n") { $0.null() }
        check("*-1\r\n", "_\r\n") { $0.nullArray() }
        check("*0\r\n") { $0.emptyArray() }
        check("*3\r\n") { $0.array(3) }
        check("*6\r\n", "%3\r\n") { $0.map(3) }
        check("*3\r\n", "~3\r\n") { $0.set(3) }
        check("*3\r\n", ">3\r\n") { $0.push(3) }
        check(":1\r\n", "#t\r\n") { $0.bool(true) }
        check(":0\r\n", "#f\r\n") { $0.bool(false) }
        check("$5\r\nhello\r\n", "=9\r\ntxt:hello\r\n") { $0.verbatim("hello", format: "txt") }
        check("$3\r\n123\r\n", "(123\r\n") { $0.bigNumber("123") }
        check("$3\r\n1.5\r\n", ",1.5\r\n") { $0.number("1.5") }
    }

    @Test func integersAsTheStandardLibraryPrintsThem() {
        var values: [Int64] = [0, .max, .min, .max - 1, .min + 1]
        var power: Int64 = 1
        for _ in 0..<19 {
            for delta: Int64 in -2...2 { values += [power + delta, -power + delta] }
            power = power.multipliedReportingOverflow(by: 10).partialValue
        }
        values += (-1100...1100).map { Int64($0) }
        for value in values {
            check(":\(value)\r\n") { $0.integer(value) }
            let text = "\(value)"
            check("$\(text.utf8.count)\r\n\(text)\r\n") { $0.bulkInteger(value) }
        }
    }

    @Test func doublesAsRedisPrintsThem() {
        let cases: [(Double, String)] = [
            (0, "0"), (-0.0, "-0"), (1, "1"), (-1, "-1"), (1.5, "1.5"),
            (3.14, "3.1400000000000001"), (0.1, "0.10000000000000001"),
            (1e15, "1000000000000000"), (1e16, "10000000000000000"), (1e17, "1e+17"),
            (999_999_999_999_999, "999999999999999"), (1e-5, "1.0000000000000001e-05"),
            (.infinity, "inf"), (-.infinity, "-inf"),
            (.leastNonzeroMagnitude, "4.9406564584124654e-324"),
            (-.greatestFiniteMagnitude, "-1.7976931348623157e+308"),
        ]
        for (value, text) in cases {
            check("$\(text.utf8.count)\r\n\(text)\r\n", ",\(text)\r\n") { $0.double(value) }
        }
    }

    @Test(arguments: [0, 1, 9, 10, 99, 100, 12345])
    func deferredLengths(count: Int) {
        let body = String(repeating: ":7\r\n", count: count)
        func fill(_ writer: inout ReplyWriter) { for _ in 0..<count { writer.integer(7) } }
        check("+OK\r\n*\(count)\r\n\(body)+OK\r\n") {
            $0.ok()
            let mark = $0.deferred()
            fill(&$0)
            $0.closeArray(mark, count)
            $0.ok()
        }
        check("*\(count * 2)\r\n\(body)", "%\(count)\r\n\(body)") {
            let mark = $0.deferred()
            fill(&$0)
            $0.closeMap(mark, count)
        }
        // Two sets inside an array, of which the second is dropped again.
        check("*2\r\n*\(count)\r\n\(body)+OK\r\n", "*2\r\n~\(count)\r\n\(body)+OK\r\n") {
            let outer = $0.deferred()
            let inner = $0.deferred()
            fill(&$0)
            $0.closeSet(inner, count)
            let other = $0.deferred()
            fill(&$0)
            $0.cancel(other)
            $0.ok()
            $0.closeArray(outer, 2)
        }
    }

    @Test func growsKeepsAndGivesBack() {
        var writer = ReplyWriter(version: 2, capacity: 1)
        let big = [UInt8](repeating: 0x61, count: 1_000_003)
        var expected: [UInt8] = []
        for i in 0..<50 {
            let piece = big[0..<(i * i * 7)]
            piece.withUnsafeBytes { writer.bulk($0) }
            expected += Array("$\(piece.count)\r\n".utf8) + piece + [13, 10]
        }
        #expect(writer.withBytes { Array($0) } == expected)
        let mark = writer.count
        big.withUnsafeBytes { writer.raw($0) }
        #expect(writer.count == mark + big.count)
        writer.truncate(to: mark)
        #expect(writer.withBytes { Array($0) } == expected)
        big.withUnsafeBytes { writer.raw($0) }
        writer.removeAll(keepingCapacity: true)
        #expect(writer.count == 0 && writer.capacityBytes < 1000)
        for _ in 0..<2000 { writer.ok() }
        let capacity = writer.capacityBytes
        writer.removeAll(keepingCapacity: true)
        #expect(writer.capacityBytes == capacity)
        var other = ReplyWriter(version: 3)
        other.null()
        writer.append(other)
        #expect(writer.withBytes { $0.text } == "_\r\n")
    }
}
