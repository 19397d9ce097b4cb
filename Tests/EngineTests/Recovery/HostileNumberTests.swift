import Testing

@testable import Engine

/// Numbers from outside that once were too large for the arithmetic behind them.
@Suite(.serialized) struct HostileNumberTests {
    @Test func theLatestExpiryOfAll() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        durable.run("SET", "a", "1", "PXAT", "9223372036854775807")
        #expect(durable.engine.withLock { $0.maintainSlice().pauseUs } > 0)
        try durable.reopen()
        #expect(durable.run("PEXPIRETIME", "a") == ":9223372036854775807")
    }

    @Test func moreThanAMillionArguments() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        let count = 1 << 20 + 10
        durable.turn([["RPUSH", "list"] + (0..<count).map { "\($0 & 7)" }])
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("LLEN", "list") == ":\(count)")
    }

    @Test func aCompressedStringThatClaimsFourGigabytes() {
        let sourceCount = 50_000_000
        var bytes: [UInt8] = [0xC3]
        func put(_ length: UInt64) {
            bytes.append(0x81)
            withUnsafeBytes(of: length.bigEndian) { bytes.append(contentsOf: $0) }
        }
        put(UInt64(sourceCount))
        put(UInt64(UInt32.max) + 1)
        bytes.append(contentsOf: repeatElement(0, count: sourceCount))
        let found = bytes.withUnsafeBytes { raw in
            var cursor = RDBCursor(raw)
            return cursor.stringArray()
        }
        #expect(found == nil)
    }
}
