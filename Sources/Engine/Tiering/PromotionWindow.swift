// Which keys were fetched lately: the second fetch within the window keeps a key in the hot tier,
// and one scan over everything keeps nothing.
//
// A direct-mapped table of hash fragments, each with the time it was seen. It forgets by being
// overwritten, and a wrong hit only keeps a key that was asked for once. What it can tell apart is
// what passes through it between two fetches of a key: so it has about as many slots as the hot
// tier has entries, at four bytes each a hundredth of its memory. (With 8192 slots, two seconds of
// a slow disk's reads, keys that were wanted every ten seconds never came to stay.)

struct PromotionWindow {
    /// 12 bits of the hash above 20 bits of time, in ticks; 0: nothing.
    private var seen: [UInt32]

    private static let slotsMin = 1 << 13
    private static let slotsMax = 1 << 24
    private static let bytesPerSlot = 512
    private static let tickMs: Int64 = 64
    private static let timeMask: UInt32 = 1 << 20 - 1

    init() { seen = Array(repeating: 0, count: PromotionWindow.slotsMin) }

    var byteCount: Int { seen.count * MemoryLayout<UInt32>.stride }

    /// The number of slots for a hot tier of so many bytes.
    static func slotCount(forMemory bytes: Int) -> Int {
        var count = slotsMin
        while count < slotsMax, count < bytes / bytesPerSlot { count *= 2 }
        return count
    }

    /// Follows a hot tier that has grown or shrunk by much; what is remembered is forgotten.
    mutating func adapt(toMemory bytes: Int) {
        let count = PromotionWindow.slotCount(forMemory: bytes)
        // What is used moves a little all the time.
        guard count > seen.count || count * 4 <= seen.count else { return }
        seen = Array(repeating: 0, count: count)
    }

    /// Whether the key was seen within the last `windowMs`; notes that it is seen now.
    mutating func noteAndTest(_ hash: UInt64, nowMs: Int64, windowMs: Int64) -> Bool {
        let slot = Int(truncatingIfNeeded: hash & UInt64(seen.count - 1))
        let mark = UInt32(truncatingIfNeeded: hash >> 52) << 20
        let tick = UInt32(truncatingIfNeeded: nowMs / PromotionWindow.tickMs)
        let now = tick & PromotionWindow.timeMask
        let old = seen[slot]
        seen[slot] = mark | now
        guard old != 0, old & ~PromotionWindow.timeMask == mark else { return false }
        let ticks = (now &- old) & PromotionWindow.timeMask
        return Int64(ticks) * PromotionWindow.tickMs <= windowMs
    }
}
