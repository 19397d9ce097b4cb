// Values and snapshots as tools need them: decoded for people, or packed into an RDB stream.

/// A decoded value. The parts are lent one by one.
package struct InspectedValue: ~Copyable {
    private let value: LooseValue

    /// Nil when the bytes hold no value that Firn knows.
    package init?(rdbType: UInt8, payload: Bytes) {
        guard
            let value = LooseValue(
                type: rdbType, payload: payload, Configuration(), HashSecret(k0: 1, k1: 2))
        else { return nil }
        self.value = value
    }

    package var type: ValueType { value.entry.type }
    /// What OBJECT ENCODING would say after loading it.
    package var encoding: String { value.entry.objectEncodingName.description }
    /// Elements of a collection; 1 for a string.
    package var count: Int { value.entry.elementCount }

    /// Lends a string's bytes; elements of a list or set; fields and values of a hash; members
    /// and scores (as text) of a sorted set.
    package func forEach(_ body: (_ part: Bytes, _ second: Bytes?) throws -> Void) throws {
        var failure: (any Error)?
        value.forEach { part, second in
            if failure != nil { return }
            do { try body(part, second) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

extension RDBType {
    /// Redis's name of a type byte's layout, for tools.
    static func layoutName(_ type: UInt8) -> StaticString {
        switch type {
        case string: "string"
        case list: "list"
        case set: "set"
        case sortedSetText: "zset (text)"
        case hash: "hash"
        case sortedSet: "zset"
        case hashZipMap: "hash-zipmap"
        case listZipList: "list-ziplist"
        case setIntSet: "set-intset"
        case sortedSetZipList: "zset-ziplist"
        case hashZipList: "hash-ziplist"
        case listQuickList: "list-quicklist"
        case hashListPack: "hash-listpack"
        case sortedSetListPack: "zset-listpack"
        case listQuickList2: "list-quicklist-2"
        case setListPack: "set-listpack"
        default: "unknown"
        }
    }
}

extension InspectedKey {
    /// The layout of the serialized value, in RDB's terms.
    package var layoutName: String { RDBType.layoutName(rdbType).description }
    /// The LFU counter that the record carries, if the policy was LFU.
    package var frequency: UInt8 { UInt8(truncatingIfNeeded: access) }
    /// Seconds since the last access, if the policy was LRU.
    package func idleSeconds(nowMs: Int64) -> Int {
        Int(Access.idleSeconds(access, clock: Access.lruClock(nowMs)))
    }

    /// The DUMP payload of the value.
    package func dump(into sink: inout ByteSink) {
        sink.removeAll()
        sink.put(rdbType)
        sink.put(payload)
        ValueCodec.seal(&sink, from: 0)
    }
}

extension ValueType {
    /// What TYPE replies.
    package var typeName: String { name.description }
}

extension ArchiveEntry {
    package var type: ValueType? { RDBType.valueType(record.type) }
}

/// Writes keys as one RDB file, front to back: it may be a pipe.
package final class RDBExport {
    private var writer: RDBFileWriter
    private var database = -1

    /// - Parameter write: takes the bytes of the file in order.
    package init(nowMs: Int64, _ write: @escaping (Bytes) throws(IOError) -> Void) {
        writer = RDBFileWriter(StreamFile(write), hasChecksum: true)
        writer.aux("redis-ver", Version.redis)
        writer.aux("redis-bits", "64")
        writer.aux("ctime", String(nowMs / 1000))
        writer.aux("firn-ver", Version.firn)
    }

    /// The function libraries, which come before all keys.
    package func add(libraries: [[UInt8]]) {
        for code in libraries { writer.library(code) }
    }

    package func add(_ key: InspectedKey) throws(IOError) {
        if key.database != database {
            database = key.database
            writer.select(database)
        }
        try writer.key(
            key.key, type: key.rdbType, payload: key.payload, RDBKeyFacts(expiry: key.expiry))
    }

    package func finish() throws(IOError) { try writer.finish() }
}

/// A file that is only written, in order.
private final class StreamFile: DiskFile, @unchecked Sendable {
    let path = "export"
    private let body: (Bytes) throws(IOError) -> Void

    init(_ body: @escaping (Bytes) throws(IOError) -> Void) { self.body = body }

    func write(_ bytes: Bytes, at offset: Int) throws(IOError) -> Int {
        try body(bytes)
        return bytes.count
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(IOError) -> Int {
        0
    }
    func size() throws(IOError) -> Int { 0 }
    func truncate(to size: Int) throws(IOError) {}
    func syncData() throws(IOError) {}
}
