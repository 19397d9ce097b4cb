// What redis-server 7.0.15 replied to requests: HyperLogLogs.
//
// Written as in RedisDialogs.swift.

extension RedisDialogs {
    static let hyperLogLog: [(title: String, lines: [(String, String)])] = [
        (
            "HyperLogLog",
            [
                ("FLUSHALL", "+OK"),
                ("PFADD h", ":1"),
                ("PFADD h", ":0"),
                ("PFDEBUG DECODE h", "Z:16384"),
                ("PFCOUNT h", ":0"),
                ("PFADD h a b c d e f g", ":1"),
                ("PFADD h a b c", ":0"),
                ("PFCOUNT h", ":7"),
                ("PFDEBUG ENCODING h", "+sparse"),
                (
                    "PFDEBUG DECODE h",
                    "Z:1646 v:1,1 Z:5645 v:1,1 Z:1085 v:2,1 z:57 v:1,1 Z:4274 v:2,1 "
                        + "Z:2445 v:1,1 Z:622 v:1,1 Z:603"
                ),
                ("OBJECT ENCODING h", "raw"),
                ("STRLEN h", ":38"),
                ("PFADD i 1 2 3 a", ":1"),
                ("PFCOUNT h i none", ":10"),
                ("PFMERGE m h i none", "+OK"),
                ("PFCOUNT m", ":10"),
                (
                    "PFDEBUG DECODE m",
                    "Z:1646 v:1,1 Z:5645 v:1,1 Z:234 v:1,1 Z:850 v:2,1 z:57 v:1,1 Z:2536 "
                        + "v:1,1 Z:1737 v:2,1 Z:2445 v:1,1 Z:213 v:4,1 Z:408 v:1,1 Z:603"
                ),
                ("PFMERGE empty", "+OK"),
                ("PFCOUNT empty", ":0"),
                ("PFDEBUG TODENSE h", ":1"),
                ("PFDEBUG TODENSE h", ":0"),
                ("PFDEBUG ENCODING h", "+dense"),
                ("STRLEN h", ":12304"),
                ("PFCOUNT h", ":7"),
                ("PFDEBUG DECODE h", "-ERR HLL encoding is not sparse"),
                ("PFMERGE m h", "+OK"),
                ("PFDEBUG ENCODING m", "+dense"),
                ("PFCOUNT m", ":10"),
                ("EXPIRE m 100", ":1"),
                ("PFMERGE m i", "+OK"),
                ("TTL m", ":100"),
            ]
        ),
        (
            "What is no HyperLogLog",
            [
                ("FLUSHALL", "+OK"),
                ("SET n 1", "+OK"),
                ("SET t text", "+OK"),
                ("SET s HYLL", "+OK"),
                ("SADD set x", ":1"),
                ("PFADD n a", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
                ("PFADD t", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
                ("PFCOUNT s", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
                ("PFMERGE n", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
                ("PFMERGE new t", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
                ("EXISTS new", ":0"),
                (
                    "PFADD set a",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
                (
                    "PFCOUNT set",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
                (
                    "PFCOUNT new set",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
                ("PFDEBUG GETREG none", "-ERR The specified key does not exist"),
                ("PFDEBUG GETREG n", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
                ("PFDEBUG FOO none", "-ERR The specified key does not exist"),
                ("PFADD h a", ":1"),
                ("PFDEBUG FOO h", "-ERR Unknown PFDEBUG subcommand 'FOO'"),
                ("PFDEBUG GETREG h x", "-ERR wrong number of arguments for 'pfdebug' command"),
                ("SETRANGE h 4 x", ":21"),
                ("PFCOUNT h", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
                ("PFADD d a", ":1"),
                ("APPEND d x", ":22"),
                ("PFCOUNT d", "-INVALIDOBJ Corrupted HLL object detected"),
                ("PFADD d b", ":1"),
                ("PFMERGE m d", "-INVALIDOBJ Corrupted HLL object detected"),
                ("PFCOUNT d d", "-INVALIDOBJ Corrupted HLL object detected"),
            ]
        ),
    ]
}
