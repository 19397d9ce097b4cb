// A circle or a box on the sphere: what lies within, and which cells of the grid cover it.
//
// The cells are the one of the center and its eight neighbours, of a size that these nine cover
// the shape; those that cannot touch it are left out. The formulas, and the order in which the
// cells are visited, are Redis's: an unsorted GEOSEARCH replies in that order.
//
// Source: Redis 7.0, `geohash_helper.c` and `geo.c`.

import Glibc

struct GeoShape {
    enum Kind {
        case circle(radius: Double)
        case box(width: Double, height: Double)
    }

    var center = GeoPoint(longitude: 0, latitude: 0)
    /// In the unit that the client chose.
    var kind = Kind.circle(radius: 0)
    /// Meters of that unit.
    var unit = 1.0

    private static let earthRadius = 6372797.560856
    private static let mercatorMax = 20037726.37

    // MARK: Distances

    private static func radians(_ degrees: Double) -> Double { degrees * (Double.pi / 180) }

    private static func degrees(_ radians: Double) -> Double { radians / (Double.pi / 180) }

    /// Meters between two points, by the haversine formula.
    static func distance(_ one: GeoPoint, _ other: GeoPoint) -> Double {
        let latitude = radians(one.latitude)
        let otherLatitude = radians(other.latitude)
        let u = sin((otherLatitude - latitude) / 2)
        let v = sin((radians(other.longitude) - radians(one.longitude)) / 2)
        return 2 * earthRadius
            * asin((u * u + cos(latitude) * cos(otherLatitude) * v * v).squareRoot())
    }

    /// The distance in meters of a point that lies within the shape, nil for one outside.
    func distance(to point: GeoPoint) -> Double? {
        switch kind {
        case .circle(let radius):
            let distance = GeoShape.distance(center, point)
            return distance > radius * unit ? nil : distance
        case .box(let width, let height):
            let corner = GeoPoint(longitude: center.longitude, latitude: point.latitude)
            if GeoShape.distance(point, corner) > width * unit / 2 { return nil }
            let edge = GeoPoint(longitude: point.longitude, latitude: center.latitude)
            if GeoShape.distance(point, edge) > height * unit / 2 { return nil }
            return GeoShape.distance(center, point)
        }
    }

    // MARK: Cells

    /// Degrees around the shape: `west`, `south`, `east`, `north`.
    private var box: (west: Double, south: Double, east: Double, north: Double) {
        let (width, height) =
            switch kind {
            case .circle(let radius): (unit * radius, unit * radius)
            case .box(let width, let height): (unit * (width / 2), unit * (height / 2))
            }
        let up = GeoShape.degrees(height / GeoShape.earthRadius)
        // The side nearer to the pole is the wider one in degrees.
        let widest = center.latitude < 0 ? center.latitude - up : center.latitude + up
        let across = GeoShape.degrees(
            width / GeoShape.earthRadius / cos(GeoShape.radians(widest)))
        return (
            center.longitude - across, center.latitude - up, center.longitude + across,
            center.latitude + up
        )
    }

    /// The number of steps at which nine cells cover about this radius.
    private static func steps(radius: Double, latitude: Double) -> Int {
        if radius == 0 { return GeoHash.stepsMax }
        var radius = radius
        var steps = 1
        while radius < mercatorMax {
            radius *= 2
            steps += 1
        }
        steps -= 2
        // Towards the poles a cell is narrower.
        if latitude.magnitude > 66 { steps -= 1 }
        if latitude.magnitude > 80 { steps -= 1 }
        return Swift.min(Swift.max(steps, 1), GeoHash.stepsMax)
    }

    /// The cells that may hold what lies within the shape, in the order of visiting; up to nine.
    func cells() -> [GeoHash] {
        let box = box
        let radius =
            switch kind {
            case .circle(let radius): radius
            case .box(let width, let height):
                ((width / 2) * (width / 2) + (height / 2) * (height / 2)).squareRoot()
            }
        var steps = GeoShape.steps(radius: radius * unit, latitude: center.latitude)
        var middle = GeoHash(center, steps: steps)
        // Where the shape lies at the edge of its cell, the neighbours may be too small.
        let isCovered =
            !(middle.moved(east: 0, north: 1).area.latitude.upperBound < box.north)
            && !(middle.moved(east: 0, north: -1).area.latitude.lowerBound > box.south)
            && !(middle.moved(east: 1, north: 0).area.longitude.upperBound < box.east)
            && !(middle.moved(east: -1, north: 0).area.longitude.lowerBound > box.west)
        if steps > 1, !isCovered {
            steps -= 1
            middle = GeoHash(center, steps: steps)
        }
        let area = middle.area
        let isFine = steps >= 2
        let hasSouth = !(isFine && area.latitude.lowerBound < box.south)
        let hasNorth = !(isFine && area.latitude.upperBound > box.north)
        let hasWest = !(isFine && area.longitude.lowerBound < box.west)
        let hasEast = !(isFine && area.longitude.upperBound > box.east)
        var cells = [middle]
        let neighbours = [
            (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1),
        ]
        for (east, north) in neighbours {
            if (north < 0 && !hasSouth) || (north > 0 && !hasNorth) { continue }
            if (east < 0 && !hasWest) || (east > 0 && !hasEast) { continue }
            let cell = middle.moved(east: east, north: north)
            // Of a grid this coarse, neighbours may be the same cell.
            if cell != cells.last { cells.append(cell) }
        }
        return cells
    }
}
