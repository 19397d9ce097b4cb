// ARCHIVE over a whole engine: what expired a moment ago, what is committed, restoring, purging,
// retention, and crashes.

import Glibc
import Testing

@testable import Engine

@Suite struct ArchiveCommandTests {
    /// Creates keys that expire at once, and waits until they have.
    private func expire(_ durable: DurableEngine, _ commands: [[String]], _ keys: [String]) {
        durable.turn(commands)
        durable.turn(keys.map { ["PEXPIRE", $0, "1"] })
        usleep(3000)
        #expect(durable.turn(keys.map { ["EXISTS", $0] }) == keys.map { _ in ":0" })
    }

    /// Lets everything that waits reach the store.
    private func settle(_ durable: DurableEngine) {
        durable.engine.withLock { engine in
            if let tier = engine.tier, !tier.batch.isEmpty { engine.submitBatch(tier) }
        }
        #expect(durable.engine.tier!.writer.drain())
        #expect(durable.wait { $0.tier!.pendingArchive.isEmpty })
    }

    @Test(arguments: [false, true]) func everyTypeComesBack(isSettled: Bool) throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        expire(
            durable,
            [
                ["SET", "string", "one two"], ["RPUSH", "list", "a", "b", "3"],
                ["SADD", "set", "1", "2"], ["HSET", "hash", "f", "v", "g", "w"],
                ["ZADD", "zset", "1.5", "m", "2", "n"],
            ], ["string", "list", "set", "hash", "zset"])
        if isSettled { settle(durable) }
        #expect(durable.run("ARCHIVE", "LEN") == ":5")
        #expect(durable.run("ARCHIVE", "GET", "string") == "one two")
        #expect(durable.run("ARCHIVE", "GET", "list") == "[a b 3]")
        #expect(durable.run("ARCHIVE", "GET", "set") == "[1 2]")
        #expect(durable.run("ARCHIVE", "GET", "hash") == "[f v g w]")
        #expect(durable.run("ARCHIVE", "GET", "zset") == "[m 1.5 n 2]")
        #expect(durable.run("ARCHIVE", "GET", "absent") == "nil")
        durable.client.reply.version = 3
        #expect(durable.run("ARCHIVE", "GET", "set") == "~[1 2]")
        #expect(durable.run("ARCHIVE", "GET", "hash") == "{f v g w}")
        #expect(durable.run("ARCHIVE", "GET", "zset") == "[[m ,1.5] [n ,2]]")
        durable.client.reply.version = 2
        for key in ["string", "list", "set", "hash", "zset"] {
            #expect(durable.run("ARCHIVE", "RESTORE", key, "new:" + key) == "+OK")
            #expect(durable.run("ARCHIVE", "GET", key) == "nil")
        }
        #expect(durable.run("ARCHIVE", "LEN") == ":0")
        settle(durable)
        #expect(durable.run("ARCHIVE", "LEN") == ":0")
        #expect(durable.run("GET", "new:string") == "one two")
        #expect(durable.run("LRANGE", "new:list", "0", "-1") == "[a b 3]")
        #expect(durable.run("SMEMBERS", "new:set") == "[1 2]")
        #expect(durable.run("HGETALL", "new:hash") == "[f v g w]")
        #expect(durable.run("ZRANGE", "new:zset", "0", "-1") == "[m n]")
        // The restored keys are in the log, the archived rows are gone, after a crash too.
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("GET", "new:string") == "one two")
        #expect(crashed.run("ZRANGE", "new:zset", "0", "-1") == "[m n]")
    }

    /// Of the times that a hash's fields had nothing is left, as of its own.
    @Test(arguments: [512, 0]) func restoredFieldsDoNotExpire(entriesMax: Int) throws {
        let durable = try DurableEngine { $0.hashListpackEntriesMax = entriesMax }
        defer { durable.close() }
        expire(
            durable,
            [
                ["HSET", "hash", "f", "v", "g", "w", "h", "x"],
                ["HPEXPIRE", "hash", "40", "FIELDS", "1", "f"],
                ["HEXPIRE", "hash", "1000", "FIELDS", "1", "g"],
            ], ["hash"])
        usleep(60_000)
        #expect(durable.run("ARCHIVE", "RESTORE", "hash", "TTL", "100000") == "+OK")
        #expect(durable.run("HTTL", "hash", "FIELDS", "3", "f", "g", "h") == "[:-1 :-1 :-1]")
        #expect(durable.run("HMGET", "hash", "f", "g", "h") == "[v w x]")
        #expect(durable.run("HLEN", "hash") == ":3")
        #expect(
            durable.run("OBJECT", "ENCODING", "hash")
                == (entriesMax == 0 ? "hashtable" : "listpack"))
        durable.run("HSETEX", "hash", "EX", "1000", "FIELDS", "1", "f", "again")
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("HMGET", "hash", "f", "g", "h") == "[again w x]")
        #expect(crashed.run("HTTL", "hash", "FIELDS", "2", "g", "h") == "[:-1 :-1]")
    }

    @Test func restoreHasTheOptionsOfRestore() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        expire(durable, [["SET", "k", "old"]], ["k"])
        expire(durable, [["SET", "k", "new"]], ["k"])
        let ids = ids(durable)
        #expect(ids.count == 2)
        #expect(durable.run("ARCHIVE", "GET", "k") == "new")
        #expect(durable.run("ARCHIVE", "GET", "k", "ID", ids[0]) == "old")
        #expect(durable.run("ARCHIVE", "GET", "k", "ID", "5-5") == "nil")
        #expect(durable.run("ARCHIVE", "GET", "k", "ID", "x") == "-ERR invalid archive ID")
        #expect(durable.run("ARCHIVE", "GET", "k", "WHAT", "x") == "-ERR syntax error")
        durable.run("SET", "k", "live")
        #expect(
            durable.run("ARCHIVE", "RESTORE", "k")
                == "-BUSYKEY Target key name already exists.")
        #expect(
            durable.run("ARCHIVE", "RESTORE", "k", "TTL", "-1")
                == "-ERR Invalid TTL value, must be >= 0")
        #expect(durable.run("ARCHIVE", "RESTORE", "no", "x") == "-ERR no such archived key")
        #expect(
            durable.run("ARCHIVE", "RESTORE", "no", "k", "REPLACE") == "-ERR no such archived key")
        #expect(durable.run("GET", "k") == "live")
        #expect(
            durable.run("ARCHIVE", "RESTORE", "k", "ID", ids[0], "TTL", "100000", "REPLACE")
                == "+OK")
        #expect(durable.run("GET", "k") == "old")
        #expect(durable.run("TTL", "k") == ":100")
        #expect(durable.run("ARCHIVE", "LEN") == ":1")
        #expect(durable.run("ARCHIVE", "RESTORE", "k", "x", "y") == "-ERR syntax error")
        #expect(durable.run("ARCHIVE", "RESTORE", "k", "other") == "+OK")
        #expect(durable.run("GET", "other") == "new")
        #expect(durable.run("TTL", "other") == ":-1")
    }

    private func ids(_ durable: DurableEngine) -> [String] {
        durable.engine.withLock { engine in
            try! engine.archiveIDs(after: nil, atMost: 1000, engine.tier!).ids.map(\.text)
        }
    }

    @Test func listingMergesTheStoreAndWhatIsPending() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        var expected: [String] = []
        for round in 0..<4 {
            let keys = (0..<15).map { "k:\(round):\($0)" }
            expire(durable, keys.map { ["SET", $0, "v"] }, keys)
            expected += keys
            if round == 1 { settle(durable) }
        }
        for count in [1, 7, 10, 100] {
            var cursor = "0"
            var found: [String] = []
            repeat {
                let reply = durable.reply("ARCHIVE", "LIST", cursor, "COUNT", "\(count)").items
                cursor = reply[0].description
                found += reply[1].items.map { $0.items[1].description }
            } while cursor != "0"
            #expect(found.sorted() == expected.sorted(), "COUNT \(count)")
        }
        let some = durable.reply("ARCHIVE", "LIST", "MATCH", "k:2:*", "COUNT", "1000").items
        #expect(some[1].items.count == 15)
        let fields = some[1].items[0].items.map(\.description)
        #expect(fields[0] == "key" && fields[2] == "database" && fields[3] == ":0")
        #expect(fields[4] == "type" && fields[5] == "string" && fields[10] == "id")
        #expect(durable.run("ARCHIVE", "LIST", "nonsense") == "-ERR invalid cursor")
        #expect(durable.run("ARCHIVE", "LIST", "0", "COUNT", "0") == "-ERR syntax error")
        let info = durable.reply("ARCHIVE", "INFO").items.map(\.description)
        #expect(info[0] == "values" && info[1] == ":60")
    }

    @Test func purging() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        expire(durable, [["SET", "a", "1"], ["SET", "b", "2"]], ["a", "b"])
        settle(durable)
        expire(durable, [["SET", "a", "3"], ["SET", "c", "4"]], ["a", "c"])
        #expect(durable.run("ARCHIVE", "PURGE", "a", "nothing") == ":2")
        #expect(durable.run("ARCHIVE", "LEN") == ":2")
        #expect(durable.run("ARCHIVE", "GET", "a") == "nil")
        settle(durable)
        #expect(durable.run("ARCHIVE", "LEN") == ":2")
        usleep(3000)
        let now = durable.engine.clock.wallMs()
        usleep(3000)
        expire(durable, [["SET", "d", "5"]], ["d"])
        #expect(durable.run("ARCHIVE", "PURGE", "BEFORE", "\(now)") == ":2")
        #expect(durable.run("ARCHIVE", "LEN") == ":1")
        #expect(durable.run("ARCHIVE", "GET", "b") == "nil")
        #expect(durable.run("ARCHIVE", "GET", "d") == "5")
        settle(durable)
        #expect(
            durable.wait {
                $0.tier!.trimmedBefore.load(ordering: .acquiring)
                    >= $0.tier!.pendingArchive.floorMs
            })
        #expect(durable.run("ARCHIVE", "LEN") == ":1")
        #expect(durable.engine.tier!.store.archiveUsage.count == 1)
        expire(durable, [["SET", "e", "6"]], ["e"])
        #expect(durable.run("ARCHIVE", "PURGE", "ALL") == ":2")
        #expect(durable.run("ARCHIVE", "LEN") == ":0")
        settle(durable)
        #expect(durable.wait { $0.tier!.store.archiveUsage.count == 0 })
        #expect(durable.run("ARCHIVE", "LEN") == ":0")
        #expect(durable.run("ARCHIVE", "PURGE", "BEFORE", "x").hasPrefix("-ERR value is not"))
        expire(durable, [["SET", "f", "7"]], ["f"])
        #expect(durable.run("ARCHIVE", "LEN") == ":1")
    }

    @Test func tortureModeArchivesAsWell() throws {
        let durable = try DurableEngine { $0.debugSpillEveryCommand = true }
        defer { durable.close() }
        expire(durable, [["SET", "a", "1"], ["RPUSH", "l", "x"]], ["a", "l"])
        #expect(durable.run("ARCHIVE", "LEN") == ":2")
        #expect(durable.wait { $0.tier!.pendingArchive.isEmpty })
        #expect(durable.run("ARCHIVE", "GET", "l") == "[x]")
        #expect(durable.run("ARCHIVE", "RESTORE", "a") == "+OK")
        #expect(durable.run("GET", "a") == "1")
        #expect(durable.run("ARCHIVE", "LEN") == ":1")
    }

    /// The DEL of the expiry is in the log's tail, the row is in the store already.
    @Test func replayArchivesNothingTwice() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        let keys = (0..<50).map { "k:\($0)" }
        durable.turn(keys.map { ["SET", $0, "v"] })
        expire(durable, [], keys)
        settle(durable)
        let before = ids(durable)
        #expect(before.count == 50)
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.report.replayedEffects > 0)
        #expect(crashed.run("ARCHIVE", "LEN") == ":50")
        settle(crashed)
        #expect(crashed.run("ARCHIVE", "LEN") == ":50")
        #expect(ids(crashed) == before)
        #expect(crashed.engine.tier!.store.archiveUsage.count == 50)
    }

    /// The batch with the row is lost, the log has the expiry.
    @Test func replayArchivesWhatACrashLost() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        expire(durable, [["SET", "k", "v"]], ["k"])
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("ARCHIVE", "GET", "k") == "v")
    }

    @Test func retentionByAgeAndBytes() throws {
        let durable = try DurableEngine { $0.archiveRetentionSeconds = 1 }
        defer { durable.close() }
        let keys = (0..<3000).map { "k:\($0)" }
        expire(durable, keys.map { ["SET", $0, "v"] }, keys)
        #expect(durable.run("ARCHIVE", "LEN") == ":3000")
        settle(durable)
        #expect(durable.wait(seconds: 10) { $0.tier!.store.archiveUsage.count == 0 })
        #expect(durable.run("ARCHIVE", "LEN") == ":0")

        let small = try DurableEngine { $0.archiveBytesMax = 10_000 }
        defer { small.close() }
        let value = String(repeating: "x", count: 1000)
        for n in 0..<30 { expire(small, [["SET", "k:\(n)", value]], ["k:\(n)"]) }
        settle(small)
        #expect(small.wait { $0.tier!.store.archiveUsage.bytes <= 10_000 })
        #expect(small.run("ARCHIVE", "GET", "k:0") == "nil")
        #expect(small.run("ARCHIVE", "GET", "k:29") == value)

        let none = try DurableEngine { $0.archiveRetentionSeconds = 0 }
        defer { none.close() }
        expire(none, [["SET", "k", "v"]], ["k"])
        #expect(none.run("ARCHIVE", "LEN") == ":0")
    }

    @Test func withoutAColdTierThereIsNoArchive() throws {
        let test = TestEngine()
        #expect(test.run("ARCHIVE", "LEN") == "-ERR this server runs with 'cold-tier no'")
        #expect(test.run("ARCHIVE", "HELP").hasPrefix("[+ARCHIVE <subcommand>"))
    }
}

extension DurableEngine {
    /// Executes one request in a turn of its own; its reply, decoded.
    fileprivate func reply(_ words: String...) -> Reply {
        engine.withLock { engine in
            engine.beginTurn()
            OwnedArguments(words.map { Array($0.utf8) }).withArguments {
                engine.execute(client, $0)
            }
            var decoder = ReplyDecoder(client.reply.withBytes { Array($0) })
            client.reply.removeAll()
            _ = engine.endTurn()
            return decoder.next()
        }
    }
}
