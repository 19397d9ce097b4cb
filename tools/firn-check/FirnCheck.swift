// firn-check: whether a data directory, or one file of it, is whole.
//
// The work is done by Sources/Engine/Check; here are the command line, the words and the exit
// statuses, which scripts rely on:
//
//     0  everything is as it should be
//     1  something is not
//     2  something was not, and --fix has mended all of it
//     3  nothing can be said: wrong usage, a running server, no such directory, an I/O error

import ArgumentParser
import Engine
import Glibc
import ToolOutput

@main
struct FirnCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "firn-check",
        abstract: "Verify a data directory of Firn, or one file of it, while no server runs.",
        discussion: """
            Checked are every page, record, checksum, filter and index of the cold tier, every \
            batch of the log, the manifest, snapshots, and that they belong together. A FILE may \
            be an RDB file, a log segment, a manifest, or the cold tier's data.mdb. A directory \
            that holds only log segments is checked as one log.

            Without --fix nothing is changed. With it, a torn tail of the log is cut off and kept \
            beside it (*.cut-OFFSET); damaged records go to the set-aside file, and a deletion \
            takes their place, so that no older version of their key comes back; indexes, \
            filters and counts are made anew. Then everything is checked again.

            The set-aside file has one JSON object a line: kind (record or archive), database, \
            key, done (deletion or removal), and the raw bytes row, value, chunks in base64; the \
            layout of these is in Sources/Engine/Tiering/ColdStore/ColdRecord.swift.

            Exit status: 0 all good; 1 findings; 2 findings, all mended by --fix; 3 cannot check \
            (usage, a running server, missing, I/O error).
            """,
        version: Version.firn)

    @Argument(help: "The server's data directory ('dir'), or a file.")
    var target: String
    @Flag(help: "Mend what can be mended.") var fix = false
    @Option(help: "Where damaged rows go; default: DIR/firn-check-TIME.aside.")
    var setAside: String?
    @Flag(help: "With --fix: cut the log at damage in its middle; what is behind is kept in files.")
    var truncateLogAtDamage = false
    @Flag(help: "Print findings only.") var quiet = false
    @Flag(help: "Print one JSON object.") var json = false
    @Option(name: .customLong("appenddirname"), help: "Name of the log's directory.")
    var appendDirname = "appendonlydir"
    @Option(name: .customLong("appendfilename"), help: "First part of the log's file names.")
    var appendFilename = "appendonly.aof"
    @Option(name: .customLong("dbfilename"), help: "Name of the snapshot.")
    var dbFilename = "dump.rdb"

    static let cannotCheck: Int32 = 3

    static func main() {
        catchFaults()
        signal(SIGPIPE, SIG_DFL)
        do {
            var command = try parseAsRoot()
            guard let check = command as? FirnCheck else {
                try command.run()
                return
            }
            let status = try check.perform()
            try Output.standard.flush()
            Glibc.exit(status)
        } catch let error as CheckError {
            fail(error.description)
        } catch let error as IOError {
            fail(error.description)
        } catch {
            if exitCode(for: error) == .success { exit(withError: error) }
            complain(fullMessage(for: error))
            Glibc.exit(cannotCheck)
        }
    }

    static func fail(_ text: String) -> Never {
        Progress.shared.clear()
        try? Output.standard.flush()
        complain("firn-check: \(text)")
        Glibc.exit(cannotCheck)
    }

    static func complain(_ text: String) {
        let line = text + "\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
    }

    /// A page that cannot be read from the disk shows itself as a fault where the file is mapped.
    private static func catchFaults() {
        for number in [SIGBUS, SIGSEGV, SIGILL, SIGABRT, SIGTRAP] {
            signal(number) { _ in
                let text: StaticString =
                    "firn-check: a file cannot be read, or is damaged beyond what can be checked\n"
                _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
                _exit(3)
            }
        }
    }

    // MARK: The work

    private func perform() throws -> Int32 {
        if truncateLogAtDamage || setAside != nil, !fix {
            throw ValidationError("--truncate-log-at-damage and --set-aside need --fix")
        }
        let printer = Printer(json: json, quiet: quiet)
        var status = stat()
        guard stat(target, &status) == 0 else {
            throw CheckError("'\(target)': \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            if fix { throw ValidationError("--fix takes the data directory, not a file") }
            let report = printer.makeReport()
            try FileCheck.run(target, report)
            return try printer.conclude(CheckOutcome(report: report, before: nil), target)
        }
        var directory = target
        while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
        var options = CheckOptions()
        options.fix = fix
        options.truncatesLog = truncateLogAtDamage
        options.appendDirname = appendDirname
        options.appendFilename = appendFilename
        options.dbFilename = dbFilename
        let aside = AsideFile(setAside ?? AsideFile.freePath(in: directory)) { printer.note($0) }
        let check = DirectoryCheck(
            directory, options,
            aside: CheckAside(
                put: { (row) throws(IOError) in try aside.put(row) },
                settle: { () throws(IOError) in try aside.settle() }),
            report: { printer.makeReport() }, note: { printer.note($0) })
        return try printer.conclude(try check.run(), target)
    }
}

/// The file that damaged rows go to; made when there is one.
final class AsideFile {
    private let path: String
    private let note: (String) -> Void
    private var descriptor: Int32 = -1
    private var rows = 0

    init(_ path: String, _ note: @escaping (String) -> Void) {
        self.path = path
        self.note = note
    }

    /// A name that tells the time, `firn-check-20240131T120000Z.aside`; numbered from the second of
    /// the same second on.
    static func freePath(in directory: String) -> String {
        let time = Moment.text(ms: Clock.wallMs()).filter { $0 != "-" && $0 != ":" }
        let stem = "\(directory)/firn-check-\(time)"
        var path = "\(stem).aside"
        var number = 2
        while access(path, F_OK) == 0 {
            path = "\(stem)-\(number).aside"
            number += 1
        }
        return path
    }

    func put(_ row: AsideRow) throws(IOError) {
        if descriptor < 0 {
            descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if descriptor < 0 { throw IOError(errno: errno, operation: "create", path: path) }
        }
        func base64(_ bytes: [UInt8]) -> String {
            "\"" + bytes.withUnsafeBytes { JSON.base64($0) } + "\""
        }
        let database = row.database.map { String($0) } ?? "null"
        let line =
            "{\"kind\":\"\(row.kind)\",\"database\":\(database),\"key\":"
            + row.key.withUnsafeBytes { JSON.text($0) }
            + ",\"done\":\"\(row.done)\",\"row\":\(base64(row.row)),"
            + "\"value\":\(base64(row.value)),\"chunks\":\(base64(row.chunks))}\n"
        rows += 1
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw IOError(errno: errno, operation: "write", path: path)
            }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Makes the file and its name durable.
    func settle() throws(IOError) {
        if descriptor < 0 { return }
        guard fsync(descriptor) == 0 else {
            throw IOError(errno: errno, operation: "fsync", path: path)
        }
        let slash = path.lastIndex(of: "/")
        let parent = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        try SystemDisk.shared.syncDirectory(parent)
        note("set \(rows) rows aside in \(path)")
    }
}
