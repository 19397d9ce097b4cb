// Reading redis.conf.
//
// One directive per line: words by the quoting rules of `ArgumentSplitter`; blank lines and
// lines that begin with '#' are skipped; a comment cannot follow a directive. `include` reads
// another file (or all that match a pattern) in its place. The first mistake stops the start,
// naming the line, because a server that runs with half of its settings is worse than none.

import Glibc

/// What is wrong with a configuration, as it is printed before the server gives up.
package struct ConfigurationFileError: Error, Equatable, CustomStringConvertible {
    /// Number and text of the line; nil if a file could not be read at all.
    package let line: (number: Int, text: String)?
    package let reason: String

    package static func == (a: Self, b: Self) -> Bool { a.description == b.description }

    package var description: String {
        guard let line else { return "Fatal error, " + reason }
        return """

            *** FATAL CONFIG FILE ERROR (\(Product.name) \(Product.version)) ***
            Reading the configuration file, at line \(line.number)
            >>> '\(line.text)'
            \(reason)

            """
    }
}

/// Applies the lines of configuration texts, in order, to a configuration.
package struct ConfigurationLoader {
    package private(set) var configuration: Configuration
    /// Canonical names seen, because a repeated `save` adds to the first.
    private var seen: Set<String> = []
    private var includeDepth = 0

    private static let includeDepthMax = 16

    package init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    /// Reads a whole file. O(bytes).
    package mutating func load(path: String) throws(ConfigurationFileError) {
        try load(text: try Self.contents(path))
    }

    package mutating func load(text: [UInt8]) throws(ConfigurationFileError) {
        var number = 0
        for line in text.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            let trimmed = Self.trimmed(line)
            guard let first = trimmed.first, first != 0x23 else { continue }
            let words = trimmed.withUnsafeBytes { ArgumentSplitter.words($0) }
            let reason: String
            do {
                guard let words, !words.isEmpty else {
                    throw ConfigurationError("Unbalanced quotes in configuration line")
                }
                if words[0].lowercased() == "include", words.count == 2 {
                    try include(words[1])
                } else {
                    try apply(words)
                }
                continue
            } catch let error as ConfigurationFileError {
                throw error
            } catch {
                reason = "\(error)"
            }
            throw ConfigurationFileError(
                line: (number, String(decoding: trimmed, as: UTF8.self)), reason: reason)
        }
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
        var line = line.drop(while: isBlank)
        while let last = line.last, isBlank(last) { line.removeLast() }
        return line
    }

    private mutating func apply(_ words: [String]) throws(ConfigurationError) {
        let arguments = Array(words.dropFirst())
        switch words[0].lowercased() {
        case "rename-command" where arguments.count == 2:
            configuration.renamedCommands.append(
                RenamedCommand(name: arguments[0], newName: arguments[1]))
        case "user" where !arguments.isEmpty:
            configuration.users.append(arguments)
        case "loadmodule" where !arguments.isEmpty:
            configuration.modules.append(arguments)
        case let name:
            guard let directive = Directive.named(name) else {
                throw ConfigurationError("Bad directive or wrong number of arguments")
            }
            let repeated = !seen.insert(directive.name).inserted
            try directive.set(&configuration, arguments, .file(repeated: repeated))
        }
    }

    // MARK: Files

    private mutating func include(_ pattern: String) throws(ConfigurationFileError) {
        guard includeDepth < Self.includeDepthMax else {
            throw ConfigurationFileError(
                line: nil, reason: "config files include each other: '\(pattern)'")
        }
        includeDepth += 1
        defer { includeDepth -= 1 }
        for path in Self.matches(pattern) { try load(path: path) }
    }

    /// The files that match, sorted; for a path without wildcards, that path.
    private static func matches(_ pattern: String) -> [String] {
        guard pattern.contains(where: { "*?[".contains($0) }) else { return [pattern] }
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { i in
            found.gl_pathv[i].map { String(cString: $0) }
        }
    }

    private static func contents(_ path: String) throws(ConfigurationFileError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw ConfigurationFileError(
                line: nil,
                reason: "can't open config file '\(path)': \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        return try contents(of: file, path)
    }

    /// Everything that can be read from an open file; `-` is standard input.
    static func contents(
        of file: Int32, _ path: String
    ) throws(ConfigurationFileError) -> [UInt8] {
        var text: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = piece.withUnsafeMutableBytes { read(file, $0.baseAddress!, $0.count) }
            if count == 0 { return text }
            if count < 0 {
                if errno == EINTR { continue }
                throw ConfigurationFileError(
                    line: nil,
                    reason: "can't read config file '\(path)': \(String(cString: strerror(errno)))")
            }
            text += piece[..<count]
        }
    }

    static func contents(file path: String) throws(ConfigurationFileError) -> [UInt8] {
        try contents(path)
    }
}
