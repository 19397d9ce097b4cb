// The effects of commands on their way to the log: encoded here under the engine's lock,
// written by `LogWriter` once per turn of an event loop, sent to replicas from here too.
//
// The buffer holds exactly the bytes that the file will hold. A unit (the effects of one
// command or of one MULTI/EXEC) with a single effect costs no framing; when a second effect
// comes, MULTI is inserted in front of the first by moving the unit's bytes, which is rare and
// short. Positions of the unit's first effect move with it: who stamps a record while a unit
// is open must ask `exactLSN()`, which frames the unit at once if it might move later.
//
// Batches end at a flush, and here too when one grows past `batchBytesMax`, so that a reader
// needs no more memory than that, or than the largest unit. A unit never straddles batches.

/// Pending effects of the log. Engine lock.
package struct LogBuffer: ~Copyable {
    static let batchBytesMax = 1 << 20
    private static let capacityMin = 16 << 10
    /// `*1\r\n$5\r\nMULTI\r\n`
    private static let multi: StaticString = "*1\r\n$5\r\nMULTI\r\n"
    private static let exec: StaticString = "*1\r\n$4\r\nEXEC\r\n"

    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// Pending bytes, annotation lines included.
    package private(set) var count = 0
    /// Position of the first pending byte in the stream.
    package private(set) var startLSN: LSN
    /// The most bytes that were pending since `shrink` was last called.
    private var countMax = 0
    private var shrunkMs: Int64 = 0
    private var annotationBytes = 0
    private var annotations: [(offset: Int, count: Int)] = []
    /// Where the bytes start that no end-of-batch line covers yet.
    private var batchStart = 0
    /// The database of the last effect; -1 makes the next effect select its own.
    private var database: Int = -1
    private var unitDepth = 0
    private var unitStart = 0
    private var unitEffects = 0
    private var unitFramed = false
    private var argumentsLeft = 0
    private var nextIsExpiry = false
    private var nextRemoval: ArchiveRemoval?
    private var lastTimestamp: Int64 = 0
    /// Unix seconds to note before the next unit (`aof-timestamp-enabled`); 0 for none. The
    /// engine sets it once per turn.
    package var timestamp: Int64 = 0
    /// Up to here the log is durable, as far as is known: each batch says so. The writer sets it.
    var syncedLSN: LSN = 0

    /// An empty buffer at position `lsn`.
    package init(lsn: LSN = 0) {
        startLSN = lsn
        capacity = LogBuffer.capacityMin
        base = Heap.allocate(capacity)
    }

    deinit { Heap.free(base, capacity) }

    package var isEmpty: Bool { count == 0 }
    package var isInUnit: Bool { unitDepth > 0 }

    /// The position after the last effect. While a unit is open it is provisional: the unit's
    /// framing may still move it (`exactLSN`).
    @inline(__always)
    package var lsn: LSN { startLSN &+ UInt64(truncatingIfNeeded: count - annotationBytes) }

    /// The position after the last effect, which nothing will move any more: the stamp for a
    /// record that is serialized now. Inside a unit with one effect this frames the unit.
    package mutating func exactLSN() -> LSN {
        if unitDepth > 0 && unitEffects > 0 && !unitFramed { frame() }
        return lsn
    }

    // MARK: Units

    /// Opens a unit: the effects until `endUnit` replay whole or not at all. Units nest; only
    /// the outermost counts.
    @inline(__always)
    package mutating func beginUnit() {
        if unitDepth == 0 { startUnit() }
        unitDepth += 1
    }

    /// Closes the unit.
    @inline(__always)
    package mutating func endUnit() {
        precondition(unitDepth > 0, "endUnit without beginUnit")
        unitDepth -= 1
        if unitDepth == 0 && unitFramed { closeFrame() }
    }

    @inline(__always)
    private mutating func startUnit() {
        if count - batchStart > LogBuffer.batchBytesMax { closeBatch() }
        if timestamp != lastTimestamp { noteTime() }
        unitStart = count
        unitEffects = 0
        unitFramed = false
    }

    @inline(never)
    private mutating func noteTime() {
        lastTimestamp = timestamp
        if timestamp <= 0 { return }
        reserve(32)
        var at = base + count
        let start = at
        LogAnnotation.put("#TS:", &at)
        LogAnnotation.putDecimal(UInt64(timestamp), &at)
        LogAnnotation.put("\r\n", &at)
        addAnnotation(at - start)
    }

    /// Counts `length` bytes already written at the end as an annotation.
    private mutating func addAnnotation(_ length: Int) {
        annotations.append((count, length))
        annotationBytes += length
        count += length
    }

    /// Puts MULTI in front of the open unit.
    @inline(never)
    private mutating func frame() {
        let length = LogBuffer.multi.utf8CodeUnitCount
        reserve(length)
        let start = base + unitStart
        (start + length).copyMemory(from: start, byteCount: count - unitStart)
        start.copyMemory(from: LogBuffer.multi.utf8Start, byteCount: length)
        count += length
        unitFramed = true
        var index = annotations.count - 1
        while index >= 0 && annotations[index].offset >= unitStart {
            annotations[index].offset += length
            index -= 1
        }
    }

    @inline(never)
    private mutating func closeFrame() {
        assert(argumentsLeft == 0, "a command of the unit lacks arguments")
        append(LogBuffer.exec)
        unitFramed = false
    }

    // MARK: Commands

    /// Starts an effect of `argumentCount` arguments, its name included, in a database; -1 for
    /// one that belongs to none (FLUSHALL, SWAPDB). Outside a unit it is a unit of its own.
    @inline(__always)
    package mutating func beginCommand(database: Int, argumentCount: Int) {
        startEffect(database)
        argumentsLeft = argumentCount
        reserve(24)
        putHeader(0x2A, argumentCount)
    }

    /// Ends the effect: a check that the announced number of arguments came.
    @inline(__always)
    package mutating func endCommand() {
        assert(argumentsLeft == 0, "the command lacks arguments")
    }

    /// Says that the next effect is the DEL of a key whose time has come.
    package mutating func annotateExpiry() { nextIsExpiry = true }

    /// Says what leaves the archive with the next effect.
    package mutating func annotate(_ removal: ArchiveRemoval) { nextRemoval = removal }

    /// An effect that only the archive feels. It stands in front of a SELECT, which changes
    /// nothing but moves the position on, so that it can be waited for like any other.
    package mutating func remove(_ removal: ArchiveRemoval, database: Int) {
        annotate(removal)
        beginCommand(database: -1, argumentCount: 2)
        argument("SELECT")
        argument(Int64(database))
        endCommand()
        self.database = database
    }

    @inline(__always)
    private mutating func startEffect(_ database: Int) {
        assert(argumentsLeft == 0, "the command before lacks arguments")
        if unitDepth == 0 { startUnit() }
        unitEffects += 1
        if unitEffects == 2 && unitDepth > 0 && !unitFramed { frame() }
        if database != self.database && database >= 0 { select(database) }
        if nextIsExpiry { noteExpiry() }
        if nextRemoval != nil { noteRemoval() }
    }

    @inline(never)
    private mutating func noteRemoval() {
        reserve(LogAnnotation.archiveBytesMax)
        addAnnotation(LogAnnotation.write(nextRemoval!, to: base + count))
        nextRemoval = nil
    }

    /// The annotation stands right before its DEL, behind a SELECT that the DEL needed.
    @inline(never)
    private mutating func noteExpiry() {
        nextIsExpiry = false
        let length = LogAnnotation.expire.utf8CodeUnitCount
        reserve(length)
        (base + count).copyMemory(from: LogAnnotation.expire.utf8Start, byteCount: length)
        addAnnotation(length)
    }

    /// Appends an argument.
    @inline(__always)
    package mutating func argument(_ bytes: Bytes) {
        argumentsLeft -= 1
        assert(argumentsLeft >= 0, "more arguments than announced")
        reserve(bytes.count + 26)
        putHeader(0x24, bytes.count)
        if let start = bytes.baseAddress {
            (base + count).copyMemory(from: start, byteCount: bytes.count)
        }
        count += bytes.count
        putLineBreak()
    }

    /// Appends a literal argument.
    @inline(__always)
    package mutating func argument(_ literal: StaticString) { argument(literal.bytes) }

    /// Appends a number in decimal.
    package mutating func argument(_ value: Int64) {
        argumentsLeft -= 1
        assert(argumentsLeft >= 0, "more arguments than announced")
        reserve(48)
        let digits = LogAnnotation.decimalDigits(value.magnitude)
        putHeader(0x24, value < 0 ? digits + 1 : digits)
        if value < 0 {
            base.storeBytes(of: 0x2D, toByteOffset: count, as: UInt8.self)
            count += 1
        }
        var at = base + count
        LogAnnotation.putDecimal(value.magnitude, &at)
        count += digits
        putLineBreak()
    }

    /// Makes the next effect select its database again: at the start of a segment, and of a
    /// replica's stream.
    package mutating func forgetContext() {
        database = -1
        lastTimestamp = 0
    }

    @inline(never)
    private mutating func select(_ database: Int) {
        self.database = database
        append("*2\r\n$6\r\nSELECT\r\n")
        argumentsLeft = 1
        argument(Int64(database))
    }

    // MARK: What the writer and replication read

    /// Ends the pending batch with its annotation line, if it has bytes that no line covers.
    package mutating func closeBatch() {
        precondition(unitDepth == 0, "a batch cannot end inside a unit")
        if count > batchStart { endBatch() }
    }

    /// A batch of nothing, which says up to where the log is durable. Between batches.
    mutating func noteDurable(_ lsn: LSN) {
        precondition(count == 0, "effects are pending")
        syncedLSN = lsn
        endBatch()
    }

    private mutating func endBatch() {
        reserve(LogAnnotation.batchEndBytesMax)
        let crc = CRC32C.checksum(Bytes(start: base + batchStart, count: count - batchStart))
        addAnnotation(
            LogAnnotation.writeBatchEnd(lsn: lsn, synced: syncedLSN, batch: crc, to: base + count))
        batchStart = count
    }

    /// The pending bytes as the file gets them; valid until the buffer changes.
    package var bytes: Bytes { Bytes(start: base, count: count) }

    /// Lends the pending bytes without annotation lines, in order: what a replica is sent from
    /// `startLSN` on.
    package func forEachStreamPart(_ body: (Bytes) -> Void) {
        var start = 0
        for annotation in annotations {
            if annotation.offset > start { body(bytes.slice(start, annotation.offset - start)) }
            start = annotation.offset + annotation.count
        }
        if count > start { body(bytes.slice(start, count - start)) }
    }

    /// Forgets the pending bytes, which have been written.
    package mutating func removeAll() {
        precondition(unitDepth == 0, "a unit is open")
        startLSN = lsn
        countMax = max(countMax, count)
        count = 0
        batchStart = 0
        annotationBytes = 0
        annotations.removeAll(keepingCapacity: true)
    }

    /// Gives memory back that was not needed in the last tenth of a second: it counts as memory
    /// of the hot tier. The maintenance thread calls it as often as it likes.
    package mutating func shrink(nowMs: Int64) {
        guard nowMs &- shrunkMs >= 100 || nowMs < shrunkMs else { return }
        shrunkMs = nowMs
        defer { countMax = 0 }
        guard count == 0, unitDepth == 0, capacity > LogBuffer.capacityMin,
            countMax < capacity / 4
        else { return }
        Heap.free(base, capacity)
        capacity = LogBuffer.capacityMin
        base = Heap.allocate(capacity)
    }

    // MARK: Bytes

    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(more) }
    }

    @inline(never)
    private mutating func grow(_ more: Int) {
        let larger = max(capacity * 2, count + more)
        base = Heap.reallocate(base, from: capacity, to: larger)
        capacity = larger
    }

    private mutating func append(_ literal: StaticString) {
        reserve(literal.utf8CodeUnitCount)
        (base + count).copyMemory(from: literal.utf8Start, byteCount: literal.utf8CodeUnitCount)
        count += literal.utf8CodeUnitCount
    }

    /// `*n` or `$n` with its line break, into room already reserved.
    @inline(__always)
    private mutating func putHeader(_ mark: UInt8, _ number: Int) {
        base.storeBytes(of: mark, toByteOffset: count, as: UInt8.self)
        count += 1
        if number < 10 {
            base.storeBytes(of: UInt8(0x30 + number), toByteOffset: count, as: UInt8.self)
            count += 1
        } else {
            var at = base + count
            LogAnnotation.putDecimal(UInt64(number), &at)
            count = at - base
        }
        putLineBreak()
    }

    @inline(__always)
    private mutating func putLineBreak() {
        base.storeBytes(of: 0x0D, toByteOffset: count, as: UInt8.self)
        base.storeBytes(of: 0x0A, toByteOffset: count + 1, as: UInt8.self)
        count += 2
    }
}
