// One run, row by row, against its checksums, its filter and its manifest row.

import LMDB

/// What was counted.
struct RunSums {
    var rows = 0
    var tombstones = 0
    var chunked = 0
    var chunkRows = 0
    var expiryRows = 0
    var bytes = 0
    /// No row is too short to be merged.
    var isWalkable = true

    mutating func add(_ other: RunSums) {
        rows += other.rows
        tombstones += other.tombstones
        chunked += other.chunked
        chunkRows += other.chunkRows
        expiryRows += other.expiryRows
        bytes += other.bytes
        isWalkable = isWalkable && other.isWalkable
    }
}

/// What is to be said of a row.
enum RowVerdict {
    case sound(ColdHeader)
    /// The checksum fails, or what it covers cannot be read; the key is what it was.
    case damaged(String)
    /// The same, and the key is not what it was.
    case unknown(String)
    /// The checksum is right and something else is not: nothing that setting it aside would mend.
    case odd(ColdHeader, String)
}

extension ColdCheck {
    func checkRun(
        _ view: TransactionView, _ store: ColdStore, _ run: Run, older: ArraySlice<Run>,
        parts: [Run]
    ) throws -> RunSums {
        let info = run.info
        var sums = RunSums()
        let pieces = FilterTable.load(info) { first, count in
            store.readChunks(view, run.view.slot, first, count, of: info.chunks)
        }
        if pieces == nil {
            repairs.append(.rebuildFilter(run: info.id))
            report.add(
                .warning, "runs", path,
                "run \(info.id): its filter is damaged; look-ups read the run instead",
                remedy: "the filter is made anew")
        }
        let filtered = Run(info, run.view.slot, pieces ?? [])
        var first: [UInt8]?
        var last: [UInt8] = []
        var (least, most) = (UInt64.max, UInt64(0))
        var cursor = try Cursor(view, run.view.slot.rows)
        while try cursor.move(.next) {
            let row = cursor.key
            let value = cursor.value
            sums.rows += 1
            sums.bytes += row.count + value.count
            rowsDone += 1
            if rowsDone & 4095 == 0 { report.onProgress("check", rowsDone, rowsMax) }
            if row.count < ColdKey.prefixBytes { sums.isWalkable = false }
            if first == nil { first = Array(row) }
            if last.count == row.count {
                last.withUnsafeMutableBytes { $0.copyMemory(from: row) }
            } else {
                last = Array(row)
            }
            switch judge(view, store, run, row, value) {
            case .sound(let header):
                note(header, &sums, store)
                least = min(least, header.lsn)
                most = max(most, header.lsn)
                let (namespace, hash) = (ColdKey.namespace(row), ColdKey.hash(row))
                if !filtered.view.mayContain(
                    namespace, hash, FilterPiece.fold(namespace, hash)), pieces != nil
                {
                    repairs.append(.rebuildFilter(run: info.id))
                    report.add(
                        .error, "runs", path, database: database(namespace), key: plainKey(row),
                        "run \(info.id): filter or manifest row deny a key that the run holds",
                        remedy: "filter and manifest row are made anew")
                }
            case .odd(let header, let text):
                note(header, &sums, store)
                report.add(
                    .error, "runs", path, database: database(ColdKey.namespace(row)),
                    key: plainKey(row), "run \(info.id): \(text)")
            case .damaged(let text):
                tell(view, run, older, row, text, keyIsKnown: true)
            case .unknown(let text):
                tell(view, run, older, row, text, keyIsKnown: false)
            }
        }
        try checkExpiryRows(view, run, &sums)
        let isPart = info.filterPieces == 0 && info.records > 0
        let isConsumed = parts.contains { $0 !== run }
        if isPart {
            report.add(
                .note, "runs", path, "run \(info.id) has no filter: a merge was interrupted")
        }
        try compare(info, sums, first, last, least, most, isPart || isConsumed)
        let spare = try view.stat(run.view.slot.chunks).entries - sums.chunkRows
        let filterRows = pieces.map { pieces in
            ([pieces.count * FilterTable.rowBytes] + pieces.map { Int($0.byteCount) })
                .reduce(0) { $0 + chunkRows($1, store) }
        }
        if let filterRows, damaged[info.id] == nil, spare > filterRows {
            report.add(
                .note, "runs", path,
                "run \(info.id): \(spare - filterRows) chunk rows belong to no record; the next "
                    + "merge leaves them out")
        }
        return sums
    }

    private func chunkRows(_ bytes: Int, _ store: ColdStore) -> Int {
        (bytes + store.limits.chunkBytes - 1) / store.limits.chunkBytes
    }

    private func note(_ header: ColdHeader, _ sums: inout RunSums, _ store: ColdStore) {
        if header.isTombstone { sums.tombstones += 1 }
        guard header.isChunked else { return }
        sums.chunked += 1
        sums.chunkRows += chunkRows(header.bodyLength, store)
        sums.bytes += header.bodyLength
    }

    // MARK: Records

