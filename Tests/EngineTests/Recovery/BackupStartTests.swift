// The first start of a backup begins a stream of its own, once, wherever it is interrupted.

import Glibc
import TestSupport
import Testing

@testable import Engine

@Suite(.serialized) struct BackupStartTests {
    private func shell(_ command: String) { #expect(system(command) == 0) }

    private func digest(_ engine: Engine) -> String {
        engine.withLock { $0.keyspaceDigest(exactly: true).text }
    }

    private func stream(_ durable: DurableEngine) -> [UInt8]? { durable.engine.logWriter?.stream }

    private func rewrite(_ durable: DurableEngine) {
        let before = durable.engine.persistence.checkpoints
        durable.run("BGREWRITEAOF")
        #expect(durable.wait { $0.persistence.checkpoints > before && !$0.rewritesLog })
    }

    /// A busy engine with a backup `b` of the position that is returned, and what that holds.
    private func backedUp(
        _ coldTier: Bool, keys: Int = 3000
    ) throws -> (original: DurableEngine, lsn: LSN, digest: String) {
        let durable = try DurableEngine {
            $0.coldTier = coldTier
            $0.memoryBudget = MemoryBudget(bytes: coldTier ? 300 << 10 : 0)
        }
        for key in 0..<keys { durable.run("SET", "key:\(key)", "value \(key)") }
        if coldTier { rewrite(durable) }
        for key in 0..<keys / 6 { durable.run("RPUSH", "list:\(key)", "a", "\(key)") }
        #expect(durable.engine.withLock { $0.startBackup("b") } == nil)
        #expect(durable.wait { !$0.backup.isRunning })
        #expect(durable.engine.backup.lastError == nil)
        return (durable, durable.engine.backup.lastLSN, digest(durable.engine))
    }

    @Test(arguments: [true, false]) func itsStreamIsItsOwn(coldTier: Bool) throws {
        let (original, lsn, held) = try backedUp(coldTier)
        defer { original.close() }
        let id = try #require(stream(original))
        let directory = original.directory + "/backup/b"
        let copy = try DurableEngine(directory: directory) { $0.coldTier = coldTier }
        let own = try #require(stream(copy))
        #expect(own != id)
        #expect(copy.engine.logWriter?.former == FormerStream(stream: id, until: lsn))
        #expect(copy.engine.log.lsn == lsn)
        #expect(digest(copy.engine) == held)
        #expect(access("\(directory)/firn.backup", F_OK) != 0)
        let info = copy.run("INFO", "replication")
        #expect(info.contains("master_replid:\(String(decoding: own, as: UTF8.self))"))
        #expect(info.contains("master_replid2:\(String(decoding: id, as: UTF8.self))"))
        #expect(info.contains("second_repl_offset:\(lsn + 1)"))
        copy.run("SET", "own", "1")
        let later = digest(copy.engine)
        try copy.reopen()
        #expect(stream(copy) == own)
        #expect(digest(copy.engine) == later)
        rewrite(copy)
        copy.run("SET", "own", "2")
        try copy.reopen()
        #expect(stream(copy) == own)
        #expect(copy.run("GET", "own") == "2")
        copy.engine.close()
        try original.reopen()
        #expect(stream(original) == id)
        #expect(digest(original.engine) == held)
    }

    /// A second server on a copy of the same backup writes a third stream.
    @Test func everyStartBeginsAnother() throws {
        let (original, _, held) = try backedUp(true)
        defer { original.close() }
        var streams: Set<[UInt8]> = [try #require(stream(original))]
        for number in 0..<2 {
            let directory = original.directory + "-\(number)"
            shell("cp -r --sparse=always \(original.directory)/backup/b \(directory)")
            let copy = try DurableEngine(directory: directory)
            defer { copy.close() }
            #expect(digest(copy.engine) == held)
            streams.insert(try #require(stream(copy)))
        }
        #expect(streams.count == 3)
    }

    /// The store that is still the original's must not have gone further than the backup.
    @Test func theOriginalsStoreIsRefused() throws {
        let (original, _, _) = try backedUp(true)
        defer { original.close() }
        let directory = original.directory + "/backup/b"
        let copy = try DurableEngine(directory: directory)
        for key in 0..<100 { copy.run("SET", "key:\(key)", "a longer value than the original's") }
        copy.engine.close()
        original.run("SET", "late", "1")
        rewrite(original)
        shell("cp --sparse=always \(original.directory)/cold/data.mdb \(directory)/cold/")
        #expect(throws: StartError.self) { _ = try DurableEngine(directory: directory) }
    }

    // MARK: Interrupted

    /// The power fails at any call of the disk in the first start, and again in the second.
    @Test(arguments: [true, false]) func interruptedAnywhere(coldTier: Bool) throws {
        let (original, lsn, held) = try backedUp(coldTier, keys: 300)
        defer { original.close() }
        let id = try #require(stream(original))
        let place = Place(original.directory + "/backup/b", coldTier)
        defer { place.remove() }
        var random = TestGenerator(4711)
        var call = 0
        while true {
            let disk = try place.fresh()
            disk.powerFailsAtCall = call
            let first = place.start(disk)
            let isThrough = !disk.isDead
            first?.abandon(disk)
            let kept = call % 3 == 0 ? disk.afterKill() : lost(disk, &random)
            kept.powerFailsAtCall = call % 7
            place.start(kept)?.abandon(kept)
            let left = lost(kept, &random)
            left.powerFailsAtCall = .max
            guard let server = place.start(left) else {
                Issue.record("call \(call): no start: \(place.error)")
                return
            }
            #expect(digest(server) == held, "call \(call)")
            let own = server.logWriter!.stream
            #expect(own != id)
            #expect(server.logWriter?.former == FormerStream(stream: id, until: lsn))
            #expect(server.log.lsn == lsn)
            #expect(!left.exists("\(place.directory)/firn.backup"))
            server.abandon(left)
            left.powerFailsAtCall = .max
            let again = try #require(place.start(left))
            #expect(again.logWriter?.stream == own)
            #expect(digest(again) == held)
            again.abandon(left)
            if isThrough { break }
            call += 1
        }
        #expect(call > 15)
    }

    private func lost(
        _ disk: SimulatedDisk, _ random: inout TestGenerator
    ) -> SimulatedDisk {
        disk.afterPowerFailure(&random) { $0.hasSuffix(".incr.aof") ? .prefix : .reordered }
    }
}

/// A backup whose log is on a simulated disk.
private final class Place {
    let directory: String
    let source: String
    var configuration = Configuration()
    var error = ""

    init(_ source: String, _ coldTier: Bool) {
        self.source = source
        directory = source + ".place"
        configuration.dir = directory
        configuration.coldTier = coldTier
        configuration.memoryBudget = MemoryBudget(bytes: coldTier ? 300 << 10 : 0)
        configuration.savePoints = []
    }

    func remove() { system("rm -rf \(directory)") }

    func fresh() throws -> SimulatedDisk {
        remove()
        system("cp -r --sparse=always \(source) \(directory)")
        let disk = SimulatedDisk()
        for folder in ["", "/appendonlydir"] {
            for name in try SystemDisk.shared.list(directory + folder)
            where name.hasPrefix("appendonly.aof") || name == "firn.backup" {
                let path = "\(directory)\(folder)/\(name)"
                disk[path] = try SystemDisk.shared.contents(path, bytesMax: 1 << 30)
                try SystemDisk.shared.remove(path)
            }
        }
        return disk
    }

    /// Nil when the power fails in it, or for a reason that `error` tells.
    func start(_ disk: SimulatedDisk) -> Engine? {
        do {
            return try Engine.open(configuration, in: World(disk: disk, isStepped: true)) { _ in }
                .engine
        } catch {
            self.error = error.description
            return nil
        }
    }
}

extension Engine {
    /// Ends an engine whose disk is gone.
    fileprivate func abandon(_ disk: SimulatedDisk) {
        disk.powerOff()
        logSyncer?.noteEnd()
        tier?.writer.stop()
        tier?.readers?.stop()
        logSyncer?.stop()
        directoryLock = nil
    }
}
