// Requests out of a byte stream.
//
// The caller keeps a connection's unread bytes in one contiguous buffer and offers it here; the
// parser answers with ranges and never copies a byte. It is a pure state machine: no sockets, no
// clock. A request that has arrived in part stays in the caller's buffer while the parser
// remembers how far it got (arguments found, the body that is awaited, how far a line end was
// searched), so that no byte is looked at twice however small the pieces are: O(bytes) overall.
//
// The rules, including the lax ones, are those of Redis 7.0: the byte after a CR is not looked
// at, neither are the two bytes behind a body; `*0`, negative counts and empty lines are
// skipped; numbers take no sign but '-', no leading zero and no blanks. Two are stricter, so
// that the outcome does not depend on how the stream was cut: a line is refused once it is
// longer than 64 KB even if its end is at hand, and a NUL byte is a byte like any other.
//
// What must never happen: memory claimed on the word of a length that a client sent. Only bytes
// that are at hand create arguments.

import Glibc

/// Why a stream is not RESP; the connection is to be closed after the reply.
package enum ProtocolError: Error, Equatable {
    case invalidMultibulkLength
    case unauthenticatedMultibulkLength
    case invalidBulkLength
    case unauthenticatedBulkLength
    case expectedDollar(got: UInt8)
    case tooBigMultibulkCount
    case tooBigBulkCount
    case tooBigInlineRequest
    case unbalancedQuotes

    /// Redis's text, with the code that begins an error reply. Each of its scalars stands for a
    /// byte, for it may quote one that is not ASCII.
    package var reply: String { "ERR Protocol error: " + reason }

    private var reason: String {
        switch self {
        case .invalidMultibulkLength: "invalid multibulk length"
        case .unauthenticatedMultibulkLength: "unauthenticated multibulk length"
        case .invalidBulkLength: "invalid bulk length"
        case .unauthenticatedBulkLength: "unauthenticated bulk length"
        case .expectedDollar(let byte): "expected '$', got '\(Unicode.Scalar(byte))'"
        case .tooBigMultibulkCount: "too big mbulk count string"
        case .tooBigBulkCount: "too big bulk count string"
        case .tooBigInlineRequest: "too big inline request"
        case .unbalancedQuotes: "unbalanced quotes in request"
        }
    }
}

package enum ParseResult: Equatable {
    /// Everything complete is in the batch; the next request lacks at least so many bytes.
    case needMore(bytes: Int)
    /// The batch has as many requests as were asked for; there may be more at hand.
    case full
    /// The requests in the batch came first and are valid; nothing after them is.
    case failed(ProtocolError)
}

