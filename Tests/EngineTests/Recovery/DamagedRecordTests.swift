import Glibc
import Testing

@testable import Engine

/// A cold record that cannot be read is an error, not an absent key.
@Suite(.serialized) struct DamagedRecordTests {
    /// An engine whose key "k" has a damaged record, and "sound" none.
    private func damaged() throws -> DurableEngine {
        let durable = try DurableEngine()
        let value = String(repeating: "4nB", count: 30)
        durable.run("SET", "k", value)
        durable.run("SET", "sound", "1")
        defer { durable.close() }
        try durable.reopen()
        return try durable.crashed { directory in
            // Every copy of the value in the store gets another byte.
            "LC_ALL=C sed -i 's/4nB4nB4nB/4nB4nB4nC/g' \(directory)/cold/data.mdb"
        }
    }

    @Test func noCommandTakesItForAbsent() throws {
        let durable = try damaged()
        defer { durable.close() }
        for line in [
            "GET k", "INCR k", "SET k 1", "SETNX k 1", "APPEND k x", "EXISTS k", "HSET k f v",
            "EXPIRE k 100", "RENAME k other", "SUNIONSTORE k k", "LPUSH k a", "MSET a 1 k 2",
        ] {
            #expect(durable.run(line: line).hasPrefix("-ERR a record"), "\(line)")
        }
        #expect(durable.run("GET", "sound") == "1")
        #expect(durable.run("DBSIZE") == ":3")
        #expect(durable.engine.tier!.stats.damagedRecords > 0)
    }

    @Test func itCanBeDeletedAndWrittenAnew() throws {
        let durable = try damaged()
        defer { durable.close() }
        #expect(durable.run("DEL", "k", "sound") == ":2")
        #expect(durable.run("GET", "k") == "nil")
        #expect(durable.run("DBSIZE") == ":0")
        #expect(durable.run("DEL", "k") == ":0")
        durable.run("SET", "k", "new")
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("GET", "k") == "new")
        try durable.reopen()
        #expect(durable.run("GET", "k") == "new")
        #expect(durable.run("DBSIZE") == ":1")
    }
}
