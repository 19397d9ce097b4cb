// Reads one segment, batch by batch, through a window of memory.
//
// A batch is parsed first (which finds where its commands and arguments lie) and handed out
// only when its end-of-batch line has matched, so nobody sees bytes that the CRC has not
// vouched for. In a segment that Redis wrote there are no such lines: there a batch is one
// command, or one MULTI/EXEC unit.
//
// The window holds the batch being parsed and whatever was read ahead; it grows only as far
// as the file really has bytes, so a hostile length costs nothing. Positions inside the batch
// are kept relative to its start, because reading more moves it to the front of the window.

import Glibc

/// A cursor over the batches of one segment at a time.
struct LogScanner: ~Copyable {
    /// A command of the current batch.
    struct Command {
        var firstArgument: Int
        var argumentCount: Int
        /// Where the command starts, relative to the batch.
        var start: Int
        var endLSN: LSN
        var timestamp: Int64
        var database: Int
        var isExpiry = false
        var startsUnit = true
        var endsUnit = true
        var removal: ArchiveRemoval?
    }

    enum Result: Equatable {
        case batch
        /// The segment ends here, between batches.
        case end
        /// The file ends inside the batch.
        case torn(String)
        /// The batch is complete but wrong, or no batch at all.
        case bad(String)
    }

    private enum Parsed {
        case ok
        /// The window must reach at least so many bytes past the cursor.
        case more(Int)
        case bad(String)
    }

    static let readBytes = 1 << 20
    /// What the parser of requests takes, so that nothing is logged that cannot be read back.
    static let argumentsMax = Int(Int32.max)

    /// Whether batches end with annotation lines (Firn) or with each command (Redis).
    var hasBatchEnds = true
    /// Whether SELECT, MULTI and EXEC are handed out too.
    let isRaw: Bool
    let bulkBytesMax: Int

    private var file: (any DiskFile)?
    private var fileBytes = 0
    private var window: UnsafeMutableRawPointer
    private var capacity: Int
    /// Offset in the file of the window's first byte.
    private var windowOffset = 0
    private var filled = 0
    private var batchStart = 0
    private var cursor = 0

    /// Position after the last good batch.
    private(set) var lsn: LSN = 0
    private var database = 0
    private var timestamp: Int64 = 0
    /// Read, and to be handed out with the next command.
    private var removal: ArchiveRemoval?
    private(set) var commands: ContiguousArray<Command> = []
    private var arguments: ContiguousArray<(start: Int, count: Int)> = []

    init(isRaw: Bool, bulkBytesMax: Int) {
        self.isRaw = isRaw
        self.bulkBytesMax = bulkBytesMax
        capacity = 2 * LogScanner.readBytes
        window = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    }

    deinit { window.deallocate() }

    /// Turns to a segment, at `offset`, where the stream is at `lsn`.
    mutating func open(_ file: any DiskFile, at offset: Int, lsn: LSN) throws(IOError) {
        self.file = file
        fileBytes = try file.size()
        windowOffset = offset
        filled = 0
        batchStart = 0
        cursor = 0
        self.lsn = lsn
        database = 0
        timestamp = 0
        commands.removeAll(keepingCapacity: true)
    }

    /// Size of the file when it was opened.
    var size: Int { fileBytes }
    /// Offset in the file of the current batch's start, or of where scanning stopped.
    var batchOffset: Int { windowOffset + batchStart }
    /// Offset in the file behind the last good batch.
    var goodOffset: Int { windowOffset + cursor }
    /// The current batch's bytes, with its annotation lines.
    var batchBytes: Bytes { Bytes(start: window + batchStart, count: cursor - batchStart) }

    /// An argument of the current batch, by its number in the batch; valid until the next scan.
    @inline(__always)
    func argument(_ index: Int) -> Bytes {
        let argument = arguments[index]
        return Bytes(start: window + batchStart + argument.start, count: argument.count)
    }

