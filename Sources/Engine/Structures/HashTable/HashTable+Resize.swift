// How a hash table grows and shrinks: always one segment, or two neighbours, at a time.
//
// A segment grows through the allocator's size classes up to 8 KiB; then it splits, which is the
// only step that needs the entries' hashes (one more bit of each), with their memory fetched
// ahead. Sparse segments shrink and neighbours merge with no look at entries.
//
// Hashes that share a long prefix can only come from a broken secret or a test, yet they must do
// no harm: the directory never has more places than a sixteenth of the entries, so a segment
// that may not split simply grows beyond its regular size, and searches in it get longer.

import CJemalloc

extension HashTable {
    // MARK: Growing

    /// Makes room where `hash` belongs: a larger segment or a split. Repeated by the caller
    /// until the insertion fits; every call grows the segment or deepens it.
    @inline(never)
    mutating func makeRoom(_ hash: UInt64) {
        if directory == HashSegment.emptyDirectory {
            directory = Heap.allocate(8).bindMemory(to: UInt64.self, capacity: 1)
            memoryBytes += Heap.footprint(8)
            directory[0] = HashSegment.empty(depth: 0).word
        }
        let old = segment(hash)
        if old.capacity + 1 >= HashSegment.wordsMax && maySplit(old) {
            split(old, hash)
        } else {
            let limit = HashSegment.limit(old.capacity)
            rebuild(old, hash, room: limit + 1)
        }
    }

    private func maySplit(_ segment: HashSegment) -> Bool {
        if segment.depth >= HashSegment.depthMax { return false }
        return segment.depth < UInt64(depth) || (2 << Int(depth)) <= count / 16
    }

