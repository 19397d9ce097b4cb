import Glibc
import Testing

@testable import Engine

@Suite struct NumbersTests {
    private func bytes<R>(_ text: String, _ body: (Bytes) -> R) -> R {
        var text = text
        return text.withUTF8 { body(Bytes($0)) }
    }

    private func int(_ text: String) -> Int64? { bytes(text) { Numbers.parseInt64($0) } }
    private func double(_ text: String) -> Double? { bytes(text) { Numbers.parseDouble($0) } }

    private func text(_ value: Double) -> String { Numbers.withFormatted(value) { $0.text } }

    private func human(_ value: LongDouble) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Numbers.longDoubleCharsMax) {
            let count = Numbers.formatFloat80Human(value, into: $0.baseAddress!)
            return String(decoding: $0[..<count], as: UTF8.self)
        }
    }

    private func printf(_ format: String, _ value: CVarArg) -> String {
        var room = [CChar](repeating: 0, count: 6000)
        let count = withVaList([value]) { vsnprintf(&room, room.count, format, $0) }
        return String(decoding: room[..<Int(count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    @Test func integersRoundTrip() {
        var values: [Int64] = [0, 1, -1, .max, .min, .max - 1, .min + 1]
        var power: Int64 = 1
        for _ in 0..<18 {
            power *= 10
            values += [power, power - 1, power + 1, -power, 1 - power, -1 - power]
        }
        for bit in 0..<63 { values += [1 << bit, -(1 << bit), (1 << bit) - 1] }
        for value in values {
            let shown = Numbers.withFormatted(value) { $0.text }
            #expect(shown == String(value))
            #expect(int(shown) == value)
            #expect(Numbers.textLength(value) == shown.utf8.count)
        }
        for value in UInt64(0)...10_100 {
            #expect(bytes(String(value)) { Numbers.parseUInt64($0) } == value)
        }
    }

    @Test(arguments: [
        "", "-", "+", "+1", " 1", "1 ", "01", "-0", "-01", "00", "1a", "a", "--1", "1.0",
        "9223372036854775808", "-9223372036854775809", "18446744073709551616",
        "99999999999999999999", "100000000000000000000", "0x10", "1\0",
    ])
    func integersRefused(_ spelled: String) { #expect(int(spelled) == nil) }

    /// Every byte at every place, so that the eight-at-a-time path cannot let one pass.
    @Test func integersRefuseStrangers() {
        let digits = Array("1234567890123456789".utf8)
        for place in 0..<digits.count {
            for byte in UInt8.min...UInt8.max {
                var spelled = digits
                spelled[place] = byte
                let good =
                    byte >= 0x31 && byte <= 0x39 || byte == 0x30 && place > 0
                    || byte == 0x2D && place == 0
                let expected = good ? Int64(String(decoding: spelled, as: UTF8.self)) : nil
                let found = spelled.withUnsafeBytes { Numbers.parseInt64($0) }
                if found != expected { #expect(found == expected, "\(place) \(byte)") }
            }
        }
    }

    @Test func unsignedIntegers() {
        func parse(_ text: String) -> UInt64? { bytes(text) { Numbers.parseUInt64($0) } }
        #expect(parse("18446744073709551615") == .max)
        #expect(parse("18446744073709551616") == nil)
        #expect(parse("99999999999999999999") == nil)
        #expect(parse("0000000000000000000000007") == 7)
        #expect(parse("0") == 0)
        for bad in ["", "-1", "+1", " 1", "1 ", "1x"] { #expect(parse(bad) == nil) }
    }

    @Test func doublesRead() {
        let good: [(String, Double)] = [
            ("0", 0), ("-0", -0.0), ("1", 1), ("+1", 1), ("1.", 1), (".5", 0.5), ("-.5", -0.5),
            ("3.14", 3.14), ("1e5", 1e5), ("1E-5", 1e-5), ("0x1p3", 8), ("0X.8", 0.5),
            ("inf", .infinity), ("+INF", .infinity), ("-inf", -.infinity),
            ("Infinity", .infinity), ("-iNfInItY", -.infinity), ("00012", 12),
            ("9007199254740993", 9_007_199_254_740_992), ("1e308", 1e308), ("5e-324", 5e-324),
            ("0.1234567890123456789012345", 0.1234567890123456789012345),
            ("123456789012345678901234567890", 123456789012345678901234567890.0),
        ]
        for (spelled, value) in good {
            #expect(double(spelled)?.bitPattern == value.bitPattern, "\(spelled)")
        }
        for bad in [
            "", " 1", "\t1", "1 ", "nan", "-nan", "NAN(1)", "1e309", "-1e309", "1e-400", ".", "-",
            "+", "e5", "1e", "abc", "1.2.3", "0x", "1\0", "--1", "in", "infinit", "1,5",
        ] {
            #expect(double(bad) == nil, "\(bad)")
        }
    }

    @Test func doublesReadLikeC() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let digits = Int.random(in: 1...19, using: &random)
            var spelled = (0..<digits).map { _ in String(Int.random(in: 0...9)) }.joined()
            let point = Int.random(in: 0...digits, using: &random)
            spelled.insert(".", at: spelled.index(spelled.startIndex, offsetBy: point))
            #expect(double(spelled)?.bitPattern == strtod(spelled, nil).bitPattern, "\(spelled)")
        }
    }

    @Test func doublesPrintLikeC() {
        var values: [Double] = [
            0, -0.0, 1, -1, 0.1, 0.5, 1.5, 3.14, 1e-4, 0.00010000000000000001, 9.9999e-5, 1e-5,
            1e16, 1e17, 99_999_999_999_999_984, 1e300, 5e-324, .greatestFiniteMagnitude,
            9.9999999999999982, 999.99999999999989, 0.99999999999999989, 4_503_599_627_370_495.5,
            1234567890123456.75, 1_125_899_906_842_623.875, -2.5, 1e22, 123456.789,
        ]
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20000 {
            values.append(Double(bitPattern: random.next()))
            values.append(Double.random(in: -1000...1000))
            values.append(Double(Int.random(in: -1_000_000...1_000_000)) / 1000)
            let exponent = Int.random(in: -16...57, using: &random)
            values.append(Double(sign: .plus, exponent: exponent, significand: .random(in: 1..<2)))
        }
        for value in values where value.isFinite {
            let expected = printf("%.17g", value)
            if text(value) != expected { #expect(text(value) == expected) }
        }
        #expect(text(.infinity) == "inf")
        #expect(text(-.infinity) == "-inf")
    }

    @Test func longDoublesPrintLikeC() {
        func expected(_ value: LongDouble) -> String {
            var shown = printf("%.17Lf", value)
            if shown.contains(".") {
                while shown.hasSuffix("0") { shown.removeLast() }
                if shown.hasSuffix(".") { shown.removeLast() }
            }
            return shown == "-0" ? "0" : shown
        }
        var values: [LongDouble] = [
            0, -0.0, 3, 3.5, -3.5, 0.1, 10.6, 1e18, 1.5e18, 1e30, -1e4000, 1e-17, 5e-18, 4e-18,
            -1e-18, 1e-4900, 0.99999999999999999999, 99.999999999999999995, 5000,
            LongDouble(Int64.max), LongDouble(Int64.max) * 2,
        ]
        for _ in 0..<5000 {
            values.append(LongDouble.random(in: -1000...1000))
            values.append(LongDouble(Double.random(in: -1...1)))
            let significand = LongDouble.random(in: 1..<2)
            let exponent = Int.random(in: -80...70)
            values.append(LongDouble(sign: .minus, exponent: exponent, significand: significand))
        }
        for value in values where human(value) != expected(value) {
            #expect(human(value) == expected(value))
        }
        #expect(human(.infinity) == "inf")
        #expect(human(-.infinity) == "-inf")
    }

    @Test func longDoublesRead() {
        func parse(_ text: String) -> LongDouble? { bytes(text) { Numbers.parseFloat80($0) } }
        #expect(parse("3") == 3)
        #expect(parse("10.5") == 10.5)
        #expect(parse("0.1") == LongDouble("0.1"))
        #expect(parse("-inf") == -LongDouble.infinity)
        for bad in ["", " 1", "1 ", "nan", "1e5000", "1e-5000", "x", "1\0"] {
            #expect(parse(bad) == nil, "\(bad)")
        }
        #expect(parse(String(repeating: "0", count: 5120)) == nil)
        #expect(parse(String(repeating: "0", count: 5119)) == 0)
    }
}
