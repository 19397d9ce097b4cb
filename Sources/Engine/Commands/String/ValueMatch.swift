// The condition of SET, DELEX and DELIFEQ on the value that a key has now: compare and set, in one
// command instead of a script or a transaction.
//
// IFEQ and IFNE compare the value itself, IFDEQ and IFDNE its digest (XXH3, 64 bits, as DIGEST tells
// it), so that a client need not send a large value only to have it compared. The digest is part of
// the protocol: clients compute it too.

import CXXHash

struct ValueMatch {
    enum Kind { case equal, notEqual, digestEqual, digestNotEqual }

    static let digestCount = 16

    let kind: Kind
    let operand: Bytes

    /// The kind that an option's word names, in any case.
    static func kind(_ word: Bytes) -> Kind? {
        if word.equalsIgnoringCase("ifeq") { return .equal }
        if word.equalsIgnoringCase("ifne") { return .notEqual }
        if word.equalsIgnoringCase("ifdeq") { return .digestEqual }
        if word.equalsIgnoringCase("ifdne") { return .digestNotEqual }
        return nil
    }

    /// Refuses a digest that cannot be one.
    init(_ kind: Kind, _ operand: Bytes) throws(CommandError) {
        self.kind = kind
        self.operand = operand
        guard kind == .digestEqual || kind == .digestNotEqual else { return }
        guard operand.count == ValueMatch.digestCount, operand.allSatisfy(isHexDigit) else {
            throw .message("ERR must be exactly 16 hexadecimal characters")
        }
    }

    /// Whether the condition holds for a key that does not exist.
    var holdsForNone: Bool { kind == .notEqual || kind == .digestNotEqual }

    /// Whether it holds for a string. O(length).
    func holds(for entry: Entry) -> Bool {
        StringValue.withBytes(entry) { value in
            switch kind {
            case .equal: value.equals(operand)
            case .notEqual: !value.equals(operand)
            case .digestEqual: ValueMatch.withDigest(of: value) { equalsAsHex($0) }
            case .digestNotEqual: ValueMatch.withDigest(of: value) { !equalsAsHex($0) }
            }
        }
    }

    private func equalsAsHex(_ digest: Bytes) -> Bool {
        for index in 0..<ValueMatch.digestCount {
            // Digits have this bit; capital letters get it.
            guard operand[index] | 0x20 == digest[index] else { return false }
        }
        return true
    }

    /// Lends the digest of `value`: sixteen lower-case hexadecimal digits. O(length).
    static func withDigest<R>(of value: Bytes, _ body: (Bytes) -> R) -> R {
        let hash = cxxhash_xxh3_64(value.baseAddress, value.count)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: digestCount) { digits in
            for index in 0..<digestCount {
                let nibble = UInt8(truncatingIfNeeded: hash >> UInt64(60 - 4 * index)) & 0xF
                digits[index] = nibble + (nibble < 10 ? 0x30 : 0x57)
            }
            return body(Bytes(digits))
        }
    }
}

private func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
    default: false
    }
}
