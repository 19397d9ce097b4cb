// The archive: each row readable, the index by key and the totals what the rows say.

import LMDB

extension ColdCheck {
    func checkArchive(_ view: TransactionView, _ store: ColdStore) throws {
        var totals = ArchiveTotals()
        var rows = 0
        var flaws: [String] = []
        var current: ArchiveID?
        var cursor = try Cursor(view, store.archive)
        while try cursor.move(.next) {
            rows += 1
            guard cursor.key.count == ArchiveRow.keyBytes else {
                flaws.append("a row has a malformed key")
                continue
            }
            let id = ArchiveRow.id(cursor.key)
            if ArchiveRow.chunk(cursor.key) != 0 {
                if id != current { flaws.append("a piece without its beginning, \(id.text)") }
                continue
            }
            current = id
            totals.count += 1
            try checkArchived(view, store, id, cursor.value, &totals, &flaws)
        }
        let indexRows = try view.stat(store.archiveKeys).entries
        if indexRows != totals.count {
            flaws.append("\(indexRows) index rows for \(totals.count) values")
        }
        let stored = store.archiveUsage
        if stored != totals, flaws.isEmpty, repairsNoArchive {
            flaws.append(
                "totals of \(stored.count) values and \(stored.bytes) bytes, not \(totals.count) "
                    + "and \(totals.bytes)")
        }
        for flaw in flaws.prefix(20) {
            report.add(
                .error, "archive", path, flaw, remedy: "index and totals are made anew")
        }
        if flaws.count > 20 {
            report.add(
                .error, "archive", path, "\(flaws.count - 20) more of the kind",
                remedy: "index and totals are made anew")
        }
        if !flaws.isEmpty { repairs.append(.reindexArchive) }
        report.end(
            "archive", path, [("values", totals.count), ("rows", rows), ("bytes", totals.bytes)])
    }

    private var repairsNoArchive: Bool {
        !repairs.contains { if case .dropArchived = $0 { true } else { false } }
    }

    private func checkArchived(
        _ view: TransactionView, _ store: ColdStore, _ id: ArchiveID, _ head: Bytes,
        _ totals: inout ArchiveTotals, _ flaws: inout [String]
    ) throws {
        if head.count > ArchiveRow.headBytes {
            totals.bytes &+= Int(
                truncatingIfNeeded: UInt64(littleEndian: head.loadUnaligned(as: UInt64.self)))
        }
        func damaged(_ text: String) {
            repairs.append(.dropArchived(id))
            report.add(
                .error, "archive", path, key: Array(id.text.utf8), text,
                remedy: "the value is set aside and removed")
        }
        do throws(ColdError) {
            let entry = head.count > ArchiveRow.headBytes ? head.slice(8, 20) : head
            let flaw = try store.archived(id) { found -> String? in
                let record = found.record
                guard RDBType.valueType(record.type) != nil,
                    let value = ValueCodec.decode(
                        type: record.type, payload: record.payload, context, secret)
                else { return "the archived value \(id.text) does not decode" }
                value.destroy()
                if ArchiveRow.id(ofEntry: entry) != id {
                    return "the archived value \(id.text) is under a wrong id"
                }
                return nil
            }
            if let flaw = flaw ?? nil { return damaged(flaw) }
            let index = ArchiveRow.index(entry, id)
            let isThere = try typed {
                try index.withUnsafeBytes { try view.get(store.archiveKeys, $0) != nil }
            }
            if !isThere { flaws.append("the archived value \(id.text) is not in the index") }
        } catch {
            guard case .damaged = error else { throw error }
            damaged("the archived value \(id.text) is damaged")
        }
    }
}
