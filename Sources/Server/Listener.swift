// Accepting clients: listening sockets become NIO channels, accepted ones get a `Connection`.

import Engine
import Glibc
import Logging
import NIOCore
import NIOPosix

final class Listener: @unchecked Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let reactors: ReactorTable
    private let log: Logger
    /// Bound, and not yet given to NIO.
    private var pending: [ListeningSocket] = []
    /// By what they are bound to. Touched at the start, at the end, and under the engine's lock.
    private var channels: [String: any Channel] = [:]
    private var unixSocketPath: String?

    init(_ group: MultiThreadedEventLoopGroup, _ reactors: ReactorTable, _ log: Logger) {
        self.group = group
        self.reactors = reactors
        self.log = log
    }

    /// Binds everything that the configuration names.
    func bind(_ configuration: Configuration) throws(ListenError) {
        for (host, isOptional) in ListeningSocket.wanted(configuration) {
            if let socket = try ListeningSocket.tcp(host, isOptional: isOptional, configuration) {
                pending.append(socket)
            } else {
                log.notice("Not listening on \(host): there is no such address")
            }
        }
        if configuration.port != 0, pending.isEmpty {
            throw ListenError(
                description: "Failed listening on port \(configuration.port) (TCP), aborting.")
        }
        if !configuration.unixSocket.isEmpty {
            pending.append(
                try ListeningSocket.unix(
                    configuration.unixSocket, mode: configuration.unixSocketPerm,
                    backlog: configuration.tcpBacklog))
            unixSocketPath = configuration.unixSocket
        }
        if pending.isEmpty {
            throw ListenError(description: "Configured to not listen anywhere, exiting.")
        }
    }

    /// Lets clients in at what was bound.
    func open() throws {
        for socket in pending {
            channels[socket.name] = try accept(socket).wait()
        }
        pending = []
    }

    /// CONFIG SET port or bind: listens where `configuration` says from now on. Returns why it
    /// cannot; then nothing has changed. Engine lock; does not wait for the event loops.
    func move(to configuration: Configuration) -> String? {
        var kept: Set<String> = []
        var added: [ListeningSocket] = []
        for (host, isOptional) in ListeningSocket.wanted(configuration) {
            let name = ListeningSocket.name(host, configuration.port)
            if channels[name] != nil {
                kept.insert(name)
                continue
            }
            do throws(ListenError) {
                if let socket = try ListeningSocket.tcp(
                    host, isOptional: isOptional, configuration)
                {
                    added.append(socket)
                }
            } catch {
                log.warning("\(error.description)")
                for socket in added { Glibc.close(socket.descriptor) }
                return "Unable to listen on this port. Check server logs."
            }
        }
        if configuration.port != 0, kept.isEmpty, added.isEmpty {
            return "Failed to bind to specified addresses."
        }
        for (name, channel) in channels where !kept.contains(name) && name != unixSocketPath {
            channel.close(promise: nil)
            channels[name] = nil
        }
        for socket in added {
            let opened = accept(socket)
            opened.whenSuccess { [self] channel in
                reactors.all[0].engine.withLock { _ in channels[socket.name] = channel }
            }
        }
        return nil
    }

    /// Stops listening.
    func close() {
        for channel in channels.values { try? channel.close().wait() }
        channels = [:]
        for socket in pending { Glibc.close(socket.descriptor) }
        pending = []
        if let unixSocketPath { unlink(unixSocketPath) }
    }

    /// What must not be left behind by a process that ends now; waits for nobody.
    func abandon() {
        if let unixSocketPath { unlink(unixSocketPath) }
    }

    private func accept(_ socket: ListeningSocket) -> EventLoopFuture<any Channel> {
        let reactors = reactors
        var bootstrap = ServerBootstrap(group: group)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(
                    minimum: 1 << 10, initial: 4 << 10, maximum: 64 << 10)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try reactors.accept(channel) }
            }
        if !socket.isUnix {
            bootstrap = bootstrap.childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        }
        return bootstrap.withBoundSocket(socket.descriptor)
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
        let local = channel.localAddress
        if case .unixDomainSocket? = local {
            // Nothing to keep alive.
        } else if let options = channel.syncOptions {
            try? setKeepalive(options, reactor.limits.tcpKeepaliveSeconds)
        }
        let operations = channel.pipeline.syncOperations
        let descriptor = try? operations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        let connection = Connection(
            reactor, remote: remote, local: local, descriptor: Int(descriptor ?? -1))
        try operations.addHandler(connection)
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
