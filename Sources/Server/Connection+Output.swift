// Sending replies.
//
// The usual path writes a turn's replies to the socket at once, with the system's own call: no
// copy, no allocation, and a tenth of an unpipelined request's time saved over NIO's way. What
// the socket does not take is handed to NIO, which waits until it does; while NIO has something
// to write it writes everything. Replies queue here and leave in slices when the reader is slow.

import Engine
import Glibc
import NIOCore

extension Connection {
    /// Larger replies are not copied whole but sent in slices of this size.
    static let sliceBytes = 128 << 10
    /// Sent in a row before other connections get their turn.
    static let burstBytes = 4 << 20

    /// Sends the replies in the box after everything that is queued. The box is given away.
    func send(_ box: ReplyBox) {
        if isClosed || context == nil { return reactor.giveBox(box) }
        if output.isEmpty, isWritable, box.writer.count <= Connection.sliceBytes,
            reactor.isOpen(box.gate)
        {
            box.writer.withBytes { write($0) }
            return reactor.giveBox(box)
        }
        if let spare = output.append(box) { reactor.giveBox(spare) }
        pump()
        if !output.isEmpty, exceedsOutputLimit(reactor.nowUs) { closeForOutputLimit() }
    }

    /// Hands bytes to the socket. The descriptor is the connection's until `isClosed` is set:
    /// between closing it and `channelInactive`, NIO calls nobody who writes.
    @inline(__always)
    private func write(_ bytes: Bytes) {
        guard let context else { return }
        reactor.traffic.writes &+= 1
        var done = 0
        if writesAtNIO == 0, descriptor >= 0, !isClosed {
            done = Glibc.send(
                Int32(descriptor), bytes.baseAddress, bytes.count, Connection.sendFlags)
            if done == bytes.count { return }
        }
        writeThroughNIO(context, bytes, from: max(done, 0))
    }

    private static let sendFlags = Int32(Int(MSG_NOSIGNAL) | Int(MSG_DONTWAIT))

    /// For what the socket does not take now; an error of the socket shows there, too.
    @inline(never)
    private func writeThroughNIO(
        _ context: ChannelHandlerContext, _ bytes: Bytes, from start: Int
    ) {
        var buffer = context.channel.allocator.buffer(capacity: bytes.count - start)
        buffer.writeBytes(bytes.slice(start, bytes.count - start))
        let written = context.eventLoop.makePromise(of: Void.self)
        writesAtNIO += 1
        written.futureResult.whenComplete { [self] _ in writesAtNIO -= 1 }
        context.writeAndFlush(wrapOutboundOut(buffer), promise: written)
    }

    /// Sends what is queued, as far as the log's state and the socket allow.
    func pump() {
        if output.isEmpty || isClosed { return }
        isInPump = true
        var left = Connection.burstBytes
        while let box = output.first, isWritable, !isClosed {
            guard reactor.isOpen(box.gate) else {
                reactor.hold(self)
                break
            }
            if left <= 0 {
                reactor.continueLater(self)
                break
            }
            let count = min(box.unsent, Connection.sliceBytes)
            box.writer.withBytes { write($0.slice(box.sent, count)) }
            left -= count
            if isClosed { break }
            if let done = output.sent(count) { reactor.giveBox(done) }
        }
        isInPump = false
        outputDrained()
        account()
    }

    func closeForOutputLimit() {
        reactor.log.warning(
            """
            Client \(peerAddress) scheduled to be closed ASAP for overcoming of output buffer \
            limits.
            """)
        context?.close(promise: nil)
    }
}
