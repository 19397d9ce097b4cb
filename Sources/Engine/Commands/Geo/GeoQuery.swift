// The arguments of GEOSEARCH and GEORADIUS and their relatives: six commands, one query.

struct GeoQuery {
    enum Command {
        case search
        case searchStore
        case radius
        case radiusReadOnly
        case radiusByMember
        case radiusByMemberReadOnly

        fileprivate var isSearch: Bool { self == .search || self == .searchStore }

        fileprivate var isByMember: Bool {
            self == .radiusByMember || self == .radiusByMemberReadOnly
        }

        /// Whether STORE and STOREDIST name a destination.
        fileprivate var mayStore: Bool { self == .radius || self == .radiusByMember }

        /// Where the source key is.
        var source: Int { self == .searchStore ? 2 : 1 }

        /// Where the options begin.
        fileprivate var options: Int {
            if isSearch { return source + 1 }
            return isByMember ? 5 : 6
        }
    }

    private(set) var shape = GeoShape()
    private(set) var order = GeoMatches.Order.none
    /// Most matches to reply; nil for all.
    private(set) var count: Int?
    /// Any matches will do, not only the nearest.
    private(set) var takesAny = false
    private(set) var withDistance = false
    private(set) var withHash = false
    private(set) var withPlace = false
    /// The argument that names the key for the result.
    private(set) var destination: Int?
    /// The scores of the result are distances.
    private(set) var storesDistances = false

    private let source: SortedSetValue?
    private var hasMember = false
    private var hasPlace = false
    private var hasRadius = false
    private var hasBox = false

    /// - Parameter source: what is searched. Without it the query is only checked, and less of
    ///   it, as in Redis.
    init(
        _ args: Arguments, _ command: Command, _ source: SortedSetValue?
    ) throws(CommandError) {
        self.source = source
        if command == .searchStore { destination = 1 }
        if command.isByMember {
            if source != nil {
                try setCenter(ofMember: args[2])
                try setRadius(args, 3)
            }
        } else if !command.isSearch {
            shape.center = try args.place(2)
            try setRadius(args, 4)
        }
        var index = command.options
        while index < args.count {
            index += try option(args, index, command)
        }
        try check(args, command)
        if count != nil, order == .none, !takesAny { order = .nearest }
    }

    private mutating func setCenter(ofMember member: Bytes) throws(CommandError) {
        guard let source else { return }
        guard let score = source.score(of: member) else {
            throw .message("ERR could not decode requested zset member")
        }
        shape.center = GeoHash(score: score).center
    }

    private mutating func setRadius(_ args: Arguments, _ index: Int) throws(CommandError) {
        let (radius, unit) = try args.radius(index)
        shape.kind = .circle(radius: radius)
        shape.unit = unit
    }

    /// Reads the option at `index`; returns how many arguments it has.
    private mutating func option(
        _ args: Arguments, _ index: Int, _ command: Command
    ) throws(CommandError) -> Int {
        let word = args[index]
        let left = args.count - index - 1
        if word.equalsIgnoringCase("withdist") {
            withDistance = true
        } else if word.equalsIgnoringCase("withhash") {
            withHash = true
        } else if word.equalsIgnoringCase("withcoord") {
            withPlace = true
        } else if word.equalsIgnoringCase("any") {
            takesAny = true
        } else if word.equalsIgnoringCase("asc") {
            order = .nearest
        } else if word.equalsIgnoringCase("desc") {
            order = .farthest
        } else if left >= 1, word.equalsIgnoringCase("count") {
            let number = try args.integer(index + 1)
            if number <= 0 { throw .message("ERR COUNT must be > 0") }
            count = Int(number)
            return 2
        } else if command.mayStore, left >= 1, word.equalsIgnoringCase("store") {
            destination = index + 1
            storesDistances = false
            return 2
        } else if command.mayStore, left >= 1, word.equalsIgnoringCase("storedist") {
            destination = index + 1
            storesDistances = true
            return 2
        } else if command == .searchStore, word.equalsIgnoringCase("storedist") {
            storesDistances = true
        } else if command.isSearch {
            return try searchOption(args, index, left: left)
        } else {
            throw .syntax
        }
        return 1
    }

    /// The center or the shape of GEOSEARCH.
    private mutating func searchOption(
        _ args: Arguments, _ index: Int, left: Int
    ) throws(CommandError) -> Int {
        let word = args[index]
        if left >= 1, !hasPlace, word.equalsIgnoringCase("frommember") {
            try setCenter(ofMember: args[index + 1])
            hasMember = true
            return 2
        }
        if left >= 2, !hasMember, word.equalsIgnoringCase("fromlonlat") {
            shape.center = try args.place(index + 1)
            hasPlace = true
            return 3
        }
        if left >= 2, !hasBox, word.equalsIgnoringCase("byradius") {
            try setRadius(args, index + 1)
            hasRadius = true
            return 3
        }
        if left >= 3, !hasRadius, word.equalsIgnoringCase("bybox") {
            let (width, height, unit) = try args.box(index + 1)
            shape.kind = .box(width: width, height: height)
            shape.unit = unit
            hasBox = true
            return 4
        }
        throw .syntax
    }

    private func check(_ args: Arguments, _ command: Command) throws(CommandError) {
        if destination != nil, withDistance || withHash || withPlace {
            let what = command.isSearch ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS"
            throw .text(
                "ERR \(what) is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
        }
        if command.isSearch, !hasMember, !hasPlace {
            throw .text(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for "
                    + args[0].prefixText(128))
        }
        if command.isSearch, !hasRadius, !hasBox {
            throw .text(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for "
                    + args[0].prefixText(128))
        }
        if takesAny, count == nil {
            throw .message("ERR the ANY argument requires COUNT argument")
        }
    }
}
