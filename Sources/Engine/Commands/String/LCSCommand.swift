// LCS: the longest common subsequence of two strings.
//
// Dynamic programming: lengths[i][j] is the answer for the first i bytes of one and the first j
// of the other. For the length alone two rows do; for the string or the ranges the whole matrix
// is walked back from its end. The matrix is bounded by `proto-max-bulk-len`, as in Redis.

import Glibc

/// The matrix of lengths. Transient memory from malloc, not the hot tier's.
private struct LCSMatrix: ~Copyable {
    let a: Bytes
    let b: Bytes
    private let lengths: UnsafeMutablePointer<UInt32>
    private let width: Int

    /// Nil when there is no memory. O(a * b).
    init?(_ a: Bytes, _ b: Bytes) {
        self.a = a
        self.b = b
        width = b.count + 1
        let cells = (a.count + 1) * width
        guard let raw = malloc(cells * 4) else { return nil }
        lengths = raw.bindMemory(to: UInt32.self, capacity: cells)
        lengths.initialize(repeating: 0, count: width)
        for i in 1..<(a.count + 1) {
            LCSMatrix.row(a[i - 1], b, above: lengths + (i - 1) * width, into: lengths + i * width)
        }
    }

    deinit { free(lengths) }

    /// One row from the row above it.
    @inline(__always)
    static func row(
        _ byte: UInt8, _ b: Bytes, above: UnsafeMutablePointer<UInt32>,
        into row: UnsafeMutablePointer<UInt32>
    ) {
        row[0] = 0
        for j in 1..<(b.count + 1) {
            row[j] = b[j - 1] == byte ? above[j - 1] &+ 1 : Swift.max(above[j], row[j - 1])
        }
    }

    subscript(i: Int, j: Int) -> UInt32 { lengths[i * width + j] }

    /// Visits the pairs of equal bytes of the answer, last first, as maximal runs: where each
    /// run starts in either string, and its length. O(a + b).
    func forEachRun(_ body: (_ a: Int, _ b: Int, _ count: Int) -> Void) {
        var i = a.count
        var j = b.count
        var run = 0
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                i -= 1
                j -= 1
                run += 1
                continue
            }
            if run > 0 { body(i, j, run) }
            run = 0
            if self[i - 1, j] > self[i, j - 1] { i -= 1 } else { j -= 1 }
        }
        if run > 0 { body(i, j, run) }
    }
}

extension StringCommands {
    private struct LCSOptions {
        var length = false
        var ranges = false
        var withMatchLength = false
        var matchLengthMin: Int64 = 0

        init(_ args: Arguments) throws(CommandError) {
            var index = 3
            while index < args.count {
                let option = args[index]
                if option.equalsIgnoringCase("idx") {
                    ranges = true
                } else if option.equalsIgnoringCase("len") {
                    length = true
                } else if option.equalsIgnoringCase("withmatchlen") {
                    withMatchLength = true
                } else if option.equalsIgnoringCase("minmatchlen"), index + 1 < args.count {
                    index += 1
                    matchLengthMin = Swift.max(try args.integer(index), 0)
                } else {
                    throw .syntax
                }
                index += 1
            }
            if ranges && length {
                throw .message(
                    "ERR If you want both the length and indexes, please just use IDX.")
            }
        }
    }

    static func lcs(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        // The second look-up may fetch or expire, but moves no other entry.
        let first = engine.read(engine.key(args[1], client))
        let second = engine.read(engine.key(args[2], client))
        guard (first?.type ?? .string) == .string, (second?.type ?? .string) == .string else {
            throw .message("ERR The specified keys must contain string values")
        }
        let options = try LCSOptions(args)
        var failure: CommandError?
        withBytes(first) { a in
            withBytes(second) { b in
                do throws(CommandError) {
                    try replyLCS(engine, client, a, b, options)
                } catch { failure = error }
            }
        }
        if let failure { throw failure }
    }

    private static func withBytes(_ entry: Entry?, _ body: (Bytes) -> Void) {
        guard let entry else { return body(Bytes(start: nil, count: 0)) }
        StringValue.withBytes(entry, body)
    }

    private static func replyLCS(
        _ engine: Engine, _ client: Client, _ a: Bytes, _ b: Bytes, _ options: LCSOptions
    ) throws(CommandError) {
        // The length alone takes two rows, but as much time as the matrix: one bound for both.
        let (cells, overflow) = (a.count + 1).multipliedReportingOverflow(by: b.count + 1)
        guard !overflow, cells <= engine.configuration.bulkBytesMax / 4 else {
            throw .message(
                "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
        }
        if options.length { return client.reply.integer(lcsLength(a, b)) }
        guard let matrix = LCSMatrix(a, b) else {
            throw .message("ERR Insufficient memory, failed allocating transient memory for LCS")
        }
        let total = Int(matrix[a.count, b.count])
        if options.ranges {
            return replyRanges(client, matrix, total, options)
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Swift.max(total, 1)) { room in
            var end = total
            matrix.forEachRun { start, _, count in
                end -= count
                memcpy(room.baseAddress! + end, a.baseAddress! + start, count)
            }
            client.reply.bulk(Bytes(start: room.baseAddress!, count: total))
        }
    }

    private static func replyRanges(
        _ client: Client, _ matrix: borrowing LCSMatrix, _ total: Int, _ options: LCSOptions
    ) {
        client.reply.map(2)
        client.reply.bulk("matches")
        let mark = client.reply.deferred()
        var matches = 0
        matrix.forEachRun { a, b, count in
            guard count >= options.matchLengthMin else { return }
            client.reply.array(options.withMatchLength ? 3 : 2)
            for start in [a, b] {
                client.reply.array(2)
                client.reply.integer(start)
                client.reply.integer(start + count - 1)
            }
            if options.withMatchLength { client.reply.integer(count) }
            matches += 1
        }
        client.reply.closeArray(mark, matches)
        client.reply.bulk("len")
        client.reply.integer(total)
    }

    /// O(a * b) time, O(b) memory.
    private static func lcsLength(_ a: Bytes, _ b: Bytes) -> Int {
        let width = b.count + 1
        let rows = UnsafeMutablePointer<UInt32>.allocate(capacity: width * 2)
        defer { rows.deallocate() }
        rows.initialize(repeating: 0, count: width * 2)
        var above = rows
        var row = rows + width
        for byte in a {
            LCSMatrix.row(byte, b, above: above, into: row)
            swap(&above, &row)
        }
        return Int(above[b.count])
    }
}
