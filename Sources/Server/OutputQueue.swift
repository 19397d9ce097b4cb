// Replies on their way out of a connection.
//
// Usually there is no queue: a turn's replies go to the socket at once. They queue, in order,
// when the reader is slow or when they must wait for the log (their gate). A large reply is
// never copied whole: the buffer that the commands wrote is taken over and sent in slices as
// the socket takes them. Small replies to a slow reader gather in one buffer.

import Engine

/// What replies wait for before they may be sent: positions of the log.
struct Gate: Equatable {
    /// The log must be durable up to here.
    var durableLSN: LSN = 0
    /// The log must be written up to here.
    var writtenLSN: LSN = 0

    static let open = Gate()

    @inline(__always)
    func isOpen(written: LSN, durable: LSN) -> Bool {
        writtenLSN <= written && durableLSN <= durable
    }
}

/// A buffer of replies. Boxes go round between the connections of an event loop.
final class ReplyBox {
    var writer = ReplyWriter()
    /// Bytes already handed to the socket.
    var sent = 0
    var gate = Gate.open

    var unsent: Int { writer.count - sent }
}

/// Boxes in the order in which they are to be sent.
struct OutputQueue {
    /// A box takes further replies while it has fewer bytes.
    private static let gatheredBytesMax = 64 << 10

    private var boxes: [ReplyBox] = []
    private var head = 0
    private(set) var byteCount = 0

    @inline(__always)
    var isEmpty: Bool { head == boxes.count }

    @inline(__always)
    var first: ReplyBox? { head < boxes.count ? boxes[head] : nil }

    /// Appends the box, or its bytes to the last one: then the box comes back, to be reused.
    mutating func append(_ box: ReplyBox) -> ReplyBox? {
        byteCount += box.unsent
        if head < boxes.count, let last = boxes.last, last.gate == box.gate,
            last.writer.count + box.writer.count < OutputQueue.gatheredBytesMax
        {
            last.writer.append(box.writer)
            return box
        }
        boxes.append(box)
        return nil
    }

    /// Notes that `count` more bytes of the first box were handed to the socket; returns the box
    /// when it is done.
    mutating func sent(_ count: Int) -> ReplyBox? {
        let box = boxes[head]
        box.sent += count
        byteCount -= count
        guard box.unsent == 0 else { return nil }
        head += 1
        if head == boxes.count {
            boxes.removeAll(keepingCapacity: boxes.capacity <= 64)
            head = 0
        } else if head > 32, head * 2 > boxes.count {
            boxes.removeFirst(head)
            head = 0
        }
        return box
    }

    mutating func removeAll() {
        boxes = []
        head = 0
        byteCount = 0
    }
}
