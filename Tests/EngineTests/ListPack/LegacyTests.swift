import Testing

@testable import Engine

@Suite(.serialized) struct LegacyTests {
    private func items(_ pack: ListPack?) -> [[UInt8]]? {
        guard let pack else { return nil }
        defer { pack.destroy() }
        #expect(ListPack.validate(pack.bytes, deep: true))
        var found: [[UInt8]] = []
        pack.forEach { found.append(Array($0)) }
        return found
    }

    private func list(_ bytes: [UInt8]) -> [[UInt8]]? {
        items(bytes.withUnsafeBytes { ZipList.convertToListPack($0) })
    }

    private func map(_ bytes: [UInt8]) -> [[UInt8]]? {
        items(bytes.withUnsafeBytes { ZipMap.convertToListPack($0) })
    }

    private func little(_ value: Int, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// A writer of ziplists, independent of the reader.
    private func zipList(_ elements: [[UInt8]]) -> [UInt8] {
        var body: [UInt8] = []
        var previous = 0
        var tail = 10
        for element in elements {
            tail = 10 + body.count
            let start = body.count
            body += previous < 254 ? [UInt8(previous)] : [254] + little(previous, 4)
            if let value = Int(String(decoding: element, as: UTF8.self)),
                String(value).utf8.elementsEqual(element)
            {
                switch value {
                case 0...12: body.append(0xF1 + UInt8(value))
                case -128...127: body += [0xFE] + little(value, 1)
                case -32768...32767: body += [0xC0] + little(value, 2)
                case -8_388_608...8_388_607: body += [0xF0] + little(value, 3)
                case -2_147_483_648...2_147_483_647: body += [0xD0] + little(value, 4)
                default: body += [0xE0] + little(value, 8)
                }
            } else {
                let count = element.count
                if count < 64 {
                    body.append(UInt8(count))
                } else if count < 16384 {
                    body += [0x40 | UInt8(count >> 8), UInt8(count & 255)]
                } else {
                    body += [0x80] + little(count, 4).reversed()
                }
                body += element
            }
            previous = body.count - start
        }
        return little(11 + body.count, 4) + little(tail, 4) + little(elements.count, 2) + body
            + [0xFF]
    }

    @Test func zipListGolden() {
        // The example in the essay of Redis's ziplist.c: "2" and "5".
        let bytes: [UInt8] = [
            0x0F, 0, 0, 0, 0x0C, 0, 0, 0, 2, 0, 0, 0xF3, 2, 0xF6, 0xFF,
        ]
        #expect(list(bytes) == [[0x32], [0x35]])
        #expect(zipList([[0x32], [0x35]]) == bytes)
        #expect(list([0x0B, 0, 0, 0, 0x0A, 0, 0, 0, 0, 0, 0xFF]) == [])
    }

    @Test func zipListModel() {
        var random = TestRandom(11)
        for _ in 0..<300 {
            var elements = (0..<random.below(20)).map { _ in ListPackTests.randomItem(&random) }
            if random.below(5) == 0 { elements.append([UInt8](repeating: 65, count: 20000)) }
            #expect(list(zipList(elements)) == elements)
        }
        let edges = [0, 12, 13, -1, 127, -128, 128, 32767, -32768, 8_388_607, -8_388_609, .min]
        for value in edges {
            #expect(list(zipList([Array(String(value).utf8)])) == [Array(String(value).utf8)])
        }
    }

    @Test func zipListRefuses() {
        let good = zipList([Array("abc".utf8), [0x35], [UInt8](repeating: 66, count: 300), [65]])
        #expect(list(good) != nil)
        for length in 0..<good.count { #expect(list(Array(good[..<length])) == nil) }
        for i in [0, 4, 8, 10, 15, 17, good.count - 1] {  // header, previous lengths, end
            var bad = good
            bad[i] &+= 1
            #expect(list(bad) == nil, "\(i)")
        }
    }

    @Test func zipMap() {
        // The example in the essay of Redis's zipmap.c.
        let bytes: [UInt8] =
            [2, 3] + Array("foo".utf8) + [3, 0] + Array("bar".utf8) + [5] + Array("hello".utf8)
            + [5, 0] + Array("world".utf8) + [0xFF]
        let expected = ["foo", "bar", "hello", "world"].map { Array($0.utf8) }
        #expect(map(bytes) == expected)
        #expect(map([0, 0xFF]) == [])
        for length in 0..<bytes.count { #expect(map(Array(bytes[..<length])) == nil) }
        var wrong = bytes
        wrong[0] = 3
        #expect(map(wrong) == nil)
        wrong[0] = 254
        #expect(map(wrong) == expected)
        let long = [UInt8](repeating: 67, count: 300)
        let slack: [UInt8] = [1, 254] + little(300, 4) + long + [1, 2, 0x39, 0, 0, 0xFF]
        #expect(map(slack) == [long, [0x39]])
    }

    @Test func fuzz() {
        let used = Heap.usedBytes
        var random = TestRandom(77)
        var accepted = 0
        for round in 0..<8000 {
            var bytes: [UInt8]
            if round % 2 == 0 {
                let elements = (0..<random.below(6)).map { _ -> [UInt8] in
                    let item = ListPackTests.randomItem(&random)
                    return item.count < 400 ? item : []
                }
                bytes = zipList(elements)
                for _ in 0..<random.below(3) {
                    bytes[random.below(bytes.count)] = UInt8(random.below(256))
                }
            } else {
                bytes = (0..<(1 + random.below(30))).map { _ in UInt8(random.below(256)) }
                let small = random.below(2) == 0
                if small { bytes = bytes.map { $0 & 7 } }
                bytes[bytes.count - 1] = 0xFF
                if small { bytes[0] = 254 }
            }
            if list(bytes) != nil { accepted += 1 }
            if map(bytes) != nil { accepted += 1 }
        }
        #expect(accepted > 500)
        #expect(Heap.usedBytes == used)
    }
}
