// Zipmaps, the small hashes of Redis before 2.6: read for the sake of the oldest RDB files.
//
//     pairs u8 (254 and above: count them) | (length | field | length | unused u8 | value |
//     unused bytes)* | 0xFF
//     length: one byte below 254, else 254 and u32le

/// Redis's layout for small hashes before 2.6.
enum ZipMap {
    /// Fields and values in turn as a listpack, which the caller owns; nil when `bytes` is not a
    /// zipmap. Fields may repeat: the caller checks. Never traps, whatever the bytes. O(bytes).
    /// Source: Redis `zipmapValidateIntegrity`.
    static func convertToListPack(_ bytes: Bytes) -> ListPack? {
        var pack = ListPack.create()
        guard append(bytes, to: &pack) else {
            pack.destroy()
            return nil
        }
        return pack
    }

    private static func append(_ bytes: Bytes, to pack: inout ListPack) -> Bool {
        var reader = LegacyReader(bytes)
        guard let stored = reader.byte(), bytes.count >= 2, bytes.last == 0xFF else {
            return false
        }
        var pairs = 0
        while reader.left > 1 {
            guard let fieldLength = length(&reader), fieldLength < reader.left,
                let field = reader.take(fieldLength),
                let valueLength = length(&reader), let unused = reader.byte(),
                valueLength + Int(unused) < reader.left, let value = reader.take(valueLength),
                reader.take(Int(unused)) != nil, pack.canAdd(fieldLength + valueLength)
            else { return false }
            pack.append(field)
            pack.append(value)
            pairs += 1
        }
        return reader.left == 1 && (stored >= 254 || Int(stored) == pairs)
    }

    private static func length(_ reader: inout LegacyReader) -> Int? {
        guard let byte = reader.byte(), byte != 0xFF else { return nil }
        return byte < 254 ? Int(byte) : reader.little(4)
    }
}
