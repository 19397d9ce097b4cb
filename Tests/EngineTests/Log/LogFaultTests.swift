import Glibc
import TestSupport
import Testing

@testable import Engine

@Suite struct LogFaultTests {
    private static let segment = "appendonlydir/appendonly.aof.1.incr.aof"

    /// Writes fail, tear or come short at random, the disk fills up and empties: nothing is lost
    /// or doubled.
    @Test(arguments: 1...20) func failingWrites(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        var expected: [Effect] = []
        var flushed = 0
        disk.fault = { operation, _ in
            guard operation == "write" || operation == "truncate" else { return nil }
            switch Int.random(in: 0..<8, using: &random) {
            case 0: return .fail([EIO, ENOSPC].randomElement(using: &random)!)
            case 1: return .tear(Int.random(in: 0..<60, using: &random), ENOSPC)
            case 2...3: return .short(Int.random(in: 1..<40, using: &random))
            default: return nil
            }
        }
        for step in 0..<150 {
            disk.capacity = step % 50 < 30 ? .max : 1500 + step * 10
            expected += buffer.addUnit(randomUnit(&random))
            switch writer.flush(&buffer) {
            case .written:
                flushed = expected.count
                #expect(writer.lastWriteError == nil)
                #expect(buffer.count == 0)
            case .failed(let error):
                #expect(writer.lastWriteError == error)
                #expect(buffer.count > 0)
            default: Issue.record("neither written nor failed")
            }
            if step % 3 == 0 { _ = writer.makeRoom() }
            if step % 5 != 0 { continue }
            let fault = disk.fault
            disk.fault = nil
            let (effects, end) = try readLog(disk)
            #expect(effects == Array(expected.prefix(effects.count)))
            #expect(effects.count >= flushed)
            #expect(end.lsn >= writer.writtenLSN)
            disk.fault = fault
        }
        disk.fault = nil
        disk.capacity = .max
        _ = writer.flush(&buffer)
        #expect(try readLog(disk).effects == expected)
        #expect(writer.lastWriteError == nil)
    }

    /// What the disk has promised it keeps, however full it is; what it does not promise any more
    /// is said in time, and room that was not needed is given back.
    @Test func roomAhead() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        func write(_ bytes: Int) -> LogWriter.FlushResult {
            let value = [UInt8](repeating: 1, count: bytes)
            _ = buffer.addUnit([Effect(0, [Array("SET".utf8), [1], value])])
            return writer.flush(&buffer)
        }
        let step = LogWriter.roomBytes / 16
        disk.capacity = LogWriter.roomBytes + step
        #expect(writer.makeRoom() == .ample)
        // Others take what is left.
        disk["other"] = [UInt8](repeating: 0, count: step / 2)
        var rooms: [LogRoom] = []
        while rooms.last != LogRoom.none, rooms.count < 100 {
            #expect(write(step / 2) == .written)
            rooms.append(writer.makeRoom())
        }
        #expect(Set(rooms.drop { $0 == .ample }.drop { $0 == .short }) == [.none])
        #expect(rooms.contains(.short) && rooms.count > 20)
        guard case .failed(let error) = write(step * 4) else { return #expect(Bool(false)) }
        #expect(error.errno == ENOSPC)
        // A write that failed gives the promised room back, and asks anew.
        disk["other"] = nil
        disk.capacity = LogWriter.roomBytes * 4
        #expect(writer.flush(&buffer) == .written)
        #expect(writer.makeRoom() == .ample)
        // The next segment takes the room that this one did not need.
        let file = try disk.open("probe", .create)
        #expect(throws: IOError.self) { _ = try file.allocate(upTo: disk.capacity / 2) }
        try writer.rotate(&buffer)
        #expect(try file.allocate(upTo: disk.capacity / 2))
        // A file system that promises nothing.
        disk.allocates = false
        disk.capacity = 0
        #expect(writer.makeRoom() == .ample)
    }

    /// The power fails at any moment, keeping any part of what was not synced: everything up to
    /// `syncedLSN` is there, and what is there is a prefix of what was written.
    @Test(arguments: 1...40) func crashes(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        let disk = SimulatedDisk()
        var writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        var history: [(effect: Effect, lsn: LSN)] = []
        for _ in 0..<6 {
            // The operation at which the power goes, whatever that is.
            var left = Int.random(in: 5..<120, using: &random)
            disk.fault = { _, _ in
                left -= 1
                return left < 0 ? .fail(EIO) : nil
            }
            while left > 0 {
                for effect in buffer.addUnit(randomUnit(&random)) {
                    history.append((effect, buffer.lsn))
                }
                _ = writer.flush(&buffer)
                switch Int.random(in: 0..<10, using: &random) {
                case 0: try? writer.rotate(&buffer)
                case 1...3: try? writer.sync()
                default: break
                }
            }
            let synced = writer.syncedLSN
            disk.crash(keeping: Int.random(in: 0..<200, using: &random))
            let (effects, end) = try readLog(disk)
            #expect(end.lsn >= synced)
            #expect(effects == history.prefix(effects.count).map(\.effect))
            #expect(effects.count >= history.filter { $0.lsn <= synced }.count)
            history.removeLast(history.count - effects.count)
            writer = try LogWriter.resume(disk, testFiles, end)
            buffer = LogBuffer(lsn: end.lsn)
        }
    }

