// What the simulation has found, each by the shortest way to it.

import Glibc
import TestSupport
import Testing

@testable import Engine

/// A directory, a clock and a configuration for servers that follow one another.
private final class Place {
    let directory: String
    let time = ManualTime()
    var configuration = Configuration()

    init() {
        var template = Array("/tmp/firn-simulation-XXXXXX".utf8CString)
        directory = String(cString: mkdtemp(&template)!)
        configuration.dir = directory
        configuration.coldTier = false
        configuration.appendFsync = .always
        configuration.memoryBudget = MemoryBudget(bytes: 0)
        configuration.savePoints = []
    }

    deinit {
        unlink("\(directory)/firn.lock")
        rmdir(directory)
    }

    func start(_ disk: SimulatedDisk) throws(StartError) -> SimulatedServer {
        try SimulatedServer(disk, time, configuration, seed: 1)
    }
}

extension SimulatedServer {
    /// Executes one command; its reply.
    fileprivate func run(_ words: String...) -> String {
        turn([Request(words: words, touched: nil)], index: 0)[0]
    }
}

@Suite struct SimulatedLifeTests {
    /// At the server's end a snapshot in the background is abandoned for one that is made at once,
    /// perhaps in the same millisecond. What its thread writes then is no part of the other's file.
    @Test func anAbandonedSnapshotLeavesOthersAlone() throws {
        let place = Place()
        place.configuration.appendOnly = false
        let disk = SimulatedDisk()
        let server = try place.start(disk)
        #expect(server.run("SET", "a", "1") == "+OK\r\n")
        #expect(server.run("BGSAVE").hasPrefix("+"))
        // It has opened its file and walked over the keys.
        server.stepSnapshot(index: 0)
        #expect(disk.isHoldingBackground)
        #expect(server.run("SET", "b", "2") == "+OK\r\n")
        #expect(server.engine.withLock { $0.saveBeforeEnd(.save) } == nil)
        let saved = disk["\(place.directory)/dump.rdb"]
        #expect(saved != nil)
        while disk.isHoldingBackground { server.stepSnapshot(index: 0) }
        #expect(disk["\(place.directory)/dump.rdb"] == saved)
        #expect(disk.files.map(\.path) == ["\(place.directory)/dump.rdb"])
        server.abandon()
    }

    /// The disk refuses effects; then a rewrite, which changes the segment, writes them. Writes are
    /// taken again, and who waited gets the reply.
    @Test func aRewriteHealsTheLog() throws {
        let place = Place()
        let disk = SimulatedDisk()
        let server = try place.start(disk)
        disk.fault = { operation, _ in operation == "write" ? .fail(ENOSPC) : nil }
        #expect(server.run("SET", "a", "1") == "+OK\r\n")
        #expect(server.run("SET", "a", "2").hasPrefix("-MISCONF"))
        disk.fault = nil
        server.engine.withLock { $0.requestRewrite() }
        server.engine.beginRewrite()
        #expect(server.run("SET", "a", "3") == "+OK\r\n")
        server.sync(index: 0)
        #expect(server.waitingCount == 0)
        server.abandon()
    }

    /// The process is killed at any call of a rewrite, started again, and the power fails: what was
    /// acknowledged between is there, though a name that the killed process gave was not durable.
    @Test func aKilledRewriteIsMadeDurableByTheNextStart() throws {
        let place = Place()
        var call = 0
        var isThrough = false
        while !isThrough {
            let disk = SimulatedDisk()
            var server = try place.start(disk)
            #expect(server.run("SET", "a", "1") == "+OK\r\n")
            server.sync(index: 0)
            disk.powerFailsAtCall = disk.callCount + call
            server.engine.withLock { $0.requestRewrite() }
            server.maintain(index: 0)
            while disk.isHoldingBackground { server.stepSnapshot(index: 0) }
            isThrough = !disk.isDead
            server.abandon()
            let left = disk.afterKill()
            server = try place.start(left)
            #expect(server.run("SET", "b", "1") == "+OK\r\n")
            server.sync(index: 0)
            #expect(server.waitingCount == 0)
            server.abandon()
            left.crash()
            left.powerFailsAtCall = .max
            server = try place.start(left)
            #expect(server.run("GET", "b") == "$1\r\n1\r\n", "call \(call)")
            server.abandon()
            call += 1
        }
        #expect(call > 10)
    }
}
