// Judging bytes that claim to be a node of a stream. They come from RESTORE, RDB files and other
// servers; after a `true` every walk of `StreamPack` stays inside them, and the numbers in them
// are what they say.

extension StreamPack {
    /// What a good node holds.
    struct Contents {
        var liveCount = 0
        var lastLive: StreamID?
    }

    /// What the listpack `bytes` holds as a node with the ID `master`, or nil if it is none:
    /// elements missing or of the wrong kind, counts that lie, live entries out of order or before
    /// the node's own ID. Never traps, whatever the bytes. O(bytes).
    static func validate(_ bytes: Bytes, _ master: StreamID) -> Contents? {
        guard ListPack.validate(bytes, deep: true) else { return nil }
        var reader = Reader(ListPack(reading: bytes))
        guard let live = reader.count(), let deleted = reader.count(),
            let fields = reader.count(), reader.skip(fields), reader.integer() == 0
        else { return nil }
        var contents = Contents()
        var deletedFound = 0
        while !reader.isAtEnd {
            guard let flags = reader.integer(), let ms = reader.integer(),
                let seq = reader.integer()
            else { return nil }
            var elements = fields
            var before = 3
            if flags & sameFieldsFlag == 0 {
                guard let own = reader.count() else { return nil }
                before += own + 1
                guard reader.skip(own) else { return nil }
                elements = own
            }
            guard reader.skip(elements), reader.integer() == Int64(before + elements) else {
                return nil
            }
            if flags & deletedFlag != 0 {
                deletedFound += 1
                continue
            }
            let id = StreamID(
                ms: master.ms &+ UInt64(bitPattern: ms), seq: master.seq &+ UInt64(bitPattern: seq))
            guard id >= master, contents.lastLive.map({ $0 < id }) ?? true else { return nil }
            contents.lastLive = id
            contents.liveCount += 1
        }
        guard contents.liveCount == live, deletedFound == deleted else { return nil }
        return contents
    }

    /// Walks the elements of a listpack that is known to be whole.
    private struct Reader {
        private let pack: ListPack
        private var position: ListPack.Position

        init(_ pack: ListPack) {
            self.pack = pack
            position = ListPack.headerBytes
        }

        var isAtEnd: Bool { position >= pack.endOffset }

        mutating func integer() -> Int64? {
            if isAtEnd { return nil }
            defer { position = pack.after(position) }
            return pack.integer(at: position)
        }

        /// A number of things of which each takes at least two bytes.
        mutating func count() -> Int? {
            guard let number = integer(), number >= 0, number <= Int64(pack.totalBytes) else {
                return nil
            }
            return Int(number)
        }

        mutating func skip(_ count: Int) -> Bool {
            for _ in 0..<count {
                if isAtEnd { return false }
                position = pack.after(position)
            }
            return true
        }
    }
}
