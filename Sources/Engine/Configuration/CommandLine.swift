// The command line of the server.
//
//     firn-server [file] [--name value ...] ... [--restore FILE [--restore-log DIR] ...] [-]
//
// Options are directives: `--port 6380 --save 900 1 --save ""` becomes one line each, appended to
// the file, so that they come last and win. The word right after an option's name is its value
// even if it begins with dashes; `--save` alone means no snapshots. `-`, as the only file or the
// last word, reads the configuration from standard input.

import Glibc

/// What the command line asks for.
package struct LaunchOptions {
    package enum Action: Equatable { case run, printVersion, printHelp }

    package private(set) var action = Action.run
    /// The configuration file, nil if there is none.
    package private(set) var filePath: String?
    package private(set) var readsStandardInput = false
    /// The options as lines of a configuration file.
    package private(set) var lines = ""
    /// The data directory is to be made anew.
    package private(set) var restore: RestoreRequest?
    /// What is wrong with the words about that.
    package private(set) var restoreMistake: String?

    /// `arguments` without the program's name.
    package init(_ arguments: [String]) {
        switch arguments.first {
        case "-v" where arguments.count == 1, "--version" where arguments.count == 1:
            action = .printVersion
            return
        case "-h" where arguments.count == 1, "--help" where arguments.count == 1:
            action = .printHelp
            return
        default: break
        }
        var rest = takeRestore(arguments)[...]
        if let first = rest.first {
            if first == "-" {
                readsStandardInput = true
                rest.removeFirst()
            } else if !first.hasPrefix("-") {
                filePath = first
                rest.removeFirst()
            }
        }
        if rest.last == "-" {
            readsStandardInput = true
            rest.removeLast()
        }
        var awaitsValue = false
        for (i, argument) in zip(rest.indices, rest) {
            if argument.hasPrefix("--"), !awaitsValue {
                let name = String(argument.dropFirst(2))
                if !lines.isEmpty { lines += "\n" }
                lines += name
                // `--save` may go without a value; a name with blanks brings its own.
                let isLast = i == rest.endIndex - 1
                let nextIsOption = !isLast && rest[i + 1].hasPrefix("--")
                if name == "save", isLast || nextIsOption {
                    lines += " \"\""
                } else {
                    awaitsValue = !name.contains(" ")
                }
            } else {
                lines += (lines.isEmpty ? "" : " ") + Quoting.quoted(argument)
                awaitsValue = false
            }
        }
    }

    /// Takes the words out that are about a restore; they are no directives.
    private mutating func takeRestore(_ arguments: [String]) -> [String] {
        var rest: [String] = []
        var (source, logs, until, force) = (String?.none, [String](), RestoreLimit?.none, false)
        var words = arguments[...]
        while let word = words.popFirst() {
            switch word {
            case "--restore", "--restore-log", "--until":
                guard let value = words.popFirst() else {
                    restoreMistake = "\(word) needs a value"
                    return rest
                }
                if word == "--restore" {
                    source = WorkingDirectory.absolute(value)
                } else if word == "--restore-log" {
                    logs.append(WorkingDirectory.absolute(value))
                } else if let limit = RestoreLimit(value) {
                    until = limit
                } else {
                    restoreMistake =
                        "--until takes a time ('2026-11-27 14:30:00' in UTC, or Unix seconds) or "
                        + "lsn:<position>, not '\(value)'"
                }
            case "--force": force = true
            default: rest.append(word)
            }
        }
        if let source {
            restore = RestoreRequest(source: source)
            restore?.logs = logs
            restore?.until = until
            restore?.force = force
        } else if !logs.isEmpty || until != nil || force {
            restoreMistake = "--restore-log, --until and --force go with --restore"
        }
        return rest
    }

    /// The configuration that file, standard input and options come to, and the file's absolute
    /// path for CONFIG REWRITE.
    package func load() throws(ConfigurationFileError) -> (Configuration, filePath: String?) {
        var text: [UInt8] = []
        var absolute: String?
        if let filePath {
            text = try ConfigurationLoader.contents(file: filePath)
            if let full = realpath(filePath, nil) {
                absolute = String(cString: full)
                free(full)
            }
        }
        if readsStandardInput {
            if !text.isEmpty { text.append(0x0A) }
            text += try ConfigurationLoader.contents(of: STDIN_FILENO, "-")
        }
        var loader = ConfigurationLoader()
        try loader.load(text: text + [0x0A] + Array(lines.utf8))
        return (loader.configuration, absolute)
    }

    package static let versionText = "\(Product.name) server v=\(Product.version) bits=64"

    package static let helpText = """
        Usage: firn-server [/path/to/firn.conf] [options] [-]
               firn-server - (read config from stdin)
               firn-server -v or --version
               firn-server -h or --help

        Restoring (into the data directory, then the server runs):
               --restore FILE       an RDB file, an AOF file, or a directory with a log
               --restore-log DIR    segments to apply to it (log-archive-dir, appendonlydir)
               --until TIME         stop there: '2026-11-27 14:30:00' (UTC), Unix seconds, lsn:N
               --force              replace what the data directory holds

        Examples:
               firn-server (run the server with default conf)
               echo 'maxmemory 128mb' | firn-server -
               firn-server /etc/firn/6379.conf
               firn-server --port 7777
               firn-server /etc/firn.conf --loglevel verbose -
        """
}
