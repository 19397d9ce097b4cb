// Decoding of sets, hashes and sorted sets; see ValueCodec+Decode.swift.

extension ValueCodec {
    /// The layout in which a small hash or sorted set was written.
    enum PackedLayout {
        case listPack
        case zipList
        case zipMap
    }

    static func layout(_ type: UInt8) -> PackedLayout {
        switch type {
        case RDBType.hashZipMap: .zipMap
        case RDBType.hashZipList, RDBType.sortedSetZipList: .zipList
        default: .listPack
        }
    }

    // MARK: Sets

    /// Makes a set of what `each` hands to its argument, which answers false for a duplicate.
    private static func makeSet(
        _ context: DecodingContext, isEmpty: Bool, asTable: Bool = false,
        _ each: ((Bytes) -> Bool) -> Bool
    ) -> DetachedValue? {
        if isEmpty { return nil }
        var set = asTable ? SetValue.createTable(context.set) : nil
        let isWhole = each { member in
            if set == nil { set = SetValue.create(for: .bytes(member), context.set) }
            return set!.add(member, context.set)
        }
        if isWhole, let set { return set.detached }
        set?.destroy()
        return nil
    }

    static func decodeSet(
        _ cursor: inout RDBCursor, _ context: DecodingContext
    ) -> DetachedValue? {
        guard let count = cursor.length() else { return nil }
        return makeSet(context, isEmpty: count == 0, asTable: context.isOwn) { add in
            for _ in 0..<count where cursor.string({ add($0) }) != true { return false }
            return true
        }
    }

    static func decodeIntSet(
        _ cursor: inout RDBCursor, _ context: DecodingContext
    ) -> DetachedValue? {
        cursor.string { bytes -> DetachedValue? in
            guard IntSet.validate(bytes, deep: !context.isOwn) else { return nil }
            let numbers = IntSet(reading: bytes)
            let staysSmall = context.isOwn || numbers.count <= context.set.intSetCountMax
            if numbers.count > 0, staysSmall {
                return DetachedValue(
                    type: .set, encoding: .intSet, storage: .pointer(IntSet.copy(bytes).raw))
            }
            return makeSet(context, isEmpty: numbers.count == 0) { add in
                var isWhole = true
                numbers.forEach { number in
                    Numbers.withFormatted(number) { if !add($0) { isWhole = false } }
                }
                return isWhole
            }
        }
    }

    static func decodeSetListPack(
        _ cursor: inout RDBCursor, _ context: DecodingContext
    ) -> DetachedValue? {
        cursor.string { bytes -> DetachedValue? in
            guard ListPack.validate(bytes, deep: true) else { return nil }
            let pack = ListPack(reading: bytes)
            return makeSet(context, isEmpty: pack.isEmpty) { add in
                var isWhole = true
                pack.forEach { if !add($0) { isWhole = false } }
                return isWhole
            }
        }
    }

    // MARK: Hashes

    static func decodeHash(
        _ cursor: inout RDBCursor, _ context: DecodingContext
    ) -> DetachedValue? {
        guard let count = cursor.length(), count > 0 else { return nil }
        var builder = HashBuilder(count: count, asTable: context.isOwn, context.hash)
        for _ in 0..<count {
            let isNew = cursor.stringArray().flatMap { field in
                cursor.string { value in
                    field.withUnsafeBytes { builder.add($0, value) }
                }
            }
            guard isNew == true else {
                builder.destroy()
                return nil
            }
        }
        return builder.value
    }

    // MARK: Small hashes and sorted sets

    static func decodePacked(
        _ cursor: inout RDBCursor, _ type: ValueType, _ layout: PackedLayout,
        _ context: DecodingContext
    ) -> DetachedValue? {
        cursor.string { bytes -> DetachedValue? in
            if context.isOwn, layout == .listPack {
                guard ListPack.validate(bytes, deep: false) else { return nil }
                return DetachedValue(
                    type: type, encoding: .listPack, storage: .pointer(ListPack.copy(bytes).raw))
            }
            let pack: ListPack
            switch layout {
            case .listPack:
                guard ListPack.validate(bytes, deep: true) else { return nil }
                pack = ListPack.copy(bytes)
            case .zipList:
                guard let made = ZipList.convertToListPack(bytes) else { return nil }
                pack = made
            case .zipMap:
                guard let made = ZipMap.convertToListPack(bytes) else { return nil }
                pack = made
            }
            let value =
                type == .hash
                ? adoptHash(pack, context, isOldest: layout == .zipMap)
                : adoptSortedSet(pack, context)
            // What was not adopted is not needed any more.
            if value.map({ $0.encoding != .listPack }) ?? true { pack.destroy() }
            return value
        }
    }

