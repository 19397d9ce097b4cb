// Filters: never a wrong "no", few wrong "maybe", and the same after a restart.

import Testing

@testable import Engine

@Suite struct ColdFilterTests {
    @Test(
        arguments: [1, 2, 3, 4, 5, 10, 50, 100, 1000, 20_000],
        [FilterPiece.baseBits, FilterPiece.newerBits])
    func everyKeyIsFoundAndFewOthers(_ count: Int, _ bits: UInt16) {
        let keys = (0..<count).map {
            FilterPiece.fold(UInt32($0 % 3), coldHash(Array("key \($0)".utf8)))
        }
        let piece = keys.withUnsafeBufferPointer {
            FilterPiece.build($0, namespace: 0, hash: 0, fingerprintBits: bits)
        }
        defer { piece.fingerprints?.deallocate() }
        #expect(piece.fingerprints != nil)
        #expect(keys.allSatisfy { piece.mayContain($0) })
        var wrong = 0
        let probes = 40_000
        for probe in 0..<probes where piece.mayContain(coldHash(Array("other \(probe)".utf8))) {
            wrong += 1
        }
        let expected = Double(probes) / Double(1 << Int(bits))
        #expect(Double(wrong) < 1.5 * expected + 10, "\(wrong) of \(probes)")
        if count >= 20_000 { #expect(Int(piece.byteCount) * 8 < count * Int(bits) * 11 / 8) }
    }

    @Test func equalKeysGiveMaybe() {
        let keys = [UInt64](repeating: 42, count: 10)
        let piece = keys.withUnsafeBufferPointer {
            FilterPiece.build($0, namespace: 0, hash: 0, fingerprintBits: FilterPiece.newerBits)
        }
        #expect(piece.fingerprints == nil)
        #expect(piece.mayContain(42))
        #expect(piece.mayContain(43))
    }

    @Test func storesAnswerAlikeAfterARestart() throws {
        let directory = ColdDirectory()
        var wrong = 0
        do {
            let store = try directory.open()
            for batchNumber in 0..<6 {
                let batch = ColdBatch()
                for index in 0..<800 {
                    batch.put(UInt32(index % 2), Array("\(batchNumber)/\(index)".utf8), [1], lsn: 1)
                }
                try store.commit(batch, durable: false)
            }
            try check(store)
        }
        try check(try directory.open())

        func check(_ store: ColdStore) throws {
            for batchNumber in 0..<6 {
                for index in 0..<800 {
                    let key = Array("\(batchNumber)/\(index)".utf8)
                    #expect(store.mayContain(namespace: UInt32(index % 2), hash: coldHash(key)))
                }
            }
            wrong = 0
            for probe in 0..<20_000 {
                let hash = coldHash(Array("absent \(probe)".utf8))
                if store.mayContain(namespace: 1, hash: hash) { wrong += 1 }
            }
            #expect(wrong < 20_000 * 6 / 1500)
            #expect(!store.mayContain(namespace: 9, hash: 1))
        }
    }
}
