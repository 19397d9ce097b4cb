import Testing

@testable import Engine

@Suite struct FieldTableTests {
    @Test func fieldTableAgreesWithADictionary() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed)
        let before = Heap.usedBytes
        do {
            var table = FieldTable(secret: HashSecret(k0: seed, k1: 3))
            var model: [[UInt8]: [UInt8]] = [:]
            for step in 0..<12000 {
                let name = Array("f\(Int.random(in: 0..<1500, using: &random))".utf8)
                let field = Int.random(in: 0..<50, using: &random) == 0 ? [] : name
                if Int.random(in: 0..<3, using: &random) == 0 {
                    let removed = field.withUnsafeBytes { table.remove($0) }
                    #expect(removed == (model.removeValue(forKey: field) != nil), "seed \(seed)")
                } else {
                    let length = Int.random(in: 0..<(step % 7 == 0 ? 400 : 20), using: &random)
                    let value = (0..<length).map { UInt8(truncatingIfNeeded: $0 + step) }
                    let added = field.withUnsafeBytes { f in
                        value.withUnsafeBytes { table.set(f, $0) }
                    }
                    #expect(added == (model.updateValue(value, forKey: field) == nil))
                }
            }
            func same(_ table: borrowing FieldTable) {
                var seen: [[UInt8]: [UInt8]] = [:]
                table.forEach { seen[Array($0)] = Array($1) }
                #expect(seen == model, "seed \(seed)")
                #expect(table.count == model.count, "seed \(seed)")
                for (field, value) in model {
                    let got = field.withUnsafeBytes { table.get($0).map(Array.init) }
                    #expect(got == value, "seed \(seed)")
                }
            }
            same(table)
            let used = Heap.usedBytes
            #expect(table.memoryBytes == used - before)
            let copy = table.copy()
            same(copy)
            #expect(copy.memoryBytes == Heap.usedBytes - used)
            var walked = 0
            var position: UInt64? = 0
            while let at = position {
                position = table.visit(from: at, atLeast: 9) { field, value, _ in
                    walked += 1
                    #expect(model[Array(field)] == Array(value))
                }
            }
            #expect(walked == model.count)
            let chosen = table.random(random.next())!
            #expect(model[Array(chosen.field)] == Array(chosen.value))
            while table.removeSome(max: 100) > 0 {}
            #expect(table.count == 0 && table.memoryBytes == 0)
            same(copy)
        }
        #expect(Heap.usedBytes == before)
    }

    @Test func memberTableAgreesWithASet() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededRandom(seed)
        let before = Heap.usedBytes
        do {
            var table = MemberTable(secret: HashSecret(k0: seed, k1: 3))
            var model: Set<[UInt8]> = []
            for _ in 0..<10000 {
                let number = Int.random(in: 0..<1500, using: &random)
                let member = number == 0 ? [] : Array("\(number)".utf8)
                if Bool.random(using: &random) {
                    let added = member.withUnsafeBytes { table.add($0) }
                    #expect(added == model.insert(member).inserted, "seed \(seed)")
                } else {
                    let removed = member.withUnsafeBytes { table.remove($0) }
                    #expect(removed == (model.remove(member) != nil), "seed \(seed)")
                }
                let found = member.withUnsafeBytes { table.contains($0) }
                #expect(found == model.contains(member))
            }
            #expect(table.memoryBytes == Heap.usedBytes - before)
            var copy = table.copy()
            // SPOP: removing a member by the view the table lent.
            while let view = table.random(random.next()) {
                #expect(model.contains(Array(view)))
                #expect(model.remove(Array(view)) != nil)
                let removed = table.remove(view)
                #expect(removed)
            }
            #expect(model.isEmpty && table.memoryBytes == 0)
            copy.forEach { model.insert(Array($0)) }
            #expect(model.count == copy.count)
            let taken = copy.removeSome(max: 10)
            #expect(taken == 10 && copy.count == model.count - 10)
        }
        #expect(Heap.usedBytes == before)
    }
}