    /// A hash of a listpack's pairs: the listpack itself, or a table where they are too many. Nil
    /// when the pairs are none, odd or not distinct. As in Redis, whatever was small where it comes
    /// from stays so here, however long its elements are; but for a zipmap, `isOldest`.
    private static func adoptHash(
        _ pack: ListPack, _ context: DecodingContext, isOldest: Bool
    ) -> DetachedValue? {
        let count = pack.count
        guard count > 0, count % 2 == 0 else { return nil }
        // Building a second hash notices duplicates.
        var builder = HashBuilder(count: count / 2, context.hash)
        var position = pack.first
        while let field = position, let value = pack.next(field) {
            let isNew = pack.withBytes(at: field) { field in
                pack.withBytes(at: value) { builder.add(field, $0) }
            }
            guard isNew else {
                builder.destroy()
                return nil
            }
            position = pack.next(value)
        }
        let staysPacked = !isOldest && count / 2 <= context.hash.entriesMax
        if builder.isTable, !staysPacked { return builder.value }
        builder.destroy()
        return DetachedValue(type: .hash, encoding: .listPack, storage: .pointer(pack.raw))
    }

    /// The same for pairs of member and score, which must be in order.
    private static func adoptSortedSet(
        _ pack: ListPack, _ context: DecodingContext
    ) -> DetachedValue? {
        let count = pack.count
        guard count > 0, count % 2 == 0 else { return nil }
        let limits = context.sortedSet
        var tree = SortedSet(secret: limits.secret)
        var isOrdered = true
        var last: (member: [UInt8], score: Double)?
        var position = pack.first
        while let member = position, let value = pack.next(member) {
            let score = pack.withBytes(at: value) { Numbers.parseDouble($0) }
            guard let score, !score.isNaN else { return nil }
            let isNew = pack.withBytes(at: member) { member in
                if let last {
                    let order = last.member.withUnsafeBytes { $0.compare(member) }
                    if last.score > score || last.score == score && order >= 0 {
                        isOrdered = false
                    }
                }
                last = (Array(member), score)
                if case .added = tree.add(member, score) { return true }
                return false
            }
            guard isNew else { return nil }
            position = pack.next(value)
        }
        guard isOrdered else { return nil }
        if count / 2 <= limits.packedCountMax {
            return DetachedValue(
                type: .sortedSet, encoding: .listPack, storage: .pointer(pack.raw))
        }
        return DetachedValue(
            type: .sortedSet, encoding: .tree, storage: .pointer(Box.create(tree)))
    }

    // MARK: Sorted sets

    static func decodeSortedSet(
        _ cursor: inout RDBCursor, _ context: DecodingContext, isText: Bool
    ) -> DetachedValue? {
        guard let count = cursor.length(), count > 0 else { return nil }
        // The listpack wants its elements in order, the tree does not care.
        var tree = SortedSet(secret: context.sortedSet.secret)
        var longest = 0
        for _ in 0..<count {
            guard let member = cursor.stringArray(),
                let score = isText ? textScore(&cursor) : cursor.double(), !score.isNaN,
                case .added = member.withUnsafeBytes({ tree.add($0, score) })
            else { return nil }
            longest = Swift.max(longest, member.count)
        }
        var value = SortedSetValue.create(
            count: count, memberBytes: longest, context.sortedSet)
        guard value.isPacked, !context.isOwn else {
            value.destroy()
            return DetachedValue(
                type: .sortedSet, encoding: .tree, storage: .pointer(Box.create(tree)))
        }
        tree.forEach { value.append($0, $1) }
        return value.detached
    }

    /// The old form of a score: a length byte (253 NaN, 254 +inf, 255 -inf), then text.
    private static func textScore(_ cursor: inout RDBCursor) -> Double? {
        guard let length = cursor.byte() else { return nil }
        switch length {
        case 253: return nil
        case 254: return .infinity
        case 255: return -.infinity
        default: return cursor.take(Int(length)).flatMap { Numbers.parseDouble($0) }
        }
    }
}
