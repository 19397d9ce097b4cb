// Fields that expire, through log, crash, cold tier, snapshot and archive.

import Glibc
import Testing

@testable import Engine

@Suite(.serialized) struct FieldExpiryRecoveryTests {
    private func digest(_ durable: DurableEngine) -> String {
        durable.engine.withLock { $0.keyspaceDigest(exactly: true).text }
    }

    private let far = 4_000_000_000_000

    /// Hashes small and large, of which fields expire never, far in the future, and at `soon`.
    private func fill(_ durable: DurableEngine, soon: Int64) {
        for key in 0..<30 {
            let size = key % 3 == 0 ? 60 : 6
            for field in 0..<size {
                switch field % 3 {
                case 0: durable.run("HSET", "h\(key)", "f\(field)", "\(field)")
                case 1:
                    durable.run(
                        "HSETEX", "h\(key)", "PXAT", "\(far + field)", "FIELDS", "1", "f\(field)",
                        "1")
                default:
                    durable.run("HSET", "h\(key)", "f\(field)", "w")
                    durable.run("HPEXPIREAT", "h\(key)", "\(soon)", "FIELDS", "1", "f\(field)")
                }
            }
            durable.run("HINCRBYFLOAT", "h\(key)", "f1", "0")
            durable.run("HINCRBY", "h\(key)", "f0", "5")
            durable.run(
                "HSETEX", "gone\(key)", "PXAT", "\(soon)", "FIELDS", "2", "a", "1", "b", "2")
        }
        durable.run("HSETEX", "h1", "KEEPTTL", "FIELDS", "2", "f1", "kept", "f0", "kept")
        durable.run("HPERSIST", "h2", "FIELDS", "1", "f1")
        durable.run("RENAME", "h4", "renamed")
        durable.run("COPY", "h5", "copied")
        durable.run("HGETDEL", "h7", "FIELDS", "2", "f0", "f1")
    }

