// Sockets that listen, made with the system's own calls.
//
// They are made before NIO has a part in them, so that a port that is taken stops the start at
// once, while early clients wait in the backlog until the data is there; and so that CONFIG SET
// can try a new port while it holds the engine's lock, and answer whether it worked.
//
// Addresses are written as in Redis: one with '-' in front may be missing from the machine; `*`
// is every IPv4 address and `::*` every IPv6 address.

import Engine
import Glibc

/// Why the server cannot listen, in words for its log.
struct ListenError: Error, CustomStringConvertible {
    let description: String
}

/// A bound, listening, non-blocking socket. Closed by whoever owns the number.
struct ListeningSocket {
    /// What it is bound to: host and port, or the path.
    let name: String
    let descriptor: Int32
    let isUnix: Bool

    /// Where `configuration` wants to listen on TCP: names as in `name`, and whether they may
    /// be missing.
    static func wanted(_ configuration: Configuration) -> [(host: String, isOptional: Bool)] {
        if configuration.port == 0 { return [] }
        let addresses = configuration.bind.isEmpty ? ["*", "-::*"] : configuration.bind
        return addresses.map { text in
            let isOptional = text.hasPrefix("-")
            let host = isOptional ? String(text.dropFirst()) : text
            return (host == "*" ? "0.0.0.0" : host == "::*" ? "::" : host, isOptional)
        }
    }

    /// Listens on TCP. Nil when the address is not there and may be missing.
    static func tcp(
        _ host: String, isOptional: Bool, _ configuration: Configuration
    ) throws(ListenError) -> ListeningSocket? {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let port = String(configuration.port)
        let status = getaddrinfo(host, port, &hints, &found)
        guard status == 0, let found else {
            if isOptional { return nil }
            throw failure(host, configuration.port, String(cString: gai_strerror(status)))
        }
        defer { freeaddrinfo(found) }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let file = socket(found.pointee.ai_family, type, 0)
        if file >= 0 {
            set(file, SOL_SOCKET, SO_REUSEADDR)
            if found.pointee.ai_family == AF_INET6 {
                set(file, Int32(IPPROTO_IPV6), IPV6_V6ONLY)
            }
            if bind(file, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0,
                listen(file, Int32(clamping: configuration.tcpBacklog)) == 0
            {
                return ListeningSocket(
                    name: name(host, configuration.port), descriptor: file, isUnix: false)
            }
        }
        let error = errno
        if file >= 0 { close(file) }
        let missing = [EADDRNOTAVAIL, EAFNOSUPPORT, EPROTONOSUPPORT, ENOPROTOOPT, ESOCKTNOSUPPORT]
        if isOptional && missing.contains(error) { return nil }
        throw failure(host, configuration.port, "bind: " + String(cString: strerror(error)))
    }

    static func name(_ host: String, _ port: Int) -> String { "\(host):\(port)" }

    private static func failure(_ host: String, _ port: Int, _ reason: String) -> ListenError {
        ListenError(
            description: "Could not create server TCP listening socket \(host):\(port): \(reason)")
    }

    private static func set(_ file: Int32, _ level: Int32, _ option: Int32) {
        var on: Int32 = 1
        setsockopt(file, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Listens at a path; what is there is replaced. `mode` 0 leaves the permissions alone.
    static func unix(
        _ path: String, mode: Int, backlog: Int
    ) throws(ListenError) -> ListeningSocket {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
            guard path.utf8.count < room.count else { return false }
            room.copyBytes(from: path.utf8)
            return true
        }
        errno = ENAMETOOLONG
        unlink(path)
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let file = fits ? socket(AF_UNIX, type, 0) : -1
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let isBound =
            file >= 0
            && withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(file, $0, size) == 0
                }
            }
        guard isBound, listen(file, Int32(clamping: backlog)) == 0 else {
            let reason = fits ? String(cString: strerror(errno)) : "the path is too long"
            if file >= 0 { close(file) }
            throw ListenError(description: "Failed opening Unix socket: bind: \(reason)")
        }
        if mode != 0 { chmod(path, mode_t(mode)) }
        return ListeningSocket(name: path, descriptor: file, isUnix: true)
    }
}
