// Whether a cold tier is whole: every page, every record, every index.
//
// First the pages, without LMDB (Sources/LMDB/PageCheck.swift). If they are sound the store is
// opened read-only and without its lock file, so that nothing in the directory changes, and then
//
// - each run row by row (ColdCheckRun.swift): checksum, hash, filter, payload, manifest;
// - all runs merged, newest first, as a server sees them: the live keys are counted and compared
//   with the counts that the last commit stored; what expires must have its index row;
// - the archive and its index (ColdCheckArchive.swift);
// - the metadata.
//
// What is legal and must not be reported: index rows of records that have changed since; runs that
// a consuming merge left half empty when it was interrupted (ConsumingMerge.swift); chunk rows that
// no record refers to any more.

import Glibc
import LMDB

/// What is known of the store when its log is looked at.
struct ColdFacts {
    var stream: [UInt8]?
    var awaitsLog: [UInt8]?
    var checkpoint: LSN?
    /// The newest log position of any row.
    var newest: LSN = 0
    /// Damaged metadata: what is known of the store may be wrong.
    var isDoubtful = false
    /// The log was durable up to here once.
    var reach: LSN { max(newest, checkpoint ?? 0) }
}

/// What `ColdMend` does about damage.
enum ColdRepair {
    /// The row's record is damaged, its key is not: a tombstone takes its place.
    case bury(run: UInt64, row: [UInt8])
    /// The row's key is damaged too.
    case drop(run: UInt64, row: [UInt8])
    case addExpiry(run: UInt64, due: Int64, row: [UInt8], lsn: UInt64)
    case rebuildFilter(run: UInt64)
    /// The manifest's figures of the run are wrong.
    case recount(run: UInt64)
    case dropArchived(ArchiveID)
    /// Index rows and totals of the archive are wrong.
    case reindexArchive
    /// The stored counts of live keys are wrong.
    case recountKeys
}

final class ColdCheck {
    static let part = "records"

    let path: String
    let report: CheckReport
    private(set) var facts = ColdFacts()
    var repairs: [ColdRepair] = []
    /// Rows whose record is damaged, by run.
    var damaged: [UInt64: Set<[UInt8]>] = [:]
    var secret = HashSecret(k0: 0, k1: 0)
    var namespaces: Namespaces?
    var live = LiveNamespaces.all
    let context = Configuration()
    var rowsDone = 0
    var rowsMax = 0

    /// `directory` holds data.mdb.
    init(_ directory: String, _ report: CheckReport) {
        path = "\(directory)/data.mdb"
        self.directory = directory
        self.report = report
    }

    private let directory: String

    /// What the findings say of the whole; false when the file could not be opened.
    @discardableResult
    func run() throws(CheckError) -> Bool {
        guard try checkPages() else { return false }
        var options = ColdOptions()
        options.readOnly = true
        options.pinsSnapshot = true
        options.lockless = true
        options.toleratesDamage = true
        do throws(ColdError) {
            let store = try ColdStore.open(directory: directory, options: options)
            try typed { try check(store) }
            return true
        } catch {
            guard case .storage(let cause) = error else {
                report.add(.error, "store", path, error.description)
                report.end("store", path, [])
                return false
            }
            throw CheckError("'\(path)': \(cause)")
        }
    }

    private func checkPages() throws(CheckError) -> Bool {
        let pages: PageReport
        do throws(LMDBError) { pages = try PageCheck.run(path) } catch {
            throw CheckError("'\(path)': \(error)")
        }
        for finding in pages.findings {
            let tree = finding.tree.isEmpty ? "" : " of \(finding.tree)"
            let text =
                finding.page == 0
                ? "\(finding.tree): \(finding.text)"
                : "page \(finding.page)\(tree): \(finding.text)"
            report.add(
                .error, "pages", path, offset: finding.page == 0 ? nil : finding.offset, text)
        }
        if pages.findingsMore > 0 {
            report.add(.error, "pages", path, "\(pages.findingsMore) more of the kind")
        }
        let isComplete = pages.breaks || checkNames(pages)
        if pages.breaks {
            report.add(
                .error, "pages", path,
                "its records are not looked at: LMDB would not survive these pages")
        }
        report.end(
            "pages", path,
            [
                ("pages", pages.pages), ("used", pages.pagesUsed), ("free", pages.pagesFree),
                ("trees", pages.trees.count), ("rows", pages.entries),
            ])
        return !pages.breaks && isComplete
    }

