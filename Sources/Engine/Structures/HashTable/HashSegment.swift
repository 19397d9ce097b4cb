// One segment of a hash table: a sorted run of slots with gaps. See HashTable.swift for the
// layout and the invariants. A `HashSegment` is a decoded word of the directory, not an owner:
// all of a segment's memory is taken and freed in HashTable+Resize.swift.

/// A view of one segment.
struct HashSegment {
    /// [homes 10 | depth 6 | pointer to slots 48]
    let word: UInt64

    static let pointerMask: UInt64 = 0x0000_FFFF_FFFF_FFFF
    /// Words of the largest regular segment, its header included: 8 KiB.
    static let wordsMax = 1024
    /// Deepest prefix: tags must end well above the bits that a SCAN cursor drops.
    static let depthMax: UInt64 = 32

    @inline(__always)
    init(word: UInt64) { self.word = word }

    @inline(__always)
    init(slots: UnsafeMutablePointer<UInt64>, depth: UInt64, homes: Int) {
        word =
            UInt64(UInt(bitPattern: slots)) | (depth &<< 48)
            | (UInt64(truncatingIfNeeded: homes) &<< 54)
    }

    /// Places of the hash that every entry of the segment shares.
    @inline(__always)
    var depth: UInt64 { (word &>> 48) & 63 }

    @inline(__always)
    var slots: UnsafeMutablePointer<UInt64> {
        UnsafeMutablePointer(bitPattern: UInt(truncatingIfNeeded: word & Self.pointerMask))
            .unsafelyUnwrapped
    }

    /// Entries in the segment.
    @inline(__always)
    var count: Int {
        get { Int(truncatingIfNeeded: slots[-1] & 0xFFFF_FFFF) }
        nonmutating set {
            slots[-1] = (slots[-1] & ~0xFFFF_FFFF) | UInt64(truncatingIfNeeded: newValue)
        }
    }

    /// Slots, the last one (always empty) included.
    @inline(__always)
    var capacity: Int { Int(truncatingIfNeeded: slots[-1] &>> 32) }

    /// Bytes that were allocated.
    var byteCount: Int { (capacity &+ 1) &* 8 }

    @inline(__always)
    func tag(_ hash: UInt64) -> UInt64 { (hash &<< depth) &>> 48 }

    /// Where slots with `tag` would all like to be. Monotonic in the tag.
    @inline(__always)
    func home(_ tag: UInt64) -> Int { Int(truncatingIfNeeded: (tag &* (word &>> 54)) &>> 16) }

    @inline(__always)
    static func entry(_ slot: UInt64) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: slot & pointerMask))
            .unsafelyUnwrapped
    }

    @inline(__always)
    static func slot(_ tag: UInt64, _ entry: UnsafeMutableRawPointer) -> UInt64 {
        (tag &<< 48) | UInt64(UInt(bitPattern: entry))
    }

    /// Puts an entry in its order; false when there is no room. O(1) at the permitted load.
    @inline(__always)
    func place(_ tag: UInt64, _ entry: UnsafeMutableRawPointer) -> Bool {
        let header = slots[-1]
        let capacity = Int(truncatingIfNeeded: header &>> 32)
        if Int(truncatingIfNeeded: header & 0xFFFF_FFFF) >= Self.limit(capacity) { return false }
        let slots = slots
        var i = home(tag)
        while slots[i] != 0 && slots[i] &>> 48 <= tag { i &+= 1 }
        var end = i
        while slots[end] != 0 { end &+= 1 }
        if end >= capacity &- 1 { return false }
        while end > i {
            slots[end] = slots[end &- 1]
            end &-= 1
        }
        slots[i] = Self.slot(tag, entry)
        slots[-1] = header &+ 1
        return true
    }

    /// Empties slot `i` and moves those behind it nearer to their homes.
    @inline(__always)
    func close(_ i: Int) {
        let slots = slots
        var i = i
        while true {
            let next = slots[i &+ 1]
            if next == 0 || home(next &>> 48) > i { break }
            slots[i] = next
            i &+= 1
        }
        slots[i] = 0
        slots[-1] &-= 1
    }

    // MARK: Sizes

    /// Homes of a segment of `capacity` slots; the rest is overflow.
    @inline(__always)
    static func homes(_ capacity: Int) -> Int {
        if capacity >= wordsMax { return 1003 }
        return Swift.max(1, capacity &- Swift.min(Swift.max(2, capacity &>> 2), 20))
    }

    /// Entries that a segment of `capacity` slots may hold.
    @inline(__always)
    static func limit(_ capacity: Int) -> Int {
        if capacity >= wordsMax { return capacity &- 1 }
        let homes = homes(capacity)
        return Swift.min(capacity &- 1, homes &- (homes &>> 3) &+ 6)
    }

    /// The smallest size (in words, an allocator class) that may hold `room` entries.
    static func words(room: Int) -> Int {
        var words = sizeClass(room + 2)
        while limit(words - 1) < room { words = sizeClass(words + 1) }
        return words
    }

    /// `words` rounded up to the sizes that segments come in.
    static func sizeClass(_ words: Int) -> Int {
        if words <= 8 { return 8 }
        if words <= 12 { return 12 }
        if words <= 16 { return 16 }
        if words <= 24 { return 24 }
        if words <= 32 { return 32 }
        let unit = 1 << (Int.bitWidth - 1 - (words - 1).leadingZeroBitCount - 2)
        return (words + unit - 1) & ~(unit - 1)
    }

    // MARK: The empty segment

    /// Stands for every segment without entries: no slot, so an insertion replaces it.
    /// Never written, never freed.
    nonisolated(unsafe) private static let emptySlots: UnsafeMutablePointer<UInt64> = {
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 2)
        words[0] = 1 << 32
        words[1] = 0
        return words + 1
    }()

    /// The directory of every empty table. Never written, never freed.
    nonisolated(unsafe) static let emptyDirectory: UnsafeMutablePointer<UInt64> = {
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        words[0] = empty(depth: 0).word
        return words
    }()

    static func empty(depth: UInt64) -> HashSegment {
        HashSegment(slots: emptySlots, depth: depth, homes: 1)
    }

    var isShared: Bool { capacity == 1 }
}
