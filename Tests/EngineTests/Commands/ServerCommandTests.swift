import Testing

@testable import Engine

@Suite struct ServerCommandTests {
    private func field(_ info: String, _ name: String) -> String? {
        info.split(separator: "\r\n").first { $0.hasPrefix(name + ":") }
            .map { String($0.dropFirst(name.count + 1)) }
    }

    @Test func infoSections() {
        let test = TestEngine()
        test.run("SET", "a", "1")
        test.run("GET", "a")
        test.run("GET", "nosuch")
        test.run("LPUSH", "a", "x")
        let info = test.run("INFO")
        for section in [
            "Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU",
            "Modules", "Errorstats", "Cluster", "Keyspace", "Tiering",
        ] { #expect(info.contains("# \(section)\r\n"), "\(section)") }
        #expect(!info.contains("# Commandstats"))
        #expect(field(info, "redis_version") == "7.0.15")
        #expect(field(info, "firn_version") == Version.firn)
        #expect(field(info, "keyspace_hits") == "1")
        #expect(field(info, "keyspace_misses") == "1")
        #expect(field(info, "db0") == "keys=1,expires=0,avg_ttl=0")
        #expect(field(info, "errorstat_WRONGTYPE") == "count=1")
        #expect(field(info, "run_id")?.count == 40)
        #expect(field(info, "total_commands_processed") == "4")
        #expect(Int(field(info, "used_memory_rss")!)! > 0)
        #expect(field(info, "keys_hot") == "1")
        test.run("CONFIG", "GET", "hz")
        test.run("CONFIG", "SET", "hz")
        test.run("CONFIG", "FOO")
        let all = test.run("INFO", "everything")
        #expect(all.contains("cmdstat_get:calls=2,"))
        #expect(all.contains("cmdstat_lpush:calls=1,"))
        #expect(all.contains("cmdstat_config|get:calls=1,"))
        #expect(
            all.contains("cmdstat_config|set:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1"))
        #expect(all.contains("latency_percentiles_usec_get:p50="))
        #expect(test.run("INFO", "CPU", "keyspace").hasPrefix("# CPU\r\n"))
        #expect(test.run("INFO", "nosuch") == "")
        #expect(test.run("CONFIG", "RESETSTAT") == "+OK")
        #expect(field(test.run("INFO", "stats"), "keyspace_hits") == "0")
        let three = TestEngine(resp: 3)
        #expect(three.sendRaw([Array("INFO".utf8)]).first == UInt8(ascii: "="))
    }

