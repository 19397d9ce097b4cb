import Testing

@testable import Engine

/// Pending entries beside a dictionary: who has what.
@Suite struct StreamGroupTests {
    private struct Pending: Equatable {
        var consumer: String
        var ms: Int64
        var count: UInt64
    }

    private static func consumer(
        _ group: StreamGroup.Node, _ name: String
    ) -> StreamConsumer.Node {
        Array(name.utf8).withUnsafeBytes {
            group.pointee.consumers.find($0) ?? group.pointee.createConsumer($0, seenMs: 1)
        }
    }

    private static func check(
        _ group: StreamGroup.Node, _ model: [StreamID: Pending], _ names: Set<String>,
        _ note: Comment
    ) {
        var found: [StreamID: Pending] = [:]
        group.pointee.pending.forEach {
            let entry = $0.node.pointee
            found[$0.id] = Pending(
                consumer: entry.consumer!.pointee.name.bytes.text, ms: entry.deliveredMs,
                count: entry.deliveryCount)
        }
        #expect(found == model, note)
        var seen: Set<String> = []
        group.pointee.consumers.forEach { consumer in
            let name = consumer.pointee.name.bytes.text
            seen.insert(name)
            var ids: [StreamID] = []
            consumer.pointee.pending.forEach { ids.append($0.id) }
            #expect(ids == model.filter { $0.value.consumer == name }.keys.sorted(), note)
        }
        #expect(seen == names, note)
    }

    @Test func agreesWithADictionary() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = TestRandom(seed)
        let before = Heap.usedBytes
        do {
            var stream = Stream()
            let group = Array("group".utf8).withUnsafeBytes {
                stream.createGroup($0, lastID: .zero, entriesRead: 0)
            }
            var model: [StreamID: Pending] = [:]
            var names: Set<String> = []
            for step in 0..<6000 {
                let note: Comment = "seed \(seed), step \(step)"
                let id = StreamID(ms: UInt64(random.below(40)), seq: UInt64(random.below(20)))
                let name = "c\(random.below(6))"
                switch random.below(12) {
                case 0...5:
                    group.pointee.deliver(
                        id, to: Self.consumer(group, name), nowMs: Int64(step))
                    names.insert(name)
                    model[id] = Pending(consumer: name, ms: Int64(step), count: 1)
                case 6, 7:
                    guard let entry = group.pointee.pending.find(id) else { continue }
                    group.pointee.assign(id, entry, to: Self.consumer(group, name))
                    names.insert(name)
                    model[id]?.consumer = name
                case 8...10:
                    let isThere = model.removeValue(forKey: id) != nil
                    #expect(group.pointee.acknowledge(id) == isThere, note)
                default:
                    guard random.below(12) == 0, names.contains(name) else { continue }
                    group.pointee.removeConsumer(Self.consumer(group, name))
                    names.remove(name)
                    model = model.filter { $0.value.consumer != name }
                }
                if step % 200 == 0 { Self.check(group, model, names, note) }
            }
            Self.check(group, model, names, "seed \(seed)")
            let copy = stream.copy()
            Self.check(copy.groups.last!, model, names, "copy, seed \(seed)")
            // In slices of every size, the group may go.
            var rest = stream.removeGroup(group)
            while rest.partCount > 0 {
                let most = 1 + random.below(9)
                let freed = rest.removeSome(max: most)
                #expect(freed > 0 && freed <= most + 1, "seed \(seed)")
            }
            let groups = stream.groups.count
            #expect(groups == 0)
        }
        #expect(Heap.usedBytes == before, "seed \(seed)")
    }

    /// The counters that the documentation of Redis 7.0 gives, and where they get lost.
    @Test func countsWhatIsReadAndLeft() {
        var stream = Stream()
        var model = StreamTests.Model()
        let limits = StreamLimits(nodeBytesMax: 4096, nodeEntriesMax: 100)
        let parts = [Array("a".utf8), Array("b".utf8)]
        let name = Array("g".utf8)
        let group = name.withUnsafeBytes {
            stream.createGroup($0, lastID: .zero, entriesRead: StreamGroup.entriesReadUnknown)
        }
        #expect(stream.lag(of: group) == 0)
        for number in 1...5 {
            StreamTests.append(&stream, &model, StreamTests.id(number), parts, limits)
        }
        // At the very beginning the distance is known, whatever the counter says.
        #expect(stream.lag(of: group) == 5)
        stream.advance(group, to: StreamTests.id(1))
        #expect(group.pointee.entriesRead == 1)
        #expect(stream.lag(of: group) == 4)
        stream.advance(group, to: StreamTests.id(2))
        #expect(group.pointee.entriesRead == 2)
        #expect(stream.lag(of: group) == 3)
        // A hole before it is no matter, one behind it is.
        let first = stream.delete(StreamTests.id(2))
        #expect(first)
        #expect(stream.lag(of: group) == nil)
        stream.advance(group, to: StreamTests.id(3))
        #expect(group.pointee.entriesRead == 3)
        #expect(stream.lag(of: group) == 2)
        let second = stream.delete(StreamTests.id(4))
        #expect(second)
        #expect(stream.lag(of: group) == nil)
        stream.advance(group, to: StreamTests.id(5))
        // Redis 7.0 goes on counting over the hole.
        #expect(group.pointee.entriesRead == 4)
        #expect(stream.lag(of: group) == 1)
    }
}
