// The configuration of a running server: CONFIG GET, CONFIG SET, and who is told of changes.
//
// CONFIG SET is all or nothing. Every name is checked before any value is, every value is set in
// a copy, then the parts that must react (a listener, the log, the memory budget) are asked one
// by one; if one refuses, those that had already followed are told the old values again and
// nothing has changed.

package struct LiveConfiguration {
    /// Asked to follow a change of the named settings; a text refuses it.
    package typealias Reaction = (_ new: Configuration, _ old: Configuration) -> String?

    /// The settings in force. Hot paths read its fields directly.
    package private(set) var values: Configuration
    /// The configuration file, absolute; nil if the server was started without.
    package let filePath: String?

    private var reactions: [(names: Set<String>, body: Reaction)] = []

    package init(_ values: Configuration = Configuration(), filePath: String? = nil) {
        self.values = values
        self.filePath = filePath
    }

    /// Registers what must happen when one of `names` gets another value. Reactions run in the
    /// order of registration, once per CONFIG SET.
    package mutating func onChange(of names: String..., run body: @escaping Reaction) {
        for name in names {
            precondition(Directive.named(name)?.name == name, "no directive is named \(name)")
        }
        reactions.append((Set(names), body))
    }

    /// Takes over settings that were made in another way than by CONFIG SET.
    package mutating func adopt(_ values: Configuration) { self.values = values }

    // MARK: CONFIG GET

    /// Names and values that match any of the patterns, each name once. A name without wildcards
    /// is shown as it was asked for. O(patterns × directives).
    package func get(_ patterns: [String]) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        var shown: Set<String> = []
        func show(_ name: String, _ directive: Directive) {
            if shown.insert(name.lowercased()).inserted {
                found.append((name, directive.text(values)))
            }
        }
        for pattern in patterns {
            if !pattern.contains(where: { "*?[".contains($0) }) {
                if let directive = Directive.named(pattern) { show(pattern, directive) }
                continue
            }
            for directive in Directive.all where !directive.flags.contains(.hidden) {
                for name in [directive.name, directive.alias].compactMap({ $0 })
                where Self.matches(pattern, name) {
                    show(name, directive)
                }
            }
        }
        return found
    }

    private static func matches(_ pattern: String, _ name: String) -> Bool {
        var pattern = pattern
        var name = name
        return pattern.withUTF8 { pattern in
            name.withUTF8 { Glob.matches(Bytes(pattern), Bytes($0), ignoringCase: true) }
        }
    }

    // MARK: CONFIG SET

    /// Sets all pairs or none. Returns the error reply, or nil when all is done.
    ///
    /// `isLocal`: the client is connected through loopback or a Unix socket.
    package mutating func set(
        _ pairs: [(name: String, value: String)], isLocal: Bool = true
    ) -> String? {
        var rows: [Int] = []
        for (name, _) in pairs {
            guard let row = Directive.index(name) else {
                return "ERR Unknown option or number of arguments for CONFIG SET - '\(name)'"
            }
            let directive = Directive.all[row]
            if directive.flags.contains(.immutable) {
                return Self.failure(name, "can't set immutable config")
            }
            if directive.flags.contains(.protected)
                && !values.enableProtectedConfigs.allows(isLocal: isLocal)
            {
                return Self.failure(name, "can't set protected config")
            }
            if rows.contains(row) { return Self.failure(name, "duplicate parameter") }
            rows.append(row)
        }
        var changed = values
        for (row, pair) in zip(rows, pairs) {
            do {
                try Directive.all[row].set(&changed, text: pair.value)
            } catch {
                return Self.failure(pair.name, error.description)
            }
        }
        // Asked in the caller's spelling, reported likewise.
        var spelling: [String: String] = [:]
        for (row, pair) in zip(rows, pairs)
        where Directive.all[row].text(changed) != Directive.all[row].text(values) {
            spelling[Directive.all[row].name] = pair.name
        }
        let old = values
        values = changed
        var followed: [Reaction] = []
        for (names, body) in reactions {
            guard let name = spelling.keys.sorted().first(where: names.contains) else { continue }
            if let refusal = body(changed, old) {
                values = old
                for body in followed.reversed() { _ = body(old, changed) }
                return Self.failure(spelling[name]!, refusal)
            }
            followed.append(body)
        }
        return nil
    }

    private static func failure(_ name: String, _ reason: String) -> String {
        "ERR CONFIG SET failed (possibly related to argument '\(name)') - \(reason)"
    }

    // MARK: CONFIG REWRITE

    /// Writes the settings in force to the configuration file. Returns the error reply, or nil.
    ///
    /// `users`: the definitions of all users, or nil to leave the file's own alone. O(file).
    package func rewrite(users: [String]? = nil) -> String? {
        guard let filePath else { return "ERR The server is running without a config file" }
        do {
            let old: [UInt8]
            do { old = try ConfigurationLoader.contents(file: filePath) } catch { old = [] }
            let new = ConfigurationRewrite.rewritten(
                String(decoding: old, as: UTF8.self), values, users: users)
            try ConfigurationRewrite.replace(filePath, with: new)
            return nil
        } catch {
            return "ERR Rewriting config file: \(error)"
        }
    }
}
