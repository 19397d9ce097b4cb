// firn-dump export: everything, as an RDB file, as commands, or as JSON.

import ArgumentParser
import Engine
import Glibc
import ToolOutput

struct Export: ParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case rdb
        case resp
        case json
    }

    static let configuration = CommandConfiguration(
        abstract: "Write all keys: rdb (loadable by Redis 7), resp (for redis-cli --pipe) or json.",
        discussion: """
            The store may be much larger than memory. json is one array with an object a line; \
            bytes that are no UTF-8 stand there as {"base64": …}.
            """)

    @OptionGroup var state: StateOptions
    @Option(help: "rdb, resp or json.") var format: Format
    @Option(name: .shortAndLong, help: "The file to write; default: standard output.")
    var output: String?
    @Option(help: "Only this database.") var db: Int?
    @Option(help: "Only keys that match this glob.") var match: String?
    @Flag(help: "Keys past their time as well.") var includeExpired = false

    func run() throws {
        if output == nil, format == .rdb, isatty(1) == 1 {
            throw ValidationError("RDB bytes do not go to a terminal: name a file with --output")
        }
        let inspection = try state.open()
        let pattern = match.map { Array($0.utf8) }
        let out = try output.map { try Output(file: $0) } ?? Output.standard
        var damages = Damages()
        func walk(_ body: (InspectedKey) throws -> Void) throws {
            try inspection.forEachKey(
                database: db, damaged: { damages.note($0) },
                progress: { Progress.shared.show("export", $0, of: inspection.coldRowsMax) }
            ) { key in
                if key.isExpired, !includeExpired { return }
                if let pattern, !Inspection.matches(pattern, key.key) { return }
                try body(key)
            }
        }
        do {
            switch format {
            case .rdb:
                let rdb = RDBExport(nowMs: inspection.nowMs) { (bytes) throws(IOError) in
                    try out.put(bytes)
                }
                rdb.add(libraries: try inspection.libraries())
                try walk { try rdb.add($0) }
                try rdb.finish()
            case .resp:
                let writer = CommandWriter(out)
                for code in try inspection.libraries() { writer.add(library: code) }
                try walk { try writer.add($0) }
                try writer.flush()
            case .json:
                try out.put("[")
                var isFirst = true
                try walk { key in
                    try out.put(isFirst ? "\n" : ",\n")
                    isFirst = false
                    try writeJSON(key, out)
                }
                try out.put("\n]\n")
            }
            Progress.shared.clear()
            try out.finish()
        } catch {
            out.abandon()
            throw error
        }
        try damages.conclude()
    }

    private func writeJSON(_ key: InspectedKey, _ out: Output) throws {
        try out.put(
            "{\"db\":\(key.database),\"key\":\(JSON.text(key.key)),\"type\":\"\(key.type.text)\"")
        if let expiry = key.expiry { try out.put(",\"expireat\":\(expiry)") }
        guard let value = InspectedValue(rdbType: key.rdbType, payload: key.payload) else {
            return try out.put(
                ",\"rdb_type\":\(key.rdbType),\"payload\":{\"base64\":"
                    + "\"\(JSON.base64(key.payload))\"}}")
        }
        try out.put(",\"value\":")
        try JSON.value(value) { try out.put($0) }
        try JSON.fieldTimes(value) { try out.put($0) }
        try out.put("}")
    }
}

/// Keys as the commands that make them.
private final class CommandWriter {
    private static let elementsPerCommand = 512
    private let out: Output
    private var writer = ReplyWriter()
    private var database = 0
    private var sink = ByteSink()

    init(_ out: Output) { self.out = out }

    func add(library code: [UInt8]) {
        writer.array(4)
        writer.bulk("FUNCTION")
        writer.bulk("LOAD")
        writer.bulk("REPLACE")
        code.withUnsafeBytes { writer.bulk($0) }
    }

    func add(_ key: InspectedKey) throws {
        if key.database != database {
            database = key.database
            writer.array(2)
            writer.bulk("SELECT")
            writer.bulk(String(database))
        }
        guard let value = InspectedValue(rdbType: key.rdbType, payload: key.payload) else {
            try restore(key)
            return try flush()
        }
        switch value.type {
        case .string: try string(key, value)
        case .list: try elements(key, value, "RPUSH")
        case .set: try elements(key, value, "SADD")
        case .hash:
            try elements(key, value, "HSET")
            try value.forEachExpiringField { try expire(key, $0, $1) }
        case .sortedSet: try elements(key, value, "ZADD")
        case .stream, .tombstone: try restore(key)
        }
        if value.type != .string, let expiry = key.expiry {
            writer.array(3)
            writer.bulk("PEXPIREAT")
            writer.bulk(key.key)
            writer.bulk(String(expiry))
        }
        if writer.count > 1 << 16 { try flush() }
    }

    private func string(
        _ key: InspectedKey, _ value: borrowing InspectedValue
    ) throws {
        writer.array(key.expiry == nil ? 3 : 5)
        writer.bulk("SET")
        writer.bulk(key.key)
        try value.forEach { part, _ in writer.bulk(part) }
        if let expiry = key.expiry {
            writer.bulk("PXAT")
            writer.bulk(String(expiry))
        }
    }

    private func elements(
        _ key: InspectedKey, _ value: borrowing InspectedValue, _ name: StaticString
    ) throws {
        // What a key of this name held is not added to.
        writer.array(2)
        writer.bulk("DEL")
        writer.bulk(key.key)
        let isSorted = value.type == .sortedSet
        let width = isSorted || value.type == .hash ? 2 : 1
        var left = value.count
        var inCommand = 0
        try value.forEach { part, second in
            if inCommand == 0 {
                inCommand = min(left, CommandWriter.elementsPerCommand)
                writer.array(2 + inCommand * width)
                writer.bulk(name)
                writer.bulk(key.key)
            }
            if isSorted, let second { writer.bulk(second) }
            writer.bulk(part)
            if !isSorted, let second { writer.bulk(second) }
            inCommand -= 1
            left -= 1
            if writer.count > 1 << 18 { try flush() }
        }
    }

    /// Redis 7.4's command: an older one keeps the field and says so.
    private func expire(_ key: InspectedKey, _ field: Bytes, _ expiry: Int64) throws {
        writer.array(6)
        writer.bulk("HPEXPIREAT")
        writer.bulk(key.key)
        writer.bulk(String(expiry))
        writer.bulk("FIELDS")
        writer.bulk("1")
        writer.bulk(field)
        if writer.count > 1 << 18 { try flush() }
    }

    private func restore(_ key: InspectedKey) throws {
        key.dump(into: &sink)
        writer.array(6)
        writer.bulk("RESTORE")
        writer.bulk(key.key)
        writer.bulk(String(key.expiry ?? 0))
        writer.bulk(sink.bytes)
        writer.bulk("REPLACE")
        writer.bulk("ABSTTL")
    }

    func flush() throws {
        try writer.withBytes { (bytes: Bytes) throws(IOError) in try out.put(bytes) }
        writer.removeAll()
    }
}