    private func check(_ durable: DurableEngine, _ remark: String) {
        #expect(durable.run("DBSIZE") == ":31", "\(remark)")
        #expect(durable.run("HLEN", "h0") == ":40", "\(remark)")
        #expect(durable.run("HLEN", "h1") == ":4", "\(remark)")
        #expect(
            durable.run("HPEXPIRETIME", "h0", "FIELDS", "4", "f0", "f1", "f2", "f4")
                == "[:-1 :\(far + 1) :-2 :\(far + 4)]", "\(remark)")
        #expect(
            durable.run("HPEXPIRETIME", "renamed", "FIELDS", "2", "f1", "f2")
                == "[:\(far + 1) :-2]", "\(remark)")
        #expect(
            durable.run("HPEXPIRETIME", "h1", "FIELDS", "2", "f0", "f1")
                == "[:-1 :\(far + 1)]", "\(remark)")
        #expect(durable.run("HGETALL", "gone3") == "[]", "\(remark)")
    }

    /// Nobody asks: the fields of hot and cold hashes go at their time, and a crash afterwards,
    /// before or after a checkpoint, leaves what was there.
    @Test(arguments: ["default", "cold", "torture", "no cold tier"])
    func expireAndCrash(_ mode: String) throws {
        let durable = try DurableEngine {
            $0.hashListpackEntriesMax = 16
            if mode == "torture" { $0.debugSpillEveryCommand = true }
            if mode == "no cold tier" { $0.coldTier = false }
        }
        defer { durable.close() }
        let soon = Clock.wallMs() + (mode == "torture" ? 15_000 : 8000)
        fill(durable, soon: soon)
        #expect(Clock.wallMs() < soon, "the machine is too slow for this test")
        if mode == "cold" {
            let names = (0..<30).flatMap { ["h\($0)", "gone\($0)"] }
            durable.turn([["TIER", "SPILL"] + names + ["renamed", "copied"]])
            #expect(
                durable.wait { engine in
                    engine.advanceClock()
                    return engine.databases[0].table.count == 0
                })
        }
        let early = try durable.crashed()
        #expect(digest(early) == digest(durable))
        #expect(durable.run("DBSIZE") == ":61")
        #expect(
            durable.wait(seconds: 30) { $0.stats.expiredFields == 10 * 20 + 20 * 2 + 2 + 60 },
            "\(durable.engine.stats.expiredFields)")
        check(durable, mode)
        let expected = digest(durable)
        var crashed = try durable.crashed()
        #expect(digest(crashed) == expected)
        check(crashed, "\(mode), crashed")
        try crashed.reopen()
        check(crashed, "\(mode), reopened")
        crashed.close()
        // The log that was read above was replayed when those times were past; so is this one,
        // from the time when they were not.
        check(early, "\(mode), crashed early")
        early.close()
        durable.run("BGREWRITEAOF")
        _ = durable.wait { $0.persistence.checkpoints > 0 && !$0.rewritesLog }
        crashed = try durable.crashed()
        #expect(digest(crashed) == expected)
        crashed.close()
    }

    /// Effects before a checkpoint's records are passed over by their position.
    @Test func positionsGuardTheReplay() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        durable.stopMaintenance()
        durable.run("HSETEX", "h", "PX", "60", "FIELDS", "2", "a", "1", "b", "2")
        durable.run("HSET", "h", "c", "3")
        durable.run("HPERSIST", "h", "FIELDS", "1", "b")
        usleep(80_000)
        #expect(durable.run("HKEYS", "h") == "[c b]")
        durable.run("HSET", "h", "a", "again")
        #expect(durable.checkpointWithoutTrimming())
        durable.run("HEXPIRE", "h", "1000", "FIELDS", "1", "c")
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(digest(crashed) == digest(durable))
        #expect(crashed.report.skippedEffects >= 5)
        #expect(crashed.run("HTTL", "h", "FIELDS", "3", "a", "b", "c") == "[:-1 :-1 :1000]")
    }

    /// The archive keeps keys, as they were at their end: without the fields that had gone before.
    @Test func onlyKeysAreArchived() throws {
        let durable = try DurableEngine { $0.debugSpillEveryCommand = true }
        defer { durable.close() }
        durable.stopMaintenance()
        durable.run("HSETEX", "h", "PX", "50", "FIELDS", "1", "early", "1")
        durable.run("HSETEX", "h", "EX", "100", "FIELDS", "1", "late", "2")
        durable.run("HSET", "h", "never", "3")
        durable.run("PEXPIRE", "h", "100")
        durable.run("HSETEX", "g", "PX", "50", "FIELDS", "1", "only", "1")
        durable.run("HSETEX", "i", "PX", "50", "FIELDS", "1", "only", "1")
        durable.run("PEXPIRE", "i", "100")
        usleep(150_000)
        while durable.engine.expireColdKeys() {}
        #expect(durable.run("DBSIZE") == ":0")
        #expect(durable.run("ARCHIVE", "LEN") == ":1")
        #expect(durable.run("ARCHIVE", "GET", "h") == "[late 2 never 3]")
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("ARCHIVE", "GET", "h") == "[late 2 never 3]")
        durable.run("ARCHIVE", "RESTORE", "h")
        #expect(durable.run("HTTL", "h", "FIELDS", "2", "late", "never") == "[:-1 :-1]")
    }

    /// Snapshots: every field's time, in whichever version the file says it has.
    @Test(arguments: [10, 11, 12]) func snapshots(_ version: Int) throws {
        let durable = try DurableEngine {
            $0.rdbVersion = version
            $0.enableDebugCommand = .yes
            $0.hashListpackEntriesMax = 16
            $0.coldTier = false
        }
        defer { durable.close() }
        let soon = Clock.wallMs() + 60_000
        fill(durable, soon: soon)
        #expect(durable.run("SAVE") == "+OK")
        let start = try SystemDisk.shared.contents("\(durable.directory)/dump.rdb").prefix(9)
        #expect(Array(start) == Array("REDIS00\(version)".utf8))
        let expected = digest(durable)
        let target = durable.directory + "-import"
        #expect(system("mkdir -p \(target) && cp \(durable.directory)/dump.rdb \(target)") == 0)
        let imported = try DurableEngine(directory: target)
        defer { imported.close() }
        #expect(digest(imported) == expected)
        #expect(durable.run("DEBUG", "RELOAD") == "+OK")
        #expect(digest(durable) == expected)
        #expect(durable.run("DEBUG", "LOADAOF") == "+OK")
        #expect(digest(durable) == expected)
    }

    /// Sizes of a cluster's slots, which Redis 7.4 notes (version 12), are passed over.
    @Test func slotSizesArePassedOver() throws {
        var sink = ByteSink()
        sink.put("REDIS0012")
        for byte: UInt8 in [254, 0, 244, 5, 2, 1, 251, 1, 0, 0, 1, 0x61, 1, 0x62, 255] {
            sink.put(byte)
        }
        sink.putLittle(CRC64.checksum(sink.bytes))
        var template = Array("/tmp/firn-test-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template)!)
        let file = try SystemDisk.shared.open("\(directory)/dump.rdb", .create)
        try file.writeAll(sink.bytes, at: 0)
        let durable = try DurableEngine(directory: directory)
        defer { durable.close() }
        #expect(durable.run("GET", "a") == "b")
    }
}
