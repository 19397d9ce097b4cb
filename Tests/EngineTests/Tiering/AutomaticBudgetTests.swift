import Testing

@testable import Engine

/// What `maxmemory auto` makes of the process's memory.
@Suite struct AutomaticBudgetTests {
    private let limit = 256 << 20

    private func settled(beside: Int, from start: Int) -> Int {
        var budget = MemoryBudget(bytes: start, isAutomatic: true)
        for _ in 0..<1000 { budget = budget.follow(besideBytes: beside, limitBytes: limit) }
        #expect(budget.isAutomatic)
        return budget.bytes
    }

    @Test func keysAndTheRestTogetherStayAtThreeQuarters() {
        for megabytes in [0, 10, 40, 90] {
            let budget = settled(beside: megabytes << 20, from: limit)
            #expect(budget + (megabytes << 20) == limit / 4 * 3)
        }
    }

    @Test func whateverElseThereIsKeysKeepHalfOfThat() {
        #expect(settled(beside: 200 << 20, from: limit) == limit / 8 * 3)
        #expect(settled(beside: .max / 2, from: limit) == limit / 8 * 3)
    }

    @Test func aStartLeavesRoomForTheRest() {
        #expect(MemoryBudget.automatic(limitBytes: 64 << 20).bytes == 24 << 20)
        #expect(MemoryBudget.automatic(limitBytes: limit).bytes == 144 << 20)
        #expect(MemoryBudget.automatic(limitBytes: 16 << 30).bytes == (12 << 30) - (48 << 20))
    }

    @Test func itFallsAtOnceAndRisesSlowly() {
        let before = MemoryBudget(bytes: 180 << 20, isAutomatic: true)
        let fallen = before.follow(besideBytes: 50 << 20, limitBytes: limit)
        #expect(fallen.bytes == 142 << 20)
        let risen = fallen.follow(besideBytes: 0, limitBytes: limit)
        #expect(risen.bytes == fallen.bytes + limit / 512)
        #expect(settled(beside: 0, from: fallen.bytes) == limit / 4 * 3)
    }

    /// The kernel's figures are there, and a page that was touched counts.
    @Test func memoryThatIsTouchedIsAnonymous() {
        let before = ProcessMemory()
        #expect(before.anonymousBytes > 1 << 20)
        #expect(before.residentBytes >= before.anonymousBytes)
        let count = 64 << 20
        let block = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
        for offset in stride(from: 0, to: count, by: 4096) {
            block.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
        }
        let grown = ProcessMemory().anonymousBytes - before.anonymousBytes
        #expect(grown > count / 2, "\(grown)")
        block.deallocate()
    }
}