    /// The trees must be those of a store: four, and three for each slot.
    private func checkNames(_ pages: PageReport) -> Bool {
        var left = Dictionary(pages.trees.map { ($0.name, $0.isInteger) }) { first, _ in first }
        var flaws: [String] = []
        func take(_ name: String, _ isInteger: Bool = false) {
            switch left.removeValue(forKey: name) {
            case nil: flaws.append("'\(name)' is missing")
            case isInteger: break
            default: flaws.append("'\(name)' has another order of keys")
            }
        }
        for name in ["meta", "manifest", "archive", "archive.keys"] { take(name) }
        let slots = left.keys.count { $0.hasPrefix("r") }
        for number in 0..<slots {
            take("r\(number)")
            take("c\(number)", true)
            take("e\(number)")
        }
        for name in left.keys.sorted() {
            flaws.append("'\(String(name.prefix(40)))' is none of Firn's")
        }
        for flaw in flaws { report.add(.error, "pages", path, "tree \(flaw)") }
        return flaws.isEmpty
    }

    private func check(_ store: ColdStore) throws {
        guard let reader = store.pinned else { return }
        let view = reader.transaction.view
        secret = HashSecret(stored: store.hashSecret)
        guard try checkMetadata(view, store) else { return }
        let runs = reader.list.runs
        rowsMax = runs.reduce(0) { $0 + $1.info.records }
        facts.newest = runs.reduce(0) { max($0, $1.info.records > 0 ? $1.info.maxLSN : 0) }
        // A merge that consumes its sources was interrupted: then these hold less than they say.
        let parts = runs.filter { $0.info.filterPieces == 0 && $0.info.records > 0 }
        var sums = RunSums()
        for (index, run) in runs.enumerated() {
            sums.add(
                try checkRun(view, store, run, older: runs[(index + 1)...], parts: parts))
        }
        report.end(
            "runs", path,
            [
                ("runs", runs.count), ("rows", sums.rows), ("deletions", sums.tombstones),
                ("in chunks", sums.chunked), ("chunk rows", sums.chunkRows),
                ("expiry rows", sums.expiryRows), ("bytes", sums.bytes),
            ])
        checkPartitions(reader.list)
        if sums.isWalkable { try checkMerged(view, store, reader.list) }
        try checkArchive(view, store)
        report.onProgress("check", rowsMax, rowsMax)
    }

    // MARK: Metadata

