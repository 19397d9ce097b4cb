import Glibc
import TestSupport
import Testing

@testable import Engine

@Suite struct GatheringTests {
    /// While a sync runs, writers' effects gather for the next and others are answered at once; when
    /// it has ended one write and one sync serve them all.
    @Test func whatIsWrittenWhileASyncRuns() throws {
        var template = Array("/tmp/firn-test-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template)!)
        defer { _ = rmdir(directory) }
        var configuration = Configuration()
        configuration.dir = directory
        configuration.coldTier = false
        configuration.savePoints = []
        configuration.appendFsync = .always
        let disk = SimulatedDisk()
        let engine = try Engine.open(configuration, in: World(disk: disk)) { _ in }.engine
        defer {
            engine.close()
            unlink("\(directory)/firn.lock")
        }
        let syncer = try #require(engine.logSyncer)
        // No turns but the test's.
        engine.maintenance?.stop()
        let client = Client(id: 1, nowMs: engine.nowMs)
        func turn(_ line: String?) -> TurnEnd {
            engine.withLock { engine in
                engine.beginTurn()
                if let words = line?.split(separator: " ") {
                    OwnedArguments(words.map { Array($0.utf8) }).withArguments {
                        engine.execute(client, $0)
                    }
                }
                client.reply.removeAll()
                return engine.endTurn()
            }
        }
        let gate = Monitor()
        nonisolated(unsafe) var isShut = true
        nonisolated(unsafe) var syncs = 0
        disk.fault = { operation, _ in
            guard operation == "syncData" else { return nil }
            gate.withLock {
                syncs += 1
                gate.notifyAll()
                // The disk takes no other call meanwhile: a write would wait, and fail the test.
                let until = Clock.monotonicUs() + 5_000_000
                while isShut, Clock.monotonicUs() < until { gate.wait(microseconds: 100_000) }
            }
            return nil
        }
        let progress = Monitor()
        nonisolated(unsafe) var ended = 0
        engine.withLock {
            $0.onLogProgress = {
                progress.withLock {
                    ended += 1
                    progress.notifyAll()
                }
            }
        }
        let first = try #require(turn("SET a 1").durableLSN)
        gate.withLock { while syncs == 0 { gate.wait() } }
        #expect(syncer.isSyncing)
        #expect(turn("GET a").durableLSN == nil)
        let second = try #require(turn("SET b 1").durableLSN)
        #expect(turn("GET a").durableLSN == nil)
        let third = try #require(turn("SET c 1").durableLSN)
        #expect(turn(nil).durableLSN == nil)
        #expect(first < second && second < third)
        #expect(syncer.writer.writtenLSN == first && !engine.withLock { $0.log.isEmpty })
        gate.withLock {
            isShut = false
            gate.notifyAll()
        }
        progress.withLock { while ended == 0 { progress.wait() } }
        #expect(syncer.writer.syncedLSN == first)
        // The turn that an event loop makes then.
        #expect(turn(nil).durableLSN == nil)
        #expect(syncer.writer.writtenLSN == third)
        progress.withLock { while ended == 1 { progress.wait() } }
        #expect(syncer.writer.syncedLSN == third)
        #expect(gate.withLock { syncs } == 2)
    }
}
