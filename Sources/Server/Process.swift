// What the server does with its process: background, pid file, limits, signals.

import Engine
import Glibc
import Logging

enum ServerProcess {
    /// Files that are open beside the clients' sockets, generously.
    private static let reservedFiles = 64

    /// `daemonize yes`: goes on in the background. Before any thread is started.
    static func detach() {
        if daemon(1, 0) != 0 {
            complain("Can't daemonize: \(String(cString: strerror(errno)))")
            exit(1)
        }
    }

    /// Writes a line to standard error: before there is a log.
    static func complain(_ text: String) {
        var line = text + "\n"
        line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress!, $0.count) }
    }

    /// Writes the pid file; a server that cannot is still of use.
    static func writePidFile(_ path: String, _ log: Logger) {
        guard let file = fopen(path, "w") else {
            return log.warning(
                "Failed to write PID file: \(String(cString: strerror(errno)))")
        }
        fputs("\(getpid())\n", file)
        fclose(file)
    }

    /// Raises the limit of open files for `maxclients`, as far as the system lets us; returns
    /// how many clients there may be.
    static func raiseFileLimit(clientsMax: Int, _ log: Logger) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return clientsMax }
        let wanted = rlim_t(clientsMax + reservedFiles)
        if limit.rlim_cur >= wanted { return clientsMax }
        let hard = limit.rlim_max
        // Root may raise the hard limit too.
        var raised = rlimit(rlim_cur: wanted, rlim_max: max(hard, wanted))
        if setrlimit(resource, &raised) == 0 { return clientsMax }
        raised = rlimit(rlim_cur: min(wanted, hard), rlim_max: hard)
        _ = setrlimit(resource, &raised)
        getrlimit(resource, &limit)
        if limit.rlim_cur >= wanted { return clientsMax }
        let possible = max(Int(clamping: limit.rlim_cur) - reservedFiles, 1)
        log.warning(
            """
            You requested maxclients of \(clientsMax) requiring at least \(wanted) max file \
            descriptors, but the limit is \(limit.rlim_cur); maxclients has been reduced to \
            \(possible). If you need higher maxclients increase 'ulimit -n'.
            """)
        return possible
    }

    // MARK: Signals

    private static func endSignals() -> sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        return signals
    }

    /// Makes SIGTERM and SIGINT wait for `nextSignal` on every thread, and ignores those that
    /// mean nothing to a server. Before any thread is started.
    static func holdSignals() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
        var signals = endSignals()
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    /// Waits for SIGTERM or SIGINT.
    static func nextSignal() -> Int32 {
        var signals = endSignals()
        var number: Int32 = 0
        while sigwait(&signals, &number) != 0 {}
        return number
    }
}
