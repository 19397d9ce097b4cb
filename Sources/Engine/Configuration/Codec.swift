// Codecs: how each kind of setting is read and printed.
//
// The rules and the words of the errors are those of Redis 7.0, because scripts and client
// libraries match on them.

/// Reads and prints the values of one kind of directive.
struct Codec<T: Sendable>: Sendable {
    typealias Assign =
        @Sendable (inout T, [String], Directive.Origin) throws(ConfigurationError) -> Void

    /// A value to start from where there is no field.
    let blank: T
    var takesSeveralWords = false
    /// Changes the value as the words say, or throws and leaves it alone.
    let assign: Assign
    /// As CONFIG GET prints it.
    let text: @Sendable (T) -> String
    /// What follows the name in a file, given the value and the default.
    let lines: @Sendable (T, T) -> [String]

    init(
        blank: T, severalWords: Bool = false, text: @escaping @Sendable (T) -> String,
        lines: (@Sendable (T, T) -> [String])? = nil, assign: @escaping Assign
    ) {
        self.blank = blank
        takesSeveralWords = severalWords
        self.text = text
        self.assign = assign
        self.lines =
            lines ?? { value, _ in
                let text = text(value)
                return [severalWords && !text.isEmpty ? text : Quoting.word(text)]
            }
    }
}

enum Codecs {
    static let bool = Codec<Bool>(blank: false, text: { $0 ? "yes" : "no" }) {
        (value, words, _) throws(ConfigurationError) in
        switch words[0].lowercased() {
        case "yes": value = true
        case "no": value = false
        default: throw ConfigurationError("argument must be 'yes' or 'no'")
        }
    }

    static func choice<T: ConfigurationChoice>(_ type: T.Type) -> Codec<T> {
        Codec(blank: T.allCases.first!, text: \.rawValue) {
            (value, words, _) throws(ConfigurationError) in
            guard let found = T(rawValue: words[0].lowercased()) else {
                throw notOneOf(T.allCases.map(\.rawValue))
            }
            value = found
        }
    }

    static func word(of choices: String...) -> Codec<String> {
        Codec(blank: choices[0], text: { $0 }) { (value, words, _) throws(ConfigurationError) in
            let word = words[0].lowercased()
            guard choices.contains(word) else { throw notOneOf(choices) }
            value = word
        }
    }

    private static func notOneOf(_ words: [String]) -> ConfigurationError {
        ConfigurationError(
            "argument(s) must be one of the following: " + words.joined(separator: ", "))
    }

    // MARK: Numbers

    static func int(_ range: ClosedRange<Int>) -> Codec<Int> {
        Codec(blank: range.lowerBound, text: String.init) {
            (value, words, _) throws(ConfigurationError) in
            guard let number = strictInteger(words[0]) else {
                throw ConfigurationError("argument couldn't be parsed into an integer")
            }
            value = try checked(number, range)
        }
    }

    /// Redis takes any number and serves the nearest frequency that makes sense.
    static let hertz = Codec<Int>(blank: 10, text: String.init) {
        (value, words, origin) throws(ConfigurationError) in
        try int(0...Int(Int32.max)).assign(&value, words, origin)
        value = min(max(value, 1), 500)
    }

    static let syslogFacility = word(
        of: "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7")

    /// File permissions.
    static let octal = Codec<Int>(blank: 0, text: { String($0, radix: 8) }) {
        (value, words, _) throws(ConfigurationError) in
        guard let number = Int(words[0], radix: 8) else {
            throw ConfigurationError("argument couldn't be parsed as an octal number")
        }
        guard (0...0o777).contains(number) else {
            throw ConfigurationError("argument must be between 0 and 777 inclusive")
        }
        value = number
    }

    static func memory(_ range: ClosedRange<Int>) -> Codec<Int> {
        Codec(blank: range.lowerBound, text: String.init, lines: { value, _ in [units(value)] }) {
            (value, words, _) throws(ConfigurationError) in
            value = try bytes(words[0], range)
        }
    }

