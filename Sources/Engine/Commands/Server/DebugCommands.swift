// DEBUG: for tests. Refused unless `enable-debug-command` allows it, as in Redis 7.

import Glibc

enum DebugCommands {
    /// Those that leave the keyspace alone.
    private static let runWhileLoading: Set = [
        "help", "sleep", "set-active-expire", "protocol", "error", "log", "change-repl-id",
        "stringmatch-len", "quicklist-packed-threshold", "set-disable-deny-scripts", "replybuffer",
        "pause-cron", "set-skip-checksum-validation",
    ]

    static func debug(_ engine: Engine, _ client: Client, _ args: Arguments) throws(CommandError) {
        guard engine.configuration.enableDebugCommand.allows(isLocal: client.isLocal) else {
            throw .message(
                """
                ERR DEBUG command not allowed. If the enable-debug-command option is set to \
                "local", you can run it from a local connection, otherwise you need to set this \
                option in the configuration file, and then restart the server.
                """)
        }
        let sub = args[1].text.lowercased()
        if engine.loading != nil, !runWhileLoading.contains(sub) { throw .isLoading }
        switch (sub, args.count) {
        case ("help", 2): help(client)
        case ("sleep", 3): sleep(client, args)
        case ("object", 3), ("object", 4): try object(engine, client, args)
        case ("digest", 2): client.reply.simple(engine.keyspaceDigest(exactly: true).text)
        case ("digest", 3) where args[2].equalsIgnoringCase("redis"):
            client.reply.simple(engine.keyspaceDigest(exactly: false).text)
        case ("digest-value", 2...): digestValues(engine, client, args)
        case ("set-active-expire", 3):
            engine.expiresActively = Numbers.parseInt64(args[2]) ?? 0 != 0
            client.reply.ok()
        case ("protocol", 3): try DebugProtocol.reply(client, args[2])
        case ("error", 3): throw .text(args[2].text)
        case ("log", 3):
            engine.logLine("DEBUG LOG: \(args[2].text)")
            client.reply.ok()
        case ("change-repl-id", 2):
            engine.server.replicationID = ServerState.makeRunID(&engine.random)
            client.reply.ok()
        case ("stringmatch-len", 4): stringMatch(client, args)
        case ("quicklist-packed-threshold", 3): try packedThreshold(client, args[2])
        case ("listpack", 3), ("quicklist", 3), ("quicklist", 4), ("ziplist", 3):
            try structure(engine, client, args)
        case ("htstats", 3): try tableStatistics(engine, client, args)
        case ("htstats-key", 3): try tableStatistics(ofKey: engine, client, args)
        case ("populate", 3...5): try populate(engine, client, args)
        case ("set-disable-deny-scripts", 3), ("replybuffer", 4), ("pause-cron", 3),
            ("set-skip-checksum-validation", 3):
            client.reply.ok()
        case ("reload", 2...): try reload(engine, client, args)
        case ("loadaof", 2): try loadLog(engine, client, args)
        default:
            throw .text(
                "ERR unknown subcommand or wrong number of arguments for "
                    + "'\(args[1].prefixText(128))'. Try DEBUG HELP.")
        }
    }

    /// Stops the world, engine lock held.
    private static func sleep(_ client: Client, _ args: Arguments) {
        let seconds = Numbers.parseDouble(args[2]) ?? 0
        if seconds > 0, seconds < 86400 {
            var time = timespec(
                tv_sec: Int(seconds), tv_nsec: Int((seconds - seconds.rounded(.down)) * 1e9))
            withUnsafeMutablePointer(to: &time) { time in
                while nanosleep(time, time) != 0 && errno == EINTR {}
            }
        }
        client.reply.ok()
    }

