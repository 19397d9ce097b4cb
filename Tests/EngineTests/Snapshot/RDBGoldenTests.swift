// Values as every version of Redis has written them, byte by byte: they must be read for ever. And
// values as nobody should write them: each of these is refused, whatever `sanitize-dump-payload` says.
//
// The bytes are frozen. Tests/Wire/rdb.py draws how they are made; there redis-server reads them too.

import Testing

@testable import Engine

@Suite struct RDBGoldenTests {
    static let values: [(title: String, type: UInt8, bytes: String, read: String, reply: String)] =
        [
            ("short string", 0, "0474657874", "GET k", "text"),
            ("8-bit integer", 0, "c0f9", "GET k", "-7"),
            ("16-bit integer", 0, "c1d08a", "GET k", "-30000"),
            ("32-bit integer", 0, "c2ffffff7f", "GET k", "2147483647"),
            ("LZF", 0, "c3051e0072e01400", "GET k", "rrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"),
            (
                "14-bit length", 0,
                "404078787878787878787878787878787878787878787878787878787878787878787878"
                    + "787878787878787878787878787878787878787878787878787878787878", "STRLEN k",
                ":64"
            ),
            ("32-bit length", 0, "8000000003616263", "GET k", "abc"),
            ("64-bit length", 0, "810000000000000003616263", "GET k", "abc"),
            ("list of strings", 1, "030161c00700", "LRANGE k 0 -1", "[a 7 ]"),
            ("set of strings", 2, "02016dc0fd", "SORT k ALPHA", "[-3 m]"),
            (
                "sorted set, scores as text", 3, "04036c6f77ff0161042d312e35016203322e3003746f70fe",
                "ZRANGE k 0 -1 WITHSCORES", "[low -inf a -1.5 b 2 top inf]"
            ),
            ("hash of strings", 4, "0201660176023132022d37", "HMGET k f 12", "[v -7]"),
            (
                "sorted set, binary scores", 5,
                "0403746f70000000000000f07f016200000000000000400161000000000000f8bf036c6f"
                    + "77000000000000f0ff", "ZRANGE k 0 -1 WITHSCORES",
                "[low -inf a -1.5 b 2 top inf]"
            ),
            ("zipmap", 9, "120201660102763f3f02313202022d373f3fff", "HMGET k f 12", "[v -7]"),
            (
                "list ziplist", 10,
                "2e2e000000230000000800000161030002fd02feff03c02c0104f070110105d0c0ab76ff"
                    + "06e0141a99be1c000000ff", "LRANGE k 0 -1",
                "[a  12 -1 300 70000 -9000000 123456789012]"
            ),
            ("intset of 16 bits", 11, "0e0200000003000000fbff00002c01", "SORT k", "[-5 0 300]"),
            ("intset of 32 bits", 11, "100400000002000000fbffffff70110100", "SORT k", "[-5 70000]"),
            (
                "intset of 64 bits", 11, "18080000000200000000000000000000800100000000000000",
                "SCARD k", ":2"
            ),
            (
                "sorted set ziplist", 12,
                "2e2e00000028000000080000036c6f7705042d696e6606016103042d312e3506016203f3"
                    + "0203746f700503696e66ff", "ZRANGE k 0 -1 WITHSCORES",
                "[low -inf a -1.5 b 2 top inf]"
            ),
            (
                "hash ziplist", 13, "161600000012000000040000016603017603fd02fef9ff",
                "HMGET k f 12", "[v -7]"
            ),
            (
                "quicklist of ziplists", 14,
                "0210100000000d000000020000016103f6ff0e0e0000000a0000000100000162ff",
                "LRANGE k 0 -1", "[a 5 b]"
            ),
            (
                "hash listpack", 16, "131300000004008166028176020c01f1f9ff03ff", "HMGET k f 12",
                "[v -7]"
            ),
            (
                "sorted set listpack", 17,
                "2a2a0000000800836c6f7704842d696e6605816102842d312e3505816202020183746f70"
                    + "0483696e6604ff", "ZRANGE k 0 -1 WITHSCORES", "[low -inf a -1.5 b 2 top inf]"
            ),
            (
                "quicklist of listpacks and plain nodes", 18,
                "03022c2c000000080081610280010c01f1ffff03f12c0103f37011010005f3c0ab76ff05"
                    + "f4141a99be1c00000009ff0105706c61696e020a0a0000000100817a02ff",
                "LRANGE k 0 -1", "[a  12 -1 300 70000 -9000000 123456789012 plain z]"
            ),
            (
                "set listpack", 20, "15150000000300836f6e6504020185746872656506ff", "SORT k ALPHA",
                "[2 one three]"
            ),
        ]

