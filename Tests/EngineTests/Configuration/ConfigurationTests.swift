import Glibc
import Testing

@testable import Engine

/// The configuration that a text comes to, or the error.
func loaded(_ text: String) throws -> Configuration {
    var loader = ConfigurationLoader()
    try loader.load(text: Array(text.utf8))
    return loader.configuration
}

private func failure(_ text: String) -> String {
    do {
        _ = try loaded(text)
        return "no error"
    } catch { return "\(error)" }
}

@Suite struct ConfigurationFileTests {
    @Test func everyKindOfLine() throws {
        let configuration = try loaded(
            """
            # a comment
              port   6380\t
            \r
            BIND 127.0.0.1 ::1
            requirepass "a b\\"\\x41"
            maxmemory 100mb
            maxmemory-policy volatile-lfu
            save 900 1
            save 300 10 60 5
            client-output-buffer-limit replica 1mb 2k 3
            client-output-buffer-limit pubsub 0 0 0
            slave-priority 7
            appendonly no
            notify-keyspace-events KA
            shutdown-on-sigterm nosave now
            unixsocketperm 770
            rename-command FLUSHALL ""
            user alice on >p ~*
            loadmodule /x.so a
            maxmemory-clients 5%
            list-max-ziplist-size -3
            oom-score-adj-values 1 2 3
            """)
        #expect(configuration.port == 6380 && configuration.bind == ["127.0.0.1", "::1"])
        #expect(configuration.requirePass == "a b\"A")
        #expect(configuration.maxmemory == 100 << 20 && !configuration.memoryBudget.isAutomatic)
        #expect(configuration.maxmemoryPolicy == .volatileLFU)
        #expect(
            configuration.savePoints == [
                SavePoint(seconds: 900, changes: 1), SavePoint(seconds: 300, changes: 10),
                SavePoint(seconds: 60, changes: 5),
            ])
        let limits = configuration.clientOutputBufferLimits
        #expect(limits.replica == .init(hardBytes: 1 << 20, softBytes: 2000, softSeconds: 3))
        #expect(limits.pubsub.hardBytes == 0)
        #expect(configuration.text("replica-priority") == "7")
        #expect(configuration.text("SLAVE-priority") == "7")
        #expect(!configuration.appendOnly)
        #expect(configuration.notifyKeyspaceEvents == [.keyspace, .all])
        #expect(configuration.shutdownOnSigterm == [.noSave, .now])
        #expect(configuration.unixSocketPerm == 0o770)
        #expect(configuration.renamedCommands == [.init(name: "FLUSHALL", newName: "")])
        #expect(configuration.users == [["alice", "on", ">p", "~*"]])
        #expect(configuration.maxmemoryClients == -5)
        #expect(configuration.listListpackSizeMax == -3)
        #expect(
            configuration.inertNonDefault
                == ["replica-priority", "oom-score-adj-values", "loadmodule"])
        #expect(try loaded("save \"\"").savePoints == [])
        #expect(try loaded("save 1 1\nsave \"\"\nsave 2 2").savePoints.count == 1)
        #expect(
            try loaded("save \"900 1 60 5\"").savePoints
                == [.init(seconds: 900, changes: 1), .init(seconds: 60, changes: 5)])
        #expect(try loaded("bind \"\"").bind == [])
        #expect(try loaded("maxmemory auto").memoryBudget == .automatic)
        #expect(try loaded("maxmemory 0").maxmemory == 0)
    }

    @Test func errorsNameTheLine() {
        #expect(
            failure("\n\nport\n") == """

                *** FATAL CONFIG FILE ERROR (\(Product.name) \(Product.version)) ***
                Reading the configuration file, at line 3
                >>> 'port'
                wrong number of arguments

                """)
        let cases: [(String, String)] = [
            ("foo bar", "Bad directive or wrong number of arguments"),
            ("include", "Bad directive or wrong number of arguments"),
            ("user", "Bad directive or wrong number of arguments"),
            ("rename-command a", "Bad directive or wrong number of arguments"),
            ("port \"a", "Unbalanced quotes in configuration line"),
            ("port 1 2", "wrong number of arguments"),
            ("port   16998  # comment", "wrong number of arguments"),
            ("maxmemory abc", "argument must be a memory value"),
            ("save 900", "Invalid save parameters"), ("save", "wrong number of arguments"),
            ("save a b", "Invalid save parameters"),
            ("io-threads 200", "argument must be between 1 and 128 inclusive"),
            ("unixsocketperm 888", "argument couldn't be parsed as an octal number"),
            ("unixsocketperm 1777", "argument must be between 0 and 777 inclusive"),
            ("appendfilename a/b", "appendfilename can't be a path, just a filename"),
            ("appenddirname a/b", "appenddirname can't be a path, just a dirname"),
            ("dbfilename a/b", "dbfilename can't be a path, just a filename"),
            ("replicaof a b", "Invalid master port"), ("dir /nonex", "No such file or directory"),
            (
                "bind " + (1...17).map(String.init).joined(separator: " "),
                "Too many bind addresses specified."
            ),
            (
                "supervised x",
                "argument(s) must be one of the following: upstart, systemd, auto, no"
            ),
        ]
        for (line, reason) in cases {
            let text = failure("port 1\n" + line)
            #expect(text.hasSuffix(">>> '\(line)'\n\(reason)\n"), "\(text)")
            #expect(text.contains("at line 2\n"))
        }
        #expect(
            failure("include /nonexistent.conf")
                == "Fatal error, can't open config file '/nonexistent.conf': "
                + "No such file or directory")
    }

    @Test func includesFilesAndPatterns() throws {
        let folder = temporaryFolder()
        write("hz 20\nport 1", "\(folder)/a.cnf")
        write("port 2", "\(folder)/b.cnf")
        write("include \(folder)/self.conf", "\(folder)/self.conf")
        let configuration = try loaded(
            "port 9\ninclude \(folder)/*.cnf\ninclude \(folder)/*.none\ntimeout 3")
        #expect(configuration.hz == 20 && configuration.port == 2)
        #expect(configuration.timeoutSeconds == 3)
        #expect(failure("include \(folder)/self.conf").contains("include each other"))
    }

    @Test func commandLines() throws {
        func run(_ words: String...) throws -> Configuration { try LaunchOptions(words).load().0 }
        let folder = temporaryFolder()
        write("port 1\nsave 7 7", "\(folder)/c.conf")
        #expect(LaunchOptions(["-v"]).action == .printVersion)
        #expect(LaunchOptions(["--help"]).action == .printHelp)
        var configuration = try run("\(folder)/c.conf", "--port", "2", "--maxmemory", "64mb")
        #expect(configuration.port == 2 && configuration.maxmemory == 64 << 20)
        #expect(configuration.savePoints.count == 1)
        configuration = try run("--save", "900", "1", "--save", "5", "6", "--PORT", "7")
        #expect(configuration.savePoints.count == 2 && configuration.port == 7)
        #expect(try run("--save", "9", "1", "--save", "").savePoints == [])
        #expect(try run("--save", "--port", "4").savePoints == [])
        #expect(try run("--save").savePoints == [])
        #expect(try run("--port 5").port == 5)
        #expect(try run("--requirepass", "--x y").requirePass == "--x y")
        #expect(try run("--bind", "a", "b").bind == ["a", "b"])
        #expect(try LaunchOptions([]).load().filePath == nil)
        #expect(try LaunchOptions(["\(folder)/c.conf"]).load().filePath?.hasPrefix("/") == true)
        let stdin = LaunchOptions(["--port", "5", "-"])
        #expect(stdin.readsStandardInput && stdin.lines == "port \"5\"")
        func error(_ words: String...) -> String {
            do {
                _ = try LaunchOptions(words).load()
                return ""
            } catch { return "\(error)" }
        }
        #expect(error("--port").contains("at line 2\n>>> 'port'\nwrong number of arguments"))
        #expect(error("--hz", "a\nb").contains(">>> 'hz \"a\\nb\"'\nargument couldn't be parsed"))
        #expect(error("--port", "--maxmemory", "5").contains("'port \"--maxmemory\" \"5\"'"))
        #expect(error("--port=1").contains("Bad directive"))
        #expect(error("/nonexistent").contains("can't open config file '/nonexistent'"))
    }
}

