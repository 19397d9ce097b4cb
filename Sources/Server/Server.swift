// The life of a server: configuration, sockets, data, turns, end.
//
//     read the configuration       a mistake stops the start
//     bind                         a port that is taken stops the start
//     open the data directory      recovery, on a thread of its own; a directory that is taken
//                                  stops the start
//     accept clients               when the data is there, or has not come for a moment: then
//                                  they are served as Redis serves them while it loads
//     wait for SIGTERM, SIGINT or SHUTDOWN
//     stop accepting and executing, sync the log, checkpoint if that is quick, exit 0
//
// Everything that fails on the way is told in one line, and the exit status is 1. The end of a server
// that still loads is to let the process go (Recovery/Loading.swift), also with exit status 0.

import Engine
import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization

package final class Server: @unchecked Sendable {
    private let configuration: Configuration
    /// The configuration file.
    private let filePath: String?
    private let log: Logger
    private let group: MultiThreadedEventLoopGroup
    private let reactors = ReactorTable()
    private let listener: Listener
    private let startup = Startup()
    private let isEnding = Atomic(false)
    private let endRequest = Monitor()
    private var endOptions: ShutdownOptions?

    /// Runs a server to its end. `arguments` are those of the program, without its name.
    package static func run(_ arguments: [String]) -> Never {
        let options = LaunchOptions(arguments)
        switch options.action {
        case .printVersion:
            print(LaunchOptions.versionText)
            exit(0)
        case .printHelp:
            print(LaunchOptions.helpText)
            exit(0)
        case .run: break
        }
        if let mistake = options.restoreMistake {
            ServerProcess.complain(mistake)
            exit(1)
        }
        var configuration: Configuration
        let filePath: String?
        do {
            (configuration, filePath) = try options.load()
        } catch {
            ServerProcess.complain("\(error)")
            exit(1)
        }
        if configuration.daemonize { ServerProcess.detach() }
        ServerProcess.holdSignals()
        AllocatorMemory.giveBackSoon()
        ServerLog.level = configuration.logLevel
        let logPath = Server.absolute(configuration.logFile, in: configuration.dir)
        LoggingSystem.bootstrap { _ in ServerLog(path: logPath) }
        let log = Logger(label: "firn")
        if chdir(configuration.dir) != 0 {
            log.error(
                "Can't chdir to '\(configuration.dir)': \(String(cString: strerror(errno)))")
            exit(1)
        }
        configuration.maxClients = ServerProcess.raiseFileLimit(
            clientsMax: configuration.maxClients, log)
        let server = Server(configuration, filePath, log)
        server.announce()
        server.start(options.restore)
        server.waitForSignals()
    }

    private static func absolute(_ path: String, in directory: String) -> String {
        path.isEmpty || path.hasPrefix("/") ? path : "\(directory)/\(path)"
    }

    private init(_ configuration: Configuration, _ filePath: String?, _ log: Logger) {
        self.configuration = configuration
        self.filePath = filePath
        self.log = log
        group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.ioThreads)
        listener = Listener(group, reactors, log)
    }

    // MARK: The start

    /// So long clients wait for the data without being told.
    private static let patienceMs: Int64 = 50

    private func announce() {
        log.notice(
            """
            \(Product.name) \(Product.version) is starting, pid \(getpid()); it speaks the \
            protocol of Redis \(Product.redisVersion)
            """)
        if let filePath { log.notice("Configuration loaded from \(filePath)") }
        let inert = configuration.inertNonDefault
        if !inert.isEmpty {
            log.warning(
                "These settings are accepted but have no effect: \(inert.joined(separator: ", "))")
        }
        let budget = configuration.maxmemory
        let memory = budget == 0 ? "no limit" : "\(budget >> 20) MB"
        let origin = configuration.memoryBudget.isAutomatic ? " (automatic)" : ""
        let rest = configuration.coldTier ? "moves to the cold tier" : "is evicted"
        log.notice("Memory budget: \(memory)\(origin); what does not fit \(rest)")
        log.notice("Data directory: \(configuration.dir)")
    }

    private func start(_ restore: RestoreRequest?) {
        do {
            try listener.bind(configuration)
        } catch {
            fail(error.description)
        }
        if !configuration.pidFile.isEmpty || configuration.daemonize {
            ServerProcess.writePidFile(pidFilePath, log)
        }
        _ = BackgroundThread { [self] in endWhenAsked() }
        _ = BackgroundThread { [self] in load(restore) }
        // Most starts take a moment. Only who would wait for longer is told so.
        startup.waitForLoading(milliseconds: Server.patienceMs)
        startup.letIn(whileLoading: true, serve)
    }

    /// The loading thread.
    private func load(_ restore: RestoreRequest?) {
        var steps = OpeningSteps { [log] in log.notice("\($0)") }
        steps.begun = { [self] in startup.begun($0, serve) }
        steps.loaded = { [startup] in startup.loaded() }
        do {
            let report = try Engine.open(configuration, restoring: restore, steps: steps).report
            tell(report)
            startup.letIn(whileLoading: false, serve)
            tellReadiness()
        } catch {
            // Unless somebody is ending the server as it is.
            guard startup.end() == .loading else { return }
            log.error("\(error.description)")
            listener.abandon()
            _exit(1)
        }
    }

    private var pidFilePath: String {
        configuration.pidFile.isEmpty
            ? "/var/run/firn.pid"
            : Server.absolute(configuration.pidFile, in: configuration.dir)
    }

    private func fail(_ reason: String) -> Never {
        log.error("\(reason)")
        exit(1)
    }

    private func tell(_ report: RecoveryReport) {
        var parts = ["\(report.replayedEffects) effects replayed"]
        if report.skippedEffects > 0 {
            parts.append("\(report.skippedEffects) already in the cold tier")
        }
        if report.coldKeys > 0 { parts.append("\(report.coldKeys) cold keys") }
        if report.threadLookUps > 0 { parts.append("\(report.threadLookUps) keys read ahead") }
        if report.importedKeys > 0 { parts.append("\(report.importedKeys) keys imported") }
        let what = parts.joined(separator: ", ")
        log.notice("Data opened from \(report.source) in \(report.milliseconds) ms: \(what)")
    }

    /// Lets clients in, once. The engine may still be loading.
    private func serve(_ engine: Engine, isLoading: Bool) {
        var all: [Reactor] = []
        for loop in group.makeIterator() {
            all.append(Reactor(engine, loop, log))
        }
        reactors.fill(all)
        engine.withLock { engine in
            engine.shareWhileLoading()
            engine.useConfigurationFile(filePath)
            engine.server.live.onChange(of: "port", "bind") { [listener] new, _ in
                listener.move(to: new)
            }
            engine.server.onLogLine = { [log] in log.warning("\($0)") }
            engine.server.onShutdownRequest = { [unowned self] in
                guard let request = engine.server.shutdownRequest else { return }
                log.warning("User requested shutdown...")
                beginShutdown(request.options)
            }
            engine.onLogProgress = { [reactors] in
                for reactor in reactors.all { reactor.logProgressed() }
            }
            engine.onRoom = { [reactors] in
                for reactor in reactors.all { reactor.roomMade() }
            }
        }
        for reactor in all { reactor.start() }
        do { try listener.open() } catch { fail("Can't accept connections: \(error)") }
        if isLoading {
            log.notice("Loading takes a while: clients are told so, and may ask INFO how far it is")
        }
    }

    private func tellReadiness() {
        if configuration.port != 0 {
            log.notice("Ready to accept connections on port \(configuration.port)")
        }
        if !configuration.unixSocket.isEmpty {
            log.notice("Ready to accept connections at \(configuration.unixSocket)")
        }
    }

    // MARK: The end

    private func waitForSignals() -> Never {
        while true {
            let number = ServerProcess.nextSignal()
            if isEnding.load(ordering: .acquiring) {
                log.warning("You insist... exiting now.")
                _exit(1)
            }
            let name = number == SIGINT ? "SIGINT" : "SIGTERM"
            log.warning("Received \(name) scheduling shutdown...")
            beginShutdown(
                number == SIGINT ? configuration.shutdownOnSigint : configuration.shutdownOnSigterm)
        }
    }

    /// Ends the server on a thread of its own, so that a further signal is heard.
    private func beginShutdown(_ options: ShutdownOptions) {
        guard !isEnding.exchange(true, ordering: .acquiringAndReleasing) else { return }
        endRequest.withLock {
            endOptions = options
            endRequest.notifyAll()
        }
    }

    /// The ending thread: it is there from the start, in case there is none to spare later.
    private func endWhenAsked() -> Never {
        while true {
            let options = endRequest.withLock {
                while true {
                    if let options = endOptions {
                        endOptions = nil
                        return options
                    }
                    endRequest.wait()
                }
            }
            shutdown(options)
        }
    }

    private func shutdown(_ options: ShutdownOptions) {
        switch startup.end() {
        case .loading: endWhileLoading()
        // Loading has failed just now; the process ends for that.
        case .ending: return
        case .loaded: break
        }
        guard let engine = startup.engine else { _exit(0) }
        for reactor in reactors.all { reactor.stop() }
        if let failure = engine.withLock({ $0.saveBeforeEnd(options) }) {
            log.warning("Error trying to save the DB: \(failure)")
            if !options.contains(.force) { return callOff() }
        }
        listener.close()
        if configuration.appendOnly {
            log.notice("Writing what is left of the log and of the hot tier.")
        }
        engine.close(
            checkpointMsMax: options.contains(.now) ? 0 : Engine.lastCheckpointMsMax)
        leave()
    }

    /// What has been loaded is let go, whatever was asked for: the disk has it, and a snapshot of a
    /// part must not take its place. Event loops and engine are not waited for.
    private func endWhileLoading() -> Never {
        log.warning("The data is still being loaded. Nothing is saved; the next start loads it.")
        listener.abandon()
        leave()
    }

    private func leave() -> Never {
        if !configuration.pidFile.isEmpty || configuration.daemonize { unlink(pidFilePath) }
        log.warning("\(Product.name) is now ready to exit, bye bye...")
        _exit(0)
    }

    private func callOff() {
        log.warning("Errors trying to shut down the server. Check the logs for more information.")
        startup.engine?.withLock { $0.shutdownFailed() }
        for reactor in reactors.all { reactor.resume() }
        startup.goOn(serve)
        isEnding.store(false, ordering: .releasing)
    }
}
