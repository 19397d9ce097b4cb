// The base of the log: every step of taking it in may fail or be the last before the power goes.

import Glibc
import TestSupport
import Testing

@testable import Engine

@Suite struct LogBaseTests {
    private static let files = LogFiles(directory: "data/appendonlydir")

    /// An engine without cold tier whose log and bases are on a disk in memory.
    private final class Writing {
        let disk: SimulatedDisk
        let engine: Engine
        let client: Client
        private var count = 0

        init(_ disk: SimulatedDisk, awaitsBase: Bool = false, keys: Int = 0) throws {
            self.disk = disk
            engine = makeEngine(disk)
            client = Client(id: 1, nowMs: engine.nowMs)
            for key in 0..<keys { run("SET", "old:\(key)", "value") }
            let writer = try LogWriter.create(
                disk, LogBaseTests.files, stream: testStream, lsn: awaitsBase ? 1000 : 0,
                awaitsBase: awaitsBase)
            // Without the syncer's thread, so that each step has its number.
            engine.logWriter = writer
            engine.log = LogBuffer(lsn: writer.writtenLSN)
            engine.logIsEnabled = true
        }

        var writer: LogWriter { engine.logWriter! }
        var digest: String { engine.keyspaceDigest(exactly: true).text }

        func run(_ words: String...) {
            OwnedArguments(words.map { Array($0.utf8) }).withArguments {
                engine.execute(client, $0)
            }
            client.reply.removeAll()
        }

        func write() throws {
            for _ in 0..<20 {
                count += 1
                run("SET", "key:\(count % 30)", "\(count)")
                run("RPUSH", "list", "\(count)")
            }
            run("PEXPIREAT", "list", "4000000000000")
            engine.flushLog()
            try writer.sync()
        }

        /// What maintenance and the rewriting thread do, one after the other.
        func rewrite() throws {
            try writer.beginRotation(&engine.log)
            let job = try engine.beginBase()
            do { try writer.completeRotation() } catch {
                engine.snapshots.job = nil
                engine.snapshotIsRunning = false
                throw error
            }
            if let failure = engine.writeBase(job, writer) { throw failure }
        }
    }

    private static func makeEngine(_ disk: SimulatedDisk) -> Engine {
        var configuration = Configuration()
        configuration.coldTier = false
        configuration.dir = "data"
        configuration.savePoints = []
        return Engine(
            configuration: configuration, secret: HashSecret(k0: 1, k1: 2), seed: 1,
            world: World(disk: disk))
    }

    /// The digest of what a start would find; nil if there is no log.
    private func recovered(_ disk: SimulatedDisk) throws -> String? {
        guard let manifest = try Self.files.loadManifest(disk) else { return nil }
        let engine = Self.makeEngine(disk)
        var reader = try LogReader(disk, Self.files, manifest)
        if let base = manifest.base {
            _ = try engine.importSnapshot(
                Self.files.path(base.name), isBase: true, position: reader.startLSN)
        } else if reader.startLSN > 0 {
            return "the segments before \(reader.startLSN) are gone"
        }
        var report = RecoveryReport()
        _ = try engine.replay(&reader, from: reader.startLSN, report: &report)
        return engine.keyspaceDigest(exactly: true).text
    }

    @Test(arguments: [false, true]) func everyStepOfARewrite(crashes: Bool) throws {
        var steps = 0
        for step in 0..<60 {
            let disk = SimulatedDisk()
            let test = try Writing(disk)
            try test.write()
            try test.rewrite()
            try test.write()
            var left = step
            disk.fault = { _, _ in
                left -= 1
                return left == -1 || (crashes && left < 0) ? .fail(EIO) : nil
            }
            var failed = false
            do { try test.rewrite() } catch { failed = true }
            if failed { steps += 1 }
            disk.fault = nil
            if crashes {
                disk.crash()
                #expect(try recovered(disk) == test.digest, "step \(step)")
                continue
            }
            try test.writer.completeRotation()
            try test.write()
            #expect(try recovered(disk) == test.digest, "step \(step)")
            try test.rewrite()
            try test.write()
            disk.crash()
            #expect(try recovered(disk) == test.digest, "step \(step)")
            #expect(try size(disk) == test.writer.fileBytes, "step \(step)")
            try test.rewrite()
            #expect(test.writer.currentSegments.count == 1)
        }
        #expect(steps > 10)
    }

    /// What the files come to that the manifest names.
    private func size(_ disk: SimulatedDisk) throws -> Int {
        let manifest = try #require(try Self.files.loadManifest(disk))
        return ([manifest.base!] + manifest.segments).reduce(0) {
            $0 + (disk[Self.files.path($1.name)]?.count ?? 0)
        }
    }

