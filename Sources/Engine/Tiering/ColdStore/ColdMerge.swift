// Merging: several runs become one, a bounded step at a time.
//
// Runs of like size are merged when there are `mergeWidth` of them (a level is a factor of that
// width in bytes), so each record is written once per level; everything is merged into one when
// the newer runs outweigh the oldest, which bounds the space that superseded rows hold, and when
// their tombstones are a quarter of all rows, which bounds what deleted ones hold. Only neighbours
// in age are merged, so "newer" stays a property of whole runs.
//
// A merge walks its sources by cursors and appends to a free slot, one transaction per step.
// The slot is not in the manifest, so until the last step nothing of it is visible, and after a
// crash the next opening empties it. The last step writes the filter, puts the new run into the
// manifest, takes the sources out and empties their slots, in one transaction. If a step fails,
// the merge is abandoned and begins anew later.
//
// What does not survive a merge: older rows of the same key, rows of dead namespaces, and, when
// the oldest run takes part, tombstones at or below the floor. Expiry rows are merged in their
// own order; those of rows superseded in this merge, and those handed out and since changed,
// stay behind.

import Glibc
import LMDB

/// A merge under way. The writer thread's.
final class MergeJob {
    enum Phase { case rows, expiries, finish }

    /// Newest first.
    let inputs: [Run]
    let slotNumber: Int
    let writer: RunWriter
    /// The oldest run of all takes part: nothing lies below the result.
    let isBottom: Bool
    /// It takes everything that there was, as `requestFullMerge` asks.
    let isWanted: Bool
    /// Sources lose what was dealt with: see ConsumingMerge.swift. Then `part` is what the list
    /// has of the result, and `consumedChunks` how far each source's chunks are gone.
    let consumes: Bool
    var part: Run?
    var consumedChunks: [UInt64?]
    var phase = Phase.rows
    var isStarted = false
    /// The last key of the present phase that was dealt with.
    var position: [UInt8]?
    /// Fingerprints of the expiry rows whose records were superseded here; bounded.
    var supersededExpiries: Set<UInt64> = []
    var prefetch: Prefetch

    static let supersededMax = 1 << 21

    init(
        _ inputs: [Run], _ slotNumber: Int, _ writer: RunWriter, isBottom: Bool, isWanted: Bool,
        consumes: Bool
    ) {
        self.inputs = inputs
        self.slotNumber = slotNumber
        self.writer = writer
        self.isBottom = isBottom
        self.isWanted = isWanted
        self.consumes = consumes
        consumedChunks = Array(repeating: nil, count: inputs.count)
        prefetch = Prefetch(sources: inputs.count)
    }

    static func fingerprint(_ expiry: Int64, _ row: Bytes) -> UInt64 {
        ColdKey.siphash(row, UInt64(bitPattern: expiry), 0x6D65_7267_6500_0000)
    }
}

/// Tells rows of dead namespaces; rows come sorted by namespace, so the last answer is kept.
private struct DeadRows {
    private let live: LiveNamespaces
    private var last: UInt32?
    private var isDead = false

    init(_ live: LiveNamespaces) { self.live = live }

    @inline(__always)
    mutating func contains(_ namespace: UInt32) -> Bool {
        if namespace != last {
            last = namespace
            isDead = live.isDead(namespace)
        }
        return isDead
    }
}

extension ColdStore {
    /// Does a bounded part of the merging that is due and returns whether there was any.
    /// Writer thread only. About `budgetBytes` are written, in one transaction; the last step of
    /// a merge also writes the run's filter. A full disk throws and the merge begins anew; when
    /// room is short, one that needs a second copy gives way to one that does not.
    @discardableResult
    package func mergeStep(budgetBytes: Int = 16 << 20) throws(ColdError) -> Bool {
        try typed {
            precondition(!options.readOnly)
            let space = self.space
            if let merge, !merge.consumes, space.level != .ample { abandonMerge() }
            if merge == nil {
                if try dropDeadRuns() { return true }
                guard let choice = chooseMerge() else { return false }
                let number = try freeSlot()
                let inputs = Array(current.runs[choice])
                let info = RunInfo(
                    id: nextRunID, recency: inputs[0].info.recency, slot: number, level: 0)
                nextRunID += 1
                let isBottom = choice.upperBound == current.count
                merge = MergeJob(
                    inputs, number, RunWriter(info, slots[number], limits, isOldest: isBottom),
                    isBottom: isBottom,
                    isWanted: choice == 0..<current.count,
                    consumes: mustConsume(inputs.reduce(0) { $0 + $1.info.bytes }))
            }
            guard let job = merge else { return false }
            // While a snapshot pins pages, those that a step frees are of no use.
            let isPinned = state.withLock { liveSnapshots > 0 }
            if job.consumes, isPinned, space.level != .ample { return false }
            do {
                try step(
                    job, job.consumes ? min(budgetBytes, space.portionBytesMax) : budgetBytes)
            } catch {
                abandonMerge()
                throw error
            }
            measureSpace()
            return true
        }
    }

