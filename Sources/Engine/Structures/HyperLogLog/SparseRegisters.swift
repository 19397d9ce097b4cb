// The registers of a HyperLogLog that has seen little: runs of equal registers.
//
//     00xxxxxx            a run of x + 1 zeros
//     01xxxxxx yyyyyyyy   a run of xy + 1 zeros, x the high bits
//     1vvvvvxx            a run of x + 1 registers of rank v + 1
//
// Together the runs cover all registers exactly. Setting a register splits the run that it lies
// in, into three at most, and then joins neighbours of equal rank, in the very places where
// Redis does, so that the same elements give the same bytes.
//
// Source: Redis 7.0, `hllSparseSet`.

import Glibc

enum SparseRegisters {
    /// The highest rank that a run can say.
    static let rankMax: UInt8 = 32
    /// What setting one register may add at most.
    static let growthBytesMax = 3
    private static let rankedRunMax = 4
    private static let shortZerosMax = 64
    /// How many runs, from the one before the change on, are looked at for joining.
    private static let joinedRunsMax = 5

    struct Run {
        /// 0 for zeros.
        var rank: UInt8
        var count: Int
        var byteCount: Int
    }

    /// The run at an offset within the bytes, nil if it is cut off.
    @inline(__always)
    static func run(_ bytes: UnsafePointer<UInt8>, _ count: Int, at offset: Int) -> Run? {
        let first = bytes[offset]
        if first & 0x80 != 0 {
            return Run(rank: first >> 2 & 31 + 1, count: Int(first & 3) + 1, byteCount: 1)
        }
        if first & 0x40 == 0 { return Run(rank: 0, count: Int(first) + 1, byteCount: 1) }
        guard offset + 1 < count else { return nil }
        let zeros = Int(first & 63) << 8 | Int(bytes[offset + 1])
        return Run(rank: 0, count: zeros + 1, byteCount: 2)
    }

    /// Lends every run in order, however many registers they come to, until `body` returns
    /// false. O(bytes).
    static func walk(_ bytes: Bytes, _ body: (Run) -> Bool) {
        guard let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
        var offset = 0
        while offset < bytes.count {
            // Redis has a zero byte behind every string, which ends a run that is cut off.
            let run =
                run(base, bytes.count, at: offset)
                ?? Run(rank: 0, count: Int(base[offset] & 63) << 8 + 1, byteCount: 2)
            guard body(run) else { return }
            offset += run.byteCount
        }
    }

    /// Lends every run in order; false if they do not cover all registers exactly, and then not
    /// more than all were lent. O(bytes).
    static func forEach(_ bytes: Bytes, _ body: (Run) -> Void) -> Bool {
        var covered = 0
        walk(bytes) { run in
            covered += run.count
            if covered <= HyperLogLog.registerCount { body(run) }
            return covered <= HyperLogLog.registerCount
        }
        return covered == HyperLogLog.registerCount
    }

    /// Writes the runs of registers that are all 0; returns the number of bytes.
    static func writeEmpty(to bytes: UnsafeMutablePointer<UInt8>) -> Int {
        var sequence = Sequence()
        sequence.add(rank: 0, count: HyperLogLog.registerCount)
        sequence.write(to: bytes)
        return sequence.count
    }

    enum Outcome {
        case unchanged
        case changed
        /// The runs cannot say it, or would be too long: nothing was done.
        case tooLong
        /// The runs do not reach the register.
        case damaged
    }

    /// Raises a register to `rank`. There is room for `growthBytesMax` behind the `count` bytes,
    /// which this keeps up to date and no higher than `countMax` when they grow. O(bytes).
    static func raise(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: inout Int, countMax: Int,
        _ index: Int, to rank: UInt8
    ) -> Outcome {
        if rank > rankMax { return .tooLong }
        var offset = 0
        var first = 0
        var previous = 0
        var found: Run?
        while offset < count, found == nil {
            guard let run = run(bytes, count, at: offset) else { return .damaged }
            if index < first + run.count {
                found = run
            } else {
                previous = offset
                offset += run.byteCount
                first += run.count
            }
        }
        guard let run = found else { return .damaged }
        if run.rank >= rank { return .unchanged }

        var sequence = Sequence()
        sequence.add(rank: run.rank, count: index - first)
        sequence.add(rank: rank, count: 1)
        sequence.add(rank: run.rank, count: first + run.count - 1 - index)
        let growth = sequence.count - run.byteCount
        if growth > 0, count + growth > countMax { return .tooLong }
        let behind = offset + run.byteCount
        memmove(bytes + behind + growth, bytes + behind, count - behind)
        sequence.write(to: bytes + offset)
        count += growth
        join(bytes, &count, from: previous)
        return .changed
    }

    /// Joins neighbours of equal rank where one run can say both.
    private static func join(
        _ bytes: UnsafeMutablePointer<UInt8>, _ count: inout Int, from start: Int
    ) {
        var offset = start
        for _ in 0..<joinedRunsMax where offset < count {
            guard let run = run(bytes, count, at: offset) else { return }
            let next = offset + 1
            if run.rank > 0, next < count, let other = self.run(bytes, count, at: next),
                other.rank == run.rank, run.count + other.count <= rankedRunMax
            {
                var joined = Sequence()
                joined.add(rank: run.rank, count: run.count + other.count)
                joined.write(to: bytes + offset)
                memmove(bytes + next, bytes + next + 1, count - next - 1)
                count -= 1
            } else {
                offset += run.byteCount
            }
        }
    }

    /// A few runs about to be written.
    private struct Sequence {
        private var bytes: UInt64 = 0
        private(set) var count = 0

        mutating func add(rank: UInt8, count: Int) {
            if count == 0 { return }
            if rank > 0 {
                append(0x80 | (rank - 1) << 2 | UInt8(truncatingIfNeeded: count - 1))
            } else if count <= shortZerosMax {
                append(UInt8(truncatingIfNeeded: count - 1))
            } else {
                append(0x40 | UInt8(truncatingIfNeeded: (count - 1) >> 8))
                append(UInt8(truncatingIfNeeded: count - 1))
            }
        }

        private mutating func append(_ byte: UInt8) {
            bytes |= UInt64(byte) << UInt64(count * 8)
            count += 1
        }

        func write(to target: UnsafeMutablePointer<UInt8>) {
            for index in 0..<count {
                target[index] = UInt8(truncatingIfNeeded: bytes >> UInt64(index * 8))
            }
        }
    }
}
