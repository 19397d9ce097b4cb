// NX, XX, GT and LT: on which expiry a key, or a field of a hash, may get another.

struct ExpiryConditions: OptionSet {
    let rawValue: Int
    static let absent = ExpiryConditions(rawValue: 1)
    static let present = ExpiryConditions(rawValue: 2)
    static let greater = ExpiryConditions(rawValue: 4)
    static let less = ExpiryConditions(rawValue: 8)

    init(rawValue: Int) { self.rawValue = rawValue }

    /// The condition that an option names; empty when it is another word.
    init(_ option: Bytes) {
        if option.equalsIgnoringCase("nx") {
            self = .absent
        } else if option.equalsIgnoringCase("xx") {
            self = .present
        } else if option.equalsIgnoringCase("gt") {
            self = .greater
        } else if option.equalsIgnoringCase("lt") {
            self = .less
        } else {
            self = []
        }
    }

    /// Those of EXPIRE and its kin, which end the command and may be several.
    init(_ args: Arguments, from start: Int) throws(CommandError) {
        self = []
        for index in start..<Swift.max(args.count, start) {
            let condition = ExpiryConditions(args[index])
            if condition.isEmpty {
                throw .quoting("ERR Unsupported option \(args[index], max: .max)")
            }
            formUnion(condition)
        }
        if contains(.absent), !isDisjoint(with: [.present, .greater, .less]) {
            throw .message(
                """
                ERR NX and XX, GT or LT options at the same time are not compatible
                """)
        }
        if contains(.greater), contains(.less) {
            throw .message("ERR GT and LT options at the same time are not compatible")
        }
    }

    /// Whether what has the expiry `current` may get the expiry `new`. No expiry counts as an
    /// infinite one.
    func allow(_ new: Int64, over current: Int64?) -> Bool {
        if contains(.absent), current != nil { return false }
        if contains(.present), current == nil { return false }
        if contains(.greater) {
            guard let current, new > current else { return false }
        }
        if contains(.less), let current, new >= current { return false }
        return true
    }
}
