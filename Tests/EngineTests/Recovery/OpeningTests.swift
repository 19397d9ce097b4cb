// What a start makes of directories in states that only crashes and changed settings leave.

import Glibc
import Testing

@testable import Engine

@Suite(.serialized) struct OpeningTests {
    private func shell(_ command: String) {
        #expect(system(command) == 0)
    }

    private func digest(_ durable: DurableEngine) -> String {
        durable.engine.withLock { $0.keyspaceDigest(exactly: true).text }
    }

    private func rewrite(_ durable: DurableEngine) {
        let before = durable.engine.persistence.checkpoints
        durable.run("BGREWRITEAOF")
        #expect(durable.wait { $0.persistence.checkpoints > before && !$0.rewritesLog })
    }

    /// The power fails when a checkpoint has been committed and its segments are not removed yet:
    /// effects before it are passed over, whatever they did to whole databases.
    @Test func aLogThatReachesBackBehindTheCheckpoint() throws {
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 300 << 10) }
        defer { durable.close() }
        for round in 0..<4 {
            for key in 0..<1500 {
                durable.run("SET", "\(round):\(key)", "value \(key) of \(round)")
            }
            durable.run("SET", "same", "\(round)")
            if round < 3 { durable.run("FLUSHALL") }
        }
        let directory = durable.directory
        shell("cp -r \(directory)/appendonlydir \(directory)/kept")
        rewrite(durable)
        let expected = digest(durable)
        let copy = directory + "-behind"
        shell("cp -r \(directory) \(copy) && rm -rf \(copy)/appendonlydir")
        shell("mv \(copy)/kept \(copy)/appendonlydir")
        let found = try DurableEngine(directory: copy) {
            $0.memoryBudget = MemoryBudget(bytes: 300 << 10)
        }
        defer { found.close() }
        #expect(found.run("DBSIZE") == ":1501")
        #expect(digest(found) == expected)
        #expect(found.report.replayedEffects == 0)
    }

    /// What an interrupted import left behind is in nobody's way.
    @Test func anInterruptedImportStartsOver() throws {
        let source = try DurableEngine { $0.coldTier = false }
        defer { source.close() }
        for key in 0..<300 { source.run("RPUSH", "key:\(key)", "a", "\(key)") }
        #expect(source.run("SAVE") == "+OK")
        let expected = digest(source)
        let directory = source.directory + "-import"
        let log = "\(directory)/appendonlydir"
        shell("mkdir -p \(log) && cp \(source.directory)/dump.rdb \(directory)")
        for name in [
            "appendonly.aof.1.incr.aof", "appendonly.aof.1.base.rdb",
            "temp-appendonly.aof.1.base.rdb", "temp-appendonly.aof.manifest",
        ] {
            shell("echo left over > \(log)/\(name)")
        }
        let imported = try DurableEngine(directory: directory) { $0.coldTier = false }
        defer { imported.close() }
        #expect(digest(imported) == expected)
        imported.run("SET", "more", "value")
        let more = digest(imported)
        let crashed = try imported.crashed()
        defer { crashed.close() }
        #expect(digest(crashed) == more)
        #expect(crashed.report.source == "log")
    }

    @Test func whatWouldLeaveDataOutIsRefused() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        durable.run("SET", "key", "value")
        rewrite(durable)
        let copy = durable.directory + "-refused"
        shell("cp -r \(durable.directory) \(copy)")
        defer { shell("rm -rf \(copy)") }
        for appendOnly in [true, false] {
            #expect(throws: StartError.self) {
                _ = try DurableEngine(directory: copy) {
                    $0.coldTier = false
                    $0.appendOnly = appendOnly
                }
            }
        }
        // The log is gone.
        shell("rm -rf \(copy)/appendonlydir")
        #expect(throws: StartError.self) { _ = try DurableEngine(directory: copy) }
    }

    /// A log is lost before its first checkpoint: also then there is no going on without it.
    @Test func aLostYoungLogIsNoticed() throws {
        let durable = try DurableEngine { $0.debugSpillEveryCommand = true }
        defer { durable.close() }
        durable.run("SET", "key", "value")
        #expect(durable.engine.persistence.checkpoints == 0)
        let crashed = durable.directory + "-lost"
        shell("cp -r \(durable.directory) \(crashed) && rm -rf \(crashed)/appendonlydir")
        defer { shell("rm -rf \(crashed)") }
        do {
            let found = try DurableEngine(directory: crashed)
            // Before its first batch the store belongs to nobody.
            #expect(found.run("DBSIZE") == ":1")
            found.engine.close()
            Issue.record("the store was taken without its log")
        } catch {}
    }

    /// New effects would get positions again that the store's records have already.
    @Test func aLogThatEndsBeforeTheStoreIsRefused() throws {
        var spills = true
        let durable = try DurableEngine { $0.debugSpillEveryCommand = spills }
        defer { durable.close() }
        for number in 0..<20 { durable.run("SET", "key", "\(number)") }
        spills = false
        let crashed = durable.directory + "-crashed"
        defer { shell("rm -rf \(crashed)") }
        do {
            let found = try durable.crashed { copy in
                let segment = "\(copy)/appendonlydir/appendonly.aof.1.incr.aof"
                return "truncate -s $(($(stat -c %s \(segment)) / 2)) \(segment)"
            }
            found.close()
            Issue.record("the log's end is missing")
        } catch let error as StartError {
            #expect(error.description.contains("the log's end is missing. See firn-check"))
        }
    }

    /// The base of a log and the cold tier may both be there, while the log is turned on or off.
    @Test func aStoreThatIsBehindTheBaseIsFilledAnew() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        for key in 0..<200 { durable.run("SET", "old:\(key)", "value") }
        rewrite(durable)
        for key in 0..<200 { durable.run("SET", "key:\(key)", "value") }
        durable.run("DEL", "old:1")
        // As `CONFIG SET appendonly no` does before it lets the store leave the stream.
        let engine = durable.engine
        let writer = try #require(engine.logWriter)
        try engine.withLock { try writer.beginRotation(&$0.log) }
        let job = try engine.withLock { try $0.beginBase() }
        try writer.completeRotation()
        #expect(engine.writeBase(job, writer).map { "\($0)" } == nil)
        durable.run("SET", "last", "value")
        let expected = digest(durable)
        var crashed = try durable.crashed()
        #expect(digest(crashed) == expected)
        #expect(crashed.report.importedKeys == 399)
        try crashed.reopen()
        #expect(digest(crashed) == expected)
        crashed.close()
        // And as `CONFIG SET appendonly yes` goes on.
        rewrite(durable)
        crashed = try durable.crashed()
        #expect(crashed.report.importedKeys == 0)
        #expect(digest(crashed) == expected)
        crashed.close()
    }
}
