// `maxmemory auto`: a budget that keeps the process below the machine's limit.
//
// A container that grows past its limit is killed, so what counts there is everything that no file
// backs: the keys, and beside them what the allocator could not give back yet, LMDB's dirty pages,
// filters being built, stacks. All of it together is to stay at three quarters of the limit; the
// last quarter is for pages of the log and of the cold tier, without which every read waits for
// the disk. What is beside the keys is measured ten times a second, and the budget is what it
// leaves, at least half of those three quarters: an allocator that is slow to give pages back must
// not talk the engine into sending off ever more keys. A start assumes what a server that spills
// and merges was seen to take: 25 to 40 MB.

extension MemoryBudget {
    /// Of the limit in sixteenths: what the process may hold, and the least that the keys may.
    private static let processShare = 12
    private static let leastShare = 6
    private static let presumedBesideBytes = 48 << 20

    /// What `maxmemory auto` begins with.
    static func automatic(limitBytes: Int) -> MemoryBudget {
        MemoryBudget(bytes: .max / 2, isAutomatic: true)
            .follow(besideBytes: presumedBesideBytes, limitBytes: limitBytes)
    }

    /// The budget that an automatic one becomes when the process holds `besideBytes` that are not
    /// counted against it. It falls at once and rises slowly, for what fell may rise again.
    func follow(besideBytes: Int, limitBytes: Int) -> MemoryBudget {
        let sixteenth = limitBytes / 16
        let wanted = Swift.max(
            sixteenth * MemoryBudget.processShare - besideBytes, sixteenth * MemoryBudget.leastShare
        )
        let risen = bytes + Swift.max(limitBytes / 512, 1)
        return MemoryBudget(bytes: Swift.min(wanted, risen), isAutomatic: true)
    }
}

extension Engine {
    private static let memoryLookMs: Int64 = 100

    /// Adapts an automatic budget, and what follows from the budget and from what is used.
    func followMemory() {
        guard nowMs >= nextMemoryLookMs else { return }
        nextMemoryLookMs = nowMs + Engine.memoryLookMs
        if configuration.memoryBudget.isAutomatic, !world.isStepped {
            let besideBytes = Swift.max(ProcessMemory().anonymousBytes - usedMemory, 0)
            configuration.memoryBudget = configuration.memoryBudget.follow(
                besideBytes: besideBytes, limitBytes: MachineMemory.limitBytes)
        }
        tier?.promotion.adapt(toMemory: Heap.usedBytes)
        tier?.writer.adapt(toBudget: configuration.maxmemory)
    }
}
