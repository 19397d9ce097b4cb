// The sockets on which the server listens.
//
// They are bound before the data is opened, so that a second server on the same port fails at
// once, but accept nobody until the data is there: early clients wait in the backlog.
//
// `bind` works as in Redis: an address with '-' in front may be missing from the machine; `*`
// is every IPv4 address and `::*` every IPv6 address.

import Engine
import Glibc
import NIOCore
import NIOPosix

/// Why the server cannot listen, in words for its log.
struct ListenError: Error, CustomStringConvertible {
    let description: String
}

final class Listener: @unchecked Sendable {
    private var channels: [any Channel] = []
    private var unixSocketPath: String?
    private let reactors: ReactorTable
    private let group: MultiThreadedEventLoopGroup

    init(_ group: MultiThreadedEventLoopGroup, _ reactors: ReactorTable) {
        self.group = group
        self.reactors = reactors
    }

    /// Binds everything that the configuration names. `warn` is told of optional addresses that
    /// are not there.
    func bind(_ configuration: Configuration, warn: (String) -> Void) throws(ListenError) {
        if configuration.port != 0 {
            let addresses = configuration.bind.isEmpty ? ["*", "-::*"] : configuration.bind
            for address in addresses { try bind(address, configuration, warn) }
            if channels.isEmpty {
                throw ListenError(
                    description: "Failed listening on port \(configuration.port) (TCP), aborting.")
            }
        }
        if !configuration.unixSocket.isEmpty { try bindUnixSocket(configuration) }
        if channels.isEmpty {
            throw ListenError(description: "Configured to not listen anywhere, exiting.")
        }
    }

    private func bind(
        _ text: String, _ configuration: Configuration, _ warn: (String) -> Void
    ) throws(ListenError) {
        let isOptional = text.hasPrefix("-")
        var host = isOptional ? String(text.dropFirst()) : text
        if host == "*" { host = "0.0.0.0" }
        if host == "::*" { host = "::" }
        do {
            let address = try SocketAddress.makeAddressResolvingHost(
                host, port: configuration.port)
            var bootstrap = bootstrap(configuration)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            if case .v6 = address {
                let only = ChannelOptions.Types.SocketOption(
                    level: .ipv6, name: NIOBSDSocket.Option(rawValue: IPV6_V6ONLY))
                bootstrap = bootstrap.serverChannelOption(only, value: 1)
            }
            channels.append(try bootstrap.bind(to: address).wait())
        } catch {
            let reason = Listener.reason(error)
            warn(
                "Warning: Could not create server TCP listening socket "
                    + "\(host):\(configuration.port): bind: \(reason.text)")
            if isOptional && reason.isMissingAddress { return }
            throw ListenError(
                description: "Failed listening on port \(configuration.port) (TCP), aborting.")
        }
    }

    private func bindUnixSocket(_ configuration: Configuration) throws(ListenError) {
        let path = configuration.unixSocket
        do {
            unlink(path)
            channels.append(
                try bootstrap(configuration).bind(unixDomainSocketPath: path).wait())
            unixSocketPath = path
            let mode = configuration.unixSocketPerm
            if mode != 0 { chmod(path, mode_t(mode)) }
        } catch {
            throw ListenError(
                description: "Failed opening Unix socket: bind: \(Listener.reason(error).text)")
        }
    }

    private func bootstrap(_ configuration: Configuration) -> ServerBootstrap {
        let reactors = reactors
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(clamping: configuration.tcpBacklog))
            .serverChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 1 << 10, initial: 4 << 10, maximum: 64 << 10)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try reactors.accept(channel)
                }
            }
    }

    /// Lets clients in.
    func open() {
        for channel in channels { channel.setOption(.autoRead, value: true).whenComplete { _ in } }
    }

    /// Stops listening.
    func close() {
        for channel in channels { try? channel.close().wait() }
        channels = []
        if let unixSocketPath { unlink(unixSocketPath) }
    }

    private static func reason(_ error: any Error) -> (text: String, isMissingAddress: Bool) {
        guard let error = error as? NIOCore.IOError else {
            return ("\(error)", error is SocketAddressError)
        }
        let missing = [EADDRNOTAVAIL, EAFNOSUPPORT, EPROTONOSUPPORT, ENOPROTOOPT, ESOCKTNOSUPPORT]
        return (String(cString: strerror(error.errnoCode)), missing.contains(error.errnoCode))
    }
}

/// The reactor of each event loop; filled before the first connection is accepted.
final class ReactorTable: @unchecked Sendable {
    private(set) var all: [Reactor] = []

    func fill(_ reactors: [Reactor]) { all = reactors }

    /// Prepares an accepted channel; on its event loop.
    func accept(_ channel: any Channel) throws {
        guard let reactor = all.first(where: { $0.eventLoop === channel.eventLoop }) else {
            throw ChannelError.inappropriateOperationForState
        }
        let remote = channel.remoteAddress
        if case .unixDomainSocket? = channel.localAddress {
            // Nothing to keep alive.
        } else if let options = channel.syncOptions {
            try? setKeepalive(options, reactor.limits.tcpKeepaliveSeconds)
        }
        let connection = Connection(reactor, remote: remote, local: channel.localAddress)
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    private func setKeepalive(
        _ options: any NIOSynchronousChannelOptions, _ seconds: Int
    ) throws {
        guard seconds > 0 else { return }
        try options.setOption(.socketOption(.so_keepalive), value: 1)
        func set(_ name: Int32, _ value: Int) throws {
            let option = ChannelOptions.Types.SocketOption(
                level: .tcp, name: NIOBSDSocket.Option(rawValue: name))
            try options.setOption(option, value: value)
        }
        try set(TCP_KEEPIDLE, seconds)
        try set(TCP_KEEPINTVL, max(seconds / 3, 1))
        try set(TCP_KEEPCNT, 3)
    }
}
