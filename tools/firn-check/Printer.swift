// What firn-check says: a line a part, a line a finding, and a summary; or one JSON object.

import Engine
import ToolOutput

final class Printer {
    private let json: Bool
    private let quiet: Bool
    private var passes = 0
    private var notes: [String] = []

    init(json: Bool, quiet: Bool) {
        self.json = json
        self.quiet = quiet
    }

    /// The report of the next pass; what it gets is printed at once.
    func makeReport() -> CheckReport {
        let report = CheckReport()
        passes += 1
        report.onProgress = { Progress.shared.show($0, $1, of: $2) }
        if json { return report }
        if passes > 1 { line("checking again", quietly: true) }
        report.onFinding = { [unowned self] finding in
            if quiet, finding.severity == .note { return }
            line(text(finding))
        }
        report.onPart = { [unowned self] part in
            line(text(part), quietly: true)
        }
        return report
    }

    /// What mending does.
    func note(_ text: String) {
        notes.append(text)
        if !json { line("fix: \(text)") }
    }

    private func line(_ text: String, quietly: Bool = false) {
        Progress.shared.clear()
        if quietly, quiet { return }
        try? Output.standard.line(text)
        try? Output.standard.flush()
    }

    // MARK: Text

    private func text(_ part: CheckPart) -> String {
        let figures = part.figures.map { figure in
            figure.name == "bytes" ? Text.size(figure.value) : "\(figure.value) \(figure.name)"
        }
        let state = part.findings == 0 ? "good" : plural(part.findings, "finding")
        return ([Text.left("\(part.name):", 15) + state] + figures).joined(separator: ", ")
    }

    private func text(_ finding: CheckFinding) -> String {
        var words = "\(finding.severity.rawValue): \(finding.file)"
        if let offset = finding.offset { words += " offset \(offset)" }
        if let key = finding.key {
            if let database = finding.database { words += " db \(database)" }
            words += " key " + Text.quoted(Array(key.prefix(200)))
            if key.count > 200 { words += "… (\(key.count) bytes)" }
        }
        words += ": \(finding.text)"
        if let remedy = finding.remedy { words += " [--fix: \(remedy)]" }
        return words
    }

    private func plural(_ count: Int, _ word: String) -> String {
        "\(count) \(word)\(count == 1 ? "" : "s")"
    }

    // MARK: The end

    /// Prints the summary; the exit status.
    func conclude(_ outcome: CheckOutcome, _ target: String) throws -> Int32 {
        Progress.shared.clear()
        let left = outcome.report.count
        let found = outcome.before?.count ?? left
        let status: Int32 = left > 0 ? 1 : found > 0 ? 2 : 0
        if json {
            try printJSON(outcome, target, status)
            return status
        }
        if outcome.report.unlisted > 0 {
            line("\(outcome.report.unlisted) more findings are not listed")
        }
        switch status {
        case 0: line("\(target): all good", quietly: true)
        case 2: line("\(target): \(plural(found, "finding")), all mended")
        default:
            let before = outcome.before.map { ", of \($0.count) before --fix" } ?? ""
            line("\(target): \(plural(left, "finding"))\(before)")
        }
        return status
    }

    private func printJSON(_ outcome: CheckOutcome, _ target: String, _ status: Int32) throws {
        func list(_ items: [String]) -> String { "[\(items.joined(separator: ","))]" }
        let parts = outcome.report.parts.map { part in
            let figures = part.figures.map { "\(JSON.string($0.name)):\($0.value)" }
            return "{\"name\":\(JSON.string(part.name)),\"file\":\(JSON.string(part.file)),"
                + "\"findings\":\(part.findings),\"figures\":{\(figures.joined(separator: ","))}}"
        }
        let found = outcome.before ?? outcome.report
        var members = [
            "\"target\":\(JSON.string(target))", "\"status\":\(status)",
            "\"found\":\(found.count)", "\"left\":\(outcome.report.count)",
            "\"parts\":\(list(parts))", "\"findings\":\(list(found.findings.map(object)))",
        ]
        if outcome.before != nil {
            members.append("\"remaining\":\(list(outcome.report.findings.map(object)))")
            members.append("\"fixes\":\(list(notes.map { JSON.string($0) }))")
        }
        try Output.standard.line("{\(members.joined(separator: ","))}")
    }

    private func object(_ finding: CheckFinding) -> String {
        var members = [
            "\"severity\":\"\(finding.severity.rawValue)\"",
            "\"part\":\(JSON.string(finding.part))",
            "\"file\":\(JSON.string(finding.file))", "\"text\":\(JSON.string(finding.text))",
        ]
        if let offset = finding.offset { members.append("\"offset\":\(offset)") }
        if let database = finding.database { members.append("\"db\":\(database)") }
        if let key = finding.key {
            members.append("\"key\":" + key.withUnsafeBytes { JSON.text($0) })
        }
        if let remedy = finding.remedy { members.append("\"remedy\":\(JSON.string(remedy))") }
        return "{\(members.joined(separator: ","))}"
    }
}
