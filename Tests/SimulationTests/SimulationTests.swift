// Runs of the simulation: some by default, with several starts each; any number by hand.
//
//     FIRN_SIM_RUNS=5000 swift test --filter SimulationTests     so many of each scenario
//     FIRN_SIM_SEED=17 FIRN_SIM_SCENARIO=faults …                a run that failed, again

import Glibc
import Testing

@Suite struct SimulationTests {
    private static func setting(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    private static let scenarios = Scenario.allCases.filter { scenario in
        setting("FIRN_SIM_SCENARIO").map { $0 == scenario.rawValue } ?? true
    }

    @Test(arguments: scenarios) func simulation(scenario: Scenario) throws {
        let only = Self.setting("FIRN_SIM_SEED").flatMap { UInt64($0) }
        let first = only ?? 1
        let runs =
            Self.setting("FIRN_SIM_RUNS").flatMap { UInt64($0) }
            ?? (only == nil ? scenario.runs : 1)
        var total = Simulation.Outcome()
        var failures = 0
        for seed in first..<first + runs {
            do {
                let simulation = try Simulation(seed: seed, scenario: scenario)
                defer { total.add(simulation.outcome) }
                try simulation.run()
            } catch {
                Issue.record("run \(seed - first + 1): \(error)")
                failures += 1
                if failures == 3 { break }
            }
        }
        print("\(scenario): \(runs) runs, \(total)")
    }
}

extension Scenario {
    /// How many runs there are by default.
    var runs: UInt64 {
        switch self {
        case .crashes, .faults: 40
        case .switches: 25
        case .coldTier: 20
        case .rot: 15
        case .fullDisk: 8
        }
    }
}

extension Simulation.Outcome: CustomStringConvertible {
    mutating func add(_ other: Self) {
        turns += other.turns
        starts += other.starts
        powerFailures += other.powerFailures
        kills += other.kills
        interruptedStarts += other.interruptedStarts
        refusedWrites += other.refusedWrites
        faults += other.faults
        refusedStarts += other.refusedStarts
        refusedHoles += other.refusedHoles
    }

    var description: String {
        "\(turns) turns, \(starts) starts (\(interruptedStarts) interrupted), \(powerFailures) power "
            + "failures, \(kills) kills, \(faults) faults, \(refusedWrites) writes refused, "
            + "\(refusedStarts) starts refused for rot, \(refusedHoles) for holes"
    }
}
