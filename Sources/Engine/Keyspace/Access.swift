// What the eviction policies know of a key: when it was last used (LRU), or how often (LFU).
//
// LRU: seconds, 24 bits, as Redis keeps them. LFU: 16 bits of minutes since the last decay and
// an 8-bit logarithmic counter (Redis, `evict.c`: probability 1/((counter-5)*factor+1) to count
// an access). Either way 24 bits; they survive the way through the cold tier in the record's
// header.
//
// Time alone cannot tell a key that is used all day from one that was written once, a moment ago:
// a flood of new keys would push out what is in use. So LRU keeps one more bit, whether a key was
// used since it was written, and one that was not counts as idle for eight times as long.

enum Access {
    static let lruMask: UInt32 = 0xFF_FFFF
    /// By LRU: used since it was written.
    static let usedAgain: UInt32 = 1 << 24
    private static let onceWritten: UInt64 = 8
    private static let initialCounter: UInt32 = 5

    /// The LRU clock at a time in Unix milliseconds.
    static func lruClock(_ nowMs: Int64) -> UInt32 {
        UInt32(truncatingIfNeeded: nowMs / 1000) & lruMask
    }

    /// Seconds since the access that `access` marks, by LRU.
    static func idleSeconds(_ access: UInt32, clock: UInt32) -> UInt32 {
        (clock &- access) & lruMask
    }

    /// How gladly LRU lets go of a key.
    static func idleScore(_ access: UInt32, clock: UInt32) -> UInt64 {
        let idle = UInt64(idleSeconds(access, clock: clock))
        return access & usedAgain != 0 ? idle : (idle + 1) * onceWritten
    }

    private static func minutes(_ engine: Engine) -> UInt32 {
        UInt32(truncatingIfNeeded: engine.nowMs / 60_000) & 0xFFFF
    }

    static func freshLFU(_ engine: Engine) -> UInt32 { minutes(engine) << 8 | initialCounter }

    /// LFU data with a given counter, accessed now.
    static func withCounter(_ counter: UInt8, _ engine: Engine) -> UInt32 {
        minutes(engine) << 8 | UInt32(counter)
    }

    /// The counter after its decay over the minutes gone by.
    static func decayedCounter(_ access: UInt32, _ engine: Engine) -> UInt32 {
        let counter = access & 0xFF
        let decayMinutes = UInt32(clamping: engine.configuration.lfuDecayMinutes)
        guard decayMinutes > 0 else { return counter }
        let elapsed = (minutes(engine) &- (access >> 8)) & 0xFFFF
        let periods = elapsed / decayMinutes
        return periods > counter ? 0 : counter - periods
    }

    /// The LFU data after one more access.
    static func countedLFU(_ access: UInt32, _ engine: Engine) -> UInt32 {
        var counter = decayedCounter(access, engine)
        if counter < 255 {
            let base = counter > initialCounter ? Double(counter - initialCounter) : 0
            let chance = 1 / (base * Double(engine.configuration.lfuLogFactor) + 1)
            if Double(engine.random.next() >> 11) * 0x1p-53 < chance { counter += 1 }
        }
        return minutes(engine) << 8 | counter
    }
}