    /// A failed fdatasync drops dirty pages; only bytes that were written again become durable.
    @Test func failedSyncIsNotHealedByALaterOne() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        var expected = buffer.addUnit([Effect(0, "SET a 1")])
        _ = writer.flush(&buffer)
        disk.fault = { operation, _ in operation == "syncData" ? .fail(EIO) : nil }
        #expect(throws: LogError.self) { try writer.sync() }
        #expect(writer.syncedLSN == 0)
        #expect(writer.lastSyncError != nil)
        disk.fault = nil
        expected += buffer.addUnit([Effect(0, "SET b 1")])
        _ = writer.flush(&buffer)
        try writer.sync()
        #expect(writer.syncedLSN == writer.writtenLSN)
        #expect(writer.lastSyncError == nil)
        disk.crash()
        #expect(try readLog(disk).effects == expected)
    }

    /// If the dropped pages are gone from memory too, no sync ever succeeds again.
    @Test func lostPagesAreNeverCalledDurable() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        buffer.addUnit([Effect(0, "SET a 1")])
        _ = writer.flush(&buffer)
        disk.fault = { operation, _ in operation == "syncData" ? .fail(EIO) : nil }
        #expect(throws: LogError.self) { try writer.sync() }
        disk.fault = nil
        disk.dropCache(Self.segment)
        for _ in 0..<3 {
            #expect(throws: LogError.self) { try writer.sync() }
            #expect(throws: LogError.self) { try writer.rotate(&buffer) }
        }
        #expect(writer.syncedLSN == 0)
    }

    /// Every step of a rotation fails once; then the log is whole and goes on.
    @Test func rotationFailsAtEveryStep() throws {
        for step in 0..<20 {
            for crashes in [false, true] {
                let disk = SimulatedDisk()
                var writer = try LogWriter.create(disk, testFiles, stream: testStream)
                var buffer = LogBuffer()
                var expected = buffer.addUnit([Effect(1, "SET a 1")])
                _ = writer.flush(&buffer)
                try writer.sync()
                var left = step
                disk.fault = { _, _ in
                    left -= 1
                    return left == -1 || (crashes && left < 0) ? .fail(EIO) : nil
                }
                do { try writer.rotate(&buffer) } catch {}
                disk.fault = nil
                if crashes {
                    disk.crash()
                    let end = try readLog(disk).end
                    writer = try LogWriter.resume(disk, testFiles, end)
                    buffer = LogBuffer(lsn: end.lsn)
                }
                try writer.sync()
                expected += buffer.addUnit([Effect(1, "SET b 1")])
                #expect(writer.flush(&buffer) == .written, "step \(step)")
                try writer.rotate(&buffer)
                expected += buffer.addUnit([Effect(1, "SET c 1")])
                #expect(writer.flush(&buffer) == .written, "step \(step)")
                try writer.sync()
                disk.crash()
                #expect(try readLog(disk).effects == expected, "step \(step)")
            }
        }
    }

    @Test func theSyncerServesWhoWaits() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream, policy: .no)
        let seen = Monitor()
        nonisolated(unsafe) var durable: LSN = 0
        nonisolated(unsafe) var failures = 0
        let syncer = try LogSyncer(writer) { lsn, error in
            seen.withLock {
                durable = lsn
                if error != nil { failures += 1 }
                seen.notifyAll()
            }
        }
        var buffer = LogBuffer()
        for _ in 0..<20 {
            buffer.addUnit([Effect(0, "SET a 1")])
            let lsn = buffer.lsn
            // Half of them are asked for before they are written.
            syncer.requestSync(lsn)
            #expect(writer.flush(&buffer) == .written)
            seen.withLock { while durable < lsn { seen.wait() } }
            #expect(writer.syncedLSN >= lsn)
        }
        buffer.addUnit([Effect(0, "SET a 1")])
        _ = writer.flush(&buffer)
        try syncer.waitDurable(buffer.lsn)
        #expect(writer.syncedLSN == buffer.lsn)

        disk.fault = { operation, _ in operation == "syncData" ? .fail(EIO) : nil }
        buffer.addUnit([Effect(0, "SET a 1")])
        _ = writer.flush(&buffer)
        let lsn = buffer.lsn
        #expect(throws: LogError.self) { try syncer.waitDurable(lsn) }
        seen.withLock { while failures == 0 { seen.wait() } }
        disk.fault = nil
        seen.withLock { while durable < lsn { seen.wait() } }
        syncer.stop()
        disk.crash()
        #expect(try readLog(disk).end.lsn == lsn)
    }

    @Test func everysecSyncsWithoutBeingAsked() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream, policy: .everysec)
        let seen = Monitor()
        nonisolated(unsafe) var durable: LSN = 0
        let syncer = try LogSyncer(writer) { lsn, _ in
            seen.withLock {
                durable = lsn
                seen.notifyAll()
            }
        }
        var buffer = LogBuffer()
        buffer.addUnit([Effect(0, "SET a 1")])
        _ = writer.flush(&buffer)
        seen.withLock { while durable < buffer.lsn { seen.wait() } }
        buffer.addUnit([Effect(0, "SET a 1")])
        _ = writer.flush(&buffer)
        syncer.stop()
        #expect(writer.syncedLSN == buffer.lsn)
    }
}
