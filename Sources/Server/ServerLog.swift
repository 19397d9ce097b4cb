// The server's own log: swift-log in front, Redis's line format behind.
//
//     2817:M 22 Nov 2026 23:06:43.123 * Ready to accept connections
//
// The sign tells the level: '.' debug, '-' verbose, '*' notice, '#' warning. Lines go to
// standard output or, with `logfile`, to the end of that file, which is opened for each line so
// that it can be moved away while the server runs.

import Engine
import Glibc
import Logging
import Synchronization

/// Where log lines go, and which.
struct ServerLog: LogHandler {
    private static let threshold = Atomic(2)

    /// `loglevel`; may change while the server runs.
    static var level: LogLevel {
        get { LogLevel.allCases[threshold.load(ordering: .relaxed)] }
        set { threshold.store(rank(newValue), ordering: .relaxed) }
    }

    /// Path of `logfile`; empty: standard output.
    let path: String
    var logLevel = Logger.Level.trace
    var metadata = Logger.Metadata()

    init(path: String) { self.path = path }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let rank: Int
        switch event.level {
        case .trace, .debug: rank = 0
        case .info: rank = 1
        case .notice: rank = 2
        case .warning, .error, .critical: rank = 3
        }
        if rank >= ServerLog.threshold.load(ordering: .relaxed) {
            write("\(event.message)", Array(".-*#")[rank])
        }
    }

    private static func rank(_ level: LogLevel) -> Int {
        switch level {
        case .debug: 0
        case .verbose: 1
        case .notice: 2
        case .warning: 3
        }
    }

    private func write(_ message: String, _ sign: Character) {
        var line = "\(getpid()):M \(ServerLog.timestamp()) \(sign) \(message)\n"
        if path.isEmpty {
            line.withUTF8 { put($0, 1) }
            return
        }
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        if file < 0 { return }
        line.withUTF8 { put($0, file) }
        Glibc.close(file)
    }

    private func put(_ bytes: UnsafeBufferPointer<UInt8>, _ file: Int32) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(file, bytes.baseAddress! + done, bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return }
            done += count
        }
    }

    /// Local time, as Redis prints it.
    private static func timestamp() -> String {
        let us = Clock.wallUs()
        var seconds = time_t(us / 1_000_000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 64)
        let count = strftime(&text, 64, "%d %b %Y %H:%M:%S", &parts)
        let milliseconds = String(us / 1000 % 1000)
        let padding = String(repeating: "0", count: 3 - milliseconds.count)
        let bytes = text[..<count].map { UInt8(bitPattern: $0) }
        return String(decoding: bytes, as: UTF8.self) + "." + padding + milliseconds
    }
}
