// Setting damaged rows of a cold tier aside, so that the rest serves.
//
// A damaged record is not simply removed: an older version of its key in an older run would then
// come back as if nothing had happened since. A tombstone takes its place, in the same run under
// the same key: the key is gone until the log's tail, or a client, writes it anew. The tombstone
// carries position 0, so the recovery applies every effect on the key that the log still has.
// Where the row's key is damaged too, nobody can tell which key to hide; that row is removed.
//
// Everything is one LMDB transaction, committed when the rows that go are durable elsewhere.
// What follows from the rows (manifest row, filter, counts, the archive's index) is made anew
// from what is there then; chunk rows that nothing names any more stay until the next merge.

import LMDB

struct ColdMend {
    let directory: String
    let aside: CheckAside
    let note: (String) -> Void

    init(_ directory: String, _ aside: CheckAside, _ note: @escaping (String) -> Void) {
        self.directory = directory
        self.aside = aside
        self.note = note
    }

    /// - Parameters:
    ///   - lsn: when the log is cut there: namespaces that were given later are forgotten.
    ///   - stream: what the store belongs to then; nil: what it says.
    func run(_ repairs: [ColdRepair], forgetsAfter lsn: LSN?, stream: [UInt8]? = nil) throws {
        var options = ColdOptions()
        options.toleratesDamage = true
        let store = try ColdStore.open(directory: directory, options: options)
        let transaction = try WriteTransaction(store.environment)
        let view = transaction.view
        let infos = try store.readManifest(view)
        var touched: Set<UInt64> = []
        var filters: Set<UInt64> = []
        var archived: [ArchiveID] = []
        var reindexes = false
        var recounts = false
        let names = try KeyNames(view, store)
        for repair in repairs {
            switch repair {
            case .bury(let id, let row), .drop(let id, let row):
                guard let info = infos.first(where: { $0.id == id }) else { continue }
                var buries = false
                if case .bury = repair { buries = true }
                try setAside(transaction, store, info, row, buries, names)
                touched.insert(id)
                recounts = true
            case .addExpiry(let id, let due, let row, let lsn):
                guard let info = infos.first(where: { $0.id == id }) else { continue }
                let expiries = store.slots[info.slot].expiries
                try row.withUnsafeBytes { row in
                    try ExpiryRow.with(due, row) { key in
                        try withUnsafeBytes(of: lsn.littleEndian) {
                            try transaction.put(expiries, key, $0)
                        }
                    }
                }
                touched.insert(id)
            case .rebuildFilter(let id):
                touched.insert(id)
                filters.insert(id)
            case .recount(let id): touched.insert(id)
            case .dropArchived(let id):
                archived.append(id)
                reindexes = true
            case .reindexArchive: reindexes = true
            case .recountKeys: recounts = true
            }
        }
        for id in archived { try dropArchived(transaction, store, id) }
        try aside.settle()
        for info in infos where touched.contains(info.id) {
            try renew(transaction, store, info, filter: filters.contains(info.id))
        }
        if reindexes { try reindexArchive(transaction, store) }
        if let lsn { try forgetNamespaces(transaction, store, after: lsn) }
        if let stream {
            try store.meta.put(transaction, StoreKeys.stream, stream)
        }
        if recounts { try recountKeys(transaction, store, infos) }
        try transaction.commit()
        try store.environment.sync()
        if !repairs.isEmpty { note("\(repairs.count) repairs of the cold tier are committed") }
    }

    /// Which database a namespace belongs to.
    private struct KeyNames {
        let numbers: [UInt32]

        init(_ view: TransactionView, _ store: ColdStore) throws {
            let bytes = try? store.meta.get(view, StoreKeys.namespaces)
            numbers = bytes.flatMap { $0.withUnsafeBytes { Namespaces($0) } }?.current ?? []
        }

        func database(_ row: [UInt8]) -> Int? {
            guard row.count >= 4 else { return nil }
            let number = row.withUnsafeBytes { ColdKey.namespace($0) }
            if numbers.isEmpty { return number > 0 ? Int(number) - 1 : nil }
            return numbers.firstIndex(of: number)
        }
    }