    static let memoryBudget = Codec<MemoryBudget>(
        blank: .automatic, text: { String($0.bytes) },
        lines: { value, _ in [value.isAutomatic ? "auto" : units(value.bytes)] }
    ) { (value, words, _) throws(ConfigurationError) in
        if words[0].lowercased() == "auto" {
            value = .automatic
        } else {
            value = MemoryBudget(bytes: try bytes(words[0], 0...Int.max))
        }
    }

    /// Bytes, or a percentage, which is stored as a negative number.
    static let memoryOrPercent = Codec<Int>(
        blank: 0, text: { $0 < 0 ? "\(-$0)%" : String($0) },
        lines: { value, _ in [value < 0 ? "\(-value)%" : units(value)] }
    ) { (value, words, _) throws(ConfigurationError) in
        let failure = ConfigurationError("argument must be a memory or percent value")
        if words[0].hasSuffix("%") {
            guard let percent = strictInteger(String(words[0].dropLast())), percent >= 0 else {
                throw failure
            }
            guard percent <= 100 else {
                throw ConfigurationError("percentage argument must be less or equal to 100")
            }
            value = -percent
        } else {
            guard let number = bytes(words[0]) else { throw failure }
            value = try checked(number, 0...Int.max)
        }
    }

    private static func bytes(
        _ text: String, _ range: ClosedRange<Int>
    ) throws(ConfigurationError) -> Int {
        guard let number = bytes(text) else {
            throw ConfigurationError("argument must be a memory value")
        }
        return try checked(number, range)
    }

    private static func checked(
        _ number: Int?, _ range: ClosedRange<Int>
    ) throws(ConfigurationError) -> Int {
        guard let number, range.contains(number) else {
            throw ConfigurationError(
                "argument must be between \(range.lowerBound) and \(range.upperBound) inclusive")
        }
        return number
    }

    /// A number with an optional unit: `k` is 1000, `kb` 1024 and so on. Outer nil: not such a
    /// text; inner nil: too large.
    static func bytes(_ text: String) -> Int?? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty else { return nil }
        let unit: Int
        switch text.dropFirst(digits.count).lowercased() {
        case "", "b": unit = 1
        case "k": unit = 1000
        case "kb": unit = 1 << 10
        case "m": unit = 1_000_000
        case "mb": unit = 1 << 20
        case "g": unit = 1_000_000_000
        case "gb": unit = 1 << 30
        default: return nil
        }
        guard let number = Int(digits) else { return .some(nil) }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        return .some(overflow ? nil : product)
    }

    /// Bytes in the largest binary unit that divides them.
    static func units(_ bytes: Int) -> String {
        for (shift, unit) in [(30, "gb"), (20, "mb"), (10, "kb")]
        where bytes != 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return String(bytes)
    }

    /// Decimal as Redis reads it: no plus sign, no leading zero, no blanks.
    static func strictInteger(_ text: String) -> Int? {
        guard let number = Int(text), String(number) == text else { return nil }
        return number
    }
}

/// Words as they are written to a file.
enum Quoting {
    /// The text as one word: as it is if it can be, else in double quotes.
    static func word(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x27 && byte != 0x5C
        }
        return isPlain && !text.isEmpty ? text : quoted(text)
    }

    static func quoted(_ text: String) -> String {
        let hex = Array("0123456789abcdef")
        var quoted = "\""
        for byte in text.utf8 {
            switch byte {
            case 0x22: quoted += "\\\""
            case 0x5C: quoted += "\\\\"
            case 0x0A: quoted += "\\n"
            case 0x0D: quoted += "\\r"
            case 0x09: quoted += "\\t"
            case 0x07: quoted += "\\a"
            case 0x08: quoted += "\\b"
            case 0x20..<0x7F: quoted.unicodeScalars.append(Unicode.Scalar(byte))
            default: quoted += "\\x\(hex[Int(byte >> 4)])\(hex[Int(byte & 15)])"
            }
        }
        return quoted + "\""
    }
}
