import Testing

@testable import Engine

/// A sorted set and its model: a dictionary, and the order that follows from it.
struct SetUnderTest: ~Copyable {
    var set = SortedSet(secret: HashSecret(k0: 5, k1: 6))
    var model: [[UInt8]: Double] = [:]

    mutating func add(_ member: [UInt8], _ score: Double) {
        let change = member.withUnsafeBytes { set.add($0, score) }
        switch model.updateValue(score, forKey: member) {
        case nil: #expect(change == .added)
        case score: #expect(change == .unchanged)
        default: #expect(change == .updated)
        }
    }

    mutating func remove(_ member: [UInt8]) {
        let score = member.withUnsafeBytes { set.remove($0) }
        #expect(score == model.removeValue(forKey: member))
    }

    static func isBefore(_ a: (m: [UInt8], s: Double), _ b: (m: [UInt8], s: Double)) -> Bool {
        a.s != b.s ? a.s < b.s : a.m.lexicographicallyPrecedes(b.m)
    }

    func check(_ random: inout SeededRandom, _ comment: Comment) {
        let sorted = model.map { (m: $0, s: $1) }.sorted(by: Self.isBefore)
        #expect(set.count == sorted.count && set.tree.count == sorted.count, comment)
        checkTree(set.tree, comment)
        var listed: [(m: [UInt8], s: Double)] = []
        set.forEach { listed.append((Array($0), $1)) }
        #expect(listed.elementsEqual(sorted, by: ==), comment)
        var backwards: [(m: [UInt8], s: Double)] = []
        set.visit(0..<set.count, reversed: true) { backwards.append((Array($0), $1)) }
        #expect(backwards.elementsEqual(sorted.reversed(), by: ==), comment)
        for _ in 0..<30 where !sorted.isEmpty {
            let i = Int.random(in: 0..<sorted.count, using: &random)
            let rank = sorted[i].m.withUnsafeBytes { set.rank(of: $0) }
            #expect(rank == i, comment)
            let element = set.element(at: i)
            #expect(Array(element.member) == sorted[i].m && element.score == sorted[i].s, comment)
            let score = sorted[i].m.withUnsafeBytes { set.score(of: $0) }
            #expect(score == sorted[i].s, comment)
            // Ranges by score, with bounds on and beside members.
            let j = Int.random(in: 0..<sorted.count, using: &random)
            let a = sorted[i].s + [0, 0.5, -.infinity].randomElement(using: &random)!
            let b = sorted[j].s + [0, -0.5, .infinity].randomElement(using: &random)!
            if a.isNaN || b.isNaN { continue }
            let openA = Bool.random(using: &random)
            let openB = Bool.random(using: &random)
            let ranks = set.ranks(
                from: openA ? .exclusive(a) : .inclusive(a),
                to: openB ? .exclusive(b) : .inclusive(b))
            let wanted = sorted.indices.filter {
                (openA ? sorted[$0].s > a : sorted[$0].s >= a)
                    && (openB ? sorted[$0].s < b : sorted[$0].s <= b)
            }
            #expect(Array(ranks) == wanted, comment)
        }
    }

    /// Counts, first items, links and sizes of every node.
    func checkTree(_ tree: borrowing OrderTree, _ comment: Comment) {
        var leaves: [OrderLeaf] = []
        var bytes = 0
        func walk(_ node: UnsafeMutableRawPointer, _ level: Int) -> (OrderItem, Int) {
            if level == 0 {
                let leaf = OrderLeaf(raw: node)
                leaves.append(leaf)
                bytes += Heap.footprint(leaf.byteCount)
                if leaf.count == 0 || leaf.count > leaf.capacity { Issue.record(comment) }
                return (leaf.items[0], leaf.count)
            }
            let inner = OrderInner(raw: node)
            bytes += Heap.footprint(OrderInner.byteCount)
            if inner.count == 0 || inner.count > OrderInner.capacity { Issue.record(comment) }
            var total = 0
            for i in 0..<inner.count {
                let (first, number) = walk(inner.children[i], level - 1)
                if first != inner.item(i) || number != inner.totals[i] { Issue.record(comment) }
                total += number
            }
            return (inner.item(0), total)
        }
        if let root = tree.root {
            #expect(walk(root, tree.height).1 == tree.count, comment)
            #expect(tree.lastLeaf == leaves.last, comment)
            for (i, leaf) in leaves.enumerated() {
                let next = i + 1 < leaves.count ? leaves[i + 1] : nil
                let previous = i > 0 ? leaves[i - 1] : nil
                if leaf.next != next || leaf.previous != previous { Issue.record(comment) }
            }
        }
        #expect(bytes == tree.memoryBytes, comment)
    }
}

