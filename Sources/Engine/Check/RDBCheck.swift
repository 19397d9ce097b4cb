// RDB files: read whole, every value decoded, the checksum compared.

import Glibc

enum RDBCheck {
    /// `position`: what a base must say that it holds. `isBase`: an AOF with an RDB preamble may go
    /// on behind the RDB part.
    static func run(
        _ path: String, _ report: CheckReport, part: String = "snapshot",
        position: LSN? = nil, isBase: Bool = false
    ) throws(CheckError) {
        var keys = 0
        var expiring = 0
        var libraries = 0
        var databases: Set<Int> = []
        let size: Int
        do throws(IOError) {
            let file = try SystemDisk.shared.open(path, .read)
            size = try file.size()
        } catch { throw CheckError(error.description) }
        let context = DecodingContext(Configuration(), HashSecret(k0: 1, k1: 2))
        do throws(RDBError) {
            let end = try RDBFile.read(
                path, context, checksum: true, position: position,
                library: { _ in libraries += 1 }
            ) { item, value in
                value.destroy()
                keys += 1
                databases.insert(item.database)
                if item.expiry != nil { expiring += 1 }
                if keys & 4095 == 0 { report.onProgress("check \(part)", keys, 0) }
            }
            if end < size, !isBase {
                report.add(
                    .error, part, path, offset: end, "\(size - end) bytes behind its end")
            }
            if end >= 17, end <= size {
                let sum = try? CheckFiles.head(path, 8, at: end - 8)
                let version = try? CheckFiles.head(path, 4, at: 5)
                if sum == Array(repeating: 0, count: 8), version.map(isSummed) ?? false {
                    report.add(.note, part, path, "it was written without a checksum")
                }
            }
        } catch {
            report.add(.error, part, path, offset: offset(error.description), error.description)
        }
        report.end(
            part, path,
            [
                ("keys", keys), ("expiring", expiring), ("databases", databases.count),
                ("libraries", libraries), ("bytes", size),
            ])
    }

    /// Files of version 5 and later end in a checksum.
    private static func isSummed(_ version: [UInt8]) -> Bool {
        (Int(String(decoding: version, as: UTF8.self)) ?? 0) >= 5
    }

    /// The number behind "at offset" in a message.
    private static func offset(_ text: String) -> Int? {
        let words = text.split(separator: " ")
        guard let place = words.lastIndex(of: "offset"), place + 1 < words.count else { return nil }
        return Int(words[place + 1].filter(\.isNumber))
    }
}

/// Reading a little of a file.
enum CheckFiles {
    /// Up to `count` bytes from `offset`.
    static func head(_ path: String, _ count: Int, at offset: Int = 0) throws(IOError) -> [UInt8] {
        let file = try SystemDisk.shared.open(path, .read)
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try bytes.withUnsafeMutableBufferPointer { (raw) throws(IOError) in
            try file.read(into: UnsafeMutableRawBufferPointer(raw), at: offset)
        }
        bytes.removeLast(count - read)
        return bytes
    }

    static func size(_ path: String) -> Int {
        (try? SystemDisk.shared.open(path, .read).size()) ?? 0
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
