import Testing

@testable import Engine

@Suite(.serialized) struct ListPackTests {
    private func lend<R>(_ array: [UInt8], _ body: (Bytes) -> R) -> R {
        array.withUnsafeBytes(body)
    }

    private func items(_ pack: ListPack) -> [[UInt8]] {
        var found: [[UInt8]] = []
        pack.forEach { found.append(Array($0)) }
        return found
    }

    /// Everything that must hold for a listpack with this content, both directions included.
    private func check(_ pack: ListPack, _ model: [[UInt8]], _ seed: UInt64 = 0) {
        #expect(ListPack.validate(pack.bytes, deep: true), "seed \(seed)")
        #expect(pack.count == model.count, "seed \(seed)")
        #expect(items(pack) == model, "seed \(seed)")
        var backwards: [[UInt8]] = []
        var position = pack.last
        while let at = position {
            backwards.append(pack.withBytes(at: at) { Array($0) })
            position = pack.previous(at)
        }
        #expect(backwards == model.reversed(), "seed \(seed)")
    }

    /// name -> firn, 1 -> -1, n -> 4095, k -> -4097, big -> 2^63-1, long -> 64 times x: what
    /// redis-server 7.0 keeps for such a hash.
    @Test func golden() {
        var pack = ListPack.create()
        defer { pack.destroy() }
        for text in ["name", "firn", "1", "-1", "n", "4095", "k", "-4097", "big"] {
            lend(Array(text.utf8)) { pack.append($0) }
        }
        pack.append(Int64.max)
        lend(Array("long".utf8)) { pack.append($0) }
        lend([UInt8](repeating: 0x78, count: 64)) { pack.append($0) }
        var expected: [UInt8] = [0x7D, 0, 0, 0, 12, 0]
        expected += [0x84] + Array("name".utf8) + [5, 0x84] + Array("firn".utf8) + [5]
        expected += [1, 1, 0xDF, 0xFF, 2, 0x81, 0x6E, 2, 0xCF, 0xFF, 2, 0x81, 0x6B, 2]
        expected += [0xF1, 0xFF, 0xEF, 3, 0x83] + Array("big".utf8) + [4]
        expected += [0xF4, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 9]
        expected += [0x84] + Array("long".utf8) + [5, 0xE0, 0x40]
        expected += [UInt8](repeating: 0x78, count: 64) + [66, 0xFF]
        #expect(Array(pack.bytes) == expected)
    }

    @Test func integerBoundaries() {
        var values: [Int64] = [.min, .min + 1, .max, .max - 1]
        for edge in [0, 127, 128, 4095, 4096] as [Int64] { values += [edge - 1, edge, edge + 1] }
        for bits in [12, 15, 23, 31] as [Int64] {
            for edge in [-(1 << bits), 1 << bits] as [Int64] {
                values += [edge - 1, edge, edge + 1]
            }
        }
        var pack = ListPack.create()
        defer { pack.destroy() }
        for value in values {
            var single = ListPack.create()
            single.append(value)
            let size: Int
            switch value {
            case 0...127: size = 1
            case -4096...4095: size = 2
            case -32768...32767: size = 3
            case -8_388_608...8_388_607: size = 4
            case -2_147_483_648...2_147_483_647: size = 5
            default: size = 9
            }
            #expect(single.totalBytes == 7 + size + 1)
            #expect(single.integer(at: single.first!) == value)
            // The text and the integer are stored alike.
            var spelled = ListPack.create()
            lend(Array(String(value).utf8)) { spelled.append($0) }
            #expect(Array(spelled.bytes) == Array(single.bytes))
            single.destroy()
            spelled.destroy()
            pack.append(value)
        }
        check(pack, values.map { Array(String($0).utf8) })
    }

