import TestSupport
import Testing

@testable import Engine

@Suite struct LogDamageTests {
    private static let last = "appendonlydir/appendonly.aof.3.incr.aof"

    /// Three segments of several small batches; the effects with the file and the offset at
    /// which their batch ends.
    private struct Sample {
        let disk = SimulatedDisk()
        var effects: [(effect: Effect, segment: Int, end: Int)] = []
        /// Per segment, where batches end; first of all the line that starts it.
        var ends: [[Int]] = []

        init() throws {
            let writer = try LogWriter.create(disk, testFiles, stream: testStream, lsn: 90)
            var buffer = LogBuffer(lsn: 90)
            for segment in 0..<3 {
                if segment > 0 { try writer.rotate(&buffer) }
                ends.append([writer.segmentBytes])
                for batch in 0..<4 {
                    var units = [[Effect(batch % 2, "SET key\(segment) \(batch)")]]
                    if batch == 1 {
                        units.append([Effect(0, "SET a 1"), Effect(1, "DEL a", isExpiry: true)])
                    }
                    for unit in units {
                        for effect in buffer.addUnit(unit) { effects.append((effect, segment, 0)) }
                    }
                    #expect(writer.flush(&buffer) == .written)
                    try writer.sync()
                    for index in effects.indices where effects[index].end == 0 {
                        effects[index].end = writer.segmentBytes
                    }
                    ends[segment].append(writer.segmentBytes)
                }
            }
        }

        static func path(_ segment: Int) -> String {
            "appendonlydir/appendonly.aof.\(segment + 1).incr.aof"
        }
    }

    /// Cut at every byte: what stands before the last whole batch is kept, and the log goes on.
    @Test func tornAtEveryOffset() throws {
        let sample = try Sample()
        let disk = sample.disk
        let whole = try #require(disk[Self.last])
        for size in 0...whole.count {
            disk[Self.last] = Array(whole.prefix(size))
            if size < sample.ends[2][0] {
                #expect(throws: LogError.self) { try readLog(disk) }
                continue
            }
            let good = sample.ends[2].last { $0 <= size }!
            let kept = sample.effects.filter { $0.segment < 2 || $0.end <= size }.map(\.effect)
            let (effects, end) = try readLog(disk)
            #expect(effects == kept)
            #expect(end.lastFileBytes == good)
            #expect(end.droppedBytes == size - good)
            #expect(end.droppedReason.isEmpty == (size == good))
            #expect(disk[Self.last]?.count == size, "reading changes nothing")
            if size > good {
                #expect(throws: LogError.self) { try readLog(disk, loadTruncated: false) }
            }

            let writer = try LogWriter.resume(disk, testFiles, end)
            #expect(disk[Self.last]?.count == good)
            var buffer = LogBuffer(lsn: end.lsn)
            let more = buffer.addUnit([Effect(5, "SET more 1")])
            #expect(writer.flush(&buffer) == .written)
            #expect(try readLog(disk).effects == kept + more)
        }
    }

    /// Zeros at the end, as some file systems leave them after a crash, are a torn tail too.
    @Test func zerosAtTheEnd() throws {
        let sample = try Sample()
        sample.disk[Self.last]! += [UInt8](repeating: 0, count: 5000)
        let (effects, end) = try readLog(sample.disk)
        #expect(effects == sample.effects.map(\.effect))
        #expect(end.droppedBytes == 5000)
    }

    /// Every bit of the log flipped: before the last batch it is an error, in the last batch that
    /// batch may be cut; never is anything read that was not written.
    @Test func everyFlippedBit() throws {
        let sample = try Sample()
        for segment in 0..<3 {
            let path = Sample.path(segment)
            let whole = try #require(sample.disk[path])
            let lastStart = segment == 2 ? sample.ends[2][3] : whole.count
            for index in whole.indices {
                for bit in 0..<8 {
                    var bytes = whole
                    bytes[index] ^= 1 << bit
                    sample.disk[path] = bytes
                    // As a log of Redis's it would be imported, without a look at its CRCs.
                    let manifest = try #require(try testFiles.loadManifest(sample.disk))
                    #expect(try LogReader.isFirn(sample.disk, testFiles, manifest))
                    do throws(LogError) {
                        let (effects, end) = try readLog(sample.disk)
                        #expect(index >= lastStart, "\(segment) \(index) \(bit)")
                        #expect(effects == sample.effects.dropLast().map(\.effect))
                        #expect(end.droppedBytes == whole.count - lastStart)
                    } catch {
                        guard case .damaged(let file, let offset, _) = error else {
                            Issue.record("\(error)")
                            continue
                        }
                        #expect(path.hasSuffix(file))
                        let batch =
                            index < sample.ends[segment][0]
                            ? 0 : sample.ends[segment].last { $0 <= index }!
                        #expect(offset == batch, "\(segment) \(index) \(bit)")
                    }
                }
            }
            sample.disk[path] = whole
        }
    }

