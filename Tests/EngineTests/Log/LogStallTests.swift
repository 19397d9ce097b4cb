// A disk that is slow, or refuses, to make the log durable: what writers are told.

import Glibc
import TestSupport
import Testing

@testable import Engine

/// A disk whose syncs of segments wait until they are let go.
private final class StallingDisk: Disk, @unchecked Sendable {
    let disk = SimulatedDisk()
    private let monitor = Monitor()
    private var stalls = false
    private(set) var waiting = 0

    func stall(_ stalls: Bool) {
        monitor.withLock {
            self.stalls = stalls
            monitor.notifyAll()
        }
    }

    /// Returns when a sync is being held up.
    func awaitSync() {
        monitor.withLock { while waiting == 0 { monitor.wait() } }
    }

    fileprivate func pass() {
        monitor.withLock {
            waiting += 1
            monitor.notifyAll()
            while stalls { monitor.wait() }
            waiting -= 1
        }
    }

    func open(_ path: String, _ mode: OpenMode) throws(IOError) -> any DiskFile {
        StallingFile(self, try disk.open(path, mode))
    }
    func exists(_ path: String) -> Bool { disk.exists(path) }
    func rename(_ path: String, to target: String) throws(IOError) {
        try disk.rename(path, to: target)
    }
    func remove(_ path: String) throws(IOError) { try disk.remove(path) }
    func list(_ directory: String) throws(IOError) -> [String] { try disk.list(directory) }
    func makeDirectory(_ path: String) throws(IOError) { try disk.makeDirectory(path) }
    func syncDirectory(_ path: String) throws(IOError) { try disk.syncDirectory(path) }
}

private final class StallingFile: DiskFile, @unchecked Sendable {
    let owner: StallingDisk
    let file: any DiskFile

    init(_ owner: StallingDisk, _ file: any DiskFile) {
        self.owner = owner
        self.file = file
    }

    var path: String { file.path }
    func write(_ bytes: Bytes, at offset: Int) throws(IOError) -> Int {
        try file.write(bytes, at: offset)
    }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOError) -> Int {
        try file.read(into: buffer, at: offset)
    }
    func size() throws(IOError) -> Int { try file.size() }
    func truncate(to size: Int) throws(IOError) { try file.truncate(to: size) }
    func syncData() throws(IOError) {
        owner.pass()
        try file.syncData()
    }
}

@Suite struct LogStallTests {
    private let disk = StallingDisk()
    private let time = ManualTime()
    private let test: TestEngine
    private var engine: Engine { test.engine }

    init() throws {
        let clock = Clock(time)
        test = TestEngine(clock: clock) { $0.appendFsync = .everysec }
        let writer = try LogWriter.create(disk, testFiles, stream: testStream, clock: clock)
        try test.engine.startLog(writer, at: 0)
    }

    private func end() {
        disk.stall(false)
        engine.logSyncer?.stop()
    }

    private func turn(_ line: String) -> (reply: String, end: TurnEnd) {
        engine.beginTurn()
        let reply = test.run(line: line)
        return (reply, engine.endTurn())
    }

    @Test func everysecLosesTwoSecondsAtMost() throws {
        defer { end() }
        disk.stall(true)
        #expect(turn("SET a 1").end.durableLSN == nil)
        let reach = engine.log.lsn
        engine.logSyncer?.requestSync(reach)
        disk.awaitSync()
        time.advance(us: 1_900_000)
        #expect(turn("SET a 2").end.durableLSN == nil)
        #expect(engine.persistence.delayedSyncs == 0)
        time.advance(us: 200_000)
        #expect(turn("SET a 3").end.durableLSN == reach)
        #expect(engine.persistence.delayedSyncs == 1)
        // Nobody else waits.
        #expect(turn("GET a").end.durableLSN == nil)
        engine.configuration.appendFsync = .no
        #expect(turn("SET a 4").end.durableLSN == nil)
        engine.configuration.appendFsync = .everysec
        disk.stall(false)
        try engine.logSyncer?.waitDurable(reach)
        while engine.logWriter?.syncThatStalls(nowUs: .max, limitUs: 0) != nil { sched_yield() }
        #expect(turn("SET a 5").end.durableLSN == nil)
    }

    /// What cannot be made durable is not promised; when the disk recovers, so do writes.
    @Test func aFailedSyncRefusesWrites() throws {
        defer { end() }
        #expect(turn("SET a 1").reply == "+OK")
        let (disk, reach) = (disk.disk, engine.log.lsn)
        disk.fault = { operation, _ in operation == "syncData" ? .fail(EIO) : nil }
        #expect(throws: LogError.self) { try engine.logSyncer?.waitDurable(reach) }
        #expect(
            turn("SET a 2").reply.hasPrefix("-MISCONF Errors writing to the AOF file: "))
        #expect(turn("GET a").reply == "1")
        #expect(test.run("INFO", "persistence").contains("aof_last_write_status:err"))
        engine.configuration.appendFsync = .no
        #expect(turn("SET a 2").reply == "+OK")
        engine.configuration.appendFsync = .everysec
        disk.fault = nil
        while engine.logWriter!.lastSyncHasFailed { usleep(1000) }
        #expect(turn("SET a 3").reply == "+OK")
        #expect(test.run("INFO", "persistence").contains("aof_last_write_status:ok"))
    }
}
