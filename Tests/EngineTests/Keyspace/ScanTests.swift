// SCAN's guarantee: a key that is there from the first call to the last is returned, and one that
// never was is not; whatever comes, goes and resizes between the calls.

import Testing

@testable import Engine

@Suite struct ScanTests {
    private func scan(_ test: TestEngine, _ cursor: String, _ options: String...) -> (
        String, [String]
    ) {
        let words = ["SCAN", cursor] + options
        let reply = test.send(words.map { Array($0.utf8) }).items
        return (reply[0].description, reply[1].items.map(\.description))
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func keysThatStayAreReturned(seed: UInt64) {
        print("seed \(seed)")
        let test = TestEngine(seed: seed)
        test.engine.logIsEnabled = false
        var random = Random(seed: seed)
        let stay = Set((0..<3000).map { "stay\($0)" })
        for key in stay { test.run("SET", key, "1") }
        var transient = Set<String>()
        var seen = Set<String>()
        var cursor = "0"
        var calls = 0
        repeat {
            let (next, keys) = scan(test, cursor, "COUNT", "\(1 + random.next() % 50)")
            for key in keys {
                #expect(stay.contains(key) || transient.contains(key))
                seen.insert(key)
            }
            #expect(next == "0" || UInt64(next)! < 1 << 53)
            cursor = next
            calls += 1
            // Grow in the first half, shrink in the second.
            for _ in 0..<random.next() % 200 {
                let key = "t\(random.next() % 20_000)"
                if calls < 40 ? random.next() % 4 != 0 : random.next() % 8 == 0 {
                    test.run("SET", key, "1")
                    transient.insert(key)
                } else {
                    test.run("DEL", key)
                }
            }
        } while cursor != "0"
        #expect(seen.isSuperset(of: stay))
    }

    @Test func aQuietScanReturnsEachKeyOnceAndWorkIsBounded() {
        let test = TestEngine()
        test.engine.logIsEnabled = false
        for index in 0..<5000 { test.run("SET", "k\(index)", "1") }
        var seen: [String: Int] = [:]
        var cursor = "0"
        repeat {
            let (next, keys) = scan(test, cursor, "COUNT", "100")
            #expect(keys.count < 200)
            for key in keys { seen[key, default: 0] += 1 }
            cursor = next
        } while cursor != "0"
        #expect(seen.count == 5000 && seen.values.allSatisfy { $0 == 1 })
        #expect(test.send(["KEYS", "*"].map { Array($0.utf8) }).items.count == 5000)
        #expect(test.send(["KEYS", "k1??"].map { Array($0.utf8) }).items.count == 100)
    }

    @Test func filtersApplyToWhatIsWalked() {
        let test = TestEngine()
        for index in 0..<500 { test.run("SET", "s\(index)", "1") }
        test.run("SET", "gone", "1", "PX", "1")
        test.engine.lazyFree.add(.string(Bytes(start: nil, count: 0)))
        var found = Set<String>()
        var cursor = "0"
        repeat {
            let (next, keys) = scan(test, cursor, "TYPE", "string", "MATCH", "s4*")
            found.formUnion(keys)
            cursor = next
        } while cursor != "0"
        #expect(found.count == 111)
        #expect(scan(test, "0", "TYPE", "list", "COUNT", "10000") == ("0", []))
        #expect(scan(test, "99999999999999999", "COUNT", "10") == ("0", []))
    }

    @Test func positionsAreNamedByCursors() {
        #expect(ScanPosition.align(0) == 0)
        #expect(ScanPosition.align(1) == 2048)
        #expect(ScanPosition.align(2048) == 2048)
        #expect(ScanPosition.align(.max) == nil)
        #expect(ScanPosition.position(cursor: 1) == 2048)
        #expect(ScanPosition.position(cursor: 1 << 53) == nil)
        #expect(ScanPosition.cursor(nil) == 0)
        #expect(ScanPosition.cursor(1 << 63) == 1 << 52)
    }

    @Test func randomKeysAreSpread() {
        let test = TestEngine()
        for index in 0..<20 { test.run("SET", "k\(index)", "1") }
        var seen = Set<String>()
        for _ in 0..<2000 { seen.insert(test.run("RANDOMKEY")) }
        #expect(seen.count == 20)
    }
}
