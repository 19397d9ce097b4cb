// The grid of geohashes, and the cells that a shape needs of it.

import Glibc
import Testing

@testable import Engine

@Suite struct GeoTests {
    private func point(_ random: inout TestRandom) -> GeoPoint {
        func between(_ low: Double, _ high: Double) -> Double {
            low + (high - low) * Double(random.below(1 << 30)) / Double(1 << 30)
        }
        switch random.below(4) {
        case 0: return GeoPoint(longitude: between(179, 180), latitude: between(-2, 2))
        case 1: return GeoPoint(longitude: between(-180, 180), latitude: between(80, 85))
        case 2: return GeoPoint(longitude: between(-180, 180), latitude: between(-85, -66))
        default: return GeoPoint(longitude: between(-180, 180), latitude: between(-85, 85))
        }
    }

    @Test func scoresAreThoseOfRedis() {
        let palermo = GeoHash(GeoPoint(longitude: 13.361389, latitude: 38.115556))
        #expect(palermo.score == 3_479_099_956_230_698)
        #expect(
            palermo.center
                == GeoPoint(longitude: 13.36138933897018433, latitude: 38.11555639549629859))
        #expect(GeoHash(GeoPoint(longitude: -180, latitude: -85.05112878)).score == 0)
        let corner = GeoHash(GeoPoint(longitude: 180, latitude: 85.05112878))
        #expect(corner.score == 13_510_798_882_111_488)
    }

    /// A cell holds its point at every size, and its center is in it.
    @Test func cellsHoldTheirPoints() {
        var random = TestRandom(1)
        for _ in 0..<5000 {
            let point = point(&random)
            let steps = 1 + random.below(26)
            let cell = GeoHash(point, steps: steps)
            #expect(cell.area.longitude.contains(point.longitude))
            #expect(cell.area.latitude.contains(point.latitude))
            #expect(GeoHash(cell.center, steps: steps) == cell)
            #expect(GeoHash(score: Double(cell.score)).score == cell.score)
        }
    }

    /// Moving is arithmetic on two coordinates that wrap.
    @Test func moving() {
        func coordinates(_ cell: GeoHash) -> (east: UInt64, north: UInt64) {
            var (east, north) = (UInt64(0), UInt64(0))
            for bit in 0..<UInt64(cell.steps) {
                north |= (cell.bits >> (2 * bit) & 1) << bit
                east |= (cell.bits >> (2 * bit + 1) & 1) << bit
            }
            return (east, north)
        }
        var random = TestRandom(2)
        for round in 0..<2000 {
            let steps = 1 + round % 26
            let mask = UInt64(1) << UInt64(steps) - 1
            let used = UInt64.max >> UInt64(64 - 2 * steps)
            let cell = GeoHash(bits: random.next() & used, steps: steps)
            let before = coordinates(cell)
            for east in -1...1 {
                for north in -1...1 {
                    let after = coordinates(cell.moved(east: east, north: north))
                    #expect(after.east == (before.east &+ UInt64(bitPattern: Int64(east))) & mask)
                    #expect(
                        after.north == (before.north &+ UInt64(bitPattern: Int64(north))) & mask)
                }
            }
        }
    }

    /// No score, and no shape that a client can ask for, makes the arithmetic trap.
    @Test func oddNumbers() {
        let scores: [Double] = [
            0, -0.0, -1, 1.5, 1e17, 0x1p52, 0x1p53, 0x1p63, 0x1p64, 1e300, -1e300, .infinity,
            -.infinity, .leastNonzeroMagnitude,
        ]
        for score in scores {
            let center = GeoHash(score: score).center
            #expect(GeoBounds.indexed.contains(center))
        }
        for length in [0, 1e-300, 1, 1e7, 1e300, .infinity] as [Double] {
            for latitude in [-85.05112878, 0, 85.05112878] {
                for unit in [1, 1000, 0.3048] {
                    let center = GeoPoint(longitude: 180, latitude: latitude)
                    let circle = GeoShape(
                        center: center, kind: .circle(radius: length), unit: unit)
                    let box = GeoShape(
                        center: center, kind: .box(width: length, height: 1), unit: unit)
                    #expect((1...9).contains(circle.cells().count))
                    #expect((1...9).contains(box.cells().count))
                }
            }
        }
    }

    /// What lies within a circle lies in its cells, save near the poles, where Redis's estimate
    /// falls short, too.
    @Test func cellsCoverTheShape() {
        var random = TestRandom(3)
        for _ in 0..<3000 {
            let center = GeoPoint(
                longitude: Double(random.below(340)) - 170, latitude: Double(random.below(120)) - 60
            )
            let radius = pow(10, Double(random.below(600)) / 100)
            let shape = GeoShape(center: center, kind: .circle(radius: radius), unit: 1)
            let cells = shape.cells()
            for _ in 0..<20 {
                let reach = radius / 111_000
                let near = GeoPoint(
                    longitude: center.longitude
                        + (Double(random.below(2000)) / 1000 - 1) * reach * 2,
                    latitude: center.latitude + (Double(random.below(2000)) / 1000 - 1) * reach)
                guard GeoBounds.indexed.contains(near), shape.distance(to: near) != nil else {
                    continue
                }
                let score = GeoHash(near).score
                #expect(cells.contains { $0.score <= score && score < $0.next.score })
            }
        }
    }

    @Test func fourDecimals() {
        func text(_ value: Double, _ format: Bool) -> String {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Numbers.fixedCharsMax) {
                let room = $0.baseAddress!
                let count =
                    format
                    ? Numbers.formatFixed4(value, into: room)
                    : Numbers.formatWithC(value, "%.4f", into: room)
                return Bytes(start: room, count: count).text
            }
        }
        var random = TestRandom(4)
        var values: [Double] = [
            0, -0.0, 0.00005, 0.00015, 0.99995, 1e-300, 1e13, 1e14, 1e300, -1, .nan, .infinity,
            0.5, 12345.00005, 0.000049999999, 99999.99995, 6.25e-5,
        ]
        for _ in 0..<20_000 {
            values.append(Double(random.below(1 << 40)) / pow(10, Double(random.below(14))))
            values.append(Double(random.below(1 << 20)) / Double(1 << random.below(30)))
        }
        for value in values { #expect(text(value, true) == text(value, false)) }
    }
}
