// RDB bytes back into values: cold records, DUMP payloads, snapshot files.
//
// The bytes may come from anywhere. Lengths are checked against what is there before anything
// is allocated for them, listpacks and intsets are validated element by element before they
// are used as they are, and duplicates, odd counts and scores that are no numbers are refused.

import Glibc

/// What decoding needs to know beside the bytes: when small collections stay small.
struct DecodingContext {
    let hash: HashLimits
    let set: SetLimits
    let sortedSet: SortedSetLimits
    /// `list-max-listpack-size`.
    let list: Int
    /// The bytes are a cold record, which its checksum covers: what left memory comes back in
    /// the encoding that it had, whatever the limits, and need not be validated again.
    let isOwn: Bool

    init(_ configuration: Configuration, _ secret: HashSecret, isOwn: Bool = false) {
        self.isOwn = isOwn
        hash = HashLimits(
            entriesMax: configuration.hashListpackEntriesMax,
            elementBytesMax: configuration.hashListpackValueBytesMax, secret: secret)
        set = SetLimits(intSetCountMax: configuration.setIntsetEntriesMax, secret: secret)
        sortedSet = SortedSetLimits(
            packedCountMax: configuration.zsetListpackEntriesMax,
            packedMemberBytesMax: configuration.zsetListpackValueBytesMax, secret: secret)
        list = configuration.listListpackSizeMax
    }
}

extension ValueCodec {
    /// The value that `payload` holds, or nil if it holds none or something is left over. The
    /// caller owns the value. Strings of the embedded kind are lent from `scratch` or the
    /// payload: store them before the payload goes. Strings, the most frequent, need no limits.
    static func decode(
        type: UInt8, payload: Bytes, _ configuration: @autoclosure () -> Configuration,
        _ secret: HashSecret, isOwn: Bool = false
    ) -> DetachedValue? {
        var cursor = RDBCursor(payload)
        let value =
            type == RDBType.string
            ? decodeString(&cursor)
            : decode(type: type, &cursor, DecodingContext(configuration(), secret, isOwn: isOwn))
        if cursor.remaining > 0 {
            value?.destroy()
            return nil
        }
        return value
    }

    /// The value at the cursor. An empty collection is refused, as Redis does.
    static func decode(
        type: UInt8, _ cursor: inout RDBCursor, _ context: DecodingContext
    ) -> DetachedValue? {
        switch type {
        case RDBType.string: return decodeString(&cursor)
        case RDBType.list: return decodeList(&cursor, context)
        case RDBType.listQuickList, RDBType.listQuickList2:
            return decodeQuickList(&cursor, context, isNew: type == RDBType.listQuickList2)
        case RDBType.listZipList: return decodeListZipList(&cursor, context)
        case RDBType.set: return decodeSet(&cursor, context)
        case RDBType.setIntSet: return decodeIntSet(&cursor, context)
        case RDBType.setListPack: return decodeSetListPack(&cursor, context)
        case RDBType.hash: return decodeHash(&cursor, context)
        case RDBType.hashListPack, RDBType.hashZipList, RDBType.hashZipMap:
            return decodePacked(&cursor, .hash, layout(type), context)
        case RDBType.hashMetadata, RDBType.hashMetadataPreGA:
            return decodeExpiringHash(&cursor, context, isGA: type == RDBType.hashMetadata)
        case RDBType.hashListPackEx, RDBType.hashListPackExPreGA:
            return decodeExpiringPack(&cursor, context, isGA: type == RDBType.hashListPackEx)
        case RDBType.sortedSet, RDBType.sortedSetText:
            return decodeSortedSet(&cursor, context, isText: type == RDBType.sortedSetText)
        case RDBType.sortedSetListPack, RDBType.sortedSetZipList:
            return decodePacked(&cursor, .sortedSet, layout(type), context)
        case RDBType.stream, RDBType.stream2, RDBType.stream3:
            return decodeStream(&cursor, type, context)
        default: return nil
        }
    }

