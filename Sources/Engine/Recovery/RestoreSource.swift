// What a restore reads: which kind of file or directory the source is.

import Glibc

/// The kind of thing that a restore begins with.
enum RestoreSource {
    /// An RDB file; one of Redis's with an AOF behind it, too.
    case snapshot(path: String)
    /// One file of commands: an AOF in the layout before Redis 7.
    case commands(path: String)
    /// A directory with a manifest.
    case log(LogFiles, LogManifest)
    /// A segment of Firn's, or a directory with segments and no manifest.
    case segments(path: String)

    /// Looks what `path` is.
    static func find(_ disk: any Disk, _ path: String) throws(StartError) -> RestoreSource {
        guard disk.exists(path) else { throw StartError("There is no '\(path)' to restore") }
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            return try directory(disk, path)
        }
        do {
            let file = try disk.open(path, .read)
            var head = [UInt8](repeating: 0, count: 5)
            let count = try head.withUnsafeMutableBufferPointer { (raw) throws(IOError) in
                try file.read(into: UnsafeMutableRawBufferPointer(raw), at: 0)
            }
            if count == 5, head == Array("REDIS".utf8) { return .snapshot(path: path) }
            if count == 5, head == Array("#FIRN".utf8) { return .segments(path: path) }
            if count > 0, head[0] == UInt8(ascii: "*") || head[0] == UInt8(ascii: "#") {
                return .commands(path: path)
            }
        } catch {
            throw StartError(error.description)
        }
        throw StartError("'\(path)' is neither an RDB file nor a log of commands")
    }

    private static func directory(
        _ disk: any Disk, _ path: String
    ) throws(StartError) -> RestoreSource {
        if disk.exists("\(path)/cold/data.mdb") {
            throw StartError(
                "'\(path)' is a data directory with a cold tier: start with --dir '\(path)', or "
                    + "restore the snapshot in it")
        }
        let names = try starting { () throws(IOError) in try disk.list(path) }
        let manifests = names.filter { $0.hasSuffix(".manifest") && !$0.hasPrefix("temp-") }
        if manifests.count > 1 {
            throw StartError("'\(path)' holds the manifests of several logs")
        }
        if let name = manifests.first {
            let files = LogFiles(directory: path, baseName: String(name.dropLast(9)))
            if let manifest = try starting({ () throws(LogError) in try files.loadManifest(disk) })
            {
                return .log(files, manifest)
            }
        }
        return .segments(path: path)
    }
}
