// A request's arguments: views into the connection's input, or into the copy that a transaction
// keeps. Nothing is copied on the way to a command.

/// The arguments of one request, the command's name first. Valid while the command runs.
package struct Arguments {
    private let base: UnsafePointer<Bytes>
    package let count: Int

    @inline(__always)
    package init(_ views: UnsafeBufferPointer<Bytes>) {
        base = views.baseAddress!
        count = views.count
    }

    private init(base: UnsafePointer<Bytes>, count: Int) {
        self.base = base
        self.count = count
    }

    @inline(__always)
    package subscript(index: Int) -> Bytes {
        assert(index >= 0 && index < count)
        return base[index]
    }

    /// The arguments from `start` on, as a command of their own (subcommands, containers).
    package func dropFirst(_ start: Int) -> Arguments {
        precondition(start < count)
        return Arguments(base: base + start, count: count - start)
    }
}

/// Arguments that own their bytes: a queued command of a transaction.
struct OwnedArguments {
    private let bytes: [UInt8]
    private let ends: [Int]

    init(_ arguments: Arguments) {
        var bytes: [UInt8] = []
        var ends: [Int] = []
        ends.reserveCapacity(arguments.count)
        for index in 0..<arguments.count {
            bytes.append(contentsOf: arguments[index])
            ends.append(bytes.count)
        }
        self.bytes = bytes
        self.ends = ends
    }

    init(_ arguments: [[UInt8]]) {
        bytes = arguments.flatMap { $0 }
        var end = 0
        ends = arguments.map { argument in
            end += argument.count
            return end
        }
    }

    var byteCount: Int { bytes.count + ends.count * MemoryLayout<Int>.stride }

    func withArguments<R, E: Error>(_ body: (Arguments) throws(E) -> R) throws(E) -> R {
        try bytes.withUnsafeBufferPointer { buffer throws(E) in
            let raw = Bytes(buffer)
            var start = 0
            let views = ends.map { end in
                defer { start = end }
                return raw.slice(start, end - start)
            }
            return try views.withUnsafeBufferPointer { views throws(E) in
                try body(Arguments(views))
            }
        }
    }
}
