// The layouts of hashes of which fields expire: frozen as Redis 7.4 writes them, and what is not
// such a layout refused.

import Testing

@testable import Engine

@Suite(.serialized) struct ExpiringHashCodecTests {
    private let time: Int64 = 4_000_000_000_000

    private func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    private func littleEndian(_ number: Int64) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    private func join(_ parts: [UInt8]...) -> [UInt8] { parts.flatMap { $0 } }

    /// DUMP of a key, its footer split off.
    private func dump(_ test: TestEngine, _ key: String) -> (body: [UInt8], footer: [UInt8]) {
        let bytes = test.send([Array("DUMP".utf8), Array(key.utf8)]).bytes!
        return (Array(bytes.dropLast(10)), Array(bytes.suffix(10)))
    }

    private func sealed(_ body: [UInt8], version: UInt16 = 12) -> [UInt8] {
        var bytes = body
        bytes += withUnsafeBytes(of: version.littleEndian) { Array($0) }
        let crc = bytes.withUnsafeBytes { CRC64.checksum($0) }
        bytes += withUnsafeBytes(of: crc.littleEndian) { Array($0) }
        return bytes
    }

    private func restore(_ test: TestEngine, _ body: [UInt8]) -> String {
        test.send(
            [Array("RESTORE".utf8), Array("r".utf8), [0x30], sealed(body), Array("REPLACE".utf8)]
        ).description
    }

    @Test func theLayoutsAreFrozen() {
        let test = TestEngine()
        test.run(line: "HSET h a 1 b xy")
        #expect(dump(test, "h").footer.prefix(2) == [10, 0])
        test.run(line: "HPEXPIREAT h \(time) FIELDS 1 b")
        let (small, footer) = dump(test, "h")
        #expect(footer.prefix(2) == [12, 0])
        // 25, the first time, the listpack: b, xy, its time (64 bits), a, 1, 0.
        let first = hex(littleEndian(time))
        let expected = [
            "19", first, "1f", "1f000000", "0600", "816202", "82787903", "f4", first, "09",
            "816102", "0101", "0001", "ff",
        ]
        #expect(hex(small) == expected.joined())
        test.engine.configuration.hashListpackEntriesMax = 0
        test.run(line: "HSETEX g PXAT \(time + 5) FIELDS 1 a 1")
        let (large, _) = dump(test, "g")
        #expect(hex(large) == "18\(hex(littleEndian(time + 5)))01010161c001")
    }

