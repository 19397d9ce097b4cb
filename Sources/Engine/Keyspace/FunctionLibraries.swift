// The function libraries that came with a data set: kept, although nothing calls them yet.
//
// They are not keys: no database has them, no flush touches them, and they are few and small. A
// snapshot carries them (FUNCTION2 in RDB files), the log too (FUNCTION LOAD, as Redis writes it),
// and the cold tier's metadata has all of them in one row. So what was imported from Redis can go
// back to it whole. What reads them here must never run them, nor ask what they mean.

struct FunctionLibraries: Equatable {
    /// The source of each, as it was loaded.
    private(set) var codes: [[UInt8]] = []

    init() {}

    /// Takes a library in; one of the same name makes room.
    mutating func add(_ code: [UInt8]) {
        if let name = FunctionLibraries.name(of: code) { remove(named: name) }
        if !codes.contains(code) { codes.append(code) }
    }

    mutating func remove(named name: [UInt8]) {
        codes.removeAll { FunctionLibraries.name(of: $0) == name }
    }

    mutating func removeAll() { codes = [] }

    /// The name that the first line gives: `#!lua name=mylib`.
    static func name(of code: [UInt8]) -> [UInt8]? {
        let line = code.prefix { $0 != 0x0A && $0 != 0x0D }
        guard line.starts(with: Array("#!".utf8)) else { return nil }
        let key = Array("name=".utf8)
        let word = line.split(separator: 0x20).first { $0.starts(with: key) }
        return word.map { Array($0.dropFirst(key.count)) }
    }

    // MARK: Stored form: for each its length, u32 little-endian, then its bytes

    var encoded: [UInt8] {
        var out: [UInt8] = []
        for code in codes {
            withUnsafeBytes(of: UInt32(code.count).littleEndian) { out.append(contentsOf: $0) }
            out += code
        }
        return out
    }

    /// Nil when the bytes are not what `encoded` gives.
    init?(_ bytes: Bytes) {
        var cursor = RDBCursor(bytes)
        while cursor.remaining > 0 {
            guard let count = cursor.little(UInt32.self), let code = cursor.take(Int(count)) else {
                return nil
            }
            codes.append(Array(code))
        }
    }
}

extension Engine {
    /// Takes a library in that a file or the log holds.
    func adopt(library code: [UInt8]) {
        libraries.add(code)
        librariesChanged = true
    }

    func dropLibraries() {
        libraries.removeAll()
        librariesChanged = true
    }

    /// Applies an effect on the libraries: FUNCTION LOAD, DELETE, FLUSH or RESTORE, as Redis
    /// writes them to its log. False for any other command.
    func applyToLibraries(_ args: Arguments) -> Bool {
        guard args.count > 1, args[0].equalsIgnoringCase("function") else { return false }
        let last = args[args.count - 1]
        if args[1].equalsIgnoringCase("load"), args.count > 2 {
            adopt(library: Array(last))
        } else if args[1].equalsIgnoringCase("delete"), args.count == 3 {
            libraries.remove(named: Array(last))
        } else if args[1].equalsIgnoringCase("flush") {
            dropLibraries()
        } else if args[1].equalsIgnoringCase("restore"), args.count > 2 {
            if args.count == 4, last.equalsIgnoringCase("flush") { dropLibraries() }
            restoreLibraries(args[2])
        } else {
            return false
        }
        librariesChanged = true
        return true
    }

    /// What FUNCTION DUMP made: FUNCTION2 records, and the footer of a DUMP.
    private func restoreLibraries(_ payload: Bytes) {
        guard ValueCodec.isDump(payload) else { return }
        var cursor = RDBCursor(payload.slice(0, payload.count - 10))
        while cursor.byte() == RDBOpcode.function2, let code = cursor.stringArray() {
            adopt(library: code)
        }
    }
}
