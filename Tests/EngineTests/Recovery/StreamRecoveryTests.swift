import Testing

@testable import Engine

/// Streams in the cold tier and in the log at once: what is replayed is what the record has not.
@Suite(.serialized) struct StreamRecoveryTests {
    /// Everything that XINFO tells of a group but when its consumers were seen, which the log does
    /// not know.
    private func facts(_ durable: DurableEngine) -> [String] {
        [
            "XINFO GROUPS s", "XRANGE s - +", "XPENDING s g", "XINFO STREAM s",
            "XINFO GROUPS t", "DEBUG DIGEST",
        ].map { durable.run(line: $0) }
    }

    private let script = [
        "XADD s 1 a 1", "XADD s 2 a 2", "XGROUP CREATE s g 0", "XREADGROUP GROUP g c STREAMS s >",
        "XGROUP DESTROY s g", "XGROUP CREATE s g 0 ENTRIESREAD 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS s >", "XGROUP CREATECONSUMER s g idle",
        "XGROUP CREATE t other $ MKSTREAM", "XADD s MAXLEN 2 3 a 3", "XDEL s 2",
        "XREADGROUP GROUP g d STREAMS s >",
    ]

    /// XGROUP has its key behind the subcommand: that key's record, too, says what to skip.
    @Test func nothingIsDoneTwice() throws {
        let durable = try DurableEngine { $0.enableDebugCommand = .yes }
        defer { durable.close(checkpointMsMax: 0) }
        durable.stopMaintenance()
        for line in script { #expect(!durable.run(line: line).hasPrefix("-"), "\(line)") }
        #expect(durable.checkpointWithoutTrimming())
        let wanted = facts(durable)
        #expect(wanted[0].contains("name g consumers :3 pending :2 "))
        let crashed = try durable.crashed()
        defer { crashed.close() }
        #expect(crashed.report.skippedEffects > script.count)
        #expect(facts(crashed) == wanted)
    }

    /// With every key spilled after every command, and a crash after each.
    @Test func theLogLeadsToTheSameStreams() throws {
        let durable = try DurableEngine {
            $0.enableDebugCommand = .yes
            $0.debugSpillEveryCommand = true
        }
        defer { durable.close(checkpointMsMax: 0) }
        for (number, line) in script.enumerated() {
            durable.run(line: line)
            if number % 4 != 3 { continue }
            let crashed = try durable.crashed()
            #expect(facts(crashed) == facts(durable), "\(line)")
            crashed.close()
        }
    }
}