    @Test func stringBoundaries() {
        let sizes = [
            (0, 1, 1), (63, 1, 1), (64, 2, 1), (125, 2, 1), (126, 2, 2), (4095, 2, 2),
            (4096, 5, 2), (16377, 5, 2), (16378, 5, 3), (2_097_145, 5, 3), (2_097_146, 5, 4),
        ]
        for (length, head, backlen) in sizes {
            let text = [UInt8](repeating: 0x61, count: length)
            var pack = ListPack.create()
            lend(text) { pack.append($0) }
            lend([0x62]) { pack.append($0) }
            #expect(pack.totalBytes == 7 + head + length + backlen + 3, "\(length)")
            check(pack, [text, [0x62]])
            #expect(lend(text) { pack.find($0) } == 6)
            pack.destroy()
        }
        // Spellings that are not canonical stay strings.
        for text in ["", "+1", "01", "-0", " 1", "9223372036854775808", "1.0"] {
            var pack = ListPack.create()
            lend(Array(text.utf8)) { pack.append($0) }
            guard case .bytes = pack.element(at: 6) else {
                Issue.record("\(text) became an integer")
                continue
            }
            check(pack, [Array(text.utf8)])
            pack.destroy()
        }
    }

    @Test func manyElements() {
        var pack = ListPack.create()
        defer { pack.destroy() }
        for i in 0..<65534 { pack.append(Int64(i & 127)) }
        #expect(pack.headerCount == 65534)
        for _ in 0..<3 { pack.append(7) }
        #expect(pack.headerCount == ListPack.countUnknown)
        #expect(pack.count == 65537)
        #expect(pack.seek(65536) == pack.last)
        #expect(pack.seek(-65537) == pack.first)
        #expect(pack.seek(65537) == nil)
        #expect(pack.seek(-65538) == nil)
        #expect(ListPack.validate(pack.bytes, deep: true))
        pack.deleteRange(0, 4)
        #expect(pack.headerCount == 65533)
        #expect(ListPack.validate(pack.bytes, deep: true))
    }

    @Test func findSkips() {
        var pack = ListPack.create()
        defer { pack.destroy() }
        for text in ["a", "b", "b", "12", "12", "a", "c", "b"] {
            lend(Array(text.utf8)) { pack.append($0) }
        }
        #expect(lend([0x62]) { pack.find($0, skip: 1) } == pack.seek(2))
        #expect(lend(Array("12".utf8)) { pack.find($0, skip: 1) } == pack.seek(4))
        #expect(lend([0x61]) { pack.find($0, from: pack.seek(1)) } == pack.seek(5))
        #expect(lend([0x63]) { pack.find($0, skip: 1) } == pack.seek(6))
        #expect(lend([0x63]) { pack.find($0, skip: 2) } == pack.seek(6))
        #expect(lend([0x63]) { pack.find($0, skip: 3) } == nil)
        #expect(lend([]) { pack.find($0) } == nil)
    }

    static func randomItem(_ random: inout TestRandom) -> [UInt8] {
        switch random.below(8) {
        case 0: return Array(String(Int64(bitPattern: random.next()) >> random.below(64)).utf8)
        case 1: return Array(String(random.below(300)).utf8)
        case 2: return [UInt8](repeating: UInt8(random.below(256)), count: random.below(300))
        case 3: return [UInt8](repeating: 0x79, count: 4090 + random.below(12))
        case 4: return []
        default: return (0..<random.below(12)).map { _ in UInt8(97 + random.below(4)) }
        }
    }

