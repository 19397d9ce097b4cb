// Reads RDB files: those of Redis, versions 1 to 12, and our own.
//
// The file is mapped and walked once, front to back; the checksum is taken over what has been
// walked, while it is still in the processor's cache. Memory stays what one value takes.

import Glibc

/// Why a snapshot file cannot be loaded.
struct RDBError: Error, CustomStringConvertible {
    let description: String
}

/// One key of a file; views are valid during the call that receives it.
struct RDBKey {
    let database: Int
    let key: Bytes
    let expiry: Int64?
    let idleSeconds: Int?
    let frequency: UInt8?
    /// Where the record ends in the file.
    let endOffset: Int
}

/// What the head of a file says of it.
struct RDBFacts {
    /// The log that it is a snapshot of, 40 hex digits, and its position in it.
    var stream: [UInt8]?
    var lsn: LSN?
    /// When it was begun, Unix time.
    var seconds: Int64?
    /// What its maker's memory held.
    var usedMemory: Int?
    /// It is an RDB file and nothing else, not the first part of an AOF.
    var isWhole = true
    var fileBytes = 0
}

enum RDBFile {
    /// Walks the file and hands every key to `body` with a value that `body` then owns. Returns
    /// where the RDB part ends: an AOF base with an RDB preamble goes on behind it.
    /// `position`: the log position that the file must hold, if it says that it holds one.
    /// `library` gets the source of each function library.
    @discardableResult
    static func read(
        _ path: String, on disk: any Disk = SystemDisk.shared, _ context: DecodingContext,
        checksum: Bool, position: LSN? = nil,
        library: ([UInt8]) -> Void = { _ in },
        _ body: (RDBKey, DetachedValue) throws(RDBError) -> Void
    ) throws(RDBError) -> Int {
        let file = try map(path, disk)
        var walk = try RDBWalk(file.bytes, path, checksum: checksum)
        walk.position = position
        return try walk.run(context, library, body)
    }
}

extension RDBFile {
    private static func map(_ path: String, _ disk: any Disk) throws(RDBError) -> FileBytes {
        do throws(IOError) {
            return try disk.map(path)
        } catch {
            throw RDBError(
                description: "Can't \(error.operation) '\(path)': "
                    + String(cString: strerror(error.errno)))
        }
    }

    /// Reads the auxiliary fields at the file's head; checks nothing else.
    static func facts(_ path: String, on disk: any Disk) throws(RDBError) -> RDBFacts {
        let file = try map(path, disk)
        var walk = try RDBWalk(file.bytes, path, checksum: false)
        return walk.facts()
    }
}

/// The state of one walk.
private struct RDBWalk {
    let path: String
    let bytes: Bytes
    let version: Int
    let verifies: Bool
    var cursor: RDBCursor
    var crc: UInt64 = 0
    var summed = 0
    var database = 0
    var expiry: Int64?
    var idle: Int?
    var frequency: UInt8?
    var position: LSN?

    init(_ bytes: Bytes, _ path: String, checksum: Bool) throws(RDBError) {
        self.path = path
        self.bytes = bytes
        guard bytes.count >= 9, bytes.slice(0, 5).equals("REDIS"),
            let version = Numbers.parseUInt64(bytes.slice(5, 4))
        else { throw RDBError(description: "'\(path)' is not an RDB file: wrong signature") }
        guard version >= 1, version <= UInt64(RDB.newestVersion) else {
            throw RDBError(description: "'\(path)': can't handle RDB format version \(version)")
        }
        self.version = Int(version)
        verifies = checksum && version >= 5
        cursor = RDBCursor(bytes)
        _ = cursor.take(9)
    }

    private func damaged(_ what: String) -> RDBError {
        RDBError(description: "'\(path)' is damaged at offset \(cursor.offset): \(what)")
    }

