// A place on Earth as one number: longitude and latitude halved again and again, their bits
// interleaved.
//
// With 26 steps each the number has 52 bits, which a sorted set's score holds exactly; places
// with equal leading bits lie in one cell of a grid, so that a cell is a range of scores. The
// order of every floating-point operation is Redis's, so that scores and coordinates are the
// same to the last digit.
//
// Source: Redis 7.0, `geohash.c`, after github.com/yinqiwen/ardb.

struct GeoPoint: Equatable {
    var longitude: Double
    var latitude: Double
}

/// The coordinates that a geohash divides.
struct GeoBounds {
    var longitude: ClosedRange<Double>
    var latitude: ClosedRange<Double>

    /// What can be indexed: the square of the Web Mercator projection.
    static let indexed = GeoBounds(
        longitude: -180...180, latitude: -85.05112878...85.05112878)
    /// What the geohash strings of the world at large divide.
    static let standard = GeoBounds(longitude: -180...180, latitude: -90...90)

    func contains(_ point: GeoPoint) -> Bool {
        longitude.contains(point.longitude) && latitude.contains(point.latitude)
    }
}

/// A cell of the grid of 2^steps by 2^steps.
struct GeoHash: Equatable {
    static let stepsMax = 26

    /// Latitude in the even bits, longitude in the odd ones.
    var bits: UInt64
    var steps: Int

    init(bits: UInt64, steps: Int) {
        self.bits = bits
        self.steps = steps
    }

    /// The cell that a point within the bounds lies in. O(1).
    init(_ point: GeoPoint, steps: Int = stepsMax, in bounds: GeoBounds = .indexed) {
        func cell(_ value: Double, _ range: ClosedRange<Double>) -> UInt32 {
            let offset = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
            // The upper bound itself comes to 2^steps: one bit more, as in Redis.
            return UInt32(offset * Double(1 << steps))
        }
        let latitude = GeoHash.spread(cell(point.latitude, bounds.latitude))
        let longitude = GeoHash.spread(cell(point.longitude, bounds.longitude))
        self.init(bits: latitude | longitude << 1, steps: steps)
    }

    /// The cell of a score, whatever number that is. Source: what C makes of it on x86.
    init(score: Double) {
        let bits: UInt64
        if score < 0x1p63 {
            bits = UInt64(bitPattern: Int64(exactly: score.rounded(.towardZero)) ?? .min)
        } else {
            bits = score < 0x1p64 ? UInt64(score) : 0
        }
        self.init(bits: bits, steps: GeoHash.stepsMax)
    }

    /// The scores of all places in the cell: from this on, below that of the next cell.
    var score: UInt64 { bits << UInt64(2 * (GeoHash.stepsMax - steps)) }

    var next: GeoHash { GeoHash(bits: bits &+ 1, steps: steps) }

    /// The cell's edges. O(1).
    var area: GeoBounds {
        func edges(_ cell: UInt32, _ range: ClosedRange<Double>) -> ClosedRange<Double> {
            let scale = range.upperBound - range.lowerBound
            let cells = Double(1 << steps)
            let low = range.lowerBound + Double(cell) / cells * scale
            let high = range.lowerBound + Double(cell &+ 1) / cells * scale
            // Out of order only for scores that are no places.
            return Swift.min(low, high)...Swift.max(low, high)
        }
        return GeoBounds(
            longitude: edges(GeoHash.gather(bits >> 1), GeoBounds.indexed.longitude),
            latitude: edges(GeoHash.gather(bits), GeoBounds.indexed.latitude))
    }

    /// The middle of the cell, kept within what can be indexed.
    var center: GeoPoint {
        func middle(_ edges: ClosedRange<Double>, within limits: ClosedRange<Double>) -> Double {
            let middle = (edges.lowerBound + edges.upperBound) / 2
            return Swift.min(Swift.max(middle, limits.lowerBound), limits.upperBound)
        }
        let area = area
        return GeoPoint(
            longitude: middle(area.longitude, within: GeoBounds.indexed.longitude),
            latitude: middle(area.latitude, within: GeoBounds.indexed.latitude))
    }

    /// The cell so many to the east and north, each -1, 0 or 1, around the world's edges.
    func moved(east: Int, north: Int) -> GeoHash {
        let odd: UInt64 = 0xAAAA_AAAA_AAAA_AAAA
        let even = ~odd
        let used = UInt64.max >> UInt64(64 - 2 * steps)
        func moved(_ bits: UInt64, _ lane: UInt64, by distance: Int) -> UInt64 {
            let others = ~lane & used
            switch distance {
            case 0: return bits
            // Ones between the digits carry an addition on, zeros a subtraction.
            case 1: return (bits &+ others &+ 1) & lane & used
            default: return ((bits | others) &- (others &+ 1)) & lane & used
            }
        }
        return GeoHash(
            bits: moved(bits & odd, odd, by: east) | moved(bits & even, even, by: north),
            steps: steps)
    }

    // MARK: Bits

    /// Puts a zero before each bit.
    private static func spread(_ value: UInt32) -> UInt64 {
        var bits = UInt64(value)
        bits = (bits | bits << 16) & 0x0000_FFFF_0000_FFFF
        bits = (bits | bits << 8) & 0x00FF_00FF_00FF_00FF
        bits = (bits | bits << 4) & 0x0F0F_0F0F_0F0F_0F0F
        bits = (bits | bits << 2) & 0x3333_3333_3333_3333
        return (bits | bits << 1) & 0x5555_5555_5555_5555
    }

    /// The even bits, side by side.
    private static func gather(_ value: UInt64) -> UInt32 {
        var bits = value & 0x5555_5555_5555_5555
        bits = (bits | bits >> 1) & 0x3333_3333_3333_3333
        bits = (bits | bits >> 2) & 0x0F0F_0F0F_0F0F_0F0F
        bits = (bits | bits >> 4) & 0x00FF_00FF_00FF_00FF
        bits = (bits | bits >> 8) & 0x0000_FFFF_0000_FFFF
        return UInt32(truncatingIfNeeded: bits | bits >> 16)
    }

    // MARK: Text

    /// The geohash of the world at large, eleven letters; the last, for which there are too few
    /// bits, is always `0`. Source: Redis 7.0, `geohashCommand`.
    static func standardText(_ point: GeoPoint, into out: UnsafeMutablePointer<UInt8>) -> Int {
        let letters: StaticString = "0123456789bcdefghjkmnpqrstuvwxyz"
        let bits = GeoHash(point, in: .standard).bits
        for index in 0..<10 {
            out[index] = letters.utf8Start[Int(bits >> UInt64(47 - index * 5) & 31)]
        }
        out[10] = UInt8(ascii: "0")
        return 11
    }
}
