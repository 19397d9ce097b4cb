// Writes an RDB file: header, auxiliary fields, databases, keys, end and checksum.
//
//     REDIS0010  (FA name value)*  (F5 library)*  (FE database  FB keys expires  key*)*  FF crc64
//     key:  [FC expiry i64 LE]  [F8 idle seconds | F9 frequency u8]  type  key  value

/// What a key's record says besides its value.
struct RDBKeyFacts {
    /// Unix milliseconds.
    var expiry: Int64?
    /// Seconds since the last access, when the policy is of the LRU kind.
    var idleSeconds: UInt32?
    /// The LFU counter, when it is of the LFU kind.
    var frequency: UInt8?
}

/// A snapshot file in the making. It writes to a temporary file, which `finish` renames; if it
/// is not finished, the temporary file is removed.
struct RDBFileWriter: ~Copyable {
    private static let flushBytes = 256 << 10

    /// Nil when somebody else's file is written.
    private let disk: (any Disk)?
    private let file: any DiskFile
    private let directory: String
    private let name: String
    private let temporary: String
    private var sink = ByteSink(capacity: 512 << 10)
    private var offset = 0
    private var crc: UInt64 = 0
    private let hasChecksum: Bool
    private let syncsAsItGoes: Bool
    private var syncedOffset = 0
    private var isFinished = false
    private(set) var keyCount = 0

    init(
        _ disk: any Disk, directory: String, name: String, temporaryName: String,
        hasChecksum: Bool, syncsAsItGoes: Bool
    ) throws(IOError) {
        self.disk = disk
        self.directory = directory
        self.name = name
        self.hasChecksum = hasChecksum
        self.syncsAsItGoes = syncsAsItGoes
        temporary = "\(directory)/\(temporaryName)"
        file = try disk.open(temporary, .create)
        sink.put("REDIS0010")
    }

    /// Writes to a file that the caller names, syncs and removes if need be.
    init(_ file: any DiskFile, hasChecksum: Bool) {
        disk = nil
        directory = ""
        name = ""
        temporary = ""
        self.hasChecksum = hasChecksum
        syncsAsItGoes = false
        self.file = file
        sink.put("REDIS0010")
    }

    deinit {
        if !isFinished { try? disk?.remove(temporary) }
    }

    /// Bytes written so far.
    var byteCount: Int { offset + sink.count }

    mutating func aux(_ name: String, _ value: String) {
        sink.put(RDBOpcode.aux)
        string(name)
        string(value)
    }

    /// A function library's source.
    mutating func library(_ code: [UInt8]) {
        sink.put(RDBOpcode.function2)
        code.withUnsafeBytes { sink.putString($0, compress: false) }
    }

    private mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { sink.putString(Bytes($0), compress: false) }
    }

    mutating func select(_ database: Int) {
        sink.put(RDBOpcode.selectDB)
        sink.putLength(database)
    }

    mutating func select(_ database: Int, keys: Int, expires: Int) {
        select(database)
        sink.put(RDBOpcode.resizeDB)
        sink.putLength(keys)
        sink.putLength(expires)
    }

    /// Writes one key; `payload` is its value in RDB form, without the type byte.
    mutating func key(
        _ key: Bytes, type: UInt8, payload: Bytes, _ facts: RDBKeyFacts
    ) throws(IOError) {
        if let expiry = facts.expiry {
            sink.put(RDBOpcode.expireTimeMs)
            sink.putLittle(expiry)
        }
        if let idle = facts.idleSeconds {
            sink.put(RDBOpcode.idle)
            sink.putLength(Int(idle))
        } else if let frequency = facts.frequency {
            sink.put(RDBOpcode.freq)
            sink.put(frequency)
        }
        sink.put(type)
        sink.putString(key, compress: false)
        sink.put(payload)
        keyCount += 1
        if sink.count >= RDBFileWriter.flushBytes { try flush() }
    }

    private mutating func flush() throws(IOError) {
        if hasChecksum { crc = CRC64.checksum(sink.bytes, seed: crc) }
        try file.writeAll(sink.bytes, at: offset)
        offset += sink.count
        sink.removeAll()
        // Syncing every few megabytes keeps the last sync, and with it everyone else's, short.
        if syncsAsItGoes, offset - syncedOffset >= 4 << 20 {
            try file.syncData()
            syncedOffset = offset
        }
    }

    /// Writes the end and makes the file durable, and gives it its name.
    mutating func finish() throws(IOError) {
        try complete()
        try takePlace()
        try syncDirectory()
    }

    /// Writes the end and makes the bytes durable; the file has its temporary name still.
    mutating func complete() throws(IOError) {
        sink.put(RDBOpcode.eof)
        try flush()
        sink.putLittle(hasChecksum ? crc : 0)
        try file.writeAll(sink.bytes, at: offset)
        offset += sink.count
        if disk == nil { isFinished = true } else { try file.syncData() }
    }

    /// Gives the complete file its name.
    mutating func takePlace() throws(IOError) {
        guard let disk else { return }
        try disk.rename(temporary, to: "\(directory)/\(name)")
        isFinished = true
    }

    /// Makes the name durable.
    func syncDirectory() throws(IOError) { try disk?.syncDirectory(directory) }
}
