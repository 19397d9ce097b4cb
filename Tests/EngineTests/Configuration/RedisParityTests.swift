import Glibc
import Testing

@testable import Engine

/// A real redis-server, if one is installed: its CONFIG is what ours is measured by.
private final class RedisServer {
    private var process: pid_t = 0
    private var socket: Int32 = -1

    static let path: String? = {
        let paths: [String] = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"]
        return paths.first { access($0, X_OK) == 0 }
    }()

    init?() {
        let port = 21000 + Int(getpid()) % 9000
        let words = [Self.path!, "--port", "\(port)", "--dir", "/tmp", "--dbfilename", "none.rdb"]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        defer { posix_spawn_file_actions_destroy(&actions) }
        guard posix_spawn(&process, Self.path!, &actions, nil, &arguments, environ) == 0 else {
            return nil
        }
        for _ in 0..<100 {
            usleep(20_000)
            socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
            }
            if result == 0 { return }
            close(socket)
        }
        kill(process, SIGKILL)
        return nil
    }

    deinit {
        close(socket)
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }

    /// Sends a command and returns the lines of its reply: one, or the elements of an array.
    func run(_ words: [String]) -> [String] {
        let request = words.reduce("*\(words.count)\r\n") {
            $0 + "$\($1.utf8.count)\r\n\($1)\r\n"
        }
        _ = request.withCString { send(socket, $0, strlen($0), 0) }
        let first = line()
        guard first.hasPrefix("*") else { return [first] }
        return (0..<(Int(first.dropFirst()) ?? 0)).map { _ in
            let count = (Int(line().dropFirst()) ?? 0) + 2
            return String(decoding: (0..<count).map { _ in byte() }.dropLast(2), as: UTF8.self)
        }
    }

    private func line() -> String {
        var bytes: [UInt8] = []
        while bytes.suffix(2) != [13, 10] { bytes.append(byte()) }
        return String(decoding: bytes.dropLast(2), as: UTF8.self)
    }

    private var received: ArraySlice<UInt8> = []

    private func byte() -> UInt8 {
        if received.isEmpty {
            var piece = [UInt8](repeating: 0, count: 65536)
            let count = recv(socket, &piece, piece.count, 0)
            if count <= 0 { fatalError("redis-server went away") }
            received = piece[..<count]
        }
        return received.removeFirst()
    }
}

@Suite(.enabled(if: RedisServer.path != nil), .serialized)
struct RedisParityTests {
    /// What Firn does differently on purpose, or what the test set.
    static let differences: Set<String> = [
        "bind", "appendonly", "maxmemory", "maxmemory-policy", "port", "dir", "dbfilename",
        "sanitize-dump-payload",
    ]

    @Test func defaultsAreThoseOfRedis() throws {
        let redis = try #require(RedisServer())
        let reply = redis.run(["CONFIG", "GET", "*"])
        #expect(reply.count > 380)
        let live = LiveConfiguration()
        let ours = Dictionary(uniqueKeysWithValues: live.get(["*"]).map { ($0.name, $0.value) })
        for i in stride(from: 0, to: reply.count, by: 2)
        where !Self.differences.contains(reply[i]) {
            #expect(ours[reply[i]] == reply[i + 1], "\(reply[i])")
        }
        let theirs = Set(stride(from: 0, to: reply.count, by: 2).map { reply[$0] })
        #expect(
            Set(ours.keys).subtracting(theirs) == [
                "cold-tier", "cold-max-bytes", "cold-partition-bytes", "cold-reader-threads",
                "promotion-window",
                "archive-retention", "archive-max-bytes", "debug-spill-every-command",
                "set-max-listpack-entries", "set-max-listpack-value",
                "rdb-version", "checkpoint-bandwidth", "checkpoint-interval", "log-archive-dir",
                "backup-dir",
            ])
    }

    /// Every directive that can be set is given odd values: same reply, same value afterwards.
    @Test func oddValuesMeetTheSameReplies() throws {
        let redis = try #require(RedisServer())
        var live = LiveConfiguration()
        // Side effects on the process under test, or checks of its build and machine.
        let skipped: Set<String> = [
            "bind", "port", "tls-port", "requirepass", "maxclients", "activedefrag", "loglevel",
            "proc-title-template", "bind-source-addr", "ignore-warnings", "maxmemory",
            "oom-score-adj", "sanitize-dump-payload",
            "dir", "dbfilename", "repl-backlog-size", "maxmemory-policy", "appendonly",
        ]
        let odd = [
            "zz!", "1", "0", "-1", "007", "100", "70000", "5%", "101%", "yes", "NO", "everysec",
            "10mb", "1k", "4gb", "3 4", "3 4 5", "1 2 3 4", "normal 1mb 2 3", "foo 0 0 0",
            "pubsub 1 2 x", "50 99.9", "101", "nosave force", "save nosave", "KEA", "Kg$", "KEmn",
            "-9223372036854775808", "9223372036854775807", "2147483648", "local", "clients", "ip",
            "swapdb", "a.b-c", "optional", " 1", "1 ", "always", "resetchannels", "panic",
        ]
        var compared = 0
        for directive in Directive.all
        where !skipped.contains(directive.name) && !directive.name.hasPrefix("tls-") {
            if directive.flags.contains(.hidden) { continue }
            if redis.run(["CONFIG", "GET", directive.name]).isEmpty { continue }
            for value in odd {
                // Redis takes an empty number of changes for 0.
                if directive.name == "save" && value == "1 " { continue }
                let theirs = redis.run(["CONFIG", "SET", directive.name, value])[0]
                let error = live.set([(directive.name, value)])
                let ours = error.map { "-" + $0 } ?? "+OK"
                #expect(ours == theirs, "CONFIG SET \(directive.name) \(value)")
                // Redis loses `n` when it prints `A`; see KeyspaceEvents.
                if value == "KEmn" { continue }
                let stored = redis.run(["CONFIG", "GET", directive.name])
                #expect(
                    live.values.text(directive.name) == stored[1],
                    "after CONFIG SET \(directive.name) \(value)")
                compared += 1
                if directive.flags.contains(.immutable) { break }
            }
        }
        #expect(compared > 3000)
    }
}