    /// Checks one row by itself. O(record).
    func judge(
        _ view: TransactionView, _ store: ColdStore, _ run: Run, _ row: Bytes, _ value: Bytes
    ) -> RowVerdict {
        guard ColdKey.isValid(row) else { return .unknown("its row key is too short or too long") }
        func failed(_ text: String) -> RowVerdict {
            // A long key cannot be told from the row; its hash is believed.
            if row.count == ColdKey.rowMax { return .damaged(text) }
            let key = row.slice(ColdKey.prefixBytes, row.count - ColdKey.prefixBytes)
            return secret.hash(key) == ColdKey.hash(row) ? .damaged(text) : .unknown(text)
        }
        guard let header = ColdHeader(value) else { return failed("its header makes no sense") }
        if !header.isChunked {
            let body = value.slice(header.headerBytes, header.bodyLength)
            guard let record = header.record(row: row, value: value, body: body) else {
                return failed("its checksum is wrong")
            }
            return judge(header, record, row)
        }
        guard
            let body = store.readChunks(
                view, run.view.slot, header.firstChunk, header.bodyLength, of: run.info.chunks)
        else { return failed("its chunk rows are not all there") }
        return body.withUnsafeBytes { body in
            guard let record = header.record(row: row, value: value, body: body) else {
                return failed("its checksum is wrong")
            }
            return judge(header, record, row)
        }
    }

    /// A record whose checksum is right.
    private func judge(_ header: ColdHeader, _ record: ColdRecord, _ row: Bytes) -> RowVerdict {
        if header.isTombstone, header.isLong, isPlaced(record, row) { return .sound(header) }
        if secret.hash(record.key) != record.hash {
            return .odd(header, "its key has another hash: the store's secret is not the right one")
        }
        let isSame = ColdKey.with(record.namespace, record.hash, record.key) { $0.equals(row) }
        if !isSame { return .odd(header, "its row key is not that of its key") }
        if record.namespace >= live.next, live.next > 0,
            !live.numbers.contains(record.namespace)
        {
            return .odd(header, "namespace \(record.namespace) was never given to a database")
        }
        if header.isTombstone {
            return record.payloadLength == 0
                ? .sound(header) : .odd(header, "a deletion that carries a value")
        }
        guard RDBType.valueType(record.type) != nil,
            let value = ValueCodec.decode(
                type: record.type, payload: record.payload, context, secret)
        else { return .damaged("its checksum is right, but the value does not decode") }
        value.destroy()
        return .sound(header)
    }

    /// A deletion that `ColdMend` has put under a long key, of which it knows the beginning only.
    private func isPlaced(_ record: ColdRecord, _ row: Bytes) -> Bool {
        row.count == ColdKey.rowMax && record.payloadLength == 0
            && record.key.equals(row.slice(ColdKey.prefixBytes, ColdKey.cutBytes))
    }

    /// Reports a damaged row, with what else there is of its key.
    private func tell(
        _ view: TransactionView, _ run: Run, _ older: ArraySlice<Run>, _ row: Bytes,
        _ text: String, keyIsKnown: Bool
    ) {
        damaged[run.info.id, default: []].insert(Array(row))
        var finding = CheckFinding(
            severity: .error, part: "runs", file: path,
            database: row.count < 4 ? nil : database(ColdKey.namespace(row)), key: plainKey(row),
            text: "run \(run.info.id): \(text)")
        if !keyIsKnown {
            repairs.append(.drop(run: run.info.id, row: Array(row)))
            finding.text += "; the key is damaged too, so an older version of it may be served"
            finding.remedy = "the row is set aside and removed"
            return report.add(finding)
        }
        repairs.append(.bury(run: run.info.id, row: Array(row)))
        finding.remedy = "the record is set aside, a deletion takes its place"
        for other in older {
            guard let value = try? view.get(other.view.slot.rows, row),
                let header = ColdHeader(value)
            else { continue }
            finding.text +=
                header.isTombstone
                ? "; run \(other.info.id) has it deleted at position \(header.lsn)"
                : "; run \(other.info.id) has an older version, of position \(header.lsn)"
            if !header.isTombstone { finding.remedy! += ", which keeps the older version hidden" }
            break
        }
        report.add(finding)
    }

    // MARK: Index and manifest

    private func checkExpiryRows(
        _ view: TransactionView, _ run: Run, _ sums: inout RunSums
    ) throws {
        var cursor = try Cursor(view, run.view.slot.expiries)
        var malformed = 0
        while try cursor.move(.next) {
            sums.expiryRows += 1
            sums.bytes += cursor.key.count + cursor.value.count
            if !ExpiryRow.isValid(cursor.key, cursor.value) { malformed += 1 }
        }
        if malformed > 0 {
            repairs.append(.recount(run: run.info.id))
            report.add(
                .error, "runs", path, "run \(run.info.id): \(malformed) expiry rows are malformed",
                remedy: "they are removed")
        }
    }

    private func compare(
        _ info: RunInfo, _ sums: RunSums, _ first: [UInt8]?, _ last: [UInt8], _ least: UInt64,
        _ most: UInt64, _ isLoose: Bool
    ) throws {
        var wrong: [String] = []
        func equal(_ what: String, _ stated: Int, _ seen: Int) {
            let mayDiffer = isLoose || damaged[info.id] != nil && what != "rows"
            if mayDiffer ? false : stated != seen { wrong.append("\(what) \(stated), not \(seen)") }
        }
        equal("rows", info.records, sums.rows)
        equal("deletions", info.tombstones, sums.tombstones)
        equal("expiry rows", info.expiryRows, sums.expiryRows)
        equal("bytes", info.bytes, sums.bytes)
        if let first, damaged[info.id] == nil {
            if first.lexicographicallyPrecedes(info.minKey)
                || info.maxKey.lexicographicallyPrecedes(last)
            {
                wrong.append("keys beyond its bounds")
            }
            if least < info.minLSN || most > info.maxLSN {
                wrong.append("positions beyond its bounds")
            }
        }
        if wrong.isEmpty { return }
        repairs.append(.recount(run: info.id))
        report.add(
            .error, "runs", path,
            "run \(info.id): its manifest row is wrong: " + wrong.joined(separator: ", "),
            remedy: "the manifest row is made anew")
    }
}
