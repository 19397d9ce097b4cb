import TestSupport
import Testing

@testable import Engine

@Suite struct LogManifestTests {
    private func parse(_ text: String) throws(LogError) -> LogManifest {
        try LogManifest(parsing: Array(text.utf8), file: "m")
    }

    @Test func redisManifests() throws {
        let manifest = try parse(
            """
            # a comment
            file appendonly.aof.2.base.rdb seq 2 type b
            seq 1 type h file appendonly.aof.1.base.rdb
            file appendonly.aof.1.incr.aof seq 1 type h
            file "a b\\x41\\"\\n.aof" seq 4 type i startoffset 17
              FILE 'c\\'d' Seq 10  TYPE i\r

            """.replacing("\r\n\n", with: "\r\n"))
        #expect(manifest.base == .init(name: "appendonly.aof.2.base.rdb", sequence: 2))
        #expect(manifest.history.map(\.sequence) == [1, 1])
        #expect(
            manifest.segments == [
                .init(name: "a bA\"\n.aof", sequence: 4), .init(name: "c'd", sequence: 10),
            ])
        #expect(try LogManifest(parsing: manifest.encoded(), file: "m") == manifest)
    }

    @Test func everyNameSurvives() throws {
        for byte in UInt8(1)...127 where byte != 0x2F {
            var manifest = LogManifest()
            let name = "a" + String(UnicodeScalar(byte)) + "b"
            manifest.segments = [.init(name: name, sequence: 1)]
            #expect(try LogManifest(parsing: manifest.encoded(), file: "m") == manifest)
        }
    }

    /// Whatever bit turns over, no other manifest is read.
    @Test func everyFlippedBit() throws {
        var manifest = LogManifest()
        manifest.base = .init(name: "a.1.base.rdb", sequence: 1)
        manifest.history = [.init(name: "a.1.incr.aof", sequence: 1)]
        manifest.segments = [
            .init(name: "a.2.incr.aof", sequence: 2), .init(name: "a.3.incr.aof", sequence: 3),
        ]
        let text = manifest.encoded()
        var refusals = 0
        for bit in 0..<text.count * 8 {
            var other = text
            other[bit >> 3] ^= 1 << UInt8(bit & 7)
            do throws(LogError) {
                #expect(try LogManifest(parsing: other, file: "m") == manifest, "bit \(bit)")
            } catch {
                refusals += 1
            }
        }
        // What is left are nine letters of `#FIRN:crc=`, without which the line is a comment, and
        // breaks of lines that still are white space.
        #expect(refusals > (text.count - 9 - 6) * 8)
    }

    @Test(arguments: [
        "", "\n", "file a seq 1 type i", "file a seq 1\n", "file a seq 1 type\n",
        "file a seq x type i\n", "file a seq 0 type i\n", "file a seq -1 type i\n",
        "file a seq 1 type x\n", "file a seq 1 type ii\n", "file a/b seq 1 type i\n",
        "file .. seq 1 type i\n", "file \"\" seq 1 type i\n", "file \"a seq 1 type i\n",
        "file \"a\"b seq 1 type i\n", "file a seq 1 type b\nfile b seq 2 type b\n",
        "file a seq 2 type i\nfile b seq 2 type i\n", "file a seq 2 type i\nfile b seq 1 type i\n",
        "file a seq 1 type i\n\nfile b seq 2 type i\n", "name a seq 1 type i\n",
        "file a seq 99999999999999999999 type i\n",
        "file \(String(repeating: "a", count: 2000)) seq 1 type i\n",
    ])
    func malformed(text: String) {
        #expect(throws: LogError.self) { try parse(text) }
    }

    @Test func history() throws {
        let disk = SimulatedDisk()
        let writer = try LogWriter.create(disk, testFiles, stream: testStream)
        var buffer = LogBuffer()
        for _ in 0..<3 {
            buffer.addUnit([Effect(0, "SET a 1")])
            try writer.rotate(&buffer)
        }
        // Removing fails: the files stay listed as history until it works.
        disk.fault = { operation, _ in operation == "remove" ? .fail(5) : nil }
        let starts = writer.currentSegments.map(\.startLSN)
        try writer.removeSegments(endingAtOrBefore: starts[2] - 1)
        #expect(writer.currentSegments.map(\.startLSN) == Array(starts[1...]))
        #expect(try #require(try testFiles.loadManifest(disk)).history.map(\.sequence) == [1])
        disk.fault = nil
        try writer.removeSegments(endingAtOrBefore: buffer.lsn)
        #expect(writer.currentSegments.map(\.startLSN) == [starts[3]])
        #expect(
            try disk.list("appendonlydir").sorted() == [
                "appendonly.aof.4.incr.aof", "appendonly.aof.manifest",
            ])
        let end = try readLog(disk).end
        #expect(end.lsn == buffer.lsn)
        _ = try LogWriter.resume(disk, testFiles, end)
    }
}