    @Test func model() {
        let used = Heap.usedBytes
        for round in 0..<40 {
            let seed = UInt64(round) &* 7919 &+ 17
            var random = TestRandom(seed)
            var pack = ListPack.create()
            var model: [[UInt8]] = []
            for _ in 0..<120 {
                let item = Self.randomItem(&random)
                let at = model.isEmpty ? 0 : random.below(model.count)
                let position = pack.seek(at)
                switch random.below(9) {
                case 0, 1:
                    lend(item) { pack.append($0) }
                    model.append(item)
                case 2:
                    lend(item) { pack.prepend($0) }
                    model.insert(item, at: 0)
                case 3:
                    guard let position else { continue }
                    let placed = lend(item) { pack.insert($0, before: position) }
                    #expect(lend(item) { pack.equals(at: placed, $0) })
                    model.insert(item, at: at)
                case 4:
                    guard let position else { continue }
                    let placed = lend(item) { pack.insert($0, after: position) }
                    #expect(lend(item) { pack.equals(at: placed, $0) })
                    model.insert(item, at: at + 1)
                case 5:
                    guard let position else { continue }
                    lend(item) { pack.replace(at: position, with: $0) }
                    model[at] = item
                case 6:
                    guard let position else { continue }
                    let next = pack.delete(at: position)
                    model.remove(at: at)
                    #expect(next == (at < model.count ? position : nil))
                case 7:
                    guard random.below(4) == 0 else { continue }
                    let count = random.below(5)
                    pack.deleteRange(at - model.count, count)
                    model.removeSubrange(at..<Swift.min(model.count, at + count))
                default:
                    guard let position, random.below(4) == 0 else { continue }
                    let tail = pack.split(at: position)
                    check(tail, Array(model[at...]), seed)
                    check(pack, Array(model[..<at]), seed)
                    pack.append(contentsOf: tail)
                    tail.destroy()
                }
                let wanted = model.firstIndex(of: item)
                #expect(lend(item) { pack.find($0) } == wanted.map { pack.seek($0)! })
            }
            check(pack, model, seed)
            let copied = ListPack.copy(pack.bytes)
            check(copied, model, seed)
            copied.destroy()
            pack.destroy()
        }
        #expect(Heap.usedBytes == used)
    }

    @Test func validateRefuses() {
        var pack = ListPack.create()
        defer { pack.destroy() }
        for text in ["abc", "5", "70000", "-3"] { lend(Array(text.utf8)) { pack.append($0) } }
        lend([UInt8](repeating: 1, count: 200)) { pack.append($0) }
        let good = Array(pack.bytes)
        #expect(lend(good) { ListPack.validate($0, deep: true) })
        for length in 0..<good.count {
            #expect(!lend(Array(good[..<length])) { ListPack.validate($0, deep: true) })
        }
        var long = good
        long[4] += 1
        #expect(lend(long) { ListPack.validate($0, deep: false) })
        #expect(!lend(long) { ListPack.validate($0, deep: true) })
    }

    /// Whatever passes a deep validation can be walked, searched and changed.
    @Test func fuzz() {
        var random = TestRandom(99)
        var accepted = 0
        for _ in 0..<30000 {
            var bytes: [UInt8]
            if random.below(2) == 0 {
                bytes = (0..<random.below(40)).map { _ in UInt8(random.below(256)) }
            } else {
                var pack = ListPack.create()
                for _ in 0..<random.below(6) {
                    lend(Self.randomItem(&random)) { if $0.count < 300 { pack.append($0) } }
                }
                bytes = Array(pack.bytes)
                pack.destroy()
                for _ in 0..<random.below(3) {
                    bytes[random.below(bytes.count)] = UInt8(random.below(256))
                }
            }
            if random.below(4) != 0, bytes.count > 6 {
                bytes[bytes.count - 1] = 0xFF
                bytes[0] = UInt8(truncatingIfNeeded: bytes.count)
                bytes[1] = UInt8(truncatingIfNeeded: bytes.count >> 8)
                (bytes[2], bytes[3]) = (0, 0)
                if random.below(2) == 0 { (bytes[4], bytes[5]) = (0xFF, 0xFF) }
            }
            // In its own exact allocation, so that a checker of memory sees a step outside.
            lend(bytes) { view in
                _ = ListPack.validate(view, deep: false)
                guard ListPack.validate(view, deep: true) else { return }
                accepted += 1
                let pack = ListPack.copy(view)
                var count = 0
                var length = 0
                pack.forEach {
                    count += 1
                    length += $0.count
                }
                #expect(count == pack.count && length >= 0)
                #expect((pack.last == nil) == (count == 0))
                pack.destroy()
            }
        }
        #expect(accepted > 1000)
    }
}
