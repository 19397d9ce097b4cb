// How much memory there is.
//
// A container's limit is not the machine's: the control group that holds this process, and each
// group above it, may allow less. Both versions of the cgroup interface are read; whatever
// cannot be read does not limit.

import Glibc

package enum MachineMemory {
    /// The memory that this process may use, in bytes, as found at the first use.
    package static let limitBytes: Int = {
        var limit = max(sysconf(Int32(_SC_PHYS_PAGES)), 1) * max(sysconf(Int32(_SC_PAGESIZE)), 1)
        for line in lines("/proc/self/cgroup") {
            // hierarchy:controllers:path
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let root: String
            let file: String
            if fields[1].isEmpty {
                root = "/sys/fs/cgroup"
                file = "memory.max"
            } else if fields[1].split(separator: ",").contains("memory") {
                root = "/sys/fs/cgroup/memory"
                file = "memory.limit_in_bytes"
            } else {
                continue
            }
            var path = fields[2].split(separator: "/")
            while true {
                let folder = ([root] + path.map(String.init)).joined(separator: "/")
                if let text = lines("\(folder)/\(file)").first, let bytes = Int(text) {
                    limit = min(limit, bytes)
                }
                if path.popLast() == nil { break }
            }
        }
        return limit
    }()

    /// The lines of a small file of the kernel's; none when it cannot be read.
    private static func lines(_ path: String) -> [String] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        let text = withUnsafeTemporaryAllocation(byteCount: 16384, alignment: 1) { buffer in
            let count = read(file, buffer.baseAddress!, buffer.count)
            return Bytes(start: buffer.baseAddress!, count: max(0, count)).text
        }
        return text.split(separator: "\n").map(String.init)
    }
}
