import Glibc
import Testing

@testable import Engine

/// A replay that reads the cold tier ahead comes to what was there, also where records change
/// behind what has been read.
@Suite(.serialized) struct ReplayAheadTests {
    /// Random writes to cold keys of several databases, a crash, and the digest of what comes back.
    @Test(arguments: [
        (seed: 1, budget: 0, isAwaited: true, isAlone: false),
        (seed: 2, budget: 3 << 20, isAwaited: true, isAlone: false),
        (seed: 3, budget: 3 << 20, isAwaited: true, isAlone: false),
        (seed: 4, budget: 3 << 20, isAwaited: false, isAlone: false),
        (seed: 5, budget: 3 << 20, isAwaited: false, isAlone: true),
    ])
    func comesToWhatWasThere(seed: UInt64, budget: Int, isAwaited: Bool, isAlone: Bool) throws {
        let durable = try DurableEngine {
            $0.memoryBudget = MemoryBudget(bytes: budget)
            $0.autoAofRewritePercentage = 0
        } begun: {
            $0.readAheadMode = .init(logBytesMin: 0, isAlone: isAlone, isAwaited: isAwaited)
        }
        defer { durable.close(checkpointMsMax: 0) }
        var random = Random(seed: seed)
        for _ in 0..<60 { durable.turn(requests(200, &random, turnsOver: false)) }
        try durable.reopen()
        durable.stopMaintenance()
        for turn in 0..<100 {
            durable.turn(requests(200, &random, turnsOver: true))
            if budget == 0, turn % 49 == 9 { durable.turn(larger(turn)) }
        }
        let before = digest(durable)

        let crashed = try durable.crashed()
        defer { crashed.close(checkpointMsMax: 0) }
        #expect(digest(crashed) == before, "seed \(seed)")
        #expect(crashed.report.replayedEffects > 9000)
        #expect(crashed.report.foreseenEffects > 1000, "seed \(seed)")
        if isAwaited { #expect(crashed.report.threadLookUps > 9000) }
        if isAlone { #expect(crashed.report.threadLookUps == 0) }
        try crashed.reopen()
        #expect(digest(crashed) == before, "seed \(seed), second recovery")
    }

    /// What a damaged byte far behind the log's start is told as, with its file and place.
    @Test func damageIsToldAsWithoutReadingAhead() throws {
        var logBytesMin = 0
        let durable = try DurableEngine {
            $0.autoAofRewritePercentage = 0
            $0.appendFsync = .always
        } begun: {
            $0.readAheadMode.logBytesMin = logBytesMin
        }
        defer { durable.close(checkpointMsMax: 0) }
        var random = Random(seed: 6)
        for _ in 0..<20 { durable.turn(requests(200, &random, turnsOver: false)) }
        try durable.reopen()
        durable.stopMaintenance()
        for _ in 0..<60 { durable.turn(requests(200, &random, turnsOver: true)) }
        defer { Glibc.system("rm -rf \(durable.directory)-crashed") }
        var reasons: [String] = []
        for least in [0, Int.max] {
            logBytesMin = least
            do {
                try durable.crashed { copy in
                    let segment = "$(ls -S \(copy)/appendonlydir/*.incr.aof | head -1)"
                    return "printf x | dd of=\(segment) bs=1 seek=2000000 conv=notrunc status=none"
                }.close(checkpointMsMax: 0)
                Issue.record("the damage was not noticed")
            } catch let error as StartError {
                reasons.append(error.description)
            }
        }
        #expect(Set(reasons).count == 1 && reasons[0].contains("incr.aof"), "\(reasons)")
    }

    /// Commands for which a portion of effects has no room.
    private func larger(_ number: Int) -> [[String]] {
        let many = (0..<140_000).map { "\($0 + number)" }
        return [
            ["SELECT", "0"], ["SET", "key:\(number)", String(repeating: "L", count: 4_200_000)],
            ["DEL", "list:\(number)"], ["RPUSH", "list:\(number)"] + many,
        ]
    }

    /// `turnsOver`: what acts on whole databases, too.
    private func requests(
        _ count: Int, _ random: inout Random, turnsOver: Bool
    ) -> [[String]] {
        (0..<count).flatMap { _ -> [[String]] in
            let number = roll(4000, &random)
            let key = "key:\(number)"
            let value = String(repeating: "v", count: roll(600, &random)) + "\(roll(100, &random))"
            switch roll(16, &random) {
            case 0: return [["SELECT", "\(roll(3, &random))"]]
            case 1: return [["DEL", "key:\(number)", "list:\(number)", "hash:\(number)"]]
            case 2: return [["APPEND", key, "+"]]
            case 3: return [["SET", key, value, "PX", "\(900_000 + number)"]]
            case 4: return [["RPUSH", "list:\(number)", value]]
            case 5: return [["HSET", "hash:\(number)", "f\(roll(9, &random))", value]]
            case 6: return [["RENAME", key, "key:\(roll(4000, &random))"]]
            case 7: return [["PERSIST", key]]
            case 8 where turnsOver && roll(60, &random) == 0: return [["SWAPDB", "0", "1"]]
            case 8 where turnsOver && roll(400, &random) == 0: return [["FLUSHDB"]]
            case 9: return [["MULTI"], ["SET", key, value], ["INCR", "n:\(number)"], ["EXEC"]]
            default: return [["SET", key, value]]
            }
        }
    }

    private func roll(_ sides: Int, _ random: inout Random) -> Int {
        Int.random(in: 0..<sides, using: &random)
    }

    private func digest(_ durable: DurableEngine) -> [String] {
        [durable.run("DEBUG", "DIGEST")]
            + (0..<3).map { database in
                durable.run("SELECT", "\(database)")
                return durable.run("DBSIZE")
            }
    }
}
