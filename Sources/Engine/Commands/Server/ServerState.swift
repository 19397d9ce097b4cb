// What the commands on the server as a whole keep: who it is, how fast it has been, what was
// slow, who watches, and what it was asked to do by CLIENT PAUSE and SHUTDOWN.

import Glibc

/// SHUTDOWN: a request that the server's main loop acts upon.
package struct ShutdownRequest: Sendable {
    package var options: ShutdownOptions
    /// Who asked; told if it cannot be done.
    package var clientID: Int64
}

/// Which requests CLIENT PAUSE holds back.
package enum PauseMode: Sendable { case writes, all }

package struct ServerState {
    /// 40 hex digits, made at each start.
    let runID: String
    /// The identity that replication would use, when there is no log that has one.
    var replicationID: String
    /// What CONFIG SET and REWRITE work on; `Engine.configuration` holds the values in force.
    package var live: LiveConfiguration
    var slowLog = SlowLog()
    var latency = LatencyMonitor()
    var monitors: [Client] = []
    var rates = RateSamples()
    var aclLog = ACLLog()

    /// Set by SHUTDOWN; the server looks at it when `onShutdownRequest` calls it.
    package var shutdownRequest: ShutdownRequest?
    package var onShutdownRequest: (@Sendable () -> Void)?
    /// Where DEBUG LOG and the like write to; the server's log.
    package var onLogLine: (@Sendable (String) -> Void)?

    /// CLIENT PAUSE: Unix milliseconds, 0 for no pause.
    package var pauseEndsMs: Int64 = 0
    package var pauseMode = PauseMode.all
    /// Size of the largest input and output buffers seen, by the event loops.
    package var inputBufferBytesMax = 0
    package var outputBufferBytesMax = 0

    init(runID: String, _ configuration: Configuration) {
        self.runID = runID
        replicationID = runID
        live = LiveConfiguration(configuration)
    }

    /// 40 random hex digits.
    static func makeRunID(_ random: inout Random) -> String {
        var text = ""
        for _ in 0..<5 {
            let word = random.next()
            for shift in stride(from: 28, through: 0, by: -4) {
                text.append(Hex.digit(Int(truncatingIfNeeded: word >> UInt64(shift)) & 15))
            }
        }
        return text
    }

    /// Called by the maintenance thread about ten times a second.
    mutating func sampleRates(_ nowUs: Int64, _ stats: Statistics) {
        rates.sample(
            nowUs, commands: stats.commandsProcessed, input: stats.netInputBytes,
            output: stats.netOutputBytes)
    }
}

/// Operations and bytes per second, over the last second and a half.
struct RateSamples {
    private static let count = 16
    private static let intervalUs: Int64 = 100_000

    private var commands = [Double](repeating: 0, count: count)
    private var input = [Double](repeating: 0, count: count)
    private var output = [Double](repeating: 0, count: count)
    private var next = 0
    private var lastUs: Int64 = 0
    private var last = (commands: 0, input: 0, output: 0)

    mutating func sample(_ nowUs: Int64, commands: Int, input: Int, output: Int) {
        let elapsed = nowUs - lastUs
        guard elapsed >= RateSamples.intervalUs else { return }
        if lastUs != 0 {
            let seconds = Double(elapsed) / 1_000_000
            // Counters go back when CONFIG RESETSTAT clears them.
            self.commands[next] = Double(Swift.max(commands - last.commands, 0)) / seconds
            self.input[next] = Double(Swift.max(input - last.input, 0)) / seconds
            self.output[next] = Double(Swift.max(output - last.output, 0)) / seconds
            next = (next + 1) % RateSamples.count
        }
        lastUs = nowUs
        last = (commands, input, output)
    }

    private func mean(_ samples: [Double]) -> Double {
        samples.reduce(0, +) / Double(RateSamples.count)
    }

