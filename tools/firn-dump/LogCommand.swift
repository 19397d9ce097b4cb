// firn-dump log: the effects in the log, as they are.

import ArgumentParser
import Engine
import ToolOutput

struct Log: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the log: position behind each command, time, database, command.",
        discussion: "Times are known where the server ran with aof-timestamp-enabled.")

    @OptionGroup var directory: DirectoryOptions
    @Option(help: "Only commands that end behind this position.") var from: UInt64 = 0
    @Option(help: "At most so many commands.") var limit: Int?
    @Option(help: "Only this database.") var db: Int?
    @Flag(help: "One JSON object a line.") var json = false
    @Flag(help: "Arguments in full length.") var full = false

    func run() throws {
        let out = Output.standard
        var left = limit ?? .max
        let result = try Inspection.readLog(directory.directory, directory.options) { command in
            if command.endLSN <= from { return true }
            if let db, command.database != db { return true }
            if left == 0 { return false }
            left -= 1
            try out.line(json ? jsonLine(command) : textLine(command))
            return true
        }
        try out.flush()
        if result.isRedis {
            FirnDump.complain(
                "firn-dump: Redis wrote this log; positions count from its first segment, its base "
                    + "is not shown")
        }
        if let end = result.end, end.droppedBytes > 0 {
            FirnDump.complain(
                "firn-dump: \(end.droppedBytes) bytes at the end are no whole batch "
                    + "(\(end.droppedReason)); a server that starts cuts them off, one that runs "
                    + "may be writing them")
        }
    }

    private func textLine(_ command: LogCommand) -> String {
        let time = command.timestamp > 0 ? Moment.text(ms: command.timestamp * 1000) : "-"
        var words: [String] = []
        for word in command.arguments {
            if !full, words.count == 32 {
                words.append("… (\(command.arguments.count) arguments)")
                break
            }
            words.append(
                full || word.count <= 256
                    ? Text.quoted(word)
                    : Text.quoted(word.slice(0, 256)) + "… (\(word.count) bytes)")
        }
        return "\(command.endLSN)\t\(time)\t\(command.database)\t" + words.joined(separator: " ")
            + (command.isExpiry ? "  (expired)" : "")
    }

    private func jsonLine(_ command: LogCommand) -> String {
        let words = command.arguments.map { JSON.text($0) }.joined(separator: ",")
        return "{\"lsn\":\(command.endLSN)"
            + (command.timestamp > 0 ? ",\"time\":\(command.timestamp)" : "")
            + ",\"db\":\(command.database),\"expiry\":\(command.isExpiry),\"command\":[\(words)]}"
    }
}