    // MARK: Batches

    /// Reads the next batch; its commands then stand in `commands`. After `torn` or `bad` the
    /// cursor stays at the start of that batch.
    mutating func scan() throws(IOError) -> Result {
        batchStart = cursor
        commands.removeAll(keepingCapacity: true)
        arguments.removeAll(keepingCapacity: true)
        var end = lsn
        var unitStart: Int?
        var isExpiry = false
        removal = nil
        while true {
            if cursor == filled {
                if try !fill(1) {
                    if cursor == batchStart { return .end }
                    return stop(.torn("the file ends inside a batch"))
                }
            }
            let parsed: Parsed
            switch window.load(fromByteOffset: cursor, as: UInt8.self) {
            case 0x2A:
                let start = cursor
                let first = arguments.count
                parsed = parseCommand()
                guard case .ok = parsed else {
                    arguments.removeLast(arguments.count - first)
                    break
                }
                end &+= UInt64(truncatingIfNeeded: cursor - start)
                if let reason = note(
                    first, start - batchStart, end, isExpiry, &unitStart)
                {
                    return stop(.bad(reason))
                }
                isExpiry = false
                if !hasBatchEnds && unitStart == nil {
                    if commands.isEmpty {
                        batchStart = cursor
                        arguments.removeAll(keepingCapacity: true)
                        lsn = end
                        continue
                    }
                    lsn = end
                    return .batch
                }
                continue
            case 0x23:
                if !hasBatchEnds, try skipFilling() {
                    if commands.isEmpty && unitStart == nil { batchStart = cursor }
                    continue
                }
                if hasBatchEnds, cursor == batchStart {
                    switch try filling() {
                    case .none: break
                    case .toTheEnd: return .end
                    case .changed: continue
                    case .broken: return stop(.torn("bytes are missing before the file's end"))
                    }
                }
                let start = cursor - batchStart
                guard let line = try takeLine() else {
                    return stop(
                        filled - cursor > LogAnnotation.lineBytesMax
                            ? .bad("an annotation line is too long")
                            : .torn("the file ends inside an annotation line"))
                }
                if hasBatchEnds, let mark = LogAnnotation.batchEnd(line) {
                    let covered = Bytes(
                        start: window + batchStart, count: start + mark.coveredBytes)
                    if unitStart != nil { return stop(.bad("a batch ends inside MULTI")) }
                    // One with nothing in it only tells how far the log was durable.
                    if covered.count == 0 { return stop(.bad("an empty batch")) }
                    if mark.lsn != end {
                        return stop(.bad("position \(mark.lsn) where \(end) is due"))
                    }
                    if CRC32C.checksum(covered) != mark.crc {
                        return stop(.bad("the CRC of the batch does not match"))
                    }
                    lsn = end
                    return .batch
                }
                if let seconds = LogAnnotation.timestamp(line) { timestamp = seconds }
                if line.equals("#FIRN:expire") { isExpiry = true }
                if let found = LogAnnotation.archiveRemoval(line) { removal = found }
                if !hasBatchEnds && commands.isEmpty && unitStart == nil { batchStart = cursor }
                continue
            default:
                parsed = .bad("neither a command nor an annotation")
            }
            switch parsed {
            case .ok: break
            case .bad(let reason): return stop(.bad(reason))
            case .more(let count):
                if try !fill(cursor + count - filled) {
                    return stop(.torn("the file ends inside a command"))
                }
            }
        }
    }

    /// What follows the cursor, where a batch should begin and a `#` stands.
    private enum Filling {
        /// A line of Firn's or of Redis's.
        case none
        /// The filling of the file, up to its end.
        case toTheEnd
        /// A filling when it was read, and something else now: a server is writing.
        case changed
        /// A filling, and something else behind it: a part of what was written did not get there.
        case broken
    }

