// What the system knows of this process: memory, processor time, its name.

import CJemalloc
import Glibc

enum ProcessFacts {
    /// Bytes of the process in memory, from the kernel; 0 when it does not say.
    static var residentBytes: Int {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 0 }
        defer { close(file) }
        return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            let count = read(file, buffer.baseAddress!, buffer.count)
            let text = Bytes(start: buffer.baseAddress!, count: Swift.max(count, 0)).text
            let fields = text.split(separator: " ")
            guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
            return pages * sysconf(Int32(_SC_PAGESIZE))
        }
    }

    static var machineBytes: Int {
        sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    }

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

    /// The allocator's own figures.
    struct Allocator {
        var allocated = 0
        var active = 0
        var resident = 0

        init() {
            var epoch: UInt64 = 1
            _ = mallctl("epoch", nil, nil, &epoch, MemoryLayout<UInt64>.size)
            allocated = Allocator.statistic("stats.allocated")
            active = Allocator.statistic("stats.active")
            resident = Allocator.statistic("stats.resident")
        }

        private static func statistic(_ name: String) -> Int {
            var value = 0
            var size = MemoryLayout<Int>.size
            return mallctl(name, &value, &size, nil, 0) == 0 ? value : 0
        }
    }
}
