// Codecs of the directives that have a shape of their own.

import Glibc

extension Codecs {
    // MARK: Text

    static let text = Codec<String>(
        blank: "", text: { $0 }, lines: { value, _ in [Quoting.quoted(value)] }
    ) { (value, words, _) throws(ConfigurationError) in value = words[0] }

    /// Text that must be a file name without a path, and not empty.
    static func filename(_ directive: String, _ noun: String = "filename") -> Codec<String> {
        Codec(blank: "", text: { $0 }, lines: { value, _ in [Quoting.quoted(value)] }) {
            (value, words, _) throws(ConfigurationError) in
            if words[0].isEmpty { throw ConfigurationError("\(directive) can't be empty") }
            if words[0].contains("/") || words[0] == "." || words[0] == ".." {
                throw ConfigurationError("\(directive) can't be a path, just a \(noun)")
            }
            value = words[0]
        }
    }

    static let hostname = Codec<String>(blank: "", text: { $0 }) {
        (value, words, _) throws(ConfigurationError) in
        guard words[0].utf8.count < 256 else {
            throw ConfigurationError("Hostnames must be less than 256 characters")
        }
        for byte in words[0].utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E: continue
            default:
                throw ConfigurationError(
                    "Hostnames may only contain alphanumeric characters, hyphens or dots")
            }
        }
        value = words[0]
    }

    /// An existing directory; made absolute.
    static let directory = Codec<String>(
        blank: "", text: { $0 }, lines: { value, _ in [Quoting.quoted(value)] }
    ) { (value, words, _) throws(ConfigurationError) in
        guard let path = WorkingDirectory.resolved(words[0]) else {
            throw ConfigurationError(String(cString: strerror(errno)))
        }
        value = path
    }

    // MARK: Several words

    static let addresses = Codec<[String]>(
        blank: [], severalWords: true, text: { $0.joined(separator: " ") },
        lines: { value, _ in [value.isEmpty ? "\"\"" : value.joined(separator: " ")] }
    ) { (value, words, _) throws(ConfigurationError) in
        let addresses = words == [""] ? [] : words
        guard addresses.count <= 16 else {
            throw ConfigurationError("Too many bind addresses specified.")
        }
        value = addresses
    }

    static let percentiles = Codec<[Double]>(
        blank: [], severalWords: true,
        text: {
            $0.map { $0 == $0.rounded() ? String(Int($0)) : "\($0)" }.joined(separator: " ")
        }
    ) { (value, words, _) throws(ConfigurationError) in
        let name = "latency-tracking-info-percentiles"
        var percentiles: [Double] = []
        for word in words where words != [""] {
            guard let number = Double(word), number.isFinite else {
                throw ConfigurationError("Invalid \(name) parameters")
            }
            guard (0...100).contains(number) else {
                throw ConfigurationError("\(name) parameters should sit between [0.0,100.0]")
            }
            percentiles.append(number)
        }
        value = percentiles
    }

    static let shutdown = Codec<ShutdownOptions>(
        blank: [], severalWords: true,
        text: { value in
            let words = ShutdownOptions.words.filter { !$0.1.isEmpty && value.contains($0.1) }
            return words.isEmpty ? "default" : words.map(\.0).joined(separator: " ")
        }
    ) { (value, words, _) throws(ConfigurationError) in
        var options: ShutdownOptions = []
        for word in words {
            guard let found = ShutdownOptions.words.first(where: { $0.0 == word.lowercased() })
            else {
                throw ConfigurationError(
                    "argument(s) must be one of the following: "
                        + ShutdownOptions.words.map(\.0).joined(separator: ", "))
            }
            options.formUnion(found.1)
        }
        if options.isSuperset(of: [.save, .noSave]) {
            throw ConfigurationError(
                "shutdown options SAVE and NOSAVE can't be used simultaneously")
        }
        value = options
    }

    static let keyspaceEvents = Codec<KeyspaceEvents>(blank: [], text: \.text) {
        (value, words, _) throws(ConfigurationError) in
        guard let events = KeyspaceEvents(letters: words[0]) else {
            throw ConfigurationError(
                "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
        }
        value = events
    }

    static let oomScores = Codec<[Int]>(
        blank: [], severalWords: true, text: { $0.map(String.init).joined(separator: " ") }
    ) { (value, words, _) throws(ConfigurationError) in
        guard words.count == 3 else { throw ConfigurationError("wrong number of arguments") }
        let scores = words.compactMap(strictInteger)
        guard scores.count == 3, scores.allSatisfy((-2000...2000).contains) else {
            throw ConfigurationError(
                "Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
        }
        value = scores
    }

    static let replicaOf = Codec<String>(blank: "", severalWords: true, text: { $0 }) {
        (value, words, _) throws(ConfigurationError) in
        guard words.count == 2 else { throw ConfigurationError("wrong number of arguments") }
        if words[0].lowercased() == "no" && words[1].lowercased() == "one" {
            value = ""
            return
        }
        guard let port = Int(words[1]), (1...65535).contains(port) else {
            throw ConfigurationError("Invalid master port")
        }
        value = "\(words[0]) \(port)"
    }

    // MARK: Repeated lines

    /// The first `save` of a file replaces the default, each further one adds to it.
    static let save = Codec<[SavePoint]>(
        blank: [], severalWords: true,
        text: { $0.map { "\($0.seconds) \($0.changes)" }.joined(separator: " ") },
        lines: { value, _ in
            value.isEmpty ? ["\"\""] : value.map { "\($0.seconds) \($0.changes)" }
        }
    ) { (value, words, origin) throws(ConfigurationError) in
        let failure = ConfigurationError("Invalid save parameters")
        let words = words == [""] ? [] : words
        guard words.count % 2 == 0 else { throw failure }
        var points: [SavePoint] = []
        for i in stride(from: 0, to: words.count, by: 2) {
            guard let seconds = Int(words[i]), let changes = Int(words[i + 1]), seconds >= 1,
                changes >= 0, seconds <= Int(Int32.max), changes <= Int(Int32.max)
            else { throw failure }
            points.append(SavePoint(seconds: seconds, changes: changes))
        }
        if case .file(repeated: true) = origin, !words.isEmpty {
            value += points
        } else {
            value = points
        }
    }

    static let outputBufferLimits = Codec<ClientOutputBufferLimits>(
        blank: ClientOutputBufferLimits(), severalWords: true,
        text: { value in
            limitClasses.map { name, path in
                let limit = value[keyPath: path]
                return "\(name) \(limit.hardBytes) \(limit.softBytes) \(limit.softSeconds)"
            }.joined(separator: " ")
        },
        lines: { value, initial in
            limitClasses.filter { value[keyPath: $0.1] != initial[keyPath: $0.1] }.map {
                let limit = value[keyPath: $0.1]
                return [
                    $0.0 == "slave" ? "replica" : $0.0, units(limit.hardBytes),
                    units(limit.softBytes), String(limit.softSeconds),
                ].joined(separator: " ")
            }
        }
    ) { (value, words, _) throws(ConfigurationError) in
        guard words.count % 4 == 0 else {
            throw ConfigurationError("Wrong number of arguments in buffer limit configuration.")
        }
        var limits = value
        for i in stride(from: 0, to: words.count, by: 4) {
            let name = words[i].lowercased() == "replica" ? "slave" : words[i].lowercased()
            guard let path = limitClasses.first(where: { $0.0 == name })?.1 else {
                throw ConfigurationError(
                    "Invalid client class specified in buffer limit configuration.")
            }
            guard let hard = bytes(words[i + 1]) ?? nil, let soft = bytes(words[i + 2]) ?? nil,
                let seconds = Int(words[i + 3]), (0...Int(Int32.max)).contains(seconds)
            else {
                throw ConfigurationError(
                    "Error in hard, soft or soft_seconds setting in buffer limit configuration.")
            }
            limits[keyPath: path] = ClientOutputBufferLimit(
                hardBytes: hard, softBytes: soft, softSeconds: seconds)
        }
        value = limits
    }

    private typealias LimitPath =
        any WritableKeyPath<ClientOutputBufferLimits, ClientOutputBufferLimit> & Sendable

    private static let limitClasses: [(String, LimitPath)] = [
        ("normal", \.normal), ("slave", \.replica), ("pubsub", \.pubsub),
    ]
}

/// Paths relative to where the server was started.
package enum WorkingDirectory {
    package static let atStart = resolved(".") ?? "/"

    /// A path that means the same when the directory changes.
    package static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        return atStart == "/" ? "/\(path)" : "\(atStart)/\(path)"
    }

    /// The absolute path of an existing directory; nil with `errno` set if there is none.
    package static func resolved(_ path: String) -> String? {
        guard let full = realpath(path, nil) else { return nil }
        defer { free(full) }
        var status = stat()
        guard stat(full, &status) == 0 else { return nil }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            errno = ENOTDIR
            return nil
        }
        return String(cString: full)
    }
}
