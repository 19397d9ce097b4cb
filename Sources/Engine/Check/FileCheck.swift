// One file, recognized by its first bytes.

import Glibc

package enum FileCheck {
    enum Kind {
        case rdb, segment, redisLog, manifest, store
    }

    /// Checks one file. Mends nothing: that takes the directory.
    package static func run(_ path: String, _ report: CheckReport) throws(CheckError) {
        guard let kind = try kind(path) else {
            throw CheckError(
                "'\(path)' is no RDB file, log segment or manifest, and no cold tier's data.mdb")
        }
        let (directory, name) = split(path)
        var locks: [CheckLock] = []
        defer { for lock in locks { lock.release() } }
        if kind != .rdb {
            // Its data directory is the one above, or this one.
            for folder in [directory, "\(directory)/.."] {
                locks.append(try CheckLock(folder, makes: false))
            }
        }
        switch kind {
        case .rdb: try RDBCheck.run(path, report)
        case .segment:
            try LogCheck(LogFiles(directory: directory), report).check([name], directory)
        case .redisLog: try redisLog(directory, name, report)
        case .manifest:
            let suffix = ".manifest"
            let base = name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
            let files = LogFiles(directory: directory, baseName: base)
            if files.path(files.manifestName) != path {
                throw CheckError("'\(path)': a manifest's name ends in \(suffix)")
            }
            _ = try LogCheck(files, report).run()
        case .store:
            guard name == "data.mdb" else {
                throw CheckError("'\(path)': the file of a cold tier is named data.mdb")
            }
            _ = try ColdCheck(directory, report).run()
        }
    }

    /// Nil when it is none of ours.
    private static func kind(_ path: String) throws(CheckError) -> Kind? {
        let head: [UInt8]
        do throws(IOError) { head = try CheckFiles.head(path, 32) } catch {
            throw CheckError("'\(path)': \(String(cString: strerror(error.errno)))")
        }
        let name = split(path).name
        func starts(_ text: String) -> Bool { head.starts(with: Array(text.utf8)) }
        if starts("REDIS") { return .rdb }
        if starts("#FIRN:stream=") { return .segment }
        // What the name says, where the first bytes may be damaged.
        if name == "data.mdb" || head.dropFirst(16).starts(with: [0xDE, 0xC0, 0xEF, 0xBE]) {
            return .store
        }
        if name.hasSuffix(".manifest") || starts("file ") { return .manifest }
        if name.hasSuffix(".rdb") { return .rdb }
        if starts("*") || starts("#TS:") { return .redisLog }
        return name.hasSuffix(".incr.aof") ? .segment : nil
    }

    private static func redisLog(
        _ directory: String, _ name: String, _ report: CheckReport
    ) throws(CheckError) {
        let path = "\(directory)/\(name)"
        var commands = 0
        do throws(LogError) {
            var reader = try LogReader(
                SystemDisk.shared, directory: directory, redisFile: name,
                bulkBytesMax: Int.max >> 1)
            while try reader.next() != nil { commands += 1 }
            if let end = reader.end, end.droppedBytes > 0 {
                report.add(
                    .warning, LogCheck.part, path, offset: end.lastFileBytes,
                    "\(end.droppedBytes) bytes at the end are no whole command "
                        + "(\(end.droppedReason))")
            }
        } catch {
            if case .io(let cause) = error { throw CheckError(cause.description) }
            report.add(.error, LogCheck.part, path, error.description)
        }
        report.end("log of Redis", path, [("commands", commands)])
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let name = String(path[path.index(after: slash)...])
        return (slash == path.startIndex ? "/" : String(path[..<slash]), name)
    }
}
