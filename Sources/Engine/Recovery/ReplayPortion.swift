// Some thousand effects of the log that are looked up together: their bytes, copied out of the
// reader's window, the order of their records, and room for the values.

import Glibc

/// Filled by the replay's thread; `claimed`, `finished` and `stamp` are guarded by the monitor of
/// `ReplayAhead`, and who has claimed a look-up may write its `found`.
final class ReplayPortion {
    /// A power of two, at most one of `UInt16`.
    static let effectsMax = 1 << 14
    private static let bytesMax = 4 << 20
    private static let argumentsMax = 1 << 17
    /// Look-ups that are claimed together, and the room for their values.
    private static let claimMax = 64
    private static let claimBytes = 1 << 14
    /// A longer value is not worth copying.
    static let payloadBytesMax = 1024

    let commands = UnsafeMutablePointer<LogCommand>.allocate(capacity: effectsMax)
    let found = UnsafeMutablePointer<ReplayAhead.Found>.allocate(capacity: effectsMax)
    private(set) var count = 0
    /// Indexes of the effects that have keys, by the top bits of the keys' hashes.
    let order = UnsafeMutablePointer<UInt16>.allocate(capacity: effectsMax)
    private var orderCount = 0
    var claimed = 0
    var finished = 0
    /// How many keys had left the hot tier when the look-ups began.
    var stamp: UInt64 = 0

    private let bytes = UnsafeMutableRawPointer.allocate(byteCount: bytesMax, alignment: 16)
    private var byteCount = 0
    private let arguments = UnsafeMutablePointer<Bytes>.allocate(capacity: argumentsMax)
    private var argumentCount = 0
    private let payloads = UnsafeMutableRawPointer.allocate(
        byteCount: effectsMax / claimMax * claimBytes, alignment: 16)

    deinit {
        commands.deallocate()
        found.deallocate()
        order.deallocate()
        bytes.deallocate()
        arguments.deallocate()
        payloads.deallocate()
    }

    var isFull: Bool { count == ReplayPortion.effectsMax }
    var isFinished: Bool { finished == orderCount }

    func clear() {
        count = 0
        byteCount = 0
        argumentCount = 0
        claimed = 0
        finished = 0
        orderCount = 0
    }

    /// Copies a command; false if it has no room.
    func append(_ command: LogCommand) -> Bool {
        let views = command.arguments
        let start = views[0].baseAddress!
        let length = views[views.count - 1].baseAddress! + views[views.count - 1].count - start
        guard length <= ReplayPortion.bytesMax - byteCount,
            views.count <= ReplayPortion.argumentsMax - argumentCount
        else { return false }
        let copy = bytes + byteCount
        memcpy(copy, start, length)
        byteCount += length
        let own = arguments + argumentCount
        for (index, view) in views.enumerated() {
            own[index] = Bytes(start: copy + (view.baseAddress! - start), count: view.count)
        }
        argumentCount += views.count
        lend(command.with(UnsafeBufferPointer(start: own, count: views.count)))
        return true
    }

    /// Takes a command as it is.
    func lend(_ command: LogCommand) {
        commands[count] = command
        count += 1
    }

    /// Puts the look-ups in the order of the records.
    func sort() {
        let shift = UInt64(64 - ReplayPortion.effectsMax.trailingZeroBitCount)
        let withKeys = (0..<count).lazy.filter { [found] in found[$0].key.baseAddress != nil }
        var ends = [Int](repeating: 0, count: ReplayPortion.effectsMax)
        for index in withKeys { ends[Int(found[index].hash >> shift)] += 1 }
        for bucket in 0..<ends.count {
            orderCount += ends[bucket]
            ends[bucket] = orderCount
        }
        for index in withKeys {
            let bucket = Int(found[index].hash >> shift)
            ends[bucket] -= 1
            order[ends[bucket]] = UInt16(index)
        }
    }

    /// Takes on look-ups that nobody has; nil if there are none.
    func claim() -> Range<Int>? {
        if claimed == orderCount { return nil }
        let start = claimed
        claimed = Swift.min(start + ReplayPortion.claimMax, orderCount)
        return start..<claimed
    }

    func payloads(of places: Range<Int>) -> UnsafeMutableRawBufferPointer {
        let number = places.lowerBound / ReplayPortion.claimMax
        return UnsafeMutableRawBufferPointer(
            start: payloads + number * ReplayPortion.claimBytes, count: ReplayPortion.claimBytes)
    }
}
