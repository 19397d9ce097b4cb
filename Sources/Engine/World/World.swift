// An engine's surroundings in one value: what a test replaces to play time, disk and chance.
//
// The cold tier (LMDB) and the lock of the data directory are not behind the seam: they need a
// real directory.

/// Clock, disk and randomness of an engine, and whether it works in the background by itself.
package struct World: Sendable {
    package var disk: any Disk
    package var clock: Clock
    /// 64 random bits a call, on any thread.
    package var entropy: @Sendable () -> UInt64
    /// Neither the maintenance thread nor the one that syncs the log is started: their owner
    /// calls `Maintenance.step` and `LogSyncer.step`, so that a run can be repeated exactly.
    package var isStepped: Bool

    package init(
        disk: any Disk = SystemDisk.shared, clock: Clock = .system, isStepped: Bool = false,
        entropy: @escaping @Sendable () -> UInt64 = World.systemEntropy
    ) {
        self.disk = disk
        self.clock = clock
        self.isStepped = isStepped
        self.entropy = entropy
    }

    package static func systemEntropy() -> UInt64 {
        var random = SystemRandomNumberGenerator()
        return random.next()
    }
}
