// Where output goes: standard output or a file that appears when it is whole.

import Engine
import Glibc

/// Buffered output.
package final class Output {
    package nonisolated(unsafe) static let standard = Output()

    private let descriptor: Int32
    private let path: String
    private let temporary: String?
    private var sink = ByteSink(capacity: 1 << 16)

    private init() {
        descriptor = 1
        path = "standard output"
        temporary = nil
    }

    /// A file; it has its name once `finish` has returned.
    package init(file: String) throws(IOError) {
        path = file
        let temporary = "\(file).partial-\(getpid())"
        self.temporary = temporary
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw IOError(errno: errno, operation: "open", path: temporary) }
    }

    package func put(_ bytes: Bytes) throws(IOError) {
        sink.put(bytes)
        if sink.count >= 1 << 18 { try flush() }
    }

    package func put(_ text: String) throws(IOError) {
        sink.put(text)
        if sink.count >= 1 << 18 { try flush() }
    }

    package func line(_ text: String) throws(IOError) {
        try put(text)
        try put("\n")
    }

    package func flush() throws(IOError) {
        var done = 0
        let bytes = sink.bytes
        while done < bytes.count {
            let count = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if count < 0 {
                if errno == EINTR { continue }
                throw IOError(errno: errno, operation: "write", path: path)
            }
            done += count
        }
        sink.removeAll()
    }

    /// Makes a file durable and gives it its name.
    package func finish() throws(IOError) {
        try flush()
        guard let temporary else { return }
        if fsync(descriptor) != 0 || rename(temporary, path) != 0 {
            throw IOError(errno: errno, operation: "rename", path: path)
        }
        close(descriptor)
    }

    /// Removes what was written so far.
    package func abandon() {
        if let temporary { unlink(temporary) }
    }
}

/// A line of progress on a terminal, at most ten times a second.
package final class Progress {
    package nonisolated(unsafe) static let shared = Progress()

    private let isOn = isatty(2) == 1
    private var lastUs: Int64 = 0
    private var isShown = false
    private let startedUs = Clock.monotonicUs()

    package func show(_ what: String, _ done: Int, of total: Int) {
        guard isOn else { return }
        let now = Clock.monotonicUs()
        // Short work shows nothing.
        guard now - startedUs > 500_000, now - lastUs > 100_000 else { return }
        lastUs = now
        isShown = true
        let share = total > 0 ? min(Double(done) / Double(total), 1) : 0
        let filled = Int(share * 30)
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
        let text = "\r\(what) [\(bar)] \(Int(share * 100))%  \(done) "
        _ = text.withCString { write(2, $0, strlen($0)) }
    }

    package func clear() {
        guard isShown else { return }
        isShown = false
        _ = "\r\u{1B}[K".withCString { write(2, $0, strlen($0)) }
    }
}
