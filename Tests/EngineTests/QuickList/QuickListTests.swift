import Testing

@testable import Engine

@Suite(.serialized) struct QuickListTests {
    private func lend<R>(_ array: [UInt8], _ body: (Bytes) -> R) -> R {
        array.withUnsafeBytes(body)
    }

    private func items(_ list: borrowing QuickList) -> [[UInt8]] {
        var found: [[UInt8]] = []
        list.forEach { found.append(Array($0)) }
        return found
    }

    /// Everything that must hold for a list with this content.
    private func check(
        _ list: borrowing QuickList, _ model: [[UInt8]], _ limit: Int, _ context: String = ""
    ) {
        let count = list.count
        #expect(count == model.count, "\(context)")
        let found = items(list)
        #expect(found == model, "\(context)")
        var elements = 0
        list.forEachNode { kind, bytes in
            if kind == .plain {
                elements += 1
            } else {
                #expect(ListPack.validate(bytes, deep: true), "\(context)")
                let pack = ListPack(reading: bytes)
                #expect(!pack.isEmpty, "\(context)")
                #expect(
                    QuickListLimit(limit).allows(bytes: bytes.count - 16, count: pack.count),
                    "\(context)")
                elements += pack.count
            }
        }
        #expect(elements == model.count, "\(context)")
        for i in 0..<list.ring.count {
            let node = list.ring[i]
            #expect(node.isPlain ? node.count == 1 : node.count == node.pack.count)
        }
    }

    private func item(_ random: inout TestRandom) -> [UInt8] {
        switch random.below(12) {
        case 0: return [UInt8](repeating: 0x70, count: 4000 + random.below(10000))
        case 1: return [UInt8](repeating: UInt8(random.below(256)), count: random.below(700))
        case 2, 3: return Array(String(Int64(bitPattern: random.next()) >> 20).utf8)
        default: return [UInt8(97 + random.below(5))]
        }
    }

    @Test func model() {
        let used = Heap.usedBytes
        for round in 0..<90 {
            let seed = UInt64(round) &* 31337 &+ 5
            let limit = [-1, -2, 1, 2, 3, 5, 128, -5, 0][round % 9]
            let context = "seed \(seed), limit \(limit)"
            var random = TestRandom(seed)
            var list = QuickList()
            var model: [[UInt8]] = []
            for _ in 0..<150 {
                let value = item(&random)
                step(&list, &model, value, limit, &random, context)
                let count = list.count
                if count != model.count { Issue.record("\(context)") }
            }
            check(list, model, limit, context)
            reads(list, model, &random, context)
            var copied = list.copy()
            check(copied, model, limit, context)
            let gone = copied.remove(0, equalTo: Bytes(start: nil, count: 0))
            #expect(gone == model.filter(\.isEmpty).count)
            var slices = 0
            while !copied.dropNodes(max: 3) { slices += 1 }
            #expect(slices <= list.nodeCount / 3 + 1)
            check(copied, [], limit, context)
        }
        #expect(Heap.usedBytes == used)
    }

    private func step(
        _ list: inout QuickList, _ model: inout [[UInt8]], _ value: [UInt8], _ limit: Int,
        _ random: inout TestRandom, _ context: String
    ) {
        let at = model.isEmpty ? 0 : random.below(model.count)
        switch random.below(15) {
        case 0, 1, 2:
            lend(value) { list.pushBack($0, limit: limit) }
            model.append(value)
        case 3, 4, 5:
            lend(value) { list.pushFront($0, limit: limit) }
            model.insert(value, at: 0)
        case 6:
            let popped = list.popFront { Array($0) }
            #expect(popped == (model.isEmpty ? nil : model.removeFirst()), "\(context)")
        case 7:
            let popped = list.popBack { Array($0) }
            #expect(popped == model.popLast(), "\(context)")
        case 8, 9:
            let index = random.below(2) == 0 ? at : at - model.count
            let done = lend(value) { list.set(index, $0, limit: limit) }
            #expect(done == !model.isEmpty, "\(context)")
            if done { model[at] = value }
        case 10:
            lend(value) { list.insert($0, at: at, limit: limit) }
            model.insert(value, at: at)
        case 11, 12:
            let pivot = model.isEmpty || random.below(8) == 0 ? [0x7A] : model[at]
            let after = random.below(2) == 0
            let done = lend(value) { new in
                lend(pivot) { list.insert(new, pivot: $0, after: after, limit: limit) }
            }
            let found = model.firstIndex(of: pivot)
            #expect(done == (found != nil), "\(context)")
            if let found { model.insert(value, at: after ? found + 1 : found) }
        case 13:
            let count = random.below(7) - 3
            let value = model.isEmpty ? value : model[at]
            let gone = lend(value) { list.remove(count, equalTo: $0) }
            var indices = model.indices.filter { model[$0] == value }
            if count > 0 { indices = Array(indices.prefix(count)) }
            if count < 0 { indices = Array(indices.suffix(-count)) }
            #expect(gone == indices.count, "\(context)")
            for index in indices.reversed() { model.remove(at: index) }
        default:
            let count = random.below(6)
            list.removeRange(at, count)
            model.removeSubrange(at..<Swift.min(model.count, at + count))
        }
    }

    private func reads(
        _ list: borrowing QuickList, _ model: [[UInt8]], _ random: inout TestRandom,
        _ context: String
    ) {
        for index in (-model.count - 2)..<(model.count + 2) {
            let found = list.withElement(at: index) { Array($0) }
            let wanted = index < 0 ? index + model.count : index
            #expect(found == (model.indices.contains(wanted) ? model[wanted] : nil))
        }
        for _ in 0..<20 where !model.isEmpty {
            let start = random.below(model.count)
            let count = random.below(model.count + 2)
            var forward: [[UInt8]] = []
            list.forEach(from: start, count: count) { forward.append(Array($0)) }
            #expect(forward == Array(model[start...].prefix(count)), "\(context)")
            var backward: [[UInt8]] = []
            list.forEachReversed(from: start, count: count) { backward.append(Array($0)) }
            #expect(backward == Array(model[...start].reversed().prefix(count)), "\(context)")
            positions(list, model, model[start], &random, context)
        }
    }

    private func positions(
        _ list: borrowing QuickList, _ model: [[UInt8]], _ value: [UInt8],
        _ random: inout TestRandom, _ context: String
    ) {
        let rank = (1 + random.below(3)) * (random.below(2) == 0 ? 1 : -1)
        let limit = random.below(4)
        let most = random.below(2) == 0 ? 0 : random.below(20)
        var order = Array(model.indices)
        if rank < 0 { order.reverse() }
        if most > 0 { order = Array(order.prefix(most)) }
        var expected = order.filter { model[$0] == value }.dropFirst(abs(rank) - 1)
        if limit > 0 { expected = expected.prefix(limit) }
        var found: [Int] = []
        value.withUnsafeBytes {
            list.positions(of: $0, rank: rank, limit: limit, comparisonsMax: most) {
                found.append($0)
            }
        }
        #expect(found == Array(expected), "\(context) rank \(rank) limit \(limit) max \(most)")
    }

    @Test func nodesHonourTheLimit() {
        func nodes(_ limit: Int, _ size: Int, _ count: Int) -> Int {
            var list = QuickList()
            let value = [UInt8](repeating: 0x61, count: size)
            for _ in 0..<count { lend(value) { list.pushBack($0, limit: limit) } }
            return list.nodeCount
        }
        #expect(nodes(128, 10, 1280) == 10)
        #expect(nodes(1, 10, 7) == 7)
        #expect(nodes(0, 10, 7) == 7)
        #expect(nodes(1000, 1000, 80) == 10)  // 8 KiB bound
        #expect(nodes(-2, 1000, 80) == 10)
        #expect(nodes(-1, 1000, 80) == 20)
        #expect(nodes(-5, 1000, 130) == 2)
        #expect(nodes(-9, 1000, 130) == 2)
        #expect(nodes(-2, 9000, 3) == 3)
    }

    @Test func largeElementsArePlain() {
        var list = QuickList()
        let large = [UInt8](repeating: 0x61, count: 9000)
        lend([1]) { list.pushBack($0, limit: -2) }
        lend(large) { list.pushBack($0, limit: -2) }
        lend([2]) { list.pushBack($0, limit: -2) }
        var kinds: [UInt8] = []
        list.forEachNode { kind, _ in kinds.append(kind.rawValue) }
        #expect(kinds == [2, 1, 2])
        var loaded = QuickList()
        list.forEachNode { kind, bytes in
            if kind == .plain {
                loaded.appendPlainNode(bytes)
            } else {
                loaded.appendNode(ListPack.copy(bytes))
            }
        }
        loaded.appendNode(ListPack.create())
        check(loaded, [[1], large, [2]], -2)
    }

    @Test func pointerIsAccounted() {
        let used = Heap.usedBytes
        let list = QuickList.make()
        for i in 0..<5000 {
            Numbers.withFormatted(Int64(i * 77777)) { list.pointee.pushBack($0, limit: -2) }
        }
        let expected = list.pointee.memoryBytes + Heap.footprint(MemoryLayout<QuickList>.size)
        #expect(Heap.usedBytes - used == expected)
        QuickList.destroy(list)
        #expect(Heap.usedBytes == used)
    }
}
