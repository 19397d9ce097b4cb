// An engine on a directory of its own: cold tier, log and background threads included.

import Glibc

@testable import Engine

final class DurableEngine {
    let directory: String
    private(set) var engine: Engine
    private(set) var client: Client
    private(set) var report: RecoveryReport
    private let configure: (inout Configuration) -> Void
    private let begun: (Engine) -> Void
    private var isOpen = true

    /// Opens `directory`, or a new temporary one. `begun` is given the engine before it is filled.
    init(
        directory: String? = nil,
        _ configure: @escaping (inout Configuration) -> Void = { _ in },
        begun: @escaping (Engine) -> Void = { _ in }
    ) throws {
        self.configure = configure
        self.begun = begun
        if let directory {
            self.directory = directory
        } else {
            var template = Array("/tmp/firn-test-XXXXXX".utf8CString)
            self.directory = String(cString: mkdtemp(&template)!)
        }
        (engine, report) = try DurableEngine.open(self.directory, begun, configure)
        client = Client(id: 1, nowMs: engine.nowMs)
    }

    private static func open(
        _ directory: String, _ begun: @escaping (Engine) -> Void,
        _ configure: (inout Configuration) -> Void
    ) throws -> (Engine, RecoveryReport) {
        var configuration = Configuration()
        configuration.dir = directory
        configuration.memoryBudget = MemoryBudget(bytes: 0)
        configuration.savePoints = []
        configure(&configuration)
        var steps = OpeningSteps { _ in }
        steps.begun = begun
        let opened = try Engine.open(configuration, steps: steps)
        return (opened.engine, opened.report)
    }

    /// Ends the engine in order and opens the directory again.
    func reopen() throws {
        engine.close()
        let dir = directory
        client = Client(id: 0, nowMs: 0)
        engine = Engine(
            configuration: Configuration(), secret: HashSecret(k0: 0, k1: 0), seed: 0)
        (engine, report) = try DurableEngine.open(dir, begun, configure)
        client = Client(id: 1, nowMs: engine.nowMs)
    }

    /// What a crash would leave now: a copy of the directory, opened. `harm` names a command that
    /// does more to the directory that it is given.
    func crashed(_ harm: (String) -> String = { _ in "true" }) throws -> DurableEngine {
        let copy = directory + "-crashed"
        system("rm -rf \(copy) && cp -r --sparse=always \(directory) \(copy) && \(harm(copy))")
        return try DurableEngine(directory: copy, configure, begun: begun)
    }

    func close(checkpointMsMax: Int64 = 5000) {
        if isOpen { engine.close(checkpointMsMax: checkpointMsMax) }
        isOpen = false
        system("rm -rf \(directory)")
    }

    @discardableResult
    private func system(_ command: String) -> Int32 { Glibc.system(command) }

    /// Executes one request in a turn of its own; the reply as text.
    @discardableResult
    func run(_ words: String...) -> String { turn([words])[0] }

    @discardableResult
    func run(line: String) -> String { turn([line.split(separator: " ").map(String.init)])[0] }

    /// Executes requests in one turn; their replies as text.
    @discardableResult
    func turn(_ requests: [[String]]) -> [String] {
        waitForRoom()
        var replies: [String] = []
        engine.withLock { engine in
            engine.beginTurn()
            for words in requests {
                OwnedArguments(words.map { Array($0.utf8) }).withArguments {
                    engine.execute(client, $0)
                }
                var decoder = ReplyDecoder(client.reply.withBytes { Array($0) })
                replies.append(decoder.next().description)
                client.reply.removeAll()
            }
            _ = engine.endTurn()
        }
        return replies
    }

    /// Waits as the event loop does with a client whose command may need memory.
    private func waitForRoom() {
        while engine.withLock({ engine in
            if engine.holdsWriters { engine.keepWithinBudget() }
            return engine.holdsWriters
        }) { usleep(500) }
    }

    /// Stops the maintenance thread; a test goes on by hand with `engine.maintenance!.step()`.
    func stopMaintenance() { engine.maintenance!.stop() }

    /// Lets a checkpoint run until all of it is committed and nothing is trimmed. Maintenance is
    /// stopped.
    func checkpointWithoutTrimming() -> Bool {
        engine.withLock { _ = $0.startCheckpoint() }
        for _ in 0..<10_000 {
            switch engine.withLock({ $0.checkpoint.phase }) {
            case .rotating, .walking: _ = engine.maintenance!.step()
            case .committing: usleep(500)
            case .trimming: return true
            case .idle: return false
            }
        }
        return false
    }

    /// Waits until `condition` holds; false after `seconds`.
    func wait(seconds: Double = 10, _ condition: (Engine) -> Bool) -> Bool {
        let deadline = Clock.monotonicUs() + Int64(seconds * 1_000_000)
        while Clock.monotonicUs() < deadline {
            if engine.withLock({ condition($0) }) { return true }
            usleep(1000)
        }
        return false
    }
}
