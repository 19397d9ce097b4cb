// How a server dies in a run, how it is started again, and what it must find then.

import TestSupport

@testable import Engine

extension Simulation {
    /// The server dies and is started again; false when the run is over.
    func crash() throws -> Bool {
        let isKill = Int.random(in: 0..<4, using: &random) == 0
        let writer = server.engine.logWriter
        let hasLog = server.logIsData
        let hadSyncError = writer?.lastSyncError != nil
        let durable = writer?.syncedLSN ?? 0
        // A sync that fails may drop what was written from the system's memory, too.
        let reached = isKill && !hadSyncError ? writer?.writtenLSN ?? 0 : durable
        var floor = hasLog ? history.lastIndex(upTo: reached) : 0
        note(
            "\(isKill ? "kill" : "power failure"), durable \(durable), moment \(floor)"
                + (hadSyncError ? ", the last sync failed" : ""))
        if hasLog, server.toldIndex > floor,
            history.moments[server.toldIndex].lsn > reached
        {
            throw failed("moment \(server.toldIndex) was told of, but \(floor) is durable")
        }
        let old = server.disk
        var left: SimulatedDisk
        let snapshots = self.snapshots
        configuration = server.engine.configuration
        configuration.appendOnly = hasLog
        server.abandon()
        server = nil
        if isKill {
            outcome.kills += 1
            left = old.afterKill()
        } else {
            outcome.powerFailures += 1
            left = old.afterPowerFailure(&random) { path in
                path.hasSuffix(".incr.aof") ? .prefix : .reordered
            }
        }
        left.capacity = .max
        if scenario == .rot { try rot(left, hasLog ? reached : nil) }
        let startsBefore = outcome.interruptedStarts
        do throws(StartError) {
            left = try interrupt(left)
        } catch {
            return try mayRefuse(error, hadSyncError)
        }
        if isKill, outcome.interruptedStarts > startsBefore, hasLog {
            // What the killed process had only written is gone too.
            floor = history.lastIndex(upTo: durable)
        }
        do {
            server = try start(left)
        } catch {
            return try mayRefuse(error, hadSyncError)
        }
        try verify(hasLog, floor, snapshots)
        return true
    }

    /// A start was refused. That is known to happen when a sync has failed: what was written after
    /// what it has forgotten may survive.
    private func mayRefuse(_ error: StartError, _ hadSyncError: Bool) throws -> Bool {
        if hadSyncError, error.description.contains("damaged at offset") {
            outcome.refusedHoles += 1
            return false
        }
        throw failed("a start was refused: \(error)")
    }

    func start(_ disk: SimulatedDisk) throws(StartError) -> SimulatedServer {
        outcome.starts += 1
        return try SimulatedServer(disk, time, configuration, seed: random.next())
    }

    /// Starts that the power interrupts, at any call of the disk; returns what they leave.
    private func interrupt(_ left: SimulatedDisk) throws(StartError) -> SimulatedDisk {
        var left = left
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            let disk = left.afterKill()
            disk.powerFailsAtCall = Int.random(in: 0..<30, using: &random)
            note("a start that the power interrupts at call \(disk.powerFailsAtCall)")
            outcome.interruptedStarts += 1
            do throws(StartError) { try start(disk).abandon() } catch {
                if !disk.isDead { throw error }
            }
            left = disk.afterPowerFailure(&random) { _ in .prefix }
        }
        return left
    }

    func verify(_ hasLog: Bool, _ floor: Int, _ snapshots: [Moment]) throws {
        let keyspace = server.engine.keyspace
        let lsn = server.engine.log.lsn
        if hasLog {
            switch history.find(lsn, keyspace, from: floor) {
            case .success(let index):
                note("found moment \(index) of \(history.lastIndex)")
                history.rewind(to: index)
                inherited = snapshots
            case .failure(let mismatch): throw failed(mismatch.description)
            }
        } else {
            let now = server.engine.nowMs
            let found = snapshots.last {
                $0.keyspace.loaded(at: now) == keyspace.loaded(at: now)
            }
            guard let found else {
                throw failed(
                    "the snapshot holds none of \(snapshots.count) moments; the last: "
                        + (snapshots.last?.keyspace.loaded(at: now)
                            .difference(keyspace.loaded(at: now)) ?? ""))
            }
            // Positions begin anew.
            history = History(
                Moment(
                    lsn: lsn, isLogged: false, keyspace: keyspace, registers: found.registers,
                    hasAccounts: found.hasAccounts))
            inherited = [found]
        }
        try checkLedger()
    }

    /// Registers and accounts, by requests.
    func checkLedger() throws {
        let expected = history.last
        var sum = 0
        var found = 0
        for number in 0..<Workload.accounts {
            if let balance = value(Workload.account(number)) {
                sum += balance
                found += 1
            }
        }
        // Transfers make accounts too, where there are none.
        if expected.hasAccounts, sum != Workload.sum || found != Workload.accounts {
            throw failed("the accounts hold \(sum), and there are \(found)")
        }
        if !expected.hasAccounts, sum != 0 { throw failed("without accounts there are \(sum)") }
        for number in 0..<Workload.registers {
            let slot = Workload.register(number)
            if value(slot) != expected.registers[slot.key] {
                throw failed(
                    "\(slot) is \(value(slot) ?? -1), not \(expected.registers[slot.key] ?? -1)")
            }
        }
    }

    func value(_ slot: Slot) -> Int? {
        server.engine.withLock { engine in
            Array(slot.key.utf8).withUnsafeBytes { raw in
                var text: String?
                engine.withValue(engine.key(raw, database: slot.database)) { entry in
                    StringValue.withBytes(entry) { text = $0.text }
                }
                return text.flatMap { Int($0) }
            }
        }
    }

    // MARK: Rot

    /// Turns a bit of some file over and starts: the start is refused, or what it finds is a moment
    /// of the history. One older than `durable` it may only find if it says that it has cut the
    /// log's end off.
    func rot(_ left: SimulatedDisk, _ durable: UInt64?) throws {
        let files = left.files.filter { $0.byteCount > 0 }
        for _ in 0..<8 {
            guard let file = files.randomElement(using: &random) else { return }
            let disk = left.afterKill()
            let bit = Int.random(in: 0..<file.byteCount * 8, using: &random)
            disk.flip(file.path, bit: bit)
            note("bit \(bit) of \(file.path)")
            let rotten: SimulatedServer
            do throws(StartError) {
                rotten = try start(disk)
            } catch {
                outcome.refusedStarts += 1
                note("refused: \(error)")
                continue
            }
            defer { rotten.abandon() }
            let keyspace = rotten.engine.keyspace
            let now = rotten.engine.nowMs
            let isKnown = (history.moments + inherited).contains {
                $0.keyspace == keyspace
                    || durable == nil && $0.keyspace.loaded(at: now) == keyspace.loaded(at: now)
            }
            if !isKnown { throw failed("what it found was never there") }
            if let durable, rotten.engine.log.lsn < durable, rotten.report.droppedBytes == 0 {
                throw failed("it found \(rotten.engine.log.lsn), less than \(durable), silently")
            }
        }
    }
}