/// The state of one connection's stream of requests.
package struct RequestParser: ~Copyable {
    package struct Limits {
        /// `proto-max-bulk-len`.
        package var bulkBytesMax = 512 * 1024 * 1024
        package var argumentsMax = Int(Int32.max)
        /// A line without an end: an inline request, or the header of an array or a bulk.
        package var lineBytesMax = 64 * 1024
        /// Until a client has given its password it may send only small requests, and they are
        /// parsed one at a time, because the limits of the next depend on what this one does.
        package var unauthenticated = false
        package var unauthenticatedArgumentsMax = 10
        package var unauthenticatedBulkBytesMax = 16384
        /// However large `bulkBytesMax` is set, so that offsets cannot overflow.
        fileprivate static let bulkBytesCeiling = 1 << 56

        package init(bulkBytesMax: Int = 512 * 1024 * 1024, unauthenticated: Bool = false) {
            self.bulkBytesMax = bulkBytesMax
            self.unauthenticated = unauthenticated
        }
    }

    // The request that is only partly at hand; all offsets count from its first byte.

    /// Its arguments so far.
    private var pending = FlatArray<RequestBatch.Argument>()
    /// Arguments still to come; 0 before the header of a request.
    private var remaining = 0
    /// Where parsing goes on.
    private var position = 0
    /// Bytes from `position` on that hold no line end.
    private var scanned = 0
    /// Length of the body that begins at `position`, or -1 when its header comes next.
    private var bodyCount = -1

    package init() {}

    /// True between requests: nothing is known about the bytes at hand.
    package var isIdle: Bool { remaining == 0 && scanned == 0 }

    /// Parses what is complete in `input` and appends it to `batch`.
    ///
    /// `input` begins where the last call's `consumed` ended. The batch must be empty.
    /// O(new bytes), plus O(arguments) of a request that arrived in pieces.
    package mutating func parse(
        _ input: Bytes, into batch: inout RequestBatch, limits: Limits = Limits(),
        requestsMax: Int = .max
    ) -> ParseResult {
        assert(batch.count == 0 && batch.consumed == 0)
        let most = limits.unauthenticated ? min(1, requestsMax) : requestsMax
        var start = 0
        if remaining > 0 {
            // Goes on with a request in pieces: its arguments collect in `pending`.
            var arguments = FlatArray<RequestBatch.Argument>()
            swap(&arguments, &pending)
            do {
                guard try bulks(input, start: 0, into: &arguments, limits) else {
                    swap(&arguments, &pending)
                    return .needMore(bytes: missing(input.count))
                }
            } catch { return .failed(error) }
            let first = batch.arguments.count
            batch.arguments.append(arguments)
            start = finish(&batch, start: 0, first: first)
            arguments.removeAll()
            swap(&arguments, &pending)
        }
        while batch.count < most {
            guard start < input.count else { return .needMore(bytes: 1) }
            let first = batch.arguments.count
            do {
                if input[start] != 0x2A {
                    guard let end = try inline(input, start, into: &batch, limits) else {
                        return .needMore(bytes: 1)
                    }
                    position = end - start
                    start = finish(&batch, start: start, first: first)
                    continue
                }
                guard try arrayHeader(input, start, limits) else {
                    return .needMore(bytes: missing(input.count - start))
                }
                if remaining == 0 {
                    start = finish(&batch, start: start, first: first)
                    continue
                }
                guard try bulks(input, start: start, into: &batch.arguments, limits) else {
                    setAside(&batch, first: first, start: start)
                    return .needMore(bytes: missing(input.count - start))
                }
                start = finish(&batch, start: start, first: first)
            } catch {
                batch.arguments.truncate(to: first)
                return .failed(error)
            }
        }
        return .full
    }

    /// Closes the request that reaches from `start` to `position`; one without arguments is
    /// only skipped. Returns where the next begins.
    @inline(__always)
    private mutating func finish(_ batch: inout RequestBatch, start: Int, first: Int) -> Int {
        let end = start &+ position
        position = 0
        scanned = 0
        let count = batch.arguments.count &- first
        if count > 0 {
            batch.requests.append(.init(firstArgument: first, count: count, endOffset: end))
        }
        batch.consumed = end
        return end
    }

    /// Takes the arguments of an incomplete request out of the batch.
    @inline(never)
    private mutating func setAside(_ batch: inout RequestBatch, first: Int, start: Int) {
        assert(pending.count == 0)
        for i in first..<batch.arguments.count {
            var argument = batch.arguments[i]
            argument.offset -= start
            pending.append(argument)
        }
        batch.arguments.truncate(to: first)
    }

    /// How many bytes the request lacks at least, given how many are at hand.
    private func missing(_ atHand: Int) -> Int {
        bodyCount >= 0 ? max(1, position + bodyCount + 2 - atHand) : 1
    }

    // MARK: Arrays of bulk strings

    /// Reads `*count`; false when it is incomplete. Leaves `remaining` at 0 for an array to skip.
    @inline(__always)
    private mutating func arrayHeader(
        _ input: Bytes, _ start: Int, _ limits: Limits
    ) throws(ProtocolError) -> Bool {
        if start &+ 4 <= input.count, input[start &+ 2] == 0x0D {
            let count = input[start &+ 1] &- 0x31
            if count < 9 {
                remaining = Int(count) &+ 1
                position = 4
                scanned = 0
                bodyCount = -1
                return true
            }
        }
        switch header(input, start, limits) {
        case .incomplete: return false
        case .tooLong: throw .tooBigMultibulkCount
        case .invalid: throw .invalidMultibulkLength
        case .number(let count, let next):
            if count > limits.argumentsMax { throw .invalidMultibulkLength }
            if limits.unauthenticated && count > limits.unauthenticatedArgumentsMax {
                throw .unauthenticatedMultibulkLength
            }
            remaining = max(0, count)
            position = next &- start
            scanned = 0
            bodyCount = -1
            return true
        }
    }

    /// Reads the remaining arguments of the request at `start`; false when some are incomplete.
    @inline(__always)
    private mutating func bulks(
        _ input: Bytes, start: Int, into arguments: inout FlatArray<RequestBatch.Argument>,
        _ limits: Limits
    ) throws(ProtocolError) -> Bool {
        var at = start &+ position
        while remaining > 0 {
            if bodyCount < 0 {
                at = usualBulks(input, at, into: &arguments, limits)
                if remaining == 0 { break }
                switch header(input, at, limits) {
                case .incomplete:
                    position = at &- start
                    return false
                case .tooLong: throw .tooBigBulkCount
                case .invalid:
                    if input[at] != 0x24 { throw .expectedDollar(got: input[at]) }
                    throw .invalidBulkLength
                case .number(let count, let next):
                    if input[at] != 0x24 { throw .expectedDollar(got: input[at]) }
                    if count < 0 || count > min(limits.bulkBytesMax, Limits.bulkBytesCeiling) {
                        throw .invalidBulkLength
                    }
                    if limits.unauthenticated && count > limits.unauthenticatedBulkBytesMax {
                        throw .unauthenticatedBulkLength
                    }
                    bodyCount = count
                    at = next
                    scanned = 0
                }
            }
            if bodyCount > input.count &- at &- 2 {
                position = at &- start
                return false
            }
            arguments.append(.init(offset: at, count: bodyCount))
            at = at &+ bodyCount &+ 2
            bodyCount = -1
            remaining &-= 1
        }
        position = at &- start
        return true
    }

    /// Takes complete arguments with usual headers, as nearly all are, in a loop over locals;
    /// leaves the first that is anything else to the general code. Returns where it stopped.
    @inline(__always)
    private mutating func usualBulks(
        _ input: Bytes, _ first: Int, into arguments: inout FlatArray<RequestBatch.Argument>,
        _ limits: Limits
    ) -> Int {
        guard let p = input.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return first }
        let end = input.count
        let longest =
            limits.unauthenticated
            ? min(limits.bulkBytesMax, limits.unauthenticatedBulkBytesMax) : limits.bulkBytesMax
        var at = first
        var left = remaining
        // Sound: every read is below `end`, because at + 6 <= end, or checked where it is made.
        while left > 0, at &+ 6 <= end, p[at] == 0x24 {
            var count = Int(p[at &+ 1] &- 0x30)
            var i = at &+ 2
            if count > 9 { break }
            if p[i] != 0x0D {
                if count == 0 { break }
                let digitsEnd = min(end &- 1, at &+ 10)
                while i < digitsEnd {
                    let digit = p[i] &- 0x30
                    if digit > 9 { break }
                    count = count &* 10 &+ Int(digit)
                    i &+= 1
                }
                if i >= end &- 1 || p[i] != 0x0D { break }
            }
            if count > longest || count > end &- i &- 4 { break }
            arguments.append(.init(offset: i &+ 2, count: count))
            at = i &+ count &+ 4
            left &-= 1
        }
        if at != first {
            remaining = left
            scanned = 0
        }
        return at
    }

    private enum Header {
        /// The number, and where what follows its line begins.
        case number(Int, next: Int)
        case invalid
        case incomplete
        case tooLong
    }

    /// The number after the type byte at `at`, whatever its line looks like.
    @inline(never)
    private mutating func header(_ input: Bytes, _ at: Int, _ limits: Limits) -> Header {
        let limit = min(input.count, at + limits.lineBytesMax + 1)
        guard let cr = find(0x0D, input, from: at + scanned, to: limit) else {
            if input.count - at > limits.lineBytesMax { return .tooLong }
            scanned = input.count - at
            return .incomplete
        }
        guard cr + 1 < input.count else {
            scanned = cr - at
            return .incomplete
        }
        guard cr > at, let value = Numbers.parseInt64(input.slice(at + 1, cr - at - 1)) else {
            return .invalid
        }
        return .number(Int(value), next: cr + 2)
    }

    private func find(_ byte: UInt8, _ input: Bytes, from: Int, to: Int) -> Int? {
        guard from < to, let base = input.baseAddress,
            let found = memchr(base + from, Int32(byte), to - from)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    // MARK: Inline requests

    /// A line of words; nil when its end is not at hand. Returns where the next request begins.
    @inline(never)
    private mutating func inline(
        _ input: Bytes, _ start: Int, into batch: inout RequestBatch, _ limits: Limits
    ) throws(ProtocolError) -> Int? {
        let limit = min(input.count, start + limits.lineBytesMax + 1)
        guard let newline = find(0x0A, input, from: start + scanned, to: limit) else {
            if input.count - start > limits.lineBytesMax { throw .tooBigInlineRequest }
            scanned = input.count - start
            return nil
        }
        let end = newline > start && input[newline - 1] == 0x0D ? newline - 1 : newline
        var splitter = ArgumentSplitter(input.slice(start, end - start))
        while true {
            switch splitter.next(unescaped: &batch.unescaped) {
            case .plain(let offset, let count):
                batch.arguments.append(.init(offset: start + offset, count: count))
            case .quoted(let offset, let count):
                batch.arguments.append(.init(offset: ~offset, count: count))
            case .unbalanced: throw .unbalancedQuotes
            case .end: return newline + 1
            }
        }
    }
}
