// Who we are, and which Redis we speak like.

package enum Product {
    package static let name = "Firn"
    package static let version = "0.1.0"
    /// The Redis whose commands, replies and configuration are followed; clients look at it.
    package static let redisVersion = "7.0.15"
}
