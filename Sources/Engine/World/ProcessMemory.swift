// What the process occupies of the machine's memory, and what the allocator says of it.
//
// `maxmemory` speaks of what is stored. The system sees more: pages that the allocator keeps, the
// dirty pages of a transaction, stacks. The difference is measured, not guessed, by whoever must
// stay below the limit of a container (Tiering/AutomaticBudget.swift).
//
// Memory that the writer's and the readers' threads had for a moment (batches, filters being
// built, values on their way) would stay with the process for ten seconds, and longer where a
// thread's arena sleeps: so jemalloc's own thread gives it back after one.

import CJemalloc
import Glibc

/// The process's memory, as the kernel counts it at one moment.
package struct ProcessMemory: Sendable {
    /// Bytes in memory; 0 when the kernel does not say.
    package private(set) var residentBytes = 0
    /// Those of them that no file backs, which the system cannot take back under pressure.
    package private(set) var anonymousBytes = 0

    /// Asks the kernel: some microseconds.
    package init() {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        defer { close(file) }
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            let count = read(file, buffer.baseAddress!, buffer.count)
            let text = Bytes(start: buffer.baseAddress!, count: Swift.max(count, 0)).text
            // Pages: all, resident, those of them that a file backs.
            let fields = text.split(separator: " ")
            guard fields.count > 2, let resident = Int(fields[1]), let shared = Int(fields[2])
            else { return }
            let pageBytes = sysconf(Int32(_SC_PAGESIZE))
            residentBytes = resident * pageBytes
            anonymousBytes = Swift.max(resident - shared, 0) * pageBytes
        }
    }

    package static var machineBytes: Int {
        sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
    }
}

/// jemalloc's figures, in bytes, at one moment; 0 where it does not say.
package struct AllocatorMemory {
    var allocated = 0
    var active = 0
    var resident = 0

    init() {
        var epoch: UInt64 = 1
        _ = mallctl("epoch", nil, nil, &epoch, MemoryLayout<UInt64>.size)
        allocated = AllocatorMemory.statistic("stats.allocated")
        active = AllocatorMemory.statistic("stats.active")
        resident = AllocatorMemory.statistic("stats.resident")
    }

    private static func statistic(_ name: String) -> Int {
        var value = 0
        var size = MemoryLayout<Int>.size
        return mallctl(name, &value, &size, nil, 0) == 0 ? value : 0
    }

    private static let decayMs = 1000

    /// Has freed memory given back to the system soon. Once, when the process starts.
    package static func giveBackSoon() {
        var arenas: UInt32 = 0
        var size = MemoryLayout<UInt32>.size
        _ = mallctl("arenas.narenas", &arenas, &size, nil, 0)
        let existing = (0..<arenas).map { "arena.\($0)" }
        for place in ["arenas"] + existing {
            for (kind, milliseconds) in [("dirty", decayMs), ("muzzy", 0)] {
                var value = milliseconds
                _ = mallctl(
                    "\(place).\(kind)_decay_ms", nil, nil, &value, MemoryLayout<Int>.size)
            }
        }
        var isOn = true
        _ = mallctl("background_thread", nil, nil, &isOn, MemoryLayout<Bool>.size)
    }

    /// Gives back at once what is freed; false when the allocator refuses.
    static func purge() -> Bool {
        // 4096 stands for all arenas.
        mallctl("arena.4096.purge", nil, nil, nil, 0) == 0
    }
}
