// The `#` lines of a segment: what Redis skips and Firn lives by.
//
//     #FIRN:stream=<40 hex>;lsn=<decimal>;crc=<8 hex>\r\n   first line of a segment; the CRC is
//                                                           that of the line before `;crc=`
//     #FIRN:stream=…;lsn=…;former=<40 hex>;crc=…\r\n        the same where the log begins to belong
//                                                           to another stream (LogLineage.swift)
//     #FIRN:lsn=<decimal>;synced=<decimal>;crc=<8 hex>\r\n  end of a batch; up to `synced` the log
//                                                           was durable when it was written; the
//                                                           CRC is that of every byte since the
//                                                           line before it of either of these two
//                                                           kinds, up to `;crc=`
//     #FIRN:lsn=<decimal>;crc=<8 hex>\r\n                   the same without that knowledge; the CRC
//                                                           is that of the bytes before the line
//     #FIRN:expire\r\n                                      the next command is an expiry's DEL
//     #FIRN:unarchive=<decimal>-<decimal>\r\n               with the next command this row leaves the
//                                                           archive: expiry time, number
//     #FIRN:purge=<decimal>\r\n                             with it everything that expired before
//     #TS:<decimal>\r\n                                     Unix time, as Redis writes it
//
// CRC is CRC-32C. Each number has exactly one spelling (lower case, no leading zeros), so that
// a flipped bit in the line itself never reads as the same line. A line is at most 1024 bytes
// long, Redis's limit. Other `#` lines are skipped, but belong to their batch's CRC.

/// What leaves the archive: no command of Redis's says so, and replay must not bring it back.
package enum ArchiveRemoval: Equatable, Sendable {
    case row(ArchiveID)
    /// Everything that expired before, Unix milliseconds.
    case before(Int64)
}

enum LogAnnotation {
    static let lineBytesMax = 1024
    /// What the end of a file may be filled with (LogWriter+Room.swift).
    static let filler = UInt8(ascii: "#")
    static let expire: StaticString = "#FIRN:expire\r\n"
    static let streamIDCount = 40
    /// More than the longest first line of a segment.
    static let segmentStartBytesMax = 256
    /// The longest line about the archive: fixed text, twice 20 digits.
    static let archiveBytesMax = 16 + 20 + 1 + 20 + 2
    /// The longest end-of-batch line: fixed text, twice 20 digits, 8 hex digits.
    static let batchEndBytesMax = 10 + 20 + 8 + 20 + 5 + 8 + 2

    /// The end of a batch.
    struct BatchEnd {
        var lsn: LSN
        /// The log was durable up to here; nil in lines that do not say.
        var synced: LSN?
        var crc: UInt32
        /// How many bytes of the line itself the CRC covers.
        var coveredBytes: Int
    }

    /// The end of a batch whose bytes have the CRC `batch`, at `out` (room for
    /// `batchEndBytesMax`); returns its length.
    static func writeBatchEnd(
        lsn: LSN, synced: LSN, batch: UInt32, to out: UnsafeMutableRawPointer
    ) -> Int {
        var at = out
        put("#FIRN:lsn=", &at)
        putDecimal(lsn, &at)
        put(";synced=", &at)
        putDecimal(synced, &at)
        let crc = CRC32C.checksum(Bytes(start: out, count: at - out), seed: batch)
        put(";crc=", &at)
        putHex(crc, &at)
        put("\r\n", &at)
        return at - out
    }

    /// What leaves the archive with the next command, at `out` (room for `archiveBytesMax`);
    /// returns its length.
    static func write(_ removal: ArchiveRemoval, to out: UnsafeMutableRawPointer) -> Int {
        var at = out
        switch removal {
        case .row(let id):
            put("#FIRN:unarchive=", &at)
            putDecimal(UInt64(id.expiredAt), &at)
            put("-", &at)
            putDecimal(id.sequence, &at)
        case .before(let ms):
            put("#FIRN:purge=", &at)
            putDecimal(UInt64(clamping: ms), &at)
        }
        put("\r\n", &at)
        return at - out
    }

