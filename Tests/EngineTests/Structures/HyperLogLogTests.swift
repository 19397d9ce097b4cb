// HyperLogLogs beside a model that is an array of registers, and beside Redis's bytes.

import Testing

@testable import Engine

@Suite struct HyperLogLogTests {
    private func register(_ text: String) -> [UInt8] {
        Array(text.utf8).withUnsafeBytes {
            let (index, rank) = HyperLogLog.register(of: $0)
            return [UInt8(index >> 8), UInt8(index & 255), rank]
        }
    }

    /// What Redis's PFDEBUG DECODE shows of one element of so many letters x, for each way in
    /// which the length meets the words of the hash.
    @Test func registersAreThoseOfRedis() {
        for (count, index, rank) in [
            (1, 16374, 2), (7, 4290, 2), (8, 5076, 2), (9, 2779, 5), (15, 12070, 1),
            (16, 10349, 1), (17, 13758, 2), (100, 15288, 1),
        ] {
            let text = String(repeating: "x", count: count)
            #expect(register(text) == [UInt8(index >> 8), UInt8(index & 255), UInt8(rank)])
        }
    }

    private func registers(of value: HyperLogLogValue) -> [UInt8] {
        var merged = MergedRegisters()
        let isWhole = merged.merge(value.string.bytes)
        #expect(isWhole)
        return merged.ranks
    }

    /// Registers raised at random, few close together, so that runs split and join in all ways.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func behavesLikeAnArray(seed: UInt64) {
        print("seed \(seed)")
        let before = Heap.usedBytes
        var random = TestRandom(seed)
        var value = HyperLogLogValue()
        defer {
            value.string.free()
            #expect(Heap.usedBytes == before)
        }
        var model = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
        let span = [3, 40, 400, 16384][Int(seed - 1)]
        let start = random.below(HyperLogLog.registerCount - span + 1)
        for round in 0..<3000 {
            let index = start + random.below(span)
            let rank = UInt8(1 + random.below(round < 2900 ? 4 + round / 300 : 51))
            let outcome = value.raise(index, to: rank, sparseBytesMax: 3000)
            #expect((outcome == .unchanged) == (rank <= model[index]))
            model[index] = max(model[index], rank)
            #expect(Int(value.string.count) <= max(3000, value.isSparse ? 0 : 12304))
            if round % 100 == 0 || round > 2990 {
                #expect(registers(of: value) == model)
                var histogram = [Int](repeating: 0, count: 64)
                for rank in model { histogram[Int(rank)] += 1 }
                #expect(
                    HyperLogLogValue.count(value.string.bytes) == HyperLogLog.estimate(histogram))
            }
        }
        let isDense = !value.isSparse || value.makeDense()
        #expect(isDense)
        #expect(registers(of: value) == model)
    }

    /// Any bytes behind the header: nothing traps, and nothing that is refused is changed.
    @Test(arguments: [1, 2] as [UInt64])
    func damagedRuns(seed: UInt64) {
        print("seed \(seed)")
        var random = TestRandom(seed)
        for _ in 0..<3000 {
            var bytes = (0..<random.below(12)).map { _ in
                random.below(3) == 0 ? 0x7F : UInt8(random.below(256))
            }
            let whole = bytes.withUnsafeBytes { SparseRegisters.forEach($0) { _ in } }
            var walked = 0
            bytes.withUnsafeBytes { view in
                SparseRegisters.walk(view) { run in
                    walked += run.byteCount
                    return true
                }
            }
            #expect(walked == bytes.count || walked == bytes.count + 1)
            var count = bytes.count
            bytes += [0, 0, 0]
            let index = random.below(HyperLogLog.registerCount)
            let rank = UInt8(1 + random.below(40))
            let outcome = bytes.withUnsafeMutableBufferPointer {
                SparseRegisters.raise($0.baseAddress!, &count, countMax: 100, index, to: rank)
            }
            if whole, rank <= 32 { #expect(outcome == .changed || outcome == .unchanged) }
        }
    }

    @Test func headers() {
        func encoding(_ bytes: [UInt8]) -> HyperLogLog.Encoding? {
            bytes.withUnsafeBytes { HyperLogLog.encoding(of: $0) }
        }
        let magic = Array("HYLL".utf8)
        let rest = [UInt8](repeating: 0, count: 11)
        #expect(encoding(magic + [1] + rest) == .sparse)
        #expect(encoding(magic + [0] + rest) == nil)
        #expect(encoding(magic + [2] + rest) == nil)
        #expect(encoding(magic + [1] + rest.dropLast()) == nil)
        #expect(encoding(magic) == nil)
        #expect(encoding([]) == nil)
        #expect(encoding(magic + [0] + rest + [UInt8](repeating: 0, count: 12288)) == .dense)
        #expect(encoding(magic + [0] + rest + [UInt8](repeating: 0, count: 12289)) == nil)
    }

    /// The layout is part of what is on disk.
    @Test func bytesAreThoseOfRedis() {
        let test = TestEngine()
        test.run(line: "PFADD h a b c d e")
        #expect(test.run(line: "PFCOUNT h") == ":5")
        let small = test.send(["GET", "h"].map { Array($0.utf8) }).bytes!
        let text = small.map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        #expect(text == "48594c4c0100000005000000000000005c7b8044768050b184498c80426d80425a")
        for (most, length, checksum, count) in [
            (1000, 1923, 0xA775_FF58, 1001), (100_000, 12304, 0x6170_ECF1, 99565),
        ] as [(Int, Int, UInt32, Int)] {
            test.run(line: "DEL h")
            for start in stride(from: 0, to: most, by: 1000) {
                test.run(
                    line: "PFADD h "
                        + (start..<start + 1000).map(String.init).joined(separator: " "))
            }
            #expect(test.run(line: "PFCOUNT h") == ":\(count)")
            let bytes = test.send(["GET", "h"].map { Array($0.utf8) }).bytes!
            #expect(bytes.count == length)
            #expect(bytes.withUnsafeBytes { CRC32C.checksum($0) } == checksum)
        }
    }
}
