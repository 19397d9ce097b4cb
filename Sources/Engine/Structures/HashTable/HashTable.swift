// A hash table in hash order that never pauses.
//
// Entries are allocated and owned by the caller; the table holds one 8-byte slot for each, and
// keeps the slots sorted by the key's 64-bit hash, so that a position in hash space is a SCAN
// cursor that survives growing, shrinking and restarts.
//
// Extendible hashing: the directory, indexed by the top bits of the hash, names segments. A
// segment that is full splits in two (about 900 entries, the longest thing an insertion ever
// does besides copying the directory's pointers); sparse neighbours merge again.
//
// Inside a segment, ordered linear probing: the 16 hash bits after the segment's own prefix are
// the entry's *tag*; the home of a tag is tag * homes / 65536; slots are sorted by tag, never
// before their home, with no gap between, and do not wrap around: a short overflow area at the
// end takes the last ones. So a search ends at the first larger tag, the tags alone say how to
// shift slots on insertion and deletion (no tombstones, no look at entries), growing a segment
// and merging two reads no entry either, and all but 1 in 65536 mismatches cost no cache miss.
//
//   slot       [tag 16 | pointer 48]                            0 = empty
//   directory  [homes 10 | depth 6 | pointer to slots 48]       a segment's places are adjacent
//   segment    [count u32 | capacity u32] [slot] ... [slot]     the last slot is always 0
//
// Load is at most 7/8, segments grow by a quarter: 10 to 11 bytes an entry on average.
//
// Sources: R. Fagin et al., "Extendible hashing", 1979; O. Amble, D. E. Knuth, "Ordered hash
// tables", 1974.

import CJemalloc

/// How a table reads its entries.
protocol HashTableLayout {
    /// Whether the entry's key is `key`.
    static func keyMatches(_ entry: UnsafeMutableRawPointer, _ key: Bytes) -> Bool
    /// The hash of the entry's key under `secret`.
    static func hash(_ entry: UnsafeMutableRawPointer, _ secret: HashSecret) -> UInt64
}

/// Pointers to entries in hash order. Frees its own memory at the end of its life, never entries.
struct HashTable<Layout: HashTableLayout>: ~Copyable {
    typealias Entry = UnsafeMutableRawPointer

    /// One word for every prefix of `depth` bits; see the file's head.
    var directory: UnsafeMutablePointer<UInt64>
    /// Bits of the hash that index the directory.
    var depth: UInt32 = 0
    /// Leading places of the directory known to be empty, for `removeSome`.
    var drained: UInt32 = 0
    /// Segments, and those of them whose depth is the directory's.
    var segments: UInt32 = 1
    var deepest: UInt32 = 1
    /// Entries in the table.
    private(set) var count = 0
    /// What segments and directory occupy.
    var memoryBytes = 0
    let secret: HashSecret

    /// An empty table; allocates nothing. `secret` keys every hash passed in.
    init(secret: HashSecret) {
        self.secret = secret
        directory = HashSegment.emptyDirectory
    }

    deinit { releaseMemory() }

    // MARK: Finding

    /// The segment that `hash` belongs to.
    @inline(__always)
    func segment(_ hash: UInt64) -> HashSegment {
        HashSegment(word: directory[place(hash)])
    }

