// Segments in the archive: moved, copied over file systems, never overwritten, never lost.

import Glibc
import TestSupport
import Testing

@testable import Engine

@Suite struct LogArchiveTests {
    private let disk = SimulatedDisk()
    private let writer: LogWriter
    private let first = "appendonlydir/appendonly.aof.1.incr.aof"
    private let archived = "archive/00000000000000000000-01234567.aof"

    init() throws {
        writer = try LogWriter.create(disk, testFiles, stream: testStream)
        writer.keepSegments(in: "archive")
        var buffer = LogBuffer()
        buffer.addUnit([Effect(0, "SET a 1")])
        _ = writer.flush(&buffer)
        try writer.rotate(&buffer)
    }

    private func trim() throws { try writer.removeSegments(endingAtOrBefore: writer.writtenLSN) }

    @Test func aSegmentMoves() throws {
        let bytes = try #require(disk[first])
        try trim()
        #expect(disk[first] == nil)
        #expect(disk[archived] == bytes)
        #expect(writer.archive?.segments == 1)
        #expect(writer.archive?.error == nil)
        disk.crash()
        #expect(disk[archived] == bytes)
    }

    @Test func itIsCopiedToAnotherFileSystem() throws {
        let bytes = try #require(disk[first])
        var renames = 0
        disk.fault = { operation, path in
            guard operation == "rename", path.hasPrefix("archive/") else { return nil }
            renames += 1
            return renames == 1 ? .fail(EXDEV) : nil
        }
        try trim()
        #expect(renames == 2)
        #expect(disk[first] == nil)
        #expect(disk[archived] == bytes)
        disk.crash()
        #expect(disk[archived] == bytes)
    }

    /// The copy is there, the original too: a crash came between.
    @Test func aCopyFromBeforeACrashCounts() throws {
        let bytes = try #require(disk[first])
        disk[archived] = bytes
        try trim()
        #expect(disk[first] == nil)
        #expect(disk[archived] == bytes)
    }

    @Test func nothingIsOverwritten() throws {
        var others = try #require(disk[first])
        others[others.count - 1] ^= 1
        disk[archived] = others
        let bytes = disk[first]
        try trim()
        #expect(disk[first] == bytes)
        #expect(disk[archived] == others)
        #expect(writer.archive?.error?.contains("File exists") == true)
        // The manifest still lists it, so that the next checkpoint tries again.
        #expect(try testFiles.loadManifest(disk)?.history.count == 1)
        disk[archived] = nil
        var buffer = LogBuffer(lsn: writer.writtenLSN)
        buffer.addUnit([Effect(0, "SET b 1")])
        _ = writer.flush(&buffer)
        try writer.rotate(&buffer)
        try trim()
        #expect(disk[archived] == bytes)
        #expect(writer.archive?.error == nil)
        #expect(writer.archive?.segments == 2)
    }

    /// A backup and its original move what both have of one segment; the longer file stays.
    @Test(arguments: [1, 20, 60]) func theLongerOfTwoStays(missing: Int) throws {
        let bytes = try #require(disk[first])
        disk[archived] = bytes.dropLast(missing)
        try trim()
        #expect(disk[first] == nil)
        #expect(disk[archived] == bytes)
        disk[first] = bytes.dropLast(missing)
        #expect(writer.keepInArchive(first))
        #expect(disk[archived] == bytes)
        disk.crash()
        #expect(disk[archived] == bytes)
    }

    @Test func aFullArchiveLosesNothing() throws {
        let bytes = disk[first]
        disk.fault = { _, path in path.hasPrefix("archive/") ? .fail(ENOSPC) : nil }
        try trim()
        #expect(disk[first] == bytes)
        #expect(writer.archive?.error != nil)
    }

    /// A base is no segment: it goes.
    @Test func otherFilesAreRemoved() throws {
        disk["appendonlydir/other"] = Array("REDIS0010".utf8)
        #expect(writer.keepInArchive("appendonlydir/other"))
        writer.keepSegments(in: "")
        #expect(writer.keepInArchive(first))
    }
}
