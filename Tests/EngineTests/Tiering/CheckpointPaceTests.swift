// When checkpoints begin by themselves, and how quickly they go.

import Glibc
import Testing

@testable import Engine

@Suite struct CheckpointPaceTests {
    @Test func bandwidthIsKept() throws {
        let test = try DurableEngine { $0.checkpointBytesPerSecond = 1 }
        defer { test.close() }
        for part in 0..<20 {
            test.turn((0..<100).map { ["SET", "key:\(part):\($0)", "value"] })
        }
        test.run("BGREWRITEAOF")
        #expect(test.wait { $0.checkpoint.handedOver > 0 })
        #expect(test.engine.withLock { $0.checkpointMustPause })
        // One slice is through; the rest would take hours.
        let (phase, moved) = test.engine.withLock {
            ($0.checkpoint.phase, $0.checkpoint.handedOver)
        }
        #expect(phase == .walking)
        #expect(moved < 1000)
        let info = test.run("INFO", "persistence")
        #expect(info.contains("checkpoint_phase:walking"))
        #expect(info.contains("checkpoint_current_keys:\(moved)"))
        #expect(test.run("CONFIG", "SET", "checkpoint-bandwidth", "0") == "+OK")
        #expect(test.wait { $0.persistence.checkpoints == 1 && $0.checkpoint.phase == .idle })
        #expect(test.run("INFO", "persistence").contains("checkpoint_dirty_keys:0"))
    }

    @Test func theEndOfTheServerIsNotHeldUp() throws {
        let test = try DurableEngine { $0.checkpointBytesPerSecond = 1 }
        defer { test.close() }
        for part in 0..<20 {
            test.turn((0..<100).map { ["SET", "key:\(part):\($0)", "value"] })
        }
        try test.reopen()
        #expect(test.report.replayedEffects == 0)
        #expect(test.run("DBSIZE") == ":2000")
    }

    @Test func ageBeginsOne() throws {
        let test = try DurableEngine { $0.checkpointIntervalSeconds = 1 }
        defer { test.close() }
        test.run("SET", "key", "value")
        #expect(test.wait { $0.persistence.checkpoints == 1 && $0.checkpoint.phase == .idle })
        // Nothing has been logged since.
        test.engine.withLock { engine in
            engine.persistence.lastCheckpointMs -= 10_000
            #expect(!engine.checkpointIsDue)
        }
        test.run("SET", "key", "other")
        #expect(test.wait { $0.persistence.checkpoints == 2 })
    }
}
