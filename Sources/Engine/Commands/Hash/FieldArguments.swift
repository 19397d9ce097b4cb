// What the commands on fields' expiry have in common: their times, and the fields themselves, which
// stand behind FIELDS and their number.

/// A time at which fields are to expire, as it stands in a command.
struct FieldTime {
    /// No time is later: Redis keeps two of its 48 bits for itself.
    static let timeMax = ExpiringPack.timeMax >> 2

    let unit: ExpiryTime.Unit
    let isAbsolute: Bool

    /// Unix milliseconds, which may be past, of the number at `index`.
    func read(
        _ engine: Engine, _ args: Arguments, _ index: Int, _ name: StaticString
    ) throws(CommandError) -> Int64 {
        var time = try args.integer(index)
        if time < 0 { throw .message("ERR invalid expire time, must be >= 0") }
        if unit == .seconds {
            if time > FieldTime.timeMax / 1000 { throw .invalidExpireTime(name) }
            time *= 1000
        }
        let base = isAbsolute ? 0 : engine.nowMs
        if time > FieldTime.timeMax - base { throw .invalidExpireTime(name) }
        // Zero is how a listpack says "never".
        return Swift.max(time + base, 1)
    }

    /// What EX, PX, EXAT and PXAT say of the number behind them.
    init?(option: Bytes) {
        if option.equalsIgnoringCase("ex") {
            self.init(unit: .seconds, isAbsolute: false)
        } else if option.equalsIgnoringCase("px") {
            self.init(unit: .milliseconds, isAbsolute: false)
        } else if option.equalsIgnoringCase("exat") {
            self.init(unit: .seconds, isAbsolute: true)
        } else if option.equalsIgnoringCase("pxat") {
            self.init(unit: .milliseconds, isAbsolute: true)
        } else {
            return nil
        }
    }

    init(unit: ExpiryTime.Unit, isAbsolute: Bool) {
        self.unit = unit
        self.isAbsolute = isAbsolute
    }
}

extension Arguments {
    /// The positions of the fields of `FIELDS numfields field …`, which begins at `at` and ends
    /// the command.
    func fields(
        at: Int, else wrongNumber: StaticString = "ERR Number of fields must be a positive integer"
    ) throws(CommandError) -> Range<Int> {
        guard at < count, self[at].equalsIgnoringCase("fields") else {
            throw .message(
                "ERR Mandatory argument FIELDS is missing or not at the right position")
        }
        guard at + 1 < count, let number = Numbers.parseInt64(self[at + 1]), number > 0 else {
            throw .message(wrongNumber)
        }
        guard number == Int64(count - at - 2) else {
            throw .message("ERR The `numfields` parameter must match the number of arguments")
        }
        return at + 2..<count
    }
}

extension Engine {
    /// Logs `name key [time] FIELDS n field …` for some of a command's arguments.
    func fieldsEffect(
        _ key: Key, _ name: StaticString, time: Int64? = nil, _ args: Arguments, _ fields: [Int]
    ) {
        let count = fields.count + (time == nil ? 2 : 3)
        effect(key, name, argumentCount: fields.isEmpty ? 0 : count) { log in
            if let time { log.argument(time) }
            log.argument("FIELDS")
            log.argument(Int64(fields.count))
            for index in fields { log.argument(args[index]) }
        }
    }

    /// What follows when a command has removed fields: index, log, the event `hdel`, and the end of
    /// a hash without fields. `before`: what `fieldExpiry` said before.
    func fieldsRemoved(
        _ key: Key, _ entry: Entry, since before: Int64?, _ args: Arguments, _ fields: [Int]
    ) {
        effect(key, "HDEL", argumentCount: fields.count) { log in
            for index in fields { log.argument(args[index]) }
        }
        fieldsChanged(key, entry, since: before)
        changed(key, entry, "hdel", .hash)
        if HashValue(entry).count == 0 { remove(key, entry) }
    }
}
