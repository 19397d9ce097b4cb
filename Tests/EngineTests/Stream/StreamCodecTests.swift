import Testing

@testable import Engine

/// Streams as RDB bytes: there and back, and what is no stream at all.
@Suite struct StreamCodecTests {
    private static let secret = HashSecret(k0: 1, k1: 2)

    /// A DUMP of redis-server 7.0.15: five entries in two nodes (`stream-node-max-entries 3`), one
    /// deleted, two groups, of which one has consumers with pending entries.
    static let dumpOfRedis = Hex.bytes(StreamPayloads.redis7)

    /// Decodes a payload and encodes the value again.
    private static func again(
        _ type: UInt8, _ payload: [UInt8], isOwn: Bool = false, as wanted: UInt8? = nil
    ) -> [UInt8]? {
        payload.withUnsafeBytes { bytes -> [UInt8]? in
            guard
                let value = ValueCodec.decode(
                    type: type, payload: bytes, Configuration(), secret, isOwn: isOwn)
            else { return nil }
            defer { value.destroy() }
            guard case .pointer(let raw) = value.storage else { return nil }
            var out = ByteSink()
            ValueCodec.encodeStream(
                raw.assumingMemoryBound(to: Stream.self), wanted ?? type, &out, false)
            return Array(out.bytes)
        }
    }

    @Test func whatRedisWroteComesBackTheSame() {
        let payload = Array(Self.dumpOfRedis[1..<Self.dumpOfRedis.count - 10])
        let before = Heap.usedBytes
        #expect(Self.dumpOfRedis[0] == RDBType.stream2)
        #expect(Self.again(RDBType.stream2, payload) == payload)
        #expect(Self.again(RDBType.stream2, payload, isOwn: true) == payload)
        let newer = Self.again(RDBType.stream2, payload, as: RDBType.stream3)!
        // Two consumers, 8 bytes more each.
        #expect(newer.count == payload.count + 16)
        #expect(Self.again(RDBType.stream3, newer) == newer)
        #expect(Self.again(RDBType.stream3, newer, as: RDBType.stream2) == payload)
        #expect(Heap.usedBytes == before)
    }

    /// Type 15 has no counters: they are what Redis makes of it.
    @Test func whatOlderRedisWroteIsCounted() {
        var random = TestRandom(7)
        let stream = Self.random(&random)
        var out = ByteSink()
        ValueCodec.encodeStream(stream, RDBType.stream2, &out, false)
        let old = Self.old(stream)
        let value = old.withUnsafeBytes {
            ValueCodec.decode(type: RDBType.stream, payload: $0, Configuration(), Self.secret)
        }
        guard case .pointer(let raw)? = value?.storage else {
            Issue.record("not taken")
            return
        }
        let read = raw.assumingMemoryBound(to: Stream.self)
        #expect(StreamTests.items(read.pointee) == StreamTests.items(stream.pointee))
        #expect(read.pointee.entriesAdded == UInt64(stream.pointee.length))
        #expect(read.pointee.firstID == stream.pointee.firstID)
        #expect(read.pointee.maxDeletedID == .zero)
        value?.destroy()
        HeapNode.free(stream)
    }

    /// A stream as type 15, without groups.
    private static func old(_ stream: UnsafeMutablePointer<Stream>) -> [UInt8] {
        var out = ByteSink()
        out.putLength(stream.pointee.nodes.count)
        stream.pointee.nodes.forEach { found in
            out.putLength(16)
            out.putBig(found.id.ms)
            out.putBig(found.id.seq)
            out.putString(found.node.pointee.pack.bytes, compress: true)
        }
        out.putLength(stream.pointee.length)
        out.putNumber(stream.pointee.lastID.ms)
        out.putNumber(stream.pointee.lastID.seq)
        out.putLength(0)
        return Array(out.bytes)
    }

    private static func random(_ random: inout TestRandom) -> UnsafeMutablePointer<Stream> {
        var stream = Stream()
        var model = StreamTests.Model()
        let limits = StreamLimits(nodeBytesMax: 200, nodeEntriesMax: 1 + random.below(5))
        var number = 0
        for _ in 0..<random.below(30) {
            number += 1 + random.below(3)
            let parts = [Array("f".utf8), Array("v\(number)".utf8)]
            StreamTests.append(&stream, &model, StreamTests.id(number), parts, limits)
            if random.below(4) == 0 { _ = stream.delete(StreamTests.id(random.below(number + 1))) }
        }
        stream.lastID.seq = random.below(2) == 0 ? stream.lastID.seq : .max
        for g in 0..<random.below(4) {
            let group = Array("group\(g)".utf8).withUnsafeBytes {
                stream.createGroup($0, lastID: .max, entriesRead: Int64(random.below(9)) - 1)
            }
            for c in 0..<random.below(5) {
                let consumer = Array("\(c)".utf8).withUnsafeBytes {
                    group.pointee.createConsumer($0, seenMs: Int64(random.below(1 << 40)))
                }
                for _ in 0..<random.below(9) {
                    group.pointee.deliver(
                        StreamTests.id(random.below(60)), to: consumer,
                        nowMs: Int64(random.below(1 << 40)))
                }
            }
        }
        return HeapNode.make(stream)
    }

