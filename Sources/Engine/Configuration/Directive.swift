// One directive: a name of redis.conf, joined to a field and to the rules of its text.
//
// The configuration file, the command line, CONFIG GET, SET and REWRITE and the documentation
// all work from this description; none of them knows a directive by name. A row of the table is
// made from a `Codec`, which reads and prints one kind of value, and a key path to the field
// that holds it, or the default text if Firn has no field for it yet.

/// Why a value was refused, in Redis's words.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ text: String) { description = text }
}

package struct Directive: Sendable {
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Only the file and the command line may set it.
        package static let immutable = Flags(rawValue: 1)
        /// CONFIG SET needs `enable-protected-configs`.
        package static let protected = Flags(rawValue: 2)
        /// A secret: not for logs.
        package static let sensitive = Flags(rawValue: 4)
        /// Accepted and stored, and without effect.
        package static let inert = Flags(rawValue: 8)
        /// CONFIG GET shows it only when asked for by its full name.
        package static let hidden = Flags(rawValue: 16)
    }

    /// How a value came here: by CONFIG SET, or from a file, where a directive may be repeated.
    package enum Origin: Sendable {
        case command
        case file(repeated: Bool)
    }

    package let name: String
    /// An older name that means the same.
    package let alias: String?
    package private(set) var flags: Flags
    /// Whether a file may give it several words.
    let takesSeveralWords: Bool
    /// The value as CONFIG GET prints it.
    package let text: @Sendable (Configuration) -> String
    /// What follows the name on its lines in a file, as CONFIG REWRITE writes them.
    let lines: @Sendable (Configuration) -> [String]
    private let assign:
        @Sendable (inout Configuration, [String], Origin) throws(ConfigurationError) -> Void

    package func isDefault(_ configuration: Configuration) -> Bool {
        text(configuration) == text(.initial)
    }

    /// Sets the value from the words of a line. The configuration is unchanged after an error.
    package func set(
        _ configuration: inout Configuration, _ words: [String], _ origin: Origin = .command
    ) throws(ConfigurationError) {
        var words = words
        // `save "3600 1 60 5"`: several words may come as one.
        if takesSeveralWords, words.count == 1, words[0].contains(" ") {
            words = words[0].split(separator: " ").map(String.init)
        }
        if !takesSeveralWords && words.count != 1 || words.isEmpty && !isEmptyAllowed(origin) {
            throw ConfigurationError("wrong number of arguments")
        }
        try assign(&configuration, words, origin)
    }

    private func isEmptyAllowed(_ origin: Origin) -> Bool {
        if case .command = origin { return takesSeveralWords }
        return false
    }

    /// Sets the value from one text, which CONFIG SET splits where several words are taken.
    package func set(
        _ configuration: inout Configuration, text: String
    ) throws(ConfigurationError) {
        let words =
            !takesSeveralWords
            ? [text]
            : text.isEmpty
                ? [] : text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        try set(&configuration, words)
    }

    // MARK: Making rows

    /// A directive with a field.
    static func field<T>(
        _ name: String, _ path: any WritableKeyPath<Configuration, T> & Sendable,
        _ codec: Codec<T>, alias: String? = nil, _ flags: Flags = []
    ) -> Directive {
        Directive(
            name: name, alias: alias, flags: flags, takesSeveralWords: codec.takesSeveralWords,
            text: { codec.text($0[keyPath: path]) },
            lines: { codec.lines($0[keyPath: path], Configuration.initial[keyPath: path]) },
            assign: { (configuration, words, origin) throws(ConfigurationError) in
                var value = configuration[keyPath: path]
                try codec.assign(&value, words, origin)
                configuration[keyPath: path] = value
            })
    }

    /// A directive that is only stored.
    static func inert<T>(
        _ name: String, _ initial: String, _ codec: Codec<T>, alias: String? = nil,
        _ flags: Flags = []
    ) -> Directive {
        Directive(
            name: name, alias: alias, flags: flags.union(.inert),
            takesSeveralWords: codec.takesSeveralWords,
            text: { $0.inert[name] ?? initial },
            lines: { configuration in
                let text = configuration.inert[name] ?? initial
                return [codec.takesSeveralWords && !text.isEmpty ? text : Quoting.word(text)]
            },
            assign: { (configuration, words, origin) throws(ConfigurationError) in
                var value = codec.blank
                try codec.assign(&value, words, origin)
                configuration.inert[name] = codec.text(value)
            })
    }

    // MARK: The table

    /// Every directive, in the order of the table.
    package static let all: [Directive] = DirectiveTable.rows + DirectiveTable.inertRows

    private static let byName: [String: Int] = {
        var index: [String: Int] = [:]
        for (i, directive) in all.enumerated() {
            for name in [directive.name, directive.alias].compactMap({ $0 }) {
                precondition(index.updateValue(i, forKey: name) == nil, "\(name) is listed twice")
            }
        }
        return index
    }()

    /// The directive with this name or alias, in any case of letters.
    package static func named(_ name: String) -> Directive? { index(name).map { all[$0] } }

    static func index(_ name: String) -> Int? { byName[name.lowercased()] }
}
