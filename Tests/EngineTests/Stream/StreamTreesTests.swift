import Testing

@testable import Engine

/// The trees under streams beside sorted arrays: adding, removing, ranges, walks, in thousands of
/// steps that split and merge nodes on every level.
@Suite struct StreamTreesTests {
    private typealias Entries = IDTree<PendingEntry>

    private static func make(_ id: StreamID) -> PendingEntry.Node {
        HeapNode.make(
            PendingEntry(seq: id.seq, deliveredMs: 0, deliveryCount: 0, consumer: nil))
    }

    private static func check(
        _ tree: borrowing Entries, _ model: [StreamID], _ random: inout TestRandom,
        _ seed: UInt64
    ) {
        #expect(tree.count == model.count, "seed \(seed)")
        let ends = (tree.first?.id, tree.last?.id)
        #expect(ends == (model.first, model.last), "seed \(seed)")
        var walked: [StreamID] = []
        tree.forEach { walked.append($0.id) }
        #expect(walked == model, "seed \(seed)")
        let probe = id(&random, 60)
        let below = model.filter { $0 < probe }.count
        #expect(tree.rank(before: probe) == below, "seed \(seed)")
        #expect(tree.rank(through: probe) == model.filter { $0 <= probe }.count)
        let isFound = tree.find(probe) != nil
        #expect(isFound == model.contains(probe), "seed \(seed)")
        let other = id(&random, 60)
        let ranks = tree.ranks(probe, other)
        #expect(
            ranks.count == model.filter { $0 >= probe && $0 <= other }.count, "seed \(seed)")
        var back: [StreamID] = []
        tree.visit(ranks, reversed: true) {
            back.append($0.id)
            return back.count < 7
        }
        #expect(back == Array(model[ranks].reversed().prefix(7)), "seed \(seed)")
    }

    /// IDs of few milliseconds and few numbers in them, so that halves often are equal.
    private static func id(_ random: inout TestRandom, _ span: Int) -> StreamID {
        StreamID(ms: UInt64(random.below(span)), seq: UInt64(random.below(span)))
    }

    @Test(arguments: 0..<6) func idsAgreeWithAnArray(round: Int) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = TestRandom(seed)
        let before = Heap.usedBytes
        do {
            var tree = Entries()
            var model: [StreamID] = []
            for step in 0..<3000 {
                // In turn more comes than goes and the other way round.
                let grows = (step / 500 + round) % 2 == 0
                let id = Self.id(&random, 60)
                switch random.below(20) {
                case 0:
                    let first = random.below(model.count + 1)
                    let last = Swift.min(model.count, first + random.below(150))
                    var taken: [StreamID] = []
                    tree.remove(first..<last) {
                        taken.append($0.id)
                        HeapNode.free($0.node)
                    }
                    #expect(taken == Array(model[first..<last]), "seed \(seed)")
                    model.removeSubrange(first..<last)
                case 1...(grows ? 4 : 14):
                    let node = tree.remove(id)
                    let place = model.firstIndex(of: id)
                    #expect((node != nil) == (place != nil), "seed \(seed)")
                    if let place { model.remove(at: place) }
                    if let node { HeapNode.free(node) }
                default:
                    let node = Self.make(id)
                    let place = model.firstIndex { $0 >= id } ?? model.count
                    let isNew = place == model.count || model[place] != id
                    let isAdded = tree.insert(id, node)
                    #expect(isAdded == isNew, "seed \(seed)")
                    if isNew { model.insert(id, at: place) } else { HeapNode.free(node) }
                }
                if step % 50 == 0 { Self.check(tree, model, &random, seed) }
            }
            Self.check(tree, model, &random, seed)
            tree.forEach { HeapNode.free($0.node) }
        }
        #expect(Heap.usedBytes == before, "seed \(seed)")
    }

    @Test func ascendingIDsAreCutFromTheFront() {
        let before = Heap.usedBytes
        do {
            var tree = Entries()
            for number in 1...20_000 {
                let id = StreamID(ms: UInt64(number / 3), seq: UInt64(number % 3))
                let isNew = tree.insert(id, Self.make(id))
                #expect(isNew)
            }
            var left = 20_000
            while left > 0 {
                let count = Swift.min(left, 1 + left / 7)
                tree.remove(0..<count) { HeapNode.free($0.node) }
                left -= count
                #expect(tree.count == left)
                let number = 20_001 - left
                let first = StreamID(ms: UInt64(number / 3), seq: UInt64(number % 3))
                if left > 0 { #expect(tree.first?.id == first) }
            }
        }
        #expect(Heap.usedBytes == before)
    }

    @Test func namesAgreeWithAnArray() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = TestRandom(seed)
        let before = Heap.usedBytes
        do {
            var tree = NameTree<StreamConsumer>()
            var model: [[UInt8]] = []
            for step in 0..<4000 {
                // Many share their first eight bytes; some are empty, or end in zeros.
                var name = Array("consumer".utf8.prefix(random.below(9)))
                for _ in 0..<random.below(4) { name.append(UInt8(random.below(3)) * 97) }
                let found = name.withUnsafeBytes { tree.find($0) }
                let isThere = model.contains(name)
                #expect((found != nil) == isThere, "seed \(seed)")
                if let found {
                    #expect(Array(found.pointee.name.bytes) == name, "seed \(seed)")
                    if random.below(2) == 0 {
                        tree.remove(found)
                        HeapNode.free(found)
                        model.removeAll { $0 == name }
                    }
                } else {
                    name.withUnsafeBytes {
                        tree.insert(HeapNode.make(StreamConsumer($0, seenMs: 0)))
                    }
                    model.append(name)
                }
                if step % 100 != 0 { continue }
                var walked: [[UInt8]] = []
                tree.forEach { walked.append(Array($0.pointee.name.bytes)) }
                model.sort { $0.lexicographicallyPrecedes($1) }
                #expect(walked == model, "seed \(seed)")
            }
            tree.forEach { HeapNode.free($0) }
        }
        #expect(Heap.usedBytes == before)
    }
}