    /// Gives up the merge under way. What a consuming one has shown stays.
    private func abandonMerge() {
        guard let job = merge else { return }
        merge = nil
        state.withLock { counters.mergesAbandoned += 1 }
        if job.part != nil || !job.isStarted { return }
        do {
            let transaction = try WriteTransaction(environment)
            try empty(transaction, job.writer.slot)
            try publish(transaction, nil)
        } catch {
            // Whoever uses the slot next empties it first.
        }
        measureSpace()
    }

    /// Whether a merge is under way or due. Writer thread only.
    package var isMergeDue: Bool { merge != nil || chooseMerge() != nil }

    /// Makes the next merge one of everything. Any thread.
    package func requestFullMerge() { state.withLock { fullMergeWanted = true } }

    // MARK: choosing

    /// The size class of a run: each is `mergeWidth` times as large as the one before.
    func level(_ bytes: Int) -> Int {
        var level = 0
        var limit = 1 << 20
        while bytes > limit && level < 30 {
            level += 1
            limit = limit.multipliedReportingOverflow(by: options.mergeWidth).partialValue
        }
        return level
    }

    private func chooseMerge() -> Range<Int>? {
        let runs = current.runs
        let (wanted, pinned) = state.withLock { (fullMergeWanted, liveSnapshots > 0) }
        if wanted && !runs.isEmpty { return 0..<runs.count }
        guard runs.count > 1 else { return nil }
        let isShort = space.level != .ample
        if isShort && pinned { return nil }
        let all = runs.reduce(0) { $0 + $1.info.bytes }
        let oldest = runs[runs.count - 1].info.bytes
        let crowded = runs.count > options.runsMax
        func allowed(_ range: Range<Int>) -> Range<Int>? {
            let bytes = runs[range].reduce(0) { $0 + $1.info.bytes }
            return pinned && !crowded && bytes > 64 << 20 ? nil : range
        }
        let levels = runs.map { level($0.info.bytes) }
        for level in 0...(levels.max() ?? 0) {
            var start = 0
            while start < runs.count {
                guard levels[start] <= level else {
                    start += 1
                    continue
                }
                var end = start
                var peers = 0
                while end < runs.count && levels[end] <= level {
                    if levels[end] == level { peers += 1 }
                    end += 1
                }
                if peers >= options.mergeWidth, let range = allowed(start..<end) { return range }
                start = end
            }
        }
        if all > ColdStore.buriedBytesMin, isMuchDeleted(runs), let range = allowed(0..<runs.count)
        {
            return range
        }
        if runs.count >= options.mergeWidth,
            Double(all - oldest) >= options.fullMergeRatio * Double(oldest)
        {
            return allowed(0..<runs.count)
        }
        if crowded { return 0..<(runs.count / 2) }
        return isShort ? chooseForRoom() : nil
    }

    private static let buriedBytesMin = 1 << 20

    /// Whether the tombstones that lie above the oldest run are a quarter of all rows: with what
    /// they hide, about half of the rows are of no use. (In the oldest run they wait for the
    /// checkpoint, and hide nothing.)
    private func isMuchDeleted(_ runs: [Run]) -> Bool {
        let tombstones = runs.dropLast().reduce(0) { $0 + $1.info.tombstones }
        return tombstones > 0 && tombstones * 4 >= runs.reduce(0) { $0 + $1.info.records }
    }

