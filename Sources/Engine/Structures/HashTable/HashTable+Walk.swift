// Walking a hash table in hash order, and choosing entries at random.
//
// A position is a 64-bit hash: "everything below has been visited". Nothing about the table's
// present shape is in it, so it stays valid while entries come and go and segments split or
// merge between two calls. The table must not change during a call.

extension HashTable {
    /// Visits every entry with hash >= `lower`, in ascending order of hash prefixes, until at
    /// least `atLeast` were visited and the next differs in its tag. Returns the position to
    /// continue at: all entries with a smaller hash have been visited; nil at the end.
    /// O(entries visited + slots passed); equal tags are visited whole.
    @inline(__always)
    func visit(from lower: UInt64, atLeast: Int, _ body: (Entry) -> Void) -> UInt64? {
        var position = lower
        var visited = 0
        while true {
            let segment = segment(position)
            let shift = 48 &- segment.depth
            let first = segment.tag(position)
            let partial = position & ((1 &<< shift) &- 1) != 0
            let prefix = segment.lowerBound(position)
            let slots = segment.slots
            var lastTag: UInt64 = .max
            if segment.count > 0 {
                for i in segment.home(first)..<segment.capacity &- 1 {
                    let slot = slots[i]
                    let tag = slot &>> 48
                    if slot == 0 || tag < first { continue }
                    let entry = HashSegment.entry(slot)
                    if partial && tag == first && Layout.hash(entry, secret) < position {
                        continue
                    }
                    if visited >= atLeast && tag != lastTag { return prefix | (tag &<< shift) }
                    body(entry)
                    visited &+= 1
                    lastTag = tag
                }
            }
            guard let next = segment.upperBound(position) else { return nil }
            position = next
            if visited >= atLeast { return next }
        }
    }

    /// Visits exactly the entries with `lower` <= hash < `upper` (nil: no upper bound), in
    /// ascending order of hash prefixes. O(entries and slots in the range).
    @inline(__always)
    func visit(from lower: UInt64, below upper: UInt64?, _ body: (Entry) -> Void) {
        if let upper, upper <= lower { return }
        let last = upper.map { $0 &- 1 } ?? .max
        var position = lower
        while true {
            let segment = segment(position)
            let start = segment.lowerBound(position)
            let next = segment.upperBound(position)
            let first = segment.tag(position)
            let holdsLast = last >= start && (next == nil || last < next!)
            let lastTag = holdsLast ? segment.tag(last) : 0xFFFF
            let cutsLow = position != start
            let slots = segment.slots
            if segment.count > 0 {
                for i in segment.home(first)..<segment.capacity &- 1 {
                    let slot = slots[i]
                    let tag = slot &>> 48
                    if slot == 0 || tag < first { continue }
                    if tag > lastTag { break }
                    let entry = HashSegment.entry(slot)
                    if (cutsLow && tag == first) || (holdsLast && tag == lastTag) {
                        let hash = Layout.hash(entry, secret)
                        if hash < position || hash > last { continue }
                    }
                    body(entry)
                }
            }
            guard let next, !holdsLast else { return }
            position = next
        }
    }

    /// Visits all entries, in ascending order of hash prefixes.
    @inline(__always)
    func forEach(_ body: (Entry) -> Void) {
        if count > 0 { visit(from: 0, below: nil, body) }
    }

    /// An entry chosen by the random bits `random`; nil when the table is empty. Exactly uniform
    /// within a segment, and segments are chosen by their share of hash space: as fair as the
    /// hash. O(1) expected, O(segment) at worst; empty segments are stepped over.
    func randomEntry(random: UInt64) -> Entry? {
        if count == 0 { return nil }
        var segment = segment(random)
        var position = random
        while segment.count == 0 {
            position = segment.upperBound(position) ?? 0
            segment = self.segment(position)
        }
        // The segment used up the top bits; stir for the choice inside.
        var bits = random
        let slots = segment.slots
        let capacity = UInt64(truncatingIfNeeded: segment.capacity)
        for _ in 0..<16 {
            bits = Self.stir(bits)
            let i = ((bits &>> 32) &* capacity) &>> 32
            if slots[Int(truncatingIfNeeded: i)] != 0 {
                return HashSegment.entry(slots[Int(truncatingIfNeeded: i)])
            }
        }
        bits = Self.stir(bits)
        var rank = ((bits &>> 32) &* UInt64(truncatingIfNeeded: segment.count)) &>> 32
        var i = 0
        while true {
            if slots[i] != 0 {
                if rank == 0 { return HashSegment.entry(slots[i]) }
                rank &-= 1
            }
            i &+= 1
        }
    }

    /// Copies up to `max` consecutive entries, from the first with hash >= about `hash`, to
    /// `into`, starting over at the end; returns how many. Each at most once. O(max).
    func sample(from hash: UInt64, max: Int, into: UnsafeMutablePointer<Entry>) -> Int {
        let wanted = Swift.min(max, count)
        var taken = 0
        var segment = segment(hash)
        var position = hash
        let startTag = segment.tag(hash)
        var i = segment.home(startTag)
        while taken < wanted {
            let slots = segment.slots
            let end = segment.capacity &- 1
            while i < end && taken < wanted {
                // On coming back to the start the entries before it are still missing; those
                // are met first, so `wanted` ends the loop before any repeats.
                if slots[i] != 0 {
                    into[taken] = HashSegment.entry(slots[i])
                    taken &+= 1
                }
                i &+= 1
            }
            position = segment.upperBound(position) ?? 0
            segment = self.segment(position)
            i = 0
        }
        return taken
    }

    /// SplitMix64's finalizer.
    @inline(__always)
    private static func stir(_ bits: UInt64) -> UInt64 {
        var z = bits &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z &>> 31)
    }
}

extension HashSegment {
    /// The smallest hash of the segment that `hash` belongs to.
    @inline(__always)
    func lowerBound(_ hash: UInt64) -> UInt64 {
        depth == 0 ? 0 : hash & ~(UInt64.max &>> depth)
    }

    /// The smallest hash behind that segment; nil when it is the last.
    @inline(__always)
    func upperBound(_ hash: UInt64) -> UInt64? {
        if depth == 0 { return nil }
        let last = hash | (UInt64.max &>> depth)
        return last == .max ? nil : last &+ 1
    }
}
