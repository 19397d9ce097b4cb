// Looking ahead in a turn: the keys of the requests to come are hashed, and the memory that holds
// them is asked for, while the requests before them are executed. A table of a million keys is
// not in the processor's cache, and each look-up would wait two or three times for memory.
//
// Two cases: the requests of one connection's pipeline, and the single requests of many
// connections. That a request's first argument is a key is a guess: a wrong one costs a little
// time, nothing else.

extension Engine {
    /// Looks ahead at requests of one pipeline, at most `HashForesight.countMax`.
    @inline(__always)
    func foresee(
        _ client: Client, _ batch: inout RequestBatch, _ range: Range<Int>, in input: Bytes
    ) {
        foresight.begin(at: range.lowerBound)
        if range.count < 2 { return }
        for index in range { foresee(batch.firstOperand(index, in: input), client) }
        requestEntries(client.database)
    }

    /// Begins a group: batches of one request each, from several connections. For each of them
    /// `foresee`, then `endGroup`, then `execute`.
    package func beginGroup() { foresight.begin(at: 0) }

    /// Adds a batch of one request to the group. Returns its place, which `execute` is given, or
    /// nil when the group is full.
    @inline(__always)
    package func foresee(
        _ client: Client, _ batch: inout RequestBatch, in input: Bytes
    ) -> Int? {
        guard foresight.hashes.count < HashForesight.countMax else { return nil }
        foresee(batch.firstOperand(0, in: input), client)
        return foresight.hashes.count - 1
    }

    /// The group is complete. `client`: one of it; most are in the same database.
    package func endGroup(_ client: Client) { requestEntries(client.database) }

    @inline(__always)
    private func foresee(_ key: Bytes, _ client: Client) {
        let hash = secret.hash(key)
        foresight.note(key, hash)
        databases[client.database].table.prefetchSegment(hash)
    }

    @inline(__always)
    private func requestEntries(_ database: Int) {
        for hash in foresight.hashes { databases[database].table.prefetchEntry(hash) }
    }
}

/// The hashes of the keys of the next few requests, so that each is made once.
struct HashForesight: ~Copyable {
    static let countMax = 32

    private let keys = UnsafeMutablePointer<Bytes>.allocate(capacity: countMax)
    private let values = UnsafeMutablePointer<UInt64>.allocate(capacity: countMax)
    private var first = 0
    private var count = 0
    /// The key whose hash is `hash`; an empty view when there is none.
    private var key = Bytes(start: nil, count: 0)
    private var hash: UInt64 = 0

    deinit {
        keys.deallocate()
        values.deallocate()
    }

    var hashes: UnsafeBufferPointer<UInt64> { UnsafeBufferPointer(start: values, count: count) }

    mutating func begin(at index: Int) {
        first = index
        count = 0
    }

    mutating func note(_ key: Bytes, _ hash: UInt64) {
        keys[count] = key
        values[count] = hash
        count &+= 1
    }

    /// One with this key is executed next.
    @inline(__always)
    mutating func only(_ key: Bytes, _ hash: UInt64) {
        self.key = key
        self.hash = hash
    }

    /// The request with this index is executed next.
    @inline(__always)
    mutating func turn(to index: Int) {
        guard count > 0 else { return }
        key = keys[index &- first]
        hash = values[index &- first]
    }

    /// The batch is through: its memory will hold other bytes. What was noted for the rest of a
    /// group stays.
    @inline(__always)
    mutating func end(keepsGroup: Bool) {
        if !keepsGroup { count = 0 }
        key = Bytes(start: nil, count: 0)
    }

    /// The hash of exactly these bytes, which lie where they lay when it was made; or nil.
    @inline(__always)
    func hash(of bytes: Bytes) -> UInt64? {
        bytes.baseAddress == key.baseAddress && bytes.count == key.count && key.count > 0
            ? hash : nil
    }
}
