import Testing

@testable import Engine

/// What fills the positions behind a cut.
@Suite struct LogMendTests {
    /// A file in memory, for reading.
    private final class Memory: DiskFile, @unchecked Sendable {
        let path = "memory"
        let bytes: [UInt8]

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        func read(
            into buffer: UnsafeMutableRawBufferPointer, at offset: Int
        ) throws(IOError) -> Int {
            let count = min(buffer.count, bytes.count - offset)
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: Bytes(rebasing: $0[offset...].prefix(count)))
            }
            return count
        }
        func write(_ bytes: Bytes, at offset: Int) throws(IOError) -> Int { 0 }
        func size() throws(IOError) -> Int { bytes.count }
        func truncate(to size: Int) throws(IOError) {}
        func syncData() throws(IOError) {}
    }

    @Test(arguments: [1, 2, 20, 27, 28, 100, 1 << 20, (1 << 20) + 1, 5_000_000])
    func paddingIsOneBatchThatReachesFarEnough(gap: UInt64) throws {
        let start: UInt64 = 123_456
        let batch = LogMend.padding(from: start, to: start + gap)
        var scanner = LogScanner(isRaw: true, bulkBytesMax: 1 << 30)
        try scanner.open(Memory(batch), at: 0, lsn: start)
        #expect(try scanner.scan() == .batch)
        #expect(scanner.lsn >= start + gap)
        #expect(scanner.lsn < start + gap + 64)
        #expect(try scanner.scan() == .end)
    }
}
