// One digest of the keyspace: equal for equal contents, whatever tier a key is in, however it
// is encoded, in whatever order it is met, before and after a restart.
//
// The figures are those of Redis's DEBUG DIGEST (`src/debug.c` describes the scheme: unordered
// things are combined by xor, ordered ones by hashing the digest on), so that a Firn and a Redis
// with the same data can be compared. Redis takes in whether a key expires, not when; Firn's own
// digest takes in the time as well, and `DEBUG DIGEST REDIS` leaves it out.
//
// The walk reads cold records in place and leaves no trace in the hot tier. The engine's lock is
// held throughout: this is a tool for tests.

struct ContentDigest: Equatable {
    private static let expiryMark: StaticString = "!!expire!!"
    private static let fieldExpiryMark: StaticString = "!!hexpire!!"

    private(set) var bytes = [UInt8](repeating: 0, count: 20)

    var text: String { Hex.text(bytes) }

    /// Adds to an unordered collection.
    mutating func xor(_ data: Bytes) {
        let hash = SHA1.hash(data)
        for index in 0..<20 { bytes[index] ^= hash[index] }
    }

    /// Adds to a sequence.
    mutating func mix(_ data: Bytes) {
        xor(data)
        bytes = bytes.withUnsafeBytes { SHA1.hash($0) }
    }

    mutating func xor(_ other: ContentDigest) { other.bytes.withUnsafeBytes { xor($0) } }

    mutating func mix(_ element: ListPackElement) {
        switch element {
        case .bytes(let bytes): mix(bytes)
        case .integer(let value): Numbers.withFormatted(value) { mix($0) }
        }
    }

    mutating func xor(_ element: ListPackElement) {
        switch element {
        case .bytes(let bytes): xor(bytes)
        case .integer(let value): Numbers.withFormatted(value) { xor($0) }
        }
    }

    /// Four bytes in network order.
    mutating func mix(_ number: UInt32) {
        withUnsafeBytes(of: number.bigEndian) { mix($0) }
    }

    mutating func mix(score: Double) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Numbers.doubleCharsMax) { text in
            let count = Numbers.formatDouble(score, into: text.baseAddress!)
            mix(Bytes(start: text.baseAddress!, count: count))
        }
    }
}

extension ContentDigest {
    /// Type, elements and expiry of a value, without the fields that are due at `now`. `exactly`:
    /// the time of an expiry, not only that there is one.
    mutating func mixValue(_ entry: Entry, exactly: Bool, now: Int64) {
        mix(UInt32(entry.type.rawValue))
        switch entry.type {
        case .string: StringValue.withBytes(entry) { mix($0) }
        case .list:
            let list = ListValue(entry)
            list.forEach(in: 0..<list.count) { mix($0) }
        case .set: SetValue(entry).forEach { xor($0) }
        case .sortedSet:
            SortedSetValue(entry).forEach { member, score in
                var element = ContentDigest()
                element.mix(member)
                element.mix(score: score)
                xor(element)
            }
        case .hash:
            HashValue(entry).forEachExpiring { field, value, expiry in
                if let expiry, expiry < now { return }
                var element = ContentDigest()
                element.mix(field)
                element.mix(value)
                if let expiry {
                    element.xor(ContentDigest.fieldExpiryMark.bytes)
                    if exactly { Numbers.withFormatted(expiry) { element.xor($0) } }
                }
                xor(element)
            }
        case .stream:
            StreamValue(entry).stream.pointee.visit { entry in
                entry.id.withText(separator: UInt8(ascii: ".")) { mix($0) }
                entry.forEach { field, value in
                    mix(field)
                    mix(value)
                }
                return true
            }
            if exactly { mixBeyondEntries(StreamValue(entry).stream) }
        case .tombstone: break
        }
        if let expiry = entry.expiry {
            xor(ContentDigest.expiryMark.bytes)
            if exactly { Numbers.withFormatted(expiry) { xor($0) } }
        }
    }
}

extension ContentDigest {
    /// What a stream is beside its entries, which Redis's digest leaves out: counters, groups, what
    /// is pending. Not when consumers were seen, which the log does not know.
    private mutating func mixBeyondEntries(_ stream: UnsafeMutablePointer<Stream>) {
        mix(stream.pointee.lastID)
        mix(stream.pointee.maxDeletedID)
        Numbers.withFormatted(Int64(bitPattern: stream.pointee.entriesAdded)) { mix($0) }
        stream.pointee.groups.forEach { group in
            mix(group.pointee.name.bytes)
            mix(group.pointee.lastID)
            Numbers.withFormatted(group.pointee.entriesRead) { mix($0) }
            group.pointee.consumers.forEach { mix($0.pointee.name.bytes) }
            group.pointee.pending.forEach { found in
                let entry = found.node.pointee
                mix(found.id)
                Numbers.withFormatted(entry.deliveredMs) { mix($0) }
                Numbers.withFormatted(Int64(bitPattern: entry.deliveryCount)) { mix($0) }
                if let consumer = entry.consumer { mix(consumer.pointee.name.bytes) }
            }
        }
    }

    private mutating func mix(_ id: StreamID) { id.withText { mix($0) } }
}

extension Engine {
    /// The digest of all databases. O(bytes of the keyspace).
    func keyspaceDigest(exactly: Bool) -> ContentDigest {
        var digest = ContentDigest()
        for index in 0..<databaseCount where databases[index].keyCount > 0 {
            digest.mix(UInt32(index))
            var position: UInt64? = 0
            while let from = position {
                var keys: [[UInt8]] = []
                position = scan(index, from: from, atLeast: 256) { key, _ in
                    keys.append(Array(key))
                }
                for bytes in keys {
                    bytes.withUnsafeBytes { raw in
                        _ = withValue(key(raw, database: index)) { entry in
                            var one = ContentDigest()
                            one.mix(raw)
                            one.mixValue(entry, exactly: exactly, now: expiryClockMs)
                            digest.xor(one)
                        }
                    }
                }
            }
        }
        return digest
    }

    /// Lends a key's entry without any trace: a cold one is decoded for the duration of `body`
    /// and is not part of the hot tier. False when there is no such key.
    @discardableResult
    func withValue(_ key: Key, _ body: (Entry) -> Void) -> Bool {
        if let raw = databases[key.database].table.find(key.hash, key.bytes) {
            let entry = Entry(raw)
            if entry.type == .tombstone || entry.expiry ?? .max < expiryClockMs { return false }
            if isEmptyByNow(entry) { return false }
            body(entry)
            return true
        }
        guard let tier, databases[key.database].coldOnlyCount > 0 else { return false }
        let namespace = databases[key.database].namespace
        do {
            return try tier.store.read(namespace: namespace, hash: key.hash, key: key.bytes) {
                record -> Bool in
                let expiry = record.expiry == ColdRecord.noExpiry ? nil : record.expiry
                if expiry ?? .max < expiryClockMs { return false }
                guard
                    let value = ValueCodec.decode(
                        type: record.type, payload: record.payload, configuration, secret)
                else { return false }
                let entry = Entry.allocate(
                    key: key.bytes, type: value.type, encoding: value.encoding,
                    bodyCount: value.bodyCount, expiry: expiry)
                value.store(in: entry.body)
                entry.access = record.access
                let exists = !isEmptyByNow(entry)
                if exists { body(entry) }
                discardValue(entry)
                entry.deallocate()
                return exists
            } ?? false
        } catch {
            tier.stats.damagedRecords += 1
            tier.stats.lastError = error.description
            return false
        }
    }
}