    private static func object(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = engine.lookup(engine.key(args[2], client)) else { throw .noSuchKey }
        var sink = ByteSink()
        _ = ValueCodec.encodePayload(entry, into: &sink)
        let idle = Access.idleSeconds(entry.access, clock: engine.accessClock)
        let address = UInt(bitPattern: entry.raw)
        var text = "Value at:0x\(String(address, radix: 16)) refcount:1 "
        text += "encoding:\(entry.objectEncodingName) serializedlength:\(sink.bytes.count) "
        text += "lru:\(entry.access & Access.lruMask) lru_seconds_idle:\(idle)"
        if entry.encoding == .quickList {
            text += " ql_listpack_max:\(engine.configuration.listListpackSizeMax) ql_compressed:0"
        }
        text += " tier:\(entry.flags.contains(.visiting) ? "cold" : "hot")"
        text += " dirty:\(entry.flags.contains(.dirty) ? 1 : 0)"
        client.reply.simple(text)
    }

    private static func digestValues(_ engine: Engine, _ client: Client, _ args: Arguments) {
        client.reply.array(args.count - 2)
        for index in 2..<Swift.max(args.count, 2) {
            var digest = ContentDigest()
            engine.withValue(engine.key(args[index], client)) {
                digest.mixValue($0, exactly: false, now: engine.expiryClockMs)
            }
            client.reply.simple(digest.text)
        }
    }

    private static func stringMatch(_ client: Client, _ args: Arguments) {
        let matches = Glob.matches(args[3], args[2])
        client.reply.integer(matches ? 1 : 0)
    }

    /// Checked and without effect: Firn's lists have one kind of node.
    private static func packedThreshold(_ client: Client, _ text: Bytes) throws(CommandError) {
        let codec = Codecs.memory(0...(4 << 30))
        var value = 0
        do {
            try codec.assign(&value, [text.text], .command)
        } catch {
            throw .message("ERR argument must be a memory value bigger than 1 and smaller than 4gb")
        }
        client.reply.ok()
    }

    private static func structure(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = engine.lookup(engine.key(args[2], client)) else { throw .noSuchKey }
        client.reply.simple(
            "\(entry.type.name) \(entry.objectEncodingName), \(entry.memoryUsage) bytes")
    }

    private static func tableStatistics(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let index = Numbers.parseInt64(args[2]), index >= 0,
            index < Int64(engine.databaseCount)
        else { throw .message("ERR Out of range database") }
        let database = engine.databases + Int(index)
        client.reply.verbatim(
            """
            [Hot table]
             number of elements: \(database.pointee.table.count)
             tombstones: \(database.pointee.tombstoneCount)
             dirty: \(database.pointee.dirtyCount)
             bytes: \(database.pointee.table.memoryBytes)
            [Expiry index]
             number of elements: \(database.pointee.expiries.count)
            [Cold tier]
             keys only there: \(database.pointee.coldOnlyCount)

            """)
    }

    private static func tableStatistics(
        ofKey engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        guard let entry = engine.lookup(engine.key(args[2], client)) else { throw .noSuchKey }
        guard entry.encoding == .table || entry.encoding == .tree else {
            throw .message(
                "ERR The value stored at the specified key is not represented using an hash table")
        }
        client.reply.verbatim("[Value]\n bytes: \(entry.memoryUsage)\n")
    }

    /// `key:0`, `key:1` … with the values `value:0` …, padded with zero bytes; existing keys are
    /// left alone.
    private static func populate(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let count = try args.integer(
            2, in: 0...Int64.max, else: "ERR value is out of range, must be positive")
        let size =
            args.count > 4
            ? try args.integer(
                4, in: 0...Int64(Int32.max), else: "ERR value is out of range, must be positive")
            : 0
        let prefix = args.count > 3 ? Array(args[3]) : Array("key".utf8)
        for number in 0..<count {
            let name = prefix + Array(":\(number)".utf8)
            var value = Array("value:\(number)".utf8)
            if size > 0 {
                value = Array(value.prefix(Int(size)))
                value += [UInt8](repeating: 0, count: Int(size) - value.count)
            }
            name.withUnsafeBytes { name in
                let key = engine.key(name, client)
                guard (try? engine.write(key)) == nil, !engine.coldReadFailed else { return }
                value.withUnsafeBytes { value in
                    let entry = engine.insert(key, DetachedValue.string(value))
                    engine.changed(key, entry, "set", .string)
                    engine.effect(key, "SET", .bytes(value))
                }
            }
        }
        client.reply.ok()
    }

