// A decoded value that no key owns: read from a record to be looked at, then freed.
//
// ARCHIVE GET replies it, tools print it. It lives in an entry outside every table, so that the
// value types work on it as on any other.

/// Owns one value. Engine lock, as all of the hot tier's memory.
struct LooseValue: ~Copyable {
    let entry: Entry

    /// Decodes RDB bytes; nil when they hold no value.
    init?(type: UInt8, payload: Bytes, _ configuration: Configuration, _ secret: HashSecret) {
        guard
            let value = ValueCodec.decode(
                type: type, payload: payload, configuration, secret)
        else { return nil }
        entry = Entry.allocate(
            key: Bytes(start: nil, count: 0), type: value.type, encoding: value.encoding,
            bodyCount: value.bodyCount, expiry: nil)
        value.store(in: entry.body)
    }

    deinit {
        entry.detachedForFreeing?.destroy()
        entry.deallocate()
    }

    /// Writes the value as the command that reads all of its type would: GET, LRANGE, SMEMBERS,
    /// HGETALL, ZRANGE WITHSCORES, XRANGE. O(elements).
    func reply(to client: Client) {
        switch entry.type {
        case .string: StringValue.withBytes(entry) { client.reply.bulk($0) }
        case .list:
            let list = ListValue(entry)
            client.reply.array(list.count)
            list.forEach(in: 0..<list.count) { client.reply.bulk($0) }
        case .set:
            let set = SetValue(entry)
            client.reply.set(set.count)
            set.forEach { client.reply.bulk($0) }
        case .hash:
            let hash = HashValue(entry)
            client.reply.map(hash.count)
            hash.forEach { field, value in
                client.reply.bulk(field)
                client.reply.bulk(value)
            }
        case .sortedSet:
            let set = SortedSetValue(entry)
            let nests = client.reply.version >= 3
            client.reply.array(nests ? set.count : set.count * 2)
            set.forEach { member, score in
                if nests { client.reply.array(2) }
                client.reply.bulk(member)
                client.reply.double(score)
            }
        case .stream:
            let stream = StreamValue(entry)
            client.reply.array(stream.length)
            stream.stream.pointee.visit {
                client.reply.streamEntry($0)
                return true
            }
        case .tombstone: client.reply.null()
        }
    }

    /// Lends the parts of the value in order: a string's bytes, a list's or set's elements, a
    /// hash's fields with their values, a sorted set's members with their scores as text, a
    /// stream's IDs with the fields and values of their entries behind them. O(elements).
    func forEach(_ body: (_ part: Bytes, _ second: Bytes?) -> Void) {
        switch entry.type {
        case .string: StringValue.withBytes(entry) { body($0, nil) }
        case .list:
            let list = ListValue(entry)
            list.forEach(in: 0..<list.count) { body($0, nil) }
        case .set: SetValue(entry).forEach { $0.withBytes { body($0, nil) } }
        case .hash:
            HashValue(entry).forEach { field, value in
                field.withBytes { field in value.withBytes { body(field, $0) } }
            }
        case .sortedSet:
            SortedSetValue(entry).forEach { member, score in
                member.withBytes { member in
                    Numbers.withFormatted(score) { body(member, $0) }
                }
            }
        case .stream:
            StreamValue(entry).stream.pointee.visit { entry in
                entry.id.withText { body($0, nil) }
                entry.forEach { field, value in
                    field.withBytes { field in value.withBytes { body(field, $0) } }
                }
                return true
            }
        case .tombstone: return
        }
    }
}