    /// The directory's place for `hash`.
    @inline(__always)
    func place(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash &>> 1) &>> UInt64(63 &- depth))
    }

    /// The entry of `key`, or nil. `hash` is the key's hash. O(1).
    @inline(__always)
    func find(_ hash: UInt64, _ key: Bytes) -> Entry? {
        let segment = segment(hash)
        let slot = find(segment, hash, key)
        return slot < 0 ? nil : HashSegment.entry(segment.slots[slot])
    }

    @inline(__always)
    private func find(_ segment: HashSegment, _ hash: UInt64, _ key: Bytes) -> Int {
        let tag = segment.tag(hash)
        let slots = segment.slots
        var i = segment.home(tag)
        while true {
            let slot = slots[i]
            let other = slot &>> 48
            if slot == 0 || other > tag { return -1 }
            if other == tag && Layout.keyMatches(HashSegment.entry(slot), key) { return i }
            i &+= 1
        }
    }

    /// The slot that holds exactly `entry`, or -1.
    private func find(_ segment: HashSegment, _ hash: UInt64, _ entry: Entry) -> Int {
        let tag = segment.tag(hash)
        let slots = segment.slots
        let wanted = HashSegment.slot(tag, entry)
        var i = segment.home(tag)
        while slots[i] != 0 && slots[i] &>> 48 <= tag {
            if slots[i] == wanted { return i }
            i &+= 1
        }
        return -1
    }

    /// Starts to load the line where `hash` would be found. For pipelines: call for all keys,
    /// then `prefetchEntry` for all, then `find`.
    @inline(__always)
    func prefetchSegment(_ hash: UInt64) {
        let segment = segment(hash)
        firn_prefetch(segment.slots + segment.home(segment.tag(hash)))
    }

    /// Starts to load the entry that `find` would look at first.
    @inline(__always)
    func prefetchEntry(_ hash: UInt64) {
        let segment = segment(hash)
        let tag = segment.tag(hash)
        var i = segment.home(tag)
        while segment.slots[i] != 0 && segment.slots[i] &>> 48 < tag { i &+= 1 }
        if segment.slots[i] != 0 { firn_prefetch(HashSegment.entry(segment.slots[i])) }
    }

    // MARK: Changing

    /// Adds an entry whose key is known to be absent. O(1); at worst one split of a segment and
    /// a copy of the directory (8 bytes for about 700 entries).
    mutating func insert(_ hash: UInt64, _ entry: Entry) {
        assert(UInt(bitPattern: entry) >> 48 == 0)
        drained = 0
        while true {
            let segment = segment(hash)
            if segment.place(segment.tag(hash), entry) { break }
            makeRoom(hash)
        }
        count &+= 1
    }

    /// The entry `old` has moved to `new`, or is replaced by `new` with the same key.
    /// Traps when `old` is not in the table.
    func replace(_ hash: UInt64, _ old: Entry, with new: Entry) {
        let segment = segment(hash)
        let slot = find(segment, hash, old)
        precondition(slot >= 0, "entry is not in the table")
        segment.slots[slot] = HashSegment.slot(segment.tag(hash), new)
    }

    /// Takes the entry of `key` out and returns it; nil when there is none. O(1); at worst one
    /// merge of two sparse segments.
    @discardableResult
    mutating func remove(_ hash: UInt64, _ key: Bytes) -> Entry? {
        let segment = segment(hash)
        let slot = find(segment, hash, key)
        if slot < 0 { return nil }
        let entry = HashSegment.entry(segment.slots[slot])
        remove(segment, slot, hash)
        return entry
    }

    /// Takes exactly `entry` out; false when it is not in the table. O(1).
    @discardableResult
    mutating func remove(_ hash: UInt64, entry: Entry) -> Bool {
        let segment = segment(hash)
        let slot = find(segment, hash, entry)
        if slot < 0 { return false }
        remove(segment, slot, hash)
        return true
    }

    @inline(__always)
    private mutating func remove(_ segment: HashSegment, _ slot: Int, _ hash: UInt64) {
        segment.close(slot)
        count &-= 1
        if segment.count &* 8 < segment.capacity &* 3 { makeCompact(hash) }
    }

    /// Forgets all entries and frees the table's memory. O(segments); for a large table use
    /// `removeSome`. The caller has freed, or still owns, the entries.
    mutating func removeAll() {
        releaseMemory()
        directory = HashSegment.emptyDirectory
        depth = 0
        drained = 0
        segments = 1
        deepest = 1
        count = 0
        memoryBytes = 0
    }

    /// Takes up to `max` entries out, lending each to `body`, which may free it; returns how
    /// many. To free a table in slices: call until the count is zero. O(max).
    @discardableResult
    mutating func removeSome(max: Int, _ body: (Entry) -> Void) -> Int {
        var taken = 0
        while taken < max && count > 0 {
            let segment = HashSegment(word: directory[Int(drained)])
            var left = segment.count
            if left > 0 {
                // From the end, where nothing needs to be shifted.
                let slots = segment.slots
                var i = segment.capacity &- 2
                while left > 0 && taken < max {
                    let slot = slots[i]
                    if slot != 0 {
                        body(HashSegment.entry(slot))
                        slots[i] = 0
                        left &-= 1
                        taken &+= 1
                        count &-= 1
                    }
                    i &-= 1
                }
                segment.count = left
            }
            if left == 0 {
                // Its memory goes at once; the shared empty segment stands in.
                let span = UInt32(1) &<< (depth &- UInt32(truncatingIfNeeded: segment.depth))
                let first = Int(drained)
                free(segment)
                let empty = HashSegment.empty(depth: segment.depth).word
                for i in first..<first &+ Int(span) { directory[i] = empty }
                drained = count == 0 ? 0 : drained &+ span
            }
        }
        if count == 0 { removeAll() }
        return taken
    }
}