    static let wrong: [(title: String, type: UInt8, bytes: String)] = [
        ("list with more to come", 1, "020161"),
        ("empty list", 1, "00"),
        ("set with a member twice", 2, "0201610161"),
        ("hash with a field twice", 4, "020161016101610161"),
        ("sorted set with a member twice", 5, "020161000000000000f03f0161000000000000f03f"),
        ("score that is no number", 5, "010161000000000000f87f"),
        ("score that is no number, as text", 3, "010161fd"),
        ("text that is no score", 3, "010161027878"),
        ("intset out of order", 11, "0c020000000200000005000400"),
        ("intset with a number twice", 11, "0c020000000200000004000400"),
        ("intset of no width", 11, "0c030000000200000004000500"),
        ("intset that counts wrongly", 11, "0c020000000300000004000500"),
        ("empty intset", 11, "080200000000000000"),
        ("listpack that counts wrongly", 16, "0d0d0000000400816102816202ff"),
        ("listpack that is longer than it says", 16, "0e0d0000000200816102816202ffff"),
        ("hash listpack of three", 16, "10100000000300816102816202816302ff"),
        ("hash listpack with a field twice", 16, "13130000000400816102816202816102816302ff"),
        ("sorted set listpack out of order", 17, "1111000000040081610202018162020101ff"),
        ("sorted set listpack with a member twice", 17, "1111000000040081610201018161020201ff"),
        ("sorted set listpack with text for a score", 17, "0f0f0000000200816102836e616e04ff"),
        ("set listpack with a member twice", 20, "0d0d0000000200816102816102ff"),
        ("empty set listpack", 20, "07070000000000ff"),
        ("quicklist of empty nodes", 18, "010207070000000000ff"),
        ("quicklist node of no kind", 18, "01030a0a0000000100816102ff"),
        ("ziplist whose tail is elsewhere", 10, "11110000000a0000000200000161030162ff"),
        ("zipmap with a field twice", 9, "100201660102763f3f01660102773f3fff"),
        ("LZF that promises too much", 0, "c302807fffffff0061"),
        ("string longer than all there is", 0, "807fffffff616263"),
        ("list longer than all there is", 1, "813f3f3f3f3f3f3f3f0161"),
        ("module value", 7, "81000000000000000000"),
        ("type from the future", 99, "00"),
    ]

    /// A DUMP payload of these bytes, with a footer that is right.
    static func payload(_ type: UInt8, _ hex: String, version: UInt16 = 10) -> [UInt8] {
        var bytes = [type]
        var digits = Substring(hex)
        while !digits.isEmpty {
            bytes.append(UInt8(digits.prefix(2), radix: 16)!)
            digits = digits.dropFirst(2)
        }
        bytes += [UInt8(version & 0xFF), UInt8(version >> 8)]
        let checksum = bytes.withUnsafeBytes { CRC64.checksum($0) }
        withUnsafeBytes(of: checksum.littleEndian) { bytes += $0 }
        return bytes
    }

    @Test func everyEncodingIsRead() {
        let test = TestEngine()
        for value in Self.values {
            let payload = Self.payload(value.type, value.bytes, version: value.type == 20 ? 11 : 1)
            let reply = test.send(["RESTORE", "k", "0"].map { Array($0.utf8) } + [payload])
            #expect(reply.description == "+OK", "\(value.title)")
            #expect(test.run(line: value.read) == value.reply, "\(value.title)")
            #expect(test.effects().count == 1)
            test.run("DEL", "k")
            _ = test.effects()
        }
    }

    /// They read the same after they were spilled in Firn's own form.
    @Test func everyEncodingSurvivesTheColdTier() throws {
        let durable = try DurableEngine { $0.debugSpillEveryCommand = true }
        defer { durable.close() }
        for value in Self.values {
            let payload = Self.payload(value.type, value.bytes, version: 11)
            let words = ["RESTORE", "k", "0"].map { Array($0.utf8) } + [payload]
            durable.engine.withLock { engine in
                engine.beginTurn()
                OwnedArguments(words).withArguments { engine.execute(durable.client, $0) }
                durable.client.reply.removeAll()
                _ = engine.endTurn()
            }
            #expect(durable.run(line: value.read) == value.reply, "\(value.title)")
            durable.run("DEL", "k")
        }
    }

    @Test func whatIsWrongIsRefused() {
        for setting in ["yes", "no", "clients"] {
            let test = TestEngine()
            test.run("CONFIG", "SET", "sanitize-dump-payload", setting)
            let before = Heap.usedBytes
            for value in Self.wrong {
                let payload = Self.payload(value.type, value.bytes)
                let reply = test.send(["RESTORE", "k", "0"].map { Array($0.utf8) } + [payload])
                #expect(reply.description == "-ERR Bad data format", "\(value.title)")
            }
            #expect(Heap.usedBytes == before, "something was not given back")
            #expect(test.run("DBSIZE") == ":0")
        }
    }

    @Test func footersAreChecked() {
        let test = TestEngine()
        var payload = Self.payload(0, "03616263", version: 13)
        func restore() -> String {
            test.send(["RESTORE", "k", "0"].map { Array($0.utf8) } + [payload]).description
        }
        let refusal = "-ERR DUMP payload version or checksum are wrong"
        #expect(restore() == refusal)
        payload = Self.payload(0, "03616263")
        payload[2] ^= 1
        #expect(restore() == refusal)
        payload = Array(payload.prefix(9))
        #expect(restore() == refusal)
    }

    /// Names of libraries, and what a library of the same name does.
    @Test func libraries() {
        var libraries = FunctionLibraries()
        func code(_ text: String) -> [UInt8] { Array(text.utf8) }
        libraries.add(code("#!lua name=a\none"))
        libraries.add(code("#!lua name=b\ntwo"))
        libraries.add(code("#!lua name=a\nthree"))
        libraries.add(code("without a name"))
        libraries.add(code("without a name"))
        let expected = ["#!lua name=b\ntwo", "#!lua name=a\nthree", "without a name"].map(code)
        #expect(libraries.codes == expected)
        #expect(libraries.encoded.withUnsafeBytes { FunctionLibraries($0) } == libraries)
        for cut in [1, 3, 5, libraries.encoded.count - 1] {
            let part = Array(libraries.encoded.prefix(cut))
            #expect(part.withUnsafeBytes { FunctionLibraries($0) } == nil, "\(cut)")
        }
        libraries.remove(named: code("b"))
        #expect(libraries.codes.count == 2)
        #expect(FunctionLibraries.name(of: code("#!lua\nname=x")) == nil)
        #expect(FunctionLibraries.name(of: code("#!lua engine=x name=y\r\n")) == code("y"))
    }
}
