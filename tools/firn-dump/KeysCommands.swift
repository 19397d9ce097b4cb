// firn-dump keys and get.

import ArgumentParser
import Engine
import ToolOutput

extension ValueType {
    static let named: [String: ValueType] = [
        "string": .string, "list": .list, "set": .set, "zset": .sortedSet, "hash": .hash,
        "stream": .stream,
    ]
    var text: String { typeName }
}

/// Ends a walk before its end.
private struct Enough: Error {}

struct Keys: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List keys: database, type, bytes, expiry, key.")

    @OptionGroup var state: StateOptions
    @Option(help: "Only keys that match this glob, as KEYS does.") var match: String?
    @Option(help: "Only this database.") var db: Int?
    @Option(help: "Only this type: string, list, set, zset, hash, stream.") var type: String?
    @Option(help: "At most so many keys.") var limit: Int?
    @Flag(help: "Keys past their time as well.") var includeExpired = false
    @Flag(help: "One JSON object a line.") var json = false

    func run() throws {
        let wanted = type.map { ValueType.named[$0] }
        if let wanted, wanted == nil { throw ValidationError("unknown type '\(type!)'") }
        let pattern = match.map { Array($0.utf8) }
        let inspection = try state.open()
        let out = Output.standard
        var left = limit ?? .max
        var damages = Damages()
        do {
            try inspection.forEachKey(
                database: db, payloads: false, damaged: { damages.note($0) },
                progress: { Progress.shared.show("keys", $0, of: inspection.coldRowsMax) }
            ) { key in
                if key.isExpired, !includeExpired { return }
                if let wanted, key.type != wanted { return }
                if let pattern, !Inspection.matches(pattern, key.key) { return }
                if left == 0 { throw Enough() }
                left -= 1
                if json {
                    try out.line(
                        "{\"db\":\(key.database),\"key\":\(JSON.text(key.key)),"
                            + "\"type\":\"\(key.type.text)\",\"bytes\":\(key.payloadBytes)"
                            + (key.expiry.map { ",\"expireat\":\($0)" } ?? "") + "}")
                } else {
                    let expiry = key.expiry.map { Moment.text(ms: $0) } ?? "-"
                    try out.line(
                        "\(key.database)\t\(key.type.text)\t\(key.payloadBytes)\t\(expiry)\t"
                            + Text.quoted(key.key))
                }
            }
        } catch is Enough {}
        Progress.shared.clear()
        try damages.conclude()
    }
}

struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show one key: its value, and what the tiers and the log know of it.",
        discussion: """
            A key in double quotes may hold the escapes that 'keys' prints, such as \
            '"a\\x00b"'. Exit status 1 when the key does not exist.
            """)

    @OptionGroup var state: StateOptions
    @Argument(help: "The key.") var key: String
    @Option(help: "The database.") var db = 0
    @Flag(help: "As one JSON object.") var json = false
    @Flag(help: "Only the value, a string as its bare bytes.") var raw = false

    func run() throws {
        guard let bytes = Text.unquoted(key) else {
            throw ValidationError("the key's quotes or escapes are wrong")
        }
        let inspection = try state.open()
        var failure: String?
        var lines: [String] = []
        let out = Output.standard
        let finding = try inspection.find(bytes, database: db) { key in
            guard let value = InspectedValue(rdbType: key.rdbType, payload: key.payload) else {
                failure = "the value of \(Text.quoted(bytes)) cannot be decoded"
                return
            }
            if raw {
                try printParts(value, quoted: false, out)
            } else if json {
                try printJSON(key, value, inspection, out)
            } else {
                lines = header(key, value, inspection)
                try out.line("key:      \(Text.quoted(key.key)) in database \(db)")
                for line in lines { try out.line(line) }
                try printParts(value, quoted: true, out)
                try printFieldTimes(value, inspection, out)
            }
        }
        if let failure { throw InspectionError(failure) }
        if !raw { try printState(finding, out) }
        guard finding.exists else {
            throw InspectionError("\(Text.quoted(bytes)) does not exist in database \(db)")
        }
    }

    private func header(
        _ key: InspectedKey, _ value: borrowing InspectedValue, _ inspection: Inspection
    ) -> [String] {
        var lines = [
            "type:     \(key.type.text), encoding \(value.encoding), stored as \(key.layoutName)",
            "size:     \(value.count) element\(value.count == 1 ? "" : "s"), "
                + "\(key.payloadBytes) bytes serialized",
        ]
        if let lsn = key.lsn { lines.append("LSN:      \(lsn)") }
        if let expiry = key.expiry {
            lines.append(
                "expires:  \(Moment.text(ms: expiry)) (\(expiry))"
                    + (key.isExpired ? ", that is over: clients do not see it" : ""))
        }
        lines.append(
            "access:   idle for \(key.idleSeconds(nowMs: inspection.nowMs)) s (LRU), or counter "
                + "\(key.frequency) (LFU)")
        return lines
    }

    private func printFieldTimes(
        _ value: borrowing InspectedValue, _ inspection: Inspection, _ out: Output
    ) throws {
        var isFirst = true
        try value.forEachExpiringField { field, expiry in
            if isFirst { try out.line("fields that expire:") }
            isFirst = false
            try out.line(
                "  " + Text.quoted(field) + "  \(Moment.text(ms: expiry)) (\(expiry))"
                    + (expiry < inspection.nowMs ? ", that is over: clients do not see it" : ""))
        }
    }

    private func printParts(
        _ value: borrowing InspectedValue, quoted: Bool, _ out: Output
    ) throws {
        let isSorted = value.type == .sortedSet
        let isString = value.type == .string
        if quoted { try out.line("value:") }
        try value.forEach { part, second in
            if quoted {
                try out.line(
                    "  " + Text.quoted(part)
                        + (second.map {
                            isSorted
                                ? "  " + String(decoding: $0, as: UTF8.self)
                                : "  " + Text.quoted($0)
                        } ?? ""))
            } else {
                try out.put(part)
                if let second {
                    try out.put("\n")
                    try out.put(second)
                }
                if !isString { try out.put("\n") }
            }
        }
    }

    private func printJSON(
        _ key: InspectedKey, _ value: borrowing InspectedValue, _ inspection: Inspection,
        _ out: Output
    ) throws {
        try out.put(
            "{\"db\":\(db),\"key\":\(JSON.text(key.key)),\"type\":\"\(key.type.text)\","
                + "\"encoding\":\"\(value.encoding)\",\"stored_as\":\"\(key.layoutName)\","
                + "\"elements\":\(value.count),\"bytes\":\(key.payloadBytes)")
        if let lsn = key.lsn { try out.put(",\"lsn\":\(lsn)") }
        if let expiry = key.expiry {
            try out.put(",\"expireat\":\(expiry),\"expired\":\(key.isExpired)")
        }
        try out.put(
            ",\"idle_seconds\":\(key.idleSeconds(nowMs: inspection.nowMs)),"
                + "\"frequency\":\(key.frequency),\"value\":")
        try JSON.value(value) { try out.put($0) }
        try JSON.fieldTimes(value) { try out.put($0) }
    }

    /// Where the value comes from.
    private func printState(_ finding: Inspection.Finding, _ out: Output) throws {
        let newer = finding.effects.filter(\.isNewer)
        if json {
            guard finding.exists else { return }
            let record = finding.recordLSN.map(String.init) ?? "null"
            try out.line(
                ",\"record_lsn\":\(record),\"newer_effects\":\(newer.count),"
                    + "\"effects_in_log\":\(finding.effects.count)}")
            return
        }
        var place = "cold tier: no record"
        if let lsn = finding.recordLSN { place = "cold tier: a record of LSN \(lsn)" }
        if let lsn = finding.tombstoneLSN { place = "cold tier: a deletion of LSN \(lsn)" }
        if !state.coldOnly {
            place +=
                newer.isEmpty
                ? "; the log's tail has nothing newer"
                : "; the log's tail has \(newer.count) newer effect\(newer.count == 1 ? "" : "s"):"
        }
        try out.line("state:    " + place)
        for effect in newer.suffix(10) {
            var words = effect.arguments.prefix(8).map { word in
                Text.quoted(Array(word.prefix(60))) + (word.count > 60 ? "…" : "")
            }
            if effect.arguments.count > 8 { words.append("…") }
            try out.line(
                "          \(effect.lsn)  " + words.joined(separator: " ")
                    + (effect.isExpiry ? "  (expired)" : ""))
        }
        if finding.effects.isEmpty == false, newer.isEmpty {
            try out.line(
                "          (\(finding.effects.count) older in the log, which the record includes)")
        }
    }
}
