// firn-dump archive: the values of expired keys that are kept.

import ArgumentParser
import Engine
import ToolOutput

struct Archive: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "List archived values, oldest first: id, time of expiry, database, type, bytes, key.",
        discussion: """
            What expired within the last second before a running server's next commit is not \
            there yet.
            """)

    @OptionGroup var directory: DirectoryOptions
    @Option(help: "Only keys that match this glob.") var match: String?
    @Option(help: "At most so many.") var limit: Int?
    @Flag(help: "One JSON object a line, with the value.") var json = false

    private struct Enough: Error {}

    func run() throws {
        let pattern = match.map { Array($0.utf8) }
        var options = directory.options
        options.coldOnly = true
        let inspection = try Inspection.open(directory.directory, options)
        let out = Output.standard
        var left = limit ?? .max
        var damages = Damages()
        do {
            try inspection.forEachArchived(damaged: { damages.note($0) }) { row in
                let record = row.record
                if let pattern, !Inspection.matches(pattern, record.key) { return }
                if left == 0 { throw Enough() }
                left -= 1
                let type = row.type?.text ?? "unknown"
                guard json else {
                    return try out.line(
                        "\(row.id.text)\t\(Moment.text(ms: row.id.expiredAt))\t"
                            + "\(record.namespace)\t\(type)\t\(record.payload.count)\t"
                            + Text.quoted(record.key))
                }
                try out.put(
                    "{\"id\":\"\(row.id.text)\",\"expired_at\":\(row.id.expiredAt),"
                        + "\"db\":\(record.namespace),\"type\":\"\(type)\","
                        + "\"bytes\":\(record.payload.count),\"key\":\(JSON.text(record.key)),"
                        + "\"value\":")
                if let value = InspectedValue(rdbType: record.type, payload: record.payload) {
                    try JSON.value(value) { try out.put($0) }
                } else {
                    try out.put("null")
                }
                try out.line("}")
            }
        } catch is Enough {}
        try damages.conclude()
    }
}
