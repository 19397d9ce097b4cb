// Logs that begin to belong to another stream.

import TestSupport
import Testing

@testable import Engine

@Suite struct LogLineageTests {
    private let disk = SimulatedDisk()
    private let other = [UInt8](repeating: UInt8(ascii: "b"), count: 40)
    private let third = [UInt8](repeating: UInt8(ascii: "c"), count: 40)

    private func path(_ number: Int) -> String { testFiles.path(testFiles.segmentName(number)) }

    /// Appends effects to the log; the writer goes.
    private func append(_ texts: String..., to end: LogEnd) throws {
        let writer = try LogWriter.resume(disk, testFiles, end)
        var buffer = LogBuffer(lsn: end.lsn)
        for text in texts { buffer.addUnit([Effect(0, text)]) }
        #expect(writer.flush(&buffer) == .written)
        try writer.sync()
    }

    /// A log of two streams, the change between `a` and `b`.
    private func branched() throws -> LogEnd {
        _ = try LogWriter.create(disk, testFiles, stream: testStream)
        try append("SET a 1", to: readLog(disk).end)
        try append("SET b 1", to: LogWriter.branch(disk, testFiles, readLog(disk).end, to: other))
        return try readLog(disk).end
    }

    private func texts(_ effects: [Effect]) -> [String] { effects.map { "\($0)" } }

    @Test func itIsReadAsOne() throws {
        let end = try branched()
        let (effects, _) = try readLog(disk)
        #expect(texts(effects) == ["0:SET a 1[]", "0:SET b 1[]"])
        #expect(end.stream == other)
        #expect(end.segments.count == 2)
        let lineage = try LogLineage(disk, testFiles, end.manifest)
        #expect(lineage.stream == other)
        #expect(
            lineage.former == [FormerStream(stream: testStream, until: end.segments[1].startLSN)])
        #expect(lineage.limit(of: other) == .max)
        #expect(lineage.limit(of: testStream) == end.segments[1].startLSN)
        #expect(lineage.limit(of: third) == nil)
        #expect(end.former == lineage.former[0])
        // And durable.
        disk.crash()
        #expect(try readLog(disk).effects.count == 2)
    }

    @Test func severalChangesWithoutEffectsBetween() throws {
        var end = try branched()
        end = try LogWriter.branch(disk, testFiles, end, to: third)
        end = try LogWriter.branch(disk, testFiles, end, to: testStream.reversed())
        try append("SET c 1", to: end)
        #expect(texts(try readLog(disk).effects).last == "0:SET c 1[]")
        #expect(try readLog(disk).effects.count == 3)
        #expect(try readLog(disk).end.former?.stream == third)
    }

    /// The original went on in the segment; none of that is the other stream's.
    @Test func whatTheOriginalWroteLaterIsLeftOut() throws {
        let end = try branched()
        let copy = disk[path(2)]
        disk[testFiles.path(testFiles.manifestName)] = nil
        let name = testFiles.segmentName(1)
        var manifest = LogManifest()
        manifest.segments = [.init(name: name, sequence: 1)]
        try testFiles.store(manifest, disk)
        try append("SET a 2", "SET a 3", to: readLog(disk).end)
        #expect(try readLog(disk).effects.count == 3)
        try testFiles.store(end.manifest, disk)
        disk[path(2)] = copy
        #expect(texts(try readLog(disk).effects) == ["0:SET a 1[]", "0:SET b 1[]"])
    }

    @Test func whatDoesNotFollowIsRefused() throws {
        let end = try branched()
        let lsn = end.segments[1].startLSN
        func begin(_ lsn: LSN, _ former: [UInt8]?) {
            disk[path(2)] = LogAnnotation.segmentStart(stream: other, lsn: lsn, former: former)
        }
        begin(lsn, testStream)
        #expect(try readLog(disk).effects.count == 1)
        begin(lsn, third)
        #expect(throws: LogError.self) { try readLog(disk) }
        begin(lsn, nil)
        #expect(throws: LogError.self) { try readLog(disk) }
        begin(lsn + 1, testStream)
        #expect(throws: LogError.self) { try readLog(disk) }
        begin(lsn - 1, testStream)
        #expect(throws: LogError.self) { try readLog(disk) }
    }

    @Test func everyFlippedBitOfTheFirstLine() throws {
        _ = try branched()
        let size = LogAnnotation.segmentStart(stream: other, lsn: 27, former: testStream).count
        for bit in 0..<(size - 2) * 8 {
            disk.flip(path(2), bit: bit)
            #expect(throws: LogError.self, "bit \(bit)") { try readLog(disk) }
            disk.flip(path(2), bit: bit)
        }
        #expect(try readLog(disk).effects.count == 2)
    }
}