    /// Tells the filling of a file from a line: no line begins with two of its bytes.
    private mutating func filling() throws(IOError) -> Filling {
        if cursor + 1 == filled { _ = try fill(1) }
        guard let file, cursor + 1 < filled,
            window.load(fromByteOffset: cursor + 1, as: UInt8.self) == LogAnnotation.filler
        else { return .none }
        let chunk = UnsafeMutableRawBufferPointer.allocate(
            byteCount: LogScanner.readBytes, alignment: 16)
        defer { chunk.deallocate() }
        var at = goodOffset
        while at < fileBytes {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: chunk[0..<min(chunk.count, fileBytes - at)])
            let count = try file.read(into: part, at: at)
            if count == 0 { break }
            if let found = part[0..<count].firstIndex(where: { $0 != LogAnnotation.filler }) {
                if at + found == fileBytes - 1, part[found] == 0x0A { return .toTheEnd }
                if at + found > goodOffset + 1 { return .broken }
                // Read again what is there now.
                filled = cursor
                return .changed
            }
            at += count
        }
        return .toTheEnd
    }

    /// Moves over a filling that Redis has gone on behind; false if none is at the cursor.
    private mutating func skipFilling() throws(IOError) -> Bool {
        if cursor + 1 == filled { _ = try fill(1) }
        guard cursor + 1 < filled,
            window.load(fromByteOffset: cursor + 1, as: UInt8.self) == LogAnnotation.filler
        else { return false }
        while true {
            if cursor == filled, try !fill(1) { return true }
            let byte = window.load(fromByteOffset: cursor, as: UInt8.self)
            if byte == 0x0A {
                cursor += 1
                return true
            }
            if byte != LogAnnotation.filler { return true }
            cursor += 1
        }
    }

    private mutating func stop(_ result: Result) -> Result {
        cursor = batchStart
        commands.removeAll(keepingCapacity: true)
        return result
    }

    /// Files a parsed command under the batch; a reason if it cannot stand here.
    @inline(__always)
    private mutating func note(
        _ first: Int, _ start: Int, _ end: LSN, _ isExpiry: Bool, _ unitStart: inout Int?
    ) -> String? {
        let count = arguments.count - first
        var command = Command(
            firstArgument: first, argumentCount: count, start: start, endLSN: end,
            timestamp: timestamp, database: database, isExpiry: isExpiry, removal: removal)
        if count <= 2 {
            let name = argument(first)
            if count == 1, name.count == 5, name.equalsIgnoringCase("multi") {
                if unitStart != nil { return "MULTI inside MULTI" }
                unitStart = commands.count
                if isRaw {
                    command.endsUnit = false
                    commands.append(command)
                }
                return nil
            }
            if count == 1, name.count == 4, name.equalsIgnoringCase("exec") {
                guard let first = unitStart else { return "EXEC without MULTI" }
                unitStart = nil
                if isRaw {
                    command.startsUnit = false
                    commands.append(command)
                } else if commands.count > first {
                    commands[commands.count - 1].endsUnit = true
                }
                return nil
            }
            if count == 2, name.count == 6, name.equalsIgnoringCase("select") {
                guard let number = LogScanner.database(argument(first + 1)) else {
                    return "SELECT without a valid database number"
                }
                database = number
                command.database = number
                // One that carries a removal is handed out for its sake.
                if !isRaw, removal == nil { return nil }
            }
        }
        if let unit = unitStart {
            command.startsUnit = commands.count == unit
            command.endsUnit = false
        }
        removal = nil
        commands.append(command)
        return nil
    }

    private static func database(_ bytes: Bytes) -> Int? {
        if bytes.count == 0 || bytes.count > 9 { return nil }
        var number = 0
        for byte in bytes {
            if byte < 0x30 || byte > 0x39 { return nil }
            number = number * 10 + Int(byte - 0x30)
        }
        return number
    }

    // MARK: Commands

    /// Parses `*n` and its arguments at the cursor and moves behind them.
    @inline(__always)
    private mutating func parseCommand() -> Parsed {
        var at = cursor + 1
        let argumentCount = number(&at, LogScanner.argumentsMax)
        if argumentCount < 1 {
            return argumentCount == -1
                ? .more(filled - cursor + 1) : .bad("not a valid number of arguments")
        }
        for _ in 0..<argumentCount {
            if at >= filled { return .more(at - cursor + 1) }
            if window.load(fromByteOffset: at, as: UInt8.self) != 0x24 {
                return .bad("an argument does not start with $")
            }
            at += 1
            let length = number(&at, bulkBytesMax)
            if length < 0 {
                return length == -1
                    ? .more(filled - cursor + 1) : .bad("not a valid length of an argument")
            }
            if filled - at < length + 2 { return .more(at - cursor + length + 2) }
            arguments.append((at - batchStart, length))
            at += length
            if window.load(fromByteOffset: at, as: UInt8.self) != 0x0D
                || window.load(fromByteOffset: at + 1, as: UInt8.self) != 0x0A
            {
                return .bad("an argument does not end where its length says")
            }
            at += 2
        }
        cursor = at
        return .ok
    }

    /// Decimal digits up to a line break; -1 when the window ends first, -2 when it is no such
    /// number or one over `max`.
    @inline(__always)
    private func number(_ at: inout Int, _ max: Int) -> Int {
        var value = 0
        var digits = 0
        while at < filled {
            let byte = window.load(fromByteOffset: at, as: UInt8.self)
            if byte >= 0x30 && byte <= 0x39 {
                value = value * 10 + Int(byte - 0x30)
                digits += 1
                if value > max || digits > 18 { return -2 }
                at += 1
                continue
            }
            if byte != 0x0D || digits == 0 { return -2 }
            if at + 1 >= filled { return -1 }
            if window.load(fromByteOffset: at + 1, as: UInt8.self) != 0x0A { return -2 }
            at += 2
            return value
        }
        return -1
    }

    /// The line at the cursor without its break, which the cursor passes; nil, with the cursor
    /// where it was, when there is no line break within the limit or the file ends first.
    /// Redis accepts a bare line feed in `#` lines; it never writes one, nor does Firn.
    mutating func takeLine() throws(IOError) -> Bytes? {
        while true {
            let limit = min(filled - cursor, LogAnnotation.lineBytesMax + 2)
            if limit > 0, let found = memchr(window + cursor, 0x0A, limit) {
                let count = found - UnsafeMutableRawPointer(window + cursor)
                let line = Bytes(start: window + cursor, count: count)
                cursor += count + 1
                if count > 0, line[count - 1] == 0x0D { return line.slice(0, count - 1) }
                return hasBatchEnds ? Bytes(start: nil, count: 0) : line
            }
            if limit == LogAnnotation.lineBytesMax + 2 { return nil }
            if try !fill(1) { return nil }
        }
    }

    /// Reads ahead until the window holds at least `more` bytes more; false when the file ends
    /// before.
    @inline(never)
    private mutating func fill(_ more: Int) throws(IOError) -> Bool {
        guard let file, windowOffset + filled + more <= fileBytes else { return false }
        if batchStart > 0 {
            let kept = filled - batchStart
            memmove(window, window + batchStart, kept)
            windowOffset += batchStart
            cursor -= batchStart
            filled = kept
            batchStart = 0
        }
        let wanted = max(filled + more, filled + LogScanner.readBytes)
        if wanted > capacity {
            let larger = max(wanted, min(capacity * 2, fileBytes - windowOffset))
            let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
            memcpy(moved, window, filled)
            window.deallocate()
            window = moved
            capacity = larger
        }
        let room = min(capacity - filled, fileBytes - windowOffset - filled)
        let count = try file.read(
            into: UnsafeMutableRawBufferPointer(start: window + filled, count: room),
            at: windowOffset + filled)
        filled += count
        return count >= more
    }
}
