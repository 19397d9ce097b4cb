// What redis-server 7.0.15 replied to requests: bitmaps and bit fields.
//
// Written as in RedisDialogs.swift.

extension RedisDialogs {
    static let bits: [(title: String, lines: [(String, String)])] = [
        (
            "SETBIT and GETBIT",
            [
                ("FLUSHALL", "+OK"),
                ("SETBIT a 7 1", ":0"),
                ("SETBIT a 7 0", ":1"),
                ("SETBIT a 7 0", ":0"),
                ("GETBIT a 7", ":0"),
                ("STRLEN a", ":1"),
                ("SETBIT a 100 1", ":0"),
                ("STRLEN a", ":13"),
                ("GETBIT a 100", ":1"),
                ("GETBIT a 101", ":0"),
                ("GETBIT a 100000", ":0"),
                ("GETBIT none 0", ":0"),
                ("OBJECT ENCODING a", "raw"),
                ("SET n 12", "+OK"),
                ("SETBIT n 0 0", ":0"),
                ("OBJECT ENCODING n", "raw"),
                ("GET n", "12"),
                ("SETBIT n 6 1", ":0"),
                ("GET n", "32"),
                ("SET n 49", "+OK"),
                ("GETBIT n 2", ":1"),
                ("SETBIT a -1 1", "-ERR bit offset is not an integer or out of range"),
                ("SETBIT a x 1", "-ERR bit offset is not an integer or out of range"),
                ("SETBIT a 4294967296 1", "-ERR bit offset is not an integer or out of range"),
                ("SETBIT a 1 2", "-ERR bit is not an integer or out of range"),
                ("SETBIT a 1 x", "-ERR bit is not an integer or out of range"),
                ("SETBIT a 1", "-ERR wrong number of arguments for 'setbit' command"),
                ("GETBIT a #1", "-ERR bit offset is not an integer or out of range"),
                ("LPUSH l x", ":1"),
                (
                    "SETBIT l 1 1",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
                ("SETBIT l 1 2", "-ERR bit is not an integer or out of range"),
                (
                    "GETBIT l 1",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
            ]
        ),
        (
            "BITCOUNT",
            [
                ("FLUSHALL", "+OK"),
                ("SET a foobar", "+OK"),
                ("BITCOUNT a", ":26"),
                ("BITCOUNT a 0 0", ":4"),
                ("BITCOUNT a 1 1", ":6"),
                ("BITCOUNT a 1 1 BYTE", ":6"),
                ("BITCOUNT a 5 30 BIT", ":17"),
                ("BITCOUNT a -2 -1", ":7"),
                ("BITCOUNT a -20 -1 bit", ":8"),
                ("BITCOUNT a 3 1", ":0"),
                ("BITCOUNT a -1 -5", ":0"),
                ("BITCOUNT a -1 -5 foo", ":0"),
                ("BITCOUNT a 0 -1 foo", "-ERR syntax error"),
                ("BITCOUNT a 0 9223372036854775807", ":26"),
                ("BITCOUNT a -9223372036854775808 -9223372036854775808", ":4"),
                ("BITCOUNT a 1", "-ERR syntax error"),
                ("BITCOUNT a 1 2 BIT 3", "-ERR syntax error"),
                ("BITCOUNT a x 1", "-ERR value is not an integer or out of range"),
                ("BITCOUNT none", ":0"),
                ("BITCOUNT none x", ":0"),
                ("SET e \"\"", "+OK"),
                ("BITCOUNT e", ":0"),
                ("BITCOUNT e 0 -1 BIT", ":0"),
                ("SET n 12345", "+OK"),
                ("BITCOUNT n", ":17"),
            ]
        ),
        (
            "BITPOS",
            [
                ("FLUSHALL", "+OK"),
                ("SETBIT a 12 1", ":0"),
                ("BITPOS a 1", ":12"),
                ("BITPOS a 0", ":0"),
                ("BITPOS a 1 2", ":-1"),
                ("BITPOS a 1 0 1 BIT", ":-1"),
                ("BITPOS a 1 8 -1 BIT", ":12"),
                ("BITPOS a 1 13 15 BIT", ":-1"),
                ("BITPOS a 0 12 12 BIT", ":-1"),
                ("BITPOS a 0 12 13 BIT", ":13"),
                ("BITPOS none 0", ":0"),
                ("BITPOS none 1", ":-1"),
                ("BITPOS none 1 x y z", ":-1"),
                ("SETRANGE f 0 \"~~\"", ":2"),
                ("BITOP OR f f f", ":2"),
                ("BITFIELD f SET u16 0 65535", "[:32382]"),
                ("BITPOS f 0", ":16"),
                ("BITPOS f 0 0", ":16"),
                ("BITPOS f 0 0 -1", ":-1"),
                ("BITPOS f 0 1 1 BYTE", ":-1"),
                ("BITPOS f 0 2", ":-1"),
                ("BITPOS f 1 9", ":-1"),
                ("SET e \"\"", "+OK"),
                ("BITPOS e 0", ":-1"),
                ("BITPOS e 1", ":-1"),
                ("BITPOS f 2", "-ERR The bit argument must be 1 or 0."),
                ("BITPOS f x", "-ERR value is not an integer or out of range"),
                ("BITPOS f 1 x", "-ERR value is not an integer or out of range"),
                ("BITPOS f 1 0 x", "-ERR value is not an integer or out of range"),
                ("BITPOS f 1 0 x foo", "-ERR syntax error"),
                ("BITPOS f 1 0 1 BIT 2", "-ERR syntax error"),
            ]
        ),
        (
            "BITOP",
            [
                ("FLUSHALL", "+OK"),
                ("SET a abc", "+OK"),
                ("SET b ab", "+OK"),
                ("SET n 123", "+OK"),
                ("BITOP AND d a b", ":3"),
                ("STRLEN d", ":3"),
                ("BITOP OR d a b none", ":3"),
                ("GET d", "abc"),
                ("BITOP XOR d n n", ":3"),
                ("BITCOUNT d", ":0"),
                ("BITOP OR d n none", ":3"),
                ("GET d", "123"),
                ("OBJECT ENCODING d", "raw"),
                ("BITOP NOT d a", ":3"),
                ("BITCOUNT d", ":14"),
                ("BITOP NOT d d", ":3"),
                ("GET d", "abc"),
                ("EXPIRE d 100", ":1"),
                ("BITOP OR d d", ":3"),
                ("TTL d", ":-1"),
                ("BITOP OR d none none", ":0"),
                ("EXISTS d", ":0"),
                ("BITOP NOT d a b", "-ERR BITOP NOT must be called with a single source key."),
                ("BITOP FOO d a", "-ERR syntax error"),
                ("SADD s x", ":1"),
                (
                    "BITOP AND d a s",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
                ("BITOP OR s a", ":3"),
                ("TYPE s", "+string"),
            ]
        ),
        (
            "BITFIELD",
            [
                ("FLUSHALL", "+OK"),
                ("BITFIELD a SET u8 0 255 GET u8 0", "[:0 :255]"),
                ("BITFIELD a INCRBY u8 0 1", "[:0]"),
                (
                    "BITFIELD a OVERFLOW SAT INCRBY u8 0 300 OVERFLOW FAIL INCRBY u8 0 1 GET u8 0",
                    "[:255 nil :255]"
                ),
                ("BITFIELD a SET i8 #1 -128 INCRBY i8 #1 -1", "[:0 :127]"),
                (
                    "BITFIELD a OVERFLOW SAT SET i8 #1 -129 GET i8 #1 SET i8 #1 500 GET i8 #1",
                    "[:127 :-128 :-128 :127]"
                ),
                (
                    "BITFIELD a SET i64 3 -9223372036854775808 GET i64 3",
                    "[:-290482175965396992 :-9223372036854775808]"
                ),
                (
                    "BITFIELD a OVERFLOW SAT INCRBY i64 3 -1 OVERFLOW WRAP INCRBY i64 3 -1",
                    "[:-9223372036854775808 :9223372036854775807]"
                ),
                (
                    "BITFIELD a SET u63 3 -1 GET u63 3 GET u1 66",
                    "[:4611686018427387903 :9223372036854775807 :1]"
                ),
                ("BITFIELD a OVERFLOW SAT SET i8 0 -9223372036854775808 GET i8 0", "[:-1 :127]"),
                ("BITFIELD a GET u8 100000 GET i5 #3", "[:0 :-1]"),
                ("BITFIELD a", "[]"),
                ("BITFIELD none GET u8 0", "[:0]"),
                ("EXISTS none", ":0"),
                ("BITFIELD new OVERFLOW FAIL INCRBY u2 0 10", "[nil]"),
                ("STRLEN new", ":1"),
                ("BITFIELD_RO a GET u8 0 GET i8 #1", "[:127 :-1]"),
                ("BITFIELD_RO a SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"),
                ("BITFIELD_RO a OVERFLOW WRAP", "[]"),
                (
                    "BITFIELD a GET u64 0",
                    "-ERR Invalid bitfield type. Use something like i16 u8. Note that "
                        + "u64 is not supported but i64 is."
                ),
                (
                    "BITFIELD a GET i65 0",
                    "-ERR Invalid bitfield type. Use something like i16 u8. Note that "
                        + "u64 is not supported but i64 is."
                ),
                (
                    "BITFIELD a GET u0 0",
                    "-ERR Invalid bitfield type. Use something like i16 u8. Note that "
                        + "u64 is not supported but i64 is."
                ),
                (
                    "BITFIELD a GET x8 0",
                    "-ERR Invalid bitfield type. Use something like i16 u8. Note that "
                        + "u64 is not supported but i64 is."
                ),
                ("BITFIELD a GET u8", "-ERR syntax error"),
                ("BITFIELD a GET u8 #-1", "-ERR bit offset is not an integer or out of range"),
                (
                    "BITFIELD a GET u8 4294967296",
                    "-ERR bit offset is not an integer or out of range"
                ),
                ("BITFIELD a SET u8 0 x", "-ERR value is not an integer or out of range"),
                ("BITFIELD a OVERFLOW x", "-ERR Invalid OVERFLOW type specified"),
                ("BITFIELD a OVERFLOW", "-ERR syntax error"),
                ("BITFIELD a FOO u8 0", "-ERR syntax error"),
                ("SADD s x", ":1"),
                (
                    "BITFIELD s SET u8 0 1",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
                (
                    "BITFIELD_RO s GET u8 0",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
            ]
        ),
    ]
}
