// What the system knows of this process: processor time, its name.

import Glibc

enum ProcessFacts {
    /// Linux's RUSAGE_THREAD, which Glibc's module does not show.
    static let rusageThread: Int32 = 1

    /// Seconds of processor time: in the kernel, and in the program.
    static func processorSeconds(_ who: Int32) -> (system: Double, user: Double) {
        var usage = rusage()
        guard getrusage(who, &usage) == 0 else { return (0, 0) }
        func seconds(_ time: timeval) -> Double {
            Double(time.tv_sec) + Double(time.tv_usec) / 1e6
        }
        return (seconds(usage.ru_stime), seconds(usage.ru_utime))
    }

    static let system: String = {
        var name = utsname()
        uname(&name)
        func text<T>(_ field: T) -> String {
            withUnsafeBytes(of: field) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
        }
        return "\(text(name.sysname)) \(text(name.release)) \(text(name.machine))"
    }()

    static let executable: String = {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            let count = readlink(
                "/proc/self/exe", buffer.baseAddress!.assumingMemoryBound(to: CChar.self),
                buffer.count)
            return Bytes(start: buffer.baseAddress!, count: Swift.max(count, 0)).text
        }
    }()
}
