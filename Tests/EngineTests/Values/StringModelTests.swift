// Strings beside a model: random commands of all lengths, integers among them, in all layouts;
// in the end every byte of memory is back.

import Testing

@testable import Engine

@Suite struct StringModelTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func behavesLikeAModel(seed: UInt64) {
        print("seed \(seed)")
        let before = Heap.usedBytes
        do {
            let test = TestEngine(seed: seed)
            test.engine.logIsEnabled = false
            run(test, Random(seed: seed))
        }
        #expect(Heap.usedBytes == before)
    }

    private func run(_ test: TestEngine, _ seeded: Random) {
        var random = seeded
        var model: [[UInt8]: [UInt8]] = [:]
        func bytes() -> [UInt8] {
            switch random.next() % 4 {
            case 0: return Array("\(Int64(bitPattern: random.next()) >> (random.next() % 64))".utf8)
            case 1: return (0..<random.next() % 1100).map { UInt8(truncatingIfNeeded: $0) }
            case 2: return (0..<random.next() % 20).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            default: return Array(repeating: 0x41, count: Int(random.next() % 4000))
            }
        }
        for _ in 0..<4000 {
            let key = Array("k\(random.next() % 8)".utf8)
            let value = bytes()
            let old = model[key]
            switch random.next() % 8 {
            case 0, 1:
                var words = [Array("SET".utf8), key, value]
                if random.next() % 2 == 0 { words += ["PX", "1000000"].map { Array($0.utf8) } }
                if random.next() % 3 == 0 { words = [Array("SETNX".utf8), key, value] }
                let isNX = words[0].count == 5
                test.send(words)
                if !isNX || old == nil { model[key] = value }
            case 2:
                #expect(
                    test.send([Array("APPEND".utf8), key, value])
                        == .integer(Int64((old?.count ?? 0) + value.count)))
                model[key] = (old ?? []) + value
            case 3:
                let offset = Int(random.next() % 2000)
                test.send([Array("SETRANGE".utf8), key, Array("\(offset)".utf8), value])
                if value.isEmpty { break }
                var changed = old ?? []
                let end = offset + value.count
                if changed.count < end {
                    changed += [UInt8](repeating: 0, count: end - changed.count)
                }
                changed.replaceSubrange(offset..<end, with: value)
                model[key] = changed
            case 4:
                let start = Int(random.next() % 3000) - 1500
                let end = Int(random.next() % 3000) - 1500
                let reply = test.send([
                    Array("GETRANGE".utf8), key, Array("\(start)".utf8), Array("\(end)".utf8),
                ])
                #expect(reply == .bulk(slice(old ?? [], start, end)))
            case 5:
                test.send([Array("INCR".utf8), key])
                let number = Int64(String(decoding: old ?? [0x30], as: UTF8.self))
                if let number, number < .max, Array("\(number)".utf8) == old ?? [0x30] {
                    model[key] = Array("\(number + 1)".utf8)
                }
            case 6:
                #expect(
                    test.send([Array("GETDEL".utf8), key]) == (old.map { .bulk($0) } ?? .null))
                model[key] = nil
            default:
                let target = Array("k\(random.next() % 8)".utf8)
                test.send([Array("RENAME".utf8), key, target])
                if let old {
                    model[key] = nil
                    model[target] = old
                }
            }
            let now = model[key]
            #expect(test.send([Array("GET".utf8), key]) == (now.map { .bulk($0) } ?? .null))
            #expect(
                test.send([Array("STRLEN".utf8), key]) == .integer(Int64(now?.count ?? 0)))
        }
        #expect(test.engine.databases[0].keyCount == model.count)
    }

    /// GETRANGE, as the documentation puts it.
    private func slice(_ bytes: [UInt8], _ start: Int, _ end: Int) -> [UInt8] {
        if start < 0 && end < 0 && start > end { return [] }
        let first = max(start < 0 ? bytes.count + start : start, 0)
        let last = min(max(end < 0 ? bytes.count + end : end, 0), bytes.count - 1)
        return first > last ? [] : Array(bytes[first...last])
    }

    /// SET of a value of the same size class leaves the entry where it is.
    @Test func overwritesInPlace() {
        let test = TestEngine()
        test.run("SET", "key", "0123456789")
        func raw() -> UnsafeMutableRawPointer {
            Array("key".utf8).withUnsafeBytes {
                test.engine.lookup(test.engine.key($0, test.client))!.raw
            }
        }
        let place = raw()
        let used = Heap.usedBytes
        for value in ["9876543210", "1", "abcdefghijk", "-5"] {
            test.run("SET", "key", value)
            #expect(raw() == place)
            #expect(test.run("GET", "key") == value)
        }
        #expect(Heap.usedBytes == used)
    }

    @Test func growthIsAmortized() {
        let test = TestEngine()
        test.engine.logIsEnabled = false
        for _ in 0..<20_000 { test.run("APPEND", "key", "0123456789") }
        #expect(test.run("STRLEN", "key") == ":200000")
        let entry = Array("key".utf8).withUnsafeBytes {
            test.engine.lookup(test.engine.key($0, test.client))!
        }
        #expect(StringValue.raw(entry).capacity <= 400_064)
    }
}