@Suite struct LiveConfigurationTests {
    @Test func setIsAllOrNothing() {
        var live = LiveConfiguration()
        #expect(live.set([("maxclients", "5"), ("hz", "abc")]) != nil)
        #expect(live.values.maxClients == 10000)
        #expect(
            live.set([("maxclients", "5"), ("foo", "1")])
                == "ERR Unknown option or number of arguments for CONFIG SET - 'foo'")
        #expect(live.set([("MaxClients", "5"), ("slave-priority", "3")]) == nil)
        #expect(live.values.maxClients == 5 && live.values.text("replica-priority") == "3")
        #expect(
            live.set([("slave-priority", "1"), ("replica-priority", "2")])?
                .hasSuffix("duplicate parameter") == true)
        #expect(live.set([("maxmemory", "auto")]) == nil)
        #expect(live.values.maxmemory == MemoryBudget.automatic.bytes)
        #expect(live.set([("cold-tier", "no")])?.hasSuffix("can't set immutable config") == true)
        #expect(live.set([("dir", "/")])?.hasSuffix("can't set protected config") == true)
        var values = Configuration()
        values.enableProtectedConfigs = .local
        live = LiveConfiguration(values)
        #expect(live.set([("dir", "/")], isLocal: false) != nil)
        #expect(live.set([("dir", "/")], isLocal: true) == nil)
        #expect(live.values.dir == "/")
    }

    @Test func reactionsFollowOrRefuse() {
        final class Seen { var texts: [String] = [] }
        let seen = Seen()
        var live = LiveConfiguration()
        live.onChange(of: "maxmemory", "hz") { new, old in
            seen.texts.append("a \(old.hz) \(new.hz)")
            return nil
        }
        live.onChange(of: "timeout") { new, _ in new.timeoutSeconds == 13 ? "unlucky" : nil }
        #expect(live.set([("maxclients", "9"), ("hz", "10")]) == nil)
        #expect(seen.texts == [])
        #expect(live.set([("hz", "11"), ("maxmemory", "0")]) == nil)
        #expect(seen.texts == ["a 10 11"])
        #expect(
            live.set([("hz", "12"), ("TIMEOUT", "13")])
                == "ERR CONFIG SET failed (possibly related to argument 'TIMEOUT') - unlucky")
        #expect(seen.texts == ["a 10 11", "a 11 12", "a 12 11"])
        #expect(live.values.hz == 11 && live.values.timeoutSeconds == 0)
    }

    @Test func getTakesPatternsAndNames() {
        let live = LiveConfiguration()
        func names(_ patterns: String...) -> [String] { live.get(patterns).map(\.name) }
        #expect(names("MAXmemory", "nothing") == ["MAXmemory"])
        #expect(names("Save", "sa[uv]e", "save") == ["Save"])
        #expect(Set(names("*-priority")) == ["replica-priority", "slave-priority"])
        #expect(names("appendfsyn?") == ["appendfsync"])
        #expect(names("*key-load*") == [] && names("key-load-delay") == ["key-load-delay"])
        let all = names("*")
        #expect(Set(all).count == all.count && all.count > 190)
    }

    /// Every directive: its default, printed to a file line and read again, is the same.
    @Test func everyDirectivePrintsWhatItReads() throws {
        for directive in Directive.all where directive.text(.initial) != "" {
            let text = directive.lines(.initial).map { "\(directive.name) \($0)\n" }.joined()
            let configuration = try loaded(text)
            #expect(directive.text(configuration) == directive.text(.initial), "\(text)")
        }
        for letters in ["", "A", "AKE", "AKEmn", "gnKm", "lshzetdnE"] {
            let events = try #require(KeyspaceEvents(letters: letters))
            #expect(KeyspaceEvents(letters: events.text) == events)
        }
        #expect(MachineMemory.limitBytes > 1 << 20)
    }
}

