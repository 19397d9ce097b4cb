// A merge under way: what it reads, the runs that it writes, and how far it is.
//
// A merge writes one run, or several that cover ranges of keys one after another: slices, one for
// each partition, or the bases of a partition that has grown too large. Rows come in the order of
// keys, so one run after the other is written and closed; expiry rows come in the order of time, so
// in that phase all of them are open. A run takes a slot that is reserved before the transaction,
// because making a slot is a transaction of its own.

import LMDB

/// A (namespace, hash): partitions begin and end at such, so that the rows of one are never
/// separated.
struct KeyBound: Comparable {
    let namespace: UInt32
    let hash: UInt64

    init(namespace: UInt32, hash: UInt64) {
        self.namespace = namespace
        self.hash = hash
    }

    init(_ row: Bytes) {
        namespace = ColdKey.namespace(row)
        hash = ColdKey.hash(row)
    }

    /// - Parameter lower: a partition's name.
    init(lower: [UInt8]) {
        self = (lower.isEmpty ? ColdKey.prefix(0, 0) : lower).withUnsafeBytes { KeyBound($0) }
    }

    @inline(__always)
    static func <= (a: KeyBound, b: KeyBound) -> Bool {
        a.namespace < b.namespace || a.namespace == b.namespace && a.hash <= b.hash
    }

    @inline(__always)
    static func < (a: KeyBound, b: KeyBound) -> Bool {
        a.namespace < b.namespace || a.namespace == b.namespace && a.hash < b.hash
    }

    var prefix: [UInt8] { ColdKey.prefix(namespace, hash) }
}

/// The writer thread's.
final class MergeJob {
    enum Phase { case rows, expiries, finish }

    /// One run that is being written.
    struct Output {
        let slot: Int
        let writer: RunWriter
        /// Where its keys begin.
        let bound: KeyBound
        /// What the list has of it while the merge consumes its sources.
        var part: Run?
        var isClosed = false
    }

    /// How far the walk of the present phase is.
    struct Position {
        let key: [UInt8]
        /// Whether the row of this key was dealt with itself.
        let isDone: Bool
    }

    let output: MergePlan.Output
    /// Newest first.
    let inputs: [Run]
    /// Sources lose what was dealt with: see ConsumingMerge.swift. Then `consumedChunks` is how far
    /// each source's chunks are gone.
    let consumes: Bool
    var consumedChunks: [UInt64?]
    /// The partitions that slices are cut for, in order.
    let partitions: [RunList.Partition]
    /// What one output may hold before another is begun; nil: there is one.
    let outputBytesMax: Int?

    var outputs: [Output] = []
    /// Slots for outputs to come.
    var spareSlots: [Int] = []
    var phase = Phase.rows
    var position: Position?
    /// Where the next output begins; nil: the last one goes on.
    var nextBound: KeyBound?
    /// Bytes of closed outputs.
    private var closedBytes = 0
    private var closedRecords = 0
    /// Fingerprints of the expiry rows whose records were superseded here; bounded.
    var supersededExpiries: Set<UInt64> = []
    var prefetch: Prefetch

    static let supersededMax = 1 << 21

    init(
        _ output: MergePlan.Output, _ inputs: [Run], _ partitions: [RunList.Partition],
        outputBytesMax: Int?, consumes: Bool
    ) {
        self.output = output
        self.inputs = inputs
        self.consumes = consumes
        self.outputBytesMax = outputBytesMax
        if case .slices = output { self.partitions = partitions } else { self.partitions = [] }
        consumedChunks = Array(repeating: nil, count: inputs.count)
        prefetch = Prefetch(sources: inputs.count)
        let first = inputs.map(\.info.minKey).min { $0.lexicographicallyPrecedes($1) }!
        nextBound = first.withUnsafeBytes { KeyBound($0) }
    }

    static func fingerprint(_ expiry: Int64, _ row: Bytes) -> UInt64 {
        ColdKey.siphash(row, UInt64(bitPattern: expiry), 0x6D65_7267_6500_0000)
    }

    var isBottom: Bool { MergePlan(inputs: 0..<0, output: output).isBottom }

    var slots: [Int] { outputs.map(\.slot) + spareSlots }

    /// The newest of its sources.
    var recency: UInt64 { inputs.reduce(0) { max($0, $1.info.recency) } }

    var inputBytes: Int { inputs.reduce(0) { $0 + $1.info.bytes } }

    /// What was written so far.
    var writtenBytes: Int {
        closedBytes + (outputs.last.map { $0.isClosed ? 0 : $0.writer.info.bytes } ?? 0)
    }
    var writtenRecords: Int {
        closedRecords + (outputs.last.map { $0.isClosed ? 0 : $0.writer.info.records } ?? 0)
    }

    /// How many outputs one step may begin.
    var slotsPerStep: Int { partitions.isEmpty ? 1 : 4 }

    /// The walk of the present phase from where it is; `databases` are those of the inputs.
    func walk(_ view: TransactionView, _ databases: [Database]) throws -> MergedRows {
        guard let position else { return try MergedRows(view, databases) }
        return position.isDone
            ? try MergedRows(view, databases, after: position.key)
            : try MergedRows(view, databases, from: position.key)
    }

    // MARK: outputs

    /// The partition that a new output which begins at `bound` belongs to; nil: none, a layer.
    func partition(of bound: KeyBound) -> [UInt8]? {
        switch output {
        case .layer: nil
        case .partition(let lower): lower
        case .base(let lower): outputs.isEmpty ? lower : bound.prefix
        case .slices: partitions[partitions.index(of: bound)].lower
        }
    }

    /// Where the keys of an output end that begins at `bound`, as far as that is known beforehand.
    func end(of bound: KeyBound) -> KeyBound? {
        guard case .slices = output else { return nil }
        let next = partitions.index(of: bound) + 1
        return next < partitions.count ? partitions[next].bound : nil
    }

    /// The output that holds what belongs to `bound`, nil when there is none yet.
    func outputIndex(of bound: KeyBound) -> Int? {
        switch output {
        case .layer, .partition: return outputs.isEmpty ? nil : 0
        case .base: return outputs.isEmpty ? nil : outputs.lastIndex { $0.bound <= bound } ?? 0
        case .slices:
            let lower = partitions[partitions.index(of: bound)].lower
            return outputs.firstIndex { $0.writer.info.partition == lower }
        }
    }

    /// The last output's rows are complete.
    func closeLast() {
        let last = outputs.count - 1
        closedBytes += outputs[last].writer.info.bytes
        closedRecords += outputs[last].writer.info.records
        outputs[last].isClosed = true
    }
}