    /// Reads such a line, without its line break.
    static func archiveRemoval(_ line: Bytes) -> ArchiveRemoval? {
        var rest = line
        if take("#FIRN:unarchive=", &rest) {
            guard let ms = takeDecimal(&rest), ms <= UInt64(Int64.max), take("-", &rest),
                let sequence = takeDecimal(&rest), rest.count == 0
            else { return nil }
            return .row(ArchiveID(expiredAt: Int64(ms), sequence: sequence))
        }
        guard take("#FIRN:purge=", &rest), let ms = takeDecimal(&rest), rest.count == 0,
            ms <= UInt64(Int64.max)
        else { return nil }
        return .before(Int64(ms))
    }

    /// The first line of a segment.
    static func segmentStart(stream: [UInt8], lsn: LSN, former: [UInt8]? = nil) -> [UInt8] {
        precondition(stream.count == streamIDCount)
        var line = Array("#FIRN:stream=".utf8) + stream + Array(";lsn=\(lsn)".utf8)
        if let former { line += Array(";former=".utf8) + former }
        let crc = line.withUnsafeBytes { CRC32C.checksum($0) }
        line += Array(";crc=".utf8)
        line.append(
            contentsOf: [UInt8](unsafeUninitializedCapacity: 8) { raw, count in
                var at = UnsafeMutableRawPointer(raw.baseAddress!)
                putHex(crc, &at)
                count = 8
            })
        return line + [0x0D, 0x0A]
    }

    /// Reads the end of a batch, without its line break; nil if the line is anything else.
    static func batchEnd(_ line: Bytes) -> BatchEnd? {
        var rest = line
        guard take("#FIRN:lsn=", &rest), let lsn = takeDecimal(&rest) else { return nil }
        var synced: LSN?
        var covered = 0
        if take(";synced=", &rest) {
            guard let position = takeDecimal(&rest) else { return nil }
            synced = position
            covered = line.count - rest.count
        }
        guard take(";crc=", &rest), let crc = takeHex(&rest), rest.count == 0 else { return nil }
        return BatchEnd(lsn: lsn, synced: synced, crc: crc, coveredBytes: covered)
    }

    /// Reads the first line of a segment, without its line break.
    private static func segmentStart(_ line: Bytes) -> SegmentStart? {
        var rest = line
        guard take("#FIRN:stream=", &rest), let stream = takeStream(&rest),
            take(";lsn=", &rest), let lsn = takeDecimal(&rest)
        else { return nil }
        var former: [UInt8]?
        if take(";former=", &rest) {
            guard let stream = takeStream(&rest) else { return nil }
            former = stream
        }
        let covered = line.slice(0, line.count - rest.count)
        guard take(";crc=", &rest), let crc = takeHex(&rest), rest.count == 0,
            crc == CRC32C.checksum(covered)
        else { return nil }
        return SegmentStart(
            stream: stream, lsn: lsn, former: former, lineBytes: line.count + 2)
    }

    /// Reads it from the first bytes of a file, `segmentStartBytesMax` or all; nil for any other
    /// file.
    static func segmentStart(ofFile head: [UInt8]) -> SegmentStart? {
        guard let end = head.firstIndex(of: 0x0A), end > 0, head[end - 1] == 0x0D else {
            return nil
        }
        return head.withUnsafeBytes { segmentStart($0.slice(0, end - 1)) }
    }

    /// The last line of a manifest, of which Redis breaks lines with a line feed only.
    static func manifestEnd(crc: UInt32) -> [UInt8] {
        var line = [UInt8](repeating: 0x0A, count: 19)
        line.withUnsafeMutableBytes { raw in
            var at = raw.baseAddress!
            put("#FIRN:crc=", &at)
            putHex(crc, &at)
        }
        return line
    }