    mutating func facts() -> RDBFacts {
        var facts = RDBFacts()
        facts.fileBytes = bytes.count
        while cursor.byte() == RDBOpcode.aux, let name = cursor.stringArray(),
            let value = cursor.stringArray()
        {
            let text = String(decoding: value, as: UTF8.self)
            switch String(decoding: name, as: UTF8.self) {
            case "firn-lsn": facts.lsn = LSN(text)
            case "ctime": facts.seconds = Int64(text)
            case "used-mem": facts.usedMemory = Int(text)
            case "firn-stream" where value.count == LogAnnotation.streamIDCount:
                facts.stream = value
            // Redis says so of a base and of an AOF's preamble.
            case "aof-preamble", "aof-base": if text == "1" { facts.isWhole = false }
            default: break
            }
        }
        return facts
    }

    /// Takes what has been walked into the checksum.
    private mutating func sum() {
        guard verifies else { return }
        crc = CRC64.checksum(bytes.slice(summed, cursor.offset - summed), seed: crc)
        summed = cursor.offset
    }

    mutating func run(
        _ context: DecodingContext, _ library: ([UInt8]) -> Void,
        _ body: (RDBKey, DetachedValue) throws(RDBError) -> Void
    ) throws(RDBError) -> Int {
        while true {
            guard let opcode = cursor.byte() else { throw damaged("it ends too early") }
            switch opcode {
            case RDBOpcode.eof:
                try finish()
                return cursor.offset
            case RDBOpcode.selectDB:
                guard let number = cursor.length() else { throw damaged("no database number") }
                database = number
            case RDBOpcode.resizeDB:
                guard cursor.length() != nil, cursor.length() != nil else {
                    throw damaged("no sizes")
                }
            case RDBOpcode.aux:
                guard let name = cursor.stringArray(), let value = cursor.stringArray() else {
                    throw damaged("a broken auxiliary field")
                }
                if let position, name == Array("firn-lsn".utf8), value != Array("\(position)".utf8)
                {
                    throw RDBError(
                        description: "'\(path)' holds position "
                            + "\(String(decoding: value, as: UTF8.self)), the log goes on from "
                            + "\(position)")
                }
            case RDBOpcode.expireTimeMs:
                guard let time = cursor.little(Int64.self) else { throw damaged("no expiry") }
                expiry = time
            case RDBOpcode.expireTime:
                guard let time = cursor.little(Int32.self) else { throw damaged("no expiry") }
                expiry = Int64(time) * 1000
            case RDBOpcode.idle:
                guard let seconds = cursor.length() else { throw damaged("no idle time") }
                idle = seconds
            case RDBOpcode.freq:
                guard let counter = cursor.byte() else { throw damaged("no frequency") }
                frequency = counter
            case RDBOpcode.slotInfo:
                for _ in 0..<3 where cursor.length() == nil { throw damaged("no slot sizes") }
            case RDBOpcode.function2:
                guard let code = cursor.stringArray() else { throw damaged("a broken library") }
                library(code)
            case RDBOpcode.functionPreGA:
                throw RDBError(
                    description: "'\(path)' holds function libraries in the form of a release "
                        + "candidate of Redis 7.0, which is not supported")
            case RDBOpcode.moduleAux:
                throw RDBError(
                    description: "'\(path)' holds data of \(try module()), which cannot be loaded")
            default: try key(opcode, context, body)
            }
        }
    }

