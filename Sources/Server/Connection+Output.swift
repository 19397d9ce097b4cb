// Sending replies.
//
// The usual path copies a turn's replies into the reactor's scratch buffer, which NIO writes
// during the call, so that the buffer can be used again for the next connection: no allocation.
// Everything else queues and leaves in slices, as long as the socket takes them.

import Engine
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

    /// Hands bytes to the socket.
    @inline(__always)
    private func write(_ bytes: Bytes) {
        guard let context else { return }
        reactor.scratch.clear(minimumCapacity: max(bytes.count, 1024))
        reactor.scratch.writeBytes(bytes)
        reactor.traffic.writes &+= 1
        context.writeAndFlush(wrapOutboundOut(reactor.scratch), promise: nil)
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
