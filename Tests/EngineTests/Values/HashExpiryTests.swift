// Hashes with times beside a model: the structures alone, before any clock.

import Testing

@testable import Engine

@Suite(.serialized) struct HashExpiryTests {
    private static let secret = HashSecret(k0: 3, k1: 4)

    private struct Item: Equatable {
        var value: String
        var expiry: Int64?
    }

    private func withHash(_ body: (HashValue) -> Void) {
        let name = Array("key".utf8)
        name.withUnsafeBytes {
            let entry = Entry.allocate(
                key: $0, type: .hash, encoding: .listPack, bodyCount: 8, expiry: nil)
            body(HashValue.create(in: entry))
            entry.detachedForFreeing?.destroy()
            entry.deallocate()
        }
    }

    private func text(_ element: ListPackElement) -> String { element.withBytes { $0.text } }

    private func contents(_ hash: HashValue) -> [String: Item] {
        var seen: [String: Item] = [:]
        hash.forEachExpiring { field, value, expiry in
            #expect(
                seen.updateValue(Item(value: text(value), expiry: expiry), forKey: text(field))
                    == nil)
        }
        return seen
    }

    private func encoded(_ entry: Entry) -> (type: UInt8, payload: [UInt8]) {
        var sink = ByteSink()
        let type = ValueCodec.encodePayload(entry, into: &sink, compress: true)
        return (type, Array(sink.bytes))
    }

    /// Decodes an entry's serialization again, as a foreign payload and as our own record.
    private func roundTrip(_ hash: HashValue, _ model: [String: Item]) {
        let (type, payload) = encoded(hash.entry)
        let hasTimes = model.values.contains { $0.expiry != nil }
        #expect((type >= 22) == hasTimes)
        for isOwn in [false, true] {
            payload.withUnsafeBytes { bytes in
                let value = ValueCodec.decode(
                    type: type, payload: bytes, Configuration(), Self.secret, isOwn: isOwn)
                guard let value else {
                    Issue.record("does not decode")
                    return
                }
                if isOwn { #expect(value.encoding == hash.entry.encoding) }
                let entry = Entry.allocate(
                    key: Bytes(start: nil, count: 0), type: .hash, encoding: value.encoding,
                    bodyCount: 8, expiry: nil)
                value.store(in: entry.body)
                #expect(contents(HashValue(entry)) == model)
                #expect(HashValue(entry).earliestExpiry == hash.earliestExpiry)
                entry.detachedForFreeing?.destroy()
                entry.deallocate()
            }
        }
    }

    @Test(arguments: [0, 4, 24, 1000]) func behavesAsAModel(_ entriesMax: Int) {
        let seed = UInt64.random(in: 0...(.max))
        print("HashExpiryTests.behavesAsAModel \(entriesMax): seed \(seed)")
        var random = TestRandom(seed)
        let before = Heap.usedBytes
        let limits = HashLimits(entriesMax: entriesMax, elementBytesMax: 40, secret: Self.secret)
        withHash { hash in
            var model: [String: Item] = [:]
            for step in 0..<4000 {
                let name = random.below(2) == 0 ? "\(random.below(30))" : "f\(random.below(30))"
                let value =
                    random.below(3) == 0
                    ? "\(Int64(bitPattern: random.next()))"
                    : String(
                        repeating: "v", count: random.below(900) == 0 ? 100 : random.below(30))
                let time = Int64(1 + random.below(50))
                step0(&random, hash, &model, name, value, time, limits)
                if model.values.allSatisfy({ $0.expiry == nil }),
                    hash.entry.encoding.expiresFields
                {
                    hash.leaveExpiring()
                }
                #expect(hash.count == model.count)
                #expect(hash.earliestExpiry == model.values.compactMap(\.expiry).min())
                let end = Int64(random.below(52))
                #expect(
                    hash.dueCount(before: end)
                        == model.values.count { $0.expiry.map { $0 < end } ?? false })
                if step % 97 == 0 {
                    #expect(contents(hash) == model)
                    if hash.entry.encoding == .listPackEx { checkOrder(hash) }
                    if !model.isEmpty { roundTrip(hash, model) }
                }
            }
        }
        #expect(Heap.usedBytes == before)
    }

    /// One random operation on both.
    private func step0(
        _ random: inout TestRandom, _ hash: HashValue, _ model: inout [String: Item],
        _ name: String, _ value: String, _ time: Int64, _ limits: HashLimits
    ) {
        Array(name.utf8).withUnsafeBytes { field in
            Array(value.utf8).withUnsafeBytes { bytes in
                switch random.below(12) {
                case 0..<2:
                    #expect(hash.set(field, bytes, limits) == (model[name] == nil))
                    model[name] = Item(value: value)
                case 2..<5:
                    let expiry = random.below(4) == 0 ? nil : time
                    #expect(
                        hash.set(field, bytes, expiry: expiry, limits) == (model[name] == nil))
                    model[name] = Item(value: value, expiry: expiry)
                case 5:
                    hash.setKeepingExpiry(field, bytes, limits)
                    model[name] = Item(value: value, expiry: model[name]?.expiry)
                case 6..<8:
                    guard model[name] != nil else { return }
                    let expiry = random.below(4) == 0 ? nil : time
                    hash.setExpiry(field, expiry, limits)
                    model[name]!.expiry = expiry
                case 8..<10:
                    #expect(hash.remove(field) == (model.removeValue(forKey: name) != nil))
                case 10:
                    #expect(hash.value(of: field).map(text) == model[name]?.value)
                    #expect(hash.expiry(of: field) == model[name]?.expiry)
                default: removeDue(hash, &model, before: time / 4, max: 1 + random.below(4))
                }
            }
        }
    }

    private func removeDue(
        _ hash: HashValue, _ model: inout [String: Item], before end: Int64, max: Int
    ) {
        var removed: [String] = []
        hash.removeDue(before: end, max: max) { removed.append(text($0)) }
        let due = model.filter { $0.value.expiry.map { $0 < end } ?? false }
        #expect(removed.count == min(due.count, max))
        let times = due.values.compactMap(\.expiry).sorted().prefix(max)
        #expect(removed.map { model[$0]?.expiry ?? -1 } == Array(times))
        for name in removed { model[name] = nil }
    }

    /// Ascending, those that never expire last.
    private func checkOrder(_ hash: HashValue) {
        var last: Int64 = 0
        hash.forEachExpiring { _, _, expiry in
            let time = expiry ?? .max
            #expect(time >= last)
            last = time
        }
    }

    @Test func copiesAreDeep() {
        let before = Heap.usedBytes
        for entriesMax in [0, 100] {
            let limits = HashLimits(
                entriesMax: entriesMax, elementBytesMax: 40, secret: Self.secret)
            withHash { hash in
                for index in 0..<80 {
                    Array("f\(index)".utf8).withUnsafeBytes {
                        _ = hash.set(
                            $0, $0, expiry: index % 2 == 0 ? Int64(index + 1) : nil, limits)
                    }
                }
                let test = TestEngine()
                let copy = test.engine.copyValue(hash.entry)
                #expect(copy.encoding == (entriesMax == 0 ? .tableEx : .listPackEx))
                #expect(copy.elementCount == 80)
                let entry = Entry.allocate(
                    key: Bytes(start: nil, count: 0), type: .hash, encoding: copy.encoding,
                    bodyCount: 8, expiry: nil)
                copy.store(in: entry.body)
                #expect(contents(HashValue(entry)) == contents(hash))
                hash.removeDue(before: 100, max: 5) { _ in }
                #expect(HashValue(entry).earliestExpiry == 1)
                #expect(hash.earliestExpiry == 11)
                let value = entry.detachedForFreeing!
                if value.canBeFreedInSlices {
                    while value.elementCount > 0 { #expect(value.destroySome(max: 7) > 0) }
                }
                value.destroy()
                entry.deallocate()
            }
        }
        #expect(Heap.usedBytes == before)
    }

    /// A large hash whose fields never expire pays nothing for those that could.
    @Test func plainHashesCostWhatTheyDid() {
        #expect(MemoryLayout<FieldTable>.size <= 64)
        let limits = HashLimits(entriesMax: 0, elementBytesMax: 64, secret: Self.secret)
        withHash { hash in
            for index in 0..<1000 {
                Array("f\(index)".utf8).withUnsafeBytes { _ = hash.set($0, $0, limits) }
            }
            let plain = Heap.usedBytes
            Array("f1".utf8).withUnsafeBytes { hash.setExpiry($0, 5, limits) }
            #expect(hash.entry.encoding == .tableEx)
            #expect(Heap.usedBytes - plain < 1400)
            Array("f1".utf8).withUnsafeBytes { hash.setExpiry($0, nil, limits) }
            hash.leaveExpiring()
            #expect(hash.entry.encoding == .table)
            #expect(Heap.usedBytes == plain)
        }
    }
}
