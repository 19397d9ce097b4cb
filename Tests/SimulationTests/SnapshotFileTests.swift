// Snapshots that meet.

import Glibc
import TestSupport
import Testing

@testable import Engine

@Suite struct SnapshotFileTests {
    /// At the server's end a snapshot in the background is abandoned for one that is made at once,
    /// perhaps in the same millisecond. What its thread writes then is no part of the other's file.
    @Test func anAbandonedSnapshotLeavesOthersAlone() throws {
        var template = Array("/tmp/firn-simulation-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template)!)
        defer {
            unlink("\(directory)/firn.lock")
            rmdir(directory)
        }
        var configuration = Configuration()
        configuration.dir = directory
        configuration.coldTier = false
        configuration.appendOnly = false
        configuration.memoryBudget = MemoryBudget(bytes: 0)
        configuration.savePoints = []
        configuration.enableDebugCommand = .yes
        let disk = SimulatedDisk()
        let server = try SimulatedServer(disk, ManualTime(), configuration, seed: 1)
        func run(_ words: String...) -> String {
            server.turn([Request(words: words, touched: nil)], index: 0)[0]
        }
        #expect(run("SET", "a", "1") == "+OK\r\n")
        #expect(run("BGSAVE").hasPrefix("+"))
        // It has opened its file and walked over the keys.
        server.stepSnapshot(index: 0)
        #expect(disk.isHoldingBackground)
        #expect(run("SET", "b", "2") == "+OK\r\n")
        #expect(server.engine.withLock { $0.saveBeforeEnd(.save) } == nil)
        let saved = disk["\(directory)/dump.rdb"]
        #expect(saved != nil)
        while disk.isHoldingBackground { server.stepSnapshot(index: 0) }
        #expect(disk["\(directory)/dump.rdb"] == saved)
        #expect(disk.files.map(\.path) == ["\(directory)/dump.rdb"])
        server.abandon()
    }
}