    /// Whether bytes are a DUMP payload of a version that can be read, by footer and checksum.
    static func isDump(_ payload: Bytes) -> Bool {
        guard payload.count >= 10 else { return false }
        let body = payload.count - 10
        let version = UInt16(
            littleEndian: payload.loadUnaligned(fromByteOffset: body, as: UInt16.self))
        guard version <= RDB.newestVersion else { return false }
        let checksum = UInt64(
            littleEndian: payload.loadUnaligned(fromByteOffset: body + 2, as: UInt64.self))
        return CRC64.checksum(payload.slice(0, body + 2)) == checksum
    }

    /// Reads the value of a DUMP payload, whose footer was found good.
    static func restore(
        _ payload: Bytes, _ configuration: Configuration, _ secret: HashSecret
    ) -> DetachedValue? {
        let body = payload.count - 10
        guard body > 0 else { return nil }
        return decode(
            type: payload[0], payload: payload.slice(1, body - 1), configuration, secret)
    }

    // MARK: Strings

    private static func decodeString(_ cursor: inout RDBCursor) -> DetachedValue? {
        let whole = cursor.bytes
        return cursor.string { bytes in
            let value = DetachedValue.string(bytes)
            // What was decompressed ends with this closure; what is part of the payload does not.
            guard case .bytes = value.storage, !whole.covers(bytes) else { return value }
            return DetachedValue(
                type: .string, encoding: .embedded,
                storage: .owned(RawString(bytes, capacity: bytes.count)))
        }
    }

    // MARK: Lists

    private static func decodeList(
        _ cursor: inout RDBCursor, _ context: DecodingContext
    ) -> DetachedValue? {
        guard let count = cursor.length(), count > 0 else { return nil }
        let list = QuickList.make()
        for _ in 0..<count {
            guard
                cursor.string({ element -> Void? in
                    list.pointee.pushBack(element, limit: context.list)
                }) != nil
            else {
                QuickList.destroy(list)
                return nil
            }
        }
        return wrap(.list, .quickList, list)
    }

    private static func decodeQuickList(
        _ cursor: inout RDBCursor, _ context: DecodingContext, isNew: Bool
    ) -> DetachedValue? {
        guard let nodes = cursor.length(), nodes > 0 else { return nil }
        let list = QuickList.make()
        for _ in 0..<nodes {
            guard decodeNode(&cursor, list, context, isNew: isNew) else {
                QuickList.destroy(list)
                return nil
            }
        }
        guard list.pointee.count > 0 else {
            QuickList.destroy(list)
            return nil
        }
        return wrap(.list, .quickList, list)
    }

    private static func decodeNode(
        _ cursor: inout RDBCursor, _ list: UnsafeMutablePointer<QuickList>,
        _ context: DecodingContext, isNew: Bool
    ) -> Bool {
        var container = 2
        if isNew {
            guard let number = cursor.length(), number == 1 || number == 2 else { return false }
            container = number
        }
        return cursor.string { bytes -> Void? in
            if container == 1 { return list.pointee.appendPlainNode(bytes) }
            if !isNew {
                guard let pack = ZipList.convertToListPack(bytes) else { return nil }
                return list.pointee.appendNode(pack)
            }
            guard ListPack.validate(bytes, deep: !context.isOwn) else { return nil }
            return list.pointee.appendNode(ListPack.copy(bytes))
        } != nil
    }

    private static func decodeListZipList(
        _ cursor: inout RDBCursor, _ context: DecodingContext
    ) -> DetachedValue? {
        let list = QuickList.make()
        let done: Void? = cursor.string { bytes -> Void? in
            guard let pack = ZipList.convertToListPack(bytes) else { return nil }
            return list.pointee.appendNode(pack)
        }
        guard done != nil, list.pointee.count > 0 else {
            QuickList.destroy(list)
            return nil
        }
        return wrap(.list, .quickList, list)
    }

    static func wrap<T: ~Copyable>(
        _ type: ValueType, _ encoding: Encoding, _ pointer: UnsafeMutablePointer<T>
    ) -> DetachedValue {
        DetachedValue(
            type: type, encoding: encoding, storage: .pointer(UnsafeMutableRawPointer(pointer)))
    }
}
