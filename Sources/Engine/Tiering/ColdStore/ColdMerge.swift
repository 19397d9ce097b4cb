// Merging: several runs become one, or a few, a bounded step at a time.
//
// MergePlanner.swift says which. A merge walks its sources by cursors and appends to free slots,
// one transaction per step. These slots are not in the manifest, so until the last step nothing of
// it is visible, and after a crash the next opening empties them. The last step puts the new runs
// into the manifest, takes the sources out and empties their slots, in one transaction. If a step
// fails, the merge is abandoned and begins anew later.
//
// While a large merge is under way layers go on to be committed. So that they stay few, a merge of
// small layers may interrupt it (`merges` then holds both); it never touches what the other reads.
//
// What does not survive a merge: older rows of the same key, rows of dead namespaces, and, in a
// base, tombstones at or below the floor. Expiry rows are merged in their own order; those of rows
// superseded in this merge, and those handed out and since changed, stay behind.

import Glibc
import LMDB

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
    /// Writer thread only. About `budgetBytes` are written, in one transaction; a step that closes
    /// a run also writes its filter. A full disk throws and the merge begins anew; when room is
    /// short, one that needs a second copy gives way to one that does not.
    @discardableResult
    package func mergeStep(budgetBytes: Int = 16 << 20) throws(ColdError) -> Bool {
        try typed {
            precondition(!options.readOnly)
            let space = self.space
            if space.level != .ample { abandonMerges { !$0.consumes } }
            if merges.isEmpty {
                if try dropDeadRuns() { return true }
                let planner = self.planner()
                guard let plan = choose(planner), begin(plan, planner) else { return false }
            } else {
                beginMeanwhile()
            }
            guard let job = merges.last else { return false }
            // While a snapshot pins pages, those that a step frees are of no use.
            let isPinned = state.withLock { liveSnapshots > 0 }
            if job.consumes, isPinned, space.level != .ample { return false }
            do {
                try step(
                    job, job.consumes ? min(budgetBytes, space.portionBytesMax) : budgetBytes)
            } catch {
                abandonMerges { $0 === job }
                throw error
            }
            measureSpace()
            return true
        }
    }

    /// The merge that is being worked at. Writer thread only.
    var merge: MergeJob? { merges.last }

    /// Whether a merge is under way or due. Writer thread only.
    package var isMergeDue: Bool { !merges.isEmpty || choose(planner()) != nil }

    /// Makes the next merges take everything that there is. Any thread.
    package func requestFullMerge() { state.withLock { fullMergeWanted = true } }

    /// Whether there are so many runs that merging should do more than keep pace. Writer thread
    /// only.
    var isCrowded: Bool {
        let many = options.runsMax / 2
        return current.layerCount > many || current.partitions.contains { $0.runs.count > many }
    }

    // MARK: beginning and giving up

    private func planner() -> MergePlanner {
        let (wanted, pinned) = state.withLock {
            defer { fullMergeWanted = false }
            return (fullMergeWanted, liveSnapshots > 0)
        }
        if wanted { renewBelow = nextRunID }
        if !current.runs.contains(where: { $0.info.id < renewBelow }) { renewBelow = 0 }
        var planner = MergePlanner()
        planner.width = options.mergeWidth
        planner.baseRatio = options.baseRatio
        planner.runsMax = options.runsMax
        planner.partitionBytes = partitionBytes
        planner.isPinned = pinned
        planner.isShort = space.level != .ample
        planner.renewBelow = renewBelow
        return planner
    }

    /// What is due; of runs that are being copied, nothing.
    private func choose(_ planner: MergePlanner) -> MergePlan? {
        guard let held = heldRecency else { return planner.choose(current) }
        return planner.chooseNewer(current, before: current.newerLayers(than: held))
    }

    /// What a base should hold: a merge needs so much room beside the data. Less where there is
    /// little, and more where slots would run out.
    private var partitionBytes: Int {
        let space = self.space
        let (all, isUnknown) = space.usedBytes.addingReportingOverflow(max(space.roomBytes, 0))
        let share = isUnknown ? Int.max : max(all / 16, 16 << 20)
        let stored = current.runs.reduce(0) { $0 + $1.info.bytes }
        return max(min(partitionBytesMax, share), stored / 64)
    }

    /// False when there is no room for the merge.
    private func begin(_ plan: MergePlan, _ planner: MergePlanner) -> Bool {
        let inputs = Array(current.runs[plan.inputs])
        let bytes = inputs.reduce(0) { $0 + $1.info.bytes }
        var output = plan.output
        var bytesMax = plan.isBottom ? planner.baseBytesMax(bytes) : nil
        let consumes = mustConsume(bytes)
        // A run that is being copied must not change.
        if consumes && heldRecency != nil { return false }
        if consumes, case .base = output {
            // While it shows a part of its result, the bounds of partitions must stay.
            let names = Set(inputs.compactMap(\.info.partition))
            if names.count > 1 { return false }
            output = .base(names.first ?? [])
            bytesMax = nil
        }
        merges.append(
            MergeJob(
                output, inputs, current.partitions, outputBytesMax: bytesMax, consumes: consumes))
        return true
    }

    /// Begins a merge of small layers that is due beside the large one under way.
    private func beginMeanwhile() {
        guard merges.count == 1, let job = merges.last, !job.consumes else { return }
        let limit =
            current.runs[..<current.layerCount].firstIndex { run in
                job.inputs.contains { $0 === run }
            } ?? current.layerCount
        let planner = self.planner()
        guard limit >= planner.width,
            let plan = planner.chooseMeanwhile(current, before: limit, job.inputBytes),
            !mustConsume(current.runs[plan.inputs].reduce(0) { $0 + $1.info.bytes })
        else { return }
        _ = begin(plan, planner)
    }

    /// Gives up merges under way. What a consuming one has shown stays.
    func abandonMerges(_ isMeant: (MergeJob) -> Bool) {
        let gone = merges.filter(isMeant)
        if gone.isEmpty { return }
        merges.removeAll(where: isMeant)
        state.withLock { counters.mergesAbandoned += gone.count }
        do {
            let transaction = try WriteTransaction(environment)
            for job in gone {
                for output in job.outputs where output.part == nil {
                    try empty(transaction, output.writer.slot)
                }
            }
            try publish(transaction, nil)
        } catch {
            // Whoever uses the slots next empties them first.
        }
        measureSpace()
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
        while job.spareSlots.count < job.slotsPerStep { job.spareSlots.append(try freeSlot()) }
        let transaction = try WriteTransaction(environment)
        let (bytesBefore, recordsBefore) = (job.writtenBytes, job.writtenRecords)
        // Rows that are dropped cost time too: bound the visits as well as the output.
        var visits = job.consumes ? ColdStore.consumedRowsMax : 1 << 20
        while job.phase == .rows {
            let left = bytesBefore + budget - job.writtenBytes
            if left <= 0 || visits <= 0 { break }
            if let bound = job.nextBound, try !open(transaction, job, bound) { break }
            try mergeRows(transaction.view, job, left, &visits)
        }
        if job.phase == .expiries { try mergeExpiries(transaction, job, budget) }
        var list: RunList?
        if job.phase == .finish {
            list = try replace(transaction, job)
        } else if job.consumes {
            list = try consume(transaction, job)
        }
        try publish(transaction, list)
        state.withLock {
            counters.bytesMerged += job.writtenBytes - bytesBefore
            counters.recordsMerged += job.writtenRecords - recordsBefore
            if job.phase == .finish { counters.merges += 1 }
        }
        if job.phase == .finish { merges.removeAll { $0 === job } }
    }

    /// Begins an output at `bound`; false when the step has no slot left for it.
    private func open(
        _ transaction: borrowing WriteTransaction, _ job: MergeJob, _ bound: KeyBound
    ) throws -> Bool {
        guard let number = job.spareSlots.popLast() else { return false }
        let slot = slots[number]
        try empty(transaction, slot)
        var info = RunInfo(id: nextRunID, recency: job.recency, slot: number, level: 0)
        info.partition = job.partition(of: bound)
        nextRunID += 1
        job.outputs.append(
            MergeJob.Output(
                slot: number, writer: RunWriter(info, slot, limits, isBase: job.isBottom),
                bound: bound))
        job.nextBound = nil
        return true
    }

    /// Puts the result in the place of its sources.
    private func replace(
        _ transaction: borrowing WriteTransaction, _ job: MergeJob
    ) throws -> RunList {
        var runs = current.runs.filter { run in
            !job.inputs.contains { $0 === run } && !job.outputs.contains { $0.part === run }
        }
        for input in job.inputs {
            try removeManifest(transaction, input.info)
            try empty(transaction, input.view.slot)
        }
        for output in job.outputs where !output.writer.isEmpty {
            output.writer.setLevel(level(output.writer.info.bytes))
            try putManifest(transaction, output.writer.info)
            runs.append(output.writer.makeRun())
        }
        return RunList(runs, transaction: transaction.id)
    }

    /// Rows into the last output, until it is full, `budget` bytes are written, or there are none.
    private func mergeRows(
        _ view: TransactionView, _ job: MergeJob, _ budget: Int, _ visits: inout Int
    ) throws {
        let target = job.outputs[job.outputs.count - 1]
        let writer = target.writer
        let limit = writer.info.bytes + budget
        let end = job.end(of: target.bound)
        var output = try RunOutput(view, writer.slot)
        var walk = try job.walk(view, job.inputs.map(\.view.slot.rows))
        var dead = DeadRows(liveNamespaces)
        let floor = tombstoneFloor
        let isBottom = job.isBottom
        let hasExpiries = job.inputs.contains { $0.info.expiryRows > 0 }
        var dropped = ColdCounters()
        defer {
            state.withLock {
                counters.rowsSuperseded += dropped.rowsSuperseded
                counters.tombstonesDropped += dropped.tombstonesDropped
                counters.deadRowsDropped += dropped.deadRowsDropped
            }
        }
        var hiddenRows = 0
        var hiddenExpiries: [Int64] = []
        while try walk.next({ older in
            hiddenRows += 1
            if hasExpiries, let header = ColdHeader(older), header.due >= 0 {
                hiddenExpiries.append(header.due)
            }
        }) {
            let row = walk.key
            let value = walk.value
            if let bound = nextOutput(job, writer, row, end) {
                job.position = MergeJob.Position(key: Array(row), isDone: false)
                job.nextBound = bound
                try close(job, &output)
                return
            }
            dropped.rowsSuperseded += hiddenRows
            hiddenRows = 0
            job.prefetch.touch(walk.winner, row.baseAddress)
            guard let header = ColdHeader(value) else {
                // Not ours to judge: it is kept as it is, and reported to whoever reads it.
                try writer.addRow(&output, row: row, value: value, lsn: 0, tombstone: false)
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
            visits -= 1
            let namespace = ColdKey.namespace(row)
            if dead.contains(namespace) {
                dropped.deadRowsDropped += 1
                if !job.consumes {
                    if namespace == .max { break }
                    let beyond = ColdKey.prefix(namespace + 1, 0)
                    try beyond.withUnsafeBytes { try walk.skip(to: $0) }
                    continue
                }
            } else if header.isTombstone && isBottom && header.lsn <= floor {
                dropped.tombstonesDropped += 1
            } else if header.isChunked {
                let source = job.inputs[walk.winner].view
                try copyChunked(view, job, writer, source, &output, row, value, header)
            } else {
                try writer.addRow(
                    &output, row: row, value: value, lsn: header.lsn,
                    tombstone: header.isTombstone)
            }
            if writer.info.bytes >= limit || visits <= 0 {
                job.position = MergeJob.Position(key: Array(row), isDone: true)
                return
            }
        }
        try close(job, &output)
        job.phase = .expiries
        job.position = nil
    }

    /// Where another output begins when `row` does not belong to the one of `writer` any more.
    @inline(__always)
    private func nextOutput(
        _ job: MergeJob, _ writer: RunWriter, _ row: Bytes, _ end: KeyBound?
    ) -> KeyBound? {
        if let end {
            let bound = KeyBound(row)
            return bound < end ? nil : bound
        }
        guard let most = job.outputBytesMax, writer.info.bytes >= most else { return nil }
        let bound = KeyBound(row)
        return writer.lastBound == bound ? nil : bound
    }

    private func close(_ job: MergeJob, _ output: inout RunOutput) throws {
        try job.outputs[job.outputs.count - 1].writer.finish(&output)
        job.closeLast()
    }

    /// Copies a large value: chunk rows, renumbered, and its row.
    private func copyChunked(
        _ view: TransactionView, _ job: MergeJob, _ writer: RunWriter, _ source: RunView,
        _ output: inout RunOutput, _ row: Bytes, _ value: Bytes, _ header: ColdHeader
    ) throws {
        let count = UInt64((header.bodyLength + limits.chunkBytes - 1) / limits.chunkBytes)
        var first = UInt64.max
        if header.firstChunk <= source.chunks && count <= source.chunks - header.firstChunk {
            first = writer.nextChunk
            var cursor = try Cursor(view, source.slot.chunks)
            for index in 0..<count {
                let found =
                    try index == 0 ? cursor.seek(exactly: header.firstChunk) : cursor.move(.next)
                // A missing chunk leaves the value damaged, as it was: the count will not fit.
                guard found else { break }
                job.prefetch.touch(job.inputs.count, cursor.value.baseAddress)
                try writer.addChunk(&output, cursor.value)
            }
        }
        try withUnsafeTemporaryAllocation(byteCount: value.count, alignment: 8) { copy in
            copy.copyMemory(from: value)
            copy.storeBytes(
                of: first.littleEndian, toByteOffset: header.headerBytes - 8, as: UInt64.self)
            try writer.addRow(
                &output, row: row, value: Bytes(copy), lsn: header.lsn,
                tombstone: header.isTombstone)
        }
    }

    /// Expiry rows, each to the output that its key belongs to.
    private func mergeExpiries(
        _ transaction: borrowing WriteTransaction, _ job: MergeJob, _ budget: Int
    ) throws {
        let view = transaction.view
        var dead = DeadRows(liveNamespaces)
        let marks = state.withLock { job.inputs.map(\.expiryMark) }
        var walk = try job.walk(view, job.inputs.map(\.view.slot.expiries))
        var cursors = ExpiryCursors(view)
        var stale = 0
        var written = 0
        defer {
            state.withLock {
                counters.staleExpiriesDropped += stale
                counters.bytesMerged += written
            }
        }
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
                let bound = KeyBound(row)
                var number = job.outputIndex(of: bound)
                if number == nil {
                    // Its record lies elsewhere: what an interrupted consuming merge leaves.
                    guard try open(transaction, job, bound) else {
                        job.position = MergeJob.Position(key: Array(key), isDone: false)
                        return
                    }
                    job.closeLast()
                    number = job.outputs.count - 1
                }
                let writer = job.outputs[number!].writer
                try cursors.append(number!, writer, key: key, value: walk.value)
                written += key.count + walk.value.count
            } else {
                stale += 1
            }
            if written >= budget || visits >= 1 << 16 {
                job.position = MergeJob.Position(key: Array(key), isDone: true)
                return
            }
        }
        job.phase = .finish
        job.position = nil
    }
}

/// The cursors by which one step appends expiry rows to several outputs.
private struct ExpiryCursors {
    private final class Box {
        var cursor: Cursor
        init(_ cursor: consuming Cursor) { self.cursor = cursor }
    }

    private let view: TransactionView
    private var boxes: [Int: Box] = [:]

    init(_ view: TransactionView) { self.view = view }

    mutating func append(
        _ number: Int, _ writer: RunWriter, key: Bytes, value: Bytes
    ) throws {
        let box: Box
        if let known = boxes[number] {
            box = known
        } else {
            box = Box(try Cursor(view, writer.slot.expiries))
            boxes[number] = box
        }
        try writer.addExpiry(&box.cursor, key: key, value: value)
    }
}