    var commandsPerSecond: Int { Int(mean(commands)) }
    var inputKilobytesPerSecond: Double { mean(input) / 1024 }
    var outputKilobytesPerSecond: Double { mean(output) / 1024 }
}

extension Engine {
    /// The event loops' account of what they read and wrote; engine lock, once a turn.
    package func noteTraffic(inputBytes: Int, outputBytes: Int, reads: Int = 0, writes: Int = 0) {
        stats.netInputBytes &+= inputBytes
        stats.netOutputBytes &+= outputBytes
        stats.reads &+= reads
        stats.writes &+= writes
    }

    /// Whether a request has to wait because of CLIENT PAUSE. Event loops ask before they
    /// execute it, and keep the request until this says no or the client is gone.
    @inline(__always)
    package func mustWait(_ client: Client, _ arguments: Arguments) -> Bool {
        (server.pauseEndsMs != 0 || holdsWriters) && isHeldUp(client, arguments)
    }

    @inline(never)
    private func isHeldUp(_ client: Client, _ arguments: Arguments) -> Bool {
        if server.pauseEndsMs != 0, nowMs >= server.pauseEndsMs { server.pauseEndsMs = 0 }
        // What is refused anyway is refused at once.
        guard let index = commands.find(arguments[0]),
            commands[index].pointee.takes(arguments.count)
        else { return false }
        if loading != nil, !runsWhileLoading(index, arguments) { return false }
        if server.pauseEndsMs != 0 {
            if server.pauseMode == .all { return true }
            if runs(client, arguments, [.write, .mayReplicate]) { return true }
        }
        return holdsWriters && runs(client, arguments, .denyOOM)
    }

    /// Whether a request runs commands with one of these flags. Queueing one for a transaction
    /// does not.
    private func runs(_ client: Client, _ arguments: Arguments, _ flags: CommandFlags) -> Bool {
        guard let index = commands.find(arguments[0]) else { return false }
        if client.transaction != nil {
            guard arguments[0].equalsIgnoringCase("exec"), let transaction = client.transaction
            else { return false }
            return !transaction.flags.isDisjoint(with: flags)
        }
        return !commands[index].pointee.flags.isDisjoint(with: flags)
    }

    /// CONFIG SET and the start: what the thresholds are together.
    func observeSlowCommands() {
        let slow = configuration.slowlogLogSlowerThanMicroseconds
        let latency = configuration.latencyMonitorThresholdMs
        slowCommandUs = slow < 0 ? .max : Int64(slow)
        if latency > 0 { slowCommandUs = Swift.min(slowCommandUs, Int64(latency) &* 1000) }
    }

    /// A command has taken at least as long as somebody wants to know of.
    @inline(never)
    func commandWasSlow(_ client: Client, _ index: Int, _ arguments: Arguments, _ spentUs: Int64) {
        // One that blocks is not over yet, and nobody has sent what is replayed.
        if client.isBlocked || client.isReplay { return }
        let flags = commands[index].pointee.flags
        let threshold = configuration.slowlogLogSlowerThanMicroseconds
        if threshold >= 0, spentUs >= Int64(threshold), !flags.contains(.skipSlowlog) {
            server.slowLog.add(
                arguments, spentUs, nowMs, client, lengthMax: configuration.slowlogLengthMax)
        }
        noteLatency(flags.contains(.fast) ? "fast-command" : "command", spentUs / 1000)
    }

    /// A sample for LATENCY; ignored below `latency-monitor-threshold`.
    func noteLatency(_ event: String, _ milliseconds: Int64) {
        let threshold = configuration.latencyMonitorThresholdMs
        guard threshold > 0, milliseconds >= Int64(threshold) else { return }
        server.latency.add(event, milliseconds, nowMs / 1000)
    }

    func logLine(_ text: String) { server.onLogLine?(text) }
}

/// Hexadecimal text without Foundation.
enum Hex {
    private static let digits = Array("0123456789abcdef")

    static func digit(_ value: Int) -> Character { digits[value] }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return text
    }
}