    private mutating func key(
        _ type: UInt8, _ context: DecodingContext,
        _ body: (RDBKey, DetachedValue) throws(RDBError) -> Void
    ) throws(RDBError) {
        guard let name = cursor.stringArray() else { throw damaged("a key without a name") }
        let text = name.withUnsafeBytes { $0.prefixText(128) }
        if type == RDBType.module2 || type == RDBType.modulePreGA {
            throw RDBError(
                description: "'\(path)': the value of key '\(text)' is of \(try module()), which "
                    + "cannot be loaded")
        }
        guard RDBType.valueType(type) != nil else {
            throw RDBError(
                description: "'\(path)': key '\(text)' has a value of type \(type), which is not "
                    + "supported")
        }
        guard let value = ValueCodec.decode(type: type, &cursor, context) else {
            throw damaged("the value of key '\(text)'")
        }
        sum()
        defer {
            expiry = nil
            idle = nil
            frequency = nil
        }
        // The closure may not throw a typed error out of an array's bytes.
        var failure: RDBError?
        name.withUnsafeBytes { raw in
            let item = RDBKey(
                database: database, key: raw, expiry: expiry, idleSeconds: idle,
                frequency: frequency, endOffset: cursor.offset)
            do throws(RDBError) { try body(item, value) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// The module that an id names: nine characters of six bits each, and ten bits of version.
    private mutating func module() throws(RDBError) -> String {
        guard cursor.byte() == 0x81, let id = cursor.big(UInt64.self) else {
            throw damaged("no module")
        }
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let name = (1...9).map { alphabet[Int(id >> UInt64(64 - 6 * $0) & 63)] }
        return "the module type '\(String(name))'"
    }

    private mutating func finish() throws(RDBError) {
        sum()
        guard version >= 5 else { return }
        guard let stored = cursor.little(UInt64.self) else { throw damaged("no checksum") }
        if verifies, stored != 0, stored != crc {
            throw RDBError(description: "'\(path)' is damaged: its checksum is wrong")
        }
    }
}

extension Engine {
    /// Loads a snapshot into an empty keyspace, spilling what is over the budget. Keys past
    /// their time are left out, as Redis does. Returns how many keys were loaded. Without the
    /// lock.
    ///
    /// `isBase`: a log goes on from it, at `position` if that is Firn's. Then keys past their time
    /// come too, for the log may yet take the expiry away.
    func importSnapshot(
        _ path: String, isBase: Bool = false, position: LSN? = nil
    ) throws(StartError) -> Int {
        var end = 0
        return try importSnapshot(path, isBase: isBase, position: position, end: &end)
    }

    /// The same; `end` is where the RDB part ends.
    func importSnapshot(
        _ path: String, isBase: Bool = false, position: LSN? = nil, end: inout Int
    ) throws(StartError) -> Int {
        var count = 0
        var delayUs = 0
        defer {
            withLock { engine in
                engine.isReplaying = false
                engine.advanceClock()
            }
        }
        do throws(RDBError) {
            let facts = try RDBFile.facts(path, on: disk)
            let (context, checksum) = withLock { engine in
                engine.isReplaying = isBase
                engine.replayLSN = isImporting ? 0 : position ?? 0
                engine.advanceClock()
                engine.loading?.usedMemory = facts.usedMemory ?? 0
                engine.loading?.beginStage(facts.fileBytes)
                return (
                    DecodingContext(engine.configuration, secret), engine.configuration.rdbChecksum
                )
            }
            end = try RDBFile.read(
                path, on: disk, context, checksum: checksum,
                position: position, library: { code in withLock { $0.adopt(library: code) } }
            ) {
                (item, value) throws(RDBError) in
                try withLock { (engine) throws(RDBError) in
                    if try engine.place(item, value) { count += 1 }
                    delayUs = engine.configuration.keyLoadDelayUs
                }
                if count & 63 == 0 || delayUs != 0 {
                    loadingReached(count, "keys", bytes: item.endOffset)
                    Engine.delayLoading(delayUs, after: count)
                    waitForRoom()
                }
            }
        } catch {
            throw StartError(error.description)
        }
        return count
    }

    /// Puts one loaded key into the hot tier; false if it has expired.
    func place(_ item: RDBKey, _ value: DetachedValue) throws(RDBError) -> Bool {
        guard item.database < databaseCount else {
            value.destroy()
            throw RDBError(
                description: "a key of database \(item.database) cannot be loaded: 'databases' "
                    + "is \(databaseCount)")
        }
        if let expiry = item.expiry, expiry < expiryClockMs {
            value.destroy()
            return false
        }
        let key = key(item.key, database: item.database)
        guard lookup(key) == nil else {
            value.destroy()
            throw RDBError(
                description: "key '\(item.key.prefixText(128))' is in the file twice")
        }
        let entry = insert(key, value, expiry: item.expiry, isNew: false)
        setAccess(entry, item)
        markDirty(entry, database: item.database)
        return true
    }

    /// What the file says of the key's last accesses.
    func setAccess(_ entry: Entry, _ item: RDBKey) {
        if policyIsLFU, let frequency = item.frequency {
            entry.access = Access.withCounter(frequency, self)
        } else if let idle = item.idleSeconds {
            entry.access = (accessClock &- UInt32(truncatingIfNeeded: idle)) & Access.lruMask
        }
    }
}
