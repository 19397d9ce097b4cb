// The filling behind a log's end: syncs find the size of the file as it was, readers its end.

import TestSupport
import Testing

@testable import Engine

@Suite final class LogFillingTests {
    private static let segment = "appendonlydir/appendonly.aof.1.incr.aof"
    private let disk = SimulatedDisk()
    private let writer: LogWriter
    private var buffer = LogBuffer()
    private var expected: [Effect] = []

    init() throws {
        writer = try LogWriter.create(disk, testFiles, stream: testStream, policy: .always)
    }

    private func write(_ bytes: Int) {
        let value = [UInt8](repeating: 0x23, count: bytes)
        expected += buffer.addUnit([Effect(0, [Array("SET".utf8), [1], value])])
        #expect(writer.flush(&buffer) == .written)
    }

    private var bytes: [UInt8] { disk[LogFillingTests.segment]! }

    /// Batches of every size around the places where it is filled further.
    @Test func nothingIsOverwritten() throws {
        var sizes: Set<Int> = []
        for step in 0..<400 {
            write(step % 97 * 61 + (step % 50 == 0 ? LogWriter.fillBytes + step : 0))
            sizes.insert(bytes.count)
            let filling = bytes[writer.segmentBytes...]
            #expect(filling.count >= LogWriter.fillBytesMin)
            #expect(filling.dropLast().allSatisfy { $0 == 0x23 })
            #expect(filling.last == 0x0A)
        }
        // Its size changes seldom, which is what it is for.
        #expect(sizes.count < 40)
        let (effects, end) = try readLog(disk)
        #expect(effects == expected)
        #expect(end.droppedBytes == 0)
        #expect(end.lastFileBytes == writer.segmentBytes)
    }

    /// Every length of filling, from one byte on; no byte less or more is read.
    @Test func anEndInside() throws {
        write(3)
        let whole = bytes
        for count in [0, 1, 2, 3, 1023, 1024, 1025, 5000] {
            disk[LogFillingTests.segment] = Array(whole.prefix(writer.segmentBytes + count))
            #expect(try readLog(disk).effects == expected)
        }
    }

    /// A batch of which a part is missing is cut off, and the filling is not counted as lost.
    @Test func aTornBatchInIt() throws {
        write(3)
        let good = writer.segmentBytes
        let kept = expected
        write(20_000)
        let torn = bytes
        // The first sectors did not get there; then the last ones.
        for missing in [good..<(good + 4096), (good + 8192)..<writer.segmentBytes] {
            var damaged = torn
            for index in missing { damaged[index] = 0x23 }
            disk[LogFillingTests.segment] = damaged
            let (effects, end) = try readLog(disk)
            #expect(effects == kept)
            #expect(end.lastFileBytes == good)
            #expect(end.droppedBytes > 0 && end.droppedBytes <= writer.segmentBytes + 1 - good)
        }
    }

    @Test func itEndsWithTheSegment() throws {
        write(3)
        #expect(bytes.count > writer.segmentBytes)
        let length = writer.segmentBytes
        try writer.rotate(&buffer)
        #expect(bytes.count == length)
        // Resuming gives it back.
        write(3)
        let path = "appendonlydir/appendonly.aof.2.incr.aof"
        #expect(disk[path]!.count > writer.segmentBytes)
        let (_, end) = try readLog(disk)
        _ = try LogWriter.resume(disk, testFiles, end, policy: .always)
        #expect(disk[path]!.count == end.lastFileBytes)
    }

    /// Without `always` there is none, and a full disk has the log go on without.
    @Test func whereItIsNot() throws {
        writer.policy = .everysec
        write(3)
        #expect(bytes.count == writer.segmentBytes)
        writer.policy = .always
        disk.capacity = bytes.count + 5000
        write(3)
        #expect(bytes.count == writer.segmentBytes)
        write(3)
        #expect(bytes.count == writer.segmentBytes)
        #expect(try readLog(disk).effects == expected)
    }
}