@Suite struct SortedSetTests {
    static func member(_ number: Int) -> [UInt8] { Array("m\(number)".utf8) }

    @Test(arguments: [1, 30, 100_000]) func agreesWithAModel(_ scores: Int) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed)
        let before = Heap.usedBytes
        do {
            var under = SetUnderTest()
            for round in 0..<8 {
                let comment: Comment = "scores \(scores) seed \(seed) round \(round)"
                let growing = [0.9, 0.9, 0.3, 0.1, 0.95, 0.5, 0.02, 0.0][round]
                for _ in 0..<2500 {
                    let member = Self.member(Int.random(in: 0..<6000, using: &random))
                    if Double.random(in: 0..<1, using: &random) < growing {
                        var score = Double(Int.random(in: -scores...scores, using: &random)) / 2
                        if Int.random(in: 0..<50, using: &random) == 0 {
                            score = [.infinity, -.infinity, -0.0, 0][Int(random.next() & 3)]
                        }
                        if let old = under.model[member], Bool.random(using: &random) {
                            score = old.isFinite ? old + 0.25 : 0
                        }
                        under.add(member, score)
                    } else if let any = under.model.keys.first {
                        under.remove(Bool.random(using: &random) ? any : member)
                    }
                }
                under.check(&random, comment)
                #expect(under.set.memoryBytes == Heap.usedBytes - before, comment)
                // Remove a range of ranks.
                let count = under.set.count
                let low = Int.random(in: 0...count, using: &random)
                let high = Int.random(in: low...min(count, low + 700), using: &random)
                var gone: [[UInt8]] = []
                under.set.removeRange(low..<high) { member, _ in gone.append(Array(member)) }
                #expect(gone.count == high - low)
                for member in gone { #expect(under.model.removeValue(forKey: member) != nil) }
                under.check(&random, comment)
            }
        }
        #expect(Heap.usedBytes == before)
    }

    @Test func popsComeInOrder() {
        var random = SeededRandom(3)
        var under = SetUnderTest()
        for i in 0..<500 { under.add(Self.member(i), Double(random.next() % 50)) }
        var low = -1.0
        var high = 51.0
        while under.set.count > 0 {
            under.set.popMin { _, score in
                #expect(score >= low)
                low = score
            }
            under.set.popMax { _, score in
                #expect(score <= high)
                high = score
            }
        }
        let popped = under.set.popMin { _, _ in }
        #expect(low <= high && !popped)
    }

    @Test func lexRangesHaveAllBounds() {
        var set = SortedSet(secret: HashSecret(k0: 5, k1: 6))
        let members = (0..<300).map { "k" + String(1000 + $0 * 2) }
        for member in members.shuffled() {
            Array(member.utf8).withUnsafeBytes { _ = set.add($0, 0) }
        }
        func ranks(_ a: String, _ b: String) -> Range<Int> {
            Array(a.utf8).withUnsafeBytes { a in
                Array(b.utf8).withUnsafeBytes { b in
                    func bound(_ text: Bytes) -> LexBound {
                        switch text[0] {
                        case UInt8(ascii: "-"): .minimum
                        case UInt8(ascii: "+"): .maximum
                        case UInt8(ascii: "["): .inclusive(text.slice(1, text.count - 1))
                        default: .exclusive(text.slice(1, text.count - 1))
                        }
                    }
                    return set.ranks(from: bound(a), to: bound(b))
                }
            }
        }
        #expect(ranks("-", "+") == 0..<300)
        #expect(ranks("[k1010", "[k1020") == 5..<11)
        #expect(ranks("(k1010", "(k1020") == 6..<10)
        #expect(ranks("[k1011", "[k1019") == 6..<10)
        #expect(ranks("(k1011", "(k1019") == 6..<10)
        #expect(ranks("-", "(k1002") == 0..<1)
        #expect(ranks("[k1598", "+") == 299..<300)
        #expect(ranks("(k1598", "+").isEmpty)
        #expect(ranks("+", "-").isEmpty)
        #expect(ranks("[k1020", "[k1010").isEmpty)
        #expect(ranks("[", "[k") == 0..<0)
    }

    @Test func negativeZeroKeepsItsSignAndItsPlace() {
        var under = SetUnderTest()
        under.add([2], -0.0)
        under.add([1], 0.0)
        let rank = [2 as UInt8].withUnsafeBytes { under.set.rank(of: $0) }
        #expect(rank == 1)
        #expect(under.set.element(at: 1).score.sign == .minus)
        #expect(under.set.ranks(from: .inclusive(0), to: .inclusive(-0.0)) == 0..<2)
        #expect(under.set.ranks(from: .exclusive(-0.0), to: .inclusive(1)).isEmpty)
    }

    @Test func copiesAreDeepAndSetsFreeInSlices() {
        var random = SeededRandom(9)
        let before = Heap.usedBytes
        do {
            var under = SetUnderTest()
            for i in 0..<4000 { under.add(Self.member(i), Double(i % 777)) }
            var copy = SetUnderTest()
            copy.set = under.set.copy()
            copy.model = under.model
            while under.set.removeSome(max: 333) > 0 {}
            #expect(under.set.count == 0 && under.set.memoryBytes == 0)
            copy.check(&random, "copy")
            var walked = 0
            var position: UInt64? = 0
            while let at = position {
                position = copy.set.visit(from: at, atLeast: 10) { _, _ in walked += 1 }
            }
            #expect(walked == 4000)
        }
        #expect(Heap.usedBytes == before)
    }

    @Test func sortedInputPacksDensely() {
        var under = SetUnderTest()
        for i in 0..<20000 { under.add(Self.member(i), Double(i)) }
        #expect(Double(under.set.tree.memoryBytes) / 20000 < 17.5)
        var random = SeededRandom(1)
        under.check(&random, "ascending")
    }
}

