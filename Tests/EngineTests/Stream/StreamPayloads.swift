// Bytes of a stream as redis-server 7.0.15 dumps it, in hexadecimal.

@testable import Engine

enum StreamPayloads {
    /// Made under `stream-node-max-entries 3`: five entries in two nodes, one of them deleted, two
    /// groups, of which one has two consumers with three pending entries.
    static let redis7: String =
        "130210000000000000000100000000000000014057570000001900020101010201846e616d65"
        + "05816e02000102010001000185616c7068610611010501030100010101846265746105f178ec"
        + "03050100010101dfff020101856f7468657206f4141a99be1c000000090601ff100000000000"
        + "000003ffffffffffffffff3a3a0000001200020100010201846e616d6505816e020001020100"
        + "0100018567616d6d6106000105010201020108018564656c74610601010501ff040507010101"
        + "0205020566697273740381ffffffffffffffff81ffffffffffffffff03000000000000000100"
        + "0000000000000100806e8774010000412c0000000000000002000000000000000001806e8774"
        + "010000010000000000000003ffffffffffffffff02806e87740100000102036f6e65699f8119"
        + "a201000002000000000000000100000000000000010000000000000002000000000000000003"
        + "74776f699f8119a2010000010000000000000003ffffffffffffffff067365636f6e64050705"
        + "00000a00d09f4aed03bd1ee4"

    /// What is replaced in it, by what, and which lie that is.
    static let lies: [(String, String, String)] = [
        ("020101010201846e", "030100010201846e", "a deleted entry that is counted as live"),
        ("ff0405070101", "ff0505070101", "a length that is not the number of entries"),
        ("ff0405070101", "ff0405060101", "a last ID before the last entry"),
        ("01010102050205", "01010102030205", "fewer entries ever added than there are"),
        ("01010102050205", "01010102050305", "a group more than there are"),
        ("067365636f6e64", "056669727374", "two groups of one name"),
        (
            "0000000000000002000000000000000001806e",
            "0000000000000001000000000000000101806e",
            "an ID pending twice"
        ),
        (
            "0374776f699f8119a2010000010000000000000003ffffffffffffffff",
            "0374776f699f8119a201000000",
            "a pending entry of nobody's"
        ),
        (
            "0374776f699f8119a2010000010000000000000003ffffffffffffffff",
            "0374776f699f8119a20100000100000000000000010000000000000001",
            "a pending entry of two consumers"
        ),
        (
            "0374776f699f8119a2010000010000000000000003ffffffffffffffff",
            "0374776f699f8119a20100000100000000000000040000000000000000",
            "a consumer's entry that is not pending"
        ),
        ("0374776f", "036f6e65", "two consumers of one name"),
        ("06110105010301", "06110106010301", "a wrong number of elements"),
        ("816e02000102", "816e02010102", "a master entry without its end"),
        ("dfff02010185", "dfff02020185", "more fields than there are"),
        (
            "100000000000000003ffffffffffffffff3a",
            "10000000000000000100000000000000013a",
            "two nodes of one ID"
        ),
        (
            "100000000000000003ffffffffffffffff3a",
            "100000000000000001ffffffffffffffff3a",
            "entries that do not ascend"
        ),
        ("02100000000000000001", "81ffffffffffffffff100000000000000001", "nodes without number"),
        (
            "81ffffffffffffffff03000000",
            "81ffffffffffffffff8100ffffffffffffff000000",
            "pending entries without number"
        ),
    ]
}

extension Hex {
    /// The bytes that a text in lower-case hexadecimal spells.
    static func bytes(_ text: String) -> [UInt8] {
        let digits = text.utf8.map { $0 < 0x3A ? $0 - 0x30 : $0 - 0x57 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
