// What the server calls itself.

package enum Version {
    /// Firn's own version.
    package static let firn = "0.1.0"
    /// The Redis whose protocol, commands and formats it implements: what clients ask for.
    package static let redis = "7.0.15"
}
