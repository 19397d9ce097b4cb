// The arguments of a command, read from the notation of its row:
//
//     key value [NX | XX] [GET] [EX seconds | PX milliseconds] field value [field value ...]
//
// Upper-case words are tokens, lower-case ones values; [] is optional, <> groups, | separates
// alternatives, and a bracket that ends in "..." says that what stands before it may be repeated.
// COMMAND DOCS, and so the hints of redis-cli, come from this.

struct CommandArgument: Equatable {
    var name: String
    /// "string", "integer", "key", "oneof", "block", "pure-token" and so on.
    var type: String
    var token: String?
    var isOptional = false
    var isMultiple = false
    /// The token is repeated with every value.
    var repeatsToken = false
    var arguments: [CommandArgument] = []

    /// The notation again; two arguments that read the same are the same.
    fileprivate var notation: String {
        let inner = arguments.map(\.notation).joined(separator: "/")
        return "\(type) \(token ?? "") \(name) \(inner)"
    }
}

struct CommandSyntax {
    private var words: [Substring] = []
    private var at = 0

    /// O(length). A text that is not in the notation gives what could be read of it.
    static func arguments(_ text: StaticString) -> [CommandArgument] {
        var spaced = ""
        for character in text.description {
            if "[]<>|".contains(character) {
                spaced += " \(character) "
            } else {
                spaced.append(character)
            }
        }
        var syntax = CommandSyntax()
        syntax.words = spaced.split(separator: " ")
        return syntax.sequence()
    }

    private var next: Substring? { at < words.count ? words[at] : nil }

    /// Items up to a closing bracket, a bar, an ellipsis or the end.
    private mutating func sequence() -> [CommandArgument] {
        var items: [CommandArgument] = []
        while let word = next, word != "]", word != ">", word != "|", word != "..." {
            if word == "[" {
                at += 1
                let (alternatives, isRepetition) = choices()
                if isRepetition {
                    repeatLast(&items, alternatives.first ?? [])
                } else {
                    var item = CommandSyntax.one(alternatives)
                    item.isOptional = true
                    items.append(item)
                }
            } else if word == "<" {
                at += 1
                let (alternatives, _) = choices()
                items.append(CommandSyntax.one(alternatives))
            } else {
                at += 1
                items.append(CommandSyntax.word(word))
            }
        }
        return CommandSyntax.withTokens(items)
    }

    /// Alternatives up to and with the closing bracket; whether they end in "...".
    private mutating func choices() -> ([[CommandArgument]], Bool) {
        var alternatives: [[CommandArgument]] = []
        var isRepetition = false
        while next != nil {
            alternatives.append(sequence())
            if next == "..." {
                isRepetition = true
                at += 1
            }
            let end = next
            at += 1
            if end != "|" { break }
        }
        return (alternatives, isRepetition)
    }

    /// `[x ...]` behind x: x may be repeated.
    private func repeatLast(_ items: inout [CommandArgument], _ repeated: [CommandArgument]) {
        let pattern = repeated.map(\.notation)
        // Not joined to its token yet: `ID client-id [client-id …]`.
        let count = repeated.count
        guard count > 0, items.count >= count else { return }
        if items.suffix(count).map(\.notation) == pattern {
            if count == 1 {
                items[items.count - 1].isMultiple = true
                items[items.count - 1].repeatsToken = repeated[0].token != nil
            } else {
                let block = CommandSyntax.block(Array(items.suffix(count)))
                items.removeLast(count)
                items.append(block)
                items[items.count - 1].isMultiple = true
            }
        } else if count == 1, let token = repeated[0].token, items.count >= 2,
            items[items.count - 2].token == token, items[items.count - 2].type == "pure-token"
        {
            // `GET pattern [GET pattern …]`, before the two words are joined.
            var item = repeated[0]
            item.isMultiple = true
            item.repeatsToken = true
            items.removeLast(2)
            items.append(item)
        } else {
            items[items.count - 1].isMultiple = true
        }
    }

    /// Joins a token to the values behind it.
    private static func withTokens(_ items: [CommandArgument]) -> [CommandArgument] {
        var joined: [CommandArgument] = []
        var index = 0
        while index < items.count {
            let item = items[index]
            let isPlainToken = item.type == "pure-token" && !item.isOptional && !item.isMultiple
            guard isPlainToken, index + 1 < items.count, items[index + 1].token == nil,
                !items[index + 1].isOptional
            else {
                joined.append(item)
                index += 1
                continue
            }
            // Within a bracket a leading token governs all that follows: LIMIT offset count.
            let rest = items[(index + 1)...].prefix { $0.token == nil && !$0.isOptional }
            var value =
                rest.count == 1 || index > 0 || rest.count < items.count - 1
                ? items[index + 1] : block(Array(rest))
            value.token = item.token
            joined.append(value)
            index += value.type == "block" && rest.count > 1 ? rest.count + 1 : 2
        }
        return joined
    }

    private static func one(_ alternatives: [[CommandArgument]]) -> CommandArgument {
        if alternatives.count == 1 {
            let items = alternatives[0]
            return items.count == 1 ? items[0] : block(items)
        }
        let options = alternatives.map { $0.count == 1 ? $0[0] : block($0) }
        return CommandArgument(
            name: options.map(\.name).joined(separator: "_"), type: "oneof", arguments: options)
    }

    private static func block(_ items: [CommandArgument]) -> CommandArgument {
        CommandArgument(
            name: items.map(\.name).joined(separator: "_"), type: "block", arguments: items)
    }

    private static func word(_ word: Substring) -> CommandArgument {
        let isToken = !word.contains { $0.isLowercase }
        if isToken {
            return CommandArgument(
                name: word.lowercased(), type: "pure-token", token: String(word))
        }
        let name = word.filter { $0 != "\"" }
        return CommandArgument(name: name, type: type(of: name))
    }

    private static let keyNames: Set<String> = [
        "key", "newkey", "destination", "source", "key1", "key2", "destkey", "sourcekey",
    ]
    private static let integerNames: Set<String> = [
        "count", "seconds", "milliseconds", "offset", "start", "stop", "end", "index", "db",
        "numkeys", "timeout", "cursor", "rank", "num-matches", "len", "decrement", "increment",
        "bit", "ttl", "frequency", "client-id", "numreplicas", "protover", "bits", "index1",
        "index2", "length", "limit", "maxlen", "threshold", "min-match-len", "destination-db",
    ]
    private static let doubleNames: Set<String> = [
        "score", "longitude", "latitude", "radius", "width", "height", "weight",
    ]

    private static func type(of name: String) -> String {
        if keyNames.contains(name) { return "key" }
        if name.hasPrefix("unix-time") { return "unix-time" }
        if integerNames.contains(name) { return "integer" }
        if doubleNames.contains(name) { return "double" }
        if name == "pattern" { return "pattern" }
        return "string"
    }
}
