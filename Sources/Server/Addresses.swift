// Socket addresses as CLIENT LIST shows them.

import NIOCore

enum Addresses {
    /// `127.0.0.1:6379`, `[::1]:6379`, or `/path/of/socket:0`.
    static func text(_ address: SocketAddress?, unixSocket: SocketAddress?) -> String {
        switch address {
        case .v4, .v6:
            let ip = address?.ipAddress ?? "?"
            let port = address?.port ?? 0
            return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
        default:
            return "\(unixSocket?.pathname ?? address?.pathname ?? ""):0"
        }
    }

    /// Loopback or a Unix socket.
    static func isLocal(_ address: SocketAddress?) -> Bool {
        switch address {
        case .v4, .v6:
            let ip = address?.ipAddress ?? ""
            return ip.hasPrefix("127.") || ip == "::1" || ip.hasPrefix("::ffff:127.")
        default: return true
        }
    }
}
