// Tells a torn tail from damage in the middle.
//
// A crash leaves a batch unfinished at the end of the last segment: nothing that anybody was
// promised stands behind it, and it is cut. After a loss of power it need not be the last: pages
// that were not synced reach the disk in any order, or not at all. But each batch tells up to where
// the log was durable when it was written. If a whole batch with a matching CRC stands behind the
// bad one and tells of a position past the bad one's start, then the bad one was once whole, and
// cutting there would throw away what was acknowledged: the start must stop, and a person decide.
// The same if a whole batch does not tell, as in logs of earlier versions.
//
// An idle log gets a batch that only tells (LogWriter.noteDurable); so nothing but what was written
// in about the last second, and the last such batch itself, can be damaged without being noticed.
//
// So from the bad batch on, the rest of the segment is searched for end-of-batch lines; each is
// tried against the ends of the few lines before it, where "end" is recognised by either half
// of the line, so that no single flipped bit hides it. Streams with bounded memory; linear.

enum LogDamage {
    private static let windowBytes = 1 << 20
    private static let overlapBytes = 128
    private static let triesMax = 4

    /// Whether the batch at `offset` in a segment of `size` bytes, where the stream is at `lsn`,
    /// was once durable, as far as intact batches behind it tell.
    static func wasDurable(
        _ file: any DiskFile, at offset: Int, size: Int, lsn: LSN
    ) throws(IOError) -> Bool {
        let window = UnsafeMutableRawBufferPointer.allocate(
            byteCount: windowBytes + overlapBytes, alignment: 16)
        let scratch = UnsafeMutableRawBufferPointer.allocate(
            byteCount: windowBytes, alignment: 16)
        defer {
            window.deallocate()
            scratch.deallocate()
        }
        var ends: [Int] = []
        var at = offset
        while at < size {
            let count = try file.read(into: window, at: at)
            let bytes = Bytes(rebasing: window[0..<count])
            // Marks that start in the overlap belong to the next window.
            let isLast = at + count >= size || count == 0
            let limit = isLast ? count : count - overlapBytes
            var index = 0
            while index < limit {
                guard let found = nextMark(bytes, index), found < limit else { break }
                index = found + 1
                if bytes[found] == 0x3B {
                    add(at + found + 15, &ends)
                    continue
                }
                let rest = bytes.slice(found, min(count - found, overlapBytes))
                guard let lineEnd = rest.firstIndex(of: 0x0A) else { continue }
                if lineEnd > 0, rest[lineEnd - 1] == 0x0D,
                    let mark = LogAnnotation.batchEnd(rest.slice(0, lineEnd - 1)),
                    mark.synced ?? .max > lsn
                {
                    let covered = at + found + mark.coveredBytes
                    // A line that stands alone starts where its batch does.
                    for end in ends + [at + found] where end < covered {
                        if try checksum(file, end, covered, scratch) == mark.crc { return true }
                    }
                }
                add(at + found + lineEnd + 1, &ends)
            }
            if isLast { break }
            at += limit
        }
        return false
    }

    /// Where the filling of a file begins (LogWriter+Room.swift), or `size`; not before `offset`.
    static func contentEnd(
        _ file: any DiskFile, from offset: Int, to size: Int
    ) throws(IOError) -> Int {
        let part = UnsafeMutableRawBufferPointer.allocate(byteCount: windowBytes, alignment: 16)
        defer { part.deallocate() }
        guard size - offset > 2 else { return size }
        let tail = UnsafeMutableRawBufferPointer(rebasing: part[0..<2])
        guard try file.read(into: tail, at: size - 2) == 2, tail[0] == LogAnnotation.filler,
            tail[1] == 0x0A
        else { return size }
        var end = size - 1
        while end > offset {
            let start = Swift.max(offset, end - windowBytes)
            let count = try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: part[0..<(end - start)]), at: start)
            if let last = part[0..<count].lastIndex(where: { $0 != LogAnnotation.filler }) {
                return start + last + 1
            }
            end = start
        }
        return end
    }

    private static func add(_ end: Int, _ ends: inout [Int]) {
        if ends.contains(end) { return }
        ends.append(end)
        if ends.count > triesMax { ends.removeFirst() }
    }

    /// The next place at or after `index` where either half of an end-of-batch line starts.
    private static func nextMark(_ bytes: Bytes, _ index: Int) -> Int? {
        for at in index..<bytes.count {
            switch bytes[at] {
            case 0x23 where starts("#FIRN:lsn=", bytes, at): return at
            case 0x3B where starts(";crc=", bytes, at): return at
            default: continue
            }
        }
        return nil
    }

    private static func starts(_ text: StaticString, _ bytes: Bytes, _ at: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        return bytes.count - at >= count && bytes.slice(at, count).equals(text)
    }

    private static func checksum(
        _ file: any DiskFile, _ start: Int, _ end: Int, _ scratch: UnsafeMutableRawBufferPointer
    ) throws(IOError) -> UInt32 {
        var crc: UInt32 = 0
        var at = start
        while at < end {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: scratch[0..<min(scratch.count, end - at)])
            let count = try file.read(into: part, at: at)
            if count == 0 { break }
            crc = CRC32C.checksum(Bytes(rebasing: part[0..<count]), seed: crc)
            at += count
        }
        return crc
    }
}
