// A directory seen from outside is what the engine that owns it would answer: beside the running
// engine, after it ended, and with a tail that does not fit the memory allowed.

import Glibc
import Testing

@testable import Engine

@Suite struct InspectionTests {
    /// Every live key of a directory, as "database key" with its value's parts.
    private func contents(
        _ directory: String, tailBytesMax: Int = 256 << 20, coldOnly: Bool = false
    ) throws -> [String: String] {
        var options = InspectionOptions()
        options.tailBytesMax = tailBytesMax
        options.coldOnly = coldOnly
        let inspection = try Inspection.open(directory, options)
        var found: [String: String] = [:]
        try inspection.forEachKey(damaged: { _ = Issue.record("damaged: \($0.reason)") }) { key in
            if key.isExpired { return }
            let value = InspectedValue(rdbType: key.rdbType, payload: key.payload)
            guard let value else {
                Issue.record("no value of \(key.key.text)")
                return
            }
            var parts: [String] = []
            try value.forEach { part, second in
                parts.append(part.text + (second.map { "=" + $0.text } ?? ""))
            }
            if key.type != .string && key.type != .list { parts.sort() }
            let text = "\(key.type.name) \(parts.joined(separator: " "))"
            #expect(found.updateValue(text, forKey: "\(key.database) \(key.key.text)") == nil)
            #expect(key.payloadBytes == key.payload.count)
        }
        return found
    }

    /// Changes of many keys of all types; what they come to.
    private func fill(
        _ durable: DurableEngine, _ random: inout Random, _ model: inout [String: String],
        _ count: Int
    ) {
        for _ in 0..<count {
            let n = Int(random.next() % 400)
            let key = "k:\(n)"
            switch n % 5 {
            case 0:
                let value = String(repeating: "v", count: Int(random.next() % 300))
                durable.run("SET", key, value)
                model["0 " + key] = "string " + value
            case 1 where random.next() % 3 == 0:
                durable.run("DEL", key)
                model["0 " + key] = nil
            case 1:
                durable.run("HSET", key, "f", "1", "g", "2")
                model["0 " + key] = "hash f=1 g=2"
            case 2:
                durable.run("DEL", key)
                durable.run("RPUSH", key, "a", "7", "c")
                model["0 " + key] = "list a 7 c"
            case 3:
                durable.run("SADD", key, "1", "x")
                model["0 " + key] = "set 1 x"
            default:
                durable.run("ZADD", key, "1.5", "m", "3", "n")
                model["0 " + key] = "zset m=1.5 n=3"
            }
        }
    }

    @Test func aDirectoryIsWhatItsEngineHolds() throws {
        var random = Random(seed: 7)
        let durable = try DurableEngine { $0.memoryBudget = MemoryBudget(bytes: 64 << 10) }
        var model: [String: String] = [:]
        fill(durable, &random, &model, 3000)
        // Beside the running engine.
        #expect(try contents(durable.directory) == model)
        // A small budget for the tail: it is replayed in parts.
        #expect(try contents(durable.directory, tailBytesMax: 4096) == model)
        durable.engine.withLock { engine in
            engine.advanceClock()
            _ = engine.startCheckpoint()
        }
        #expect(durable.wait { $0.checkpoint.phase == .idle })
        fill(durable, &random, &model, 500)
        #expect(try contents(durable.directory) == model)
        durable.engine.withLock { $0.swap(0, 3) }
        durable.turn([["SET", "other", "1"]])
        var swapped: [String: String] = [:]
        for (key, value) in model { swapped["3" + key.dropFirst()] = value }
        swapped["0 other"] = "string 1"
        if CommandTable().find(StaticString("swapdb").bytes) != nil {
            #expect(try contents(durable.directory) == swapped)
        }
        durable.engine.close()
        #expect(try contents(durable.directory) == swapped)
        #expect(try contents(durable.directory, coldOnly: true) == swapped)
        system("rm -rf \(durable.directory)")
    }

    @Test func oneKey() throws {
        let durable = try DurableEngine()
        defer { durable.close() }
        durable.run("SET", "a", "1")
        durable.engine.withLock { _ = $0.startCheckpoint() }
        #expect(durable.wait { $0.checkpoint.phase == .idle })
        durable.run("APPEND", "a", "2")
        durable.run("SET", "b", "3")
        durable.run("SET", "c", "4")
        durable.run("DEL", "c")
        let inspection = try Inspection.open(durable.directory)
        func find(_ key: String) throws -> (Inspection.Finding, String?) {
            var value: String?
            let finding = try inspection.find(Array(key.utf8), database: 0) { key in
                try InspectedValue(rdbType: key.rdbType, payload: key.payload)!.forEach { part, _ in
                    value = part.text
                }
            }
            return (finding, value)
        }
        let (a, valueA) = try find("a")
        #expect(valueA == "12" && a.exists && a.recordLSN != nil && a.effects.count == 1)
        #expect(a.effects[0].isNewer && a.effects[0].lsn > a.recordLSN!)
        let (b, valueB) = try find("b")
        #expect(valueB == "3" && b.exists && b.recordLSN == nil && b.effects.count == 1)
        let (c, valueC) = try find("c")
        #expect(valueC == nil && !c.exists && c.effects.count == 2)
        let (d, _) = try find("d")
        #expect(!d.exists && d.effects.isEmpty)
    }

    @Test func directoriesThatAreNone() throws {
        #expect(throws: InspectionError.self) { try Inspection.open("/nonexistent/firn") }
        #expect(throws: InspectionError.self) { try Inspection.open("/etc/passwd") }
        #expect(throws: InspectionError.self) { try Inspection.open("/tmp") }
        let durable = try DurableEngine()
        durable.run("SET", "a", "1")
        durable.engine.close()
        let data = durable.directory + "/cold/data.mdb"
        system("truncate -s 4096 \(data)")
        #expect(throws: InspectionError.self) { try Inspection.open(durable.directory) }
        system("head -c 100000 /dev/urandom > \(data)")
        #expect(throws: InspectionError.self) { try Inspection.open(durable.directory) }
        system("rm -rf \(durable.directory)/cold")
        #expect(throws: InspectionError.self) { try Inspection.open(durable.directory) }
        system("rm -rf \(durable.directory)")
    }
}
