// What a restore is asked for: `firn-server --restore FILE`, `firn-dump restore FILE DIR`.
//
//     source   an RDB file, an AOF file, or a directory with a log: the state to begin with
//     logs     directories with segments to apply to it: `log-archive-dir`, `appendonlydir`
//     until    where to stop: a time, or a position of the log
//     force    what the data directory holds is replaced

import Glibc

/// A restore. Paths are absolute.
package struct RestoreRequest: Sendable {
    package var source: String
    package var logs: [String] = []
    package var until: RestoreLimit?
    package var force = false

    package init(source: String) { self.source = source }
}

/// Where a restore stops.
package enum RestoreLimit: Equatable, Sendable, CustomStringConvertible {
    /// With the last effect that was logged in this second (Unix time), or before.
    case time(Int64)
    /// With the last effect that ends at this position, or before.
    case lsn(LSN)

    /// `lsn:<position>`, Unix seconds, or a time in UTC: `2026-11-27 14:30:00`, with `T` for the
    /// blank and `Z` at the end if one likes. Nil for anything else.
    package init?(_ text: String) {
        if text.hasPrefix("lsn:") {
            guard let lsn = LSN(text.dropFirst(4)) else { return nil }
            self = .lsn(lsn)
        } else if let seconds = Int64(text), seconds >= 0 {
            self = .time(seconds)
        } else if let seconds = RestoreLimit.seconds(Array(text.utf8)) {
            self = .time(seconds)
        } else {
            return nil
        }
    }

    private static func seconds(_ text: [UInt8]) -> Int64? {
        var text = text
        if text.last == UInt8(ascii: "Z") { text.removeLast() }
        guard text.count == 19 else { return nil }
        let form = Array("0000-00-00 00:00:00".utf8)
        for (byte, wanted) in zip(text, form) {
            switch wanted {
            case UInt8(ascii: "0"): if byte < 0x30 || byte > 0x39 { return nil }
            case UInt8(ascii: " "): if byte != wanted && byte != UInt8(ascii: "T") { return nil }
            default: if byte != wanted { return nil }
            }
        }
        func number(_ range: Range<Int>) -> Int32 {
            text[range].reduce(0) { $0 * 10 + Int32($1 - 0x30) }
        }
        var time = tm()
        time.tm_year = number(0..<4) - 1900
        time.tm_mon = number(5..<7) - 1
        time.tm_mday = number(8..<10)
        time.tm_hour = number(11..<13)
        time.tm_min = number(14..<16)
        time.tm_sec = number(17..<19)
        let wanted = time
        let seconds = Int64(timegm(&time))
        // The 31st of June comes back as the 1st of July.
        guard time.tm_mday == wanted.tm_mday, time.tm_mon == wanted.tm_mon,
            time.tm_hour == wanted.tm_hour, time.tm_min == wanted.tm_min, seconds >= 0
        else { return nil }
        return seconds
    }

    package var description: String {
        switch self {
        case .time(let seconds): "time \(seconds)"
        case .lsn(let lsn): "position \(lsn)"
        }
    }
}