    // MARK: Records

    private func setAside(
        _ transaction: borrowing WriteTransaction, _ store: ColdStore, _ info: RunInfo,
        _ row: [UInt8], _ buries: Bool, _ names: KeyNames
    ) throws {
        let slot = store.slots[info.slot]
        let view = transaction.view
        var cursor = try Cursor(view, slot.rows)
        guard try row.withUnsafeBytes({ try ColdMend.seek(&cursor, $0) }) else { return }
        let value = Array(cursor.value)
        var chunks: [UInt8] = []
        if let header = value.withUnsafeBytes({ ColdHeader($0) }), header.isChunked {
            chunks = try readChunks(view, store, slot, header)
        }
        let plain = row.count < ColdKey.prefixBytes ? row : Array(row[ColdKey.prefixBytes...])
        let key = row.count == ColdKey.rowMax ? Array(plain.prefix(ColdKey.cutBytes)) : plain
        try aside.put(
            AsideRow(
                kind: "record", database: names.database(row), key: key, row: row, value: value,
                chunks: chunks, done: buries ? "deletion" : "removal"))
        if buries {
            let tombstone = ColdMend.tombstone(row)
            try row.withUnsafeBytes { row in
                try tombstone.withUnsafeBytes { try cursor.put(row, $0) }
            }
        } else {
            try cursor.delete()
        }
    }

    /// Goes to a row; step by step where the order of keys is damaged.
    private static func seek(_ cursor: inout Cursor, _ row: Bytes) throws -> Bool {
        if try cursor.seek(exactly: row) { return true }
        var found = try cursor.move(.first)
        while found {
            if cursor.key.equals(row) { return true }
            found = try cursor.move(.next)
        }
        return false
    }

