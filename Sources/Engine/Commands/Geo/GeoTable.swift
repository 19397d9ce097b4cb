// The rows of the geo commands; texts and flags are those of Redis 7.0.

private let searchComplexity: StaticString = """
    O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around the \
    shape provided as the filter and M is the number of items inside the shape
    """

private let radiusComplexity: StaticString = """
    O(N+log(M)) where N is the number of elements inside the bounding box of the circular area \
    delimited by center and radius and M is the number of items inside the index.
    """

let geoCommands: [CommandSpec] = placeRows + searchRows + radiusRows

private let placeRows: [CommandSpec] = [
    CommandSpec(
        "geoadd", -5, [.write, .denyOOM], keys: .first, .geo, since: "3.2.0",
        """
        Add one or more geospatial items in the geospatial index represented using a sorted set
        """,
        syntax: """
            key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]
            """,
        complexity: """
            O(log(N)) for each item added, where N is the number of elements in the sorted set.
            """,
        GeoCommands.geoadd),
    CommandSpec(
        "geopos", -2, [.readonly], keys: .first, .geo, since: "3.2.0",
        "Returns longitude and latitude of members of a geospatial index",
        syntax: "key member [member ...]",
        complexity: "O(N) where N is the number of members requested.",
        GeoCommands.geopos),
    CommandSpec(
        "geodist", -4, [.readonly], keys: .first, .geo, since: "3.2.0",
        "Returns the distance between two members of a geospatial index",
        syntax: "key member1 member2 [M | KM | FT | MI]",
        complexity: "O(log(N))",
        GeoCommands.geodist),
    CommandSpec(
        "geohash", -2, [.readonly], keys: .first, .geo, since: "3.2.0",
        "Returns members of a geospatial index as standard geohash strings",
        syntax: "key member [member ...]",
        complexity: """
            O(log(N)) for each member requested, where N is the number of elements in the sorted \
            set.
            """,
        GeoCommands.geohash),
]

private let searchRows: [CommandSpec] = [
    CommandSpec(
        "geosearch", -7, [.readonly], keys: .first, .geo, since: "6.2.0",
        """
        Query a sorted set representing a geospatial index to fetch members inside an area of a \
        box or a circle.
        """,
        syntax: """
            key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT \
            | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] \
            [WITHCOORD] [WITHDIST] [WITHHASH]
            """,
        complexity: searchComplexity,
        GeoSearchCommands.geosearch),
    CommandSpec(
        "geosearchstore", -8, [.write, .denyOOM], keys: .firstTwo, .geo, since: "6.2.0",
        """
        Query a sorted set representing a geospatial index to fetch members inside an area of a \
        box or a circle, and store the result in another key.
        """,
        syntax: """
            destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS \
            radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] \
            [COUNT count [ANY]] [STOREDIST]
            """,
        complexity: searchComplexity,
        GeoSearchCommands.geosearchstore),
]

private let radiusRows: [CommandSpec] = [
    CommandSpec(
        "georadius", -6, [.write, .denyOOM, .movableKeys], keys: .first, .geo, since: "3.2.0",
        """
        Query a sorted set representing a geospatial index to fetch members matching a given \
        maximum distance from a point
        """,
        syntax: """
            key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]
            """,
        complexity: radiusComplexity,
        GeoSearchCommands.georadius),
    CommandSpec(
        "georadius_ro", -6, [.readonly], keys: .first, .geo, since: "3.2.10",
        "A read-only variant for GEORADIUS",
        syntax: """
            key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [COUNT count [ANY]] [ASC | DESC]
            """,
        complexity: radiusComplexity,
        GeoSearchCommands.georadiusReadOnly),
    CommandSpec(
        "georadiusbymember", -5, [.write, .denyOOM, .movableKeys], keys: .first, .geo,
        since: "3.2.0",
        """
        Query a sorted set representing a geospatial index to fetch members matching a given \
        maximum distance from a member
        """,
        syntax: """
            key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [COUNT count [ANY]] [ASC | DESC] [STORE key] [STOREDIST key]
            """,
        complexity: radiusComplexity,
        GeoSearchCommands.georadiusbymember),
    CommandSpec(
        "georadiusbymember_ro", -5, [.readonly], keys: .first, .geo, since: "3.2.10",
        "A read-only variant for GEORADIUSBYMEMBER",
        syntax: """
            key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] \
            [COUNT count [ANY]] [ASC | DESC]
            """,
        complexity: radiusComplexity,
        GeoSearchCommands.georadiusbymemberReadOnly),
]
