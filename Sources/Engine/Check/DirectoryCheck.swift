// A data directory, or one file of it, checked and on request mended.
//
// The directory's lock is held throughout, so nothing changes under the check; without `fix` it is
// taken on the file as it is, and nothing in the directory is written. After mending everything
// is checked a second time, and only what that finds counts as not mended.

import Glibc

/// What is asked for.
package struct CheckOptions: Sendable {
    package var fix = false
    /// With `fix`: cut the log at damage in its middle.
    package var truncatesLog = false
    package var appendDirname = "appendonlydir"
    package var appendFilename = "appendonly.aof"
    package var dbFilename = "dump.rdb"

    package init() {}
}

/// Where rows that are set aside go.
package struct CheckAside {
    /// Takes one row.
    package let put: (AsideRow) throws(IOError) -> Void
    /// Makes all of them durable; before any of them is removed.
    package let settle: () throws(IOError) -> Void

    package init(
        put: @escaping (AsideRow) throws(IOError) -> Void,
        settle: @escaping () throws(IOError) -> Void
    ) {
        self.put = put
        self.settle = settle
    }
}

/// A row of the store that was damaged, as its bytes are.
package struct AsideRow {
    /// "record" or "archive".
    package let kind: String
    package let database: Int?
    package let key: [UInt8]
    package let row: [UInt8]
    package let value: [UInt8]
    /// The chunk rows that the record names, as far as they are there.
    package let chunks: [UInt8]
    /// What took its place.
    package let done: String
}

/// How a check ended.
package struct CheckOutcome {
    /// Of the last check: after mending what is left.
    package let report: CheckReport
    /// What the first check found; nil when nothing was mended.
    package let before: CheckReport?

    package init(report: CheckReport, before: CheckReport?) {
        self.report = report
        self.before = before
    }
}