    /// Moves a segment's slots to one of another size. O(entries), touching none.
    private mutating func rebuild(_ old: HashSegment, _ hash: UInt64, room: Int) {
        let count = old.count
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count + 1) { scratch in
            gather(old, scratch.baseAddress!)
            let new = make(scratch.baseAddress!, count, depth: old.depth, room: room)
            point(hash, new)
        }
        free(old)
    }

    /// Splits a segment by the next bit of its entries' hashes.
    private mutating func split(_ old: HashSegment, _ hash: UInt64) {
        if old.depth == UInt64(depth) { doubleDirectory() }
        let count = old.count
        let newDepth = old.depth + 1
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count + 1) { buffer in
            let scratch = buffer.baseAddress!
            gather(old, scratch)
            let ahead = 12
            for i in 0..<min(ahead, count) { firn_prefetch(HashSegment.entry(scratch[i])) }
            var lowCount = 0
            for i in 0..<count {
                if i &+ ahead < count { firn_prefetch(HashSegment.entry(scratch[i &+ ahead])) }
                let slot = scratch[i]
                if slot &>> 63 == 0 { lowCount &+= 1 }
                let entry = HashSegment.entry(slot)
                let tag = (Layout.hash(entry, secret) &<< newDepth) &>> 48
                scratch[i] = HashSegment.slot(tag, entry)
            }
            Self.restoreOrder(scratch, lowCount)
            Self.restoreOrder(scratch + lowCount, count - lowCount)
            let highCount = count - lowCount
            let low = make(scratch, lowCount, depth: newDepth, room: Self.spacious(lowCount))
            let high = make(
                scratch + lowCount, highCount, depth: newDepth, room: Self.spacious(highCount))
            let bit = UInt64(1) &<< (64 &- newDepth)
            point(hash & ~bit, low)
            point(hash | bit, high)
        }
        segments += 1
        if newDepth == UInt64(depth) { deepest += 2 }
        free(old)
    }

    /// Slots sorted by all but the last bit of the tag become sorted by all of it.
    private static func restoreOrder(_ slots: UnsafeMutablePointer<UInt64>, _ count: Int) {
        var start = 0
        while start < count {
            var end = start + 1
            while end < count && slots[end] &>> 49 == slots[start] &>> 49 { end += 1 }
            var low = start
            var high = end - 1
            while low < high {
                if slots[low] &>> 48 & 1 == 0 {
                    low += 1
                } else {
                    let other = slots[high]
                    slots[high] = slots[low]
                    slots[low] = other
                    high -= 1
                }
            }
            start = end
        }
    }

    private mutating func doubleDirectory() {
        let places = 1 << Int(depth)
        let wider = Heap.allocate(places * 16).bindMemory(to: UInt64.self, capacity: places * 2)
        for i in 0..<places {
            wider[2 &* i] = directory[i]
            wider[2 &* i &+ 1] = directory[i]
        }
        Heap.free(directory, places * 8)
        memoryBytes += Heap.footprint(places * 16) - Heap.footprint(places * 8)
        directory = wider
        depth += 1
        deepest = 0
    }

    // MARK: Shrinking

    /// After a removal left a segment sparse: frees, merges or shrinks it.
    @inline(never)
    mutating func makeCompact(_ hash: UInt64) {
        if count == 0 { return removeAll() }
        let old = segment(hash)
        let left = old.count
        if old.depth > 0 && left <= 220 && left & 15 == 0 && merge(old, hash) { return }
        let room = left == 0 ? 0 : left + left / 4 + 1
        if left == 0 || HashSegment.words(room: room) < old.capacity + 1 {
            rebuild(old, hash, room: room)
        }
    }

    /// Joins a sparse segment with its sibling when both fit half a segment; false when not.
    private mutating func merge(_ old: HashSegment, _ hash: UInt64) -> Bool {
        let bit = UInt64(1) &<< (64 &- old.depth)
        let low = segment(hash & ~bit)
        let high = segment(hash | bit)
        if low.depth != high.depth || low.count + high.count > 450 { return false }
        let total = low.count + high.count
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: total + 1) { buffer in
            let scratch = buffer.baseAddress!
            gather(low, scratch)
            gather(high, scratch + low.count)
            // The bit that told them apart becomes the first of the tag.
            for i in 0..<total {
                let side: UInt64 = i < low.count ? 0 : 0x8000
                let tag = (scratch[i] &>> 49) | side
                scratch[i] = HashSegment.slot(tag, HashSegment.entry(scratch[i]))
            }
            let room = total == 0 ? 0 : Self.spacious(total)
            point(hash, make(scratch, total, depth: old.depth - 1, room: room))
        }
        segments -= 1
        if old.depth == UInt64(depth) { deepest -= 2 }
        free(low)
        free(high)
        drained = 0
        while depth > 0 && deepest == 0 && (1 << Int(depth)) >= 4 * Int(segments) {
            halveDirectory()
        }
        return true
    }

    private mutating func halveDirectory() {
        let places = 1 << Int(depth - 1)
        let narrow = Heap.allocate(places * 8).bindMemory(to: UInt64.self, capacity: places)
        depth -= 1
        deepest = 0
        for i in 0..<places {
            narrow[i] = directory[2 &* i]
            if HashSegment(word: narrow[i]).depth == UInt64(depth) { deepest += 1 }
        }
        Heap.free(directory, places * 16)
        memoryBytes += Heap.footprint(places * 8) - Heap.footprint(places * 16)
        directory = narrow
    }

    // MARK: Segments' memory

    /// Room to ask for so that a new segment of `count` entries does not grow at once.
    private static func spacious(_ count: Int) -> Int { count + count / 8 + 1 }

    /// Copies a segment's slots without the gaps.
    private func gather(_ segment: HashSegment, _ into: UnsafeMutablePointer<UInt64>) {
        let slots = segment.slots
        var next = 0
        for i in 0..<segment.capacity where slots[i] != 0 {
            into[next] = slots[i]
            next &+= 1
        }
        assert(next == segment.count)
    }

    /// A segment of `count` sorted slots with room for `room` entries; the shared empty one for
    /// a room of 0.
    private mutating func make(
        _ sorted: UnsafeMutablePointer<UInt64>, _ count: Int, depth: UInt64, room: Int
    ) -> HashSegment {
        if room == 0 { return HashSegment.empty(depth: depth) }
        var words = HashSegment.words(room: max(room, count))
        for _ in 0..<2 {
            let homes = HashSegment.homes(words - 1)
            if let made = fill(sorted, count, depth, words, homes) { return made }
            words = HashSegment.sizeClass(words + 1)
        }
        // Crowded at the end. With half of it for overflow everything fits.
        words = HashSegment.sizeClass(max(words, 2 * count + 4))
        let homes = min(1003, (words - 1) / 2)
        return fill(sorted, count, depth, words, homes)!
    }

    private mutating func fill(
        _ sorted: UnsafeMutablePointer<UInt64>, _ count: Int, _ depth: UInt64, _ words: Int,
        _ homes: Int
    ) -> HashSegment? {
        let memory = Heap.allocate(words * 8).bindMemory(to: UInt64.self, capacity: words)
        memory.update(repeating: 0, count: words)
        let segment = HashSegment(slots: memory + 1, depth: depth, homes: homes)
        memory[0] = UInt64(words - 1) << 32 | UInt64(count)
        let slots = segment.slots
        let end = words &- 2
        var next = 0
        for i in 0..<count {
            next = max(next, segment.home(sorted[i] &>> 48))
            if next >= end {
                Heap.free(memory, words * 8)
                return nil
            }
            slots[next] = sorted[i]
            next &+= 1
        }
        memoryBytes += Heap.footprint(words * 8)
        return segment
    }

    mutating func free(_ segment: HashSegment) {
        if segment.isShared { return }
        memoryBytes -= Heap.footprint(segment.byteCount)
        Heap.free(segment.slots - 1, segment.byteCount)
    }

    /// Lets every place of the directory within `segment`'s prefix name it.
    private func point(_ hash: UInt64, _ segment: HashSegment) {
        let spread = UInt64(depth) &- segment.depth
        let first = (place(hash) &>> Int(spread)) &<< Int(spread)
        for i in first..<first &+ (1 &<< Int(spread)) { directory[i] = segment.word }
    }

    /// Frees segments and directory, leaving the table unusable until it is reset.
    func releaseMemory() {
        if directory == HashSegment.emptyDirectory { return }
        let places = 1 << Int(depth)
        var i = 0
        while i < places {
            let segment = HashSegment(word: directory[i])
            i += 1 << (Int(depth) - Int(segment.depth))
            if !segment.isShared { Heap.free(segment.slots - 1, segment.byteCount) }
        }
        Heap.free(directory, places * 8)
    }
}