    private static func help(_ client: Client) {
        client.reply.help(
            "DEBUG",
            [
                "CHANGE-REPL-ID",
                "    Change the replication IDs of the instance.",
                "DIGEST [REDIS]",
                "    Output a hex signature representing the current DB content, both tiers.",
                "    REDIS: the signature that a Redis with the same content outputs.",
                "DIGEST-VALUE <key> [<key> ...]",
                "    Output a hex signature of the values of all the specified keys.",
                "ERROR <string>",
                "    Return a Redis protocol error with <string> as message. Useful for clients",
                "    unit tests to simulate Redis errors.",
                "HTSTATS <dbid>",
                "    Return hash table statistics of the specified Redis database.",
                "HTSTATS-KEY <key>",
                "    Like HTSTATS but for the hash table stored at <key>'s value.",
                "LISTPACK <key>",
                "    Show low level info about the encoding of <key>.",
                "LOADAOF",
                "    Flush the log and make the keyspace anew of what is in it.",
                "LOG <message>",
                "    Write <message> to the server log.",
                "OBJECT <key>",
                "    Show low level info about `key` and associated value.",
                "POPULATE <count> [<prefix>] [<size>]",
                "    Create <count> string keys named key:<num>. If <prefix> is specified then",
                "    it is used instead of the 'key' prefix.",
                "PROTOCOL <type>",
                "    Reply with a test value of the specified type. <type> can be: string,",
                "    integer, double, bignum, null, array, set, map, attrib, push, verbatim,",
                "    true, false.",
                "QUICKLIST-PACKED-THRESHOLD <size>",
                "    Accepted, without effect.",
                "RELOAD [option ...]",
                "    Save the RDB on disk and reload it back to memory. Valid <option> values:",
                "    * MERGE: conflicting keys will be loaded from RDB.",
                "    * NOFLUSH: the existing database will not be removed before load, but",
                "      conflicting keys will generate an error and nothing is loaded.",
                "    * NOSAVE: the database will be loaded from an existing RDB file.",
                "SET-ACTIVE-EXPIRE <0|1>",
                "    Setting it to 0 disables expiring keys in background when they are not",
                "    accessed (otherwise the Redis behavior). Setting it to 1 reenables back the",
                "    default.",
                "SLEEP <seconds>",
                "    Stop the server for <seconds>. Decimals allowed.",
                "STRINGMATCH-LEN <string> <pattern>",
                "    Whether <string> matches the glob-like <pattern>.",
            ])
    }
}

/// DEBUG PROTOCOL: one reply of each type.
enum DebugProtocol {
    static func reply(_ client: Client, _ type: Bytes) throws(CommandError) {
        switch type.text.lowercased() {
        case "string": client.reply.bulk("Hello World")
        case "integer": client.reply.integer(12345)
        case "double": client.reply.double(3.141)
        case "null": client.reply.null()
        case "array":
            client.reply.array(3)
            for number in 0..<3 { client.reply.integer(number) }
        case "set":
            client.reply.set(3)
            for number in 0..<3 { client.reply.integer(number) }
        case "map":
            client.reply.map(3)
            for number in 0..<3 {
                client.reply.integer(number)
                client.reply.bool(number == 1)
            }
        case "attrib":
            if client.reply.version >= 3 {
                client.reply.attribute(1)
                client.reply.bulk("key-popularity")
                client.reply.array(2)
                client.reply.bulk("key:123")
                client.reply.integer(90)
            }
            client.reply.bulk("Some real reply following the attribute")
        case "push":
            guard client.reply.version >= 3 else {
                throw .message("ERR RESP2 is not supported by this command")
            }
            client.reply.push(2)
            client.reply.bulk("server-cpu-usage")
            client.reply.integer(42)
        case "bignum": client.reply.bigNumber("1234567999999999999999999999999999999")
        case "true": client.reply.bool(true)
        case "false": client.reply.bool(false)
        case "verbatim": client.reply.verbatim("This is a verbatim\nstring")
        default:
            throw .message(
                """
                ERR Wrong protocol type name. Please use one of the following: \
                string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false
                """)
        }
    }
}
