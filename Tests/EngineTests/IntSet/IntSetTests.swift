import Testing

@testable import Engine

@Suite(.serialized) struct IntSetTests {
    private func check(_ set: IntSet, _ model: Set<Int64>, _ seed: UInt64) {
        var found: [Int64] = []
        set.forEach { found.append($0) }
        #expect(found == model.sorted(), "seed \(seed)")
        #expect(set.count == model.count)
        #expect(model.isEmpty || IntSet.validate(set.bytes, deep: true))
    }

    @Test func golden() {
        var set = IntSet.create()
        defer { set.destroy() }
        #expect(Array(set.bytes) == [2, 0, 0, 0, 0, 0, 0, 0])
        let done1 = set.add(1)
        #expect(done1)
        let done2 = set.add(-5)
        #expect(done2)
        let done3 = set.add(1)
        #expect(!done3)
        #expect(Array(set.bytes) == [2, 0, 0, 0, 2, 0, 0, 0, 0xFB, 0xFF, 1, 0])
        let done4 = set.add(70000)
        #expect(done4)
        #expect(
            Array(set.bytes) == [
                4, 0, 0, 0, 3, 0, 0, 0, 0xFB, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0, 0x70, 0x11, 1, 0,
            ])
        let done5 = set.remove(70000)
        #expect(done5)
        #expect(set.width == 4)
        let done6 = set.add(.min)
        #expect(done6)
        #expect(set.width == 8)
        #expect(set.bounds == (.min, 1))
    }

    @Test func model() {
        let used = Heap.usedBytes
        for round in 0..<60 {
            let seed = UInt64(round) &* 104729 &+ 3
            var random = TestRandom(seed)
            var set = IntSet.create()
            var model = Set<Int64>()
            let widths = [[56, 60], [40, 56], [0, 30], [48, 49, 32, 33, 0, 60]][round % 4]
            for _ in 0..<300 {
                let shift = widths[random.below(widths.count)]
                let value = Int64(bitPattern: random.next()) >> Int64(shift)
                #expect(set.contains(value) == model.contains(value))
                if random.below(3) > 0 {
                    let expected7 = model.insert(value).inserted
                    let done7 = set.add(value)
                    #expect(done7 == expected7)
                } else {
                    let expected8 = model.remove(value) != nil
                    let done8 = set.remove(value)
                    #expect(done8 == expected8)
                }
                if let other = model.randomElement(using: &random) {
                    #expect(set.contains(other))
                    if random.below(4) == 0 {
                        let expected9 = model.remove(other) != nil
                        let done9 = set.remove(other)
                        #expect(done9 == expected9)
                    }
                }
                if model.isEmpty { continue }
                let drawn = set.random(using: &random)
                #expect(model.contains(drawn))
            }
            check(set, model, seed)
            let copied = IntSet.copy(set.bytes)
            check(copied, model, seed)
            copied.destroy()
            set.destroy()
        }
        #expect(Heap.usedBytes == used)
    }

    @Test func validate() {
        var set = IntSet.create()
        defer { set.destroy() }
        for value in [3, 9, -70000, 1 << 40] as [Int64] { _ = set.add(value) }
        let good = Array(set.bytes)
        #expect(good.withUnsafeBytes { IntSet.validate($0, deep: true) })
        for length in 0..<good.count {
            #expect(!good[..<length].withUnsafeBytes { IntSet.validate($0, deep: true) })
        }
        var unsorted = good
        unsorted[8 + 7] = 0x7F
        #expect(unsorted.withUnsafeBytes { IntSet.validate($0, deep: false) })
        #expect(!unsorted.withUnsafeBytes { IntSet.validate($0, deep: true) })
        var random = TestRandom(5)
        for _ in 0..<20000 {
            var bytes = (0..<random.below(40)).map { _ in UInt8(random.below(256)) }
            if bytes.count > 8, random.below(4) != 0 {
                let width = [2, 4, 8, 16, 0][random.below(5)]
                let count = width == 0 ? 7 : (bytes.count - 8) / width
                bytes.replaceSubrange(0..<8, with: [UInt8(width), 0, 0, 0, UInt8(count), 0, 0, 0])
            }
            _ = bytes.withUnsafeBytes { IntSet.validate($0, deep: true) }
        }
    }
}