@Suite struct ConfigurationRewriteTests {
    @Test func keepsWhatPeopleWrote() throws {
        let folder = temporaryFolder()
        let path = "\(folder)/f.conf"
        write(
            """
            # a comment
            port 16996

            # save comment
            save 900 1
            save 300 10
            hz 10
            hz 20
            # requirepass foo
            slave-priority 7
            user alice on >p
            rename-command FLUSHALL ""
            timeout   5
            unknown-to-us 1
            """, path)
        chmod(path, 0o600)
        var values = Configuration()
        values.dir = "/"
        values.savePoints = [SavePoint(seconds: 1, changes: 2)]
        values.hz = 33
        values.port = 16996
        var live = LiveConfiguration(values, filePath: path)
        #expect(
            live.set([
                ("requirepass", "a b\"c\u{e9}\n"), ("maxmemory", "100mb"), ("hz", "34"),
                ("client-output-buffer-limit", "pubsub 1mb 1kb 5"), ("maxmemory-clients", "5%"),
                ("bind", "127.0.0.1 ::1"), ("replica-priority", "8"),
            ]) == nil)
        #expect(live.rewrite(users: ["alice on #123"]) == nil)
        let expected = """
            # a comment
            port 16996

            # save comment
            save 1 2
            hz 34
            # requirepass foo
            replica-priority 8
            user alice on #123
            rename-command FLUSHALL ""
            timeout 0
            unknown-to-us 1

            # Generated by CONFIG REWRITE
            bind 127.0.0.1 ::1
            dir "/"
            requirepass "a b\\"c\\xc3\\xa9\\n"
            client-output-buffer-limit pubsub 1mb 1024 5
            maxmemory-clients 5%
            maxmemory 100mb

            """.replacing("1mb 1024 5", with: "1mb 1kb 5")
        #expect(contents(path) == expected)
        var status = stat()
        stat(path, &status)
        #expect(status.st_mode & 0o777 == 0o600)
        // Again: nothing changes. Read again: the same settings.
        #expect(live.rewrite(users: ["alice on #123"]) == nil)
        #expect(contents(path) == expected)
        let again = try loaded(expected.replacing("unknown-to-us 1\n", with: ""))
        for directive in Directive.all {
            #expect(directive.text(again) == directive.text(live.values), "\(directive.name)")
        }
        #expect(LiveConfiguration().rewrite() == "ERR The server is running without a config file")
        #expect(
            LiveConfiguration(filePath: "/nonexistent/x").rewrite()
                == "ERR Rewriting config file: No such file or directory")
    }

    @Test func emptyFile() throws {
        let path = "\(temporaryFolder())/e.conf"
        write("", path)
        var live = LiveConfiguration(filePath: path)
        #expect(live.set([("save", "")]) == nil)
        #expect(live.rewrite() == nil)
        #expect(try loaded(contents(path)).savePoints == [])
        #expect(contents(path).hasPrefix("# Generated by CONFIG REWRITE\n"))
    }
}

// MARK: Files

private func temporaryFolder() -> String {
    var template = Array("/tmp/firn-configuration-XXXXXX".utf8CString)
    return String(cString: mkdtemp(&template)!)
}

private func write(_ text: String, _ path: String) {
    let file = fopen(path, "w")!
    fputs(text, file)
    fclose(file)
}

private func contents(_ path: String) -> String {
    let file = open(path, O_RDONLY)
    defer { close(file) }
    return String(
        decoding: (try? ConfigurationLoader.contents(of: file, path)) ?? [], as: UTF8.self)
}
