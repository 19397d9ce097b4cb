// Bits and bit fields beside the simplest models of them.

import Testing

@testable import Engine

@Suite struct BitsTests {
    /// The bits of a string, one by one.
    private func bits(_ bytes: [UInt8]) -> [Bool] {
        bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 == 1 } }
    }

    private func random(_ count: Int, _ random: inout TestRandom) -> [UInt8] {
        switch random.below(4) {
        case 0: return [UInt8](repeating: 0, count: count)
        case 1: return [UInt8](repeating: 0xFF, count: count)
        case 2: return (0..<count).map { _ in random.below(20) == 0 ? 1 << random.below(8) : 0 }
        default: return (0..<count).map { _ in UInt8(random.below(256)) }
        }
    }

    /// Every range of strings up to 3 bytes, many of longer ones.
    @Test(arguments: [1, 2] as [UInt64])
    func countAndFind(seed: UInt64) {
        print("seed \(seed)")
        var random = TestRandom(seed)
        for round in 0..<300 {
            let bytes = self.random(round < 60 ? 1 + round % 3 : 1 + random.below(80), &random)
            let model = bits(bytes)
            bytes.withUnsafeBytes { view in
                #expect(Bits.count(view) == model.count { $0 })
                for first in model.indices where round < 60 || random.below(30) == 0 {
                    for last in first..<model.count where round < 60 || random.below(20) == 0 {
                        let part = model[first...last]
                        #expect(Bits.count(view, in: first...last) == part.count { $0 })
                        for bit in [false, true] {
                            #expect(
                                Bits.find(bit, view, in: first...last) == part.firstIndex(of: bit))
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func combining(seed: UInt64) {
        print("seed \(seed)")
        var random = TestRandom(seed)
        for round in 0..<400 {
            let isLong = round % 50 == 0
            let sources = (0..<1 + random.below(4)).map { _ in
                self.random(isLong ? 16_000 + random.below(20_000) : random.below(40), &random)
            }
            let count = sources.map(\.count).max()!
            for operation in [Bits.Operation.and, .or, .xor, .not] {
                let used = operation == .not ? [sources[0]] : sources
                let size = operation == .not ? sources[0].count : count
                var wanted = used[0] + [UInt8](repeating: 0, count: size - used[0].count)
                for source in used.dropFirst() {
                    for index in wanted.indices {
                        let other = index < source.count ? source[index] : 0
                        switch operation {
                        case .and: wanted[index] &= other
                        case .or: wanted[index] |= other
                        default: wanted[index] ^= other
                        }
                    }
                }
                if operation == .not { wanted = wanted.map { ~$0 } }
                var result = [UInt8](repeating: 0x5A, count: size)
                let joined = used.flatMap { $0 }
                joined.withUnsafeBytes { all in
                    var start = 0
                    let views = used.map { source in
                        defer { start += source.count }
                        return all.slice(start, source.count)
                    }
                    result.withUnsafeMutableBytes { out in
                        if let base = out.baseAddress {
                            Bits.combine(operation, views, into: base, count: size)
                        }
                    }
                }
                #expect(result == wanted)
            }
        }
    }

    /// Every field at every offset of a byte: what is stored is loaded, and no other bit changes.
    @Test func fieldsAnywhere() {
        var random = TestRandom(3)
        for width in 1...64 {
            for offset in 0..<16 {
                for isSigned in [true, false] where isSigned || width < 64 {
                    let field = BitField(isSigned: isSigned, width: width)
                    let value = Int64(bitPattern: random.next())
                    let before = self.random(10, &random)
                    var bytes = before
                    bytes.withUnsafeMutableBytes { field.store(value, $0, at: offset) }
                    let unused = Int64(64 - width)
                    let wanted =
                        isSigned
                        ? (value << unused) >> unused
                        : Int64(
                            bitPattern: (UInt64(bitPattern: value) << UInt64(unused))
                                >> UInt64(unused))
                    #expect(bytes.withUnsafeBytes { field.load($0, at: offset) } == wanted)
                    var model = bits(before)
                    for bit in 0..<width {
                        model[offset + bit] = value >> Int64(width - 1 - bit) & 1 == 1
                    }
                    #expect(bits(bytes) == model)
                    // Behind the end of the string all is zero.
                    let cut = bytes.prefix(1).withUnsafeBytes { field.load($0, at: 0) }
                    var padded = [UInt8](repeating: 0, count: 10)
                    padded[0] = bytes[0]
                    #expect(cut == padded.withUnsafeBytes { field.load($0, at: 0) })
                }
            }
        }
    }

    /// Sums beside arithmetic that cannot overflow.
    @Test func sums() {
        var random = TestRandom(4)
        for _ in 0..<20_000 {
            let isSigned = random.below(2) == 0
            let width = 1 + random.below(isSigned ? 64 : 63)
            let field = BitField(isSigned: isSigned, width: width)
            let low = isSigned ? -(Int128(1) << Int128(width - 1)) : 0
            let high = (Int128(1) << Int128(isSigned ? width - 1 : width)) - 1
            let value = Int64(low + Int128(random.next()) % (high - low + 1))
            let increment = Int64(bitPattern: random.next()) >> Int64(random.below(64))
            let sum = Int128(value) + Int128(increment)
            let fits = (low...high).contains(sum)
            #expect(field.sum(value, increment, .fail) == (fits ? Int64(sum) : nil))
            #expect(
                field.sum(value, increment, .saturate) == Int64(min(max(sum, low), high)))
            let modulus = high - low + 1
            let wrapped = ((sum - low) % modulus + modulus) % modulus + low
            #expect(field.sum(value, increment, .wrap) == Int64(wrapped))
        }
    }
}
