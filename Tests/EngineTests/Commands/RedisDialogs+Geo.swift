// What redis-server 7.0.15 replied to requests: places.
//
// Written as in RedisDialogs.swift.

extension RedisDialogs {
    static let geo: [(title: String, lines: [(String, String)])] = [
        (
            "GEOADD and places",
            [
                ("FLUSHALL", "+OK"),
                ("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2"),
                ("GEOADD g NX CH 13.361389 39 Palermo 2.349014 48.864716 Paris", ":1"),
                ("GEOADD g XX CH 13.361389 38.12 Palermo 1 1 nobody", ":1"),
                ("GEOADD g 180 85.05112878 ne -180 -85.05112878 sw", ":2"),
                (
                    "ZRANGE g 0 -1 WITHSCORES",
                    "[sw 0 Palermo 3479099960355691 Catania 3479447370796909 Paris "
                        + "3663832805879806 ne 13510798882111488]"
                ),
                (
                    "GEOPOS g Palermo nobody ne sw",
                    "[[13.36138933897018433 38.11999976168862503] nil[] [180 "
                        + "85.0511287799999991] [-179.99999731779098511 -85.05112751263942528]]"
                ),
                (
                    "GEOHASH g Palermo Catania nobody ne sw",
                    "[sqc8b593nf0 sqdtr74hyu0 nil bp05b5048p0 00bh0hbj200]"
                ),
                ("GEOPOS none a", "[nil[]]"),
                ("GEOHASH none a", "[nil]"),
                ("GEOPOS g", "[]"),
                ("GEOHASH g", "[]"),
                ("GEODIST g Palermo Catania", "166473.1982"),
                ("GEODIST g Palermo Catania km", "166.4732"),
                ("GEODIST g Palermo Catania MI", "103.4419"),
                ("GEODIST g Palermo Catania ft", "546171.9102"),
                ("GEODIST g Palermo Palermo", "0.0000"),
                ("GEODIST g Palermo nobody", "nil"),
                ("GEODIST none a b", "nil"),
                (
                    "GEODIST g Palermo Catania x",
                    "-ERR unsupported unit provided. please use M, KM, FT, MI"
                ),
                ("GEODIST g Palermo Catania m x", "-ERR syntax error"),
                ("GEOADD g 1 2", "-ERR wrong number of arguments for 'geoadd' command"),
                ("GEOADD g CH CH CH", "-ERR syntax error"),
                ("GEOADD g NX XX 1 2 a", "-ERR syntax error"),
                ("GEOADD g 1 2 a 3", "-ERR syntax error"),
                (
                    "GEOADD g 200 100 a",
                    "-ERR invalid longitude,latitude pair 200.000000,100.000000"
                ),
                (
                    "GEOADD g 1 1 a 1 86 b",
                    "-ERR invalid longitude,latitude pair 1.000000,86.000000"
                ),
                ("GEOADD g inf 1 a", "-ERR invalid longitude,latitude pair inf,1.000000"),
                (
                    "GEOADD g 1e300 1 a",
                    "-ERR invalid longitude,latitude pair "
                        + "10000000000000000525047602552044202487044685811081591549158541155118"
                        + "02457988908195786371375080447864043704443832883878176942523235360430"
                        + "57564479218478670698284838720092657580373783023379478809005936895323"
                        + "49707999450811190389676408800746527427801424945792587888200568428381"
                        + "15669472196386865459400540160.000000,1.000000"
                ),
                ("GEOADD g x 1 a", "-ERR value is not a valid float"),
                ("GEOADD g 1 nan a", "-ERR value is not a valid float"),
                ("ZADD odd 1.5 f -1 n inf i -inf ni 1e17 big", ":5"),
                (
                    "GEOPOS odd f n i ni big",
                    "[[-179.99999731779098511 -85.05112497791824921] [180 "
                        + "85.0511287799999991] [-179.99999731779098511 -85.05112751263942528] "
                        + "[180 -85.05112751263942528] [180 85.0511287799999991]]"
                ),
                (
                    "GEOHASH odd f n i ni big",
                    "[00bh0hbj210 bp05b5048p0 00bh0hbj200 00bh0hbj200 bp05b5048p0]"
                ),
                ("SET s x", "+OK"),
                (
                    "GEOADD s 1 1 a",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
                (
                    "GEOPOS s a",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
                (
                    "GEODIST s a b",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
            ]
        ),
        (
            "GEOSEARCH",
            [
                ("FLUSHALL", "+OK"),
                (
                    "GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 2.349014 48.864716 Paris 12.758489 38.788135 edge1 17.24151 38.788135 edge2",
                    ":5"
                ),
                ("GEOSEARCH g FROMMEMBER Palermo BYRADIUS 200 km", "[Palermo edge1 Catania]"),
                (
                    "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST",
                    "[[Catania 56.4413] [Palermo 190.4424]]"
                ),
                (
                    "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 200 km DESC WITHCOORD WITHHASH WITHDIST",
                    "[[Palermo 190.4424 :3479099956230698 [13.36138933897018433 "
                        + "38.11555639549629859]] [Catania 56.4413 :3479447370796909 "
                        + "[15.08726745843887329 37.50266842333162032]]]"
                ),
                (
                    "GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km ASC",
                    "[Catania Palermo edge2 edge1]"
                ),
                ("GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km DESC COUNT 1", "[edge1]"),
                (
                    "GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km COUNT 2 WITHDIST",
                    "[[Catania 56.4413] [Palermo 190.4424]]"
                ),
                ("GEOSEARCH g FROMLONLAT 15 37 BYBOX 400 400 km COUNT 2 ANY", "[Palermo edge1]"),
                (
                    "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 5000 KM ASC",
                    "[Catania Palermo edge2 edge1 Paris]"
                ),
                ("GEOSEARCH g FROMLONLAT 15 37 BYRADIUS 0 m", "[]"),
                (
                    "GEOSEARCH g FROMLONLAT 15 37 BYRADIUS inf m ASC",
                    "[Catania Palermo edge2 edge1 Paris]"
                ),
                ("GEOSEARCH none FROMMEMBER x BYRADIUS 1 m", "[]"),
                (
                    "GEOSEARCH g FROMMEMBER x BYRADIUS 1 m",
                    "-ERR could not decode requested zset member"
                ),
                ("GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 km BYBOX 1 1 km", "-ERR syntax error"),
                (
                    "GEOSEARCH g FROMMEMBER Palermo FROMLONLAT 1 1 BYRADIUS 1 km",
                    "-ERR syntax error"
                ),
                (
                    "GeoSearch g BYRADIUS 1 km ASC ASC",
                    "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for "
                        + "GeoSearch"
                ),
                (
                    "GEOSEARCH g FROMMEMBER Palermo ASC ASC ASC",
                    "-ERR exactly one of BYRADIUS and BYBOX can be specified for "
                        + "GEOSEARCH"
                ),
                ("GEOSEARCH g FROMMEMBER Palermo BYRADIUS -1 m", "-ERR radius cannot be negative"),
                ("GEOSEARCH g FROMMEMBER Palermo BYRADIUS x m", "-ERR need numeric radius"),
                (
                    "GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 q",
                    "-ERR unsupported unit provided. please use M, KM, FT, MI"
                ),
                ("GEOSEARCH g FROMMEMBER Palermo BYBOX x 1 m", "-ERR need numeric width"),
                ("GEOSEARCH g FROMMEMBER Palermo BYBOX 1 x m", "-ERR need numeric height"),
                (
                    "GEOSEARCH g FROMMEMBER Palermo BYBOX -1 1 m",
                    "-ERR height or width cannot be negative"
                ),
                ("GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m COUNT 0", "-ERR COUNT must be > 0"),
                (
                    "GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m COUNT x",
                    "-ERR value is not an integer or out of range"
                ),
                (
                    "GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m ANY",
                    "-ERR the ANY argument requires COUNT argument"
                ),
                ("GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m STOREDIST", "-ERR syntax error"),
                ("GEOSEARCH g FROMMEMBER Palermo BYRADIUS 1 m STORE d", "-ERR syntax error"),
                ("SET s x", "+OK"),
                (
                    "GEOSEARCH s FROMMEMBER Palermo BYRADIUS 1 m",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value"
                ),
            ]
        ),
        (
            "GEOSEARCHSTORE and GEORADIUS",
            [
                ("FLUSHALL", "+OK"),
                ("GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2"),
                ("SET d x", "+OK"),
                ("GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km", ":2"),
                ("ZRANGE d 0 -1 WITHSCORES", "[Palermo 3479099956230698 Catania 3479447370796909]"),
                (
                    "GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST DESC COUNT 1",
                    ":1"
                ),
                ("ZRANGE d 0 -1 WITHSCORES", "[Palermo 190.44242984775784]"),
                ("GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 1 m", ":0"),
                ("EXISTS d", ":0"),
                (
                    "GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 1 m WITHDIST",
                    "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and "
                        + "WITHCOORD options"
                ),
                ("GEOSEARCHSTORE g g FROMMEMBER Palermo BYRADIUS 1 m", ":1"),
                ("ZRANGE g 0 -1", "[Palermo]"),
                ("GEOADD g 15.087269 37.502669 Catania", ":1"),
                (
                    "GEORADIUS g 15 37 200 km WITHDIST WITHCOORD DESC",
                    "[[Palermo 190.4424 [13.36138933897018433 38.11555639549629859]] "
                        + "[Catania 56.4413 [15.08726745843887329 37.50266842333162032]]]"
                ),
                ("GEORADIUS g 15 37 200 km STORE d", ":2"),
                ("GEORADIUS g 15 37 200 km STORE d STOREDIST e", ":2"),
                ("EXISTS d e", ":2"),
                (
                    "ZRANGE e 0 -1 WITHSCORES",
                    "[Catania 56.441257870158204 Palermo 190.44242984775784]"
                ),
                (
                    "GEORADIUS g 15 37 200 km STORE d WITHDIST",
                    "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, "
                        + "WITHHASH and WITHCOORD options"
                ),
                ("GEORADIUS g 15 37 200 km STOREDIST", "-ERR syntax error"),
                ("GEORADIUS none 15 37 200 km STORE d", ":0"),
                ("EXISTS d", ":0"),
                ("GEORADIUS_RO g 15 37 200 km STORE d", "-ERR syntax error"),
                ("GEORADIUS_RO g 15 37 200 km COUNT 1", "[Catania]"),
                ("GEORADIUSBYMEMBER g Palermo 200 km ASC", "[Palermo Catania]"),
                ("GEORADIUSBYMEMBER g Palermo 200 km STORE d", ":2"),
                (
                    "GEORADIUSBYMEMBER_RO g Palermo 200 km WITHDIST",
                    "[[Palermo 0.0000] [Catania 166.2742]]"
                ),
                ("GEORADIUSBYMEMBER_RO g Palermo 200 km STORE d", "-ERR syntax error"),
                (
                    "GEORADIUSBYMEMBER g nobody 200 km",
                    "-ERR could not decode requested zset member"
                ),
                ("GEORADIUSBYMEMBER none nobody 200 km", "[]"),
                ("GEORADIUSBYMEMBER none nobody x y", "[]"),
                ("GEORADIUSBYMEMBER none nobody x y foo", "-ERR syntax error"),
                ("GEORADIUSBYMEMBER none nobody x y STORE d", ":0"),
                (
                    "GEORADIUS g 200 37 200 km",
                    "-ERR invalid longitude,latitude pair 200.000000,37.000000"
                ),
                ("GEORADIUS g 15 37 x km", "-ERR need numeric radius"),
                ("GEORADIUS g 15 37 1", "-ERR wrong number of arguments for 'georadius' command"),
            ]
        ),
    ]
}
