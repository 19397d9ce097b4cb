// What a check finds, as data: the tool prints it, a test compares it.
//
// A finding says what is wrong, where, and what `--fix` does about it. Its severity decides the
// exit status: notes do not count. Parts are told when they are through, findings as they come,
// so that a check of a large store shows something; of thousands of one part the first are told
// and the others counted.

/// Why nothing can be said about a directory or file, in one line.
package struct CheckError: Error, CustomStringConvertible {
    package let description: String
    /// A server has the directory open.
    package let isInUse: Bool

    package init(_ description: String, isInUse: Bool = false) {
        self.description = description
        self.isInUse = isInUse
    }
}

/// Something that is not as it should be.
package struct CheckFinding: Sendable {
    package enum Severity: String, Sendable {
        /// Harmless, and left as it is.
        case note
        /// Costs room or time, or was never acknowledged.
        case warning
        /// Data are damaged or missing.
        case error
    }

    package var severity: Severity
    /// The part that was being checked.
    package var part: String
    package var file: String
    package var offset: Int?
    package var database: Int?
    package var key: [UInt8]?
    package var text: String
    /// What --fix does, or did; nil: nothing.
    package var remedy: String?
}

/// One part that was checked, with what was counted.
package struct CheckPart: Sendable {
    package let name: String
    package let file: String
    package let figures: [(name: String, value: Int)]
    /// Warnings and errors.
    package let findings: Int
}

/// Gathers what a check says.
package final class CheckReport {
    package static let findingsMax = 1000

    package private(set) var findings: [CheckFinding] = []
    package private(set) var parts: [CheckPart] = []
    /// Warnings and errors, those not listed among them.
    package private(set) var count = 0
    package private(set) var unlisted = 0
    /// Told of each, for output as it comes.
    package var onFinding: (CheckFinding) -> Void = { _ in }
    package var onPart: (CheckPart) -> Void = { _ in }
    package var onProgress: (_ what: String, _ done: Int, _ total: Int) -> Void = { _, _, _ in }
    private var countAtPart = 0
    private var listedOfPart = 0

    package init() {}

    func add(_ finding: CheckFinding) {
        if finding.severity != .note { count += 1 }
        listedOfPart += 1
        if listedOfPart > CheckReport.findingsMax {
            unlisted += 1
            return
        }
        findings.append(finding)
        onFinding(finding)
    }

    func add(
        _ severity: CheckFinding.Severity, _ part: String, _ file: String, offset: Int? = nil,
        database: Int? = nil, key: [UInt8]? = nil, _ text: String, remedy: String? = nil
    ) {
        add(
            CheckFinding(
                severity: severity, part: part, file: file, offset: offset, database: database,
                key: key, text: text, remedy: remedy))
    }

    /// A part is through.
    func end(_ name: String, _ file: String, _ figures: [(name: String, value: Int)]) {
        let part = CheckPart(
            name: name, file: file, figures: figures, findings: count - countAtPart)
        countAtPart = count
        listedOfPart = 0
        parts.append(part)
        onPart(part)
    }
}
