// Where a command's keys are and what it does with them, as COMMAND INFO tells clients.
//
// Written in one line: flags; where the search begins (`@3`: argument 3, `@STORE,5`: behind the
// word STORE, looked for from argument 5 on, `@?`: nobody knows; without: argument 1); how the
// keys lie from there (`range=last,step,limit`, `keynum=count,first,step`, `?`; without: one key);
// notes in quotation marks.
//
//     RW access delete @2 keynum=0,1,1 "A note"

struct KeySpecification: Sendable {
    enum Begin: Sendable {
        case index(Int)
        case keyword(String, from: Int)
        case unknown
    }

    enum Keys: Sendable {
        case range(last: Int, step: Int, limit: Int)
        case counted(at: Int, first: Int, step: Int)
        case unknown
    }

    private(set) var flags: [String] = []
    private(set) var begin = Begin.index(1)
    private(set) var keys = Keys.range(last: 0, step: 1, limit: 0)
    private(set) var notes: String?

    init(flags: [String], begin: Begin, keys: Keys) {
        self.flags = flags
        self.begin = begin
        self.keys = keys
    }

    init(_ text: Substring) {
        let parts = text.split(separator: "\"", maxSplits: 2)
        if parts.count > 1 { notes = String(parts[1]) }
        for word in parts[0].split(separator: " ") {
            let numbers = word.split { "=,".contains($0) }.compactMap { Int($0) }
            if word == "?" {
                keys = .unknown
            } else if word == "@?" {
                begin = .unknown
            } else if word.hasPrefix("range=") {
                keys = .range(last: numbers[0], step: numbers[1], limit: numbers[2])
            } else if word.hasPrefix("keynum=") {
                keys = .counted(at: numbers[0], first: numbers[1], step: numbers[2])
            } else if word.hasPrefix("@") {
                let name = word.dropFirst().prefix { $0 != "," }
                begin = Int(name).map { .index($0) } ?? .keyword(String(name), from: numbers[0])
            } else {
                flags.append(String(word))
            }
        }
    }

    /// Whether the keys that begin at a fixed argument have one at `position`.
    func covers(_ position: Int, of args: Arguments) -> Bool {
        guard case .index(let start) = begin, position >= start else { return false }
        switch keys {
        case .range(let last, let step, _):
            let end = last < 0 ? args.count + last : start + last
            return position <= end && (position - start) % step == 0
        case .counted(let at, let first, _):
            guard start + at < args.count, position >= start + first else { return false }
            let count = Numbers.parseInt64(args[start + at]) ?? 0
            return Int64(position - start - first) < count
        case .unknown: return false
        }
    }

    /// Whether the keys would begin behind the last argument: none are there, where Redis wants some.
    func beginsBehind(_ args: Arguments) -> Bool {
        if case .index(let start) = begin { start >= args.count } else { false }
    }

    func write(_ reply: inout ReplyWriter) {
        reply.map(notes == nil ? 3 : 4)
        if let notes {
            reply.bulk("notes")
            reply.bulk(notes)
        }
        reply.bulk("flags")
        reply.set(flags.count)
        for flag in flags { reply.simple(flag) }
        reply.bulk("begin_search")
        switch begin {
        case .index(let index): part(&reply, "index", [("index", index)])
        case .keyword(let word, let start):
            part(&reply, "keyword", [("startfrom", start)], keyword: word)
        case .unknown: part(&reply, "unknown", [])
        }
        reply.bulk("find_keys")
        switch keys {
        case .range(let last, let step, let limit):
            part(&reply, "range", [("lastkey", last), ("keystep", step), ("limit", limit)])
        case .counted(let at, let first, let step):
            part(
                &reply, "keynum", [("keynumidx", at), ("firstkey", first), ("keystep", step)])
        case .unknown: part(&reply, "unknown", [])
        }
    }

    private func part(
        _ reply: inout ReplyWriter, _ type: String, _ fields: [(String, Int)],
        keyword: String? = nil
    ) {
        reply.map(2)
        reply.bulk("type")
        reply.bulk(type)
        reply.bulk("spec")
        reply.map(fields.count + (keyword == nil ? 0 : 1))
        if let keyword {
            reply.bulk("keyword")
            reply.bulk(keyword)
        }
        for (name, value) in fields {
            reply.bulk(name)
            reply.integer(value)
        }
    }
}
