// Every command of Firn: the rows of all groups, and the look-up by name.
//
// Adding a command: a row in its group's table, a function, a test.

struct CommandTable {
    let specs: [CommandSpec]
    /// Open-addressing index by the lower-case name; -1 is empty. A power of two in size.
    private let slots: UnsafeMutablePointer<Int16>
    private let mask: Int
    private let rows: UnsafeMutablePointer<CommandSpec>

    static let groups: [[CommandSpec]] = [
        stringCommands, keysCommands, hashCommands, listCommands, setCommands,
        sortedSetCommands, streamCommands, bitmapCommands, hyperLogLogCommands, geoCommands,
        connectionCommands, serverCommands, transactionCommands, pubsubCommands, tierCommands,
        archiveCommands,
    ]

    init() {
        specs = CommandTable.groups.flatMap { $0 }
        var size = 16
        while size < specs.count * 4 { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(repeating: -1, count: size)
        rows = .allocate(capacity: specs.count)
        rows.initialize(from: specs, count: specs.count)
        for (index, spec) in specs.enumerated() {
            var slot = CommandTable.hash(spec.name.bytes) & mask
            while slots[slot] >= 0 { slot = (slot + 1) & mask }
            slots[slot] = Int16(index)
        }
    }

    /// FNV-1a over the lower-case bytes.
    @inline(__always)
    private static func hash(_ name: Bytes) -> Int {
        var hash: UInt32 = 2_166_136_261
        for byte in name { hash = (hash ^ UInt32(byte | 0x20)) &* 16_777_619 }
        return Int(hash ^ (hash >> 15))
    }

    /// The row of a command in any case, or nil. O(length of the name).
    @inline(__always)
    func find(_ name: Bytes) -> Int? {
        if name.count > 32 { return nil }
        var slot = CommandTable.hash(name) & mask
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if name.equalsIgnoringCase(rows[index].name) { return index }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// Where the one key of an effect stands among its arguments; nil when it acts on whole
    /// databases. Behind the name, but for a container's subcommands, such as XGROUP's.
    func keyOfEffect(_ index: Int, _ arguments: Arguments) -> Int? {
        guard arguments.count > 1 else { return nil }
        if !rows[index].subcommands.isEmpty {
            for sub in rows[index].subcommands where arguments[1].equalsIgnoringCase(sub.name) {
                guard case .range(let first, _, _) = sub.keys else { return nil }
                return first < arguments.count ? first : nil
            }
        }
        if case .none = rows[index].keys { return nil }
        return 1
    }

    /// The row itself, without copying it out of the table.
    @inline(__always)
    subscript(index: Int) -> UnsafeMutablePointer<CommandSpec> { rows + index }
}