    /// Both forms, as they are and as the release candidates wrote them.
    @Test func allFourLayoutsAreRead() {
        let wide = join([0x81], withUnsafeBytes(of: time.bigEndian) { Array($0) })
        let pack: [UInt8] = {
            var pack = ExpiringPack(ListPack.create())
            for (field, time) in [("b", time), ("a", 0)] {
                Array(field.utf8).withUnsafeBytes { pack.append($0, $0, time) }
            }
            defer { pack.pack.destroy() }
            return Array(pack.pack.bytes)
        }()
        let count: [UInt8] = [UInt8(pack.count)]
        let first = littleEndian(time)
        let bodies: [[UInt8]] = [
            join([25], first, count, pack),
            // Redis notes a first time that need not be exact.
            join([25], littleEndian(0), count, pack),
            join([23], count, pack),
            join([24], first, [2, 0, 1, 0x61, 1, 0x61, 1, 1, 0x62, 1, 0x62]),
            join([24], littleEndian(time - 62), [2, 0, 1, 0x61, 1, 0x61, 63, 1, 0x62, 1, 0x62]),
            join([22, 2, 0, 1, 0x61, 1, 0x61], wide, [1, 0x62, 1, 0x62]),
        ]
        for entriesMax in [512, 1] {
            for body in bodies {
                let test = TestEngine { $0.hashListpackEntriesMax = entriesMax }
                #expect(restore(test, body) == "+OK")
                #expect(test.encoding("r") == (entriesMax == 1 ? "hashtable" : "listpackex"))
                #expect(test.run("HPEXPIRETIME", "r", "FIELDS", "2", "a", "b") == "[:-1 :\(time)]")
                #expect(test.run("HMGET", "r", "a", "b") == "[a b]")
                #expect(test.engine.databases[0].fieldExpiries.first?.timeMs == time)
            }
        }
        // Without any time it is an ordinary hash; with past ones it is there until it is looked at.
        let test = TestEngine()
        #expect(restore(test, join([24], littleEndian(0), [1, 0, 1, 0x61, 1, 0x61])) == "+OK")
        #expect(test.encoding("r") == "listpack")
        #expect(restore(test, [22, 2, 0, 1, 0x61, 1, 0x61, 5, 1, 0x62, 1, 0x62]) == "+OK")
        #expect(test.run("HGETALL", "r") == "[a a]")
        #expect(restore(test, [22, 1, 5, 1, 0x62, 1, 0x62]) == "+OK")
        #expect(test.run("EXISTS", "r") == ":0")
        #expect(
            test.send([Array("RESTORE".utf8), [0x78], [0x30], sealed([0, 1, 0x61], version: 13)])
                .description == "-ERR DUMP payload version or checksum are wrong")
    }

    @Test func whatIsNoSuchHashIsRefused() {
        func pack(_ elements: [Any]) -> [UInt8] {
            var pack = ListPack.create()
            defer { pack.destroy() }
            for element in elements {
                if let number = element as? Int { pack.append(Int64(number)) }
                if let text = element as? String {
                    Array(text.utf8).withUnsafeBytes { pack.append($0) }
                }
            }
            let bytes = Array(pack.bytes)
            return [UInt8(bytes.count)] + bytes
        }
        let huge: [UInt8] = [0x81, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]
        let beyond: [UInt8] = [0x81, 0, 1, 0, 0, 0, 0, 0, 0]
        let first = littleEndian(time)
        let pair: [UInt8] = [1, 0x61, 1, 0x61]
        let bad: [[UInt8]] = [
            [25], join([25], first), join([25], first, [0]), join([25], first, pack([])),
            join([23], pack(["a", 1])), join([23], pack(["a", 1, "no time"])),
            join([23], pack(["a", 1, -1])), join([23], pack(["a", 1, 1 << 48])),
            join([23], pack(["a", 1, 0, "a", 2, 0])), join([23], pack(["a", 1, 5, "b", 2])),
            [23, 7, 7, 0, 0, 0, 0, 0, 0xFE],
            [24], join([24], first), join([24], first, [0]),
            join([24], littleEndian(-1), [1, 1], pair),
            join([24], littleEndian(1 << 48), [1, 1], pair),
            join([24], littleEndian((1 << 48) - 1), [1, 2], pair),
            join([24], littleEndian(5), [1], huge, pair),
            join([24], littleEndian(5), [2, 1], pair, [0, 1, 0x61, 1, 0x62]),
            join([24], littleEndian(5), [2, 1], pair),
            join([24], littleEndian(5), [1, 1], pair, [0]),
            [22, 0], join([22, 1], beyond, pair), join([22, 1, 0xC0, 5], pair), join([22], huge),
        ]
        let test = TestEngine()
        let before = Heap.usedBytes
        for body in bad {
            #expect(restore(test, body) == "-ERR Bad data format", "\(hex(body))")
        }
        #expect(Heap.usedBytes == before)
    }

    /// Whatever the bytes are, decoding them ends, and what is taken holds together.
    @Test func mutatedPayloads() {
        let seed = UInt64.random(in: 0...(.max))
        print("ExpiringHashCodecTests.mutatedPayloads: seed \(seed)")
        var random = TestRandom(seed)
        let test = TestEngine()
        for index in 0..<200 {
            test.run(line: "HSETEX small PXAT \(time + Int64(index % 3)) FIELDS 1 f\(index % 9) v")
            test.run(line: "HSETEX large PXAT \(time + Int64(index % 7)) FIELDS 1 f\(index) v")
            test.run(line: "HSET large g\(index) w")
        }
        test.run(line: "HSET small x 12 y 13")
        test.engine.configuration.hashListpackEntriesMax = 128
        test.run(line: "HSET large z 1")
        let originals = [dump(test, "small").body, dump(test, "large").body]
        var taken = 0
        for _ in 0..<6000 {
            var body = originals[random.below(2)]
            for _ in 0...random.below(3) {
                let at = random.below(body.count)
                switch random.below(5) {
                case 0: body[at] = UInt8(random.below(256))
                case 1: body[at] ^= 1 << UInt8(random.below(8))
                case 2: body.remove(at: at)
                case 3: body.insert([0, 0x7F, 0x80, 0xFF, 0xF4][random.below(5)], at: at)
                default: body[0] = UInt8(22 + random.below(4))
                }
            }
            guard restore(test, body) == "+OK" else { continue }
            taken += 1
            test.run(line: "HGETALL r")
            test.run(line: "HSETEX r EX 5 FIELDS 2 q 1 f1 2")
            test.run(line: "HPERSIST r FIELDS 2 f2 f3")
            test.run(line: "HDEL r f4 q")
            test.run(line: "DUMP r")
        }
        #expect(taken > 100)
    }
}
