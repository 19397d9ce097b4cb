// firn-dump restore: a data directory made of a snapshot, a log, or both, without serving it.

import ArgumentParser
import Engine
import Glibc

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Make a data directory of an RDB file, an AOF file, or a directory with a log.",
        discussion: """
            The directory must be empty, unless --force is given; no server may run in it. The \
            store may be much larger than memory. A restore that broke off is run again. With \
            --log the segments of the log that the snapshot is of are applied to it, with --until \
            up to a time or a position.
            """)

    @Argument(help: "What to restore.") var file: String
    @Argument(help: "The data directory ('dir'); made if it is missing.") var directory: String
    @Option(help: "A directory with segments: log-archive-dir, appendonlydir.") var log: [String] =
        []
    @Option(help: "'2026-11-27 14:30:00' (UTC), Unix seconds, or lsn:<position>.")
    var until: String?
    @Flag(help: "Replace what the directory holds.") var force = false
    @Option(help: "The server's configuration file.") var config: String?

    func run() throws {
        var request = RestoreRequest(source: WorkingDirectory.absolute(file))
        request.logs = log.map(WorkingDirectory.absolute)
        request.force = force
        if let until {
            guard let limit = RestoreLimit(until) else {
                throw ValidationError("--until: '\(until)' is no time and no lsn:<position>")
            }
            request.until = limit
        }
        if mkdir(directory, 0o755) != 0, errno != EEXIST {
            throw InspectionError(
                "Can't make '\(directory)': \(String(cString: strerror(errno)))")
        }
        let options = LaunchOptions((config.map { [$0] } ?? []) + ["--dir", directory])
        do {
            var (configuration, _) = try options.load()
            configuration.savePoints = []
            let (engine, report) = try Engine.open(configuration, restoring: request) {
                FirnDump.complain("firn-dump: \($0)")
            }
            engine.close()
            let effects = report.replayedEffects
            FirnDump.complain(
                "firn-dump: \(report.importedKeys) keys loaded, \(effects) effects applied in "
                    + "\(report.milliseconds) ms")
        } catch let error as StartError {
            throw InspectionError(error.description)
        } catch let error as ConfigurationFileError {
            throw InspectionError("\(error)")
        }
    }
}
