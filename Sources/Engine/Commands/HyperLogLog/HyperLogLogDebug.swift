// PFDEBUG and PFSELFTEST: looking into HyperLogLogs.

enum HyperLogLogDebug {
    /// PFDEBUG GETREG | DECODE | ENCODING | TODENSE key
    static func pfdebug(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        let key = engine.key(args[2], client)
        guard let found = try engine.write(key) else {
            throw .message("ERR The specified key does not exist")
        }
        try engine.checkHyperLogLog(found)
        let (entry, value) = engine.openHyperLogLog(key, found)
        let subcommand = args[1]
        if subcommand.equalsIgnoringCase("getreg") {
            let dense = try makeDense(engine, key, entry, value)
            client.reply.array(HyperLogLog.registerCount)
            DenseRegisters.forEach(dense.string.pointer + HyperLogLog.headerBytes) {
                client.reply.integer(Int($0))
            }
        } else if subcommand.equalsIgnoringCase("decode") {
            guard value.isSparse else { throw .message("ERR HLL encoding is not sparse") }
            client.reply.bulk(runs(HyperLogLog.registers(value.string.bytes)))
        } else if subcommand.equalsIgnoringCase("encoding") {
            client.reply.simple(value.isSparse ? "sparse" : "dense")
        } else if subcommand.equalsIgnoringCase("todense") {
            let wasSparse = value.isSparse
            _ = try makeDense(engine, key, entry, value)
            client.reply.integer(wasSparse ? 1 : 0)
        } else {
            throw .text("ERR Unknown PFDEBUG subcommand '\(subcommand.prefixText(128))'")
        }
    }

    private static func makeDense(
        _ engine: Engine, _ key: Key, _ entry: Entry, _ value: HyperLogLogValue
    ) throws(CommandError) -> HyperLogLogValue {
        guard value.isSparse else { return value }
        var dense = value
        guard dense.makeDense() else { throw .damagedHyperLogLog }
        dense.save(to: entry)
        engine.changedQuietly(key, entry)
        engine.logHyperLogLog(key, dense)
        return dense
    }

    /// `z:` and `Z:` for runs of zeros in one byte and in two, `v:rank,count` for others.
    private static func runs(_ bytes: Bytes) -> String {
        var words: [String] = []
        SparseRegisters.walk(bytes) { run in
            if run.rank > 0 {
                words.append("v:\(run.rank),\(run.count)")
            } else {
                words.append("\(run.byteCount == 1 ? "z" : "Z"):\(run.count)")
            }
            return true
        }
        return words.joined(separator: " ")
    }

    // MARK: PFSELFTEST

    /// Registers hold what was written to them beside any neighbours, and estimates lie within
    /// six standard errors, in both encodings.
    static func pfselftest(
        _ engine: Engine, _ client: Client, _ args: Arguments
    ) throws(CommandError) {
        var random = Random(seed: 1)
        try testRegisters(&random)
        try testEstimates(&random)
        client.reply.ok()
    }

    private static func testRegisters(_ random: inout Random) throws(CommandError) {
        var model = [UInt8](repeating: 0, count: HyperLogLog.registerCount)
        var value = HyperLogLogValue()
        defer { value.string.free() }
        guard value.makeDense() else { throw .message("ERR TESTFAILED A new HLL is damaged") }
        for _ in 0..<HyperLogLog.registerCount * 4 {
            let bits = random.next()
            let index = Int(bits % UInt64(HyperLogLog.registerCount))
            let rank = UInt8(bits >> 32 & 63)
            _ = value.raise(index, to: rank, sparseBytesMax: 0)
            model[index] = Swift.max(model[index], rank)
        }
        for index in model.indices {
            let found = DenseRegisters.get(value.string.pointer + HyperLogLog.headerBytes, index)
            if found != model[index] {
                throw .text(
                    "ERR TESTFAILED Register \(index) should be \(model[index]) but is \(found)")
            }
        }
    }

    private static func testEstimates(_ random: inout Random) throws(CommandError) {
        var sparse = HyperLogLogValue()
        var dense = HyperLogLogValue()
        defer {
            sparse.string.free()
            dense.string.free()
        }
        _ = dense.makeDense()
        var checkpoint = 10
        for added in 1...100_000 {
            let element = random.next()
            let (index, rank) = withUnsafeBytes(of: element) { HyperLogLog.register(of: $0) }
            _ = sparse.raise(index, to: rank, sparseBytesMax: 3000)
            _ = dense.raise(index, to: rank, sparseBytesMax: 0)
            guard added == checkpoint else { continue }
            checkpoint *= 10
            let count = HyperLogLogValue.count(dense.string.bytes) ?? 0
            guard count == HyperLogLogValue.count(sparse.string.bytes) else {
                throw .message("ERR TESTFAILED dense/sparse disagree")
            }
            let error = Double(count) - Double(added)
            let errorMax = 6 * 1.04 / 128 * Double(added)
            if error.magnitude > errorMax.rounded(.up) {
                throw .text("ERR TESTFAILED Too big error. card:\(added) estimated:\(count)")
            }
        }
    }
}
