import TestSupport
import Testing

@testable import Engine

@Suite struct LogBufferTests {
    private func text(_ buffer: borrowing LogBuffer) -> String {
        String(decoding: buffer.bytes, as: UTF8.self)
    }

    private func stream(_ buffer: borrowing LogBuffer) -> String {
        var parts: [UInt8] = []
        buffer.forEachStreamPart { parts += Array($0) }
        return String(decoding: parts, as: UTF8.self)
    }

    private let select = "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"
    private let set = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
    private let del = "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n"

    @Test func oneEffectIsNotFramed() {
        var buffer = LogBuffer()
        buffer.addUnit([Effect(0, "SET a 1")])
        buffer.addUnit([Effect(0, "DEL a")])
        buffer.addUnit([])
        #expect(text(buffer) == select + set + del)
        #expect(buffer.lsn == UInt64(text(buffer).utf8.count))
    }

    @Test func severalEffectsAreFramed() {
        var buffer = LogBuffer()
        buffer.addUnit([Effect(0, "SET a 1"), Effect(0, "DEL a", isExpiry: true)])
        let commands = "*1\r\n$5\r\nMULTI\r\n" + select + set
        let rest = del + "*1\r\n$4\r\nEXEC\r\n"
        #expect(text(buffer) == commands + "#FIRN:expire\r\n" + rest)
        #expect(stream(buffer) == commands + rest)
        #expect(buffer.lsn == UInt64((commands + rest).utf8.count))
    }

    @Test func annotationsMoveWithTheirUnit() {
        var buffer = LogBuffer()
        buffer.timestamp = 1_700_000_000
        buffer.addUnit([Effect(0, "DEL a", isExpiry: true), Effect(0, "DEL a", isExpiry: true)])
        buffer.closeBatch()
        let multi = "*1\r\n$5\r\nMULTI\r\n"
        let exec = "*1\r\n$4\r\nEXEC\r\n"
        #expect(stream(buffer) == multi + select + del + del + exec)
        #expect(
            text(buffer).hasPrefix(
                "#TS:1700000000\r\n" + multi + select + "#FIRN:expire\r\n" + del
                    + "#FIRN:expire\r\n"))
    }

    @Test func exactPositionsNeverMove() {
        var buffer = LogBuffer(lsn: 1000)
        buffer.beginUnit()
        #expect(buffer.exactLSN() == 1000)
        buffer.add(Effect(0, "SET a 1"))
        let exact = buffer.exactLSN()
        #expect(exact == 1000 + UInt64(15 + select.utf8.count + set.utf8.count))
        buffer.endUnit()
        #expect(text(buffer).hasSuffix("*1\r\n$4\r\nEXEC\r\n"))
        #expect(buffer.lsn == exact + 14)
        buffer.beginUnit()
        buffer.add(Effect(0, "SET a 1"))
        buffer.endUnit()
        #expect(buffer.exactLSN() == exact + 14 + UInt64(set.utf8.count))
    }

    @Test func nestedUnitsAreOne() {
        var buffer = LogBuffer()
        buffer.beginUnit()
        buffer.addUnit([Effect(0, "SET a 1")])
        buffer.addUnit([Effect(0, "SET a 1"), Effect(0, "DEL a")])
        buffer.endUnit()
        #expect(
            text(buffer) == "*1\r\n$5\r\nMULTI\r\n" + select + set + set + del
                + "*1\r\n$4\r\nEXEC\r\n")
    }

    @Test func numbers() {
        var buffer = LogBuffer()
        let values: [Int64] = [0, 7, 10, 99, 100, 12345, -1, -10, .max, .min]
        buffer.beginCommand(database: -1, argumentCount: values.count)
        for value in values { buffer.argument(value) }
        buffer.endCommand()
        let expected = "*10\r\n" + values.map { "$\("\($0)".utf8.count)\r\n\($0)\r\n" }.joined()
        #expect(text(buffer) == expected)
    }

    @Test func longBatchesAreSplitBetweenUnits() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        var expected: [Effect] = []
        let long = [UInt8](repeating: 0x61, count: 300_000)
        for _ in 0..<6 {
            let effect = Effect(0, [Array("SET".utf8), long])
            expected += buffer.addUnit([effect, effect])
        }
        #expect(writer.flush(&buffer) == .written)
        let bytes = try #require(disk["appendonlydir/appendonly.aof.1.incr.aof"])
        let marks = String(decoding: bytes, as: UTF8.self).split(separator: "#FIRN:lsn=").count - 1
        #expect(marks == 3)
        #expect(try readLog(disk).effects == expected)
    }

    @Test func memoryIsReturned() {
        let before = Heap.usedBytes
        do {
            var buffer = LogBuffer()
            buffer.add(Effect(0, [[UInt8](repeating: 1, count: 10_000_000)]))
            buffer.shrink(nowMs: 1000)
            #expect(Heap.usedBytes - before >= 10_000_000)
            buffer.removeAll()
            buffer.shrink(nowMs: 1099)
            // It was needed since the last time.
            buffer.shrink(nowMs: 1100)
            #expect(Heap.usedBytes - before >= 10_000_000)
            buffer.add(Effect(0, "SET a 1"))
            buffer.removeAll()
            buffer.shrink(nowMs: 1200)
            #expect(Heap.usedBytes - before < 100_000)
            #expect(buffer.lsn > 10_000_000)
        }
        #expect(Heap.usedBytes == before)
    }
}