    /// Empties runs that hold nothing but dead namespaces, without reading them.
    private func dropDeadRuns() throws -> Bool {
        let live = liveNamespaces
        let gone = current.runs.filter { run in
            run.view.maxNamespace - run.view.minNamespace < 64
                && (run.view.minNamespace...run.view.maxNamespace).allSatisfy(live.isDead)
        }
        guard !gone.isEmpty else { return false }
        let transaction = try WriteTransaction(environment)
        for run in gone {
            try removeManifest(transaction, run.info)
            try empty(transaction, run.view.slot)
        }
        let left = current.runs.filter { run in !gone.contains { $0 === run } }
        let list = RunList(left, transaction: transaction.id)
        try publish(transaction, list)
        state.withLock { counters.deadRowsDropped += gone.reduce(0) { $0 + $1.info.records } }
        return true
    }

    // MARK: working

    private func step(_ job: MergeJob, _ budget: Int) throws {
        let transaction = try WriteTransaction(environment)
        if !job.isStarted {
            try empty(transaction, job.writer.slot)
            job.isStarted = true
        }
        let before = job.writer.info.bytes
        let recordsBefore = job.writer.info.records
        do {
            var output = try RunOutput(transaction.view, job.writer.slot)
            if job.phase == .rows {
                try mergeRows(transaction.view, job, &output, until: before + budget)
            }
            if job.phase == .expiries {
                try mergeExpiries(transaction.view, job, &output, until: before + budget)
            }
            if job.phase == .finish && !job.writer.isEmpty { try job.writer.finish(&output) }
        }
        var list: RunList?
        if job.phase == .finish {
            list = try replace(transaction, job)
        } else if job.consumes {
            list = try consume(transaction, job)
        }
        try publish(transaction, list)
        state.withLock {
            counters.bytesMerged += job.writer.info.bytes - before
            counters.recordsMerged += job.writer.info.records - recordsBefore
            if job.phase == .finish {
                counters.merges += 1
                if job.isWanted { fullMergeWanted = false }
            }
        }
        if job.phase == .finish { merge = nil }
    }

    /// Puts the result in the place of its sources.
    private func replace(
        _ transaction: borrowing WriteTransaction, _ job: MergeJob
    ) throws -> RunList {
        var runs: [Run] = []
        var placed = false
        job.writer.setLevel(level(job.writer.info.bytes))
        for run in current.runs where run !== job.part {
            guard job.inputs.contains(where: { $0 === run }) else {
                runs.append(run)
                continue
            }
            if !placed && !job.writer.isEmpty { runs.append(job.writer.makeRun()) }
            placed = true
            try removeManifest(transaction, run.info)
            try empty(transaction, run.view.slot)
        }
        if !job.writer.isEmpty {
            try putManifest(transaction, job.writer.info)
        }
        return RunList(runs, transaction: transaction.id)
    }

    private func mergeRows(
        _ view: TransactionView, _ job: MergeJob, _ output: inout RunOutput, until limit: Int
    ) throws {
        var walk = try MergedRows(view, job.inputs.map(\.view.slot.rows), after: job.position)
        var dead = DeadRows(liveNamespaces)
        let floor = tombstoneFloor
        let hasExpiries = job.inputs.contains { $0.info.expiryRows > 0 }
        var dropped = ColdCounters()
        defer {
            state.withLock {
                counters.rowsSuperseded += dropped.rowsSuperseded
                counters.tombstonesDropped += dropped.tombstonesDropped
                counters.deadRowsDropped += dropped.deadRowsDropped
            }
        }
        var hiddenExpiries: [Int64] = []
        // Rows that are dropped cost time too: bound the visits as well as the output.
        var visits = 0
        let visitsMax = job.consumes ? ColdStore.consumedRowsMax : 1 << 20
        while try walk.next({ older in
            dropped.rowsSuperseded += 1
            if hasExpiries, let header = ColdHeader(older), header.due >= 0 {
                hiddenExpiries.append(header.due)
            }
        }) {
            let row = walk.key
            let value = walk.value
            job.prefetch.touch(walk.winner, row.baseAddress)
            guard let header = ColdHeader(value) else {
                // Not ours to judge: it is kept as it is, and reported to whoever reads it.
                try job.writer.addRow(&output, row: row, value: value, lsn: 0, tombstone: false)
                continue
            }
            if !hiddenExpiries.isEmpty {
                for expiry in hiddenExpiries where expiry != header.due {
                    if job.supersededExpiries.count < MergeJob.supersededMax {
                        job.supersededExpiries.insert(MergeJob.fingerprint(expiry, row))
                    }
                }
                hiddenExpiries.removeAll(keepingCapacity: true)
            }
            visits += 1
            let namespace = ColdKey.namespace(row)
            if dead.contains(namespace) {
                dropped.deadRowsDropped += 1
                if !job.consumes {
                    if namespace == .max { break }
                    let beyond = ColdKey.prefix(namespace + 1, 0)
                    job.position = Array(row)
                    try beyond.withUnsafeBytes { try walk.skip(to: $0) }
                    continue
                }
            } else if header.isTombstone && job.isBottom && header.lsn <= floor {
                dropped.tombstonesDropped += 1
            } else if header.isChunked {
                let source = job.inputs[walk.winner].view
                try copyChunked(view, job, source, &output, row, value, header)
            } else {
                try job.writer.addRow(
                    &output, row: row, value: value, lsn: header.lsn,
                    tombstone: header.isTombstone)
            }
            if job.writer.info.bytes >= limit || visits >= visitsMax {
                job.position = Array(row)
                return
            }
        }
        job.phase = .expiries
        job.position = nil
    }

