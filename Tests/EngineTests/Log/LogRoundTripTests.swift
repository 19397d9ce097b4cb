import Glibc
import TestSupport
import Testing

@testable import Engine

@Suite struct LogRoundTripTests {
    @Test func anEmptyLog() throws {
        let disk = SimulatedDisk()
        _ = try LogWriter.create(disk, testFiles, stream: testStream, lsn: 77)
        let (effects, end) = try readLog(disk)
        #expect(effects.isEmpty)
        #expect(end.lsn == 77)
        #expect(end.stream == testStream)
        #expect(end.droppedBytes == 0)
    }

    /// Random units, flushes, rotations, removals and restarts, against a list.
    @Test(arguments: 1...30) func randomHistories(seed: Int) throws {
        var random = SeededGenerator(state: UInt64(seed))
        let disk = SimulatedDisk()
        var writer = try LogWriter.create(disk, testFiles, stream: testStream, lsn: 5)
        var buffer = LogBuffer(lsn: 5)
        var expected: [(effect: Effect, lsn: LSN)] = []
        var flushed = 0
        for step in 0..<150 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                try writer.rotate(&buffer)
                flushed = expected.count
            case 1:
                try writer.sync()
                #expect(writer.syncedLSN == writer.writtenLSN)
            case 2:
                let lsn = LSN.random(in: 0...buffer.lsn, using: &random)
                let segments = writer.currentSegments
                try writer.removeSegments(endingAtOrBefore: lsn)
                let start = writer.currentSegments[0].startLSN
                let removed = segments.filter { $0.startLSN < start }.count
                #expect(segments.count - removed == writer.currentSegments.count)
                #expect(start <= max(lsn, segments[0].startLSN))
                let before = expected.count
                expected.removeAll { $0.lsn <= start }
                flushed -= before - expected.count
            case 3 where writer.flush(&buffer) != .deferred:
                let (_, end) = try readLog(disk)
                #expect(end.lsn == buffer.lsn)
                writer = try LogWriter.resume(disk, testFiles, end)
                buffer = LogBuffer(lsn: end.lsn)
                flushed = expected.count
            case 4..<8:
                _ = writer.flush(&buffer)
                flushed = expected.count
            default:
                for effect in buffer.addUnit(randomUnit(&random)) {
                    expected.append((effect, buffer.lsn))
                }
            }
            if step % 10 == 0 {
                #expect(writer.writtenLSN == buffer.startLSN)
                #expect(try readLog(disk).effects == expected.prefix(flushed).map(\.effect))
            }
        }
        #expect(writer.flush(&buffer) != .deferred)
        let (effects, end) = try readLog(disk)
        #expect(effects == expected.map(\.effect))
        #expect(end.lsn == buffer.lsn)
    }

    /// The position is the number of bytes of RESP, and every command says where it ends.
    @Test func positionsCountCommandBytesOnly() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        var random = SeededGenerator(state: 4)
        var sent = 0
        for turn in 0..<100 {
            buffer.timestamp = 1_700_000_000 + Int64(turn / 10)
            buffer.addUnit(randomUnit(&random))
            buffer.addUnit(randomUnit(&random))
            buffer.forEachStreamPart { sent += $0.count }
            #expect(buffer.lsn == UInt64(sent))
            if turn % 30 == 29 { try writer.rotate(&buffer) }
            _ = writer.flush(&buffer)
        }
        let manifest = try #require(try testFiles.loadManifest(disk))
        var reader = try LogReader(disk, testFiles, manifest, isRaw: true)
        var total = 0
        var last: Int64 = 0
        while let command = try reader.next() {
            total += "*\(command.arguments.count)\r\n".utf8.count
            for argument in command.arguments {
                total += "$\(argument.count)\r\n\r\n".utf8.count + argument.count
            }
            #expect(command.endLSN == UInt64(total))
            let path = testFiles.path(reader.fileNames[command.file])
            #expect(disk[path]?[command.offset] == 0x2A)
            #expect(command.timestamp >= last)
            last = command.timestamp
        }
        #expect(total == sent)
        #expect(last == 1_700_000_009)
    }

    @Test func createTakesTheForeignLogAway() throws {
        let disk = SimulatedDisk()
        disk["appendonlydir/appendonly.aof.1.base.rdb"] = Array("REDIS0010".utf8)
        disk["appendonlydir/appendonly.aof.3.incr.aof"] = []
        disk["appendonlydir/appendonly.aof.manifest"] = Array(
            """
            file appendonly.aof.1.base.rdb seq 1 type b
            file appendonly.aof.3.incr.aof seq 3 type i

            """.utf8)
        let old = try #require(try testFiles.loadManifest(disk))
        #expect(try !LogReader.isFirn(disk, testFiles, old))
        _ = try LogWriter.create(disk, testFiles, stream: testStream, lsn: 9)
        let new = try #require(try testFiles.loadManifest(disk))
        #expect(new.segments == [.init(name: "appendonly.aof.4.incr.aof", sequence: 4)])
        #expect(
            try disk.list("appendonlydir").sorted() == [
                "appendonly.aof.4.incr.aof", "appendonly.aof.manifest",
            ])
        #expect(try LogReader.isFirn(disk, testFiles, new))
        #expect(try readLog(disk).end.lsn == 9)
    }

    @Test func theRealDisk() throws {
        let directory = "/tmp/firn-log-test-\(UInt64.random(in: 0 ... .max))"
        let disk = SystemDisk.shared
        let files = LogFiles(directory: directory)
        let writer = try LogWriter.create(disk, files, stream: testStream)
        defer {
            for name in (try? disk.list(directory)) ?? [] { try? disk.remove(files.path(name)) }
            rmdir(directory)
        }
        var buffer = LogBuffer()
        var expected = buffer.addUnit([Effect(0, "SET a 1"), Effect(2, "SET b 2")])
        try writer.rotate(&buffer)
        expected += buffer.addUnit([Effect(2, "DEL b")])
        #expect(writer.flush(&buffer) == .written)
        try writer.sync()
        let (effects, end) = try readLog(disk, files)
        #expect(effects == expected)
        #expect(end.segments.count == 2)
        _ = try LogWriter.resume(disk, files, end)
        #expect(throws: IOError.self) { try disk.open("\(directory)/none", .read) }
    }
}
