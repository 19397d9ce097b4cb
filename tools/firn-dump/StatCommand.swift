// firn-dump stat: how much of what is where.

import ArgumentParser
import Engine
import ToolOutput

struct Stat: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Show keys and bytes by database and type, the largest keys, and the files' state.")

    @OptionGroup var state: StateOptions
    @Option(help: "How many of the largest keys to show.") var top = 10
    @Flag(help: "As one JSON object.") var json = false

    private struct Group: Hashable, Comparable {
        let database: Int
        let type: String

        static func < (a: Group, b: Group) -> Bool {
            (a.database, a.type) < (b.database, b.type)
        }
    }

    private struct Sum {
        var keys = 0
        var bytes = 0
        var expiring = 0
    }

    private struct Large {
        let bytes: Int
        let database: Int
        let type: String
        let key: [UInt8]
    }

    private struct LogFacts {
        var effects = 0
        var firstLSN: UInt64 = 0
        var endLSN: UInt64 = 0
        var droppedBytes = 0
        var segments: [(name: String, bytes: Int, startLSN: UInt64)] = []
    }

    private struct Figures {
        var groups: [Group: Sum] = [:]
        var total = Sum()
        var expired = 0
        var fromTail = 0
        var largest: [Large] = []
        var cold: ColdStats?
        var log: LogFacts?
    }

    func run() throws {
        let inspection = try state.open()
        var figures = Figures()
        var damages = Damages()
        try inspection.forEachKey(
            payloads: false, damaged: { damages.note($0) },
            progress: { Progress.shared.show("stat", $0, of: inspection.coldRowsMax) }
        ) { key in
            if key.isExpired {
                figures.expired += 1
                return
            }
            count(key, &figures)
        }
        Progress.shared.clear()
        figures.cold = try inspection.coldStats()
        if inspection.hasLog { figures.log = try logFacts(inspection) }
        figures.largest.sort { $0.bytes > $1.bytes }
        if json {
            try printJSON(figures, inspection)
        } else {
            try printText(figures, inspection)
        }
        try damages.conclude()
    }

    private func count(_ key: InspectedKey, _ figures: inout Figures) {
        let bytes = key.payloadBytes + key.key.count
        let group = Group(database: key.database, type: key.type.text)
        figures.groups[group, default: Sum()].keys += 1
        figures.groups[group]!.bytes += bytes
        figures.total.keys += 1
        figures.total.bytes += bytes
        if key.expiry != nil {
            figures.groups[group]!.expiring += 1
            figures.total.expiring += 1
        }
        if key.lsn == nil { figures.fromTail += 1 }
        guard top > 0 else { return }
        // A short list, of which only the smallest is looked at.
        if figures.largest.count == top {
            guard bytes > figures.largest[top - 1].bytes else { return }
            figures.largest.removeLast()
        }
        let place = figures.largest.firstIndex { $0.bytes < bytes } ?? figures.largest.count
        figures.largest.insert(
            Large(
                bytes: bytes, database: key.database, type: group.type, key: Array(key.key)),
            at: place)
    }

    private func logFacts(_ inspection: Inspection) throws -> LogFacts {
        var facts = LogFacts()
        let end = try inspection.readLog(raw: false) { _ in
            facts.effects += 1
            return true
        }
        if let end {
            facts.segments = inspection.segments(end)
            facts.firstLSN = facts.segments.first?.startLSN ?? 0
            facts.endLSN = end.lsn
            facts.droppedBytes = end.droppedBytes
        }
        return facts
    }

    // MARK: Text

    private func printText(_ figures: Figures, _ inspection: Inspection) throws {
        let out = Output.standard
        if let process = inspection.serverProcess {
            try out.line("server:      process \(process) has this directory open")
        }
        let total = figures.total
        try out.line(
            "keys:        \(total.keys), \(Text.size(total.bytes)) serialized; "
                + "\(total.expiring) with an expiry")
        if inspection.hasStore, inspection.hasLog {
            try out.line("             \(figures.fromTail) of them are newer in the log's tail")
        }
        if figures.expired > 0 {
            try out.line(
                "             \(figures.expired) more are past their time, not yet removed")
        }
        if !figures.groups.isEmpty {
            try out.line("\n  db  type          keys         bytes  with expiry")
            for group in figures.groups.keys.sorted() {
                let sum = figures.groups[group]!
                try out.line(
                    Text.right("\(group.database)", 4) + "  " + Text.left(group.type, 8)
                        + Text.right("\(sum.keys)", 10)
                        + Text.right(Text.size(sum.bytes), 14)
                        + Text.right("\(sum.expiring)", 13))
            }
        }
        if !figures.largest.isEmpty {
            try out.line("\nlargest keys:")
            for large in figures.largest {
                try out.line(
                    Text.right(Text.size(large.bytes), 10) + "  db \(large.database)  "
                        + Text.left(large.type, 7) + Text.quoted(Array(large.key.prefix(120)))
                        + (large.key.count > 120 ? "…" : ""))
            }
        }
        if let cold = figures.cold { try printCold(cold, inspection, out) }
        if let log = figures.log { try printLog(log, inspection, out) }
    }

    private func printCold(_ cold: ColdStats, _ inspection: Inspection, _ out: Output) throws {
        try out.line("\ncold tier:")
        try out.line(
            "  pages      \(cold.pages) of \(cold.pageBytes) bytes, \(cold.pagesFree) free "
                + "(\(Text.size(cold.pages * cold.pageBytes)))")
        try out.line(
            "  runs       \(cold.runs): \(cold.records) rows, \(cold.tombstones) of them "
                + "deletions, \(cold.expiryRows) expiry rows, \(Text.size(cold.bytes))")
        try out.line(
            "             \(cold.layers) layers above \(cold.partitions) "
                + "partition\(cold.partitions == 1 ? "" : "s")")
        for level in cold.levels.keys.sorted() {
            let facts = cold.levels[level]!
            try out.line(
                "    level \(level)  \(facts.runs) run\(facts.runs == 1 ? "" : "s"), "
                    + "\(facts.records) rows, \(Text.size(facts.bytes))")
        }
        try out.line("  archive    \(cold.archive.count) values, \(Text.size(cold.archive.bytes))")
        try out.line("  checkpoint LSN \(inspection.checkpointLSN)")
        if let stream = inspection.stream { try out.line("  stream     \(stream)") }
    }

    private func printLog(_ log: LogFacts, _ inspection: Inspection, _ out: Output) throws {
        try out.line("\nlog:")
        try out.line("  LSN        \(log.firstLSN) to \(log.endLSN), \(log.effects) effects")
        for segment in log.segments {
            try out.line(
                "  \(segment.name)  from LSN \(segment.startLSN), \(Text.size(segment.bytes))")
        }
        if log.droppedBytes > 0 {
            try out.line("  \(log.droppedBytes) bytes at the end are no whole batch")
        }
    }

    // MARK: JSON

    private func printJSON(_ figures: Figures, _ inspection: Inspection) throws {
        let total = figures.total
        var fields = [
            "\"server_process\":\(inspection.serverProcess.map(String.init) ?? "null")",
            "\"keys\":\(total.keys)", "\"bytes\":\(total.bytes)",
            "\"expiring\":\(total.expiring)", "\"expired\":\(figures.expired)",
            "\"newer_in_log\":\(figures.fromTail)",
        ]
        let groups = figures.groups.keys.sorted().map { group in
            let sum = figures.groups[group]!
            return "{\"db\":\(group.database),\"type\":\"\(group.type)\",\"keys\":\(sum.keys),"
                + "\"bytes\":\(sum.bytes),\"expiring\":\(sum.expiring)}"
        }
        fields.append("\"by_type\":[\(groups.joined(separator: ","))]")
        let largest = figures.largest.map { large in
            "{\"db\":\(large.database),\"type\":\"\(large.type)\",\"bytes\":\(large.bytes),"
                + "\"key\":\(large.key.withUnsafeBytes { JSON.text($0) })}"
        }
        fields.append("\"largest\":[\(largest.joined(separator: ","))]")
        if let cold = figures.cold { fields.append("\"cold\":" + jsonCold(cold, inspection)) }
        if let log = figures.log {
            let segments = log.segments.map {
                "{\"name\":\(JSON.string($0.name)),\"bytes\":\($0.bytes),\"start_lsn\":\($0.startLSN)}"
            }
            fields.append(
                "\"log\":{\"start_lsn\":\(log.firstLSN),\"end_lsn\":\(log.endLSN),"
                    + "\"effects\":\(log.effects),\"torn_bytes\":\(log.droppedBytes),"
                    + "\"segments\":[\(segments.joined(separator: ","))]}")
        }
        try Output.standard.line("{\(fields.joined(separator: ","))}")
    }

    private func jsonCold(_ cold: ColdStats, _ inspection: Inspection) -> String {
        let levels = cold.levels.keys.sorted().map { level in
            let facts = cold.levels[level]!
            return "{\"level\":\(level),\"runs\":\(facts.runs),\"rows\":\(facts.records),"
                + "\"bytes\":\(facts.bytes)}"
        }
        let stream = inspection.stream.map { JSON.string($0) } ?? "null"
        return "{\"page_bytes\":\(cold.pageBytes),\"pages\":\(cold.pages),"
            + "\"pages_free\":\(cold.pagesFree),\"runs\":\(cold.runs),\"layers\":\(cold.layers),"
            + "\"partitions\":\(cold.partitions),\"rows\":\(cold.records),"
            + "\"tombstones\":\(cold.tombstones),\"expiry_rows\":\(cold.expiryRows),"
            + "\"bytes\":\(cold.bytes),\"levels\":[\(levels.joined(separator: ","))],"
            + "\"archive\":{\"values\":\(cold.archive.count),\"bytes\":\(cold.archive.bytes)},"
            + "\"checkpoint_lsn\":\(inspection.checkpointLSN),\"stream\":\(stream)}"
    }
}
