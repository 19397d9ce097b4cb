// One run: a server lives, suffers, dies and is started again, several times, all from one seed.
//
// After every start the keyspace must be a moment of its history (History.swift), not older than
// what was durable; the same again when the start itself is interrupted at any call of the disk and
// repeated. The ledger is checked beside that, from what clients were told alone.

import Glibc
import TestSupport

@testable import Engine

/// What a run plays.
enum Scenario: String, CaseIterable {
    /// Nothing fails but the power, or the process.
    case crashes
    /// Calls of the disk fail for a while.
    case faults
    /// The disk is full for a while.
    case fullDisk
    /// The log is turned on and off.
    case switches
    /// LMDB, in a real directory, beside the log.
    case coldTier
    /// Bits of files turn over between death and start.
    case rot
}

/// A run that found something wrong.
struct Failure: Error, CustomStringConvertible {
    let description: String
}

final class Simulation {
    let seed: UInt64
    let scenario: Scenario
    var random: TestGenerator
    let directory: String
    let time = ManualTime()
    var configuration = Configuration()
    var history = History()
    var workload = Workload()
    /// Nil only between two lives: LMDB allows one at a time.
    var server: SimulatedServer!
    var plan = FaultPlan()
    /// What `dump.rdb` may hold since before the last start; the first: that there is none.
    var inherited: [Moment] = [History().last]
    var trace: [String] = []
    var outcome = Outcome()

    /// What became of a run, for the figures.
    struct Outcome {
        var turns = 0
        var starts = 0
        var powerFailures = 0
        var kills = 0
        var interruptedStarts = 0
        var refusedWrites = 0
        var faults = 0
        /// Starts refused because of a damaged file, after bits were turned over.
        var refusedStarts = 0
        /// Starts refused because an unsynced part of the log survived behind one that did not.
        var refusedHoles = 0
    }

    init(seed: UInt64, scenario: Scenario) throws {
        self.seed = seed
        self.scenario = scenario
        random = TestGenerator(seed &* 31 &+ UInt64(Scenario.allCases.firstIndex(of: scenario)!))
        var template = Array("/tmp/firn-simulation-XXXXXX".utf8CString)
        directory = String(cString: mkdtemp(&template)!)
        configuration.dir = directory
        configuration.coldTier = scenario == .coldTier
        configuration.memoryBudget = MemoryBudget(bytes: 0)
        configuration.savePoints = []
        configuration.databases = 5
        configuration.coldPartitionBytes = Bool.random(using: &random) ? 4096 : 1 << 30
        configuration.enableDebugCommand = .yes
        configuration.appendFsync = [.always, .always, .everysec, .no].randomElement(
            using: &random)!
        configuration.aofTimestampEnabled = Bool.random(using: &random)
        configuration.autoAofRewriteMinBytes = Bool.random(using: &random) ? 4096 : 64 << 20
        workload.hasLargeValues =
            Int.random(in: 0..<4, using: &random) == 0 || scenario == .fullDisk
        let disk = SimulatedDisk()
        disk.failedSyncShowsOldBytes = Int.random(in: 0..<4, using: &random) == 0
        if Bool.random(using: &random) { disk.allocates = false }
        server = try SimulatedServer(disk, time, configuration, seed: random.next())
    }

    deinit {
        // `end` has let everything go.
        var failure: Int32 = 0
        for path in ["cold/data.mdb", "cold/lock.mdb", "firn.lock"] {
            failure |= unlink("\(directory)/\(path)")
        }
        rmdir("\(directory)/cold")
        rmdir(directory)
    }

    func note(_ line: @autoclosure () -> String) {
        trace.append(line())
        if trace.count > 60 { trace.removeFirst() }
    }

    /// What `dump.rdb` may hold.
    var snapshots: [Moment] {
        let floor = server.snapshotFloor
        let own = server.snapshotStarts.filter { $0 >= (floor ?? 0) - 1 }
            .map { history.moments[Swift.min($0, history.lastIndex)] }
        return floor == nil ? inherited + own : own
    }

    var nextIndex: Int { history.lastIndex + 1 }

