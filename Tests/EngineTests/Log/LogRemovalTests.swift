// What leaves the archive, in the log.

import TestSupport
import Testing

@testable import Engine

@Suite struct LogRemovalTests {
    @Test func removalsFromTheArchive() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        let id = ArchiveID(expiredAt: 1_700_000_000_123, sequence: .max)
        buffer.annotate(.row(id))
        buffer.addUnit([Effect(2, "RESTORE key 0 payload")])
        let before = buffer.lsn
        buffer.remove(.row(ArchiveID(expiredAt: 0, sequence: 0)), database: 2)
        #expect(buffer.lsn > before)
        buffer.beginUnit()
        buffer.remove(.before(.max), database: 1)
        buffer.add(Effect(1, "SET a 1"))
        buffer.endUnit()
        _ = writer.flush(&buffer)
        let manifest = try #require(try testFiles.loadManifest(disk))
        var reader = try LogReader(disk, testFiles, manifest)
        var found: [(String, ArchiveRemoval?)] = []
        while let command = try reader.next() {
            let words = command.arguments.map { String(decoding: $0, as: UTF8.self) }
            found.append(("\(command.database) \(words.joined(separator: " "))", command.removal))
        }
        #expect(
            found.map(\.0) == [
                "2 RESTORE key 0 payload", "2 SELECT 2", "1 SELECT 1", "1 SET a 1",
            ])
        #expect(
            found.map(\.1) == [
                .row(id), .row(ArchiveID(expiredAt: 0, sequence: 0)), .before(.max), nil,
            ])
    }
}