    @Test func anyStreamComesBackTheSame() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = TestRandom(seed)
        let before = Heap.usedBytes
        for _ in 0..<300 {
            let stream = Self.random(&random)
            for type in [RDBType.stream2, RDBType.stream3] {
                for compress in [false, true] {
                    var out = ByteSink()
                    ValueCodec.encodeStream(stream, type, &out, compress)
                    let payload = Array(out.bytes)
                    let made = Self.again(type, payload)
                    #expect(made != nil, "seed \(seed)")
                    if !compress { #expect(made == payload, "seed \(seed)") }
                }
            }
            HeapNode.free(stream)
        }
        #expect(Heap.usedBytes == before)
    }

    /// Cut anywhere, any byte another: refused, or taken as a stream on which everything works.
    @Test func damagedBytesAreRefusedOrHarmless() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = TestRandom(seed)
        let before = Heap.usedBytes
        var taken = 0
        for round in 0..<60 {
            let stream = Self.random(&random)
            var out = ByteSink()
            ValueCodec.encodeStream(stream, RDBType.stream2, &out, false)
            let payload = Array(out.bytes)
            HeapNode.free(stream)
            for cut in 0..<payload.count {
                #expect(Self.again(RDBType.stream2, Array(payload[..<cut])) == nil)
            }
            for _ in 0..<400 {
                var bytes = payload
                for _ in 0..<1 + random.below(2) {
                    let at = random.below(bytes.count)
                    switch random.below(4) {
                    case 0: bytes[at] = UInt8(random.below(256))
                    case 1: bytes[at] ^= 1 << UInt8(random.below(8))
                    case 2: bytes[at] = [0, 0x80, 0x81, 0xF0, 0xF4, 0xFF][random.below(6)]
                    default: bytes.insert(UInt8(random.below(256)), at: at)
                    }
                }
                if Self.exercise(bytes, "seed \(seed), round \(round)") { taken += 1 }
            }
        }
        #expect(taken > 0)
        #expect(Heap.usedBytes == before)
    }

    /// Whether the bytes are taken; then every kind of change is made to the stream.
    private static func exercise(_ bytes: [UInt8], _ note: Comment) -> Bool {
        let value = bytes.withUnsafeBytes {
            ValueCodec.decode(type: RDBType.stream2, payload: $0, Configuration(), secret)
        }
        guard let value, case .pointer(let raw) = value.storage else { return false }
        let stream = raw.assumingMemoryBound(to: Stream.self)
        let items = StreamTests.items(stream.pointee)
        #expect(items.count == stream.pointee.length, note)
        #expect(StreamTests.items(stream.pointee, reversed: true) == items.reversed(), note)
        for item in items {
            #expect(StreamTests.items(stream.pointee, item.id, item.id) == [item], note)
        }
        let copy = HeapNode.make(stream.pointee.copy())
        if let next = stream.pointee.lastID.next {
            let limits = StreamLimits(nodeBytesMax: 300, nodeEntriesMax: 4)
            var model = StreamTests.Model()
            StreamTests.append(
                &stream.pointee, &model, next, [Array("f".utf8), Array("x".utf8)], limits)
            #expect(StreamTests.items(stream.pointee).count == items.count + 1, note)
        }
        for item in items.shuffled().prefix(items.count / 2) {
            let isDeleted = stream.pointee.delete(item.id)
            #expect(isDeleted, note)
        }
        _ = copy.pointee.trim(.length(items.count / 2), approximately: false, limit: 0)
        #expect(copy.pointee.length == Swift.min(items.count, items.count / 2), note)
        HeapNode.free(copy)
        while stream.pointee.removeSome(max: 3) > 0 {}
        value.destroy()
        return true
    }

    /// Lies that a byte changed by chance would hardly tell.
    @Test func liesAreRefused() {
        let payload = Array(Self.dumpOfRedis[1..<Self.dumpOfRedis.count - 10])
        func refuses(_ old: String, _ new: String, _ note: Comment) {
            let text = Hex.text(payload)
            guard let range = text.firstRange(of: old) else {
                Issue.record("\(old) is not there")
                return
            }
            let lie = Hex.bytes(text[..<range.lowerBound] + new + text[range.upperBound...])
            #expect(Self.again(RDBType.stream2, lie) == nil, note)
        }
        for (old, new, note) in StreamPayloads.lies {
            refuses(old, new, Comment(rawValue: note))
        }
    }
}