    /// Copies a large value: chunk rows, renumbered, and its row.
    private func copyChunked(
        _ view: TransactionView, _ job: MergeJob, _ source: RunView, _ output: inout RunOutput,
        _ row: Bytes, _ value: Bytes, _ header: ColdHeader
    ) throws {
        let count = UInt64((header.bodyLength + limits.chunkBytes - 1) / limits.chunkBytes)
        var first = UInt64.max
        if header.firstChunk <= source.chunks && count <= source.chunks - header.firstChunk {
            first = job.writer.nextChunk
            var cursor = try Cursor(view, source.slot.chunks)
            for index in 0..<count {
                let found =
                    try index == 0 ? cursor.seek(exactly: header.firstChunk) : cursor.move(.next)
                // A missing chunk leaves the value damaged, as it was: the count will not fit.
                guard found else { break }
                job.prefetch.touch(job.inputs.count, cursor.value.baseAddress)
                try job.writer.addChunk(&output, cursor.value)
            }
        }
        try withUnsafeTemporaryAllocation(byteCount: value.count, alignment: 8) { copy in
            copy.copyMemory(from: value)
            copy.storeBytes(
                of: first.littleEndian, toByteOffset: header.headerBytes - 8, as: UInt64.self)
            try job.writer.addRow(
                &output, row: row, value: Bytes(copy), lsn: header.lsn,
                tombstone: header.isTombstone)
        }
    }

    private func mergeExpiries(
        _ view: TransactionView, _ job: MergeJob, _ output: inout RunOutput, until limit: Int
    ) throws {
        var dead = DeadRows(liveNamespaces)
        let marks = state.withLock { job.inputs.map(\.expiryMark) }
        var walk = try MergedRows(view, job.inputs.map(\.view.slot.expiries), after: job.position)
        var stale = 0
        defer { state.withLock { counters.staleExpiriesDropped += stale } }
        var visits = 0
        while try walk.next() {
            let key = walk.key
            visits += 1
            if !ExpiryRow.isValid(key, walk.value) { continue }
            let row = ExpiryRow.row(key)
            var keep = !dead.contains(ColdKey.namespace(row))
            if keep && !job.supersededExpiries.isEmpty {
                let fingerprint = MergeJob.fingerprint(ExpiryRow.expiry(key), row)
                keep = !job.supersededExpiries.contains(fingerprint)
            }
            if keep, let mark = marks[walk.winner],
                mark.withUnsafeBytes({ key.compare($0) <= 0 })
            {
                keep = try isCurrent(view, current, key, walk.value)
            }
            if keep {
                try job.writer.addExpiry(&output, key: key, value: walk.value)
            } else {
                stale += 1
            }
            if job.writer.info.bytes >= limit || visits >= 1 << 16 {
                job.position = Array(key)
                return
            }
        }
        job.phase = .finish
        job.position = nil
    }
}