    @Test func missingSwappedAndShortSegments() throws {
        let sample = try Sample()
        let disk = sample.disk
        let (first, second) = (disk[Sample.path(0)]!, disk[Sample.path(1)]!)

        disk[Sample.path(1)] = nil
        #expect(throws: LogError.missing(file: "appendonly.aof.2.incr.aof")) { try readLog(disk) }
        disk[Sample.path(1)] = first
        disk[Sample.path(0)] = second
        #expect(throws: LogError.self) { try readLog(disk) }
        disk[Sample.path(0)] = first
        disk[Sample.path(1)] = Array(second.prefix(sample.ends[1][2]))
        #expect(throws: LogError.self) { try readLog(disk) }
        disk[Sample.path(1)] = Array(second.prefix(sample.ends[1][2] + 7))
        #expect(throws: LogError.self) { try readLog(disk) }

        // The same segment of another stream.
        let other = SimulatedDisk()
        let stream = [UInt8](repeating: 0x61, count: 40)
        let writer = try LogWriter.create(other, testFiles, stream: stream, lsn: 90)
        var buffer = LogBuffer(lsn: 90)
        buffer.addUnit([Effect(0, "SET key0 0")])
        _ = writer.flush(&buffer)
        disk[Sample.path(1)] = second
        disk[Sample.path(0)] = other[Sample.path(0)]
        #expect(throws: LogError.self) { try readLog(disk) }

        // A segment taken out of the manifest.
        disk[Sample.path(0)] = first
        var manifest = try #require(try testFiles.loadManifest(disk))
        manifest.segments.remove(at: 1)
        disk["appendonlydir/appendonly.aof.manifest"] = manifest.encoded()
        #expect(throws: LogError.self) { try readLog(disk) }
    }

    /// Random bytes, and random edits of a good log, in both formats: an error or an end, and
    /// nothing else.
    @Test func hostileBytes() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(state: seed)
        let sample = try Sample()
        let whole = try #require(sample.disk[Self.last])
        let pieces = [
            "*1\r\n", "*0\r\n", "*-1\r\n", "*99999999999999999999\r\n", "$0\r\n\r\n", "$-1\r\n",
            "$9223372036854775807\r\n", "$536870912\r\n", "$5\r\nMULTI\r\n", "$4\r\nEXEC\r\n",
            "*1\r\n$5\r\nMULTI\r\n", "*2\r\n$6\r\nSELECT\r\n$2\r\n-1\r\n", "#", "#TS:x\r\n",
            "#FIRN:lsn=18446744073709551615;crc=00000000\r\n", "\r\n", "*1048576\r\n", "$",
            "#FIRN:expire\r\n", "*", "#FIRN:lsn=99999999999999999999999;crc=00000000\r\n",
        ].map { Array($0.utf8) }
        for round in 0..<1500 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let at = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes.insert(contentsOf: pieces.randomElement(using: &random)!, at: at)
                case 1 where at < bytes.count:
                    bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 2:
                    let end = Int.random(in: at...bytes.count, using: &random)
                    bytes.removeSubrange(at..<end)
                default: bytes.append(contentsOf: pieces.randomElement(using: &random)!)
                }
            }
            if round % 5 == 0 {
                bytes = (0..<50).flatMap { _ in pieces.randomElement(using: &random)! }
            }
            sample.disk[Self.last] = bytes
            for format in [LogReader.Format.firn, .redis] {
                do throws(LogError) {
                    let (effects, end) = try readLog(sample.disk, format: format)
                    // An end of "#" and a line break is room that was filled beforehand.
                    let known = end.lastFileBytes + end.droppedBytes
                    let rest = bytes.dropFirst(known)
                    let isFilling = rest.last == 0x0A && rest.dropLast().allSatisfy { $0 == 0x23 }
                    #expect(known == bytes.count || isFilling, "seed \(seed)")
                    if format == .firn {
                        let good = sample.effects.map(\.effect)
                        #expect(effects == Array(good.prefix(effects.count)), "seed \(seed)")
                    }
                } catch { continue }
            }
        }
    }
}
