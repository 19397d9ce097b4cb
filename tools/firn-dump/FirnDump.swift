// firn-dump: what is in a data directory, without a server.
//
// It reads the directory of a stopped or a running server and changes nothing there: the cold
// tier through one snapshot, the log's tail replayed over it (Sources/Engine/Inspection). What it
// prints is safe for a terminal; errors are one line and exit status 1.

import ArgumentParser
import Engine
import Glibc
import ToolOutput

@main
struct FirnDump: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "firn-dump",
        abstract:
            "Show what is in a data directory of Firn, beside a running server or without one.",
        discussion: """
            Nothing is changed and no lock is taken. The state shown is the cold tier with the \
            log's tail replayed over it, as it was when the command began; what a running server \
            has not written to its log yet is not in it.
            """,
        version: Version.firn,
        subcommands: [
            Stat.self, Keys.self, Get.self, Log.self, Export.self, Archive.self,
            RestoreCommand.self,
        ])

    static func main() {
        catchFaults()
        signal(SIGPIPE, SIG_DFL)
        do {
            var command = try parseAsRoot()
            try command.run()
            try Output.standard.flush()
        } catch let error as InspectionError {
            fail(error.description)
        } catch let error as IOError {
            fail(error.description)
        } catch {
            exit(withError: error)
        }
    }

    static func fail(_ text: String) -> Never {
        Progress.shared.clear()
        try? Output.standard.flush()
        complain("firn-dump: \(text)")
        Glibc.exit(1)
    }

    static func complain(_ text: String) {
        let line = text + "\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
    }

    /// LMDB maps its file: where that is damaged, reading it may end in a fault instead of an
    /// error. Then at least the reason is said.
    private static func catchFaults() {
        for number in [SIGBUS, SIGSEGV, SIGILL, SIGABRT, SIGTRAP] {
            signal(number) { _ in
                let text: StaticString =
                    "firn-dump: a file of the directory is damaged beyond what can be checked\n"
                _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
                _exit(1)
            }
        }
    }
}

/// What every subcommand takes.
struct DirectoryOptions: ParsableArguments {
    @Argument(help: "The server's data directory ('dir').")
    var directory: String

    @Option(name: .customLong("appenddirname"), help: "Name of the log's directory.")
    var appendDirname = "appendonlydir"

    @Option(name: .customLong("appendfilename"), help: "First part of the log's file names.")
    var appendFilename = "appendonly.aof"

    var options: InspectionOptions {
        var options = InspectionOptions()
        options.appendDirname = appendDirname
        options.appendFilename = appendFilename
        return options
    }
}

/// What the subcommands take that show the state of the keys.
struct StateOptions: ParsableArguments {
    @OptionGroup var directory: DirectoryOptions

    @Flag(help: "Leave the log aside: show the cold tier as it is.")
    var coldOnly = false

    @Option(help: "Megabytes of memory for the part of the log's tail replayed at a time.")
    var tailMemory = 256

    func open() throws -> Inspection {
        guard tailMemory > 0, tailMemory < 1 << 30 else {
            throw ValidationError("--tail-memory must be at least 1")
        }
        var options = directory.options
        options.coldOnly = coldOnly
        options.tailBytesMax = tailMemory << 20
        let inspection = try Inspection.open(directory.directory, options)
        for remark in inspection.remarks { FirnDump.complain("firn-dump: \(remark)") }
        return inspection
    }
}

/// Damaged records met on a walk: each is reported, and the exit status tells.
struct Damages {
    var count = 0

    mutating func note(_ damage: InspectionDamage) {
        count += 1
        Progress.shared.clear()
        if count <= 20 { FirnDump.complain("firn-dump: \(damage.reason)") }
    }

    /// Ends the program with status 1 if there were any.
    func conclude() throws {
        if count == 0 { return }
        throw InspectionError("\(count) damaged record\(count == 1 ? " was" : "s were") left out")
    }
}