    @Test func config() {
        let test = TestEngine()
        #expect(test.run("CONFIG", "GET", "maxmemory-policy") == "[maxmemory-policy allkeys-lru]")
        #expect(test.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu", "hz", "50") == "+OK")
        #expect(test.engine.policyIsLFU && test.engine.configuration.hz == 50)
        #expect(test.run("CONFIG", "SET", "notify-keyspace-events", "KEA") == "+OK")
        #expect(test.engine.notifiedEvents.contains(.keyspace))
        #expect(test.run("CONFIG", "SET", "requirepass", "pw") == "+OK")
        #expect(test.engine.needsAuthentication)
        #expect(test.run("PING") == "-NOAUTH Authentication required.")
        #expect(test.run("AUTH", "pw") == "+OK")
        #expect(
            test.run("ACL", "LIST").contains(
                "#30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4"))
        #expect(test.run("CONFIG", "SET", "requirepass", "") == "+OK")
        #expect(
            test.run("CONFIG", "SET", "hz")
                == "-ERR wrong number of arguments for 'config|set' command")
        #expect(
            test.run("CONFIG", "SET", "daemonize", "yes")
                == "-ERR CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config"
        )
        #expect(test.run("CONFIG", "SET", "appendonly", "no") == "+OK")
        #expect(test.run("CONFIG", "SET", "appendonly", "yes") == "+OK")
        #expect(test.run("CONFIG", "SET", "nosuch", "x").hasPrefix("-ERR Unknown option"))
        #expect(test.run("CONFIG", "REWRITE") == "-ERR The server is running without a config file")
        #expect(test.run("CONFIG", "SET", "slowlog-log-slower-than", "-1") == "+OK")
        #expect(test.engine.slowCommandUs == .max)
        // What was set in another way is not set back.
        test.engine.configuration.hz = 77
        #expect(test.run("CONFIG", "SET", "timeout", "5") == "+OK")
        #expect(test.run("CONFIG", "GET", "hz") == "[hz 77]")
    }

    @Test func databases() {
        let test = TestEngine()
        test.run("SET", "a", "1")
        #expect(test.run("DBSIZE") == ":1")
        #expect(test.run("SWAPDB", "0", "1") == "+OK")
        #expect(test.run("DBSIZE") == ":0")
        #expect(test.run("SWAPDB", "x", "0") == "-ERR invalid first DB index")
        #expect(test.run("SWAPDB", "0", "x") == "-ERR invalid second DB index")
        #expect(test.run("SWAPDB", "0", "99") == "-ERR DB index is out of range")
        test.run("SET", "b", "1")
        #expect(test.run("FLUSHDB", "foo") == "-ERR syntax error")
        #expect(test.run("FLUSHDB", "ASYNC") == "+OK")
        #expect(test.run("DBSIZE") == ":0")
        test.run("SELECT", "1")
        #expect(test.run("DBSIZE") == ":1")
        #expect(test.run("FLUSHALL") == "+OK")
        #expect(test.run("DBSIZE") == ":0")
    }

    @Test func slowLog() {
        let test = TestEngine { $0.slowlogLogSlowerThanMicroseconds = 0 }
        let long = String(repeating: "x", count: 200)
        test.run("SET", "a", long)
        test.run(line: "DEL " + (1...40).map(String.init).joined(separator: " "))
        test.run("AUTH", "secret")
        #expect(test.run("SLOWLOG", "LEN") == ":3")
        let log = test.run("SLOWLOG", "GET", "10")
        #expect(log.contains("... (72 more bytes)"))
        #expect(
            log.contains("31 ... (10 more arguments)]")
                || log.contains("30 ... (10 more arguments)]"))
        #expect(log.contains("AUTH (redacted)") && !log.contains("secret"))
        #expect(test.run("SLOWLOG", "RESET") == "+OK")
        #expect(test.run("CONFIG", "SET", "slowlog-max-len", "2") == "+OK")
        for _ in 0..<5 { test.run("PING") }
        #expect(test.run("SLOWLOG", "LEN") == ":2")
        #expect(
            test.run("SLOWLOG", "GET", "-2")
                == "-ERR count should be greater than or equal to -1")
    }

    @Test func latency() {
        let test = TestEngine()
        let engine = test.engine
        #expect(test.run("LATENCY", "LATEST") == "[]")
        engine.noteLatency("command", 100)
        #expect(test.run("LATENCY", "LATEST") == "[]")
        #expect(test.run("CONFIG", "SET", "latency-monitor-threshold", "10") == "+OK")
        engine.noteLatency("command", 9)
        engine.noteLatency("command", 100)
        engine.noteLatency("command", 50)
        #expect(test.run("LATENCY", "HISTORY", "command").hasSuffix(":100]]"))
        #expect(test.run("LATENCY", "LATEST").hasSuffix(":100 :100]]"))
        #expect(test.run("LATENCY", "GRAPH", "command").hasPrefix("command - high 100 ms"))
        #expect(test.run("LATENCY", "GRAPH", "x") == "-ERR No samples available for event 'x'")
        #expect(test.run("LATENCY", "DOCTOR").contains("command: 1 latency spikes"))
        #expect(test.run("LATENCY", "RESET", "command", "x") == ":1")
        test.run("SET", "a", "b")
        let histogram = test.run("LATENCY", "HISTOGRAM", "set", "nosuch")
        #expect(histogram.hasPrefix("[set [calls :1 histogram_usec [:"))
        #expect(Statistics.bucket(0) == 0 && Statistics.bucket(1) == 0)
        #expect(Statistics.bucket(2) == 1 && Statistics.bucket(3) == 2 && Statistics.bucket(4) == 2)
        #expect(Statistics.bucket(1 << 60) == 31)
    }

    @Test func latencyOfSubcommands() {
        let test = TestEngine()
        test.run(line: "CONFIG RESETSTAT")
        #expect(test.run(line: "LATENCY HISTOGRAM").hasPrefix("[config|resetstat [calls :1 "))
        test.run(line: "CLIENT ID")
        test.run(line: "CLIENT LIST")
        test.run(line: "CLIENT NONE")
        let all = test.run(line: "LATENCY HISTOGRAM client get")
        #expect(all.contains("client|id [calls :1 "))
        #expect(all.contains("client|list [calls :1 "))
        // What called none of them is the container's own.
        #expect(all.hasPrefix("[client [calls :1 "))
        let one = test.run(line: "LATENCY HISTOGRAM client|ID client|no nothing")
        #expect(one.hasPrefix("[client|id [calls :1 "))
        #expect(!one.contains("client|list"))
        let info = test.run(line: "INFO latencystats")
        #expect(info.contains("latency_percentiles_usec_client|list:p50="))
    }

    @Test func monitor() {
        let test = TestEngine()
        let watcher = test.makeClient()
        test.run(line: "MONITOR", watcher)
        test.send([Array("SET".utf8), Array("a\"b".utf8), [0x78, 0x0A, 0x01, 0xC3, 0x5C]])
        test.run("AUTH", "x")
        test.run("CONFIG", "GET", "hz")
        test.run("CLIENT", "ID")
        test.run("MULTI")
        test.run("GET", "x")
        test.run("EXEC")
        let shown = watcher.reply.withBytes { String(decoding: $0, as: UTF8.self) }
        watcher.reply.removeAll()
        let lines = shown.split(separator: "\r\n").map {
            $0.split(separator: "] ", maxSplits: 1)[1]
        }
        #expect(
            lines == [
                #""SET" "a\"b" "x\n\x01\xc3\\""#, #""AUTH" "(redacted)""#, #""CLIENT" "ID""#,
                #""MULTI""#, #""GET" "x""#, #""EXEC""#,
            ])
        test.run(line: "RESET", watcher)
        #expect(!test.engine.hasMonitors)
    }

    @Test func persistenceAndReplication() {
        let test = TestEngine()
        #expect(test.run("LASTSAVE") == ":\(test.engine.startedMs / 1000)")
        #expect(test.run("BGSAVE", "foo") == "-ERR syntax error")
        #expect(test.run("BGREWRITEAOF") == "+Background append only file rewriting started")
        #expect(
            test.run("BGREWRITEAOF")
                == "-ERR Background append only file rewriting already in progress")
        #expect(test.run("SHUTDOWN", "foo") == "-ERR syntax error")
        #expect(test.run("SHUTDOWN", "SAVE", "NOSAVE") == "-ERR syntax error")
        #expect(test.run("SHUTDOWN", "ABORT", "NOW") == "-ERR syntax error")
        #expect(test.run("SHUTDOWN", "ABORT") == "-ERR No shutdown in progress.")
        #expect(test.sendRaw([Array("SHUTDOWN".utf8), Array("NOSAVE".utf8)]).isEmpty)
        #expect(test.engine.server.shutdownRequest?.options == .noSave)
        #expect(test.run("SHUTDOWN", "ABORT") == "+OK")
        #expect(test.engine.server.shutdownRequest == nil)
        #expect(test.run("ROLE").hasPrefix("[master :"))
        #expect(test.run("REPLICAOF", "NO", "ONE") == "+OK")
        #expect(test.run("SLAVEOF", "a", "x") == "-ERR Invalid master port")
        #expect(test.run("REPLICAOF", "a", "1").hasPrefix("-ERR Replication is not"))
        #expect(test.run("FAILOVER") == "-ERR FAILOVER requires connected replicas.")
        #expect(test.run("WAIT", "0", "10") == ":0")
        #expect(test.run("WAIT", "0", "-1") == "-ERR timeout is negative")
        #expect(test.run("CLUSTER", "INFO") == "-ERR This instance has cluster support disabled")
        #expect(test.run("READONLY") == "-ERR This instance has cluster support disabled")
        #expect(test.run("MODULE", "LIST") == "[]")
        #expect(test.send([Array("TIME".utf8)]).items.count == 2)
        #expect(test.run("LOLWUT").contains("Redis ver."))
    }

    @Test func acl() {
        let test = TestEngine()
        #expect(test.run("ACL", "WHOAMI") == "default")
        #expect(test.run("ACL", "USERS") == "[default]")
        #expect(test.run("ACL", "LIST") == "[user default on nopass ~* &* +@all]")
        #expect(
            test.run("ACL", "GETUSER", "default") == "[flags [on nopass] passwords [] commands "
                + "+@all keys ~* channels &* selectors []]")
        #expect(test.run("ACL", "GETUSER", "x") == "nil")
        #expect(test.run("ACL", "CAT").hasPrefix("[keyspace read write set sortedset"))
        #expect(test.run("ACL", "CAT", "nosuch") == "-ERR Unknown category 'nosuch'")
        #expect(test.run("ACL", "CAT", "transaction").contains("exec"))
        #expect(test.run("ACL", "GENPASS").count == 64)
        #expect(test.run("ACL", "GENPASS", "5").count == 2)
        #expect(test.run("ACL", "GENPASS", "5000").hasPrefix("-ERR ACL GENPASS argument"))
        #expect(test.run("ACL", "DRYRUN", "default", "get", "a") == "+OK")
        #expect(test.run("ACL", "DRYRUN", "x", "get", "a") == "-ERR User 'x' not found")
        #expect(
            test.run("ACL", "DRYRUN", "default", "get")
                == "-ERR wrong number of arguments for 'get' command")
        #expect(test.run("ACL", "DRYRUN", "default", "foo") == "-ERR Command 'foo' not found")
        #expect(
            test.run("ACL", "DELUSER", "default") == "-ERR The 'default' user cannot be removed")
        #expect(test.run("ACL", "SETUSER", "x").hasPrefix("-ERR ACL SETUSER is not supported"))
        #expect(test.run("ACL", "LOG") == "[]")
    }

    @Test func rates() {
        var rates = RateSamples()
        for step in 0...20 {
            rates.sample(
                1 + Int64(step) * 100_000, commands: step * 50, input: step * 10240, output: 0)
        }
        #expect(rates.commandsPerSecond == 500)
        #expect(fixed(rates.inputKilobytesPerSecond, 2) == "100.00")
        #expect(fixed(-0.004, 2) == "0.00" && fixed(1.005, 1) == "1.0" && fixed(12, 0) == "12")
        #expect(fixed(0.05, 2) == "0.05" && fixed(-1.5, 2) == "-1.50")
        #expect(humanBytes(1023) == "1023B" && humanBytes(1536) == "1.50K")
        #expect(humanBytes(1 << 40) == "1.00T")
    }
}