@Suite struct ExpiryIndexTests {
    @Test func agreesWithASortedArray() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed)
        let before = Heap.usedBytes
        do {
            var index = ExpiryIndex()
            var model: [(Int64, UInt64)] = []
            var now: Int64 = 1000
            for step in 0..<6000 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<6:
                    let time = now + Int64.random(in: -5...500, using: &random)
                    let hash = random.next() & 3
                    index.insert(time, hash)
                    model.append((time, hash))
                case 6..<8:
                    let i = Int.random(in: 0...model.count, using: &random)
                    let pair = i < model.count ? model.remove(at: i) : (7, 7)
                    let removed = index.remove(pair.0, pair.1)
                    #expect(removed == (pair != (7, 7)), "seed \(seed)")
                default:
                    now += Int64.random(in: 0..<10, using: &random)
                    let max = Int.random(in: 0..<9, using: &random)
                    model.sort { $0 < $1 }
                    let expected = model.prefix { $0.0 <= now }.prefix(max)
                    var popped: [(Int64, UInt64)] = []
                    let number = index.popDue(nowMs: now, max: max) { popped.append(($0, $1)) }
                    #expect(popped.elementsEqual(expected, by: ==), "seed \(seed)")
                    #expect(number == popped.count)
                    model.removeFirst(popped.count)
                }
                #expect(index.count == model.count)
                if step % 100 == 0, !model.isEmpty {
                    let first = index.first!
                    #expect((first.timeMs, first.hash) == model.min { $0 < $1 }!, "seed \(seed)")
                    #expect(index.averageMs == model.reduce(0) { $0 + $1.0 } / Int64(model.count))
                }
            }
            let taken = index.removeSome(max: 5)
            #expect(taken == 5 && index.count == model.count - 5)
        }
        #expect(Heap.usedBytes == before)
    }

    @Test func extremesOrder() {
        var index = ExpiryIndex()
        for time in [0, Int64.max, -1, Int64.min, 1] { index.insert(time, 1) }
        var times: [Int64] = []
        index.popDue(nowMs: .max, max: 9) { time, _ in times.append(time) }
        #expect(times == [.min, -1, 0, 1, .max])
        #expect(index.first == nil && index.averageMs == nil)
    }

    @Test func costsLittleOverSixteenBytes() {
        for shuffle in [0, 5000, 1_000_000] {
            var random = SeededRandom(4)
            var index = ExpiryIndex()
            for i in 0..<20000 as Range<Int64> {
                let jitter = Int64.random(in: 0...Int64(shuffle), using: &random)
                index.insert(i + jitter, random.next())
            }
            #expect(Double(index.memoryBytes) / 20000 < 22, "shuffle \(shuffle)")
        }
    }
}
