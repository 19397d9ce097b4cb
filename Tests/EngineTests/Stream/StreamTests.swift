import Testing

@testable import Engine

/// A stream beside an array of entries.
@Suite struct StreamTests {
    struct Model {
        struct Item: Equatable {
            var id: StreamID
            var parts: [[UInt8]]
        }
        var items: [Item] = []
        var last = StreamID.zero
        var added: UInt64 = 0
        var maxDeleted = StreamID.zero
    }

    static func id(_ number: Int) -> StreamID {
        StreamID(ms: UInt64(number / 4), seq: UInt64(number % 4))
    }

    static func append(
        _ stream: inout Stream, _ model: inout Model, _ id: StreamID,
        _ parts: [[UInt8]], _ limits: StreamLimits
    ) {
        let flat = parts.flatMap { $0 }
        var offsets: [Int] = [0]
        for part in parts { offsets.append(offsets.last! + part.count) }
        flat.withUnsafeBytes { bytes in
            stream.append(id, fieldCount: parts.count / 2, limits) {
                bytes.slice(offsets[$0], offsets[$0 + 1] - offsets[$0])
            }
        }
        model.items.append(.init(id: id, parts: parts))
        model.last = id
        model.added += 1
    }

    static func items(
        _ stream: borrowing Stream, _ first: StreamID = .zero,
        _ last: StreamID = .max, reversed: Bool = false, most: Int = .max
    ) -> [Model.Item] {
        var found: [Model.Item] = []
        stream.visit(first, last, reversed: reversed) { entry in
            var parts: [[UInt8]] = []
            entry.forEach { field, value in
                field.withBytes { parts.append(Array($0)) }
                value.withBytes { parts.append(Array($0)) }
            }
            found.append(.init(id: entry.id, parts: parts))
            return found.count < most
        }
        return found
    }

    static func check(_ stream: borrowing Stream, _ model: Model, _ note: Comment) {
        #expect(items(stream) == model.items, note)
        #expect(items(stream, reversed: true) == model.items.reversed(), note)
        #expect(stream.length == model.items.count, note)
        let ever = (stream.lastID, stream.entriesAdded)
        #expect(ever == (model.last, model.added), note)
        #expect(stream.firstID == model.items.first?.id ?? .zero, note)
        #expect(stream.edge(last: true) == model.items.last?.id, note)
        #expect(stream.maxDeletedID == model.maxDeleted, note)
        stream.nodes.forEach { found in
            let pack = Stream.pack(found)
            let contents = StreamPack.validate(pack.pack.bytes, found.id)
            #expect(contents != nil && contents?.liveCount == pack.liveCount, note)
        }
    }

    private static func parts(_ random: inout TestRandom) -> [[UInt8]] {
        let shape = random.below(10)
        let names = shape < 6 ? ["name", "17"] : shape < 8 ? ["name"] : ["x", "", "name"]
        return names.flatMap { name -> [[UInt8]] in
            var value = Array("\(random.below(100_000) - 50_000)".utf8)
            if random.below(3) == 0 { value = [UInt8](repeating: 7, count: random.below(90)) }
            return [Array(name.utf8), value]
        }
    }

    /// What an exact or approximate trim may leave.
    private static func trim(
        _ stream: inout Stream, _ model: inout Model, _ random: inout TestRandom, _ next: Int,
        _ note: Comment
    ) {
        let isExact = random.below(2) == 0
        let before = model.items.count
        if random.below(2) == 0 {
            let wanted = random.below(before + 5)
            let removed = stream.trim(.length(wanted), approximately: !isExact, limit: 0)
            #expect(removed <= Swift.max(0, before - wanted), note)
            if isExact { #expect(removed == Swift.max(0, before - wanted), note) }
            model.items.removeFirst(removed)
        } else {
            let first = id(random.below(next + 3))
            let removed = stream.trim(.id(first), approximately: !isExact, limit: 0)
            let most = model.items.filter { $0.id < first }.count
            #expect(removed <= most && (!isExact || removed == most), note)
            model.items.removeFirst(removed)
        }
    }

    @Test(arguments: [1, 2, 3, 7, 100, 0]) func agreesWithAnArray(entriesMax: Int) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = TestRandom(seed)
        let before = Heap.usedBytes
        let limits = StreamLimits(
            nodeBytesMax: entriesMax == 0 ? 500 : 4096, nodeEntriesMax: entriesMax)
        do {
            var stream = Stream()
            var model = Model()
            var next = 1
            for step in 0..<2500 {
                let note: Comment = "seed \(seed), step \(step), \(entriesMax) entries a node"
                switch random.below(step < 1500 ? 40 : 20) {
                case 0: Self.trim(&stream, &model, &random, next, note)
                case 1...8:
                    // One that is there, mostly.
                    var id = Self.id(random.below(next + 2))
                    if let item = model.items.randomElement(using: &random),
                        random.below(5) > 0
                    {
                        id = item.id
                    }
                    let place = model.items.firstIndex { $0.id == id }
                    let (isThere, isDeleted) = (stream.contains(id), stream.delete(id))
                    #expect(isThere == (place != nil) && isDeleted == isThere, note)
                    if let place {
                        model.items.remove(at: place)
                        model.maxDeleted = Swift.max(model.maxDeleted, id)
                    }
                default:
                    next += 1 + random.below(3)
                    Self.append(
                        &stream, &model, Self.id(next), Self.parts(&random), limits)
                }
                if step % 25 == 0 { Self.check(stream, model, note) }
                let (low, high) = (Self.id(random.below(next + 4)), Self.id(random.below(next + 4)))
                let within = model.items.filter { $0.id >= low && $0.id <= high }
                #expect(Self.items(stream, low, high, most: 3) == Array(within.prefix(3)), note)
                #expect(
                    Self.items(stream, low, high, reversed: true, most: 3)
                        == Array(within.reversed().prefix(3)), note)
            }
            Self.check(stream, model, "seed \(seed)")
            #expect(stream.memoryBytes == Heap.usedBytes - before, "seed \(seed)")
            let copy = stream.copy()
            while stream.removeSome(max: 10) > 0 {}
            #expect(stream.partCount == 0)
            Self.check(copy, model, "seed \(seed)")
        }
        #expect(Heap.usedBytes == before, "seed \(seed)")
    }

    /// As in Redis: the last entry of a node was deleted, the rest is trimmed away, the ID is set
    /// back, and what is added then lies before what was.
    @Test func nodesWithoutLifeGoWhenTheyStandInTheWay() {
        var stream = Stream()
        var model = Model()
        let limits = StreamLimits(nodeBytesMax: 4096, nodeEntriesMax: 100)
        let parts = [Array("a".utf8), Array("b".utf8)]
        for number in [8, 12, 16] {
            Self.append(&stream, &model, Self.id(number), parts, limits)
        }
        let isDeleted = stream.delete(Self.id(16))
        let trimmed = stream.trim(.id(Self.id(16)), approximately: false, limit: 0)
        #expect(isDeleted && trimmed == 2)
        let left = (stream.length, stream.nodes.count)
        #expect(left == (0, 1))
        stream.lastID = Self.id(4)
        model.items = []
        Self.append(&stream, &model, Self.id(6), parts, limits)
        model.maxDeleted = Self.id(16)
        Self.check(stream, model, "set back")
        #expect(stream.nodes.count == 1)
    }
}
