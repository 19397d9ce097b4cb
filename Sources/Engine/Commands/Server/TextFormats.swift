// Numbers for people, as INFO and the reports print them; without Foundation's formatting.

/// `value` with so many decimals, rounded.
func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return "0" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e18 else { return "\(value)" }
    let digits = String(Int64(scaled))
    let padded =
        String(repeating: "0", count: Swift.max(decimals + 1 - digits.utf8.count, 0)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    if decimals == 0 { return sign + padded }
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
}

/// A size as "1.25M".
func humanBytes(_ bytes: Int) -> String {
    if bytes < 1024 { return "\(bytes)B" }
    var value = Double(bytes)
    var unit = ""
    for next in ["K", "M", "G", "T", "P", "E"] where value >= 1024 {
        value /= 1024
        unit = next
    }
    return fixed(value, 2) + unit
}