    /// What is there of a record's body.
    private func readChunks(
        _ view: TransactionView, _ store: ColdStore, _ slot: RunSlot, _ header: ColdHeader
    ) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var cursor = try Cursor(view, slot.chunks)
        var found = try cursor.seek(exactly: header.firstChunk)
        while found, bytes.count < header.bodyLength {
            bytes += cursor.value
            found = try cursor.move(.next)
        }
        return bytes
    }

    /// A deletion under a row's key, at position 0. Of a long key only the beginning is known; that
    /// hides it all the same, because the row is found before any older one.
    static func tombstone(_ row: [UInt8]) -> [UInt8] {
        let isLong = row.count == ColdKey.rowMax
        let key =
            isLong ? Array(row[ColdKey.prefixBytes..<ColdKey.prefixBytes + ColdKey.cutBytes]) : []
        var value = [UInt8](repeating: 0, count: ColdHeader.fixedBytes)
        value[0] = ColdHeader.version
        value[2] = ColdHeader.Flags.tombstone | (isLong ? ColdHeader.Flags.longKey : 0)
        for index in 16..<24 { value[index] = 0xFF }
        if isLong {
            withUnsafeBytes(of: UInt32(key.count).littleEndian) { value.append(contentsOf: $0) }
            value += key
        }
        let crc = row.withUnsafeBytes { row in
            value.withUnsafeBytes { value in
                ColdHeader.checksum(
                    row: row, value: value, coveredTail: isLong ? 4 : 0,
                    body: value.slice(value.count - key.count, key.count))
            }
        }
        value.withUnsafeMutableBytes {
            $0.storeBytes(of: crc.littleEndian, toByteOffset: ColdHeader.crcOffset, as: UInt32.self)
        }
        return value
    }

    // MARK: Runs

    /// Makes a run's manifest row, and its filter if it is to be, anew from its rows.
    private func renew(
        _ transaction: borrowing WriteTransaction, _ store: ColdStore, _ old: RunInfo, filter: Bool
    ) throws {
        let slot = store.slots[old.slot]
        let view = transaction.view
        var info = old
        (info.records, info.tombstones, info.bytes, info.expiryRows) = (0, 0, 0, 0)
        (info.minLSN, info.maxLSN) = (.max, 0)
        var folded: [UInt64] = []
        var table: [(piece: FilterPiece, first: UInt64)] = []
        var start: (UInt32, UInt64) = (0, 0)
        defer { for entry in table { entry.piece.fingerprints?.deallocate() } }
        func closePiece() {
            if folded.isEmpty { return }
            let piece = folded.withUnsafeBufferPointer {
                FilterPiece.build(
                    $0, namespace: start.0, hash: start.1,
                    fingerprintBits: FilterPiece.newerBits)
            }
            table.append((piece, 0))
            folded.removeAll(keepingCapacity: true)
        }
        do {
            var cursor = try Cursor(view, slot.rows)
            while try cursor.move(.next) {
                let row = cursor.key
                guard let header = ColdHeader(cursor.value), ColdKey.isValid(row) else { continue }
                if info.records == 0 { info.minKey = Array(row) }
                info.maxKey = Array(row)
                info.records += 1
                if header.isTombstone { info.tombstones += 1 }
                info.bytes += row.count + cursor.value.count
                if header.isChunked { info.bytes += header.bodyLength }
                info.minLSN = min(info.minLSN, header.lsn)
                info.maxLSN = max(info.maxLSN, header.lsn)
                let key = FilterPiece.fold(ColdKey.namespace(row), ColdKey.hash(row))
                if !filter || folded.last == key { continue }
                if folded.count == FilterPiece.keysMax { closePiece() }
                if folded.isEmpty { start = (ColdKey.namespace(row), ColdKey.hash(row)) }
                folded.append(key)
            }
        }
        closePiece()
        try renewExpiries(view, slot, &info)
        if info.records == 0 && info.expiryRows == 0 {
            // Nothing is left: the run goes.
            try store.removeManifest(transaction, old)
            return try store.empty(transaction, slot)
        }
        if filter { try storeFilter(view, store, slot, &info, &table) }
        try store.putManifest(transaction, info)
    }

    private func renewExpiries(
        _ view: TransactionView, _ slot: RunSlot, _ info: inout RunInfo
    ) throws {
        var cursor = try Cursor(view, slot.expiries)
        while try cursor.move(.next) {
            if !ExpiryRow.isValid(cursor.key, cursor.value) {
                try cursor.delete()
                continue
            }
            info.expiryRows += 1
            info.bytes += cursor.key.count + cursor.value.count
        }
    }

    /// Appends the pieces and their table behind the last chunk row.
    private func storeFilter(
        _ view: TransactionView, _ store: ColdStore, _ slot: RunSlot, _ info: inout RunInfo,
        _ pieces: inout [(piece: FilterPiece, first: UInt64)]
    ) throws {
        var cursor = try Cursor(view, slot.chunks)
        if try cursor.move(.last) {
            info.chunks = max(info.chunks, cursor.key.loadUnaligned(as: UInt64.self) + 1)
        }
        func append(_ bytes: Bytes) throws -> UInt64 {
            let first = info.chunks
            var at = 0
            while at < bytes.count {
                let count = min(store.limits.chunkBytes, bytes.count - at)
                try cursor.append(info.chunks, bytes.slice(at, count))
                info.chunks += 1
                at += count
            }
            return first
        }
        var table: [UInt8] = []
        for entry in pieces {
            let content = Bytes(
                start: entry.piece.fingerprints, count: Int(entry.piece.byteCount))
            let first = try append(content)
            FilterTable.append(entry.piece, first, CRC32C.checksum(content), to: &table)
        }
        info.filterChunk = try table.withUnsafeBytes { try append($0) }
        info.filterCRC = table.withUnsafeBytes { CRC32C.checksum($0) }
        info.filterPieces = pieces.count
    }

    // MARK: Counts

    private func forgetNamespaces(
        _ transaction: borrowing WriteTransaction, _ store: ColdStore, after lsn: LSN
    ) throws {
        guard
            let bytes = try store.meta.get(transaction.view, StoreKeys.namespaces),
            var namespaces = bytes.withUnsafeBytes({ Namespaces($0) }), namespaces.changedLSN > lsn
        else { return }
        namespaces.forget(after: lsn)
        try store.meta.put(transaction, StoreKeys.namespaces, namespaces.encoded)
        note("flushes and swaps behind position \(lsn) are forgotten")
    }

    /// Counts the live keys of each namespace anew.
    private func recountKeys(
        _ transaction: borrowing WriteTransaction, _ store: ColdStore, _ infos: [RunInfo]
    ) throws {
        let view = transaction.view
        // It may be what is damaged.
        let stored = (try? store.meta.get(view, StoreKeys.counts)) ?? []
        var counts = ColdCheck.counts(stored).mapValues { _ in 0 }
        let known = try store.meta.get(view, StoreKeys.namespaces)
        let live = known.flatMap { $0.withUnsafeBytes { Namespaces($0) } }?.live ?? .all
        do {
            let runs = infos.map { Run($0, store.slots[$0.slot], []) }
            var walk = try MergedRows(view, RunList(runs, transaction: transaction.id))
            while try walk.next() {
                guard let header = ColdHeader(walk.value), !header.isTombstone else { continue }
                let namespace = ColdKey.namespace(walk.key)
                if !live.isDead(namespace) { counts[namespace, default: 0] += 1 }
            }
        }
        var out: [UInt8] = []
        for (namespace, count) in counts {
            withUnsafeBytes(of: namespace.littleEndian) { out.append(contentsOf: $0) }
            withUnsafeBytes(of: UInt64(count).littleEndian) { out.append(contentsOf: $0) }
        }
        try store.meta.put(transaction, StoreKeys.counts, out)
    }

    // MARK: Archive

    private func dropArchived(
        _ transaction: borrowing WriteTransaction, _ store: ColdStore, _ id: ArchiveID
    ) throws {
        let key = ArchiveRow.key(id, 0)
        var cursor = try Cursor(transaction.view, store.archive)
        var found = try key.withUnsafeBytes { try ColdMend.seek(&cursor, $0) }
        if !found { return }
        let value = Array(cursor.value)
        var rest: [UInt8] = []
        try cursor.delete()
        found = try cursor.move(.next)
        while found, cursor.key.count == ArchiveRow.keyBytes, ArchiveRow.id(cursor.key) == id,
            ArchiveRow.chunk(cursor.key) > 0
        {
            rest += cursor.value
            try cursor.delete()
            found = try cursor.move(.next)
        }
        try aside.put(
            AsideRow(
                kind: "archive", database: nil, key: Array(id.text.utf8), row: key, value: value,
                chunks: rest, done: "removal"))
    }

    /// Makes the index by key and the totals anew; pieces without a beginning go.
    private func reindexArchive(
        _ transaction: borrowing WriteTransaction, _ store: ColdStore
    ) throws {
        try transaction.empty(store.archiveKeys)
        var totals = ArchiveTotals()
        var index: [[UInt8]] = []
        do {
            var current: ArchiveID?
            var cursor = try Cursor(transaction.view, store.archive)
            while try cursor.move(.next) {
                guard cursor.key.count == ArchiveRow.keyBytes else {
                    try cursor.delete()
                    continue
                }
                let id = ArchiveRow.id(cursor.key)
                if ArchiveRow.chunk(cursor.key) > 0 {
                    if id != current { try cursor.delete() }
                    continue
                }
                current = id
                guard cursor.value.count > ArchiveRow.headBytes else { continue }
                totals.count += 1
                totals.bytes += Int(
                    truncatingIfNeeded: UInt64(
                        littleEndian: cursor.value.loadUnaligned(as: UInt64.self)))
                index.append(
                    ArchiveRow.index(cursor.value.slice(8, ArchiveRow.entryBytes), id))
            }
        }
        for row in index { try ColdStore.put(transaction, store.archiveKeys, row, []) }
        try store.meta.put(transaction, ColdStore.MetaKey.archive, totals.encode())
    }
}
