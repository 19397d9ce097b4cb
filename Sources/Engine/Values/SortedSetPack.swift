// A small sorted set in a listpack: member, score, member, score, in order.
//
//     | member | score | member | score | …      by score, then by member in byte order
//
// A score that is a whole number of less than 2^62 is stored as a listpack integer, any other as
// the text "%.17g" prints for it ("0.1" becomes 0.10000000000000001, "inf"); so does Redis, and
// its RDB files hold the same bytes. Minus zero therefore becomes zero while the set is packed.
//
// Source of the format: Redis 7.0, `zzlInsertAt`.

/// A handle to the listpack, on the same terms as `ListPack`.
struct SortedSetPack {
    var list: ListPack

    @inline(__always)
    init(_ raw: UnsafeMutableRawPointer) { list = ListPack(raw) }

    var count: Int { list.count / 2 }

    /// The score stored at a position. Text that is no number cannot have passed validation.
    @inline(__always)
    func score(at position: ListPack.Position) -> Double {
        switch list.element(at: position) {
        case .integer(let value): Double(value)
        case .bytes(let text): Numbers.parseDouble(text) ?? 0
        }
    }

    /// The member's position and its score; nil if it is not there. O(bytes).
    @inline(__always)
    func find(_ member: Bytes) -> (position: ListPack.Position, score: Double)? {
        guard let at = list.find(member, skip: 1), let scoreAt = list.next(at) else { return nil }
        return (at, score(at: scoreAt))
    }

    /// How many elements come before the member; nil if it is not there. O(bytes).
    func rank(of member: Bytes) -> Int? {
        guard let found = list.find(member, skip: 1) else { return nil }
        var rank = 0
        var position = list.first
        while let at = position, at != found {
            rank += 1
            position = list.next(list.after(at))
        }
        return rank
    }

    /// The ranks of the run of elements that begins where `isBefore` is no longer true and goes
    /// on while `isInside` is. Both are asked with the member's position. O(bytes).
    @inline(__always)
    func ranks(
        isBefore: (ListPack.Position) -> Bool, isInside: (ListPack.Position) -> Bool
    ) -> Range<Int> {
        var start = 0
        var position = list.first
        while let at = position, isBefore(at) {
            start += 1
            position = list.next(list.after(at))
        }
        var end = start
        while let at = position, isInside(at) {
            end += 1
            position = list.next(list.after(at))
        }
        return start..<end
    }

    /// Lends the elements of the given ranks. O(bytes).
    @inline(__always)
    func forEach(
        _ ranks: Range<Int>, reversed: Bool,
        _ body: (_ member: ListPackElement, _ score: Double) -> Void
    ) {
        if ranks.isEmpty { return }
        var left = ranks.count
        var position = list.seek((reversed ? ranks.upperBound - 1 : ranks.lowerBound) * 2)
        while left > 0, let at = position {
            let scoreAt = list.after(at)
            body(list.element(at: at), score(at: scoreAt))
            left -= 1
            if reversed {
                position = list.previous(at).flatMap { list.previous($0) }
            } else {
                position = list.next(scoreAt)
            }
        }
    }

    /// Lends all elements with the scores as they are stored. O(bytes).
    func forEachStored(_ body: (_ member: ListPackElement, _ score: ListPackElement) -> Void) {
        var position = list.first
        while let at = position, let scoreAt = list.next(at) {
            body(list.element(at: at), list.element(at: scoreAt))
            position = list.next(scoreAt)
        }
    }

    // MARK: Changing

    /// Adds a member that is not there. O(bytes).
    mutating func insert(_ member: Bytes, _ score: Double) {
        var position = list.first
        while let at = position {
            let other = self.score(at: list.after(at))
            if other > score { break }
            if other == score, list.withBytes(at: at, { member.compare($0) }) < 0 { break }
            position = list.next(list.after(at))
        }
        guard let at = position else { return append(member, score) }
        Self.withStored(score) { integer, text in
            if let integer {
                list.insert(integer, before: at)
            } else {
                list.insert(text, before: at)
            }
        }
        list.insert(member, before: at)
    }

    /// Adds an element behind all others. O(member).
    mutating func append(_ member: Bytes, _ score: Double) {
        list.append(member)
        Self.withStored(score) { integer, text in
            if let integer { list.append(integer) } else { list.append(text) }
        }
    }

    mutating func remove(at position: ListPack.Position) { list.delete(at: position, count: 2) }

    /// The form in which a score is stored: an integer, or text.
    @inline(__always)
    private static func withStored(_ score: Double, _ body: (Int64?, Bytes) -> Void) {
        if score.magnitude <= 0x1p62, let integer = Int64(exactly: score) {
            return body(integer, Bytes(start: nil, count: 0))
        }
        Numbers.withFormatted(score) { body(nil, $0) }
    }
}
