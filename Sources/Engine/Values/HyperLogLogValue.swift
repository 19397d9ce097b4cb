// A HyperLogLog as a string in an allocation of its own: adding elements, growing dense,
// merging, counting.
//
// A `HyperLogLogValue` is a handle: the entry whose string it is, or the command that makes it,
// owns the allocation. Changes may replace it; whoever changes the value of an entry stores the
// handle's string again (`save`).

import Glibc

/// The highest rank seen of each register: what HyperLogLogs are merged into.
struct MergedRegisters {
    private(set) var ranks = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
    /// Whether one of the sources was dense.
    private(set) var sawDense = false

    /// Takes in a valid HyperLogLog; false if its registers are damaged. O(registers).
    mutating func merge(_ bytes: Bytes) -> Bool {
        let registers = HyperLogLog.registers(bytes)
        let isDense = HyperLogLog.encoding(of: bytes) == .dense
        if isDense { sawDense = true }
        return ranks.withUnsafeMutableBufferPointer { ranks in
            var index = 0
            if isDense {
                DenseRegisters.forEach(registers.baseAddress!) { rank in
                    if rank > ranks[index] { ranks[index] = rank }
                    index += 1
                }
                return true
            }
            return SparseRegisters.forEach(registers) { run in
                if run.rank > 0 {
                    for at in index..<(index + run.count) where ranks[at] < run.rank {
                        ranks[at] = run.rank
                    }
                }
                index += run.count
            }
        }
    }

    /// The cardinality of the union of all that was merged. O(registers).
    func count() -> UInt64 {
        var histogram = [Int](repeating: 0, count: 64)
        for rank in ranks { histogram[Int(rank)] += 1 }
        return HyperLogLog.estimate(histogram)
    }
}

struct HyperLogLogValue {
    private(set) var string: RawString

    /// The value of a `.raw` string entry that `HyperLogLog.encoding` has accepted.
    init(_ entry: Entry) { string = StringValue.raw(entry) }

    /// A new one that has seen nothing, sparse; the caller owns it.
    init() {
        string = RawString(zeros: HyperLogLog.headerBytes + SparseRegisters.growthBytesMax)
        HyperLogLog.writeHeader(.sparse, to: string.pointer)
        let count = SparseRegisters.writeEmpty(to: sparseBytes)
        string.count = UInt32(HyperLogLog.headerBytes + count)
    }

    func save(to entry: Entry) { StringValue.setRaw(entry, string) }

    var isSparse: Bool { HyperLogLog.encoding(of: string.bytes) == .sparse }

    private var registers: UnsafeMutableRawPointer { string.pointer + HyperLogLog.headerBytes }

    private var sparseBytes: UnsafeMutablePointer<UInt8> {
        registers.assumingMemoryBound(to: UInt8.self)
    }

    // MARK: Changing

    enum Outcome {
        case unchanged
        case changed
        /// Changed, and dense now.
        case promoted
        case damaged
    }

    /// Raises one register to `rank`, turning dense where sparse bytes would be more than
    /// `sparseBytesMax`. The cached count is left as it is. O(1); O(bytes) while sparse.
    mutating func raise(_ index: Int, to rank: UInt8, sparseBytesMax: Int) -> Outcome {
        guard isSparse else {
            return DenseRegisters.raise(registers, index, to: rank) ? .changed : .unchanged
        }
        makeRoom()
        var count = Int(string.count) - HyperLogLog.headerBytes
        let outcome = SparseRegisters.raise(
            sparseBytes, &count, countMax: sparseBytesMax - HyperLogLog.headerBytes, index,
            to: rank)
        switch outcome {
        case .unchanged: return .unchanged
        case .damaged: return .damaged
        case .changed:
            string.count = UInt32(HyperLogLog.headerBytes + count)
            return .changed
        case .tooLong:
            guard makeDense() else { return .damaged }
            return DenseRegisters.raise(registers, index, to: rank) ? .promoted : .damaged
        }
    }

    /// Room for what one change may add to the sparse bytes.
    private mutating func makeRoom() {
        let needed = Int(string.count) + SparseRegisters.growthBytesMax
        if needed <= Int(string.capacity) { return }
        let capacity = needed + Swift.min(needed, 300)
        string.pointer = Heap.reallocate(
            string.pointer, from: Int(string.capacity), to: capacity)
        string.capacity = UInt32(capacity)
    }

    /// Makes a sparse value dense; false, and nothing is changed, if it is damaged. The cached
    /// count stays, for it is still true. O(registers).
    mutating func makeDense() -> Bool {
        let dense = RawString(zeros: HyperLogLog.denseBytes)
        memcpy(dense.pointer, string.pointer, HyperLogLog.headerBytes)
        HyperLogLog.setEncoding(.dense, dense.pointer)
        let target = dense.pointer + HyperLogLog.headerBytes
        var index = 0
        let isWhole = SparseRegisters.forEach(HyperLogLog.registers(string.bytes)) { run in
            if run.rank > 0 {
                for at in index..<(index + run.count) {
                    _ = DenseRegisters.raise(target, at, to: run.rank)
                }
            }
            index += run.count
        }
        guard isWhole else {
            dense.free()
            return false
        }
        string.free()
        string = dense
        return true
    }

    /// To be called after changes.
    func forgetCount() { HyperLogLog.forgetCount(string.pointer) }

    // MARK: Reading

    /// The cardinality that the registers speak of, nil if they are damaged. O(registers).
    static func count(_ bytes: Bytes) -> UInt64? {
        var histogram = [Int](repeating: 0, count: 64)
        let registers = HyperLogLog.registers(bytes)
        if HyperLogLog.encoding(of: bytes) == .dense {
            DenseRegisters.forEach(registers.baseAddress!) { histogram[Int($0)] += 1 }
        } else {
            let isWhole = SparseRegisters.forEach(registers) { run in
                histogram[Int(run.rank)] += run.count
            }
            if !isWhole { return nil }
        }
        return HyperLogLog.estimate(histogram)
    }
}
