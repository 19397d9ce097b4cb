// Bytes as text: escaped as redis-cli does it, and as JSON.

import Engine

package enum Text {
    /// In double quotes; control characters, quotes, backslashes and all bytes above 126 escaped.
    package static func quoted(_ bytes: Bytes) -> String {
        var out = "\""
        for byte in bytes {
            switch byte {
            case 0x22: out += "\\\""
            case 0x5C: out += "\\\\"
            case 0x0A: out += "\\n"
            case 0x0D: out += "\\r"
            case 0x09: out += "\\t"
            case 0x07: out += "\\a"
            case 0x08: out += "\\b"
            case 0x20...0x7E: out.unicodeScalars.append(Unicode.Scalar(byte))
            default: out += "\\x" + hex(byte)
            }
        }
        return out + "\""
    }

    package static func quoted(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { quoted($0) } }

    private static func hex(_ byte: UInt8) -> String {
        let digits = Array("0123456789abcdef")
        return String([digits[Int(byte >> 4)], digits[Int(byte & 15)]])
    }

    /// The bytes that a key on the command line means: itself, or, in double quotes, what the
    /// escapes of `quoted` stand for. Nil when the quotes or escapes are wrong.
    package static func unquoted(_ text: String) -> [UInt8]? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 2, bytes.first == 0x22, bytes.last == 0x22 else { return bytes }
        var out: [UInt8] = []
        var index = 1
        while index < bytes.count - 1 {
            let byte = bytes[index]
            index += 1
            if byte == 0x22 { return nil }
            guard byte == 0x5C else {
                out.append(byte)
                continue
            }
            guard index < bytes.count - 1 else { return nil }
            let escape = bytes[index]
            index += 1
            switch escape {
            case 0x6E: out.append(0x0A)
            case 0x72: out.append(0x0D)
            case 0x74: out.append(0x09)
            case 0x61: out.append(0x07)
            case 0x62: out.append(0x08)
            case 0x22, 0x5C: out.append(escape)
            case 0x78:
                guard index + 2 <= bytes.count - 1,
                    let value = UInt8(
                        String(decoding: bytes[index..<index + 2], as: UTF8.self), radix: 16)
                else { return nil }
                out.append(value)
                index += 2
            default: return nil
            }
        }
        return out
    }

    /// "12.3 MB"
    package static func size(_ bytes: Int) -> String {
        var value = Double(bytes)
        var unit = 0
        let units = ["B", "KB", "MB", "GB", "TB"]
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        if unit == 0 { return "\(bytes) B" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// Right-aligned in `width` columns.
    package static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(width - text.count, 0)) + text
    }

    package static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(width - text.count, 0))
    }
}

/// JSON, written by hand: the order of fields is ours, and no value is held twice.
package enum JSON {
    /// Bytes as a string when they are UTF-8, else as `{"base64":"…"}`.
    package static func text(_ bytes: Bytes) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return "{\"base64\":\"\(base64(bytes))\"}"
        }
        return string(text)
    }

    package static func isText(_ bytes: Bytes) -> Bool {
        String(validating: bytes, as: UTF8.self) != nil
    }

    package static func string(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\0"..."\u{1F}", "\u{7F}":
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    package static func base64(_ bytes: Bytes) -> String {
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let a = bytes[index]
            let b = left > 1 ? bytes[index + 1] : 0
            let c = left > 2 ? bytes[index + 2] : 0
            out.append(alphabet[Int(a >> 2)])
            out.append(alphabet[Int((a & 3) << 4 | b >> 4)])
            out.append(left > 1 ? alphabet[Int((b & 15) << 2 | c >> 6)] : 0x3D)
            out.append(left > 2 ? alphabet[Int(c & 63)] : 0x3D)
            index += 3
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// A score as a number, or as a string where JSON has no number for it.
    package static func score(_ text: Bytes) -> String {
        let text = String(decoding: text, as: UTF8.self)
        return text.contains("n") ? string(text) : text
    }

    /// A value by its type: string; list and set: array; hash: object, or pairs where a field is
    /// not text; sorted set: [member, score] pairs.
    package static func value(
        _ value: borrowing InspectedValue, _ put: (String) throws -> Void
    ) throws {
        if value.type == .string {
            return try value.forEach { part, _ in try put(text(part)) }
        }
        var isObject = value.type == .hash
        if isObject {
            try value.forEach { field, _ in if !isText(field) { isObject = false } }
        }
        try put(isObject ? "{" : "[")
        var isFirst = true
        let isSorted = value.type == .sortedSet
        try value.forEach { part, second in
            if !isFirst { try put(",") }
            isFirst = false
            guard let second else { return try put(text(part)) }
            if isObject {
                try put("\(text(part)):\(text(second))")
            } else {
                try put("[\(text(part)),\(isSorted ? score(second) : text(second))]")
            }
        }
        try put(isObject ? "}" : "]")
    }

    /// The fields of a hash that expire, with their times, as a member named `field_expireat`;
    /// nothing where there are none. Pairs where a field is not text.
    package static func fieldTimes(
        _ value: borrowing InspectedValue, _ put: (String) throws -> Void
    ) throws {
        var count = 0
        var isObject = true
        try value.forEachExpiringField { field, _ in
            count += 1
            if !isText(field) { isObject = false }
        }
        if count == 0 { return }
        try put(",\"field_expireat\":" + (isObject ? "{" : "["))
        var isFirst = true
        try value.forEachExpiringField { field, expiry in
            if !isFirst { try put(",") }
            isFirst = false
            try put(isObject ? "\(text(field)):\(expiry)" : "[\(text(field)),\(expiry)]")
        }
        try put(isObject ? "}" : "]")
    }
}

/// Unix milliseconds as people read them, UTC.
package enum Moment {
    package static func text(ms: Int64) -> String {
        let seconds = ms >= 0 ? ms / 1000 : (ms - 999) / 1000
        let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let rest = Int(seconds - days * 86400)
        // Days to a date, after Howard Hinnant's civil_from_days.
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let doe = z - era * 146_097
        let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146_096) / 365
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100)
        let mp = (5 * doy + 2) / 153
        let day = doy - (153 * mp + 2) / 5 + 1
        let month = mp < 10 ? mp + 3 : mp - 9
        let year = yoe + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let time = "\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))"
        return "\(year)-\(two(Int(month)))-\(two(Int(day)))T\(time)Z"
    }
}
