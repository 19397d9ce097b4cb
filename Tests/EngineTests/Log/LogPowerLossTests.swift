import TestSupport
import Testing

@testable import Engine

/// What a loss of power leaves of a log: what was synced, and of the rest any part.
@Suite struct LogPowerLossTests {
    private static let path = "appendonlydir/appendonly.aof.1.incr.aof"

    /// A log of eight batches; `ends[i]` is where batch i ends, of which the first `synced` were
    /// durable, in three syncs, when the last was written.
    private struct Sample {
        let disk = SimulatedDisk()
        let writer: LogWriter
        var effects: [Effect] = []
        var ends: [Int] = []
        let start: Int
        let synced = 5

        init() throws {
            writer = try LogWriter.create(disk, testFiles, stream: testStream)
            start = writer.segmentBytes
            var buffer = LogBuffer()
            for number in 0..<8 {
                effects += buffer.addUnit([Effect(0, "SET key\(number) value")])
                #expect(writer.flush(&buffer) == .written)
                ends.append(writer.segmentBytes)
                if [1, 2, 4].contains(number) { try writer.sync() }
            }
        }

        var bytes: [UInt8] { disk[LogPowerLossTests.path]! }

        /// The log without some of its batches: zeros in their place.
        func without(_ batches: [Int], of whole: [UInt8]) -> [UInt8] {
            var bytes = whole
            for batch in batches {
                for at in (batch == 0 ? start : ends[batch - 1])..<ends[batch] { bytes[at] = 0 }
            }
            return bytes
        }
    }

    /// Every set of unsynced batches missing: the log ends before the first of them.
    @Test func unsyncedBatchesAreLostInAnyOrder() throws {
        let sample = try Sample()
        let whole = sample.bytes
        for mask in 1..<8 {
            let missing = (0..<3).filter { mask & (1 << $0) != 0 }.map { sample.synced + $0 }
            sample.disk[Self.path] = sample.without(missing, of: whole)
            let (effects, end) = try readLog(sample.disk)
            #expect(effects == Array(sample.effects.prefix(missing[0])))
            #expect(end.lastFileBytes == sample.ends[missing[0] - 1])
            #expect(end.droppedBytes == sample.ends[7] - sample.ends[missing[0] - 1])
        }
    }

    /// A synced batch that is wrong is damage while any later batch tells so.
    @Test func syncedBatchesAreMissed() throws {
        let sample = try Sample()
        let whole = sample.bytes
        for batch in 0..<sample.synced {
            for lost in [[], [5], [6], [7], [6, 7]] {
                let offset = batch == 0 ? sample.start : sample.ends[batch - 1]
                var bytes = sample.without(lost, of: whole)
                bytes[offset + 7] ^= 1
                sample.disk[Self.path] = bytes
                do throws(LogError) {
                    _ = try readLog(sample.disk)
                    Issue.record("batch \(batch), \(lost)")
                } catch {
                    guard case .damaged(_, let found, _) = error else {
                        Issue.record("\(error)")
                        continue
                    }
                    #expect(found == offset)
                }
            }
        }
    }

    /// An idle log tells that all of it was durable; nothing else is read from that.
    @Test func anIdleLogTellsThatItIsDurable() throws {
        let sample = try Sample()
        var buffer = LogBuffer(lsn: sample.writer.writtenLSN)
        sample.writer.noteDurable(&buffer, idleUs: 0)
        #expect(sample.writer.segmentBytes == sample.ends[7], "not all of it was synced")
        try sample.writer.sync()
        sample.writer.noteDurable(&buffer, idleUs: 3_600_000_000)
        #expect(sample.writer.segmentBytes == sample.ends[7], "it is not idle yet")
        sample.writer.noteDurable(&buffer, idleUs: 0)
        let noted = sample.writer.segmentBytes
        #expect(noted > sample.ends[7])
        sample.writer.noteDurable(&buffer, idleUs: 0)
        #expect(sample.writer.segmentBytes == noted, "once is enough")
        #expect(sample.writer.writtenLSN == sample.writer.syncedLSN)

        let whole = sample.bytes
        for batch in 0..<8 {
            sample.disk[Self.path] = sample.without([batch], of: whole)
            #expect(throws: LogError.self) { try readLog(sample.disk) }
        }
        // Without the note the last batch is a torn tail; the note may be one itself.
        for size in sample.ends[7]...noted {
            sample.disk[Self.path] = Array(whole.prefix(size))
            let (effects, end) = try readLog(sample.disk)
            #expect(effects == sample.effects)
            #expect(end.droppedBytes == (size == noted ? 0 : size - sample.ends[7]))
        }

        // The log goes on behind it, and Redis's reader passes it.
        let (_, end) = try readLog(sample.disk)
        let writer = try LogWriter.resume(sample.disk, testFiles, end)
        var next = LogBuffer(lsn: end.lsn)
        let more = next.addUnit([Effect(1, "SET more 1")])
        #expect(writer.flush(&next) == .written)
        #expect(try readLog(sample.disk).effects == sample.effects + more)
        #expect(try readLog(sample.disk, format: .redis).effects == sample.effects + more)
    }

    /// A batch that the buffer ended by itself, before the writer came, is like any other.
    @Test func batchesThatEndEarly() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        let long = [UInt8](repeating: 0x61, count: LogBuffer.batchBytesMax)
        var effects: [Effect] = []
        for round in 0..<2 {
            for number in 0..<3 {
                let words = [Array("SET".utf8), Array("\(round) \(number)".utf8), long]
                effects += buffer.addUnit([Effect(0, words)])
            }
            #expect(writer.flush(&buffer) == .written)
            try writer.sync()
        }
        #expect(try readLog(disk).effects == effects)
        var bytes = disk[Self.path]!
        bytes[5 * LogBuffer.batchBytesMax] ^= 1
        disk[Self.path] = bytes
        #expect(try readLog(disk).effects == Array(effects.prefix(4)), "of one write")
        bytes[2 * LogBuffer.batchBytesMax] ^= 1
        disk[Self.path] = bytes
        #expect(throws: LogError.self) { try readLog(disk) }
    }

    /// Lines of earlier versions, which tell no durable position: read, and with the old rule.
    @Test func linesOfEarlierVersions() throws {
        let disk = SimulatedDisk()
        _ = try LogWriter.create(disk, testFiles, stream: testStream)
        var bytes = disk[Self.path]!
        var lsn = 0
        var ends: [Int] = []
        for number in 0..<3 {
            let batch = Array("*3\r\n$3\r\nSET\r\n$1\r\n\(number)\r\n$1\r\nx\r\n".utf8)
            lsn += batch.count
            let crc = batch.withUnsafeBytes { CRC32C.checksum($0) }
            let digits = String(crc, radix: 16)
            let padded = String(repeating: "0", count: 8 - digits.utf8.count) + digits
            bytes += batch + Array("#FIRN:lsn=\(lsn);crc=\(padded)\r\n".utf8)
            ends.append(bytes.count)
        }
        disk[Self.path] = bytes
        let (effects, end) = try readLog(disk)
        #expect(effects == (0..<3).map { Effect(0, "SET \($0) x") })
        #expect(end.lsn == LSN(lsn))
        bytes[ends[0] + 5] ^= 1
        disk[Self.path] = bytes
        #expect(throws: LogError.self) { try readLog(disk) }
        disk[Self.path] = Array(bytes.prefix(ends[1]))
        #expect(try readLog(disk).effects == [effects[0]])
    }
}