    /// The CRC in the last line of a manifest, without its line break.
    static func manifestEnd(_ line: Bytes) -> UInt32? {
        var rest = line
        guard take("#FIRN:crc=", &rest), let crc = takeHex(&rest), rest.count == 0 else {
            return nil
        }
        return crc
    }

    /// Reads a `#TS:` line, without its line break.
    static func timestamp(_ line: Bytes) -> Int64? {
        var rest = line
        guard take("#TS:", &rest), let seconds = takeDecimal(&rest), rest.count == 0,
            seconds <= UInt64(Int64.max)
        else { return nil }
        return Int64(seconds)
    }

    /// Whether bytes start as a segment does, as far as one flipped bit leaves that to be seen: what
    /// tells Firn's segments from Redis's.
    static func startsSegment(_ bytes: Bytes) -> Bool {
        var rest = bytes
        if take("#FIRN:stream=", &rest) { return true }
        // Either end of the id is enough, so that a flipped bit does not make a foreign log of it,
        // which would be read without looking at its CRCs.
        let end = "#FIRN:stream=".utf8.count + streamIDCount
        guard bytes.count > end else { return false }
        rest = bytes.slice(end, bytes.count - end)
        return take(";lsn=", &rest)
    }

    // MARK: Pieces

    static func put(_ text: StaticString, _ at: inout UnsafeMutableRawPointer) {
        at.copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        at += text.utf8CodeUnitCount
    }

    /// Decimal digits, 20 at most.
    static func putDecimal(_ value: UInt64, _ at: inout UnsafeMutableRawPointer) {
        let digits = decimalDigits(value)
        var rest = value
        var index = digits - 1
        while index >= 0 {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
            at.storeBytes(
                of: UInt8(truncatingIfNeeded: 0x30 + remainder), toByteOffset: index,
                as: UInt8.self)
            rest = quotient
            index -= 1
        }
        at += digits
    }

    /// How many decimal digits a number has.
    @inline(__always)
    static func decimalDigits(_ value: UInt64) -> Int {
        if value < 10 { return 1 }
        if value < 100 { return 2 }
        if value < 1000 { return 3 }
        var digits = 4
        var rest = value / 10000
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        return digits
    }

    private static func putHex(_ value: UInt32, _ at: inout UnsafeMutableRawPointer) {
        for index in 0..<8 {
            let digit = UInt8((value >> UInt32(28 - 4 * index)) & 15)
            at.storeBytes(of: digit < 10 ? 0x30 + digit : 0x57 + digit, as: UInt8.self)
            at += 1
        }
    }

    private static func take(_ text: StaticString, _ rest: inout Bytes) -> Bool {
        let count = text.utf8CodeUnitCount
        guard rest.count >= count, rest.slice(0, count).equals(text) else { return false }
        rest = rest.slice(count, rest.count - count)
        return true
    }

    private static func takeStream(_ rest: inout Bytes) -> [UInt8]? {
        guard rest.count > streamIDCount else { return nil }
        let stream = Array(rest.slice(0, streamIDCount))
        rest = rest.slice(streamIDCount, rest.count - streamIDCount)
        return stream
    }

    private static func takeDecimal(_ rest: inout Bytes) -> UInt64? {
        var value: UInt64 = 0
        var count = 0
        while count < rest.count, rest[count] >= 0x30, rest[count] <= 0x39 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(rest[count] - 0x30))
            if overflow || carry { return nil }
            value = sum
            count += 1
        }
        if count == 0 || (count > 1 && rest[0] == 0x30) { return nil }
        rest = rest.slice(count, rest.count - count)
        return value
    }

    private static func takeHex(_ rest: inout Bytes) -> UInt32? {
        guard rest.count >= 8 else { return nil }
        var value: UInt32 = 0
        for index in 0..<8 {
            let byte = rest[index]
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x57)
            default: return nil
            }
        }
        rest = rest.slice(8, rest.count - 8)
        return value
    }
}