    func run() throws {
        defer { server?.abandon() }
        try play(Workload.opening)
        let rounds = Int.random(in: 1...3, using: &random)
        for round in 0..<rounds {
            note("round \(round)")
            let disk = server.disk
            if scenario == .faults { plan = FaultPlan(&random) }
            disk.fault = plan.isEmpty ? nil : { [plan] in plan.answer($0, $1) }
            if scenario == .fullDisk {
                disk.capacity =
                    disk.files.reduce(0) { $0 + $1.byteCount }
                    + Int.random(in: 0..<6 << 20, using: &random)
            }
            let steps = Int.random(in: 10...70, using: &random)
            try live(steps)
            if scenario == .faults || scenario == .fullDisk {
                outcome.faults += plan.played
                try heal()
                try live(Int.random(in: 0..<15, using: &random))
            }
            if Int.random(in: 0..<3, using: &random) != 0 {
                // The power fails at some call of the disk, whatever that belongs to.
                disk.powerFailsAtCall =
                    disk.callCount + Int.random(in: 0..<40, using: &random)
                try live(60)
            }
            if try !crash() { return }
        }
        guard server.quiesce(index: nextIndex) else { throw failed("it does not come to rest") }
        try record(nil)
        try checkLedger()
    }

    // MARK: Life

