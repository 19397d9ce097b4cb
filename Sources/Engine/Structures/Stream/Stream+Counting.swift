// How many entries a group has read and how many are left: the counters of Redis 7.0.
//
// Every entry has a number, its place among all that were ever added. Which one an ID has is known
// only where nothing was deleted between it and an end of the stream; elsewhere the answer is
// "unknown", and a group's counter stays unknown until it comes to a place that is known again.
// Source: Redis, `streamEstimateDistanceFromFirstEverEntry`, `streamReplyWithCGLag`.

extension Stream {
    /// Whether an entry at or behind `id` was deleted, as far as is known.
    func hasTombstones(from id: StreamID) -> Bool {
        length > 0 && maxDeletedID != .zero && firstID <= maxDeletedID && id <= maxDeletedID
    }

    /// The number of the entry `id`, or `StreamGroup.entriesReadUnknown`.
    func number(of id: StreamID) -> Int64 {
        let added = Int64(bitPattern: entriesAdded)
        if added == 0 { return 0 }
        if length == 0, id <= lastID { return added }
        if id == lastID { return added }
        if id > lastID { return StreamGroup.entriesReadUnknown }
        if maxDeletedID == .zero || maxDeletedID < firstID {
            // Nothing is missing from the first entry on.
            if id < firstID { return added &- Int64(length) }
            if id == firstID { return added &- Int64(length) &+ 1 }
        }
        return StreamGroup.entriesReadUnknown
    }

    /// How many entries the group has not read yet; nil where nobody knows.
    func lag(of group: StreamGroup.Node) -> Int64? {
        let added = Int64(bitPattern: entriesAdded)
        if added == 0 { return 0 }
        let read = group.pointee.entriesRead
        let lastID = group.pointee.lastID
        if read != StreamGroup.entriesReadUnknown, !hasTombstones(from: lastID) {
            return added &- read
        }
        let number = number(of: lastID)
        return number == StreamGroup.entriesReadUnknown ? nil : added &- number
    }

    /// Moves the group on to `id`, which it reads now and which is behind all that it has read.
    func advance(_ group: StreamGroup.Node, to id: StreamID) {
        if group.pointee.entriesRead != StreamGroup.entriesReadUnknown, !hasTombstones(from: id) {
            let (read, overflows) = group.pointee.entriesRead.addingReportingOverflow(1)
            group.pointee.entriesRead = overflows ? StreamGroup.entriesReadUnknown : read
        } else if entriesAdded != 0 {
            group.pointee.entriesRead = number(of: id)
        }
        group.pointee.lastID = id
    }
}
