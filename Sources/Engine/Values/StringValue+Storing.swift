// Storing strings: whatever may change an entry's size, and so move it.
//
// SET is the hottest write. On a key that exists it fetches one entry, compares two size classes
// and copies the bytes; on a new one it allocates the entry and nothing else.

import Glibc

extension Engine {
    /// Makes `bytes` the whole value of `key`, whatever it held before, with this expiry (nil:
    /// none). `old` is what `write(key)` has just returned; `bytes` must not be a view of it.
    /// The caller calls `changed`. O(bytes).
    @inline(__always)
    func setString(_ key: Key, _ old: Entry?, _ bytes: Bytes, expiry: Int64?) -> Entry {
        if let number = Numbers.parseInt64(bytes) {
            return setString(key, old, integer: number, expiry: expiry)
        }
        if bytes.count > StringLayout.embeddedCountMax {
            return setRawString(key, old, bytes, expiry)
        }
        let entry: Entry
        if let old {
            entry = reshape(key, old, .string, .embedded, bodyCount: bytes.count, expiry: expiry)
        } else {
            entry = insert(key, .string, .embedded, bodyCount: bytes.count, expiry: expiry)
        }
        if let source = bytes.baseAddress { memcpy(entry.body, source, bytes.count) }
        return entry
    }

    /// The same for an integer. O(1).
    @inline(__always)
    func setString(_ key: Key, _ old: Entry?, integer: Int64, expiry: Int64?) -> Entry {
        let entry: Entry
        if let old {
            entry = reshape(key, old, .string, .integer, bodyCount: 8, expiry: expiry)
        } else {
            entry = insert(key, .string, .integer, bodyCount: 8, expiry: expiry)
        }
        entry.integer = integer
        return entry
    }

    @inline(never)
    private func setRawString(
        _ key: Key, _ old: Entry?, _ bytes: Bytes, _ expiry: Int64?
    ) -> Entry {
        let bodyCount = MemoryLayout<RawString>.size
        guard let old else {
            let entry = insert(key, .string, .raw, bodyCount: bodyCount, expiry: expiry)
            StringValue.setRaw(entry, RawString(bytes, capacity: bytes.count))
            return entry
        }
        if old.type == .string, old.encoding == .raw, old.expiry == nil, expiry == nil {
            // In place, unless that would keep a much larger allocation alive.
            var string = StringValue.raw(old)
            let capacity = Int(string.capacity)
            if bytes.count <= capacity, bytes.count * 2 >= capacity {
                memcpy(string.pointer, bytes.baseAddress!, bytes.count)
                string.count = UInt32(bytes.count)
                StringValue.setRaw(old, string)
                return old
            }
        }
        let entry = reshape(key, old, .string, .raw, bodyCount: bodyCount, expiry: expiry)
        StringValue.setRaw(entry, RawString(bytes, capacity: bytes.count))
        return entry
    }

    /// Makes a string in an allocation of its own the whole value of `key`, without expiry, on
    /// the terms of `setString(_:_:_:expiry:)`. The entry owns it then. O(1).
    func setString(_ key: Key, _ old: Entry?, raw string: RawString) -> Entry {
        let bodyCount = MemoryLayout<RawString>.size
        let entry: Entry
        if let old {
            entry = reshape(key, old, .string, .raw, bodyCount: bodyCount, expiry: nil)
        } else {
            entry = insert(key, .string, .raw, bodyCount: bodyCount)
        }
        StringValue.setRaw(entry, string)
        return entry
    }

    /// Frees the value of an entry and gives it another body, still to be filled, and another
    /// expiry. O(1) beside the freeing.
    @inline(__always)
    func reshape(
        _ key: Key, _ old: Entry, _ type: ValueType, _ encoding: Encoding, bodyCount: Int,
        expiry: Int64?
    ) -> Entry {
        if old.encoding.rawValue >= Encoding.raw.rawValue {
            forgetFields(key.database, key.hash, old)
            discardValue(old)
        }
        if expiry != nil || old.flags.contains(.expires) { reindex(key, old, expiry) }
        let former = old.raw
        let entry = old.reshaped(
            type: type, encoding: encoding, bodyCount: bodyCount, expiry: expiry)
        if entry.raw != former { moved(key, from: former, to: entry) }
        return entry
    }

    @inline(never)
    private func reindex(_ key: Key, _ entry: Entry, _ expiry: Int64?) {
        let before = entry.expiry
        if before == expiry { return }
        let database = databases + key.database
        if let before { database.pointee.expiries.remove(before, key.hash) }
        if let expiry { database.pointee.expiries.insert(expiry, key.hash) }
    }

    // MARK: Growing and changing in place

    /// Makes the string of `entry` at least `count` bytes long, new bytes zero, and lends it for
    /// changing until the key's next change. The entry may have moved: use the one returned.
    /// `count` is within `StringValue.countMax`. Amortized O(bytes added).
    func growString(
        _ key: Key, _ entry: Entry, toCount count: Int
    ) -> (entry: Entry, bytes: UnsafeMutableRawBufferPointer) {
        let entry = makeRaw(key, entry, room: count)
        var string = StringValue.raw(entry)
        let before = Int(string.count)
        if count > before {
            if count > Int(string.capacity) {
                let capacity = StringValue.roomyCapacity(count)
                string.pointer = Heap.reallocate(
                    string.pointer, from: Int(string.capacity), to: capacity)
                string.capacity = UInt32(capacity)
            }
            memset(string.pointer + before, 0, count - before)
            string.count = UInt32(count)
            StringValue.setRaw(entry, string)
        }
        return (
            entry,
            UnsafeMutableRawBufferPointer(start: string.pointer, count: Int(string.count))
        )
    }

    /// Appends to the string of `entry`; amortized O(bytes appended). `bytes` must not be a view
    /// of it, the sum within `StringValue.countMax`.
    func appendString(_ key: Key, _ entry: Entry, _ bytes: Bytes) -> Entry {
        let entry = makeRaw(key, entry, room: StringValue.count(entry) + bytes.count)
        var string = StringValue.raw(entry)
        let before = Int(string.count)
        let count = before + bytes.count
        if count > Int(string.capacity) {
            let capacity = StringValue.roomyCapacity(count)
            string.pointer = Heap.reallocate(
                string.pointer, from: Int(string.capacity), to: capacity)
            string.capacity = UInt32(capacity)
        }
        if let source = bytes.baseAddress { memcpy(string.pointer + before, source, bytes.count) }
        string.count = UInt32(count)
        StringValue.setRaw(entry, string)
        return entry
    }

    /// The entry with its string in an allocation of its own.
    private func makeRaw(_ key: Key, _ entry: Entry, room: Int) -> Entry {
        if entry.encoding == .raw { return entry }
        let capacity = StringValue.roomyCapacity(room)
        let string = StringValue.withBytes(entry) { RawString($0, capacity: capacity) }
        let raw = reshape(
            key, entry, .string, .raw, bodyCount: MemoryLayout<RawString>.size,
            expiry: entry.expiry)
        StringValue.setRaw(raw, string)
        return raw
    }
}