    func live(_ steps: Int) throws {
        for _ in 0..<steps where !server.disk.isDead {
            if scenario == .fullDisk, workload.hasLargeValues, server.disk.capacity < .max,
                Int.random(in: 0..<8, using: &random) == 0
            {
                // Others use the disk too.
                server.disk.capacity += Int.random(in: -(2 << 20)..<(1 << 20), using: &random)
            }
            switch Int.random(in: 0..<20, using: &random) {
            case 0...11:
                if Int.random(in: 0..<12, using: &random) == 0 {
                    try play(Workload.rare(&random, switchesLog: scenario == .switches))
                    continue
                }
                var requests: [Request] = []
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    switch Int.random(in: 0..<7, using: &random) {
                    case 6: requests += Workload.read(&random)
                    case 0: requests += Workload.transfer(&random)
                    case 1: requests += workload.write(&random)
                    default: requests += workload.next(&random)
                    }
                }
                try play(requests)
            case 12...13:
                note("sync")
                server.sync(index: nextIndex)
            case 14...15:
                note("maintain")
                server.maintain(index: nextIndex)
                try record(nil)
            case 16...18:
                note("step snapshot")
                server.stepSnapshot(index: nextIndex)
                try record(nil)
            default:
                time.advance(us: Int64.random(in: 1000...2_000_000, using: &random))
            }
        }
    }

    func play(_ requests: [Request]) throws {
        note(
            requests.map { $0.words.map { $0.prefix(24) }.joined(separator: " ") }
                .joined(separator: "; "))
        let isSave = ["SAVE", "DEBUG"].contains(requests.last!.words[0])
        let flushes = requests.last!.words[0] == "FLUSHALL"
        let replies = server.turn(requests, index: nextIndex)
        outcome.turns += 1
        var registers = history.last.registers
        var hasAccounts = history.last.hasAccounts
        var isQueuing = false
        for (request, reply) in zip(requests, replies) {
            let isRefused = reply.hasPrefix("-")
            if isRefused { try checkRefusal(request, reply) }
            switch request.words[0] {
            case "MULTI": isQueuing = true
            case "EXEC":
                isQueuing = false
                if !isRefused, requests.map(\.words) == Workload.opening.map(\.words) {
                    hasAccounts = true
                }
            case "SET" where !isQueuing && !isRefused && request.words[1].hasPrefix("register:"):
                registers[request.words[1]] = Int(request.words[2])!
            case "GET":
                let value = registers[request.words[1]].map { "\($0)" }
                if reply != (value.map { "$\($0.utf8.count)\r\n\($0)\r\n" } ?? "$-1\r\n") {
                    throw failed("\(request.words[1]) reads \(reply), not \(value ?? "nothing")")
                }
            case "FLUSHALL" where !isRefused:
                registers = [:]
                hasAccounts = false
            default: break
            }
        }
        let touched = requests.contains { $0.touched == nil } ? nil : requests.flatMap(\.touched!)
        try record(touched, registers: registers, hasAccounts: hasAccounts)
        if isSave, !replies.last!.contains("progress") {
            // Of the state before or after what was due was removed. After an error it may be there.
            server.noteSnapshotStart(nextIndex - 1)
            if replies.last!.hasPrefix("+OK") { server.snapshotIsWhole() }
        }
        if flushes, !hasAccounts, !server.disk.isDead, Bool.random(using: &random) {
            try play(Workload.opening)
        }
    }

    /// Only some errors may be answered, and only while something is wrong with the disk.
    func checkRefusal(_ request: Request, _ reply: String) throws {
        let line = String(reply.prefix { $0 != "\r" })
        if line.hasPrefix("-MISCONF") || line.hasPrefix("-OOM") || line.hasPrefix("-EXECABORT") {
            outcome.refusedWrites += 1
            let isRead = ["SELECT", "MULTI", "GET"].contains(request.words[0])
            let isTroubled =
                !plan.isEmpty || server.disk.capacity < .max || server.disk.isDead
                || scenario == .faults || scenario == .fullDisk
            if isTroubled && !isRead { return }
        }
        for allowed in [
            "-ERR no such key", "-WRONGTYPE", "-ERR Background", "-ERR value is not",
            "-ERR The XADD",
        ] where line.hasPrefix(allowed) { return }
        // A command that writes files fails when the disk does.
        if ["SAVE", "BGSAVE", "BGREWRITEAOF", "DEBUG"].contains(request.words[0]) {
            if !plan.isEmpty || server.disk.isDead || server.disk.capacity < .max { return }
            if ["progress", "Another", "log"].contains(where: line.contains) { return }
        }
        throw failed("\(request.words.map { $0.prefix(40) }) was answered \(line)")
    }

    /// Notes the state that was reached. `touched`: what may have changed; nil: anything.
    func record(
        _ touched: [Slot]?, registers: [String: Int]? = nil, hasAccounts: Bool? = nil
    ) throws {
        let engine = server.engine
        let last = history.last
        var keyspace: Keyspace
        if let touched {
            keyspace = last.keyspace
            let now = engine.nowMs
            let due = keyspace.filter {
                ($0.value.expiry ?? .max) <= now || ($0.value.fieldDue ?? .max) <= now
            }
            for slot in Set(touched).union(due.keys) { keyspace[slot] = engine.content(slot) }
        } else {
            keyspace = engine.keyspace
        }
        let lsn = engine.log.lsn
        history.append(
            Moment(
                lsn: lsn, isLogged: engine.logIsEnabled, keyspace: keyspace,
                registers: registers ?? last.registers,
                hasAccounts: hasAccounts ?? last.hasAccounts))
    }

    /// The disk is well again: everything is taken, told and written, without a restart.
    func heal() throws {
        note("heal")
        plan = FaultPlan()
        server.disk.fault = nil
        server.disk.capacity = .max
        // The next rounds of maintenance see that there is room again.
        for _ in 0..<2 { server.maintain(index: nextIndex) }
        let isQuiet = server.quiesce(index: nextIndex)
        try record(nil)
        let hasLostPages =
            server.disk.failedSyncShowsOldBytes && server.engine.logWriter?.lastSyncError != nil
        if hasLostPages { return }
        guard isQuiet else {
            throw failed("a healthy disk does not bring it to rest: \(server.state)")
        }
        let replies = server.turn(
            [
                Request(words: ["SELECT", "4"], touched: []),
                Request(words: ["SET", "healed", "1"], touched: nil),
            ], index: nextIndex)
        try record(nil)
        if replies[1] != "+OK\r\n" { throw failed("still refused: \(replies[1])") }
        server.sync(index: nextIndex)
        if server.waitingCount > 0 { throw failed("a reply waits though the disk is well") }
    }

    func failed(_ what: String) -> Failure {
        Failure(
            description: """
                \(what)
                FIRN_SIM_SEED=\(seed) FIRN_SIM_SCENARIO=\(scenario.rawValue)
                faults: \(plan)
                \(trace.suffix(40).joined(separator: "\n"))
                """)
    }
}
