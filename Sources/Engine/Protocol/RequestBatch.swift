// What the parser found: requests as ranges, not as copies.
//
// A batch is a few flat arrays that are filled and emptied again and again. An argument is an
// offset and a length in the input that was parsed; only words that were quoted in an inline
// request, and so had to be unescaped, lie in a side buffer. A batch may be shared by all
// connections of an event loop: what a connection has received only in part stays with its
// parser.

/// Complete requests, in order of arrival, as ranges of the input.
package struct RequestBatch: ~Copyable {
    /// Offset and length in the input; a negative offset is the complement of one in the side
    /// buffer.
    package struct Argument: BitwiseCopyable {
        package var offset: Int
        package var count: Int
    }

    package struct Request: BitwiseCopyable {
        /// Index of the request's first argument, the command's name.
        package var firstArgument: Int
        /// Number of arguments, at least 1.
        package var count: Int
        /// Where the request ends in the input.
        package var endOffset: Int
    }

    package internal(set) var arguments = FlatArray<Argument>()
    package internal(set) var requests = FlatArray<Request>()
    var unescaped = FlatArray<UInt8>()
    private var resolved = FlatArray<Bytes>()

    /// How much of the input the requests (and what was skipped between them) took up. The
    /// rest must be given to the parser again, with more behind it.
    package internal(set) var consumed = 0

    package init() {}

    /// Number of requests.
    @inline(__always)
    package var count: Int { requests.count }

    /// The argument's bytes, a view of `input` or of this batch.
    @inline(__always)
    package func bytes(_ argument: Argument, in input: Bytes) -> Bytes {
        argument.offset >= 0
            ? input.slice(argument.offset, argument.count)
            : Bytes(unescaped.elements).slice(~argument.offset, argument.count)
    }

    /// Argument `index` (0 is the command's name) of request number `request`.
    @inline(__always)
    package func argument(_ index: Int, of request: Int, in input: Bytes) -> Bytes {
        let found = requests[request]
        precondition(index >= 0 && index < found.count, "argument index out of range")
        return bytes(arguments[found.firstArgument &+ index], in: input)
    }

    /// All arguments of a request as views, valid until this is called again, the batch changes
    /// or the input moves. O(arguments).
    @inline(__always)
    package mutating func resolve(_ request: Int, in input: Bytes) -> UnsafeBufferPointer<Bytes> {
        let found = requests[request]
        resolved.truncate(to: 0)
        for i in found.firstArgument..<(found.firstArgument &+ found.count) {
            resolved.append(bytes(arguments[i], in: input))
        }
        return resolved.elements
    }

    /// The first argument behind a request's name, where a key usually is; the name itself when
    /// there is none.
    @inline(__always)
    func firstOperand(_ request: Int, in input: Bytes) -> Bytes {
        let found = requests[request]
        return bytes(
            arguments[found.firstArgument &+ (found.count > 1 ? 1 : 0)], in: input)
    }

    /// Empties the batch; memory beyond a modest size is given back.
    package mutating func removeAll() {
        arguments.removeAll()
        requests.removeAll()
        unescaped.removeAll()
        resolved.removeAll()
        consumed = 0
    }
}