package final class DirectoryCheck {
    private let directory: String
    private let options: CheckOptions
    private let aside: CheckAside
    /// Tells what mending does, a line each.
    private let note: (String) -> Void
    private let makeReport: () -> CheckReport
    private let disk = SystemDisk.shared

    /// - Parameter report: makes the report of each pass.
    package init(
        _ directory: String, _ options: CheckOptions, aside: CheckAside,
        report: @escaping () -> CheckReport, note: @escaping (String) -> Void
    ) {
        self.directory = directory
        self.options = options
        self.aside = aside
        self.makeReport = report
        self.note = note
    }

    private var files: LogFiles {
        LogFiles(
            directory: "\(directory)/\(options.appendDirname)", baseName: options.appendFilename)
    }
    private var cold: String { "\(directory)/cold" }
    private var hasStore: Bool { disk.exists("\(cold)/data.mdb") }

    /// Checks, mends if asked to and if anything can be mended, and then checks again.
    package func run() throws(CheckError) -> CheckOutcome {
        let segments = try require()
        let lock = try CheckLock(directory, makes: options.fix && segments.isEmpty)
        defer { lock.release() }
        let first = makeReport()
        let found = try pass(first, segments)
        guard options.fix, first.count > 0, found.canMend(options) else {
            return CheckOutcome(report: first, before: nil)
        }
        do {
            try mend(found)
        } catch {
            throw CheckError("mending stopped: \(error)")
        }
        let second = makeReport()
        _ = try pass(second, segments)
        return CheckOutcome(report: second, before: first)
    }

    /// What there is to check; names of segments where the directory holds nothing else.
    private func require() throws(CheckError) -> [String] {
        let names: [String]
        do throws(IOError) { names = try disk.list(directory) } catch {
            throw CheckError("'\(directory)': \(String(cString: strerror(error.errno)))")
        }
        if hasStore || disk.exists(files.path(files.manifestName))
            || disk.exists("\(directory)/\(options.dbFilename)")
        {
            return []
        }
        let segments = LogCheck.sorted(names)
        if !segments.isEmpty { return segments }
        let hint =
            names.contains("data.mdb")
            ? " (it looks like a cold tier: give the directory above it)" : ""
        throw CheckError(
            "'\(directory)' is no data directory of Firn: there is neither cold/data.mdb nor "
                + "\(options.appendDirname)/\(files.manifestName) nor \(options.dbFilename)\(hint)")
    }

    // MARK: One pass

    private struct Found {
        var repairs: [ColdRepair] = []
        var cut: LogCut?
        var lineage = LogLineage()
        /// The store belongs to the log.
        var storeFollows = false
        /// The newest position that the store knows.
        var floor: LSN = 0

        func canMend(_ options: CheckOptions) -> Bool {
            if !repairs.isEmpty { return true }
            guard let cut else { return false }
            return cut.isTorn || options.truncatesLog
        }
    }

    private func pass(
        _ report: CheckReport, _ segments: [String]
    ) throws(CheckError) -> Found {
        var found = Found()
        if !segments.isEmpty {
            let check = LogCheck(LogFiles(directory: directory), report)
            try check.check(segments, directory)
            return found
        }
        var store: ColdFacts?
        if hasStore {
            let check = ColdCheck(cold, report)
            if try check.run() {
                store = check.facts
                found.repairs = check.repairs
                found.floor = check.facts.reach
            }
        }
        let log = LogCheck(files, report, store: store)
        let facts = try log.run()
        // What a cut must spare is not known without the store's word.
        if !(store?.isDoubtful ?? false) { found.cut = facts?.cut }
        found.lineage = facts?.lineage ?? LogLineage()
        found.storeFollows = store?.stream.map { found.lineage.limit(of: $0) != nil } ?? false
        compare(store, facts, report)
        let snapshot = "\(directory)/\(options.dbFilename)"
        if disk.exists(snapshot) { try RDBCheck.run(snapshot, report) }
        return found
    }

    /// The store and the log must be of one stream, and reach each other.
    private func compare(_ store: ColdFacts?, _ log: LogCheckFacts?, _ report: CheckReport) {
        let path = "\(cold)/data.mdb"
        func bad(_ text: String) { report.add(.error, "store and log", path, text) }
        guard let log else {
            if let stream = store?.stream, stream != store?.awaitsLog {
                bad("the store belongs to a log, but '\(files.directory)' has no manifest")
            }
            return end(report)
        }
        guard log.isFirn else { return end(report) }
        guard let store else {
            if !hasStore, !log.hasBase, let start = log.start, start > 0 {
                bad("the log starts at position \(start), but there is no cold tier")
            }
            return end(report)
        }
        guard let stream = store.stream else {
            if !log.hasBase, let start = log.start, start > 0 {
                bad("the log starts at position \(start), but the store belongs to no log")
            }
            return end(report)
        }
        if !log.lineage.stream.isEmpty {
            if let limit = log.lineage.limit(of: stream) {
                if store.newest > limit {
                    bad(
                        "the log belongs to another stream from position \(limit) on, but the "
                            + "store holds effects up to \(store.newest) of the former one")
                }
            } else {
                bad("the log belongs to another stream")
            }
        }
        if disk.exists(BackupMarker.path(in: directory)) {
            report.add(
                .note, "store and log", BackupMarker.path(in: directory),
                "a backup that no server has started from")
        }
        let reached = store.checkpoint ?? 0
        if let start = log.start, start > reached, !log.hasBase {
            bad(
                "the log starts at position \(start), the store ends at \(reached): a segment "
                    + "between them is missing")
        }
        if log.hasBase, let start = log.start, start > reached {
            report.add(
                .note, "store and log", path,
                "the store is older than the log's base; the next start empties it")
        }
        end(report)
    }

    private func end(_ report: CheckReport) { report.end("store and log", directory, []) }

    // MARK: Mending

    private func mend(_ found: Found) throws {
        let cut = found.cut.flatMap { $0.isTorn || options.truncatesLog ? $0 : nil }
        if let cut, !cut.isTorn {
            note(
                "the log is cut at position \(cut.lsn); records that the store has of later "
                    + "effects stay")
        }
        // What is left of a backup's log may be its original's, who has gone on: the next start must
        // not.
        let isOriginals = cut.map { $0.stream != found.lineage.stream } ?? false
        if let cut, isOriginals {
            try BackupMarker.store(cut.stream, cut.lsn, in: directory, disk)
        }
        let turnsBack = isOriginals && found.storeFollows
        // First the store: a cut that is interrupted is found again, and so is its floor.
        if hasStore,
            !found.repairs.isEmpty || turnsBack || cut.map({ found.floor > $0.lsn }) ?? false
        {
            let mend = ColdMend(cold, aside, note)
            try mend.run(
                found.repairs, forgetsAfter: cut?.lsn, stream: turnsBack ? cut?.stream : nil)
        }
        if let cut { try LogMend(files: files, note: note).cut(cut, floor: found.floor) }
    }
}

/// The lock of a data directory, as a server takes it.
final class CheckLock {
    private var descriptor: Int32 = -1
    private var owned: DirectoryLock?

    /// - Parameter makes: take it as a server does, writing to the lock file. Otherwise that is
    ///   only opened; one that is missing is not made, and nothing is locked.
    init(_ directory: String, makes: Bool) throws(CheckError) {
        if makes {
            do throws(StartError) { owned = try DirectoryLock(directory: directory) } catch {
                throw CheckError(error.description, isInUse: true)
            }
            return
        }
        descriptor = open("\(directory)/firn.lock", O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
        var buffer = [UInt8](repeating: 0, count: 32)
        let count = read(descriptor, &buffer, 32)
        close(descriptor)
        descriptor = -1
        let holder = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
            .filter(\.isNumber)
        throw CheckError(
            "the data directory '\(directory)' is in use by process \(holder)", isInUse: true)
    }

    func release() {
        owned = nil
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    deinit { release() }
}

extension LogCheck {
    /// The segments among file names, in the order of their numbers.
    static func sorted(_ names: [String]) -> [String] {
        names.compactMap { name -> (Int, String)? in
            guard name.hasSuffix(".incr.aof") else { return nil }
            let words = name.dropLast(".incr.aof".count).split(separator: ".")
            return words.last.flatMap { Int($0) }.map { ($0, name) }
        }.sorted { $0 < $1 }.map(\.1)
    }
}