    /// False when records cannot be looked at.
    private func checkMetadata(_ view: TransactionView, _ store: ColdStore) throws -> Bool {
        var rows = 0
        let known =
            [
                StoreKeys.counts, StoreKeys.namespaces, StoreKeys.libraries, StoreKeys.checkpoint,
                StoreKeys.stream, StoreKeys.purgedBefore, StoreKeys.awaitsLog,
                ColdStore.MetaKey.format, ColdStore.MetaKey.storeID, ColdStore.MetaKey.hashSecret,
                ColdStore.MetaKey.archive,
            ]
        func bad(_ key: [UInt8], _ text: String) {
            let name = String(decoding: key, as: UTF8.self)
            report.add(.error, "metadata", path, "'\(name)' \(text)")
        }
        let flawed = try reportDamagedRows(view, store)
        var cursor = try Cursor(view, store.meta.database)
        while try cursor.move(.next) {
            rows += 1
            let key = Array(cursor.key)
            if !known.contains(key), !flawed.contains(key) {
                let name = Array(cursor.key.prefix(64))
                report.add(.warning, "metadata", path, key: name, "a row that Firn does not write")
            }
        }
        func get(_ key: [UInt8]) throws -> [UInt8]? {
            flawed.contains(key) ? nil : try store.meta.get(view, key)
        }
        if let bytes = try get(StoreKeys.namespaces) {
            namespaces = bytes.withUnsafeBytes { Namespaces($0) }
            if let namespaces {
                live = namespaces.live
                let numbers = namespaces.history.flatMap(\.numbers)
                if numbers.contains(where: { $0 >= namespaces.next }) {
                    bad(StoreKeys.namespaces, "names numbers that were never given")
                }
            } else {
                bad(StoreKeys.namespaces, "makes no sense")
            }
        }
        if let bytes = try get(StoreKeys.counts), bytes.count % 12 != 0 {
            bad(StoreKeys.counts, "makes no sense")
        }
        if let bytes = try get(StoreKeys.libraries),
            bytes.withUnsafeBytes({ FunctionLibraries($0) }) == nil
        {
            bad(StoreKeys.libraries, "makes no sense")
        }
        if let bytes = try get(StoreKeys.purgedBefore),
            bytes.withUnsafeBytes({ Numbers.parseInt64($0) }) == nil
        {
            bad(StoreKeys.purgedBefore, "is no time")
        }
        if let bytes = try get(StoreKeys.checkpoint) {
            if bytes.count == 8 {
                facts.checkpoint = bytes.withUnsafeBytes {
                    UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))
                }
            } else {
                bad(StoreKeys.checkpoint, "is no position")
            }
        }
        facts.stream = try get(StoreKeys.stream)
        facts.awaitsLog = try get(StoreKeys.awaitsLog)
        for (key, stream) in [
            (StoreKeys.stream, facts.stream), (StoreKeys.awaitsLog, facts.awaitsLog),
        ] {
            if let stream, !ColdCheck.isStream(stream) { bad(key, "is no stream id") }
        }
        let isReadable = !flawed.contains(ColdStore.MetaKey.hashSecret)
        if !isReadable {
            report.add(
                .error, "metadata", path,
                "its records are not looked at: no key can be found without the secret")
        }
        report.end("metadata", path, [("rows", rows)])
        return isReadable
    }

    /// Tells of the rows that fail their check, and returns their keys.
    private func reportDamagedRows(
        _ view: TransactionView, _ store: ColdStore
    ) throws -> [[UInt8]] {
        if !store.meta.isSealed {
            report.add(
                .note, "metadata", path,
                "written by an older version: its rows carry no checksums before the next start")
        }
        let keys = try store.meta.damagedRows(view)
        facts.isDoubtful = !keys.isEmpty
        for key in keys {
            var remedy: String?
            if key == StoreKeys.counts, !keys.contains(StoreKeys.namespaces) {
                repairs.append(.recountKeys)
                remedy = "the keys are counted anew"
            } else if key == ColdStore.MetaKey.archive {
                repairs.append(.reindexArchive)
                remedy = "the archive is counted anew"
            }
            report.add(
                .error, "metadata", path, "row '\(MetaTable.name(key))' fails its check",
                remedy: remedy)
        }
        return keys
    }

    static func isStream(_ bytes: [UInt8]) -> Bool {
        bytes.count == LogAnnotation.streamIDCount
            && bytes.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    // MARK: All runs as one

    /// Whether each run keeps to the bounds of its partition: beyond them nobody looks for its rows.
    private func checkPartitions(_ list: RunList) {
        for (number, partition) in list.partitions.enumerated() {
            let isLast = number + 1 == list.partitions.count
            let end = isLast ? nil : list.partitions[number + 1].bound
            for run in list.runs[partition.runs] {
                let least = run.info.minKey.withUnsafeBytes { KeyBound($0) }
                let most = run.info.maxKey.withUnsafeBytes { KeyBound($0) }
                if number > 0 && least < partition.bound || end.map({ most >= $0 }) == true {
                    report.add(
                        .error, "runs", path,
                        "run \(run.info.id): it reaches beyond its partition: keys are not found")
                }
            }
        }
    }

    /// Counts the live keys as a server would see them, and looks each one's expiry up.
    private func checkMerged(
        _ view: TransactionView, _ store: ColdStore, _ list: RunList
    ) throws {
        let runs = list.runs
        var counts: [UInt32: Int] = [:]
        var doubtful: [UInt32: Int] = [:]
        var expiring = 0
        var walk = try MergedRows(view, list)
        while try walk.next() {
            let row = walk.key
            let namespace = ColdKey.namespace(row)
            let run = runs[walk.winner]
            if let rows = damaged[run.info.id], rows.contains(Array(row)) {
                doubtful[namespace, default: 0] += 1
                continue
            }
            guard let header = ColdHeader(walk.value), !header.isTombstone else { continue }
            counts[namespace, default: 0] += 1
            if header.due < 0 || live.isDead(namespace) { continue }
            expiring += 1
            let isThere = try ExpiryRow.with(header.due, row) { key in
                for other in [run] + runs.filter({ $0 !== run }) {
                    guard let value = try view.get(other.view.slot.expiries, key) else { continue }
                    if value.count == 8,
                        UInt64(littleEndian: value.loadUnaligned(as: UInt64.self)) == header.lsn
                    {
                        return true
                    }
                }
                return false
            }
            if !isThere {
                repairs.append(
                    .addExpiry(
                        run: run.info.id, due: header.due, row: Array(row), lsn: header.lsn))
                report.add(
                    .error, "keys", path, database: database(namespace), key: plainKey(row),
                    "expires, but the expiry index does not have it",
                    remedy: "the index row is made anew")
            }
        }
        try compareCounts(view, store, counts, doubtful)
        report.end(
            "keys", path,
            [
                ("live keys", counts.reduce(0) { $0 + (live.isDead($1.key) ? 0 : $1.value) }),
                ("expiring", expiring), ("damaged", doubtful.values.reduce(0, +)),
            ])
    }

    private func compareCounts(
        _ view: TransactionView, _ store: ColdStore, _ counts: [UInt32: Int],
        _ doubtful: [UInt32: Int]
    ) throws {
        // A damaged one has been told of.
        guard let stored = try? store.meta.get(view, StoreKeys.counts), stored.count % 12 == 0
        else { return }
        let known = ColdCheck.counts(stored)
        var isWrong = false
        for (namespace, count) in known.sorted(by: { $0.key < $1.key })
        where !live.isDead(namespace) {
            let seen = counts[namespace] ?? 0
            if count >= seen, count <= seen + (doubtful[namespace] ?? 0) { continue }
            isWrong = true
            report.add(
                .error, "keys", path, database: database(namespace),
                "the store counts \(count) keys, there are \(seen)",
                remedy: "the count is corrected")
        }
        for (namespace, seen) in counts where known[namespace] == nil && !live.isDead(namespace) {
            isWrong = true
            report.add(
                .error, "keys", path, database: database(namespace),
                "\(seen) keys of namespace \(namespace), which the store does not count",
                remedy: "the count is corrected")
        }
        if isWrong { repairs.append(.recountKeys) }
    }

    static func counts(_ bytes: [UInt8]) -> [UInt32: Int] {
        var counts: [UInt32: Int] = [:]
        bytes.withUnsafeBytes { raw in
            for at in stride(from: 0, to: raw.count - 11, by: 12) {
                let namespace = raw.loadUnaligned(fromByteOffset: at, as: UInt32.self)
                let count = raw.loadUnaligned(fromByteOffset: at + 4, as: UInt64.self)
                counts[UInt32(littleEndian: namespace)] = Int(clamping: UInt64(littleEndian: count))
            }
        }
        return counts
    }

    // MARK: Names

    /// The database that a namespace belongs to now.
    func database(_ namespace: UInt32) -> Int? {
        guard let namespaces else { return namespace > 0 ? Int(namespace) - 1 : nil }
        return namespaces.current.firstIndex(of: namespace)
    }

    /// The key in a row's key; of a long one the beginning.
    func plainKey(_ row: Bytes) -> [UInt8] {
        if row.count < ColdKey.prefixBytes { return Array(row) }
        let rest = row.slice(ColdKey.prefixBytes, row.count - ColdKey.prefixBytes)
        return Array(row.count == ColdKey.rowMax ? rest.slice(0, ColdKey.cutBytes) : rest)
    }
}