    /// A log that begins while the server runs counts with its base, and not before.
    @Test(arguments: [false, true]) func everyStepOfABeginning(hasOldLog: Bool) throws {
        var endings: Set<Bool> = []
        for step in 0..<40 {
            let disk = SimulatedDisk()
            var oldDigest: String?
            if hasOldLog {
                let old = try Writing(disk)
                try old.write()
                try old.rewrite()
                oldDigest = old.digest
            }
            let test = try Writing(disk, awaitsBase: true, keys: 50)
            try test.write()
            #expect(try recovered(disk) == oldDigest)
            // The job began with the first segment.
            let fresh = try Writing(disk, awaitsBase: true, keys: 50)
            let job = try fresh.engine.beginBase()
            try fresh.write()
            var left = step
            disk.fault = { _, _ in
                left -= 1
                return left < 0 ? .fail(EIO) : nil
            }
            let failure = fresh.engine.writeBase(job, fresh.writer)
            disk.crash()
            let found = try recovered(disk)
            #expect(found == oldDigest || found == fresh.digest, "step \(step)")
            if failure == nil { #expect(found == fresh.digest) }
            endings.insert(found == fresh.digest)
        }
        #expect(endings.count == 2)
    }

    @Test func aBaseOfAnotherPositionIsRefused() throws {
        let disk = SimulatedDisk()
        let test = try Writing(disk)
        try test.write()
        try test.rewrite()
        try test.write()
        let first = try #require(try Self.files.loadManifest(disk)?.base)
        let bytes = disk[Self.files.path(first.name)]
        try test.rewrite()
        let second = try #require(try Self.files.loadManifest(disk)?.base)
        disk[Self.files.path(second.name)] = bytes
        #expect(throws: StartError.self) { _ = try recovered(disk) }
    }

    /// Plays the maintenance thread until `condition` holds.
    private func settle(_ engine: Engine, until condition: (Engine) -> Bool) {
        let maintenance = Maintenance(engine)
        for _ in 0..<5000 {
            _ = maintenance.step()
            if engine.withLock({ condition($0) && !$0.rewriting.isRunning }) { return }
            usleep(1000)
        }
        Issue.record("it does not get there")
    }

    private func failBases(_ disk: SimulatedDisk) {
        disk.fault = { operation, path in
            operation == "write" && path.contains(".base.rdb") ? .fail(ENOSPC) : nil
        }
    }

    @Test func aFailedRewriteIsToldAndTheLogGoesOn() throws {
        let disk = SimulatedDisk()
        let test = try Writing(disk)
        let engine = test.engine
        try test.write()
        failBases(disk)
        test.run("BGREWRITEAOF")
        settle(engine) { $0.rewriting.failures == 1 }
        #expect(engine.persistence.checkpointError != nil)
        #expect(!engine.rewriting.isWanted)
        #expect(engine.snapshots.job == nil && !engine.snapshotIsRunning)
        try test.write()
        #expect(try recovered(disk) == test.digest)
        disk.fault = nil
        test.run("BGREWRITEAOF")
        settle(engine) { $0.persistence.checkpoints == 1 }
        #expect(engine.persistence.checkpointError == nil)
        try test.write()
        disk.crash()
        #expect(try recovered(disk) == test.digest)
        #expect(try Self.files.loadManifest(disk)?.base != nil)
    }

    /// CONFIG SET appendonly yes holds although the first base fails: the log begins later.
    @Test func aLogBeginsWhenItsBaseSucceeds() throws {
        let disk = SimulatedDisk()
        let test = try Writing(disk)
        let engine = test.engine
        engine.logWriter = nil
        engine.logIsEnabled = false
        engine.configuration.appendOnly = false
        try disk.remove("data/appendonlydir/appendonly.aof.manifest")
        test.run("SET", "key", "before")
        failBases(disk)
        #expect(engine.setConfiguration([("appendonly", "yes")], isLocal: true) == nil)
        settle(engine) { $0.rewriting.failures == 1 && $0.logWriter == nil }
        #expect(try recovered(disk) == nil)
        #expect(engine.rewriting.isWanted && !engine.logIsEnabled)
        disk.fault = nil
        test.run("SET", "key", "between")
        engine.rewriting.nextTryMs = 0
        settle(engine) { $0.logWriter.map { !$0.isAwaitingBase } ?? false }
        test.run("SET", "more", "after")
        engine.withLock { $0.flushLog() }
        try test.writer.sync()
        #expect(try recovered(disk) == test.digest)
        let logged = test.digest
        #expect(engine.setConfiguration([("appendonly", "no")], isLocal: true) == nil)
        settle(engine) { $0.logWriter == nil }
        test.run("SET", "more", "not logged")
        disk.crash()
        #expect(try recovered(disk) == logged)
    }
}
