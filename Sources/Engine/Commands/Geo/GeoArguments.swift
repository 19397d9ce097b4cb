// Places, lengths and units among a command's arguments, and how they are replied.

import Glibc

extension Arguments {
    /// Longitude and latitude at `index` and behind it, within what can be indexed.
    func place(_ index: Int) throws(CommandError) -> GeoPoint {
        let point = GeoPoint(
            longitude: try geoNumber(index, else: .notAFloat),
            latitude: try geoNumber(index + 1, else: .notAFloat))
        guard GeoBounds.indexed.contains(point) else {
            let (x, y) = (point.longitude.cText, point.latitude.cText)
            throw .text("ERR invalid longitude,latitude pair \(x),\(y)")
        }
        return point
    }

    /// A number at `index`, and the unit it is given in at `unit`, in meters.
    func radius(_ index: Int) throws(CommandError) -> (radius: Double, unit: Double) {
        let radius = try geoNumber(index, else: .message("ERR need numeric radius"))
        if radius < 0 { throw .message("ERR radius cannot be negative") }
        return (radius, try unit(index + 1))
    }

    /// Width and height from `index` on, and the unit behind them, in meters.
    func box(_ index: Int) throws(CommandError) -> (width: Double, height: Double, unit: Double) {
        let width = try geoNumber(index, else: .message("ERR need numeric width"))
        let height = try geoNumber(index + 1, else: .message("ERR need numeric height"))
        if width < 0 || height < 0 {
            throw .message("ERR height or width cannot be negative")
        }
        return (width, height, try unit(index + 2))
    }

    /// How many meters the unit at `index` has.
    func unit(_ index: Int) throws(CommandError) -> Double {
        let name = self[index]
        if name.equalsIgnoringCase("m") { return 1 }
        if name.equalsIgnoringCase("km") { return 1000 }
        if name.equalsIgnoringCase("ft") { return 0.3048 }
        if name.equalsIgnoringCase("mi") { return 1609.34 }
        throw .message("ERR unsupported unit provided. please use M, KM, FT, MI")
    }

    private func geoNumber(_ index: Int, else error: CommandError) throws(CommandError) -> Double {
        guard let value = Numbers.parseDouble(self[index]) else { throw error }
        return value
    }
}

extension Double {
    /// As C's `%f` prints it.
    fileprivate var cText: String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Numbers.fixedCharsMax) { room in
            let count = Numbers.formatWithC(self, "%f", into: room.baseAddress!)
            return Bytes(start: room.baseAddress!, count: count).text
        }
    }
}

extension ReplyWriter {
    /// Longitude and latitude, as Redis prints them.
    mutating func place(_ point: GeoPoint) {
        array(2)
        for coordinate in [point.longitude, point.latitude] {
            withUnsafeTemporaryAllocation(
                of: UInt8.self, capacity: Numbers.longDoubleCharsMax
            ) { room in
                let count = Numbers.formatFloat80Human(
                    LongDouble(coordinate), into: room.baseAddress!)
                number(Bytes(start: room.baseAddress!, count: count))
            }
        }
    }

    /// A distance with four decimals, a string in either version of the protocol.
    mutating func distance(_ value: Double) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Numbers.fixedCharsMax) { room in
            let count = Numbers.formatFixed4(value, into: room.baseAddress!)
            bulk(Bytes(start: room.baseAddress!, count: count))
        }
    }
}
