import Glibc
import Testing

@testable import Engine

/// DEBUG RELOAD NOSAVE NOFLUSH MERGE: a snapshot over keys that are there, or not quite.
@Suite(.serialized) struct ReloadTests {
    private static let merge = ["DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE"]

    private func open(_ directory: String? = nil) throws -> DurableEngine {
        try DurableEngine(directory: directory) { $0.enableDebugCommand = .yes }
    }

    /// A key past its time that CLIENT PAUSE keeps, hot or cold, is replaced like any other.
    @Test(arguments: [false, true]) func replacesHiddenKeys(isCold: Bool) throws {
        let durable = try open()
        defer { durable.close() }
        durable.run("MSET", "k", "new", "other", "1")
        #expect(durable.run("SAVE") == "+OK")
        durable.run("SET", "k", "old", "PX", "30")
        if isCold {
            durable.run("TIER", "SPILL", "k")
            #expect(durable.wait { $0.databases[0].table.count <= 1 })
        }
        #expect(durable.run("CLIENT", "PAUSE", "100000", "WRITE") == "+OK")
        usleep(50_000)
        #expect(durable.run("GET", "k") == "nil")
        #expect(durable.turn([Self.merge]) == ["+OK"])
        #expect(durable.run("GET", "k") == "new")
        #expect(durable.run("DBSIZE") == ":2")
        #expect(durable.run("KEYS", "k") == "[k]")
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("GET", "k") == "new")
        #expect(crashed.run("DBSIZE") == ":2")
    }

    /// What cannot be read is replaced by what can.
    @Test func replacesDamagedRecords() throws {
        let sound = try open()
        let value = String(repeating: "4nB", count: 30)
        sound.run("SET", "k", value)
        #expect(sound.run("SAVE") == "+OK")
        defer { sound.close() }
        try sound.reopen()
        let durable = try sound.crashed { directory in
            "LC_ALL=C sed -i 's/4nB4nB4nB/4nB4nB4nC/g' \(directory)/cold/data.mdb"
        }
        defer { durable.close() }
        #expect(durable.run("GET", "k").hasPrefix("-ERR a record"))
        // Without MERGE it is in the way as any key is.
        #expect(durable.run("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH").hasPrefix("-ERR Error trying"))
        #expect(durable.run("DBSIZE") == ":1")
        #expect(durable.turn([Self.merge]) == ["+OK"])
        #expect(durable.run("GET", "k") == value)
        #expect(durable.run("DBSIZE") == ":1")
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("GET", "k") == value)
    }

    /// A hash of which nothing is left is passed over, as a key past its time is.
    @Test func passesOverHashesWhoseFieldsAreDue() throws {
        let durable = try open()
        defer { durable.close(checkpointMsMax: 0) }
        durable.stopMaintenance()
        durable.run("HSETEX", "h", "PX", "30", "FIELDS", "2", "a", "1", "b", "2")
        durable.run("HSETEX", "i", "PX", "30", "FIELDS", "1", "a", "1")
        durable.run("HSET", "i", "b", "2")
        #expect(durable.run("SAVE") == "+OK")
        durable.run("DEL", "h", "i")
        durable.run("HSET", "h", "kept", "3")
        durable.run("HSET", "i", "replaced", "3")
        usleep(50_000)
        #expect(durable.turn([Self.merge]) == ["+OK"])
        #expect(durable.run("HGETALL", "h") == "[kept 3]")
        #expect(durable.run("HGETALL", "i") == "[b 2]")
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.run("HGETALL", "h") == "[kept 3]")
        #expect(crashed.run("HGETALL", "i") == "[b 2]")
    }
}
