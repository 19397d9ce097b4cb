// Large values and whole databases are freed completely, in slices or at once.

import Testing

@testable import Engine

@Suite struct LifecycleTests {
    private let secret = HashSecret(k0: 1, k1: 2)

    private func members(_ count: Int) -> UnsafeMutableRawPointer {
        var table = MemberTable(secret: secret)
        for index in 0..<count {
            Array("member\(index)".utf8).withUnsafeBytes { _ = table.add($0) }
        }
        return Box.create(table)
    }

    private func list(_ count: Int) -> UnsafeMutableRawPointer {
        var list = QuickList()
        for index in 0..<count {
            Array("element\(index)".utf8).withUnsafeBytes { list.pushBack($0, limit: 16) }
        }
        return Box.create(list)
    }

    @Test func slicesFreeEverything() {
        let before = Heap.usedBytes
        var lazy = LazyFree()
        for count in [0, 1, 64, 1000, 5000] {
            lazy.add(
                DetachedValue(type: .set, encoding: .table, storage: .pointer(members(count))))
            lazy.add(
                DetachedValue(type: .list, encoding: .quickList, storage: .pointer(list(count))))
        }
        var steps = 0
        while lazy.step(maxElements: 100) { steps += 1 }
        #expect(steps > 50)
        let isEmpty = lazy.isEmpty
        #expect(isEmpty)
        #expect(Heap.usedBytes == before)
    }

    @Test func whatIsLeftIsFreedAtTheEnd() {
        let before = Heap.usedBytes
        do {
            var lazy = LazyFree()
            lazy.add(
                DetachedValue(type: .set, encoding: .table, storage: .pointer(members(500))))
            _ = lazy.step(maxElements: 10)
        }
        #expect(Heap.usedBytes == before)
    }

    @Test(arguments: [false, true])
    func flushesGiveTheMemoryBack(lazily: Bool) {
        let before = Heap.usedBytes
        do {
            let test = TestEngine()
            test.engine.logIsEnabled = false
            for index in 0..<2000 {
                test.run("SET", "k\(index)", String(repeating: "x", count: index))
            }
            for index in 0..<10 {
                Array("big\(index)".utf8).withUnsafeBytes {
                    let entry = test.engine.insert(
                        test.engine.key($0, test.client), .set, .table)
                    entry.pointer = members(300)
                }
            }
            test.engine.flush(database: 0, lazily: lazily)
            let pending = test.engine.lazyFree.pendingCount
            #expect(pending == (lazily ? 2010 : 0))
            #expect(test.run("RANDOMKEY") == "nil")
            while test.engine.lazyFree.step(maxElements: 64) {}
            let isEmpty = test.engine.lazyFree.isEmpty
            #expect(isEmpty)
        }
        #expect(Heap.usedBytes == before)
    }

    @Test func largeDeletionsAreDeferred() {
        let test = TestEngine()
        let name = Array("big".utf8)
        name.withUnsafeBytes {
            test.engine.insert(test.engine.key($0, test.client), .set, .table).pointer =
                members(100_000)
        }
        #expect(test.run("MEMORY", "USAGE", "big").dropFirst().count >= 7)
        #expect(test.run("DEL", "big") == ":1")
        let pending = test.engine.lazyFree.pendingCount
        #expect(pending == 1)
    }
}
