// Judging bytes that claim to be a listpack: from an RDB file, a RESTORE, a damaged record.
//
// After a deep `true` every operation of `ListPack` stays inside the bytes. Nothing here may
// trap or read outside them, whatever they are.

extension ListPack {
    /// Whether `bytes` is a listpack. Without `deep` only header and end are looked at, which
    /// is enough for bytes that a checksum of ours has covered; with it each element's bounds
    /// and backward length and their number too. O(1) or O(n).
    /// Source: Redis `lpValidateIntegrity`.
    static func validate(_ bytes: Bytes, deep: Bool) -> Bool {
        let size = bytes.count
        guard size > headerBytes, size <= totalBytesMax, bytes[size - 1] == 0xFF else {
            return false
        }
        let base = bytes.baseAddress.unsafelyUnwrapped
        guard Int(UInt32(littleEndian: base.loadUnaligned(as: UInt32.self))) == size else {
            return false
        }
        return deep ? validateElements(bytes) : true
    }

    private static func validateElements(_ bytes: Bytes) -> Bool {
        let base = bytes.baseAddress.unsafelyUnwrapped
        let end = bytes.count - 1
        var at = headerBytes
        var count = 0
        while at < end {
            guard let encoded = boundedEncodedBytes(base + at, end - at) else { return false }
            let backlen = ListPackEncoding.backlenBytes(encoded)
            guard encoded + backlen <= end - at else { return false }
            let next = at + encoded + backlen
            // Here the backward length lies inside; at most 4 bytes can precede it, which are
            // the element's own or the header's.
            let read = ListPackEncoding.readBacklen(before: base + next)
            guard read.encoded == encoded, read.bytes == backlen else { return false }
            at = next
            count += 1
        }
        guard at == end else { return false }
        let stored = UInt16(littleEndian: base.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
        return Int(stored) == countUnknown || Int(stored) == count
    }

    /// Encoded size of the element at `p` when its head lies within `room` bytes, else nil.
    private static func boundedEncodedBytes(_ p: UnsafeRawPointer, _ room: Int) -> Int? {
        let code = p.load(as: UInt8.self)
        if code < 0xE0 { return ListPackEncoding.encodedBytes(p) }
        if code < 0xF0 { return room >= 2 ? ListPackEncoding.encodedBytes(p) : nil }
        if code == 0xF0 { return room >= 5 ? ListPackEncoding.encodedBytes(p) : nil }
        return code <= 0xF4 ? ListPackEncoding.encodedBytes(p) : nil
    }
}
