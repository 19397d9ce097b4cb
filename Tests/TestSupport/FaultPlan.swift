// Which calls of the disk fail, and how: drawn from a seed, printed when a run fails.

import Glibc

/// Rules for a stretch of a run. A class, because it counts the calls.
package final class FaultPlan: CustomStringConvertible, @unchecked Sendable {
    struct Rule {
        let call: DiskCall
        /// The calls of this kind that it is about, counted from the plan's beginning.
        let calls: Range<Int>
        let fault: SimulatedDisk.Fault
    }

    private let rules: [Rule]
    private var counts: [String: Int] = [:]
    /// How many calls it has spoiled.
    package private(set) var played = 0

    /// No faults.
    package init() { rules = [] }

    package init(_ random: inout some RandomNumberGenerator) {
        rules = (0..<Int.random(in: 1...4, using: &random)).map { _ in
            let call = DiskCall.allCases.filter { $0 != .read }.randomElement(using: &random)!
            // The first calls of the rare kinds, any of the frequent ones.
            let isFrequent = call == .write || call == .syncData
            let first = Int.random(in: 0..<(isFrequent ? 25 : 4), using: &random)
            let count = [1, 1, 2, 5, 1000].randomElement(using: &random)!
            let number = [EIO, ENOSPC].randomElement(using: &random)!
            var fault = SimulatedDisk.Fault.fail(number)
            if call == .write {
                switch Int.random(in: 0..<4, using: &random) {
                case 0: fault = .tear(Int.random(in: 0..<80, using: &random), number)
                case 1: fault = .short(Int.random(in: 1..<60, using: &random))
                default: break
                }
            }
            return Rule(call: call, calls: first..<(first + count), fault: fault)
        }
    }

    package var isEmpty: Bool { rules.isEmpty }

    /// What the next call of a kind is to do.
    package func answer(_ call: String, _ path: String) -> SimulatedDisk.Fault? {
        let number = counts[call, default: 0]
        counts[call] = number + 1
        guard let rule = rules.first(where: { $0.call.rawValue == call && $0.calls ~= number })
        else { return nil }
        played += 1
        return rule.fault
    }

    package var description: String {
        rules.isEmpty
            ? "none"
            : rules.map { "\($0.call) \($0.calls): \($0.fault)" }.joined(separator: "; ")
    }
}
